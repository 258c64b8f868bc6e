// c = alpha a b + beta c (+ bias of each column) on tensor cores, sums in float32: mma_TYPE_LAYOUT_SIDE for ST_TYPE f16, bf16 and f32 (rounded to tf32). Where cuBLASLt is missing.
// LAYOUT: for a, then b, r if its rows are contiguous and c if its columns are. A block makes SIDE x SIDE elements of c (128 or 64); each warp SIDE / 2 x 32 of them in registers.
//
// Note [Three tiles in flight]
// Tiles of a and b, 64 bytes deep along k, go to shared memory by background copies, two tiles ahead of the one that is multiplied: 3 x 2 x 8 KiB, all that a block has without
// asking. A tile (MmaTile) lies as the matrix does.
#include "mma.cuh"

#ifndef ST_MMA_KERNELS
/// One operand: its tiles' copies and its fragments. AlongK: neighbours in memory are neighbours along k.
template <class S, bool AlongK, int Side> struct MmaOperand : MmaTile<S, AlongK, Side> {
  using Tile = MmaTile<S, AlongK, Side>;
  using Tile::kDepth, Tile::kPer, Tile::kRow;
  static constexpr uint32_t kThreads = Side * 2, kSkip = kThreads / kRow;
  const S *from;
  uint32_t to, inner, outer, inner_limit, outer_limit;
  int64_t step, skip;
  bool whole;

  /// `lead`: elements between neighbours across the contiguous direction. `count`: rows of a or columns of b from `first` on that there are.
  ST_CALL MmaOperand(const S *matrix, int64_t lead, uint32_t first, uint32_t count, uint32_t k, bool aligned) : whole(aligned) {
    outer = threadIdx.x / kRow;
    inner = threadIdx.x % kRow * kPer;
    // Rows kSkip apart have the same exchange.
    to = Tile::place(outer, threadIdx.x % kRow);
    from = matrix + (AlongK ? (first + outer) * lead + inner : outer * lead + first + inner);
    inner_limit = AlongK ? k : count;
    outer_limit = AlongK ? count : k;
    step = AlongK ? (int64_t)kDepth : kDepth * lead;
    skip = kSkip * lead;
  }
  /// Starts the copies of the next tile, two chunks a thread.
  ST_CALL void fetch(Bits128 *tile) {
    const uint32_t there = inner < inner_limit ? (inner_limit - inner < kPer ? inner_limit - inner : kPer) : 0;
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      const uint32_t valid = outer + e * kSkip < outer_limit ? there : 0;
      Bits128 *place = tile + to + e * kThreads;
      const S *source = from + e * skip;
      if (whole) copy_async(place, source, valid * (uint32_t)sizeof(S));
      else {
        Pack<S, kPer> chunk = {};
#pragma unroll
        for (uint32_t i = 0; i < kPer; ++i)
          if (i < valid) chunk.element[i] = source[i];
        *(Pack<S, kPer> *)place = chunk;
      }
    }
    from += step;
    if (AlongK) inner += kDepth;
    else outer += kDepth;
  }
  template <bool IsA> static ST_CALL void fragment(uint32_t (&r)[4], const Bits128 *tile, uint32_t side, uint32_t slice) {
    Tile::template fragment<IsA>(r, tile, side, slice);
    if constexpr (sizeof(S) == 4) {
#pragma unroll
      for (int i = 0; i < 4; ++i) r[i] = to_tf32(r[i]);
    }
  }
};

