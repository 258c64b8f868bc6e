// Loops over the columns of a row by vectors, the last one short. Included inside a level's namespace after vector.h.

/// Runs the statements over vectors of W columns, the last one possibly short: `full` is a constant, `left` the number of columns from `i` on, at most W.
#define ST_COLUMNS(n, ...)                                                                  \
  {                                                                                         \
    long i = 0;                                                                             \
    for (; i + W <= (n); i += W) { constexpr bool full = true; constexpr long left = W; (void)full; (void)left; __VA_ARGS__ } \
    if (i < (n)) { constexpr bool full = false; const long left = (n) - i; (void)full; __VA_ARGS__ }              \
  }
template <bool Full, class C, int W, class T> ST_FN Vec<C, W> take(const T *p, long left, C fill) {
  if constexpr (Full) return load<C, W>(p);
  else return load_part<C, W>(p, left, fill);
}
template <bool Full, class C, int W, class T> ST_FN void give(T *p, long left, Vec<C, W> v) {
  if constexpr (Full) store<C, W>(p, v);
  else store_part<C, W>(p, left, v);
}
template <class T, class C> ST_FN C scalar(const void *p, int64_t i) { return load<C, 1>((const T *)p + i)[0]; }
template <class T, class C> ST_FN void set_scalar(void *p, int64_t i, C x) { store<C, 1>((T *)p + i, (Vec<C, 1>)(x)); }
