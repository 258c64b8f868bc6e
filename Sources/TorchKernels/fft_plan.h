// The plan of a Fourier transform, shared by its maker and the passes. See Note [Fourier transforms].
//
// Note [Fourier transforms]
// Lengths with prime factors up to ST_FFT_LARGEST_PRIME go through Stockham's passes of radix 4, 2, 3, 5 and, for other primes, a plain sum. A pass of radix r turns
// x[q + s (p + m k)] into y[q + s (r p + j)]: the sub-transforms shrink to length m while s of them lie side by side, so the result comes out in order without a
// bit reversal. Real and imaginary parts are kept in two planes while passes run: then every loop is a plain vector loop, and the inverse transform
// is the forward one with the planes exchanged. Other lengths use Bluestein's convolution with a chirp. Roots of unity are computed in double
// from exactly reduced angles, and rounded once.
#pragma once
#include <stdint.h>
#include <stddef.h>
#define ST_FFT_LARGEST_PRIME 43
#define ST_FFT_MAX_PASSES 64

struct st_fft_pass {
  int32_t radix;
  int64_t m, s;          // see the note
  const void *re, *im;   // roots w^(p j): [radix - 1][m]
  const void *dft_re, *dft_im;   // radix > 5: [radix] roots of the plain sum
};
struct st_fft_plan {
  int64_t n;
  bool wide;
  int32_t passes;
  st_fft_pass pass[ST_FFT_MAX_PASSES];
  // Bluestein: chirp [n], transformed chirp [inner->n] scaled by 1 / inner->n, the plan of the convolution.
  st_fft_plan *inner;
  void *chirp_re, *chirp_im, *filter_re, *filter_im;
  void *roots;           // all memory of the passes
};
