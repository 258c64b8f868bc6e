// Attention in true float32: 256 threads, each 4 x 4 of 64 x 64 scores in registers and, of each 32 numbers of a head, 4 x 2 results.
#ifndef ST_ATTENTION_FMA
#define ST_ATTENTION_FMA
#include "attention.cuh"

constexpr uint32_t kSide = ST_ATTENTION_FMA_ROWS, kSlice = 32, kPitch = kSide + 4;
typedef float Block4[4][4];
typedef Pack<float, 4> Four;

/// Numbers [begin, begin + 32) of rows [first, first + 64), turned: number by number. Eight neighbours and four rows a warp, so that neither side of the copy waits.
ST_DEVICE void fetch_turned(float *slice, const Rows<const float> &from, uint32_t first, uint32_t begin) {
  const uint32_t lane = threadIdx.x & 31, warp = threadIdx.x / 32;
#pragma unroll 4
  for (uint32_t e = 0; e < 8; ++e) {
    const uint32_t unit = e * 8 + warp, row = unit / 4 * 4 + lane / 8, number = unit % 4 * 8 + lane % 8;
    slice[number * kPitch + row] = first + row < from.count && begin + number < from.width ? from.row(first + row)[begin + number] : 0.0f;
  }
}
/// s = 64 rows of x times 64 rows of y.
ST_DEVICE void scores(Block4 &s, const Rows<const float> &x, uint32_t x_first, const Rows<const float> &y, uint32_t y_first, float *x_slice, float *y_slice) {
  const uint32_t down = threadIdx.x / 16 * 4, right = threadIdx.x % 16 * 4;
#pragma unroll
  for (int i = 0; i < 4; ++i)
#pragma unroll
    for (int j = 0; j < 4; ++j) s[i][j] = 0;
  for (uint32_t begin = 0; begin < x.width; begin += kSlice) {
    __syncthreads();
    fetch_turned(x_slice, x, x_first, begin);
    fetch_turned(y_slice, y, y_first, begin);
    __syncthreads();
#pragma unroll 4
    for (uint32_t n = 0; n < kSlice; ++n) {
      const Four a = *(const Four *)(x_slice + n * kPitch + down), b = *(const Four *)(y_slice + n * kPitch + right);
#pragma unroll
      for (int i = 0; i < 4; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j) s[i][j] += a.element[i] * b.element[j];
    }
  }
}
/// sum += p y: p 64 x 64, this thread's part in registers; it goes through shared memory, column by column.
template <int Width> ST_DEVICE void add_weighted(float (&sum)[Width / 32][4][2], const Block4 &p, const Rows<const float> &y, uint32_t first, float *weights, float *slice) {
  const uint32_t down = threadIdx.x / 16 * 4, right = threadIdx.x % 16;
  __syncthreads();
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    Four column;
#pragma unroll
    for (int i = 0; i < 4; ++i) column.element[i] = p[i][j];
    *(Four *)(weights + (right * 4 + j) * kPitch + down) = column;
  }
#pragma unroll
  for (uint32_t part = 0; part < Width / kSlice; ++part) {
    if (part * kSlice >= y.width) break;
    if (part) __syncthreads();
#pragma unroll 4
    for (uint32_t e = 0; e < 8; ++e) {
      const uint32_t row = e * 8 + threadIdx.x / 32, number = part * kSlice + threadIdx.x % 32;
      slice[row * kSlice + threadIdx.x % 32] = first + row < y.count && number < y.width ? y.row(first + row)[number] : 0.0f;
    }
    __syncthreads();
#pragma unroll 4
    for (uint32_t n = 0; n < kSide; ++n) {
      const Four a = *(const Four *)(weights + n * kPitch + down);
      const Pack<float, 2> b = *(const Pack<float, 2> *)(slice + n * kSlice + right * 2);
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        sum[part][i][0] += a.element[i] * b.element[0];
        sum[part][i][1] += a.element[i] * b.element[1];
      }
    }
  }
}
template <int Width> ST_DEVICE void store_rows(const Rows<float> &to, uint32_t first, const float (&sum)[Width / 32][4][2], const float (&factor)[4]) {
  const uint32_t down = first + threadIdx.x / 16 * 4, right = threadIdx.x % 16 * 2;
#pragma unroll
  for (int i = 0; i < 4; ++i)
#pragma unroll
    for (uint32_t part = 0; part < Width / kSlice; ++part)
#pragma unroll
      for (uint32_t e = 0; e < 2; ++e) {
        const uint32_t column = part * kSlice + right + e;
        if (down + i < to.count && column < to.width) to.row(down + i)[column] = sum[part][i][e] * factor[i];
      }
}
/// Of the sixteen lanes that share rows.
template <class F> ST_DEVICE float across_row(float x, const F &join) {
#pragma unroll
  for (int lanes = 1; lanes < 16; lanes *= 2) x = join(x, __shfl_xor_sync(0xffffffffu, x, lanes));
  return x;
}

