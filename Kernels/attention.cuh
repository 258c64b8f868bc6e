// What the kernels of attention share: where their tensors are, which scores count, and the row sums that the gradients need.
//
// Note [Attention in tiles]
// After Dao, FlashAttention-2 (2023, arXiv 2307.08691). The scores of 64 queries against all keys never exist at once: a block goes over tiles of keys and keeps, for each query, the
// greatest score so far, the sum of e^(score - greatest) and the weighted sum of values, scaled down whenever the greatest grows. What is kept for the gradients is one number
// a query, lse; the weights are computed again from it. One block owns a tile of keys for dkey and dvalue and one a tile of queries for dquery, so nothing is added by atomics.
// Scores are in units of log 2, for exp2f.
#ifndef ST_ATTENTION
#define ST_ATTENTION
#include "mma.cuh"

constexpr float kLog2E = 1.44269504088896341f, kLn2 = 0.693147180559945309f;
constexpr uint32_t kSide = 64;

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
/// Which part of the scores a block has: `tile` of 64 rows, of the matrices of `head`. The last tiles come first: with causal scores those of queries are the longest.
struct Part {
  uint32_t head, first;
  ST_CALL Part(uint32_t rows) {
    const uint32_t tiles = (rows + kSide - 1) / kSide;
    head = blockIdx.x / tiles;
    first = (tiles - 1 - blockIdx.x % tiles) * kSide;
  }
};
ST_DEVICE bool is_visible(const st_attention_args &args, uint32_t query, uint32_t key) { return query < args.queries && key < args.keys && (!args.causal || key <= query); }
/// Whether all scores of these tiles count.
ST_DEVICE bool all_visible(const st_attention_args &args, uint32_t query, uint32_t queries, uint32_t key, uint32_t keys) {
  return query + queries <= args.queries && key + keys <= args.keys && (!args.causal || key + keys - 1 <= query);
}
/// Keys that the queries [query, query + 64) see.
ST_DEVICE uint32_t keys_seen(const st_attention_args &args, uint32_t query) { return args.causal && query + kSide < args.keys ? query + kSide : args.keys; }

/// delta: the sum of dout * out of each row, a warp a row.
template <class S> ST_DEVICE void attention_delta(const st_attention_args &args) {
  const uint64_t rows = (uint64_t)args.batch * args.heads * args.queries;
  for (uint64_t r = (uint64_t)blockIdx.x * blockDim.y + threadIdx.y; r < rows; r += (uint64_t)gridDim.x * blockDim.y) {
    const uint32_t head = (uint32_t)(r / args.queries), query = (uint32_t)(r % args.queries);
    const S *x = Rows<const S>(args, ST_DOUT, head, args.queries).row(query), *y = Rows<const S>(args, ST_OUT, head, args.queries).row(query);
    float sum = 0;
    for (uint32_t i = threadIdx.x; i < args.width; i += 32) sum += load_as(x + i) * load_as(y + i);
#pragma unroll
    for (int lanes = 16; lanes > 0; lanes /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, lanes);
    if (threadIdx.x == 0) pointer<float>(args.delta)[r] = sum;
  }
}
#endif