template <class S, bool ARows, bool BRows, int Side> ST_DEVICE void mma_kernel(const st_matmul_args &args) {
  typedef MmaOperand<S, ARows, Side> A;
  typedef MmaOperand<S, !BRows, Side> B;
  constexpr int kStages = 3, kTile = Side * 4, kTall = Side / 32, kWide = 4;
  // Fragments of tf32 are read one by one where a tile is turned: two slices at once would spill.
  constexpr int kSlices = sizeof(S) == 2 ? 2 : 1;
  ST_SHARED(Bits128, tiles, kStages * 2 * kTile);
  // Blocks that run together take eight rows of tiles of c, so that they share what they read.
  const uint32_t rows = (args.m + Side - 1) / Side, columns = (args.n + Side - 1) / Side, group = blockIdx.x / (8 * columns), in_group = blockIdx.x % (8 * columns);
  const uint32_t group_rows = rows - group * 8 < 8 ? rows - group * 8 : 8;
  const uint32_t row0 = (group * 8 + in_group % group_rows) * Side, column0 = in_group / group_rows * Side;
  const uint32_t warp = threadIdx.x / 32, lane = threadIdx.x % 32, warp_row = warp % 2 * (Side / 2), warp_column = warp / 2 * 32;
  const int64_t a_lead = ARows ? args.a_row : args.a_column, b_lead = BRows ? args.b_row : args.b_column;
  const bool a_whole = ((args.a | (uint64_t)(a_lead | args.a_batch) * sizeof(S)) & 15) == 0, b_whole = ((args.b | (uint64_t)(b_lead | args.b_batch) * sizeof(S)) & 15) == 0;
  const bool in_pairs = ((args.c | (uint64_t)(args.c_row | args.c_batch) * sizeof(S)) & (2 * sizeof(S) - 1)) == 0;
  const float alpha = (float)args.alpha, beta = (float)args.beta;
  const S *bias = pointer<const S>(args.bias);
  const uint32_t steps = (args.k + A::kDepth - 1) / A::kDepth;
  for (uint32_t batch = blockIdx.z; batch < args.batch; batch += gridDim.z) {
    A a(pointer<const S>(args.a) + batch * args.a_batch, a_lead, row0, args.m - row0, args.k, a_whole);
    B b(pointer<const S>(args.b) + batch * args.b_batch, b_lead, column0, args.n - column0, args.k, b_whole);
    float sum[kTall][kWide][4] = {};
    auto fetch = [&](uint32_t step) {
      Bits128 *stage = tiles + step % kStages * (2 * kTile);
      if (step < steps) {
        a.fetch(stage);
        b.fetch(stage + kTile);
      }
      commit_copies();
    };
    fetch(0);
    fetch(1);
    for (uint32_t step = 0; step < steps; ++step) {
      wait_for_copies<1>();
      // Everyone's copies of this tile have come, and everyone is done with the tile before it, whose place is filled next.
      __syncthreads();
      fetch(step + 2);
      const Bits128 *stage = tiles + step % kStages * (2 * kTile);
#pragma unroll kSlices
      for (uint32_t slice = 0; slice < 2; ++slice) {
        uint32_t x[kTall][4], y[kWide / 2][4];
#pragma unroll
        for (int i = 0; i < kTall; ++i) A::template fragment<true>(x[i], stage, warp_row + i * 16, slice);
#pragma unroll
        for (int j = 0; j < kWide / 2; ++j) B::template fragment<false>(y[j], stage + kTile, warp_column + j * 16, slice);
#pragma unroll
        for (int i = 0; i < kTall; ++i)
#pragma unroll
          for (int j = 0; j < kWide; ++j) mma<S>(sum[i][j], x[i], y[j / 2][j % 2 * 2], y[j / 2][j % 2 * 2 + 1]);
      }
    }
    wait_for_copies<0>();
    // The next matrix of the batch is fetched into the same places.
    __syncthreads();
    S *c = pointer<S>(args.c) + batch * args.c_batch;
#pragma unroll
    for (int i = 0; i < kTall; ++i)
#pragma unroll
      for (int half_tile = 0; half_tile < 2; ++half_tile) {
        const uint32_t row = row0 + warp_row + i * 16 + half_tile * 8 + lane / 4;
        if (row >= args.m) continue;
#pragma unroll
        for (int j = 0; j < kWide; ++j) {
          const uint32_t column = column0 + warp_column + j * 8 + lane % 4 * 2;
          S *to = c + (int64_t)row * args.c_row + column;
          Pack<S, 2> result;
#pragma unroll
          for (int e = 0; e < 2; ++e) {
            if (column + e >= args.n) break;
            float value = alpha * sum[i][j][half_tile * 2 + e];
            // beta 0 never reads c, which may be uninitialised.
            if (beta != 0.0f) value += beta * load_as(to + e);
            if (bias) value += load_as(bias + column + e);
            result.element[e] = Element<S>::store(value);
            if (!in_pairs || column + 1 >= args.n) to[e] = result.element[e];
          }
          if (in_pairs && column + 1 < args.n) *(Pack<S, 2> *)to = result;
        }
      }
  }
}
#define ST_MMA_KERNEL(type, layout, side, a_rows, b_rows) \
  ST_KERNEL_RESIDENT(mma_##type##_##layout##_##side, st_matmul_args, side * 2, 256 / side) { mma_kernel<dtype_##type, a_rows, b_rows, side>(args); }
#define ST_MMA_KERNELS(type) \
  ST_MMA_KERNEL(type, rr, 128, true, true) ST_MMA_KERNEL(type, rc, 128, true, false) ST_MMA_KERNEL(type, cr, 128, false, true) ST_MMA_KERNEL(type, cc, 128, false, false) \
  ST_MMA_KERNEL(type, rr, 64, true, true) ST_MMA_KERNEL(type, rc, 64, true, false) ST_MMA_KERNEL(type, cr, 64, false, true) ST_MMA_KERNEL(type, cc, 64, false, false)
#define ST_MMA_KERNELS_OF(type) ST_MMA_KERNELS(type)
#endif
#ifdef ST_TYPE
ST_MMA_KERNELS_OF(ST_TYPE)
#endif
