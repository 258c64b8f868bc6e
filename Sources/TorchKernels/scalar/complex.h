// Complex arithmetic and functions. After scalar/math.h.
// Functions of complex numbers compute in double (complex64 rounds once at the end) and take the special values of C's Annex G.

template <class T> ST_FN complex<T> make_complex(T re, T im) { complex<T> z = {re, im}; return z; }
template <class T> ST_FN complex<T> operator+(complex<T> a, complex<T> b) { return make_complex<T>(a.re + b.re, a.im + b.im); }
template <class T> ST_FN complex<T> operator-(complex<T> a, complex<T> b) { return make_complex<T>(a.re - b.re, a.im - b.im); }
template <class T> ST_FN complex<T> operator-(complex<T> a) { return make_complex<T>(-a.re, -a.im); }
template <class T> ST_FN complex<T> operator*(complex<T> a, complex<T> b) {
  return make_complex<T>(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re);
}
template <class T> ST_FN complex<T> operator*(T a, complex<T> b) { return make_complex<T>(a * b.re, a * b.im); }
/// Smith's division: scales by the larger part, so that neither the square of the divisor overflows nor that of a tiny one vanishes.
template <class T> ST_FN complex<T> operator/(complex<T> a, complex<T> b) {
  bool real_larger = m_fabs(b.re) >= m_fabs(b.im);
  T large = real_larger ? b.re : b.im, small = real_larger ? b.im : b.re;
  T ratio = small / large, scale = T(1) / (large + small * ratio);
  T re = real_larger ? a.re + a.im * ratio : a.re * ratio + a.im;
  T im = real_larger ? a.im - a.re * ratio : a.im * ratio - a.re;
  bool zero = b.re == T(0) && b.im == T(0);
  return make_complex<T>(zero ? a.re / m_fabs(b.re) : re * scale, zero ? a.im / m_fabs(b.im) : im * scale);
}
template <class T> ST_FN bool operator==(complex<T> a, complex<T> b) { return a.re == b.re && a.im == b.im; }
template <class T> ST_FN bool operator!=(complex<T> a, complex<T> b) { return !(a == b); }
template <class T> ST_FN complex<T> conjugate(complex<T> z) { return make_complex<T>(z.re, -z.im); }
template <class T> ST_FN T conjugate(T x) { return x; }
ST_FN complex128 widen(complex64 z) { return make_complex<double>(z.re, z.im); }
ST_FN complex64 narrow(complex128 z) { return make_complex<float>((float)z.re, (float)z.im); }
template <class T> ST_FN T m_abs(complex<T> z) { return m_hypot(z.re, z.im); }
template <class T> ST_FN bool m_isnan(complex<T> z) { return z.re != z.re || z.im != z.im; }

#if ST_HOST
// C99's functions: accurate everywhere, with the special values of Annex G.
#define ST_COMPLEX_LIBM(name) \
  ST_FN complex128 m_##name(complex128 z) { \
    _Complex double r = __builtin_c##name(__builtin_complex(z.re, z.im)); \
    return make_complex<double>(__real__ r, __imag__ r); \
  } \
  ST_FN complex64 m_##name(complex64 z) { return narrow(m_##name(widen(z))); }
ST_COMPLEX_LIBM(sqrt) ST_COMPLEX_LIBM(exp) ST_COMPLEX_LIBM(log) ST_COMPLEX_LIBM(sin) ST_COMPLEX_LIBM(cos) ST_COMPLEX_LIBM(tan)
ST_COMPLEX_LIBM(asin) ST_COMPLEX_LIBM(acos) ST_COMPLEX_LIBM(atan) ST_COMPLEX_LIBM(sinh) ST_COMPLEX_LIBM(cosh) ST_COMPLEX_LIBM(tanh)
ST_COMPLEX_LIBM(asinh) ST_COMPLEX_LIBM(acosh) ST_COMPLEX_LIBM(atanh)
#undef ST_COMPLEX_LIBM
ST_FN complex128 m_pow(complex128 a, complex128 b) {
  _Complex double r = __builtin_cpow(__builtin_complex(a.re, a.im), __builtin_complex(b.re, b.im));
  return make_complex<double>(__real__ r, __imag__ r);
}
ST_FN complex64 m_pow(complex64 a, complex64 b) { return narrow(m_pow(widen(a), widen(b))); }
#else
#include "scalar/complex_functions.h"
#endif

/// Defines the complex64 version of a complex128 function.
#define ST_NARROW(name) ST_FN complex64 name(complex64 z) { return narrow(name(widen(z))); }
ST_FN complex128 m_log2(complex128 z) { return 1.4426950408889634 * m_log(z); }
ST_NARROW(m_log2)
ST_FN complex128 m_log10(complex128 z) { return 0.43429448190325183 * m_log(z); }
ST_NARROW(m_log10)
ST_FN complex128 m_exp2(complex128 z) { return m_exp(0.69314718055994531 * z); }
ST_NARROW(m_exp2)
ST_FN complex128 m_expm1(complex128 z) {
  double s = m_sin(0.5 * z.im);
  return make_complex<double>(m_expm1(z.re) * m_cos(z.im) - 2.0 * s * s, m_exp(z.re) * m_sin(z.im));
}
ST_NARROW(m_expm1)
ST_FN complex128 m_log1p(complex128 z) {
  double angle = m_atan2(z.im, z.re + 1.0);
  if (m_abs(z) >= 0.5) return make_complex<double>(m_log(m_hypot(z.re + 1.0, z.im)), angle);
  double r = z.re * (2.0 + z.re) + z.im * z.im;
  return make_complex<double>(r == 0.0 ? z.re : 0.5 * m_log1p(r), angle);
}
ST_NARROW(m_log1p)
ST_FN complex128 m_rsqrt(complex128 z) { return make_complex<double>(1.0, 0.0) / m_sqrt(z); }
ST_NARROW(m_rsqrt)
ST_FN complex128 m_sigmoid(complex128 z) {
  complex128 one = {1.0, 0.0};
  return one / (one + m_exp(-z));
}
ST_NARROW(m_sigmoid)
#undef ST_NARROW
template <class T> ST_FN complex<T> m_sgn(complex<T> z) {
  T a = m_abs(z);
  return a == T(0) ? make_complex<T>(0, 0) : make_complex<T>(z.re / a, z.im / a);
}
