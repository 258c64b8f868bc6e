// Reductions: picks the kernel, decides how a strided reduction becomes contiguous rows or columns, splits it among threads.
#include "st_reduce.h"
#include "st_allocator.h"
#include "st_parallel.h"
#include "cpu/reduce_state.h"
#include <math.h>
#include <string.h>

#define ST_LEVEL_FILE "reduce.inc"
#include "cpu/each_level.h"

namespace {

// ---- Scalar pieces: complex numbers and powers

template <class R> struct Complex { R re, im; };
struct PowerState { double sum, power; };
struct ComplexMomentState { MomentState re, im; };
struct AbsState { double best; };

/// One state fed element by element, for what is too rare to vectorise.
template <class T, class S, void (*step)(S *, T)> struct Scalar {
  static void rows(const char *p, int64_t n, void *state, int64_t) {
    for (int64_t i = 0; i < n; ++i) { T x; memcpy(&x, p + i * (int64_t)sizeof(T), sizeof x); step((S *)state, x); }
  }
  static void columns(const char *p, int64_t stride, int64_t rows, int64_t columns, void *state, int64_t) {
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t j = 0; j < columns; ++j) { T x; memcpy(&x, p + r * stride + j * (int64_t)sizeof(T), sizeof x); step((S *)state + j, x); }
  }
};
double widened(float x) { return x; }
double widened(double x) { return x; }
double widened(st_baseline::h16 x) { return st_baseline::load<float, 1>(&x)[0]; }
double widened(st_baseline::b16 x) { return st_baseline::load<float, 1>(&x)[0]; }
template <class R> double magnitude(Complex<R> z) { return hypot((double)z.re, (double)z.im); }
template <class R> double magnitude(R x) { return fabs(widened(x)); }

template <class R> void complex_multiply(Complex<double> *s, Complex<R> z) {
  double re = s->re * z.re - s->im * z.im;
  s->im = s->re * z.im + s->im * z.re;
  s->re = re;
}
template <class T> void add_power(PowerState *s, T x) { s->sum += pow(magnitude(x), s->power); }
template <class R> void add_moments(MomentState *s, R x) {
  double d = (double)x - s->mean;
  s->count += 1;
  s->mean += d / s->count;
  s->m2 += d * ((double)x - s->mean);
}
template <class R> void add_complex_moments(ComplexMomentState *s, Complex<R> z) { add_moments(&s->re, z.re); add_moments(&s->im, z.im); }
template <class R> void add_square(double *s, Complex<R> z) { s[0] += (double)z.re * z.re + (double)z.im * z.im; }
template <class R> void add_abs(double *s, Complex<R> z) { *s += magnitude(z); }
template <class R> void max_abs(double *s, Complex<R> z) { double a = magnitude(z); if (a > *s || a != a) *s = a; }
template <class R> void min_abs(double *s, Complex<R> z) { double a = magnitude(z); if (a < *s || a != a) *s = a; }
template <class R> void count_complex(int64_t *s, Complex<R> z) { *s += z.re != 0 || z.im != 0; }

template <class T, class S, void (*step)(S *, T)> const ReduceKernel *scalar_kernel() {
  static const ReduceKernel k = {sizeof(S), Scalar<T, S, step>::rows, Scalar<T, S, step>::columns};
  return &k;
}

// ---- States: start, merge, finish

typedef void (*Init)(void *, int64_t, const st_params *);
typedef void (*Merge)(void *, const void *, int64_t);
typedef void (*Finish)(const void *, int64_t n, char *out, int64_t stride, int64_t count, const st_params *);

template <class S> void init_zero(void *s, int64_t n, const st_params *) { memset(s, 0, (size_t)n * sizeof(S)); }
template <class S> void init_one(void *s, int64_t n, const st_params *) { for (int64_t i = 0; i < n; ++i) ((S *)s)[i] = 1; }
void init_complex_one(void *s, int64_t n, const st_params *) { for (int64_t i = 0; i < n; ++i) ((Complex<double> *)s)[i] = {1, 0}; }
template <class Op> void init_identity(void *s, int64_t n, const st_params *) { for (int64_t i = 0; i < n; ++i) ((typename Op::State *)s)[i] = Op::identity(); }
template <class C> void init_best(void *s, int64_t n, const st_params *) { for (int64_t i = 0; i < n; ++i) ((BestState<C> *)s)[i] = {0, -1}; }
void init_power(void *s, int64_t n, const st_params *p) { for (int64_t i = 0; i < n; ++i) ((PowerState *)s)[i] = {0, p->f[0]}; }
void init_logsumexp(void *s, int64_t n, const st_params *) { for (int64_t i = 0; i < n; ++i) ((LogSumExpState *)s)[i] = {-INFINITY, 0}; }

