// Pooling of planes, ST_OP (max, average, maxBackward, averageBackward) for ST_TYPE: pool_OP_TYPE, a thread an element that is written; maxBackward: a warp a plane.
#include "reduce.cuh"
#include "prefix.cuh"

#ifndef ST_POOL_KERNELS
/// Where a window meets the plane along a dim: taps first..<last, the first at position `start` (may be outside), and the length with padding.
struct Window { int32_t start, first, last, padded; };
ST_DEVICE int32_t least(int32_t a, int32_t b) { return a < b ? a : b; }
ST_DEVICE int32_t rounded_up(int32_t a, int32_t by) { return by == 1 ? a : (a + by - 1) / by; }
ST_DEVICE Window window_of(const st_pool_args &args, int d, uint32_t q) {
  Window w;
  w.start = (int32_t)q * args.stride[d] - args.pad[d];
  w.first = w.start >= 0 ? 0 : rounded_up(-w.start, args.dilation[d]);
  const int32_t room = args.in[d] - w.start;
  w.last = room <= 0 ? 0 : least(args.kernel[d], rounded_up(room, args.dilation[d]));
  w.padded = least(w.start + args.kernel[d], args.in[d] + args.pad[d]) - w.start;
  return w;
}
/// The plane and the coordinates of element i, by args.size.
struct Place { uint32_t plane, at[3]; };
ST_DEVICE Place place_of(const st_pool_args &args, uint32_t i) {
  Place p;
#pragma unroll
  for (int d = 0; d < 3; ++d) {
    const uint32_t quotient = divide(i, args.size[d]);
    p.at[d] = i - quotient * args.size[d].divisor;
    i = quotient;
  }
  p.plane = i;
  return p;
}
/// Calls take(position within the plane) for the taps of windows w, outermost dim first.
template <class F> ST_DEVICE void each_tap(const st_pool_args &args, const Window (&w)[3], const F &take) {
  for (int32_t i = w[2].first; i < w[2].last; ++i)
    for (int32_t j = w[1].first; j < w[1].last; ++j) {
      const int32_t row = ((w[2].start + i * args.dilation[2]) * args.in[1] + w[1].start + j * args.dilation[1]) * args.in[0] + w[0].start;
      for (int32_t k = w[0].first; k < w[0].last; ++k) take(row + k * args.dilation[0]);
    }
}
ST_DEVICE int64_t pool_divisor(const st_pool_args &args, const Window (&w)[3]) {
  if (args.divisor) return args.divisor;
  int64_t n = 1;
#pragma unroll
  for (int d = 0; d < 3; ++d) n *= args.include_pad ? w[d].padded : w[d].last - w[d].first;
  return n;
}
template <class F> ST_DEVICE void pool_each(const st_pool_args &args, const F &f) {
  for (uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < args.count; i += gridDim.x * blockDim.x) f(i, place_of(args, i));
}
ST_DEVICE void windows_at(const st_pool_args &args, const uint32_t (&at)[3], Window (&w)[3]) {
#pragma unroll
  for (int d = 0; d < 3; ++d) w[d] = window_of(args, d, at[d]);
}

