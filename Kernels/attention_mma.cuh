// Attention on tensor cores, for float16 and bfloat16: 128 threads, a warp 16 of the block's 64 rows. Heads of up to 64 or 128 numbers, padded with zeros in shared memory.
#ifndef ST_ATTENTION_MMA
#define ST_ATTENTION_MMA
#include "attention.cuh"

/// A tile of rows in shared memory, in chunks of 16 bytes; exchanged places keep eight rows at the same chunk in different banks.
template <class S, int Width> struct RowTile {
  static constexpr uint32_t kChunks = Width / 8;
  Bits128 *memory;
  ST_CALL Bits128 *at(uint32_t row, uint32_t chunk) const { return memory + row * kChunks + (chunk ^ (row & 7)); }
  /// Copies rows [first, first + Count), zeros where there are none.
  template <int Count> ST_CALL void fetch(const Rows<const S> &from, uint32_t first) const {
    const bool whole = from.is_aligned(16);
    const uint32_t chunk = threadIdx.x % kChunks, column = chunk * 8, numbers = column < from.width ? (from.width - column < 8 ? from.width - column : 8) : 0;
#pragma unroll 4
    for (uint32_t row = threadIdx.x / kChunks; row < Count; row += 128 / kChunks) {
      const uint32_t valid = first + row < from.count ? numbers : 0;
      const S *source = from.row(first + row) + column;
      if (whole) copy_async(at(row, chunk), source, valid * 2);
      else {
        Chunk<S, 8> numbers_there = {};
#pragma unroll
        for (uint32_t i = 0; i < 8; ++i)
          if (i < valid) numbers_there.element[i] = source[i];
        *(Chunk<S, 8> *)at(row, chunk) = numbers_there;
      }
    }
  }
  /// Left operand: rows [row, row + 16), numbers [16 step, 16 step + 16).
  ST_CALL void left(uint32_t (&r)[4], uint32_t row, uint32_t step) const {
    const uint32_t lane = threadIdx.x & 31;
    load_matrices(r, at(row + (lane & 15), step * 2 + (lane >> 4)));
  }
  /// Right operand that multiplies along the rows: columns are the rows [row, row + 16).
  ST_CALL void right(uint32_t (&r)[4], uint32_t row, uint32_t step) const {
    const uint32_t lane = threadIdx.x & 31;
    load_matrices(r, at(row + (lane & 7) + (lane >> 4) * 8, step * 2 + (lane >> 3 & 1)));
  }
  /// Right operand that multiplies across the rows [row, row + 16): columns are the numbers [16 step, 16 step + 16).
  ST_CALL void right_across(uint32_t (&r)[4], uint32_t row, uint32_t step) const {
    const uint32_t lane = threadIdx.x & 31;
    load_matrices_transposed(r, at(row + (lane & 15), step * 2 + (lane >> 4)));
  }
};