template <int Width> ST_DEVICE void attention_forward(const st_attention_args &args) {
  ST_SHARED(Four, x_slice, kSlice * kPitch / 4);
  ST_SHARED(Four, y_slice, kSlice * kPitch / 4);
  ST_SHARED(Four, weights, kSide * kPitch / 4);
  const Part part(args, args.queries, kSide, args.causal);
  const Rows<const float> query(args, ST_QUERY, part.head, args.queries), key(args, ST_KEY, part.head, args.keys), value(args, ST_VALUE, part.head, args.keys);
  const uint32_t row = part.first + threadIdx.x / 16 * 4, right = threadIdx.x % 16 * 4, seen = keys_seen(args, part.first, kSide);
  const float scale = (float)args.scale * kLog2E;
  float sum[Width / 32][4][2] = {}, greatest[4], total[4] = {};
#pragma unroll
  for (int i = 0; i < 4; ++i) greatest[i] = -Limits<float>::inf();
  for (uint32_t first = 0; first < seen; first += kSide) {
    Block4 s;
    scores(s, query, part.first, key, first, (float *)x_slice, (float *)y_slice);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      float most = greatest[i];
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const uint32_t column = first + right + j;
        // Queries past the end see what others do: nothing of theirs is kept.
        s[i][j] = column < args.keys && (!args.causal || column <= row + i) ? s[i][j] * scale : -Limits<float>::inf();
        most = fmaxf(most, s[i][j]);
      }
      most = across_row(most, [](float a, float b) { return fmaxf(a, b); });
      const float shrink = exp2f(greatest[i] - most);
      greatest[i] = most;
      total[i] *= shrink;
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        s[i][j] = exp2f(s[i][j] - most);
        total[i] += s[i][j];
      }
#pragma unroll
      for (int c = 0; c < Width / 32; ++c) {
        sum[c][i][0] *= shrink;
        sum[c][i][1] *= shrink;
      }
    }
    add_weighted<Width>(sum, s, value, first, (float *)weights, (float *)y_slice);
  }
  float factor[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const float whole = across_row(total[i], [](float a, float b) { return a + b; });
    factor[i] = 1.0f / whole;
    if (right == 0 && row + i < args.queries) pointer<float>(args.lse)[(uint64_t)part.head * args.queries + row + i] = (greatest[i] + log2f(whole)) * kLn2;
  }
  store_rows<Width>(Rows<float>(args, ST_OUT, part.head, args.queries), part.first, sum, factor);
}

/// The weights, and their gradients times them, of one tile. Rows are queries, or keys where Turned.
template <bool Turned> ST_DEVICE void weigh(const st_attention_args &args, uint32_t head, uint32_t first_row, uint32_t first_column, Block4 &p, Block4 &dp) {
  const float scale = (float)args.scale * kLog2E;
  const uint64_t base = (uint64_t)head * args.queries;
  const uint32_t row = first_row + threadIdx.x / 16 * 4, column = first_column + threadIdx.x % 16 * 4;
#pragma unroll
  for (int q = 0; q < 4; ++q) {
    const uint32_t query = (Turned ? column : row) + q;
    const bool there = query < args.queries;
    const float shift = there ? pointer<const float>(args.lse)[base + query] * kLog2E : 0.0f, less = there ? pointer<const float>(args.delta)[base + query] : 0.0f;
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      float &x = Turned ? p[k][q] : p[q][k], &y = Turned ? dp[k][q] : dp[q][k];
      x = is_visible(args, query, (Turned ? row : column) + k) ? exp2f(x * scale - shift) : 0.0f;
      y = x * (y - less);
    }
  }
}
template <int Width, bool OfKeys> ST_DEVICE void attention_backward(const st_attention_args &args) {
  ST_SHARED(Four, x_slice, kSlice * kPitch / 4);
  ST_SHARED(Four, y_slice, kSlice * kPitch / 4);
  ST_SHARED(Four, weights, kSide * kPitch / 4);
  const Part part(args, OfKeys ? args.keys : args.queries, kSide, !OfKeys && args.causal);
  const Rows<const float> query(args, ST_QUERY, part.head, args.queries), key(args, ST_KEY, part.head, args.keys), value(args, ST_VALUE, part.head, args.keys),
      dout(args, ST_DOUT, part.head, args.queries);
  float sum[Width / 32][4][2] = {}, dv[OfKeys ? Width / 32 : 1][4][2] = {};
  float *x = (float *)x_slice, *y = (float *)y_slice, *w = (float *)weights;
  const uint32_t end = OfKeys ? args.queries : keys_seen(args, part.first, kSide);
  for (uint32_t first = OfKeys && args.causal ? part.first : 0; first < end; first += kSide) {
    Block4 p, dp;
    if constexpr (OfKeys) {
      scores(p, key, part.first, query, first, x, y);
      scores(dp, value, part.first, dout, first, x, y);
    } else {
      scores(p, query, part.first, key, first, x, y);
      scores(dp, dout, part.first, value, first, x, y);
    }
    weigh<OfKeys>(args, part.head, part.first, first, p, dp);
    if constexpr (OfKeys) add_weighted<Width>(dv, p, dout, first, w, y);
    add_weighted<Width>(sum, dp, OfKeys ? query : key, first, w, y);
  }
  const float scale = (float)args.scale, one[4] = {1.0f, 1.0f, 1.0f, 1.0f}, factor[4] = {scale, scale, scale, scale};
  if constexpr (OfKeys) store_rows<Width>(Rows<float>(args, ST_DVALUE, part.head, args.keys), part.first, dv, one);
  store_rows<Width>(Rows<float>(args, OfKeys ? ST_DKEY : ST_DQUERY, part.head, OfKeys ? args.keys : args.queries), part.first, sum, factor);
}
#endif