template <class S> void merge_sum(void *a, const void *b, int64_t n) { for (int64_t i = 0; i < n; ++i) ((S *)a)[i] += ((const S *)b)[i]; }
template <class S> void merge_prod(void *a, const void *b, int64_t n) { for (int64_t i = 0; i < n; ++i) ((S *)a)[i] *= ((const S *)b)[i]; }
void merge_complex_prod(void *a, const void *b, int64_t n) { for (int64_t i = 0; i < n; ++i) complex_multiply((Complex<double> *)a + i, ((const Complex<double> *)b)[i]); }
template <class Op> void merge_carry(void *a, const void *b, int64_t n) {
  typedef typename Op::State S;
  for (int64_t i = 0; i < n; ++i) ((S *)a)[i] = Op::carry(((S *)a)[i], ((const S *)b)[i]);
}
template <class C, bool Largest> void merge_best(void *a, const void *b, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    BestState<C> &x = ((BestState<C> *)a)[i];
    const BestState<C> &y = ((const BestState<C> *)b)[i];
    if (y.index < 0) continue;
    if (x.index < 0 || (x.best == x.best && (y.best != y.best || (Largest ? y.best > x.best : y.best < x.best)))) x = y;
  }
}
void merge_one_moment(MomentState *x, const MomentState *y) {
  if (y->count == 0) return;
  double total = x->count + y->count, d = y->mean - x->mean;
  x->m2 += y->m2 + d * d * (x->count * y->count / total);
  x->mean += d * (y->count / total);
  x->count = total;
}
void merge_moment(void *a, const void *b, int64_t n) { for (int64_t i = 0; i < n; ++i) merge_one_moment((MomentState *)a + i, (const MomentState *)b + i); }
void merge_power(void *a, const void *b, int64_t n) { for (int64_t i = 0; i < n; ++i) ((PowerState *)a)[i].sum += ((const PowerState *)b)[i].sum; }
void merge_logsumexp(void *a, const void *b, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    LogSumExpState &x = ((LogSumExpState *)a)[i], y = ((const LogSumExpState *)b)[i];
    if (y.sum == 0) continue;
    if (x.sum == 0) { x = y; continue; }
    double m = y.max > x.max || y.max != y.max ? y.max : x.max;
    x.sum = x.sum * (x.max == m ? 1 : exp(x.max - m)) + y.sum * (y.max == m ? 1 : exp(y.max - m));
    x.max = m;
  }
}

/// A double as any stored type.
template <class O> O narrowed(double x) { return (O)x; }
template <> st_baseline::h16 narrowed(double x) { st_baseline::h16 h; st_baseline::store<float, 1>(&h, (st_baseline::Vec<float, 1>)((float)x)); return h; }
template <> st_baseline::b16 narrowed(double x) { st_baseline::b16 h; st_baseline::store<float, 1>(&h, (st_baseline::Vec<float, 1>)((float)x)); return h; }
template <class O> void put(char *out, int64_t stride, int64_t i, O x) { memcpy(out + i * stride, &x, sizeof x); }

/// Formulas over a floating state.
template <class S> double value_of(const S &s, int64_t, const st_params *) { return (double)s; }
double mean_of(const double &s, int64_t count, const st_params *) { return s / (double)count; }
double root_of(const double &s, int64_t, const st_params *) { return sqrt(s); }
double variance_of(const MomentState &s, int64_t count, const st_params *p) { double d = (double)count - p->f[0]; return count == 0 ? NAN : s.m2 / (d > 0 ? d : 0); }
double deviation_of(const MomentState &s, int64_t count, const st_params *p) { return sqrt(variance_of(s, count, p)); }
double complex_variance_of(const ComplexMomentState &s, int64_t count, const st_params *p) { return variance_of(s.re, count, p) + variance_of(s.im, count, p); }
double complex_deviation_of(const ComplexMomentState &s, int64_t count, const st_params *p) { return sqrt(complex_variance_of(s, count, p)); }
double power_of(const PowerState &s, int64_t, const st_params *) { return pow(s.sum, 1 / s.power); }
double log_of(const LogSumExpState &s, int64_t, const st_params *) { return isinf(s.max) ? s.max : s.max + log(s.sum); }
double counted(const int64_t &s, int64_t, const st_params *) { return (double)s; }