/// s = 16 rows of x times rows of y: N products of 8 columns.
template <class S, int Width, int N> ST_DEVICE void scores(float (&s)[N][4], const RowTile<S, Width> &x, uint32_t row, const RowTile<S, Width> &y, uint32_t width) {
#pragma unroll
  for (int j = 0; j < N; ++j)
#pragma unroll
    for (int e = 0; e < 4; ++e) s[j][e] = 0;
#pragma unroll
  for (uint32_t step = 0; step < Width / 16; ++step) {
    if (step * 16 >= width) break;
    uint32_t a[4], b[4];
    x.left(a, row, step);
#pragma unroll
    for (int j = 0; j < N; j += 2) {
      y.right(b, j * 8, step);
      mma<S>(s[j], a, b[0], b[1]);
      mma<S>(s[j + 1], a, b[2], b[3]);
    }
  }
}
/// Fetches rows [first, first + 8 N) to the tiles y and v: s = 16 rows of x times y's, t = those of u times v's, the first while the second still come.
template <class S, int Width, int N>
ST_DEVICE void fetch_and_score(float (&s)[N][4], const RowTile<S, Width> &x, const RowTile<S, Width> &y, const Rows<const S> &from_y, float (&t)[N][4], const RowTile<S, Width> &u,
                               const RowTile<S, Width> &v, const Rows<const S> &from_v, uint32_t row, uint32_t first, uint32_t width) {
  y.template fetch<N * 8>(from_y, first);
  commit_copies();
  v.template fetch<N * 8>(from_v, first);
  commit_copies();
  wait_for_copies<1>();
  __syncthreads();
  scores<S, Width, N>(s, x, row, y, width);
  wait_for_copies<0>();
  __syncthreads();
  scores<S, Width, N>(t, u, row, v, width);
}
/// sum += p y, p 16 x 8 N from registers, y N * 8 rows.
template <class S, int Width, int N> ST_DEVICE void add_weighted(float (&sum)[Width / 8][4], const float (&p)[N][4], const RowTile<S, Width> &y, uint32_t width) {
#pragma unroll
  for (int j = 0; j < N; j += 2) {
    const uint32_t a[4] = {pack<S>(p[j][0], p[j][1]), pack<S>(p[j][2], p[j][3]), pack<S>(p[j + 1][0], p[j + 1][1]), pack<S>(p[j + 1][2], p[j + 1][3])};
#pragma unroll
    for (uint32_t step = 0; step < Width / 16; ++step) {
      if (step * 16 >= width) break;
      uint32_t b[4];
      y.right_across(b, j * 8, step);
      mma<S>(sum[2 * step], a, b[0], b[1]);
      mma<S>(sum[2 * step + 1], a, b[2], b[3]);
    }
  }
}
/// Writes 16 rows; `factor` of this lane's two.
template <class S, int Width> ST_DEVICE void store_rows(const Rows<S> &to, uint32_t first, const float (&sum)[Width / 8][4], const float (&factor)[2]) {
  const uint32_t lane = threadIdx.x & 31;
  const bool in_pairs = to.is_aligned(4);
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    const uint32_t row = first + lane / 4 + h * 8;
    if (row >= to.count) continue;
    S *place = to.row(row);
#pragma unroll
    for (uint32_t j = 0; j < Width / 8; ++j) {
      const uint32_t column = j * 8 + lane % 4 * 2;
      const uint32_t both = pack<S>(sum[j][2 * h] * factor[h], sum[j][2 * h + 1] * factor[h]);
      if (in_pairs && column + 1 < to.width) *(uint32_t *)(place + column) = both;
      else {
        if (column < to.width) place[column].bits = (uint16_t)both;
        if (column + 1 < to.width) place[column + 1].bits = (uint16_t)(both >> 16);
      }
    }
  }
}
/// Of the four lanes that share a row.
ST_DEVICE float row_max(float x) {
  x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 1));
  return fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 2));
}
ST_DEVICE float row_sum(float x) {
  x += __shfl_xor_sync(0xffffffffu, x, 1);
  return x + __shfl_xor_sync(0xffffffffu, x, 2);
}

