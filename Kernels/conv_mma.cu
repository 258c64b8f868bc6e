// The products of a convolution on tensor cores, sums in float32: convolutionMma_TYPE_ROWS (result and gradient of the data) and convolutionMmaWeight_TYPE_ROWS (gradient of the
// weights) for ST_TYPE f16, bf16 and f32 (rounded to tf32). A block makes ROWS (128 or 64) x 64 elements, a warp 32 x 32 of them. See conv.cuh. Where cuDNN is missing.
//
// Note [Slices through registers]
// What is gathered has no 16 bytes in one place, so a slice of 64 bytes along the steps is loaded into registers while the one before it is multiplied, and then stored by chunks of 16
// bytes. A chunk lies along the steps where pixels are columns, and across them where pixels are the steps: either way the threads of a warp load neighbouring pixels. Weights that lie
// as they are multiplied are copied in the background.
#include "conv.cuh"
#include "mma.cuh"

#ifndef ST_CONV_MMA_KERNELS
constexpr uint32_t kColumns = 64;
template <class S> ST_DEVICE void round_chunk(Pack<S, 16 / sizeof(S)> &chunk) {
  if constexpr (sizeof(S) == 4) {
#pragma unroll
    for (int i = 0; i < 4; ++i) chunk.element[i] = float_of(to_tf32(bits_of(chunk.element[i])));
  }
}

/// sum += product over steps begin..<end. enter(k, place, offset) tells of step k; a(row, chunk, first step, offsets) and b(row, chunk, places) load a chunk of a tile's row. copied:
/// instead of a, copy(to, row, k) starts its copy.
template <class S, bool AlongK, int Rows, class Enter, class Copy, class A, class B>
ST_DEVICE void multiply(float (&sum)[2][4][4], uint32_t begin, uint32_t end, bool copied, const Enter &enter, const Copy &copy, const A &a, const B &b) {
  typedef MmaTile<S, AlongK, Rows> Left;
  typedef MmaTile<S, AlongK, (int)kColumns> Right;
  constexpr uint32_t kPer = Left::kPer, kDepth = Left::kDepth, kThreads = Rows * 2, kStage = Left::kChunks + Right::kChunks, kRight = Right::kChunks / kThreads;
  // As in matmul_mma.cu: fragments of tf32 that are read one by one take registers.
  constexpr int kSlices = AlongK || sizeof(S) == 2 ? 2 : 1;
  ST_SHARED(Bits128, tiles, 2 * kStage);
  ST_SHARED(Place, places, 2 * kDepth);
  ST_SHARED(uint32_t, offsets, 2 * kDepth);
  const uint32_t thread = threadIdx.x, warp_row = thread / 64 * 32, warp_column = thread / 32 % 2 * 32;
  // The chunks of a thread: which row of a tile, which chunk of it, and how far on the next is.
  const uint32_t a_row = AlongK ? thread / 4 : thread % kDepth, a_chunk = AlongK ? thread % 4 : thread / kDepth;
  const uint32_t b_row = AlongK ? thread % kColumns : a_row, b_chunk = AlongK ? thread / kColumns : a_chunk;
  constexpr uint32_t kRowSkip = AlongK ? kThreads / 4 : 0, kChunkSkip = AlongK ? 0 : kThreads / kDepth, kRightSkip = AlongK ? kThreads / kColumns : kThreads / kDepth;
  Pack<S, kPer> x[2], y[kRight];
  auto prepare = [&](uint32_t k0, uint32_t half_of) {
    if (thread >= kDepth) return;
    Place place = {0, {kNowhere, 0, 0}};
    uint32_t offset = 0;
    if (k0 + thread < end) enter(k0 + thread, place, offset);
    places[half_of * kDepth + thread] = place;
    offsets[half_of * kDepth + thread] = offset;
  };
  auto load = [&](uint32_t k0, uint32_t half_of) {
#pragma unroll
    for (uint32_t e = 0; e < 2; ++e) {
      const uint32_t row = a_row + e * kRowSkip, chunk = a_chunk + e * kChunkSkip;
      if (AlongK && copied) copy(tiles + half_of * kStage + Left::place(row, chunk), row, k0 + chunk * kPer);
      else x[e] = a(row, chunk, k0, offsets + half_of * kDepth);
    }
#pragma unroll
    for (uint32_t e = 0; e < kRight; ++e) y[e] = b(b_row, b_chunk + e * kRightSkip, places + half_of * kDepth);
    if (AlongK) commit_copies();
  };
  __syncthreads();
  prepare(begin, 0);
  prepare(begin + kDepth, 1);
  __syncthreads();
  if (begin < end) load(begin, 0);
  uint32_t half_of = 0;
  for (uint32_t k0 = begin; k0 < end; k0 += kDepth) {
    Bits128 *left = tiles + half_of * kStage, *right = left + Left::kChunks;
    if (!AlongK || !copied) {
#pragma unroll
      for (uint32_t e = 0; e < 2; ++e) {
        round_chunk<S>(x[e]);
        *(Pack<S, kPer> *)(left + Left::place(a_row + e * kRowSkip, a_chunk + e * kChunkSkip)) = x[e];
      }
    }
#pragma unroll
    for (uint32_t e = 0; e < kRight; ++e) {
      round_chunk<S>(y[e]);
      *(Pack<S, kPer> *)(right + Right::place(b_row, b_chunk + e * kRightSkip)) = y[e];
    }
    if (AlongK) wait_for_copies<0>();
    // This slice has come, its tables are read, and everyone is done with the slice before it.
    __syncthreads();
    if (k0 + kDepth < end) load(k0 + kDepth, half_of ^ 1);
    prepare(k0 + 2 * kDepth, half_of);
#pragma unroll kSlices
    for (uint32_t slice = 0; slice < 2; ++slice) {
      uint32_t u[2][4], v[2][4];
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        Left::template fragment<true>(u[i], left, warp_row + i * 16, slice);
        if constexpr (AlongK && sizeof(S) == 4) {
          // Copies are not rounded.
#pragma unroll
          for (int r = 0; r < 4; ++r) u[i][r] = to_tf32(u[i][r]);
        }
        Right::template fragment<false>(v[i], right, warp_column + i * 16, slice);
      }
#pragma unroll
      for (int i = 0; i < 2; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j) mma<S>(sum[i][j], u[i], v[j / 2][j % 2 * 2], v[j / 2][j % 2 * 2 + 1]);
    }
    half_of ^= 1;
  }
}
/// Calls body(j, e, row, column) for the columns of this thread's results: sum[i / 2][j][i % 2 * 2 + e] is that of row + 8 i.
template <class Body> ST_DEVICE void each_column(uint32_t row0, uint32_t column0, const Body &body) {
  const uint32_t lane = threadIdx.x & 31, row = row0 + threadIdx.x / 64 * 32 + lane / 4, column = column0 + threadIdx.x / 32 % 2 * 32 + lane % 4 * 2;
#pragma unroll
  for (int j = 0; j < 4; ++j)
#pragma unroll
    for (int e = 0; e < 2; ++e) body(j, e, row, column + j * 8 + e);
}