template <class S, class O, double (*formula)(const S &, int64_t, const st_params *)>
void finish_float(const void *s, int64_t n, char *out, int64_t stride, int64_t count, const st_params *p) {
  for (int64_t i = 0; i < n; ++i) put(out, stride, i, narrowed<O>(formula(((const S *)s)[i], count, p)));
}
template <class S, double (*formula)(const S &, int64_t, const st_params *)> Finish finish_as(StDType t) {
  switch (t) {
    case StDType_float16: return finish_float<S, st_baseline::h16, formula>;
    case StDType_bfloat16: return finish_float<S, st_baseline::b16, formula>;
    case StDType_float32: case StDType_complex64: return finish_float<S, float, formula>;
    default: return finish_float<S, double, formula>;
  }
}
template <class R, bool Mean> void finish_complex(const void *s, int64_t n, char *out, int64_t stride, int64_t count, const st_params *) {
  for (int64_t i = 0; i < n; ++i) {
    Complex<double> z = ((const Complex<double> *)s)[i];
    if (Mean) { z.re /= (double)count; z.im /= (double)count; }
    put(out, stride, i, Complex<R>{(R)z.re, (R)z.im});
  }
}
template <class S, class O> void finish_integer(const void *s, int64_t n, char *out, int64_t stride, int64_t, const st_params *) {
  for (int64_t i = 0; i < n; ++i) put(out, stride, i, (O)((const S *)s)[i]);
}
template <class C> void finish_index(const void *s, int64_t n, char *out, int64_t stride, int64_t, const st_params *) {
  for (int64_t i = 0; i < n; ++i) put(out, stride, i, ((const BestState<C> *)s)[i].index);
}
void finish_any(const void *s, int64_t n, char *out, int64_t stride, int64_t, const st_params *) { for (int64_t i = 0; i < n; ++i) put(out, stride, i, ((const int64_t *)s)[i] > 0); }
void finish_all(const void *s, int64_t n, char *out, int64_t stride, int64_t count, const st_params *) { for (int64_t i = 0; i < n; ++i) put(out, stride, i, ((const int64_t *)s)[i] == count); }
void finish_all_wide(const void *s, int64_t n, char *out, int64_t stride, int64_t count, const st_params *) { for (int64_t i = 0; i < n; ++i) put(out, stride, i, (int64_t)(((const int64_t *)s)[i] == count)); }

// ---- Choosing

struct Recipe {
  const ReduceKernel *kernel = nullptr;
  Init init = nullptr;
  Merge merge = nullptr;
  Finish finish = nullptr;
  bool masked = false;   // the kernel takes `mask` instead of positions
  int64_t mask = 0;
};

constexpr int kItem[ST_DTYPE_COUNT] = {1, 1, 1, 2, 4, 8, 2, 2, 4, 8, 8, 16, 2, 4, 8};
bool is_float(StDType t) { return t >= StDType_float16 && t <= StDType_float64; }
bool is_complex(StDType t) { return t == StDType_complex64 || t == StDType_complex128; }
bool is_integer(StDType t) { return t >= StDType_uint8 && t <= StDType_int64; }

const ReduceKernel *float_kernel(int op, StDType t) {
  return ST_PICK(float_kernel)(op, RT_f16 + (t - StDType_float16));
}
const ReduceKernel *integer_kernel(int op, StDType t) {
  int type = t == StDType_bool ? RT_u8 : RT_u8 + (t - StDType_uint8);
#if defined(__x86_64__)
  if (st_level() >= StLevel_avx2) return st_avx2::integer_kernel(op, type);
#endif
  return st_baseline::integer_kernel(op, type);
}

void choose_count(Recipe &c, StDType t) {
  c.masked = true;
  c.init = init_zero<int64_t>;
  c.merge = merge_sum<int64_t>;
  c.mask = -1;
  switch (t) {
    case StDType_float16: case StDType_bfloat16: c.mask = 0x7fff; break;
    case StDType_float32: c.mask = 0x7fffffff; break;
    case StDType_float64: c.mask = INT64_MAX; break;
    case StDType_complex64: c.mask = 0x7fffffff7fffffff; break;
    default: break;
  }
  c.kernel = t == StDType_complex128 ? scalar_kernel<Complex<double>, int64_t, count_complex<double>>() : ST_PICK(count_kernel)(kItem[t]);
}