template <class S, int Width> ST_DEVICE void attention_forward(const st_attention_args &args) {
  constexpr int kTile = kSide * (Width / 8), N = kSide / 8;
  ST_SHARED(Bits128, tiles, 3 * kTile);
  const RowTile<S, Width> q = {tiles}, k = {tiles + kTile}, v = {tiles + 2 * kTile};
  const Part part(args.queries);
  const Rows<const S> query(args, ST_QUERY, part.head, args.queries), key(args, ST_KEY, part.head, args.keys), value(args, ST_VALUE, part.head, args.keys);
  const uint32_t lane = threadIdx.x & 31, warp_row = threadIdx.x / 32 * 16, row = part.first + warp_row + lane / 4, seen = keys_seen(args, part.first);
  const float scale = (float)args.scale * kLog2E;
  float sum[Width / 8][4] = {}, greatest[2] = {-Limits<float>::inf(), -Limits<float>::inf()}, total[2] = {};
  q.template fetch<kSide>(query, part.first);
  k.template fetch<kSide>(key, 0);
  commit_copies();
  for (uint32_t first = 0; first < seen; first += kSide) {
    // The keys have come, and everyone is done with the values before these.
    wait_for_copies<0>();
    __syncthreads();
    v.template fetch<kSide>(value, first);
    commit_copies();
    float s[N][4];
    scores<S, Width, N>(s, q, warp_row, k, args.width);
    const bool all = all_visible(args, part.first, kSide, first, kSide);
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      float most = greatest[h];
#pragma unroll
      for (int j = 0; j < N; ++j)
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          float &x = s[j][2 * h + e];
          x *= scale;
          // Queries past the end see what others do: nothing of theirs is kept.
          const uint32_t column = first + j * 8 + lane % 4 * 2 + e;
          if (!all && (column >= args.keys || (args.causal && column > row + h * 8))) x = -Limits<float>::inf();
          most = fmaxf(most, x);
        }
      most = row_max(most);
      const float shrink = exp2f(greatest[h] - most);
      greatest[h] = most;
      total[h] *= shrink;
#pragma unroll
      for (int j = 0; j < N; ++j)
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          float &x = s[j][2 * h + e];
          x = exp2f(x - most);
          total[h] += x;
        }
#pragma unroll
      for (int j = 0; j < Width / 8; ++j) {
        sum[j][2 * h] *= shrink;
        sum[j][2 * h + 1] *= shrink;
      }
    }
    wait_for_copies<0>();
    __syncthreads();
    if (first + kSide < seen) k.template fetch<kSide>(key, first + kSide);
    commit_copies();
    add_weighted<S, Width, N>(sum, s, v, args.width);
  }
  float factor[2];
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    const float whole = row_sum(total[h]);
    factor[h] = 1.0f / whole;
    if (lane % 4 == 0 && row + h * 8 < args.queries) pointer<float>(args.lse)[(uint64_t)part.head * args.queries + row + h * 8] = (greatest[h] + log2f(whole)) * kLn2;
  }
  store_rows<S, Width>(Rows<S>(args, ST_OUT, part.head, args.queries), part.first + warp_row, sum, factor);
}

/// dkey and dvalue: the scores are computed transposed, a warp 16 keys, so that they stay in registers as left operands.
template <class S, int Width> ST_DEVICE void attention_backward_keys(const st_attention_args &args) {
  constexpr uint32_t kQueries = Width == 64 ? 64 : 32;
  constexpr int kTile = kSide * (Width / 8), kShort = kQueries * (Width / 8), N = kQueries / 8;
  ST_SHARED(Bits128, tiles, 2 * kTile + 2 * kShort);
  const RowTile<S, Width> k = {tiles}, v = {tiles + kTile}, q = {tiles + 2 * kTile}, g = {tiles + 2 * kTile + kShort};
  const Part part(args.keys);
  const Rows<const S> query(args, ST_QUERY, part.head, args.queries), key(args, ST_KEY, part.head, args.keys), value(args, ST_VALUE, part.head, args.keys),
      dout(args, ST_DOUT, part.head, args.queries);
  const float *lse = pointer<const float>(args.lse) + (uint64_t)part.head * args.queries, *delta = pointer<const float>(args.delta) + (uint64_t)part.head * args.queries;
  const uint32_t lane = threadIdx.x & 31, warp_row = threadIdx.x / 32 * 16, row = part.first + warp_row + lane / 4;
  const float scale = (float)args.scale * kLog2E;
  float dk[Width / 8][4] = {}, dv[Width / 8][4] = {};
  k.template fetch<kSide>(key, part.first);
  v.template fetch<kSide>(value, part.first);
  for (uint32_t first = args.causal ? part.first / kQueries * kQueries : 0; first < args.queries; first += kQueries) {
    float p[N][4], dp[N][4];
    fetch_and_score<S, Width, N>(p, k, q, query, dp, v, g, dout, warp_row, first, args.width);
    const bool all = all_visible(args, first, kQueries, part.first, kSide);
#pragma unroll
    for (int j = 0; j < N; ++j)
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        const uint32_t column = first + j * 8 + lane % 4 * 2 + e;
        const bool there = column < args.queries;
        const float shift = there ? lse[column] * kLog2E : 0.0f, less = there ? delta[column] : 0.0f;
#pragma unroll
        for (int h = 0; h < 2; ++h) {
          float &x = p[j][2 * h + e], &y = dp[j][2 * h + e];
          x = all || is_visible(args, column, row + h * 8) ? exp2f(x * scale - shift) : 0.0f;
          y = x * (y - less);
        }
      }
    add_weighted<S, Width, N>(dv, p, g, args.width);
    add_weighted<S, Width, N>(dk, dp, q, args.width);
    // The next queries come to the same places.
    __syncthreads();
  }
  // Where no query sees these keys, they have not been waited for.
  commit_copies();
  wait_for_copies<0>();
  const float one[2] = {1.0f, 1.0f}, factor[2] = {(float)args.scale, (float)args.scale};
  store_rows<S, Width>(Rows<S>(args, ST_DVALUE, part.head, args.keys), part.first + warp_row, dv, one);
  store_rows<S, Width>(Rows<S>(args, ST_DKEY, part.head, args.keys), part.first + warp_row, dk, factor);
}