/// ROWS channels of the result x 64 pixels of a phase and group.
template <class S, int Rows> ST_DEVICE void conv_mma(const st_conv_args &args) {
  typedef Pack<S, 16 / sizeof(S)> Piece;
  constexpr uint32_t kPer = 16 / sizeof(S);
  ST_SHARED(Window, window, 1);
  const uint32_t row0 = blockIdx.y * Rows, column0 = blockIdx.x * kColumns;
  for (uint32_t plane = blockIdx.z; plane < args.planes; plane += gridDim.z) {
    __syncthreads();
    if (threadIdx.x == 0) window->set(args, plane);
    __syncthreads();
    const Window &w = *window;
    // The group's share is part of the offsets: the bases are arguments, and take no registers.
    const S *in = pointer<const S>(args.in), *weight = pointer<const S>(args.weight);
    const uint32_t line0 = w.group * args.weight_group + row0 * args.weight_row;
    const Pixel pixel(args, w.base, w.phase, column0 + threadIdx.x % kColumns);
    Place mine = pixel.place;
    mine.offset += w.group * args.in_group;
    if (!pixel.valid) mine.p[0] = kNowhere;
    const uint32_t end = args.channels * w.taps[0] * w.taps[1] * w.taps[2];
    float sum[2][4][4] = {};
    multiply<S, true, Rows>(
        sum, 0, end, args.packed != 0,
        [&](uint32_t k, Place &place, uint32_t &offset) {
          const Step step(args, w, k);
          place = step.place;
          offset = step.weight;
        },
        [&](Bits128 *to, uint32_t row, uint32_t k) {
          const bool there = row0 + row < args.rows && k < end;
          copy_async(to, there ? at(weight, line0 + row * args.weight_row + k) : weight, there ? 16 : 0);
        },
        [&](uint32_t row, uint32_t chunk, uint32_t k0, const uint32_t *offsets) {
          const uint32_t line = line0 + row * args.weight_row, valid = row0 + row < args.rows ? end - k0 : 0;
          Piece piece;
#pragma unroll
          for (uint32_t i = 0; i < kPer; ++i) {
            const uint32_t offset = line + offsets[chunk * kPer + i];
            piece.element[i] = chunk * kPer + i < valid ? *at(weight, offset) : S{};
          }
          return piece;
        },
        [&](uint32_t, uint32_t chunk, const Place *places) {
          Piece piece;
#pragma unroll
          for (uint32_t i = 0; i < kPer; ++i) piece.element[i] = gather(args, in, mine, places[chunk * kPer + i]);
          return piece;
        });
    S *out = at(pointer<S>(args.out), w.group * args.out_group);
    const S *bias = pointer<const S>(args.bias);
    each_column(row0, column0, [&](int j, int e, uint32_t first, uint32_t column) {
      const Pixel pixel(args, w.base, w.phase, column);
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const uint32_t row = first + i * 8;
        if (!pixel.valid || row >= args.rows) continue;
        float value = sum[i / 2][j][i % 2 * 2 + e];
        if (bias) value += load_as(at(bias, (w.group * args.rows + row) * args.bias_stride));
        *at(out, row * args.out_row + pixel.out) = Element<S>::store(value);
      }
    });
  }
}

