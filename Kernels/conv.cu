// Convolution and its gradients in up to three spatial dims as products of matrices that are never made: convolution_TYPE (result and gradient of the data), convolutionBackwardWeight_TYPE
// with convolutionFinish_TYPE, and for few rows, as depthwise has, convolutionDirect_TYPE and convolutionDirectWeight_TYPE. For ST_TYPE. See conv.cuh.
#include "conv.cuh"

#ifndef ST_CONV_KERNELS
constexpr uint32_t kSide = 64, kPitch = kSide / 4 + 1, kDirectRows = 4;
template <class C> struct alignas(16) Four { C v[4]; };

/// sum += product over steps begin..<end. enter(k, place, offset) tells of step k, a(row, offset) and b(e, column, place) load. Along: neighbouring threads load neighbouring steps of b.
/// Two slices in turn: one is loaded to registers while the other is multiplied.
template <bool Along, class C, class Enter, class A, class B>
ST_DEVICE void multiply(C (&sum)[4][4], uint32_t begin, uint32_t end, const Enter &enter, const A &a, const B &b) {
  // Wide numbers take shorter slices and less unrolling, for registers and shared memory.
  constexpr uint32_t kDepth = sizeof(C) > 4 ? 8 : 16, kLoads = kSide * kDepth / 256, kRows = 256 / kDepth, kTurns = sizeof(C) > 4 ? 2 : 16;
  ST_SHARED(Four<C>, a_slices, 2 * kDepth * kPitch);
  ST_SHARED(Four<C>, b_slices, 2 * kDepth * kPitch);
  ST_SHARED(Place, places, 2 * kDepth);
  ST_SHARED(uint32_t, offsets, 2 * kDepth);
  const uint32_t thread = threadIdx.x, ak = thread % kDepth, am = thread / kDepth, bk = Along ? ak : thread / kSide, bn = Along ? am : thread % kSide;
  C x[kLoads], y[kLoads];
  auto prepare = [&](uint32_t k0, uint32_t half) {
    if (thread >= kDepth) return;
    Place place = {0, {kNowhere, 0, 0}};
    uint32_t offset = 0;
    if (k0 + thread < end) enter(k0 + thread, place, offset);
    places[half * kDepth + thread] = place;
    offsets[half * kDepth + thread] = offset;
  };
  auto load = [&](uint32_t k0, uint32_t half) {
#pragma unroll
    for (uint32_t e = 0; e < kLoads; ++e) {
      x[e] = k0 + ak < end ? a(am + e * kRows, offsets[half * kDepth + ak]) : zero_of<C>();
      y[e] = b(e, places[half * kDepth + (Along ? bk : bk + e * (256 / kSide))]);
    }
  };
  __syncthreads();
  prepare(begin, 0);
  __syncthreads();
  load(begin, 0);
  uint32_t half = 0;
  for (uint32_t k0 = begin; k0 < end; k0 += kDepth) {
    Four<C> *as = a_slices + half * kDepth * kPitch, *bs = b_slices + half * kDepth * kPitch;
#pragma unroll
    for (uint32_t e = 0; e < kLoads; ++e) {
      ((C *)(as + ak * kPitch))[am + e * kRows] = x[e];
      ((C *)(bs + (Along ? bk : bk + e * (256 / kSide)) * kPitch))[Along ? bn + e * kRows : bn] = y[e];
    }
    half ^= 1;
    prepare(k0 + kDepth, half);
    __syncthreads();
    if (k0 + kDepth < end) load(k0 + kDepth, half);
#pragma unroll kTurns
    for (uint32_t k = 0; k < kDepth; ++k) {
      const Four<C> u = as[k * kPitch + thread / 16], v = bs[k * kPitch + thread % 16];
#pragma unroll
      for (int i = 0; i < 4; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j) sum[i][j] = sum[i][j] + u.v[i] * v.v[j];
    }
  }
}
template <class C> ST_DEVICE void clear(C (&sum)[4][4]) {
#pragma unroll
  for (int i = 0; i < 4; ++i)
#pragma unroll
    for (int j = 0; j < 4; ++j) sum[i][j] = zero_of<C>();
}

