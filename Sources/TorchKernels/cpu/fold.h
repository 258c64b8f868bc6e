// What reductions fold with, and the fold of a short contiguous run in registers. Included inside a level's namespace after vector.h.

// ---- What is folded: `map` an element, `join` two partial results, `carry` a block's result into the state.

template <class C> struct CarryOf { typedef C type; };
template <> struct CarryOf<float> { typedef double type; };

template <class C> struct Sum {
  typedef typename CarryOf<C>::type State;
  static constexpr bool checked = false, extreme = false;
  static constexpr C identity() { return 0; }
  template <int W> ST_FN Vec<C, W> map(Vec<C, W> x) { return x; }
  template <int W> ST_FN Vec<C, W> join(Vec<C, W> a, Vec<C, W> b) { return a + b; }
  ST_FN State carry(State s, C block) { return s + (State)block; }
};
template <class C> struct NanSum : Sum<C> {
  template <int W> ST_FN Vec<C, W> map(Vec<C, W> x) { return x == x ? x : (Vec<C, W>)(0); }
};
template <class C> struct AbsSum : Sum<C> {
  template <int W> ST_FN Vec<C, W> map(Vec<C, W> x) { return __builtin_elementwise_abs(x); }
};
template <class C> struct SquareSum : Sum<C> {
  // Squares of floats leave float's range long before their root does; such blocks are summed again in double.
  static constexpr bool checked = Same<C, float>::value;
  ST_FN bool fits(C block) { return block == 0 ? false : block > (C)1e-30 && block < (C)1e37; }
  ST_FN double exactly(double x) { return x * x; }
  template <int W> ST_FN Vec<C, W> map(Vec<C, W> x) { return x * x; }
};
template <class C> struct Prod {
  typedef typename CarryOf<C>::type State;
  static constexpr bool checked = false, extreme = false;
  static constexpr C identity() { return 1; }
  template <int W> ST_FN Vec<C, W> map(Vec<C, W> x) { return x; }
  template <int W> ST_FN Vec<C, W> join(Vec<C, W> a, Vec<C, W> b) { return a * b; }
  ST_FN State carry(State s, C block) { return s * (State)block; }
};
/// NaN wins.
template <class C> struct Max {
  typedef C State;
  static constexpr bool checked = false, extreme = true;
  static constexpr C identity() {
    if constexpr (isFloating<C>) return (C)-__builtin_inf();
    else return (C)-1 > (C)0 ? (C)0 : (C)((unsigned long long)1 << (8 * sizeof(C) - 1));
  }
  template <int W> ST_FN Vec<C, W> map(Vec<C, W> x) { return x; }
  template <int W> ST_FN Vec<C, W> join(Vec<C, W> a, Vec<C, W> b) {
    if constexpr (isFloating<C>) { Vec<C, W> m = b > a ? b : a; return b != b ? b : m; }
    else return b > a ? b : a;
  }
  template <int W> ST_FN Vec<C, W> plain(Vec<C, W> a, Vec<C, W> b) { return b > a ? b : a; }
  ST_FN C carry(C s, C block) { return block > s || block != block ? block : s; }
  /// a is strictly better than b
  template <int W> ST_FN auto better(Vec<C, W> a, Vec<C, W> b) { return a > b; }
};
template <class C> struct Min {
  typedef C State;
  static constexpr bool checked = false, extreme = true;
  static constexpr C identity() {
    if constexpr (isFloating<C>) return (C)__builtin_inf();
    else return (C)-1 > (C)0 ? (C)-1 : (C)~((unsigned long long)1 << (8 * sizeof(C) - 1));
  }
  template <int W> ST_FN Vec<C, W> map(Vec<C, W> x) { return x; }
  template <int W> ST_FN Vec<C, W> join(Vec<C, W> a, Vec<C, W> b) {
    if constexpr (isFloating<C>) { Vec<C, W> m = b < a ? b : a; return b != b ? b : m; }
    else return b < a ? b : a;
  }
  template <int W> ST_FN Vec<C, W> plain(Vec<C, W> a, Vec<C, W> b) { return b < a ? b : a; }
  ST_FN C carry(C s, C block) { return block < s || block != block ? block : s; }
  template <int W> ST_FN auto better(Vec<C, W> a, Vec<C, W> b) { return a < b; }
};
template <class C> struct AbsMax : Max<C> {
  static constexpr C identity() { return 0; }
  template <int W> ST_FN Vec<C, W> map(Vec<C, W> x) { return __builtin_elementwise_abs(x); }
};
template <class C> struct AbsMin : Min<C> {
  template <int W> ST_FN Vec<C, W> map(Vec<C, W> x) { return __builtin_elementwise_abs(x); }
};