template <class S, class Get> Finish pick_integer_finish(StDType t, Get) {
  switch (t) {
    case StDType_bool: case StDType_uint8: return finish_integer<S, uint8_t>;
    case StDType_int8: return finish_integer<S, int8_t>;
    case StDType_int16: return finish_integer<S, int16_t>;
    case StDType_int32: return finish_integer<S, int32_t>;
    default: return finish_integer<S, int64_t>;
  }
}
template <template <class> class Op> void choose_extreme(Recipe &c, int op, StDType t) {
  c.kernel = is_float(t) ? float_kernel(op, t) : integer_kernel(op, t);
  switch (t) {
    case StDType_bool: case StDType_uint8: c.init = init_identity<Op<unsigned char>>; c.merge = merge_carry<Op<unsigned char>>; c.finish = finish_integer<uint8_t, uint8_t>; break;
    case StDType_int8: c.init = init_identity<Op<signed char>>; c.merge = merge_carry<Op<signed char>>; c.finish = finish_integer<int8_t, int8_t>; break;
    case StDType_int16: c.init = init_identity<Op<short>>; c.merge = merge_carry<Op<short>>; c.finish = finish_integer<int16_t, int16_t>; break;
    case StDType_int32: c.init = init_identity<Op<int>>; c.merge = merge_carry<Op<int>>; c.finish = finish_integer<int32_t, int32_t>; break;
    case StDType_int64: c.init = init_identity<Op<int64_t>>; c.merge = merge_carry<Op<int64_t>>; c.finish = finish_integer<int64_t, int64_t>; break;
    case StDType_float64: c.init = init_identity<Op<double>>; c.merge = merge_carry<Op<double>>; c.finish = finish_as<double, value_of<double>>(t); break;
    default: c.init = init_identity<Op<float>>; c.merge = merge_carry<Op<float>>; c.finish = finish_as<float, value_of<float>>(t); break;
  }
}
template <bool Largest> void choose_best(Recipe &c, int op, StDType t) {
  c.kernel = is_float(t) ? float_kernel(op, t) : integer_kernel(op, t);
  if (t == StDType_float64) { c.init = init_best<double>; c.merge = merge_best<double, Largest>; c.finish = finish_index<double>; }
  else if (t == StDType_int64) { c.init = init_best<int64_t>; c.merge = merge_best<int64_t, Largest>; c.finish = finish_index<int64_t>; }
  else if (is_float(t)) { c.init = init_best<float>; c.merge = merge_best<float, Largest>; c.finish = finish_index<float>; }
  else { c.init = init_best<int>; c.merge = merge_best<int, Largest>; c.finish = finish_index<int>; }
}

/// Sums of squares of complex rows are those of twice as many reals.
template <class R> const ReduceKernel *complex_square_kernel() {
  static const ReduceKernel k = {
      sizeof(double),
      [](const char *p, int64_t n, void *s, int64_t b) { float_kernel(RK_square_sum, sizeof(R) == 4 ? StDType_float32 : StDType_float64)->rows(p, 2 * n, s, b); },
      Scalar<Complex<R>, double, add_square<R>>::columns};
  return &k;
}
template <class R> void choose_complex_norm(Recipe &c, double p, StDType t) {
  typedef Complex<R> Z;
  c.init = init_zero<double>; c.merge = merge_sum<double>; c.finish = finish_as<double, value_of<double>>(t);
  if (p == 2) { c.kernel = complex_square_kernel<R>(); c.finish = finish_as<double, root_of>(t); }
  else if (p == 1) c.kernel = scalar_kernel<Z, double, add_abs<R>>();
  else if (p == INFINITY) { c.kernel = scalar_kernel<Z, double, max_abs<R>>(); c.merge = merge_carry<st_baseline::Max<double>>; }
  else if (p == -INFINITY) { c.kernel = scalar_kernel<Z, double, min_abs<R>>(); c.init = init_identity<st_baseline::Min<double>>; c.merge = merge_carry<st_baseline::Min<double>>; }
  else { c.kernel = scalar_kernel<Z, PowerState, add_power<Z>>(); c.init = init_power; c.merge = merge_power; c.finish = finish_as<PowerState, power_of>(t); }
}
void choose_norm(Recipe &c, double p, StDType t) {
  if (p == 0) { choose_count(c, t); c.finish = finish_as<int64_t, counted>(t); return; }
  if (t == StDType_complex64) return choose_complex_norm<float>(c, p, t);
  if (t == StDType_complex128) return choose_complex_norm<double>(c, p, t);
  if (!is_float(t)) return;
  if (p == 1 || p == 2) {
    c.kernel = float_kernel(p == 1 ? RK_abs_sum : RK_square_sum, t);
    c.init = init_zero<double>; c.merge = merge_sum<double>;
    c.finish = p == 1 ? finish_as<double, value_of<double>>(t) : finish_as<double, root_of>(t);
  } else if (p == INFINITY) {
    choose_extreme<st_baseline::AbsMax>(c, RK_abs_max, t);
  } else if (p == -INFINITY) {
    choose_extreme<st_baseline::AbsMin>(c, RK_abs_min, t);
  } else {
    c.init = init_power; c.merge = merge_power; c.finish = finish_as<PowerState, power_of>(t);
    switch (t) {
      case StDType_float16: c.kernel = scalar_kernel<st_baseline::h16, PowerState, add_power<st_baseline::h16>>(); break;
      case StDType_bfloat16: c.kernel = scalar_kernel<st_baseline::b16, PowerState, add_power<st_baseline::b16>>(); break;
      case StDType_float32: c.kernel = scalar_kernel<float, PowerState, add_power<float>>(); break;
      default: c.kernel = scalar_kernel<double, PowerState, add_power<double>>(); break;
    }
  }
}