/// The first of equal ones, the last NaN. A dilated window may have no tap inside: the least value and the index -1.
template <class S> ST_DEVICE void pool_max(const st_pool_args &args) {
  typedef Compute<S> C;
  S *y = pointer<S>(args.y);
  int64_t *indices = pointer<int64_t>(args.indices);
  pool_each(args, [&](uint32_t i, const Place &p) {
    const S *x = pointer<const S>(args.x) + (uint64_t)p.plane * args.in_plane;
    Window w[3];
    windows_at(args, p.at, w);
    C best = lowest_of<C>();
    int32_t at = -1;
    each_tap(args, w, [&](int32_t tap) {
      const C v = load_as(x + tap);
      // The first one counts even if none is less.
      if (at < 0 || v > best || v != v) {
        best = v;
        at = tap;
      }
    });
    y[i] = Element<S>::store(best);
    if (indices) indices[i] = at;
  });
}
template <class S> ST_DEVICE void pool_average(const st_pool_args &args) {
  typedef Compute<S> C;
  pool_each(args, [&](uint32_t i, const Place &p) {
    const S *x = pointer<const S>(args.x) + (uint64_t)p.plane * args.in_plane;
    Window w[3];
    windows_at(args, p.at, w);
    C sum = C(0);
    each_tap(args, w, [&](int32_t tap) { sum += load_as(x + tap); });
    pointer<S>(args.y)[i] = Element<S>::store((C)(sum / (C)pool_divisor(args, w)));
  });
}
/// An element of dx gathers from the windows that hold it.
template <class S> ST_DEVICE void pool_averageBackward(const st_pool_args &args) {
  typedef Compute<S> C;
  pool_each(args, [&](uint32_t i, const Place &p) {
    const S *dy = pointer<const S>(args.y) + (uint64_t)p.plane * args.out_plane;
    uint32_t from[3], to[3], q[3];
#pragma unroll
    for (int d = 0; d < 3; ++d) {
      const uint32_t reach = p.at[d] + args.pad[d], kernel = args.kernel[d];
      from[d] = reach < kernel ? 0 : divide(reach - kernel, args.stride_by[d]) + 1;
      to[d] = least((int32_t)divide(reach, args.stride_by[d]) + 1, args.out[d]);
    }
    C sum = C(0);
    for (q[2] = from[2]; q[2] < to[2]; ++q[2])
      for (q[1] = from[1]; q[1] < to[1]; ++q[1])
        for (q[0] = from[0]; q[0] < to[0]; ++q[0]) {
          Window w[3];
          windows_at(args, q, w);
          sum += load_as(dy + ((uint64_t)q[2] * args.out[1] + q[1]) * args.out[0] + q[0]) / (C)pool_divisor(args, w);
        }
    pointer<S>(args.x)[i] = Element<S>::store(sum);
  });
}
/// Adds in the order of the results: the lanes of a warp that meet at one element take turns. No atomics.
template <class S> ST_DEVICE void pool_maxBackward(const st_pool_args &args) {
  const uint32_t lane = threadIdx.x % 32, warps = gridDim.x * (blockDim.x / 32);
  for (uint32_t p = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32; p < args.planes; p += warps) {
    S *dx = pointer<S>(args.x) + (uint64_t)p * args.in_plane;
    const S *dy = pointer<const S>(args.y) + (uint64_t)p * args.out_plane;
    const int64_t *indices = pointer<const int64_t>(args.indices) + (uint64_t)p * args.out_plane;
    const S zero = Element<S>::store(Compute<S>(0));
    for (uint32_t i = lane; i < args.in_plane; i += 32) dx[i] = zero;
    __syncwarp();
    for (uint32_t begin = 0; begin < args.out_plane; begin += 32) {
      const uint32_t i = begin + lane;
      uint64_t at = i < args.out_plane ? (uint64_t)indices[i] : args.in_plane;
      const bool active = at < args.in_plane;
      const Compute<S> g = active ? load_as(dy + i) : Compute<S>(0);
      const uint32_t fellows = __match_any_sync(0xffffffffu, active ? (uint32_t)at : 0xffffffffu), turn = count_ones(fellows & ((1u << lane) - 1u));
      for (uint32_t k = 0; __any_sync(0xffffffffu, active && turn >= k); ++k) {
        if (active && turn == k) dx[at] = Element<S>::store((Compute<S>)(load_as(dx + at) + g));
        __syncwarp();
      }
    }
  }
}
#define ST_POOL_KERNELS(op, type) \
  ST_KERNEL(pool_##op##_##type, st_pool_args, ST_KERNEL_BLOCK) { pool_##op<dtype_##type>(args); }
#define ST_POOL_KERNELS_OF(op, type) ST_POOL_KERNELS(op, type)
#endif
#ifdef ST_OP
ST_POOL_KERNELS_OF(ST_OP, ST_TYPE)
#endif
