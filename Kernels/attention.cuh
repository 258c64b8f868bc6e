// What the kernels of attention share: where their tensors are, which scores count, and the row sums that the gradients need.
//
// Note [Attention in tiles]
// After Dao, FlashAttention-2 (2023, arXiv 2307.08691). The scores of a tile of queries against all keys never exist at once: a block goes over tiles of keys and keeps, for each query, the
// greatest score so far, the sum of e^(score - greatest) and the weighted sum of values, scaled down when the greatest grows (on tensor cores, when it grows by much). What is kept for the gradients is one number
// a query, lse; the weights are computed again from it. One block owns a tile of keys for dkey and dvalue and one a tile of queries for dquery, so nothing is added by atomics.
// Scores are in units of log 2, for exp2f.
#ifndef ST_ATTENTION
#define ST_ATTENTION
#include "mma.cuh"

constexpr float kLog2E = 1.44269504088896341f, kLn2 = 0.693147180559945309f;

/// A tensor at one batch and head.
template <class S> struct Rows {
  S *base;
  int64_t stride;
  uint32_t count, width;
  ST_CALL Rows(const st_attention_args &args, int tensor, uint32_t head, uint32_t rows) : stride(args.stride[tensor][2]), count(rows), width(args.width) {
    base = pointer<S>(args.address[tensor]) + head / args.heads * args.stride[tensor][0] + head % args.heads * args.stride[tensor][1];
  }
  ST_CALL S *row(uint32_t r) const { return base + (int64_t)r * stride; }
  /// Whether every row begins at a multiple of `bytes`.
  ST_CALL bool is_aligned(uint32_t bytes) const { return (((uint64_t)base | (uint64_t)stride * sizeof(S)) & (bytes - 1)) == 0; }
};
/// Which part of the scores a block has: the tile of `side` rows from `first`, of the matrices of `head`. Heads go by groups, whose keys and values fit the cache together; of a group,
/// the same tile of every head, in the order of tiles or from the last: with causal scores the last of queries and the first of keys are the longest, and shall not be left for the end.
struct Part {
  uint32_t head, first;
  ST_CALL Part(const st_attention_args &args, uint32_t rows, uint32_t side, bool from_last) {
    const uint32_t tiles = (rows + side - 1) / side, heads = args.batch * args.heads, group = blockIdx.x / (tiles * kGroup), place = blockIdx.x % (tiles * kGroup);
    const uint32_t size = heads - group * kGroup < kGroup ? heads - group * kGroup : kGroup, tile = place / size;
    head = group * kGroup + place % size;
    first = (from_last ? tiles - 1 - tile : tile) * side;
  }
  static constexpr uint32_t kGroup = 32;
};
ST_DEVICE bool is_visible(const st_attention_args &args, uint32_t query, uint32_t key) { return query < args.queries && key < args.keys && (!args.causal || key <= query); }
/// Keys that the queries [query, query + queries) see.
ST_DEVICE uint32_t keys_seen(const st_attention_args &args, uint32_t query, uint32_t queries) { return args.causal && query + queries < args.keys ? query + queries : args.keys; }

/// delta: the sum of dout * out of each row, 8 lanes a row.
template <class S> ST_DEVICE void attention_delta(const st_attention_args &args) {
  constexpr uint32_t kPack = 16 / sizeof(S);
  const uint64_t rows = (uint64_t)args.batch * args.heads * args.queries;
  for (uint64_t first = ((uint64_t)blockIdx.x * blockDim.y + threadIdx.y) * 4; first < rows; first += (uint64_t)gridDim.x * blockDim.y * 4) {
    const uint64_t r = first + threadIdx.x / 8;
    float sum = 0;
    if (r < rows) {
      const uint32_t head = (uint32_t)(r / args.queries), query = (uint32_t)(r % args.queries);
      const Rows<const S> douts(args, ST_DOUT, head, args.queries), outs(args, ST_OUT, head, args.queries);
      const S *x = douts.row(query), *y = outs.row(query);
      const bool in_packs = douts.is_aligned(16) && outs.is_aligned(16);
      for (uint32_t i = threadIdx.x % 8 * kPack; i < args.width; i += 8 * kPack) {
        if (in_packs && i + kPack <= args.width) {
          const Pack<S, kPack> p = *(const Pack<S, kPack> *)(x + i), q = *(const Pack<S, kPack> *)(y + i);
#pragma unroll
          for (uint32_t k = 0; k < kPack; ++k) sum += load_as(p.element + k) * load_as(q.element + k);
        } else
          for (uint32_t k = i; k < i + kPack && k < args.width; ++k) sum += load_as(x + k) * load_as(y + k);
      }
    }
#pragma unroll
    for (int lanes = 4; lanes > 0; lanes /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, lanes);
    if (threadIdx.x % 8 == 0 && r < rows) pointer<float>(args.delta)[r] = sum;
  }
}
#endif