template <class S, int Width> ST_DEVICE void attention_backward_queries(const st_attention_args &args) {
  constexpr uint32_t kKeys = Width == 64 ? 64 : 32;
  constexpr int kTile = kSide * (Width / 8), kShort = kKeys * (Width / 8), N = kKeys / 8;
  ST_SHARED(Bits128, tiles, 2 * kTile + 2 * kShort);
  const RowTile<S, Width> q = {tiles}, g = {tiles + kTile}, k = {tiles + 2 * kTile}, v = {tiles + 2 * kTile + kShort};
  const Part part(args.queries);
  const Rows<const S> query(args, ST_QUERY, part.head, args.queries), key(args, ST_KEY, part.head, args.keys), value(args, ST_VALUE, part.head, args.keys),
      dout(args, ST_DOUT, part.head, args.queries);
  const uint32_t lane = threadIdx.x & 31, warp_row = threadIdx.x / 32 * 16, row = part.first + warp_row + lane / 4, seen = keys_seen(args, part.first);
  const float scale = (float)args.scale * kLog2E;
  float shift[2], less[2];
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    const uint64_t place = (uint64_t)part.head * args.queries + row + h * 8;
    const bool there = row + h * 8 < args.queries;
    shift[h] = there ? pointer<const float>(args.lse)[place] * kLog2E : 0.0f;
    less[h] = there ? pointer<const float>(args.delta)[place] : 0.0f;
  }
  float dq[Width / 8][4] = {};
  q.template fetch<kSide>(query, part.first);
  g.template fetch<kSide>(dout, part.first);
  for (uint32_t first = 0; first < seen; first += kKeys) {
    float p[N][4], dp[N][4];
    fetch_and_score<S, Width, N>(p, q, k, key, dp, g, v, value, warp_row, first, args.width);
    const bool all = all_visible(args, part.first, kSide, first, kKeys);
#pragma unroll
    for (int j = 0; j < N; ++j)
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const uint32_t column = first + j * 8 + lane % 4 * 2 + e % 2;
        const float x = all || is_visible(args, row + e / 2 * 8, column) ? exp2f(p[j][e] * scale - shift[e / 2]) : 0.0f;
        dp[j][e] = x * (dp[j][e] - less[e / 2]);
      }
    add_weighted<S, Width, N>(dq, dp, k, args.width);
    __syncthreads();
  }
  const float factor[2] = {(float)args.scale, (float)args.scale};
  store_rows<S, Width>(Rows<S>(args, ST_DQUERY, part.head, args.queries), part.first + warp_row, dq, factor);
}
#endif
