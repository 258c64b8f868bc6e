// Fourier transforms: plans, and the choice of CPU level. See Note [Fourier transforms] in fft_plan.h.
#include "include/st_fft.h"
#include "include/st_thread.h"
#include "include/st_parallel.h"
#include "include/st_pointwise.h"
#include "fft_plan.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ST_LEVEL_FILE "fft.inc"
#include "cpu/each_level.h"

/// exp(-2πi k / n): the angle is folded into the first eighth of the circle in whole numbers, so every root is right to half a bit of double or so.
static void root(int64_t k, int64_t n, double *re, double *im) {
  k %= n;
  if (k < 0) k += n;
  // Eighths: position 8k / n.
  const __int128 k8 = (__int128)8 * k;
  const int octant = (int)(k8 / n);
  __int128 rest = k8 - (__int128)octant * n;      // in units of 1 / (8n) of the circle
  if (octant & 1) rest = n - rest;
  const double angle = 6.283185307179586476925286766559 * ((double)rest / (8.0 * (double)n));
  const double c = cos(angle), s = sin(angle);
  double x, y;
  switch (octant) {
    case 0: x = c; y = s; break;
    case 1: x = s; y = c; break;
    case 2: x = -s; y = c; break;
    case 3: x = -c; y = s; break;
    case 4: x = -c; y = -s; break;
    case 5: x = -s; y = -c; break;
    case 6: x = s; y = -c; break;
    default: x = c; y = -s; break;
  }
  *re = x;
  *im = -y;
}

static void put(void *p, int64_t i, bool wide, double v) {
  if (wide) ((double *)p)[i] = v;
  else ((float *)p)[i] = (float)v;
}

static bool plan_passes(st_fft_plan *plan) {
  const size_t element = plan->wide ? 8 : 4;
  int64_t left = plan->n, count = 0;
  int32_t radices[ST_FFT_MAX_PASSES];
  while (left % 4 == 0) { radices[count++] = 4; left /= 4; }
  while (left % 2 == 0) { radices[count++] = 2; left /= 2; }
  for (int32_t r = 3; r <= ST_FFT_LARGEST_PRIME; r += 2)
    while (left % r == 0) { radices[count++] = r; left /= r; }
  if (left != 1) return false;
  plan->passes = (int32_t)count;
  // Roots of all passes in one block.
  int64_t total = 0, m = plan->n;
  for (int64_t i = 0; i < count; ++i) { m /= radices[i]; total += 2 * (radices[i] - 1) * m + (radices[i] > 5 ? 2 * radices[i] : 0); }
  char *memory = (char *)malloc((size_t)(total + 1) * element);
  if (!memory) return false;
  plan->roots = memory;
  int64_t length = plan->n, stride = 1;
  for (int64_t i = 0; i < count; ++i) {
    st_fft_pass *f = &plan->pass[i];
    f->radix = radices[i];
    f->m = length / f->radix;
    f->s = stride;
    char *re = memory, *im = re + (size_t)((f->radix - 1) * f->m) * element;
    memory = im + (size_t)((f->radix - 1) * f->m) * element;
    for (int32_t j = 1; j < f->radix; ++j)
      for (int64_t p = 0; p < f->m; ++p) {
        double c, s;
        root(p * j, length, &c, &s);
        put(re, (j - 1) * f->m + p, plan->wide, c);
        put(im, (j - 1) * f->m + p, plan->wide, s);
      }
    f->re = re;
    f->im = im;
    if (f->radix > 5) {
      char *dr = memory, *di = dr + (size_t)f->radix * element;
      memory = di + (size_t)f->radix * element;
      for (int32_t e = 0; e < f->radix; ++e) {
        double c, s;
        root(e, f->radix, &c, &s);
        put(dr, e, plan->wide, c);
        put(di, e, plan->wide, s);
      }
      f->dft_re = dr;
      f->dft_im = di;
    }
    length = f->m;
    stride *= f->radix;
  }
  return true;
}

/// Bluestein: jk = (j² + k² - (j - k)²) / 2 makes the transform a convolution, done by transforms of a power of two.
static bool plan_chirp(st_fft_plan *plan) {
  const int64_t n = plan->n;
  const size_t element = plan->wide ? 8 : 4;
  int64_t size = 1;
  while (size < 2 * n - 1) size *= 2;
  plan->inner = st_fft_plan_make(size, plan->wide);
  // The chirp's transform is computed in double in any case.
  st_fft_plan *exact = plan->wide ? plan->inner : st_fft_plan_make(size, true);
  plan->chirp_re = malloc((size_t)n * element);
  plan->chirp_im = malloc((size_t)n * element);
  plan->filter_re = malloc((size_t)size * element);
  plan->filter_im = malloc((size_t)size * element);
  double *chirp = (double *)calloc((size_t)size * 2, sizeof(double));
  void *work = exact ? malloc(st_fft_workspace(exact)) : nullptr;
  bool ok = plan->inner && exact && plan->chirp_re && plan->chirp_im && plan->filter_re && plan->filter_im && chirp && work;
  if (ok) {
    for (int64_t k = 0; k < n; ++k) {
      double c, s;
      root((int64_t)(((__int128)k * k) % (2 * n)), 2 * n, &c, &s);
      put(plan->chirp_re, k, plan->wide, c);
      put(plan->chirp_im, k, plan->wide, s);
      chirp[2 * k] = c;
      chirp[2 * k + 1] = -s;
      if (k) { chirp[2 * (size - k)] = c; chirp[2 * (size - k) + 1] = -s; }
    }
    st_fft_rows(exact, chirp, chirp, 1, -1, work);
    for (int64_t k = 0; k < size; ++k) {
      put(plan->filter_re, k, plan->wide, chirp[2 * k] / (double)size);
      put(plan->filter_im, k, plan->wide, chirp[2 * k + 1] / (double)size);
    }
  }
  if (exact != plan->inner) st_fft_plan_free(exact);
  free(chirp);
  free(work);
  return ok;
}

extern "C" st_fft_plan *st_fft_plan_make(int64_t length, bool wide) {
  if (length < 1 || length > ((int64_t)1 << 40)) return nullptr;
  st_fft_plan *plan = (st_fft_plan *)calloc(1, sizeof(st_fft_plan));
  if (!plan) return nullptr;
  plan->n = length;
  plan->wide = wide;
  int64_t left = length;
  for (int64_t r = 2; r <= ST_FFT_LARGEST_PRIME; ++r) while (left % r == 0) left /= r;
  if (left == 1 ? plan_passes(plan) : plan_chirp(plan)) return plan;
  st_fft_plan_free(plan);
  return nullptr;
}

extern "C" void st_fft_plan_free(st_fft_plan *plan) {
  if (!plan) return;
  st_fft_plan_free(plan->inner);
  free(plan->roots);
  free(plan->chirp_re);
  free(plan->chirp_im);
  free(plan->filter_re);
  free(plan->filter_im);
  free(plan);
}

extern "C" size_t st_fft_workspace(const st_fft_plan *plan) { return (size_t)(plan->inner ? plan->inner->n : plan->n) * 4 * (plan->wide ? 8 : 4); }

extern "C" void st_fft_rows(const st_fft_plan *plan, const void *in, void *out, int64_t rows, int32_t sign, void *workspace) {
  ST_PICK(fft_rows)(plan, in, out, rows, sign, workspace);
}