// ---- Contiguous runs

constexpr long kRun = 4096;   // elements folded in the element's own precision
/// Plain folds are bound by memory, and wider loads than 32 bytes slow that down; conversions gain from full registers.
template <class T, class C> constexpr int row_lanes = (ST_VECTOR_BYTES > 32 && sizeof(T) == sizeof(C) ? 32 : ST_VECTOR_BYTES) / sizeof(C);

/// Lanes of a vector of which only the last n count; the others become the identity.
template <class Op, class C, int W> ST_FN Vec<C, W> keep_last(Vec<C, W> x, long n) {
  typedef MaskElement<C> M;
  return lanes<C, W>() >= (Vec<M, W>)((M)(W - n)) ? x : (Vec<C, W>)(Op::identity());
}
/// The n < W elements that end at p + n, mapped, other lanes the identity. `before`: W - n elements in front may be read.
template <class Op, class T, class C, int W> ST_FN Vec<C, W> tail(const T *p, long n, bool before) {
  typedef MaskElement<C> M;
  if (before) return keep_last<Op, C, W>(Op::template map<W>(load<C, W>(p + n - W)), n);
  Vec<C, W> x = Op::template map<W>(load_part<C, W>(p, n, Op::identity()));
  return lanes<C, W>() < (Vec<M, W>)((M)n) ? x : (Vec<C, W>)(Op::identity());
}

/// Folds n <= kRun elements to G lanes (G is 2 for complex: real and imaginary parts side by side).
template <class Op, class T, class C, int W, int G> ST_FN Vec<C, G> fold_run(const T *p, long n) {
  typedef Vec<C, W> V;
  constexpr int K = 4;
  V a[K];
#pragma unroll
  for (int k = 0; k < K; ++k) a[k] = (V)(Op::identity());
  long i = 0;
  if constexpr (Op::extreme && isFloating<C>) {
    // Comparisons alone lose NaN, so it is noted beside them: one test for two vectors.
    Vec<MaskElement<C>, W> nan0 = {}, nan1 = {};
    for (; i + K * W <= n; i += K * W) {
      V x[K];
#pragma unroll
      for (int k = 0; k < K; ++k) { x[k] = Op::template map<W>(load<C, W>(p + i + k * W)); a[k] = Op::template plain<W>(a[k], x[k]); }
      nan0 |= (x[0] != x[0]) | (x[1] != x[1]);
      nan1 |= (x[2] != x[2]) | (x[3] != x[3]);
    }
    nan0 |= nan1;
    if (__builtin_reduce_or(nan0)) a[0] = (V)((C)__builtin_nan(""));
  } else {
    for (; i + K * W <= n; i += K * W) {
#pragma unroll
      for (int k = 0; k < K; ++k) a[k] = Op::template join<W>(a[k], Op::template map<W>(load<C, W>(p + i + k * W)));
    }
  }
  if (i + 2 * W <= n) {
    a[0] = Op::template join<W>(a[0], Op::template map<W>(load<C, W>(p + i)));
    a[1] = Op::template join<W>(a[1], Op::template map<W>(load<C, W>(p + i + W)));
    i += 2 * W;
  }
  if (i + W <= n) { a[2] = Op::template join<W>(a[2], Op::template map<W>(load<C, W>(p + i))); i += W; }
  if (i < n) a[3] = Op::template join<W>(a[3], tail<Op, T, C, W>(p + i, n - i, n >= W));
  V s = Op::template join<W>(Op::template join<W>(a[0], a[1]), Op::template join<W>(a[2], a[3]));
  return Fold<Op, C, W, G>::of(s);
}