Recipe choose(StReduceOp op, StDType t, const st_params *params) {
  Recipe c;
  bool real = t == StDType_bool || is_integer(t) || is_float(t);
  switch (op) {
    case StReduceOp_sum: case StReduceOp_nansum: case StReduceOp_mean: {
      bool mean = op == StReduceOp_mean;
      if (is_float(t)) {
        c.kernel = float_kernel(op == StReduceOp_nansum ? RK_nansum : RK_sum, t);
        c.init = init_zero<double>; c.merge = merge_sum<double>;
        c.finish = mean ? finish_as<double, mean_of>(t) : finish_as<double, value_of<double>>(t);
      } else if (is_complex(t) && op != StReduceOp_nansum) {
        c.kernel = ST_PICK(complex_sum_kernel)(t == StDType_complex64 ? 4 : 8);
        c.init = init_zero<Complex<double>>;
        c.merge = [](void *a, const void *b, int64_t n) { merge_sum<double>(a, b, 2 * n); };
        c.finish = t == StDType_complex64 ? (mean ? finish_complex<float, true> : finish_complex<float, false>) : (mean ? finish_complex<double, true> : finish_complex<double, false>);
      } else if (is_integer(t) && !mean) {
        c.kernel = integer_kernel(RK_sum, t);
        c.init = init_zero<uint64_t>; c.merge = merge_sum<uint64_t>; c.finish = pick_integer_finish<uint64_t>(t, 0);
      }
      return c;
    }
    case StReduceOp_wideSum:
      if (t == StDType_bool) { choose_count(c, t); c.finish = finish_integer<int64_t, int64_t>; return c; }
      if (!is_integer(t)) return c;
      c = choose(StReduceOp_sum, t, params);
      c.finish = finish_integer<uint64_t, int64_t>;
      return c;
    case StReduceOp_prod:
      if (is_float(t)) {
        c.kernel = float_kernel(RK_prod, t);
        c.init = init_one<double>; c.merge = merge_prod<double>; c.finish = finish_as<double, value_of<double>>(t);
      } else if (is_complex(t)) {
        c.kernel = t == StDType_complex64 ? scalar_kernel<Complex<float>, Complex<double>, complex_multiply<float>>() : scalar_kernel<Complex<double>, Complex<double>, complex_multiply<double>>();
        c.init = init_complex_one; c.merge = merge_complex_prod;
        c.finish = t == StDType_complex64 ? finish_complex<float, false> : finish_complex<double, false>;
      } else if (is_integer(t)) {
        c.kernel = integer_kernel(RK_prod, t);
        c.init = init_one<uint64_t>; c.merge = merge_prod<uint64_t>; c.finish = pick_integer_finish<uint64_t>(t, 0);
      }
      return c;
    case StReduceOp_wideProd:
      if (t == StDType_bool) { choose_count(c, t); c.finish = finish_all_wide; return c; }
      if (!is_integer(t)) return c;
      c = choose(StReduceOp_prod, t, params);
      c.finish = finish_integer<uint64_t, int64_t>;
      return c;
    case StReduceOp_max: if (real) choose_extreme<st_baseline::Max>(c, RK_max, t); return c;
    case StReduceOp_min: if (real) choose_extreme<st_baseline::Min>(c, RK_min, t); return c;
    case StReduceOp_argmax: if (real) choose_best<true>(c, RK_argmax, t); return c;
    case StReduceOp_argmin: if (real) choose_best<false>(c, RK_argmin, t); return c;
    case StReduceOp_any: choose_count(c, t); c.finish = finish_any; return c;
    case StReduceOp_all: choose_count(c, t); c.finish = finish_all; return c;
    case StReduceOp_countNonzero: choose_count(c, t); c.finish = finish_integer<int64_t, int64_t>; return c;
    case StReduceOp_variance: case StReduceOp_std: {
      bool root = op == StReduceOp_std;
      if (is_float(t)) {
        c.kernel = float_kernel(RK_moments, t);
        c.init = init_zero<MomentState>; c.merge = merge_moment;
        c.finish = root ? finish_as<MomentState, deviation_of>(t) : finish_as<MomentState, variance_of>(t);
      } else if (is_complex(t)) {
        c.kernel = t == StDType_complex64 ? scalar_kernel<Complex<float>, ComplexMomentState, add_complex_moments<float>>() : scalar_kernel<Complex<double>, ComplexMomentState, add_complex_moments<double>>();
        c.init = init_zero<ComplexMomentState>;
        c.merge = [](void *a, const void *b, int64_t n) { merge_moment(a, b, 2 * n); };
        c.finish = root ? finish_as<ComplexMomentState, complex_deviation_of>(t) : finish_as<ComplexMomentState, complex_variance_of>(t);
      }
      return c;
    }
    case StReduceOp_norm: choose_norm(c, params ? params->f[0] : 2, t); return c;
    case StReduceOp_logSumExp:
      if (is_float(t)) {
        c.kernel = float_kernel(RK_logsumexp, t);
        c.init = init_logsumexp; c.merge = merge_logsumexp; c.finish = finish_as<LogSumExpState, log_of>(t);
      }
      return c;
    case StReduceOp_count: return c;
  }
  return c;
}

