// Functions of complex128 from those of double, for where there is no C99 library: CUDA and its emulator. Included by scalar/complex.h.
// Special values are those of C's Annex G. Inverse functions follow Kahan ("Branch cuts for complex elementary functions", 1987).

ST_FN double c_inf() { return __builtin_inf(); }
ST_FN double c_nan() { return __builtin_nan(""); }
ST_FN complex128 c_pair(double re, double im) { return make_complex<double>(re, im); }
/// Parts exchanged: sin, tan, asin and atan are the hyperbolic functions between two of these.
ST_FN complex128 c_swap(complex128 z) { return c_pair(z.im, z.re); }

static complex128 m_exp(complex128 z) {
  if (z.im == 0.0) return c_pair(m_exp(z.re), z.im);
  if (!m_isfinite(z.im)) {
    if (m_isinf(z.re)) return z.re < 0.0 ? c_pair(0.0, 0.0) : c_pair(z.re, c_nan());
    return c_pair(c_nan(), c_nan());
  }
  double c = m_cos(z.im), s = m_sin(z.im);
  // Above the largest exponent the product may still be finite.
  if (z.re > 709.0 && z.re < 1500.0) {
    double half_e = m_exp(z.re * 0.5);
    return c_pair(half_e * c * half_e, half_e * s * half_e);
  }
  double e = m_exp(z.re);
  return c_pair(e * c, e * s);
}
static complex128 m_log(complex128 z) {
  double angle = m_atan2(z.im, z.re), x = m_fabs(z.re), y = m_fabs(z.im), big = x > y ? x : y, small = x > y ? y : x;
  if (big > 0.5 && big < 1.5 && small < 1.0) {
    // Near the unit circle the logarithm is small: from |z|^2 - 1 without cancellation.
    double r = (big - 1.0) * (big + 1.0) + small * small;
    return c_pair(r > -0.5 ? 0.5 * m_log1p(r) : m_log(m_hypot(x, y)), angle);
  }
  if (big > 1e300 && m_isfinite(big)) return c_pair(m_log(m_hypot(x * 0.25, y * 0.25)) + 1.3862943611198906, angle);
  if (big < 1e-290 && big > 0.0) return c_pair(m_log(m_hypot(x * 4503599627370496.0, y * 4503599627370496.0)) - 36.043653389117154, angle);
  return c_pair(m_log(m_hypot(x, y)), angle);
}
static complex128 m_sqrt(complex128 z) {
  double x = z.re, y = z.im;
  if (x == 0.0 && y == 0.0) return c_pair(0.0, y);
  if (m_isinf(y)) return c_pair(c_inf(), y);
  if (x != x) return c_pair(x, c_nan());
  if (m_isinf(x)) return x < 0.0 ? c_pair(m_fabs(y - y), m_copysign(c_inf(), y)) : c_pair(x, m_copysign(y - y, y));
  double scale = 1.0;
  if (m_fabs(x) > 4e307 || m_fabs(y) > 4e307) {
    x *= 0.25;
    y *= 0.25;
    scale = 2.0;
  } else if (m_fabs(x) < 1e-290 && m_fabs(y) < 1e-290) {
    x *= 81129638414606681695789005144064.0;  // 2^106
    y *= 81129638414606681695789005144064.0;
    scale = 1.1102230246251565e-16;           // 2^-53
  }
  double t = m_sqrt((m_fabs(x) + m_hypot(x, y)) * 0.5);
  return x >= 0.0 ? c_pair(scale * t, scale * (y / (2.0 * t))) : c_pair(scale * (m_fabs(y) / (2.0 * t)), m_copysign(scale * t, y));
}
static complex128 m_sinh(complex128 z) {
  double x = z.re, y = z.im;
  if (m_isfinite(x) && m_isfinite(y)) {
    if (y == 0.0) return c_pair(m_sinh(x), y);
    double s = m_sin(y), c = m_cos(y);
    if (m_fabs(x) < 700.0) return c_pair(m_sinh(x) * c, m_cosh(x) * s);
    double half_e = m_exp(m_least(1000.0, m_fabs(x)) * 0.5);
    return c_pair(m_copysign(0.5 * half_e, x) * c * half_e, 0.5 * half_e * s * half_e);
  }
  if (x == 0.0) return c_pair(x, y - y);
  if (y == 0.0) return c_pair(x + x, y);
  if (m_isinf(x)) return m_isfinite(y) ? c_pair(x * m_cos(y), c_inf() * m_sin(y)) : c_pair(c_inf(), y - y);
  return c_pair(c_nan(), c_nan());
}
static complex128 m_cosh(complex128 z) {
  double x = z.re, y = z.im;
  if (m_isfinite(x) && m_isfinite(y)) {
    if (y == 0.0) return c_pair(m_cosh(x), x * y);
    double s = m_sin(y), c = m_cos(y);
    if (m_fabs(x) < 700.0) return c_pair(m_cosh(x) * c, m_sinh(x) * s);
    double half_e = m_exp(m_least(1000.0, m_fabs(x)) * 0.5);
    return c_pair(0.5 * half_e * c * half_e, m_copysign(0.5 * half_e, x) * s * half_e);
  }
  if (x == 0.0) return c_pair(y - y, m_copysign(0.0, x));
  if (y == 0.0) return c_pair(x * x, m_isinf(x) ? m_copysign(0.0, x) * y : m_copysign(0.0, y));
  if (m_isinf(x)) return m_isfinite(y) ? c_pair(c_inf() * m_cos(y), x * m_sin(y)) : c_pair(c_inf(), y - y);
  return c_pair(c_nan(), c_nan());
}
static complex128 m_tanh(complex128 z) {
  double x = z.re, y = z.im;
  if (x != x) return c_pair(x, y == 0.0 ? y : c_nan());
  if (m_isinf(x)) return c_pair(m_copysign(1.0, x), m_copysign(0.0, m_isfinite(y) ? m_sin(y) * m_cos(y) : y));
  if (!m_isfinite(y)) return c_pair(x == 0.0 ? x : c_nan(), c_nan());
  if (m_fabs(x) > 22.0) {
    double e = m_exp(-m_fabs(x));
    return c_pair(m_copysign(1.0, x), 4.0 * m_sin(y) * m_cos(y) * e * e);
  }
  double t = m_tan(y), beta = 1.0 + t * t, s = m_sinh(x), rho = m_sqrt(1.0 + s * s);
  if (m_isinf(t)) return c_pair(rho / s, 1.0 / t);
  double d = 1.0 + beta * s * s;
  return c_pair(beta * rho * s / d, t / d);
}
ST_FN complex128 m_sin(complex128 z) { return c_swap(m_sinh(c_swap(z))); }
ST_FN complex128 m_cos(complex128 z) { return m_cosh(c_pair(-z.im, z.re)); }
ST_FN complex128 m_tan(complex128 z) { return c_swap(m_tanh(c_swap(z))); }