/// ROWS rows of dy x 64 taps, over a part of the pixels: as conv_weight of conv.cu.
template <class S, int Rows> ST_DEVICE void conv_mma_weight(const st_conv_args &args) {
  typedef Pack<S, 16 / sizeof(S)> Piece;
  constexpr uint32_t kPer = 16 / sizeof(S);
  ST_SHARED(Place, taps, kColumns);
  const uint32_t row0 = blockIdx.y * Rows, column0 = blockIdx.x * kColumns, none[3] = {0, 0, 0};
  const uint32_t start[3] = {(uint32_t)args.dim[0].start, (uint32_t)args.dim[1].start, (uint32_t)args.dim[2].start};
  if (threadIdx.x < kColumns) taps[threadIdx.x] = column0 + threadIdx.x < args.taps ? Tap(args, column0 + threadIdx.x).place : Place{0, {kNowhere, 0, 0}};
  for (uint32_t plane = blockIdx.z; plane < args.groups * args.splits; plane += gridDim.z) {
    const uint32_t group = plane / args.splits, split = plane - group * args.splits, begin = split * args.each;
    const uint32_t end = args.pixels - begin < args.each ? args.pixels : begin + args.each;
    const S *in = pointer<const S>(args.in), *dy = pointer<const S>(args.out);
    const uint32_t line0 = group * args.out_group + row0 * args.out_row;
    float sum[2][4][4] = {};
    multiply<S, false, Rows>(
        sum, begin, end, false,
        [&](uint32_t k, Place &place, uint32_t &offset) {
          const Pixel pixel(args, start, none, k);
          place = pixel.place;
          place.offset += group * args.in_group;
          offset = pixel.out + line0;
        },
        [](Bits128 *, uint32_t, uint32_t) {},
        [&](uint32_t step, uint32_t chunk, uint32_t k0, const uint32_t *offsets) {
          const uint32_t row = chunk * kPer, valid = k0 + step < end ? args.rows - row0 : 0;
          uint32_t offset = offsets[step] + row * args.out_row;
          Piece piece;
#pragma unroll
          for (uint32_t i = 0; i < kPer; ++i, offset += args.out_row) piece.element[i] = row + i < valid ? *at(dy, offset) : S{};
          return piece;
        },
        [&](uint32_t step, uint32_t chunk, const Place *places) {
          const Place mine = places[step];
          Piece piece;
#pragma unroll
          for (uint32_t i = 0; i < kPer; ++i) piece.element[i] = gather(args, in, mine, taps[chunk * kPer + i]);
          return piece;
        });
    each_column(row0, column0, [&](int j, int e, uint32_t first, uint32_t column) {
      if (column >= args.taps) return;
      const uint32_t to = Tap(args, column).weight + group * args.weight_group;
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const uint32_t row = first + i * 8;
        if (row >= args.rows) continue;
        const float value = sum[i / 2][j][i % 2 * 2 + e];
        if (args.splits == 1) *at(pointer<S>(args.weight), to + row * args.weight_row) = Element<S>::store(value);
        else pointer<float>(args.workspace)[((uint64_t)(split * args.groups + group) * args.rows + row) * args.taps + column] = value;
      }
    });
  }
}
// Two blocks of 256 threads a multiprocessor, or four of 128.
#define ST_CONV_MMA_KERNEL(type, rows) \
  ST_KERNEL_RESIDENT(convolutionMma_##type##_##rows, st_conv_args, rows * 2, 256 / rows) { conv_mma<dtype_##type, rows>(args); } \
  ST_KERNEL_RESIDENT(convolutionMmaWeight_##type##_##rows, st_conv_args, rows * 2, 256 / rows) { conv_mma_weight<dtype_##type, rows>(args); }
#define ST_CONV_MMA_KERNELS(type) ST_CONV_MMA_KERNEL(type, 128) ST_CONV_MMA_KERNEL(type, 64)
#define ST_CONV_MMA_KERNELS_OF(type) ST_CONV_MMA_KERNELS(type)
#endif
#ifdef ST_TYPE
ST_CONV_MMA_KERNELS_OF(ST_TYPE)
#endif