// ---- Driving

constexpr int64_t kColumnTile = 1024;   // columns per unit of work
constexpr int64_t kGatherTile = 256;    // outputs gathered side by side
constexpr int64_t kGatherRows = 32;     // their elements gathered at a time
constexpr int64_t kGatherRun = 1024;    // elements gathered in a row
constexpr int64_t kRowTile = 64;        // outputs per unit of work where rows are short
constexpr int64_t kMaxState = 48;

/// Note [How a reduction runs]
/// rows: the elements of an output are contiguous (or gathered into a buffer); columns: neighbouring outputs have neighbouring elements; tile: neither, but
/// outputs are closer than elements or have few of them, so they are gathered into columns. A unit is a run of outputs along the last kept dim. A reduction with too few units for
/// the threads is cut into chunks along the reduced dims, by sizes alone, whose partial states are merged in order.
enum class Way { rows, gatheredRows, columns, gatheredTile };

struct Job {
  Recipe recipe;
  st_reduction r;
  const st_params *params;
  Way way;
  int64_t item;
  int64_t kept, reduced;           // number of outputs, elements per output
  int64_t kept_inner, reduce_inner; // sizes of the last dims
  int64_t reduce_stride;           // stride of the last reduced dim
  int64_t tile, tiles;             // outputs per unit, units along the last kept dim
  int64_t units, chunk, chunks, width;   // width: states per unit
  char *partials;
};

struct Offsets { int64_t in, out; };
/// Offsets of the kept position `i` over the first `rank` kept dims.
Offsets kept_offset(const st_reduction &r, int rank, int64_t i) {
  Offsets o = {0, 0};
  for (int d = rank - 1; d > 0; --d) {
    int64_t k = i % r.kept_sizes[d];
    i /= r.kept_sizes[d];
    o.in += k * r.kept_in_strides[d];
    o.out += k * r.kept_out_strides[d];
  }
  if (rank > 0) { o.in += i * r.kept_in_strides[0]; o.out += i * r.kept_out_strides[0]; }
  return o;
}
int64_t reduce_offset(const st_reduction &r, int rank, int64_t i) {
  int64_t o = 0;
  for (int d = rank - 1; d > 0; --d) { o += i % r.reduce_sizes[d] * r.reduce_strides[d]; i /= r.reduce_sizes[d]; }
  if (rank > 0) o += i * r.reduce_strides[0];
  return o;
}

template <class E> void gather_typed(char *to, const char *from, int64_t stride, int64_t n, int64_t step) {
  for (int64_t i = 0; i < n; ++i) memcpy(to + i * step, from + i * stride, sizeof(E));
}
struct Sixteen { uint64_t a[2]; };
void gather(int64_t item, char *to, const char *from, int64_t stride, int64_t n, int64_t step) {
  if (stride == item && step == item) { memcpy(to, from, (size_t)(n * item)); return; }
  switch (item) {
    case 1: return gather_typed<uint8_t>(to, from, stride, n, step);
    case 2: return gather_typed<uint16_t>(to, from, stride, n, step);
    case 4: return gather_typed<uint32_t>(to, from, stride, n, step);
    case 8: return gather_typed<uint64_t>(to, from, stride, n, step);
    default: return gather_typed<Sixteen>(to, from, stride, n, step);
  }
}

/// Number of outputs in unit `u`, and where they are.
int64_t unit_outputs(const Job &j, int64_t u, Offsets *o) {
  const st_reduction &r = j.r;
  int64_t outer = j.tiles == 1 ? u : u / j.tiles, first = (u - outer * j.tiles) * j.tile;
  int last = r.kept_rank - 1;
  *o = kept_offset(r, last, outer);
  o->in += first * r.kept_in_strides[last];
  o->out += first * r.kept_out_strides[last];
  return j.kept_inner - first < j.tile ? j.kept_inner - first : j.tile;
}

