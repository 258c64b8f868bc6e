// Attention on tensor cores, for float16 and bfloat16: 4 warps, each with one or two blocks of 16 rows. Heads of up to 64 or 128 numbers, padded with zeros in shared memory.
//
// Note [Fragments that serve twice]
// What limits these kernels next to the products themselves is shared memory: a fragment of a right operand feeds as many products as a warp has blocks of rows. So a warp has two
// of them wherever registers and 48 KiB of shared memory allow, left operands stay in registers where there is room, and the tiles that a block goes over come while the ones
// before are multiplied. Which scores count is asked a tile and warp, so that the products are one straight line of code.
#ifndef ST_ATTENTION_MMA
#define ST_ATTENTION_MMA
#include "attention.cuh"

/// Whether the forward kernel of narrow heads keeps its queries in registers.
constexpr bool kHoldsQueries = true;
/// What is subtracted from scores before they are exponents is their greatest only to within this many powers of two: sums are scaled down when it grows by more, which is rare.
constexpr float kRoom = 8;

/// A tile of rows in shared memory, in chunks of 16 bytes; exchanged places keep eight rows at the same chunk in different banks.
template <class S, int Width> struct RowTile {
  static constexpr uint32_t kChunks = Width / 8;
  Bits128 *memory;
  static ST_CALL uint32_t place(uint32_t row, uint32_t chunk) { return row * kChunks + (chunk ^ (row & 7)); }
  /// The chunk that a lane names for a fragment `row` rows (a multiple of 8) and 2 step chunks from the one at `bytes`.
  ST_CALL const Bits128 *at(uint32_t bytes, uint32_t row, uint32_t step) const { return (const Bits128 *)((const char *)memory + (bytes ^ (step * 32))) + row * kChunks; }
};
/// The bytes in a tile of what a lane names for the fragments at its beginning.
template <class S, int Width> struct Lanes {
  /// Left operand: rows [first, first + 16) by 16 numbers.
  uint32_t left;
  /// Right operand that multiplies along the rows: columns are 16 rows.
  uint32_t along;
  /// Right operand that multiplies across 16 rows: columns are 16 numbers.
  uint32_t across;
  ST_CALL Lanes(uint32_t first) {
    const uint32_t lane = threadIdx.x & 31;
    left = opaque(RowTile<S, Width>::place(first + (lane & 15), lane >> 4) * 16);
    along = opaque(RowTile<S, Width>::place((lane & 7) + (lane >> 4) * 8, lane >> 3 & 1) * 16);
    across = opaque(RowTile<S, Width>::place(lane & 15, lane >> 4) * 16);
  }
  /// The same in a loop: what follows from them is computed at each turn, and takes no registers in between.
  ST_CALL Lanes again() const {
    Lanes same = *this;
    same.left = opaque(left);
    same.along = opaque(along);
    same.across = opaque(across);
    return same;
  }
};
/// Copies a tensor's tiles of rows, one after the other, zeros where there are no rows: a thread has one chunk of every kStep-th row.
template <class S, int Width> struct Fetcher {
  static constexpr uint32_t kChunks = Width / 8, kStep = ST_ATTENTION_THREADS / kChunks;
  static_assert(kStep % 8 == 0, "the places of a thread's chunks differ by whole rows");
  const S *source;
  int64_t step;
  uint32_t row, count, numbers, place;
  bool whole;
  ST_CALL Fetcher(const Rows<const S> &from, uint32_t first) : step(from.stride * (int64_t)kStep), row(first + threadIdx.x / kChunks), count(from.count), whole(from.is_aligned(16) && from.width % 8 == 0) {
    const uint32_t chunk = threadIdx.x % kChunks, column = chunk * 8;
    source = from.row(row) + column;
    numbers = column < from.width ? (from.width - column < 8 ? from.width - column : 8) : 0;
    place = RowTile<S, Width>::place(threadIdx.x / kChunks, chunk);
  }
  /// The next `Count` rows.
  template <int Count> ST_CALL void next(const RowTile<S, Width> &tile) {
    constexpr uint32_t kTimes = Count / kStep;
    Bits128 *const to = tile.memory + place;
    if (whole) {
#pragma unroll
      for (uint32_t i = 0; i < kTimes; ++i) copy_async_if(to + i * kStep * kChunks, source + i * step, numbers > 0 && row + i * kStep < count);
    } else {
#pragma unroll 1
      for (uint32_t half = 0; half < 2 * kTimes; ++half) {
        const uint32_t i = half / 2, begin = half % 2 * 4;
        Pack<S, 4> four = {};
#pragma unroll
        for (uint32_t e = 0; e < 4; ++e)
          if (begin + e < numbers && row + i * kStep < count) four.element[e] = source[i * step + begin + e];
        ((Pack<S, 4> *)(to + i * kStep * kChunks))[half % 2] = four;
      }
    }
    row += Count;
    source += step * kTimes;
  }
};
ST_DEVICE void exchange(Bits128 *&a, Bits128 *&b) {
  Bits128 *const c = a;
  a = b;
  b = c;
}
/// Left operands of a warp: R blocks of 16 rows of a tile; Held: in registers from when it is made, else read at every use.
template <class S, int Width, int R, bool Held> struct LeftRows {
  const RowTile<S, Width> tile;
  uint32_t held[Held ? Width / 16 : 1][R][4];
  ST_CALL LeftRows(const RowTile<S, Width> &from, const Lanes<S, Width> &lanes) : tile(from) {
    if constexpr (Held)
#pragma unroll
      for (uint32_t step = 0; step < Width / 16; ++step) read(held[step], lanes, step);
  }
  ST_CALL void read(uint32_t (&a)[R][4], const Lanes<S, Width> &lanes, uint32_t step) const {
#pragma unroll
    for (int r = 0; r < R; ++r) load_matrices(a[r], tile.at(lanes.left, r * 16, step));
  }
  ST_CALL void get(uint32_t (&a)[R][4], const Lanes<S, Width> &lanes, uint32_t step) const {
    if constexpr (Held) {
#pragma unroll
      for (int r = 0; r < R; ++r)
#pragma unroll
        for (int i = 0; i < 4; ++i) a[r][i] = held[step][r][i];
    } else read(a, lanes, step);
  }
};