/// Beyond this size (and for infinities) the inverse functions are those of 2z.
ST_FN bool c_huge(complex128 z) { return m_fabs(z.re) > 1e16 || m_fabs(z.im) > 1e16; }
ST_FN double c_log_twice(complex128 z) { return m_log(c_pair(z.re * 0.5, z.im * 0.5)).re + 1.3862943611198906; }
static complex128 m_asin(complex128 z) {
  if (z.re == 0.0 && z.im != z.im) return z;
  if (c_huge(z)) return c_pair(m_atan2(z.re, m_fabs(z.im)), m_copysign(c_log_twice(z), z.im));
  complex128 a = m_sqrt(c_pair(1.0 - z.re, -z.im)), b = m_sqrt(c_pair(1.0 + z.re, z.im));
  return c_pair(m_atan2(z.re, a.re * b.re - a.im * b.im), m_asinh(a.re * b.im - a.im * b.re));
}
static complex128 m_acos(complex128 z) {
  if (z.re == 0.0 && z.im != z.im) return c_pair(1.5707963267948966, z.im);
  if (c_huge(z)) return c_pair(m_atan2(m_fabs(z.im), z.re), -m_copysign(c_log_twice(z), z.im));
  complex128 a = m_sqrt(c_pair(1.0 - z.re, -z.im)), b = m_sqrt(c_pair(1.0 + z.re, z.im));
  return c_pair(2.0 * m_atan2(a.re, b.re), m_asinh(b.re * a.im - b.im * a.re));
}
static complex128 m_acosh(complex128 z) {
  if (z.re == 0.0 && z.im != z.im) return c_pair(z.im, 1.5707963267948966);
  if (c_huge(z)) return c_pair(c_log_twice(z), m_atan2(z.im, z.re));
  complex128 a = m_sqrt(c_pair(z.re - 1.0, z.im)), b = m_sqrt(c_pair(z.re + 1.0, z.im));
  return c_pair(m_asinh(a.re * b.re + a.im * b.im), 2.0 * m_atan2(a.im, b.re));
}
static complex128 m_atanh(complex128 z) {
  double x = z.re, y = z.im;
  if (c_huge(z)) {
    // About 1 / z: x / (x^2 + y^2), by whichever part is larger.
    double q = m_fabs(x) > m_fabs(y) ? y / x : x / y;
    double r = m_isinf(x) || m_isinf(y) ? 0.0 : m_fabs(x) > m_fabs(y) ? 1.0 / (m_fabs(x) * (1.0 + q * q)) : m_fabs(q) / (m_fabs(y) * (1.0 + q * q));
    return c_pair(m_copysign(r, x), y != y || (x != x && !m_isinf(y)) ? c_nan() : m_copysign(1.5707963267948966, y));
  }
  if (x == 0.0 && y != y) return z;
  double a = 1.0 - m_fabs(x), re = 0.25 * m_log1p(4.0 * m_fabs(x) / (a * a + y * y));
  // At the poles themselves the square of a tiny part would be lost.
  if (a == 0.0 && m_fabs(y) < 1e-8) re = 0.5 * (0.69314718055994531 - m_log(m_fabs(y)));
  return c_pair(m_copysign(re, x), 0.5 * m_atan2(2.0 * y, a * (1.0 + m_fabs(x)) - y * y));
}
ST_FN complex128 m_asinh(complex128 z) { return c_swap(m_asin(c_swap(z))); }
ST_FN complex128 m_atan(complex128 z) { return c_swap(m_atanh(c_swap(z))); }
ST_FN complex128 m_pow(complex128 a, complex128 b) { return m_exp(b * m_log(a)); }

#define ST_COMPLEX_NARROW(name) ST_FN complex64 m_##name(complex64 z) { return narrow(m_##name(widen(z))); }
ST_COMPLEX_NARROW(sqrt) ST_COMPLEX_NARROW(exp) ST_COMPLEX_NARROW(log) ST_COMPLEX_NARROW(sin) ST_COMPLEX_NARROW(cos) ST_COMPLEX_NARROW(tan)
ST_COMPLEX_NARROW(asin) ST_COMPLEX_NARROW(acos) ST_COMPLEX_NARROW(atan) ST_COMPLEX_NARROW(sinh) ST_COMPLEX_NARROW(cosh) ST_COMPLEX_NARROW(tanh)
ST_COMPLEX_NARROW(asinh) ST_COMPLEX_NARROW(acosh) ST_COMPLEX_NARROW(atanh)
#undef ST_COMPLEX_NARROW
ST_FN complex64 m_pow(complex64 a, complex64 b) { return narrow(m_pow(widen(a), widen(b))); }