/// Folds reduced positions [begin, end) of unit `u` into `states`.
void fold(const Job &j, int64_t u, int64_t begin, int64_t end, void *states) {
  const st_reduction &r = j.r;
  const ReduceKernel *k = j.recipe.kernel;
  const bool masked = j.recipe.masked;
  const int last = r.kept_rank - 1;
  Offsets o;
  int64_t n = unit_outputs(j, u, &o);
  j.recipe.init(states, n, j.params);
  const char *in = r.in + o.in;
  switch (j.way) {
    case Way::columns:
      for (int64_t i = begin; i < end;) {
        int64_t outer = i / j.reduce_inner, inner = i - outer * j.reduce_inner;
        int64_t m = j.reduce_inner - inner;
        if (m > end - i) m = end - i;
        k->columns(in + reduce_offset(r, r.reduce_rank - 1, outer) + inner * j.reduce_stride, j.reduce_stride, m, n, states, masked ? j.recipe.mask : i);
        i += m;
      }
      break;
    case Way::rows:
      for (int64_t c = 0; c < n; ++c) {
        char *state = (char *)states + c * k->state_bytes;
        const char *p0 = in + c * r.kept_in_strides[last];
        if (r.reduce_rank == 1) { k->rows(p0 + begin * j.reduce_stride, end - begin, state, masked ? j.recipe.mask : begin); continue; }
        for (int64_t i = begin; i < end;) {
          int64_t outer = i / j.reduce_inner, inner = i - outer * j.reduce_inner;
          int64_t m = j.reduce_inner - inner;
          if (m > end - i) m = end - i;
          k->rows(p0 + reduce_offset(r, r.reduce_rank - 1, outer) + inner * j.reduce_stride, m, state, masked ? j.recipe.mask : i);
          i += m;
        }
      }
      break;
    case Way::gatheredRows: {
      alignas(64) char buffer[kGatherRun * 16];
      for (int64_t c = 0; c < n; ++c) {
        const char *p0 = in + c * r.kept_in_strides[last];
        int64_t filled = 0, start = begin;
        for (int64_t i = begin; i < end;) {
          int64_t outer = i / j.reduce_inner, inner = i - outer * j.reduce_inner;
          int64_t m = j.reduce_inner - inner;
          if (m > end - i) m = end - i;
          if (m > kGatherRun - filled) m = kGatherRun - filled;
          gather(j.item, buffer + filled * j.item, p0 + reduce_offset(r, r.reduce_rank - 1, outer) + inner * j.reduce_stride, j.reduce_stride, m, j.item);
          filled += m; i += m;
          if (filled == kGatherRun || i == end) { k->rows(buffer, filled, (char *)states + c * k->state_bytes, masked ? j.recipe.mask : start); start = i; filled = 0; }
        }
      }
      break;
    }
    case Way::gatheredTile: {
      alignas(64) char buffer[kGatherTile * kGatherRows * 16];   // [elements][outputs]
      for (int64_t i = begin; i < end; i += kGatherRows) {
        int64_t m = end - i < kGatherRows ? end - i : kGatherRows;
        for (int64_t e = 0; e < m; ++e)
          gather(j.item, buffer + e * n * j.item, in + reduce_offset(r, r.reduce_rank, i + e), r.kept_in_strides[last], n, j.item);
        k->columns(buffer, n * j.item, m, n, states, masked ? j.recipe.mask : i);
      }
      break;
    }
  }
}

void finish_unit(const Job &j, int64_t u, const char *states) {
  const st_reduction &r = j.r;
  Offsets o;
  int64_t n = unit_outputs(j, u, &o);
  j.recipe.finish(states, n, r.out + o.out, r.kept_out_strides[r.kept_rank - 1], j.reduced, j.params);
}

/// Whole units, chunk after chunk.
void whole_units(void *context, int64_t begin, int64_t end) {
  const Job &j = *(const Job *)context;
  alignas(64) char a[kColumnTile * kMaxState];
  for (int64_t u = begin; u < end; ++u) {
    fold(j, u, 0, j.chunk < j.reduced ? j.chunk : j.reduced, a);
    if (j.chunks > 1) {
      alignas(64) char b[kColumnTile * kMaxState];
      Offsets o;
      int64_t n = unit_outputs(j, u, &o);
      for (int64_t c = 1; c < j.chunks; ++c) {
        int64_t stop = (c + 1) * j.chunk;
        fold(j, u, c * j.chunk, stop < j.reduced ? stop : j.reduced, b);
        j.recipe.merge(a, b, n);
      }
    }
    finish_unit(j, u, a);
  }
}
void one_chunk(void *context, int64_t begin, int64_t end) {
  const Job &j = *(const Job *)context;
  for (int64_t t = begin; t < end; ++t) {
    int64_t u = t / j.chunks, c = t % j.chunks, stop = (c + 1) * j.chunk;
    fold(j, u, c * j.chunk, stop < j.reduced ? stop : j.reduced, j.partials + t * j.width * j.recipe.kernel->state_bytes);
  }
}
void merge_units(void *context, int64_t begin, int64_t end) {
  const Job &j = *(const Job *)context;
  int64_t bytes = j.width * j.recipe.kernel->state_bytes;
  for (int64_t u = begin; u < end; ++u) {
    Offsets o;
    int64_t n = unit_outputs(j, u, &o);
    char *a = j.partials + u * j.chunks * bytes;
    for (int64_t c = 1; c < j.chunks; ++c) j.recipe.merge(a, a + c * bytes, n);
    finish_unit(j, u, a);
  }
}

}  // namespace