/// s += x times the first 8 N rows of y.
template <class S, int Width, int R, int N, bool Held> ST_DEVICE void scores(float (&s)[R][N][4], const LeftRows<S, Width, R, Held> &x, const RowTile<S, Width> &y, const Lanes<S, Width> &lanes) {
#pragma unroll
  for (uint32_t step = 0; step < Width / 16; ++step) {
    uint32_t a[R][4];
    x.get(a, lanes, step);
#pragma unroll
    for (int j = 0; j < N; j += 2) {
      uint32_t b[4];
      load_matrices(b, y.at(lanes.along, j * 8, step));
#pragma unroll
      for (int r = 0; r < R; ++r) {
        mma<S>(s[r][j], a[r], b[0], b[1]);
        mma<S>(s[r][j + 1], a[r], b[2], b[3]);
      }
    }
  }
}
/// sum += p y, p 16 R x 8 N from registers, y 8 N rows.
template <class S, int Width, int R, int N> ST_DEVICE void add_weighted(float (&sum)[R][Width / 8][4], const float (&p)[R][N][4], const RowTile<S, Width> &y, const Lanes<S, Width> &lanes) {
#pragma unroll
  for (int j = 0; j < N; j += 2) {
    uint32_t a[R][4];
#pragma unroll
    for (int r = 0; r < R; ++r)
#pragma unroll
      for (int i = 0; i < 4; ++i) a[r][i] = pack<S>(p[r][j + i / 2][i % 2 * 2], p[r][j + i / 2][i % 2 * 2 + 1]);
#pragma unroll
    for (uint32_t step = 0; step < Width / 16; ++step) {
      uint32_t b[4];
      load_matrices_transposed(b, y.at(lanes.across, j * 8, step));
#pragma unroll
      for (int r = 0; r < R; ++r) {
        mma<S>(sum[r][2 * step], a[r], b[0], b[1]);
        mma<S>(sum[r][2 * step + 1], a[r], b[2], b[3]);
      }
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
/// Scaling of scores, in units of log 2. A maximum of scores is one of scaled scores, and what is hidden has no weight, only where the factor is positive: any other is applied before.
struct Scaling {
  float factor, before;
  ST_CALL Scaling(const st_attention_args &args) {
    const float scale = (float)args.scale * kLog2E;
    factor = scale > 0 ? scale : 1.0f;
    before = scale > 0 ? 1.0f : scale;
  }
};
/// Applies what comes before and hides the scores that do not count. Rows from `row` are queries, columns from `first` keys; Turned: the other way round.
template <bool Turned, int R, int N> ST_DEVICE void hide(float (&s)[R][N][4], const st_attention_args &args, float before, uint32_t row, uint32_t first) {
  // This can not be done ahead of the question whether to, so that the caller's `if` stays a branch.
  __syncwarp();
#pragma unroll
  for (int r = 0; r < R; ++r)
#pragma unroll
    for (int j = 0; j < N; ++j)
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const uint32_t y = row + threadIdx.x % 32 / 4 + r * 16 + e / 2 * 8, x = first + j * 8 + threadIdx.x % 4 * 2 + e % 2;
        s[r][j][e] = is_visible(args, Turned ? x : y, Turned ? y : x) ? s[r][j][e] * before : -Limits<float>::inf();
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

/// Two blocks of rows a warp. Of heads up to 64 two tiles of keys and values are in shared memory; wider ones have room for one, of which each half comes while the other is used.
template <class S, int Width> ST_DEVICE void attention_forward(const st_attention_args &args) {
  constexpr int R = 2, kKeys = Width == 64 ? 64 : 32, N = kKeys / 8, kTile = kKeys * (Width / 8), kStages = Width == 64 ? 2 : 1;
  constexpr uint32_t kRows = ST_ATTENTION_ROWS;
  static_assert(kRows == R * 16 * (ST_ATTENTION_THREADS / 32), "4 warps");
  ST_SHARED(Bits128, tiles, kRows * (Width / 8) + 2 * kStages * kTile);
  const RowTile<S, Width> q = {tiles};
  Bits128 *tile = tiles + kRows * (Width / 8), *other = tile + (kStages - 1) * 2 * kTile;
  const Part part(args, args.queries, kRows, args.causal);
  const uint32_t lane = threadIdx.x & 31, warp_row = threadIdx.x / 32 * (16 * R), warp_first = part.first + warp_row, row = warp_first + lane / 4,
                 seen = keys_seen(args, part.first, kRows);
  const Scaling scaling(args);
  const Lanes<S, Width> lanes(warp_row);
  const float scale = scaling.factor;
  float sum[R][Width / 8][4] = {}, shift[R][2], total[R][2] = {};
#pragma unroll
  for (int r = 0; r < R; ++r) shift[r][0] = shift[r][1] = -Limits<float>::inf();
  Fetcher<S, Width> keys(Rows<const S>(args, ST_KEY, part.head, args.keys), 0), values(Rows<const S>(args, ST_VALUE, part.head, args.keys), 0);
  Fetcher<S, Width>(Rows<const S>(args, ST_QUERY, part.head, args.queries), part.first).template next<kRows>(q);
  keys.template next<kKeys>({tile});
  if constexpr (kStages == 2) values.template next<kKeys>({tile + kTile});
  commit_copies();
  wait_for_copies<0>();
  __syncthreads();
  const LeftRows<S, Width, R, kHoldsQueries && Width == 64> left(q, lanes);
  for (uint32_t first = 0; first < seen; first += kKeys) {
    const RowTile<S, Width> k = {tile}, v = {k.memory + kTile};
    if constexpr (kStages == 1) values.template next<kKeys>(v);
    else if (first + kKeys < seen) {
      keys.template next<kKeys>({other});
      values.template next<kKeys>({other + kTile});
    }
    commit_copies();
    // Whether any of the warp's queries sees any of these keys; all, all.
    const bool some = !args.causal || first < warp_first + 16 * R, all = first + kKeys <= args.keys && (!args.causal || first + kKeys - 1 <= warp_first);
    float s[R][N][4] = {};
    if (some) {
      scores<S, Width, R, N>(s, left, k, lanes);
      if (!all || scaling.before != 1) [[unlikely]] hide<false>(s, args, scaling.before, warp_first, first);
      float most[R][2];
      bool grows = false;
#pragma unroll
      for (int r = 0; r < R; ++r)
#pragma unroll
        for (int h = 0; h < 2; ++h) {
          float x = s[r][0][2 * h];
#pragma unroll
          for (int j = 0; j < N; ++j) x = fmaxf(fmaxf(x, s[r][j][2 * h]), s[r][j][2 * h + 1]);
          most[r][h] = row_max(x) * scale;
          grows = grows || most[r][h] > shift[r][h] + kRoom;
        }
      if (__any_sync(0xffffffffu, grows)) {
#pragma unroll
        for (int r = 0; r < R; ++r)
#pragma unroll
          for (int h = 0; h < 2; ++h) {
            const float last = shift[r][h];
            shift[r][h] = fmaxf(last, most[r][h]);
            const float shrink = quick_exp2(last - shift[r][h]);
            total[r][h] *= shrink;
#pragma unroll
            for (int j = 0; j < Width / 8; ++j) {
              sum[r][j][2 * h] *= shrink;
              sum[r][j][2 * h + 1] *= shrink;
            }
          }
      }
#pragma unroll
      for (int r = 0; r < R; ++r)
#pragma unroll
        for (int j = 0; j < N; ++j)
#pragma unroll
          for (int e = 0; e < 4; ++e) {
            float &x = s[r][j][e];
            x = quick_exp2(x * scale - shift[r][e / 2]);
            total[r][e / 2] += x;
          }
    }
    if constexpr (kStages == 1) {
      wait_for_copies<0>();
      __syncthreads();
      if (first + kKeys < seen) keys.template next<kKeys>(k);
      commit_copies();
    }
    if (some) add_weighted<S, Width, R, N>(sum, s, v, lanes);
    // The next tile has come, and everyone is done with this one.
    wait_for_copies<0>();
    __syncthreads();
    exchange(tile, other);
  }
#pragma unroll
  for (int r = 0; r < R; ++r) {
    float factor[2];
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      const float whole = row_sum(total[r][h]);
      const uint32_t at = row + r * 16 + h * 8;
      factor[h] = 1.0f / whole;
      if (lane % 4 == 0 && at < args.queries) pointer<float>(args.lse)[(uint64_t)part.head * args.queries + at] = (shift[r][h] + log2f(whole)) * kLn2;
    }
    store_rows<S, Width>(Rows<S>(args, ST_OUT, part.head, args.queries), warp_first + r * 16, sum[r], factor);
  }
}

/// dkey and dvalue: the scores are computed transposed, so that they stay in registers as left operands.
template <class S, int Width> ST_DEVICE void attention_backward_keys(const st_attention_args &args) {
  constexpr int R = Width == 64 ? 2 : 1, kQueries = Width == 64 ? 32 : 16, N = kQueries / 8, kTile = kQueries * (Width / 8);
  constexpr uint32_t kRows = Width == 64 ? ST_ATTENTION_ROWS : ST_ATTENTION_WIDE_GRADIENT_ROWS;
  static_assert(kRows == R * 16 * (ST_ATTENTION_THREADS / 32), "4 warps");
  ST_SHARED(Bits128, tiles, 2 * kRows * (Width / 8) + 4 * kTile);
  const RowTile<S, Width> k = {tiles}, v = {tiles + kRows * (Width / 8)};
  Bits128 *tile = tiles + 2 * kRows * (Width / 8), *other = tile + 2 * kTile;
  const Part part(args, args.keys, kRows, false);
  const uint32_t lane = threadIdx.x & 31, warp_row = threadIdx.x / 32 * (16 * R), warp_first = part.first + warp_row, begin = args.causal ? part.first / kQueries * kQueries : 0;
  const Scaling scaling(args);
  const Lanes<S, Width> lanes(warp_row);
  float dk[R][Width / 8][4] = {}, dv[R][Width / 8][4] = {};
  Fetcher<S, Width> queries(Rows<const S>(args, ST_QUERY, part.head, args.queries), begin), douts(Rows<const S>(args, ST_DOUT, part.head, args.queries), begin);
  Fetcher<S, Width>(Rows<const S>(args, ST_KEY, part.head, args.keys), part.first).template next<kRows>(k);
  Fetcher<S, Width>(Rows<const S>(args, ST_VALUE, part.head, args.keys), part.first).template next<kRows>(v);
  queries.template next<kQueries>({tile});
  douts.template next<kQueries>({tile + kTile});
  commit_copies();
  wait_for_copies<0>();
  __syncthreads();
  const LeftRows<S, Width, R, false> key_rows(k, lanes);
  const LeftRows<S, Width, R, Width != 64> value_rows(v, lanes);
  // A lane has lse and delta of one query of the tile.
  float shift = 0, less = 0;
  auto ask = [&](uint32_t query) {
    const uint64_t place = (uint64_t)part.head * args.queries + query;
    shift = query < args.queries ? pointer<const float>(args.lse)[place] * kLog2E : 0.0f;
    less = query < args.queries ? -pointer<const float>(args.delta)[place] : 0.0f;
  };
  ask(begin + lane);
  for (uint32_t first = begin; first < args.queries; first += kQueries) {
    const RowTile<S, Width> q = {tile}, g = {q.memory + kTile};
    if (first + kQueries < args.queries) {
      queries.template next<kQueries>({other});
      douts.template next<kQueries>({other + kTile});
    }
    commit_copies();
    if (!args.causal || first + kQueries > warp_first) {
      const bool all = first + kQueries <= args.queries && (!args.causal || warp_first + 16 * R - 1 <= first);
      float p[R][N][4] = {}, dp[R][N][4];
      const Lanes<S, Width> here = lanes.again();
      scores<S, Width, R, N>(p, key_rows, q, here);
      if (!all || scaling.before != 1) [[unlikely]] hide<true>(p, args, scaling.before, warp_first, first);
#pragma unroll
      for (int j = 0; j < N; ++j)
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          const uint32_t column = j * 8 + lane % 4 * 2 + e;
          const float its_shift = __shfl_sync(0xffffffffu, shift, column), its_less = __shfl_sync(0xffffffffu, less, column);
#pragma unroll
          for (int r = 0; r < R; ++r)
#pragma unroll
            for (int h = 0; h < 2; ++h) {
              float &x = p[r][j][2 * h + e];
              x = quick_exp2(x * scaling.factor - its_shift);
              // What is subtracted from dp comes first in its sum.
              dp[r][j][2 * h + e] = its_less;
            }
        }
      add_weighted<S, Width, R, N>(dv, p, g, here);
      scores<S, Width, R, N>(dp, value_rows, g, here);
#pragma unroll
      for (int r = 0; r < R; ++r)
#pragma unroll
        for (int j = 0; j < N; ++j)
#pragma unroll
          for (int e = 0; e < 4; ++e) dp[r][j][e] *= p[r][j][e];
      add_weighted<S, Width, R, N>(dk, dp, q, here);
    }
    ask(first + kQueries + lane);
    // The next tile has come, and everyone is done with this one.
    wait_for_copies<0>();
    __syncthreads();
    exchange(tile, other);
  }
  const float one[2] = {1.0f, 1.0f}, factor[2] = {(float)args.scale, (float)args.scale};
#pragma unroll
  for (int r = 0; r < R; ++r) {
    store_rows<S, Width>(Rows<S>(args, ST_DVALUE, part.head, args.keys), warp_first + r * 16, dv[r], one);
    store_rows<S, Width>(Rows<S>(args, ST_DKEY, part.head, args.keys), warp_first + r * 16, dk[r], factor);
  }
}

template <class S, int Width> ST_DEVICE void attention_backward_queries(const st_attention_args &args) {
  constexpr int R = Width == 64 ? 2 : 1, kKeys = Width == 64 ? 32 : 16, N = kKeys / 8, kTile = kKeys * (Width / 8);
  constexpr uint32_t kRows = Width == 64 ? ST_ATTENTION_ROWS : ST_ATTENTION_WIDE_GRADIENT_ROWS;
  ST_SHARED(Bits128, tiles, 2 * kRows * (Width / 8) + 4 * kTile);
  const RowTile<S, Width> q = {tiles}, g = {tiles + kRows * (Width / 8)};
  Bits128 *tile = tiles + 2 * kRows * (Width / 8), *other = tile + 2 * kTile;
  const Part part(args, args.queries, kRows, args.causal);
  const uint32_t lane = threadIdx.x & 31, warp_row = threadIdx.x / 32 * (16 * R), warp_first = part.first + warp_row, row = warp_first + lane / 4,
                 seen = keys_seen(args, part.first, kRows);
  const Scaling scaling(args);
  const Lanes<S, Width> lanes(warp_row);
  Fetcher<S, Width> keys(Rows<const S>(args, ST_KEY, part.head, args.keys), 0), values(Rows<const S>(args, ST_VALUE, part.head, args.keys), 0);
  Fetcher<S, Width>(Rows<const S>(args, ST_QUERY, part.head, args.queries), part.first).template next<kRows>(q);
  Fetcher<S, Width>(Rows<const S>(args, ST_DOUT, part.head, args.queries), part.first).template next<kRows>(g);
  keys.template next<kKeys>({tile});
  values.template next<kKeys>({tile + kTile});
  commit_copies();
  float shift[R][2], less[R][2];
#pragma unroll
  for (int r = 0; r < R; ++r)
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      const uint32_t at = row + r * 16 + h * 8;
      const uint64_t place = (uint64_t)part.head * args.queries + at;
      shift[r][h] = at < args.queries ? pointer<const float>(args.lse)[place] * kLog2E : 0.0f;
      less[r][h] = at < args.queries ? -pointer<const float>(args.delta)[place] : 0.0f;
    }
  float dq[R][Width / 8][4] = {};
  wait_for_copies<0>();
  __syncthreads();
  const LeftRows<S, Width, R, true> query_rows(q, lanes), dout_rows(g, lanes);
  for (uint32_t first = 0; first < seen; first += kKeys) {
    const RowTile<S, Width> k = {tile}, v = {k.memory + kTile};
    if (first + kKeys < seen) {
      keys.template next<kKeys>({other});
      values.template next<kKeys>({other + kTile});
    }
    commit_copies();
    if (!args.causal || first < warp_first + 16 * R) {
      const bool all = first + kKeys <= args.keys && (!args.causal || first + kKeys - 1 <= warp_first);
      float p[R][N][4] = {}, dp[R][N][4];
      scores<S, Width, R, N>(p, query_rows, k, lanes);
      if (!all || scaling.before != 1) [[unlikely]] hide<false>(p, args, scaling.before, warp_first, first);
#pragma unroll
      for (int r = 0; r < R; ++r)
#pragma unroll
        for (int j = 0; j < N; ++j)
#pragma unroll
          for (int e = 0; e < 4; ++e) {
            p[r][j][e] = quick_exp2(p[r][j][e] * scaling.factor - shift[r][e / 2]);
            // What is subtracted from dp comes first in its sum.
            dp[r][j][e] = less[r][e / 2];
          }
      scores<S, Width, R, N>(dp, dout_rows, v, lanes);
#pragma unroll
      for (int r = 0; r < R; ++r)
#pragma unroll
        for (int j = 0; j < N; ++j)
#pragma unroll
          for (int e = 0; e < 4; ++e) dp[r][j][e] *= p[r][j][e];
      add_weighted<S, Width, R, N>(dq, dp, k, lanes);
    }
    // The next tile has come, and everyone is done with this one.
    wait_for_copies<0>();
    __syncthreads();
    exchange(tile, other);
  }
  const float factor[2] = {(float)args.scale, (float)args.scale};
#pragma unroll
  for (int r = 0; r < R; ++r) store_rows<S, Width>(Rows<S>(args, ST_DQUERY, part.head, args.queries), warp_first + r * 16, dq[r], factor);
}
#endif
