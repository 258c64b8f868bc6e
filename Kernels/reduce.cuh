// What reductions fold with: reduction::NAME<S> for every StReduceOp (TorchKernels/include/st_reduce.h says what each is), S the type of the elements.
//
// Note [Reductions on the device]
// A State takes elements one by one (`add`) and other states (`merge`); `finish` makes the result. Sums of floats are carried in float64, which costs nothing where memory is the
// limit and makes results hardly depend on the order. The order is fixed by the geometry all the same: no atomics.
#ifndef ST_REDUCE
#define ST_REDUCE
#include "pointwise.cuh"

/// Most numeric and least value of a type.
template <class C> ST_DEVICE C lowest_of() {
  if constexpr (is_float<C>) return -Limits<C>::inf();
  else if constexpr (is_bool<C>) return false;
  else return C(-1) > C(0) ? C(0) : (C)((uint64_t)1 << (8 * sizeof(C) - 1));
}
template <class C> ST_DEVICE C highest_of() {
  if constexpr (is_float<C>) return Limits<C>::inf();
  else if constexpr (is_bool<C>) return true;
  else return C(-1) > C(0) ? (C)-1 : (C)(((uint64_t)1 << (8 * sizeof(C) - 1)) - 1);
}
/// What sums of C are carried in.
template <class C> struct WideOf { typedef uint64_t Type; };
template <> struct WideOf<float> { typedef double Type; };
template <> struct WideOf<double> { typedef double Type; };
template <> struct WideOf<complex64> { typedef complex128 Type; };
template <> struct WideOf<complex128> { typedef complex128 Type; };
template <class C> using Wide = typename WideOf<C>::Type;
template <class C> ST_DEVICE Wide<C> widened(C x) {
  if constexpr (is_same<C, complex64>) return widen(x);
  else if constexpr (is_integer<C> || is_bool<C>) return (uint64_t)(int64_t)x;
  else return x;
}
/// From the carried type to the stored one.
template <class R, class W> ST_DEVICE R stored(W x) {
  if constexpr (is_same<R, complex64>) return narrow(x);
  else if constexpr (is_same<R, complex128>) return x;
  else return Element<R>::store((Compute<R>)x);
}