extern "C" StDType st_reduce_result(StReduceOp op, StDType in) {
  switch (op) {
    case StReduceOp_argmax: case StReduceOp_argmin: case StReduceOp_countNonzero: case StReduceOp_wideSum: case StReduceOp_wideProd: return StDType_int64;
    case StReduceOp_any: case StReduceOp_all: return in == StDType_uint8 ? StDType_uint8 : StDType_bool;
    case StReduceOp_variance: case StReduceOp_std: case StReduceOp_norm:
      return in == StDType_complex64 ? StDType_float32 : in == StDType_complex128 ? StDType_float64 : in;
    default: return in;
  }
}

extern "C" bool st_reduce(StReduceOp op, StDType in, const st_reduction *given, const st_params *params) {
  static const st_params none = {};
  Job j;
  j.params = params ? params : &none;
  j.recipe = choose(op, in, j.params);
  if (!j.recipe.kernel) return false;
  st_reduction &r = j.r;
  r = *given;
  j.item = kItem[in];
  // A scalar result or an unreduced copy has one dim of size 1.
  static const int64_t one = 1, nothing = 0;
  if (r.kept_rank == 0) { r.kept_rank = 1; r.kept_sizes = &one; r.kept_in_strides = r.kept_out_strides = &nothing; }
  if (r.reduce_rank == 0) { r.reduce_rank = 1; r.reduce_sizes = &one; r.reduce_strides = &nothing; }
  j.kept = j.reduced = 1;
  for (int d = 0; d < r.kept_rank; ++d) j.kept *= r.kept_sizes[d];
  for (int d = 0; d < r.reduce_rank; ++d) j.reduced *= r.reduce_sizes[d];
  if (j.kept == 0) return true;
  j.kept_inner = r.kept_sizes[r.kept_rank - 1];
  j.reduce_inner = r.reduce_sizes[r.reduce_rank - 1];
  j.reduce_stride = r.reduce_strides[r.reduce_rank - 1];
  if (j.reduced == 0) {
    alignas(64) char state[kMaxState];
    for (int64_t i = 0; i < j.kept; ++i) {
      j.recipe.init(state, 1, j.params);
      j.recipe.finish(state, 1, r.out + kept_offset(r, r.kept_rank, i).out, 0, 0, j.params);
    }
    return true;
  }
  const int64_t kept_stride = r.kept_in_strides[r.kept_rank - 1];
  const int64_t near = kept_stride < 0 ? -kept_stride : kept_stride, far = j.reduce_stride < 0 ? -j.reduce_stride : j.reduce_stride;
  const bool contiguous = j.reduce_stride == j.item || j.reduced == 1;
  if (kept_stride == j.item && j.kept_inner >= 4) j.way = Way::columns;
  else if (j.kept_inner >= 16 && (j.reduced < 24 || (near < far && !contiguous))) j.way = Way::gatheredTile;
  else if (contiguous && (j.reduce_inner >= 64 || r.reduce_rank == 1)) j.way = Way::rows;
  else j.way = Way::gatheredRows;

  if (j.way == Way::columns) j.tile = kColumnTile;
  else if (j.way == Way::gatheredTile) j.tile = kGatherTile;
  else { j.tile = (1 << 15) / j.reduced; if (j.tile > kRowTile) j.tile = kRowTile; if (j.tile < 1) j.tile = 1; }
  if (j.tile > j.kept_inner) j.tile = j.kept_inner;
  j.tiles = (j.kept_inner + j.tile - 1) / j.tile;
  j.width = j.tile;
  j.units = j.kept / j.kept_inner * j.tiles;
  j.chunk = j.reduced;
  const int64_t total = j.kept * j.reduced;
  if (j.units < 32 && total >= 1 << 17) {
    int64_t wanted = (64 + j.units - 1) / j.units, round = j.width == 1 ? 4096 : 64;
    int64_t chunk = (j.reduced + wanted - 1) / wanted, least = (1 << 16) / j.width;
    if (chunk < least) chunk = least;
    j.chunk = (chunk + round - 1) / round * round;
  }
  j.chunks = (j.reduced + j.chunk - 1) / j.chunk;
  if (total < 1 << 15) { whole_units(&j, 0, j.units); return true; }
  if (j.chunks > 1 && st_thread_count() > 1 && !st_in_parallel()) {
    size_t bytes = (size_t)(j.units * j.chunks * j.width * j.recipe.kernel->state_bytes);
    j.partials = (char *)st_allocate(bytes);
    if (j.partials) {
      st_parallel_for(j.units * j.chunks, 1, one_chunk, &j);
      int64_t grain = (1 << 13) / (j.chunks * j.width);
      st_parallel_for(j.units, grain > 0 ? grain : 1, merge_units, &j);
      st_deallocate(j.partials, bytes);
      return true;
    }
  }
  int64_t grain = (1 << 15) / (total / j.units > 0 ? total / j.units : 1);
  st_parallel_for(j.units, grain > 0 ? grain : 1, whole_units, &j);
  return true;
}
