// Where the elements of a convolution lie: its products are those of matrices that are never made.
//
// Note [Gathered products]
// Element (step, column) of the gathered matrix is where a tap meets a pixel: position = place of the pixel + place of the tap in each dim, outside of the tensor a zero. So one place a
// thread and one a step, which few threads work out into shared memory a slice ahead, are all that a load needs: three additions and comparisons, no division.
//
// Note [Phases]
// The gradient of the data at p adds taps k with p + pad - k dilation divisible by the stride. Pixels with the same remainder of p (a phase) have the same taps, every `step`-th from a
// first one, and are a convolution of stride 1 over dy: no product is made only to be skipped. A forward convolution has one phase. A phase may have no tap; its pixels are zero.
#ifndef ST_CONV
#define ST_CONV
#include "preamble.cuh"

/// Added to any position it is outside: positions are within 2^29.
constexpr uint32_t kNowhere = 0x60000000u;

/// Small integers are summed in 32 bits, of which the lowest are right: that saves registers.
template <class C> struct SumOf { typedef C Type; };
template <> struct SumOf<uint8_t> { typedef int32_t Type; };
template <> struct SumOf<int8_t> { typedef int32_t Type; };
template <class S> using Sum = typename SumOf<Compute<S>>::Type;

struct alignas(16) Place { uint32_t offset, p[3]; };
/// Offsets wrap where a place is outside; where it is inside, their sum is right.
template <class T> ST_DEVICE T *at(T *base, uint32_t offset) { return base + (int32_t)offset; }
/// The element where a pixel and a tap meet.
template <class S> ST_DEVICE S gather(const st_conv_args &args, const S *in, const Place &a, const Place &b) {
  const bool inside = (a.p[0] + b.p[0] < args.dim[0].extent) & (a.p[1] + b.p[1] < args.dim[1].extent) & (a.p[2] + b.p[2] < args.dim[2].extent);
  return inside ? *at(in, a.offset + b.offset) : S{};
}

/// The group and phase of a plane of the grid, and the phase's taps. Kept in shared memory, to save registers.
struct Window {
  uint32_t group, phase[3], first[3], taps[3], base[3];
  ST_CALL void set(const st_conv_args &args, uint32_t plane) {
#pragma unroll
    for (int d = 0; d < 3; ++d) {
      const st_conv_dim &m = args.dim[d];
      const uint32_t rest = divide(plane, m.phases);
      const int32_t every = (int32_t)m.phases.divisor;
      phase[d] = plane - rest * m.phases.divisor;
      plane = rest;
      int32_t n = m.start + (int32_t)phase[d];
      uint32_t k = 0;
      for (; k < m.step && k < m.kernel.divisor && n % every != 0; ++k) n -= m.dilation;
      first[d] = k;
      taps[d] = n % every == 0 && k < m.kernel.divisor ? (m.kernel.divisor - 1 - k) / m.step + 1 : 0;
      base[d] = (uint32_t)(n / every);
    }
    group = plane;
  }
};
/// Pixel q of a phase: where its first tap lies, where its result goes, and whether there is such a pixel.
struct Pixel {
  Place place;
  uint32_t out;
  bool valid;
  ST_CALL Pixel(const st_conv_args &args, const uint32_t (&base)[3], const uint32_t (&phase)[3], uint32_t q) {
    valid = q < args.pixels;
    place.offset = out = 0;
#pragma unroll
    for (int d = 0; d < 3; ++d) {
      const st_conv_dim &m = args.dim[d];
      const uint32_t rest = divide(q, m.pixels), i = q - rest * m.pixels.divisor, o = i * m.phases.divisor + phase[d];
      q = rest;
      valid &= o < m.out_extent;
      place.p[d] = i * m.along + base[d];
      place.offset += place.p[d] * m.in_stride;
      out += o * m.out_stride;
    }
    place.offset += q * args.in_batch;
    out += q * args.out_batch;
  }
};
/// Column of the weights' matrix: a tap of a channel.
struct Tap {
  Place place;
  uint32_t weight;
  ST_CALL Tap(const st_conv_args &args, uint32_t column) {
    place.offset = weight = 0;
#pragma unroll
    for (int d = 0; d < 3; ++d) {
      const st_conv_dim &m = args.dim[d];
      const uint32_t rest = divide(column, m.kernel), k = column - rest * m.kernel.divisor;
      column = rest;
      place.p[d] = k * (uint32_t)m.move;
      place.offset += place.p[d] * m.in_stride;
      weight += k * m.weight_stride;
    }
    place.offset += column * args.in_channel;
    weight += column * args.weight_channel;
  }
};
/// Step k of a phase's products: where its tap lies, and its place in a row of the weights.
struct Step {
  Place place;
  uint32_t weight;
  ST_CALL Step(const st_conv_args &args, const Window &w, uint32_t k) {
    place.offset = weight = 0;
#pragma unroll
    for (int d = 0; d < 3; ++d) {
      const st_conv_dim &m = args.dim[d];
      const uint32_t rest = k / w.taps[d], j = k - rest * w.taps[d];
      k = rest;
      place.p[d] = j * (uint32_t)m.move;
      place.offset += place.p[d] * m.in_stride;
      weight += (w.first[d] + j * m.step) * m.weight_stride;
    }
    place.offset += k * args.in_channel;
    weight += k * args.weight_channel;
  }
};
#endif