/// A block makes 64 rows (channels of the result) x 64 pixels of a phase and group.
template <class S> ST_DEVICE void conv_kernel(const st_conv_args &args) {
  typedef Sum<S> C;
  ST_SHARED(Window, window, 1);
  const uint32_t row0 = blockIdx.y * kSide, column0 = blockIdx.x * kSide;
  for (uint32_t plane = blockIdx.z; plane < args.planes; plane += gridDim.z) {
    __syncthreads();
    if (threadIdx.x == 0) window->set(args, plane);
    __syncthreads();
    const Window &w = *window;
    const S *in = at(pointer<const S>(args.in), w.group * args.in_group), *weight = at(pointer<const S>(args.weight), w.group * args.weight_group);
    const Pixel mine(args, w.base, w.phase, column0 + threadIdx.x % kSide);
    C sum[4][4];
    clear(sum);
    multiply<false>(
        sum, 0, args.channels * w.taps[0] * w.taps[1] * w.taps[2],
        [&](uint32_t k, Place &place, uint32_t &offset) {
          const Step step(args, w, k);
          place = step.place;
          offset = step.weight;
        },
        [&](uint32_t row, uint32_t offset) { return row0 + row < args.rows ? load_as(at(weight, (row0 + row) * args.weight_row + offset)) : zero_of<C>(); },
        [&](uint32_t, const Place &place) { return mine.valid ? Element<S>::load(gather(args, in, mine.place, place)) : zero_of<C>(); });
    S *out = at(pointer<S>(args.out), w.group * args.out_group);
    const S *bias = pointer<const S>(args.bias);
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const Pixel pixel(args, w.base, w.phase, column0 + threadIdx.x % 16 * 4 + j);
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const uint32_t row = row0 + threadIdx.x / 16 * 4 + i;
        if (!pixel.valid || row >= args.rows) continue;
        C value = sum[i][j];
        if (bias) value = value + load_as(at(bias, (w.group * args.rows + row) * args.bias_stride));
        *at(out, row * args.out_row + pixel.out) = Element<S>::store(value);
      }
    }
  }
}

/// The same with a pixel and up to four rows a thread, all of whose taps it walks.
template <class S> ST_DEVICE void conv_direct(const st_conv_args &args) {
  typedef Sum<S> C;
  ST_SHARED(Window, window, 1);
  const uint32_t row0 = blockIdx.y * kDirectRows;
  for (uint32_t plane = blockIdx.z; plane < args.planes; plane += gridDim.z) {
    __syncthreads();
    if (threadIdx.x == 0) window->set(args, plane);
    __syncthreads();
    const Window &w = *window;
    const Pixel pixel(args, w.base, w.phase, blockIdx.x * 256 + threadIdx.x);
    if (!pixel.valid) continue;
    const S *in = at(pointer<const S>(args.in), w.group * args.in_group), *weight = at(pointer<const S>(args.weight), w.group * args.weight_group);
    C sum[kDirectRows];
#pragma unroll
    for (uint32_t i = 0; i < kDirectRows; ++i) sum[i] = zero_of<C>();
    for (uint32_t c = 0; c < args.channels; ++c)
      for (uint32_t j2 = 0; j2 < w.taps[2]; ++j2)
        for (uint32_t j1 = 0; j1 < w.taps[1]; ++j1)
#pragma unroll 1
          for (uint32_t j0 = 0; j0 < w.taps[0]; ++j0) {
            const st_conv_dim *m = args.dim;
            Place tap = {0, {j0 * (uint32_t)m[0].move, j1 * (uint32_t)m[1].move, j2 * (uint32_t)m[2].move}};
            tap.offset = c * args.in_channel + tap.p[0] * m[0].in_stride + tap.p[1] * m[1].in_stride + tap.p[2] * m[2].in_stride;
            const uint32_t offset = c * args.weight_channel + (w.first[0] + j0 * m[0].step) * m[0].weight_stride + (w.first[1] + j1 * m[1].step) * m[1].weight_stride +
                (w.first[2] + j2 * m[2].step) * m[2].weight_stride;
            const C x = Element<S>::load(gather(args, in, pixel.place, tap));
#pragma unroll
            for (uint32_t i = 0; i < kDirectRows; ++i)
              if (row0 + i < args.rows) sum[i] = sum[i] + load_as(at(weight, (row0 + i) * args.weight_row + offset)) * x;
          }
    S *out = at(pointer<S>(args.out), w.group * args.out_group + pixel.out);
    const S *bias = pointer<const S>(args.bias);
#pragma unroll
    for (uint32_t i = 0; i < kDirectRows; ++i) {
      if (row0 + i >= args.rows) continue;
      if (bias) sum[i] = sum[i] + load_as(at(bias, (w.group * args.rows + row0 + i) * args.bias_stride));
      *at(out, (row0 + i) * args.out_row) = Element<S>::store(sum[i]);
    }
  }
}

