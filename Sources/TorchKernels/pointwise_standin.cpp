// STAND-IN so that the rest can be tested: scalar pointwise kernels through libm, weak symbols. Delete this file when the vectorised family lands.
#include "st_pointwise.h"
#include <cmath>
#include <complex>
#include <cstring>
#include <limits>
#include <type_traits>
namespace {
using c64 = std::complex<float>; using c128 = std::complex<double>;
struct half { _Float16 v; }; struct bf16 { uint16_t v; };
template <class T> struct Math { using type = T; };
template <> struct Math<half> { using type = float; };
template <> struct Math<bf16> { using type = float; };
template <> struct Math<bool> { using type = bool; };
template <class T> typename Math<T>::type ld(const T *p) { return *p; }
template <> float ld(const half *p) { return (float)p->v; }
template <> float ld(const bf16 *p) { uint32_t u = (uint32_t)p->v << 16; float f; memcpy(&f, &u, 4); return f; }
template <class T, class V> void stv(T *p, V v) { *p = (T)v; }
void stv(half *p, float v) { p->v = (_Float16)v; }
void stv(bf16 *p, float f) { uint32_t u; memcpy(&u, &f, 4); p->v = f != f ? 0x7fc0 : (uint16_t)((u + 0x7fff + ((u >> 16) & 1)) >> 16); }
template <class T> constexpr bool is_c = std::is_same_v<T, c64> || std::is_same_v<T, c128>;
template <class T> constexpr bool is_f = std::is_floating_point_v<T>;
template <class T> constexpr bool is_i = std::is_integral_v<T> && !std::is_same_v<T, bool>;

template <class F> bool visit(StDType t, F f) {
  switch (t) {
    case StDType_bool: f(bool{}); return true; case StDType_uint8: f(uint8_t{}); return true; case StDType_int8: f(int8_t{}); return true;
    case StDType_int16: f(int16_t{}); return true; case StDType_int32: f(int32_t{}); return true; case StDType_int64: f(int64_t{}); return true;
    case StDType_float16: f(half{}); return true; case StDType_bfloat16: f(bf16{}); return true; case StDType_float32: f(float{}); return true;
    case StDType_float64: f(double{}); return true; case StDType_complex64: f(c64{}); return true; case StDType_complex128: f(c128{}); return true;
    case StDType_uint16: f(uint16_t{}); return true; case StDType_uint32: f(uint32_t{}); return true; case StDType_uint64: f(uint64_t{}); return true;
  }
  return false;
}
double erfinv(double y) { if (y <= -1) return y < -1 ? NAN : -INFINITY; if (y >= 1) return y > 1 ? NAN : INFINITY; double lo = -7, hi = 7; for (int i = 0; i < 200; ++i) { double m = (lo + hi) / 2; (std::erf(m) < y ? lo : hi) = m; } return (lo + hi) / 2; }
// x: value, returns value; T is double or complex<double>
double un(StUnaryOp op, double x, const st_params *p) {
  double a = p->f[0], b = p->f[1];
  switch (op) {
#define C(n, e) case StUnaryOp_##n: return e;
    C(neg, -x) C(abs, std::fabs(x)) C(sign, x != x ? x : (x > 0) - (x < 0)) C(sgn, x != x ? x : (x > 0) - (x < 0)) C(positive, x) C(reciprocal, 1 / x) C(square, x * x) C(sqrt, std::sqrt(x)) C(rsqrt, 1 / std::sqrt(x))
    C(exp, std::exp(x)) C(exp2, std::exp2(x)) C(expm1, std::expm1(x)) C(log, std::log(x)) C(log2, std::log2(x)) C(log10, std::log10(x)) C(log1p, std::log1p(x))
    C(sin, std::sin(x)) C(cos, std::cos(x)) C(tan, std::tan(x)) C(asin, std::asin(x)) C(acos, std::acos(x)) C(atan, std::atan(x)) C(sinh, std::sinh(x)) C(cosh, std::cosh(x)) C(tanh, std::tanh(x))
    C(asinh, std::asinh(x)) C(acosh, std::acosh(x)) C(atanh, std::atanh(x)) C(sinc, x == 0 ? 1 : std::sin(M_PI * x) / (M_PI * x))
    C(ceil, std::ceil(x)) C(floor, std::floor(x)) C(trunc, std::trunc(x)) C(round, std::nearbyint(x)) C(roundDecimals, std::nearbyint(x * std::pow(10, p->i[0])) / std::pow(10, p->i[0])) C(frac, x - std::trunc(x))
    C(sigmoid, 1 / (1 + std::exp(-x))) C(logSigmoid, x < 0 ? x - std::log1p(std::exp(x)) : -std::log1p(std::exp(-x))) C(relu, x < 0 ? 0 : x) C(relu6, x < 0 ? 0 : x > 6 ? 6 : x) C(silu, x / (1 + std::exp(-x)))
    C(mish, x * std::tanh(std::log1p(std::exp(x)))) C(softplus, x * a > b ? x : std::log1p(std::exp(x * a)) / a) C(gelu, 0.5 * x * (1 + std::erf(x * M_SQRT1_2)))
    C(geluTanh, 0.5 * x * (1 + std::tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))) C(elu, x <= 0 ? std::expm1(x * p->f[2]) * a * b : x * b) C(leakyRelu, x > 0 ? x : x * a)
    C(hardSigmoid, std::fmin(std::fmax(x + 3, 0), 6) / 6) C(hardSwish, x * std::fmin(std::fmax(x + 3, 0), 6) / 6) C(hardShrink, x >= -a && x <= a ? 0 : x) C(softShrink, x > a ? x - a : x < -a ? x + a : x != x ? x : 0)
    C(threshold, x <= a ? b : x) C(clamp, x != x ? x : std::fmin(std::fmax(x, a), b))
    C(erf, std::erf(x)) C(erfc, std::erfc(x)) C(erfinv, erfinv(x)) C(lgamma, std::lgamma(x)) C(ndtr, 0.5 * std::erfc(-x * M_SQRT1_2)) C(entr, x > 0 ? -x * std::log(x) : x == 0 ? 0 : x < 0 ? -INFINITY : x)
    C(nanToNum, x != x ? a : x == INFINITY ? b : x == -INFINITY ? p->f[2] : x) C(powScalar, a == 0.5 ? std::sqrt(x) : std::pow(x, a)) C(angle, x != x ? x : x < 0 ? M_PI : 0) C(conj, x)
    default: return NAN;
  }
}
c128 un(StUnaryOp op, c128 x, const st_params *p) {
  switch (op) {
    C(neg, -x) C(sgn, x == 0.0 ? x : x / std::abs(x)) C(positive, x) C(reciprocal, 1.0 / x) C(square, x * x) C(sqrt, std::sqrt(x)) C(rsqrt, 1.0 / std::sqrt(x)) C(exp, std::exp(x)) C(exp2, std::exp(x * M_LN2)) C(expm1, std::exp(x) - 1.0)
    C(log, std::log(x)) C(log2, std::log(x) / M_LN2) C(log10, std::log10(x)) C(log1p, std::log(1.0 + x)) C(sin, std::sin(x)) C(cos, std::cos(x)) C(tan, std::tan(x)) C(asin, std::asin(x)) C(acos, std::acos(x)) C(atan, std::atan(x))
    C(sinh, std::sinh(x)) C(cosh, std::cosh(x)) C(tanh, std::tanh(x)) C(asinh, std::asinh(x)) C(acosh, std::acosh(x)) C(atanh, std::atanh(x)) C(sinc, x == 0.0 ? c128(1) : std::sin(M_PI * x) / (M_PI * x))
    C(sigmoid, 1.0 / (1.0 + std::exp(-x))) C(silu, x / (1.0 + std::exp(-x))) C(conj, std::conj(x)) C(powScalar, std::pow(x, c128(p->f[0], p->f[1])))
    default: return c128(NAN, NAN);
  }
}
template <class T> T uni(StUnaryOp op, T x, const st_params *p) {
  switch (op) {
    C(neg, (T)-x) C(abs, (T)(x < 0 ? -x : x)) C(sign, (T)((x > 0) - (x < 0))) C(sgn, (T)((x > 0) - (x < 0))) C(square, (T)(x * x)) C(relu, x < 0 ? (T)0 : x) C(relu6, (T)(x < 0 ? 0 : x > 6 ? 6 : x)) C(bitwiseNot, (T)~x)
    C(threshold, x <= p->f[0] ? (T)p->f[1] : x) C(clamp, (T)(x < p->i[0] ? p->i[0] : x > p->i[1] ? p->i[1] : x)) default: return x;
  }
}
const char *utypes[] = {
#define ST_UNARY(n, t, r) #t,
#include "st_unary.def"
#undef ST_UNARY
}, *ures[] = {
#define ST_UNARY(n, t, r) #r,
#include "st_unary.def"
#undef ST_UNARY
}, *btypes[] = {
#define ST_BINARY(n, t, r) #t,
#include "st_binary.def"
#undef ST_BINARY
}, *bres[] = {
#define ST_BINARY(n, t, r) #r,
#include "st_binary.def"
#undef ST_BINARY
}, *ttypes[] = {
#define ST_TERNARY(n, t, r) #t,
#include "st_ternary.def"
#undef ST_TERNARY
};
bool has(const char *c, StDType t) {
  bool fl = t >= StDType_float16 && t <= StDType_float64, cx = t == StDType_complex64 || t == StDType_complex128, bo = t == StDType_bool, in = t >= StDType_uint8 && t <= StDType_int64;
  if (!strcmp(c, "INT")) return in; if (!strcmp(c, "INTB")) return in || bo; if (!strcmp(c, "FLT")) return fl; if (!strcmp(c, "REAL")) return in || fl; if (!strcmp(c, "REALB")) return in || fl || bo;
  if (!strcmp(c, "NUM")) return in || fl || cx; if (!strcmp(c, "NUMB")) return in || fl || cx || bo; if (!strcmp(c, "FC")) return fl || cx; return t <= StDType_complex128;
}
StDType real_of(StDType t) { return t == StDType_complex64 ? StDType_float32 : t == StDType_complex128 ? StDType_float64 : t; }
StDType res(const char *r, StDType t) {
  if (!strcmp(r, "BOOL")) return StDType_bool; if (!strcmp(r, "ABS")) return real_of(t);
  if (!strcmp(r, "ANGLE")) return t <= StDType_int64 ? StDType_float32 : real_of(t);
  if (!strcmp(r, "CPLX")) return t == StDType_float64 ? StDType_complex128 : StDType_complex64; return t;
}
template <int N, class F> void each(char *const *ptr, const int64_t *s, int64_t n0, int64_t n1, F f) {
  for (int64_t j = 0; j < n1; ++j) for (int64_t i = 0; i < n0; ++i) { char *q[N]; for (int k = 0; k < N; ++k) q[k] = ptr[k] + i * s[k] + j * s[N + k]; f(q); }
}
template <StUnaryOp op, class T> void uloop(char *const *ptr, const int64_t *s, int64_t n0, int64_t n1, const st_params *p) {
  each<2>(ptr, s, n0, n1, [&](char **q) {
    auto x = ld((T *)q[1]); using M = decltype(x);
    if constexpr (op >= StUnaryOp_isNaN && op <= StUnaryOp_logicalNot) {
      bool r; if constexpr (is_c<M>) { bool n = x.real() != x.real() || x.imag() != x.imag(), f = std::isinf(x.real()) || std::isinf(x.imag()); r = op == StUnaryOp_isNaN ? n : op == StUnaryOp_isInf ? f : op == StUnaryOp_isFinite ? !n && !f : x == M(0); }
      else { double d = (double)x; r = op == StUnaryOp_isNaN ? d != d : op == StUnaryOp_isInf ? std::isinf(d) : op == StUnaryOp_isFinite ? std::isfinite(d) : op == StUnaryOp_isPosInf ? d == INFINITY : op == StUnaryOp_isNegInf ? d == -INFINITY : op == StUnaryOp_signBit ? std::signbit(d) : x == M(0); }
      *(bool *)q[0] = r;
    } else if constexpr (is_c<M>) { if constexpr (op == StUnaryOp_abs) *(typename M::value_type *)q[0] = std::abs(x); else if constexpr (op == StUnaryOp_angle) *(typename M::value_type *)q[0] = std::arg(x); else *(M *)q[0] = (M)un(op, (c128)x, p); }
    else if constexpr (is_f<M>) stv((T *)q[0], (M)un(op, (double)x, p));
    else if constexpr (op == StUnaryOp_angle) *(float *)q[0] = (double)x < 0 ? (float)M_PI : 0;
    else if constexpr (std::is_same_v<M, bool>) *(bool *)q[0] = op == StUnaryOp_bitwiseNot ? !x : x;
    else *(T *)q[0] = uni(op, x, p);
  });
}
double bi(StBinaryOp op, double a, double b, const st_params *p) {
  double k = p->f[0];
  switch (op) {
#undef C
#define C(n, e) case StBinaryOp_##n: return e;
    C(add, a + b) C(addScaled, a + k * b) C(sub, a - b) C(mul, a * b) C(div, a / b) C(truncDivide, std::trunc(a / b)) C(fmod, std::fmod(a, b)) C(pow, std::pow(a, b)) C(maximum, a != a ? a : b != b ? b : std::fmax(a, b)) C(minimum, a != a ? a : b != b ? b : std::fmin(a, b))
    C(fmax, std::fmax(a, b)) C(fmin, std::fmin(a, b)) C(atan2, std::atan2(a, b)) C(hypot, std::hypot(a, b)) C(copysign, std::copysign(a, b)) C(nextafter, std::nextafter(a, b)) C(heaviside, a == 0 ? b : a > 0) C(ldexp, a * std::exp2(b))
    C(logaddexp, a == b ? a + M_LN2 : std::fmax(a, b) + std::log1p(std::exp(-std::fabs(a - b)))) C(logaddexp2, a == b ? a + 1 : std::fmax(a, b) + std::log2(1 + std::exp2(-std::fabs(a - b)))) C(xlogy, b != b ? b : a == 0 ? 0 : a * std::log(b)) C(xlog1py, b != b ? b : a == 0 ? 0 : a * std::log1p(b))
    case StBinaryOp_remainder: { double m = std::fmod(a, b); return m != 0 && (m < 0) != (b < 0) ? m + b : m; }
    case StBinaryOp_floorDivide: { if (b == 0) return a / b; double m = std::fmod(a, b), d = (a - m) / b; if (m != 0 && (b < 0) != (m < 0)) d -= 1; if (d != 0) { double f = std::floor(d); return d - f > 0.5 ? f + 1 : f; } return std::copysign(0, a / b); }
    C(sigmoidGradY, a * b * (1 - b)) C(tanhGradY, a * (1 - b * b)) C(reluGradY, b > 0 ? a : 0) C(geluGradX, a * (0.5 * (1 + std::erf(b * M_SQRT1_2)) + b * std::exp(-b * b / 2) * 0.3989422804014327))
    C(leakyReluGradX, b > 0 ? a : a * k) C(thresholdGradX, b <= k ? 0 : a) C(clampGradX, b >= k && b <= p->f[1] ? a : 0) C(shrinkGradX, b >= -k && b <= k ? 0 : a)
    case StBinaryOp_siluGradX: { double s = 1 / (1 + std::exp(-b)); return a * s * (1 + b * (1 - s)); }
    case StBinaryOp_logSigmoidGradX: return a / (1 + std::exp(b));
    case StBinaryOp_softplusGradX: return b * k > p->f[1] ? a : a / (1 + std::exp(-b * k));
    case StBinaryOp_eluGradX: return b <= 0 ? a * p->f[2] * k * p->f[1] * std::exp(b * p->f[2]) : a * p->f[1];
    case StBinaryOp_hardSigmoidGradX: return b > -3 && b < 3 ? a / 6 : 0;
    case StBinaryOp_hardSwishGradX: return b <= -3 ? 0 : b < 3 ? a * (b / 3 + 0.5) : a;
    case StBinaryOp_mishGradX: { double sp = std::log1p(std::exp(b)), t = std::tanh(sp), s = 1 / (1 + std::exp(-b)); return a * (t + b * s * (1 - t * t)); }
    case StBinaryOp_geluTanhGradX: { double u = 0.7978845608028654 * (b + 0.044715 * b * b * b), t = std::tanh(u), du = 0.7978845608028654 * (1 + 3 * 0.044715 * b * b); return a * (0.5 * (1 + t) + 0.5 * b * (1 - t * t) * du); }
    default: return NAN;
  }
}
c128 bi(StBinaryOp op, c128 a, c128 b, const st_params *p) {
  switch (op) { C(add, a + b) C(addScaled, a + p->f[0] * b) C(sub, a - b) C(mul, a * b) C(div, a / b) C(pow, a == 0.0 ? (b == 0.0 ? c128(1) : c128(0)) : std::pow(a, b)) C(sigmoidGradY, a * std::conj(b * (1.0 - b))) C(tanhGradY, a * std::conj(1.0 - b * b)) C(logaddexp, std::log(std::exp(a) + std::exp(b))) default: return c128(NAN, NAN); }
}
template <class T> T bii(StBinaryOp op, T a, T b, const st_params *p) {
  switch (op) {
    C(add, (T)(a + b)) C(addScaled, (T)(a + (T)p->i[0] * b)) C(sub, (T)(a - b)) C(mul, (T)(a * b)) C(truncDivide, b == 0 ? (T)0 : (T)(a / b)) C(fmod, b == 0 ? (T)0 : (T)(a % b)) C(maximum, a > b ? a : b) C(minimum, a < b ? a : b) C(fmax, a > b ? a : b) C(fmin, a < b ? a : b)
    C(heaviside, a == 0 ? b : (T)(a > 0)) C(bitwiseAnd, (T)(a & b)) C(bitwiseOr, (T)(a | b)) C(bitwiseXor, (T)(a ^ b)) C(shiftLeft, b < 0 || b >= (T)(sizeof(T) * 8) ? (T)0 : (T)((uint64_t)a << b)) C(shiftRight, (T)(b < 0 || b >= (T)(sizeof(T) * 8) ? (a < 0 ? -1 : 0) : a >> b))
    case StBinaryOp_floorDivide: { if (b == 0) return 0; T q = (T)(a / b); return a % b != 0 && (a < 0) != (b < 0) ? (T)(q - 1) : q; }
    case StBinaryOp_remainder: { if (b == 0) return 0; T m = (T)(a % b); return m != 0 && (m < 0) != (b < 0) ? (T)(m + b) : m; }
    case StBinaryOp_gcd: { while (b) { T t = (T)(a % b); a = b; b = t; } return a < 0 ? (T)-a : a; }
    case StBinaryOp_lcm: { T x = a, y = b; while (y) { T t = (T)(x % y); x = y; y = t; } if (!x) return 0; T r = (T)(a / x * b); return r < 0 ? (T)-r : r; }
    case StBinaryOp_pow: { if (b < 0) return a == 1 ? (T)1 : a == (T)-1 ? (b % 2 ? (T)-1 : (T)1) : (T)0; T r = 1; while (b) { if (b & 1) r = (T)(r * a); a = (T)(a * a); b = (T)(b >> 1); } return r; }
    default: return 0;
  }
}
template <StBinaryOp op, class T> void bloop(char *const *ptr, const int64_t *s, int64_t n0, int64_t n1, const st_params *p) {
  each<3>(ptr, s, n0, n1, [&](char **q) {
    auto a = ld((T *)q[1]); auto b = ld((T *)q[2]); using M = decltype(a);
    if constexpr (op >= StBinaryOp_eq && op <= StBinaryOp_logicalXor) {
      bool r = false;
      if constexpr (op == StBinaryOp_eq) r = a == b; else if constexpr (op == StBinaryOp_ne) r = a != b;
      else if constexpr (op >= StBinaryOp_logicalAnd) { bool x = a != M(0), y = b != M(0); r = op == StBinaryOp_logicalAnd ? x && y : op == StBinaryOp_logicalOr ? x || y : x != y; }
      else if constexpr (!is_c<M>) r = op == StBinaryOp_lt ? a < b : op == StBinaryOp_le ? a <= b : op == StBinaryOp_gt ? a > b : a >= b;
      *(bool *)q[0] = r;
    } else if constexpr (op == StBinaryOp_makeComplex) { if constexpr (std::is_same_v<M, float> || std::is_same_v<M, double>) *(std::complex<M> *)q[0] = {a, b}; }
    else if constexpr (is_c<M>) *(M *)q[0] = (M)bi(op, (c128)a, (c128)b, p);
    else if constexpr (is_f<M>) stv((T *)q[0], (M)bi(op, (double)a, (double)b, p));
    else if constexpr (std::is_same_v<M, bool>) *(bool *)q[0] = op == StBinaryOp_add || op == StBinaryOp_bitwiseOr || op == StBinaryOp_maximum || op == StBinaryOp_fmax ? a || b : op == StBinaryOp_bitwiseXor ? a != b : op == StBinaryOp_heaviside ? (a ? true : b) : a && b;
    else *(T *)q[0] = bii(op, a, b, p);
  });
}
template <StTernaryOp op, class T> void tloop(char *const *ptr, const int64_t *s, int64_t n0, int64_t n1, const st_params *p) {
  each<4>(ptr, s, n0, n1, [&](char **q) {
    auto a = ld((T *)q[1]); auto b = ld((T *)q[2]); auto c = ld((T *)q[3]); using M = decltype(a);
    if constexpr (std::is_same_v<M, bool>) {} else {
    M k = (M)p->f[0]; if constexpr (is_i<M>) k = (M)p->i[0];
    if constexpr (op == StTernaryOp_addcmul) stv((T *)q[0], (M)(a + k * b * c)); else if constexpr (op == StTernaryOp_addcdiv) { if constexpr (!is_i<M>) stv((T *)q[0], (M)(a + k * b / c)); }
    else if constexpr (op == StTernaryOp_lerp) { if constexpr (is_c<M>) *(M *)q[0] = a + c * (b - a); else stv((T *)q[0], (M)((c < 0 ? -c : c) < M(0.5) ? a + c * (b - a) : b - (b - a) * (M(1) - c))); }
    else if constexpr (!is_c<M>) stv((T *)q[0], a != a ? a : b != b ? b : c != c ? c : (M)((a < b ? b : a) > c ? c : (a < b ? b : a))); }
  });
}
template <class A, class B> void cloop(char *const *ptr, const int64_t *s, int64_t n0, int64_t n1, const st_params *) {
  each<2>(ptr, s, n0, n1, [&](char **q) {
    auto x = ld((A *)q[1]); using M = decltype(x); using N = typename Math<B>::type;
    if constexpr (is_c<M> && is_c<N>) *(N *)q[0] = (N)x;
    else if constexpr (is_c<M>) { if constexpr (std::is_same_v<N, bool>) *(bool *)q[0] = x != M(0); else stv((B *)q[0], (N)x.real()); }
    else if constexpr (is_c<N>) *(N *)q[0] = N((typename N::value_type)x);
    else if constexpr (std::is_same_v<N, bool>) *(bool *)q[0] = x != M(0);
    else if constexpr (is_f<M> && !is_f<N>) *(B *)q[0] = (B)(int64_t)x;
    else stv((B *)q[0], (N)x);
  });
}
template <int N> void wloop(char *const *ptr, const int64_t *s, int64_t n0, int64_t n1, const st_params *) { each<4>(ptr, s, n0, n1, [&](char **q) { memcpy(q[0], *(bool *)q[1] ? q[2] : q[3], N); }); }
template <int N> void mloop(char *const *ptr, const int64_t *s, int64_t n0, int64_t n1, const st_params *) { each<2>(ptr, s, n0, n1, [&](char **q) { memcpy(q[0], q[1], N); }); }
template <int I> st_loop ufind(int op, StDType t) {
  if constexpr (I >= StUnaryOp_count) return nullptr; else { if (op != I) return ufind<I + 1>(op, t); st_loop r = nullptr; visit(t, [&](auto v) { r = uloop<(StUnaryOp)I, decltype(v)>; }); return r; }
}
template <int I> st_loop bfind(int op, StDType t) {
  if constexpr (I >= StBinaryOp_count) return nullptr; else { if (op != I) return bfind<I + 1>(op, t); st_loop r = nullptr; visit(t, [&](auto v) { r = bloop<(StBinaryOp)I, decltype(v)>; }); return r; }
}
template <int I> st_loop tfind(int op, StDType t) {
  if constexpr (I >= StTernaryOp_count) return nullptr; else { if (op != I) return tfind<I + 1>(op, t); st_loop r = nullptr; visit(t, [&](auto v) { r = tloop<(StTernaryOp)I, decltype(v)>; }); return r; }
}
}  // namespace
extern "C" {
__attribute__((weak)) st_loop st_unary(StUnaryOp op, StDType t) { return has(utypes[op], t) ? ufind<0>(op, t) : nullptr; }
__attribute__((weak)) st_loop st_binary(StBinaryOp op, StDType t) { return has(btypes[op], t) || (t > StDType_complex128 && (op == StBinaryOp_eq || op == StBinaryOp_ne)) ? bfind<0>(op, t) : nullptr; }
__attribute__((weak)) st_loop st_ternary(StTernaryOp op, StDType t) { return has(ttypes[op], t) ? tfind<0>(op, t) : nullptr; }
__attribute__((weak)) StDType st_unary_result(StUnaryOp op, StDType t) { return res(ures[op], t); }
__attribute__((weak)) StDType st_binary_result(StBinaryOp op, StDType t) { return res(bres[op], t); }
__attribute__((weak)) st_loop st_where(int32_t n) { return n == 1 ? wloop<1> : n == 2 ? wloop<2> : n == 4 ? wloop<4> : n == 8 ? wloop<8> : wloop<16>; }
__attribute__((weak)) st_loop st_copy(int32_t n) { return n == 1 ? mloop<1> : n == 2 ? mloop<2> : n == 4 ? mloop<4> : n == 8 ? mloop<8> : mloop<16>; }
__attribute__((weak)) st_loop st_convert(StDType a, StDType b) { st_loop r = nullptr; visit(a, [&](auto x) { visit(b, [&](auto y) { r = cloop<decltype(x), decltype(y)>; }); }); return r; }
__attribute__((weak)) void st_fill(char *o, int64_t s, int64_t n, const void *v, int32_t z) { for (int64_t i = 0; i < n; ++i) memcpy(o + i * s, v, z); }
}