namespace reduction {

template <class S> struct sum {
  typedef Compute<S> C;
  typedef S Result;
  struct State { Wide<C> total; };
  ST_FN State start(const st_params &) { return {zero_of<Wide<C>>()}; }
  ST_FN void add(State &s, C x, uint32_t, const st_params &) { s.total = s.total + widened(x); }
  ST_FN void merge(State &s, const State &t, const st_params &) { s.total = s.total + t.total; }
  ST_FN S finish(const State &s, uint32_t, const st_params &) { return stored<S>(s.total); }
};
template <class S> struct nansum : sum<S> {
  ST_FN void add(typename sum<S>::State &s, Compute<S> x, uint32_t, const st_params &) { s.total = s.total + (x == x ? widened(x) : 0); }
};
template <class S> struct mean : sum<S> {
  ST_FN S finish(const typename sum<S>::State &s, uint32_t n, const st_params &) {
    if constexpr (is_complex<S>) return stored<S>(make_complex<double>(s.total.re / n, s.total.im / n));
    else return stored<S>(s.total / n);
  }
};
template <class S> struct wideSum : sum<S> {
  typedef int64_t Result;
  ST_FN int64_t finish(const typename sum<S>::State &s, uint32_t, const st_params &) { return (int64_t)s.total; }
};
template <class S> struct prod {
  typedef Compute<S> C;
  typedef S Result;
  struct State { Wide<C> product; };
  ST_FN State start(const st_params &) { return {one_of<Wide<C>>()}; }
  ST_FN void add(State &s, C x, uint32_t, const st_params &) { s.product = s.product * widened(x); }
  ST_FN void merge(State &s, const State &t, const st_params &) { s.product = s.product * t.product; }
  ST_FN S finish(const State &s, uint32_t, const st_params &) { return stored<S>(s.product); }
};
template <class S> struct wideProd : prod<S> {
  typedef int64_t Result;
  ST_FN int64_t finish(const typename prod<S>::State &s, uint32_t, const st_params &) { return (int64_t)s.product; }
};
/// NaN wins.
template <class S> struct max {
  typedef Compute<S> C;
  typedef S Result;
  struct State { C best; };
  ST_FN State start(const st_params &) { return {lowest_of<C>()}; }
  ST_FN void add(State &s, C x, uint32_t, const st_params &) { s.best = x > s.best || x != x ? x : s.best; }
  ST_FN void merge(State &s, const State &t, const st_params &p) { add(s, t.best, 0, p); }
  ST_FN S finish(const State &s, uint32_t, const st_params &) { return Element<S>::store(s.best); }
};
template <class S> struct min {
  typedef Compute<S> C;
  typedef S Result;
  struct State { C best; };
  ST_FN State start(const st_params &) { return {highest_of<C>()}; }
  ST_FN void add(State &s, C x, uint32_t, const st_params &) { s.best = x < s.best || x != x ? x : s.best; }
  ST_FN void merge(State &s, const State &t, const st_params &p) { add(s, t.best, 0, p); }
  ST_FN S finish(const State &s, uint32_t, const st_params &) { return Element<S>::store(s.best); }
};
/// The first of equal elements; NaN wins, the first one.
template <class S, bool Greatest> struct Position {
  typedef Compute<S> C;
  typedef int64_t Result;
  struct State { C best; uint32_t index; };
  static constexpr uint32_t kNone = 0xffffffffu;
  static constexpr bool kIsChain = true;
  // Nothing is better than the first state, which is all that is left of elements that equal it: then the first one is meant.
  ST_FN State start(const st_params &) { return {Greatest ? lowest_of<C>() : highest_of<C>(), kNone}; }
  /// Elements come in the order of their places, so equal ones do not matter. NaN is neither at most nor at least.
  ST_FN void add(State &s, C x, uint32_t i, const st_params &) {
    const bool take = !(Greatest ? x <= s.best : x >= s.best) && s.best == s.best;
    s.best = take ? x : s.best;
    s.index = take ? i : s.index;
  }
  ST_FN void merge(State &s, const State &t, const st_params &) {
    const bool nan = t.best != t.best, had_nan = s.best != s.best, better = Greatest ? t.best > s.best : t.best < s.best, tied = nan ? had_nan : t.best == s.best;
    const bool take = (nan && !had_nan) || (!had_nan && better) || (tied && t.index < s.index);
    s.best = take ? t.best : s.best;
    s.index = take ? t.index : s.index;
  }
  ST_FN int64_t finish(const State &s, uint32_t, const st_params &) { return s.index == kNone ? 0 : s.index; }
};
template <class S> struct argmax : Position<S, true> {};
template <class S> struct argmin : Position<S, false> {};

template <class S> struct countNonzero {
  typedef Compute<S> C;
  typedef int64_t Result;
  struct State { uint32_t count; };
  ST_FN State start(const st_params &) { return {0}; }
  ST_FN void add(State &s, C x, uint32_t, const st_params &) { s.count += x != zero_of<C>(); }
  ST_FN void merge(State &s, const State &t, const st_params &) { s.count += t.count; }
  ST_FN int64_t finish(const State &s, uint32_t, const st_params &) { return s.count; }
};
/// any and all of uint8 are uint8, as in PyTorch.
template <class S> struct TruthOf { typedef bool Type; };
template <> struct TruthOf<uint8_t> { typedef uint8_t Type; };
template <class S> struct any : countNonzero<S> {
  typedef typename TruthOf<S>::Type Result;
  ST_FN Result finish(const typename countNonzero<S>::State &s, uint32_t, const st_params &) { return s.count != 0; }
};
template <class S> struct all : countNonzero<S> {
  typedef typename TruthOf<S>::Type Result;
  ST_FN Result finish(const typename countNonzero<S>::State &s, uint32_t n, const st_params &) { return s.count == n; }
};

/// Sums of x - pivot and of its square, the pivot being an element: no division for each element, and nothing to cancel.
struct Moments {
  double count, pivot, first, second;
  ST_CALL void add(double x) {
    if (count == 0.0) pivot = x;
    const double d = x - pivot;
    count += 1.0;
    first += d;
    second += d * d;
  }
  ST_CALL void merge(const Moments &t) {
    if (t.count == 0.0) return;
    if (count == 0.0) { *this = t; return; }
    const double d = t.pivot - pivot;
    second += t.second + d * (2.0 * t.first + t.count * d);
    first += t.first + t.count * d;
    count += t.count;
  }
  /// Sum of squared distances from the mean.
  ST_CALL double spread() const {
    const double m = second - first * (first / count);
    return m < 0.0 ? 0.0 : m;
  }
};
/// f[0]: the correction.
template <class S> struct variance {
  typedef Compute<S> C;
  typedef typename Real<S>::Type Result;
  struct State { Moments part[is_complex<S> ? 2 : 1]; };
  ST_FN State start(const st_params &) { return {}; }
  ST_FN void add(State &s, C x, uint32_t, const st_params &) {
    if constexpr (is_complex<S>) {
      s.part[0].add(x.re);
      s.part[1].add(x.im);
    } else s.part[0].add(x);
  }
  ST_FN void merge(State &s, const State &t, const st_params &) {
    s.part[0].merge(t.part[0]);
    if constexpr (is_complex<S>) s.part[1].merge(t.part[1]);
  }
  ST_FN double value(const State &s, uint32_t n, const st_params &p) {
    if (n == 0) return Limits<double>::nan();
    double spread = s.part[0].spread();
    if constexpr (is_complex<S>) spread += s.part[1].spread();
    const double freedom = (double)n - p.f[0];
    return spread / (freedom > 0.0 ? freedom : 0.0);
  }
  ST_FN Result finish(const State &s, uint32_t n, const st_params &p) { return stored<Result>(value(s, n, p)); }
};
template <class S> struct std : variance<S> {
  typedef typename Real<S>::Type Result;
  ST_FN Result finish(const typename variance<S>::State &s, uint32_t n, const st_params &p) { return stored<Result>(m_sqrt(variance<S>::value(s, n, p))); }
};
/// f[0]: the order; 0 counts, infinity and its negative take the greatest and the least.
template <class S> struct norm {
  typedef Compute<S> C;
  typedef typename Real<S>::Type Result;
  struct State { double value; };
  ST_FN State start(const st_params &p) { return {p.f[0] == -Limits<double>::inf() ? Limits<double>::inf() : 0.0}; }
  ST_FN double size(C x) {
    if constexpr (is_complex<S>) return m_abs(widened(x));
    else return m_fabs((double)x);
  }
  ST_FN void join(State &s, double x, const st_params &p) {
    if (p.f[0] == Limits<double>::inf()) s.value = x > s.value || x != x ? x : s.value;
    else if (p.f[0] == -Limits<double>::inf()) s.value = x < s.value || x != x ? x : s.value;
    else s.value += x;
  }
  ST_FN void add(State &s, C x, uint32_t, const st_params &p) {
    const double order = p.f[0];
    if (order == 2.0) {
      if constexpr (is_complex<S>) s.value += (double)x.re * x.re + (double)x.im * x.im;
      else s.value += (double)x * x;
    } else if (order == 1.0 || m_isinf(order)) join(s, size(x), p);
    else if (order == 0.0) s.value += x != zero_of<C>();
    else s.value += m_pow(size(x), order);
  }
  ST_FN void merge(State &s, const State &t, const st_params &p) { join(s, t.value, p); }
  ST_FN Result finish(const State &s, uint32_t, const st_params &p) {
    const double order = p.f[0];
    const double y = order == 2.0 ? m_sqrt(s.value) : order == 1.0 || order == 0.0 || m_isinf(order) ? s.value : m_pow(s.value, 1.0 / order);
    return stored<Result>(y);
  }
};
/// The sum relative to the greatest element so far.
template <class S> struct logSumExp {
  typedef Compute<S> C;
  typedef S Result;
  struct State { double greatest, total; };
  ST_FN State start(const st_params &) { return {-Limits<double>::inf(), 0.0}; }
  ST_FN void join(State &s, double greatest, double total) {
    if (greatest == -Limits<double>::inf()) return;
    if (greatest > s.greatest || greatest != greatest) {
      s.total = (s.greatest == -Limits<double>::inf() ? 0.0 : s.total * m_exp(C(s.greatest - greatest))) + total;
      s.greatest = greatest;
    } else s.total += total * (greatest == s.greatest ? 1.0 : (double)m_exp(C(greatest - s.greatest)));
  }
  ST_FN void add(State &s, C x, uint32_t, const st_params &) { join(s, x, 1.0); }
  ST_FN void merge(State &s, const State &t, const st_params &) { join(s, t.greatest, t.total); }
  ST_FN S finish(const State &s, uint32_t, const st_params &) {
    return stored<S>(m_isinf(s.greatest) ? s.greatest : s.greatest + m_log(s.total));
  }
};

}  // namespace reduction
#endif
