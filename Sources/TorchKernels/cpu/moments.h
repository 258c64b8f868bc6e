// Mean and squared deviations of blocks that fit in cache: two passes, blocks combined in double. Included inside a level's namespace after fold.h.

ST_FN void merge_moments(MomentState *s, double n, double mean, double m2) {
  double total = s->count + n, d = mean - s->mean;
  s->m2 += m2 + d * d * (s->count * n / total);
  s->mean += d * (n / total);
  s->count = total;
}
template <class C> struct Deviation {   // sum of (x - shift) and of its square
  template <int W> ST_FN Vec<C, W> join(Vec<C, W> a, Vec<C, W> b) { return a + b; }
};
template <class T, class C> void moment_rows(const char *bytes, int64_t n, void *state, int64_t) {
  constexpr int W = ST_VECTOR_BYTES / sizeof(C);
  typedef Vec<C, W> V;
  const T *p = (const T *)bytes;
  while (n > 0) {
    long m = n < kRun ? (long)n : kRun;
    C shift = fold_run<Sum<C>, T, C, W, 1>(p, m)[0] / (C)m;
    V d0 = (V)(0), d1 = d0, q0 = d0, q1 = d0;
    long i = 0;
    for (; i + 2 * W <= m; i += 2 * W) {
      V x = load<C, W>(p + i) - (V)(shift), y = load<C, W>(p + i + W) - (V)(shift);
      d0 += x; d1 += y; q0 += x * x; q1 += y * y;
    }
    for (; i < m; i += W) {
      long left = m - i;
      V x = (left < W ? load_part<C, W>(p + i, left, shift) : load<C, W>(p + i)) - (V)(shift);
      if (left < W) x = lanes<C, W>() < (Vec<MaskElement<C>, W>)((MaskElement<C>)left) ? x : (V)(0);
      d0 += x; q0 += x * x;
    }
    double d = Fold<Deviation<C>, C, W, 1>::of(d0 + d1)[0], q = Fold<Deviation<C>, C, W, 1>::of(q0 + q1)[0];
    // The shift is the mean up to rounding; what is left of it comes off exactly.
    merge_moments((MomentState *)state, (double)m, (double)shift + d / (double)m, q - d * d / (double)m);
    p += m; n -= m;
  }
}
template <class T, class C, int W> ST_FN void moment_columns_tile(const char *bytes, int64_t stride, long rows, long columns, MomentState *state) {
  typedef Vec<C, W> V;
  constexpr long VMAX = 512 / W;
  V shift[VMAX], d[VMAX], q_[VMAX];
  long nv = (columns + W - 1) / W;
  for (long v = 0; v < nv; ++v) shift[v] = d[v] = q_[v] = (V)(0);
  long r = 0;
  for (; r + 4 <= rows; r += 4)
    for (long v = 0; v < nv; ++v) {
      const char *q = bytes + r * stride + (v + 1 < nv ? v * W : columns - W) * (long)sizeof(T);
      shift[v] += (load<C, W>((const T *)q) + load<C, W>((const T *)(q + stride))) + (load<C, W>((const T *)(q + 2 * stride)) + load<C, W>((const T *)(q + 3 * stride)));
    }
  for (; r < rows; ++r)
    for (long v = 0; v < nv; ++v) shift[v] += load<C, W>((const T *)(bytes + r * stride) + (v + 1 < nv ? v * W : columns - W));
  for (long v = 0; v < nv; ++v) shift[v] /= (V)((C)rows);
  for (r = 0; r + 4 <= rows; r += 4)
    for (long v = 0; v < nv; ++v) {
      const char *q = bytes + r * stride + (v + 1 < nv ? v * W : columns - W) * (long)sizeof(T);
      V s = shift[v], dd = d[v], qq = q_[v];
#pragma unroll
      for (int k = 0; k < 4; ++k) { V x = load<C, W>((const T *)(q + k * stride)) - s; dd += x; qq += x * x; }
      d[v] = dd; q_[v] = qq;
    }
  for (; r < rows; ++r)
    for (long v = 0; v < nv; ++v) {
      V x = load<C, W>((const T *)(bytes + r * stride) + (v + 1 < nv ? v * W : columns - W)) - shift[v];
      d[v] += x; q_[v] += x * x;
    }
  // All columns of a tile have seen the same number of rows.
  const double n = (double)rows, before = state[0].count, total = before + n, part = n / total, weight = before * part, each = 1 / n;
  for (long v = 0; v < nv; ++v) {
    long off = v + 1 < nv ? v * W : columns - W;
    C shifts[W], ds[W], qs[W];
    __builtin_memcpy(shifts, &shift[v], sizeof shifts);
    __builtin_memcpy(ds, &d[v], sizeof ds);
    __builtin_memcpy(qs, &q_[v], sizeof qs);
    for (long l = v * W - off; l < W; ++l) {
      MomentState &s = state[off + l];
      const double dd = ds[l], rest = dd * each, delta = (double)shifts[l] + rest - s.mean;
      s.m2 += (double)qs[l] - dd * rest + delta * delta * weight;
      s.mean += delta * part;
      s.count = total;
    }
  }
}
template <class T, class C> void moment_columns(const char *bytes, int64_t stride, int64_t rows, int64_t columns, void *state, int64_t) {
  constexpr int W = ST_VECTOR_BYTES / sizeof(C);
  MomentState *s = (MomentState *)state;
  while (rows > 0) {
    long m = rows < 64 ? (long)rows : 64;
    if (columns < W) {
      for (long j = 0; j < columns; ++j) moment_columns_tile<T, C, 1>(bytes + j * (long)sizeof(T), stride, m, 1, s + j);
    } else {
      for (long j = 0; j < columns;) {
        long t = columns - j < 512 ? (long)columns - j : 512;
        if (columns - j - t > 0 && columns - j - t < W) t -= W;
        moment_columns_tile<T, C, W>(bytes + j * (long)sizeof(T), stride, m, t, s + j);
        j += t;
      }
    }
    bytes += m * stride; rows -= m;
  }
}