/// Gradient of the weights: 64 rows (of dy) x 64 taps, over a part of the pixels. `out` is dy, `weight` is written.
template <class S> ST_DEVICE void conv_weight(const st_conv_args &args) {
  typedef Sum<S> C;
  constexpr uint32_t kRows = sizeof(C) > 4 ? 32 : 16, kLoads = kSide / kRows, kDepth = 256 / kRows;
  const uint32_t row0 = blockIdx.y * kSide, column0 = blockIdx.x * kSide, none[3] = {0, 0, 0};
  const uint32_t start[3] = {(uint32_t)args.dim[0].start, (uint32_t)args.dim[1].start, (uint32_t)args.dim[2].start};
  Place mine[kLoads];
#pragma unroll
  for (uint32_t e = 0; e < kLoads; ++e) {
    const uint32_t column = column0 + threadIdx.x / kDepth + e * kRows;
    mine[e] = Tap(args, column).place;
    if (column >= args.taps) mine[e] = Place{0, {kNowhere, 0, 0}};
  }
  for (uint32_t plane = blockIdx.z; plane < args.groups * args.splits; plane += gridDim.z) {
    const uint32_t group = plane / args.splits, split = plane - group * args.splits, begin = split * args.each;
    const uint32_t end = args.pixels - begin < args.each ? args.pixels : begin + args.each;
    const S *in = at(pointer<const S>(args.in), group * args.in_group), *dy = at(pointer<const S>(args.out), group * args.out_group);
    C sum[4][4];
    clear(sum);
    multiply<true>(
        sum, begin, end,
        [&](uint32_t k, Place &place, uint32_t &offset) {
          const Pixel pixel(args, start, none, k);
          place = pixel.place;
          offset = pixel.out;
        },
        [&](uint32_t row, uint32_t offset) { return row0 + row < args.rows ? load_as(at(dy, (row0 + row) * args.out_row + offset)) : zero_of<C>(); },
        [&](uint32_t e, const Place &place) { return C(Element<S>::load(gather(args, in, mine[e], place))); });
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const uint32_t column = column0 + threadIdx.x % 16 * 4 + j;
      const uint32_t to = Tap(args, column).weight + group * args.weight_group;
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const uint32_t row = row0 + threadIdx.x / 16 * 4 + i;
        if (row >= args.rows || column >= args.taps) continue;
        if (args.splits == 1) *at(pointer<S>(args.weight), to + row * args.weight_row) = Element<S>::store(sum[i][j]);
        else pointer<C>(args.workspace)[((uint64_t)(split * args.groups + group) * args.rows + row) * args.taps + column] = sum[i][j];
      }
    }
  }
}
/// Address of weight i of all, in the order of the workspace.
template <class S> ST_DEVICE S *weight_at(const st_conv_args &args, uint32_t i) {
  const uint32_t line = i / args.taps, group = line / args.rows;
  return at(pointer<S>(args.weight), Tap(args, i - line * args.taps).weight + group * args.weight_group + (line - group * args.rows) * args.weight_row);
}
template <class S> ST_DEVICE void conv_finish(const st_conv_args &args) {
  typedef Sum<S> C;
  const uint32_t i = blockIdx.x * 256 + threadIdx.x, count = args.groups * args.rows * args.taps;
  if (i >= count) return;
  const C *part = pointer<const C>(args.workspace) + i;
  C sum = *part;
  for (uint32_t s = 1; s < args.splits; ++s) sum = sum + part[(uint64_t)s * count];
  *weight_at<S>(args, i) = Element<S>::store(sum);
}
/// One weight a block, its threads walk the pixels.
template <class S> ST_DEVICE void conv_direct_weight(const st_conv_args &args) {
  typedef Sum<S> C;
  ST_SHARED(C, sums, 256);
  const uint32_t i = blockIdx.x, line = i / args.taps, group = line / args.rows, none[3] = {0, 0, 0};
  const uint32_t start[3] = {(uint32_t)args.dim[0].start, (uint32_t)args.dim[1].start, (uint32_t)args.dim[2].start};
  const Place tap = Tap(args, i - line * args.taps).place;
  const S *in = at(pointer<const S>(args.in), group * args.in_group), *dy = at(pointer<const S>(args.out), group * args.out_group + (line - group * args.rows) * args.out_row);
  C sum = zero_of<C>();
  for (uint32_t q = threadIdx.x; q < args.pixels; q += 256) {
    const Pixel pixel(args, start, none, q);
    sum = sum + load_as(at(dy, pixel.out)) * Element<S>::load(gather(args, in, pixel.place, tap));
  }
  sums[threadIdx.x] = sum;
  for (uint32_t n = 128; n > 0; n /= 2) {
    __syncthreads();
    if (threadIdx.x < n) sums[threadIdx.x] = sums[threadIdx.x] + sums[threadIdx.x + n];
  }
  if (threadIdx.x == 0) *weight_at<S>(args, i) = Element<S>::store(sums[0]);
}
#define ST_CONV_KERNELS(type) \
  ST_KERNEL(convolution_##type, st_conv_args, 256) { conv_kernel<dtype_##type>(args); } \
  ST_KERNEL(convolutionDirect_##type, st_conv_args, 256) { conv_direct<dtype_##type>(args); } \
  ST_KERNEL(convolutionBackwardWeight_##type, st_conv_args, 256) { conv_weight<dtype_##type>(args); } \
  ST_KERNEL(convolutionFinish_##type, st_conv_args, 256) { conv_finish<dtype_##type>(args); } \
  ST_KERNEL(convolutionDirectWeight_##type, st_conv_args, 256) { conv_direct_weight<dtype_##type>(args); }
#define ST_CONV_KERNELS_OF(type) ST_CONV_KERNELS(type)
#endif
#ifdef ST_TYPE
ST_CONV_KERNELS_OF(ST_TYPE)
#endif
