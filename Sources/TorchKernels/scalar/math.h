// Elementary functions of float and double, written so that clang vectorises loops over them: no branches, no tables, no calls (float only).
// No include guard, needs scalar/types.h before it. See Note [Vector functions].
//
// Note [Vector functions]
// The float functions are within 1 ULP (st_ulp_report measures it). Hot ones (exp, log, tanh, sigmoid, erf) compute in float with the rounding errors of the
// last steps carried along; the others compute in double and round once, which costs two vectors instead of one but needs no tricks, no special cases for
// subnormal numbers or overflow, and is nearly always correctly rounded. The `d_` functions are these double cores: about 2^-34 relative, for arguments that came
// from floats. NaN passes through arithmetic; comparisons are written so that NaN falls through. Rounding to an integer adds 1.5 * 2^23 (or 2^52): the
// low bits of the sum are then the integer, so there is no conversion that could trap on NaN.
// double functions are in scalar/math64.h, or libm's. On CUDA all are CUDA's.

ST_FN float m_fabs(float x) { return ST_LIBM(fabsf)(x); }
ST_FN double m_fabs(double x) { return ST_LIBM(fabs)(x); }
ST_FN float m_copysign(float x, float s) { return ST_LIBM(copysignf)(x, s); }
ST_FN double m_copysign(double x, double s) { return ST_LIBM(copysign)(x, s); }
#if ST_HOST
// The elementwise builtin never sets errno; sqrt itself may, and a loop over it does not vectorise.
ST_FN float m_sqrt(float x) { return __builtin_elementwise_sqrt(x); }
ST_FN double m_sqrt(double x) { return __builtin_elementwise_sqrt(x); }
#if ST_FMA
ST_FN float m_rsqrt(float x) {
  // One correction by the remainders of both the root and the division; at 0 and infinity these are NaN and the quotient stands.
  float s = m_sqrt(x), y = 1.0f / s;
  float division = __builtin_fmaf(-s, y, 1.0f), root = __builtin_fmaf(-s, s, x);
  float better = y + y * (division - 0.5f * root * y * y);
  return better == better ? better : y;
}
#else
ST_FN float m_rsqrt(float x) { return (float)(1.0 / m_sqrt((double)x)); }
#endif
#else
ST_FN float m_sqrt(float x) { return ::sqrtf(x); }
ST_FN double m_sqrt(double x) { return ::sqrt(x); }
ST_FN float m_rsqrt(float x) { return ::rsqrtf(x); }
#endif
ST_FN double m_rsqrt(double x) { return 1.0 / m_sqrt(x); }
#if ST_HOST && ST_LEVEL == 0 && defined(__x86_64__)
// SSE2 has no rounding instructions and libm calls do not vectorise: round by adding and subtracting 2^23 (2^52), which is exact below that and not needed above.
ST_FN float m_round_even(float x) {
  float a = m_fabs(x), big = 8388608.0f;
  float r = (a + big) - big;
  return m_copysign(a < big ? r : a, x);
}
ST_FN double m_round_even(double x) {
  double a = m_fabs(x), big = 4503599627370496.0;
  double r = (a + big) - big;
  return m_copysign(a < big ? r : a, x);
}
template <class T> ST_FN T m_floor(T x) { T r = m_round_even(x); return m_copysign(r > x ? r - T(1) : r, x); }
template <class T> ST_FN T m_ceil(T x) { T r = m_round_even(x); return m_copysign(r < x ? r + T(1) : r, x); }
template <class T> ST_FN T m_trunc(T x) { T a = m_fabs(x), r = m_round_even(a); return m_copysign(r > a ? r - T(1) : r, x); }
#else
ST_FN float m_round_even(float x) { return ST_LIBM(rintf)(x); }
ST_FN double m_round_even(double x) { return ST_LIBM(rint)(x); }
ST_FN float m_floor(float x) { return ST_LIBM(floorf)(x); }
ST_FN double m_floor(double x) { return ST_LIBM(floor)(x); }
ST_FN float m_ceil(float x) { return ST_LIBM(ceilf)(x); }
ST_FN double m_ceil(double x) { return ST_LIBM(ceil)(x); }
ST_FN float m_trunc(float x) { return ST_LIBM(truncf)(x); }
ST_FN double m_trunc(double x) { return ST_LIBM(trunc)(x); }
#endif
template <class T> ST_FN bool m_isnan(T x) { return x != x; }
ST_FN bool m_isinf(float x) { return (bits_of(x) & 0x7fffffffu) == 0x7f800000u; }
ST_FN bool m_isinf(double x) { return (bits_of(x) & 0x7fffffffffffffffu) == 0x7ff0000000000000u; }
ST_FN bool m_isfinite(float x) { return (bits_of(x) & 0x7f800000u) != 0x7f800000u; }
ST_FN bool m_isfinite(double x) { return (bits_of(x) & 0x7ff0000000000000u) != 0x7ff0000000000000u; }
ST_FN bool m_signbit(float x) { return bits_of(x) >> 31; }
ST_FN bool m_signbit(double x) { return bits_of(x) >> 63; }
template <class T> struct Limits;
template <> struct Limits<float> {
  ST_FN float inf() { return __builtin_inff(); }
  ST_FN float nan() { return __builtin_nanf(""); }
  ST_FN float max() { return 3.40282346638528859812e+38f; }
};
template <> struct Limits<double> {
  ST_FN double inf() { return __builtin_inf(); }
  ST_FN double nan() { return __builtin_nan(""); }
  ST_FN double max() { return 1.79769313486231570815e+308; }
};
/// Smaller and larger of two; where one is NaN the second is returned, as x86's instructions do.
template <class T> ST_FN T m_least(T a, T b) { return a < b ? a : b; }
template <class T> ST_FN T m_greatest(T a, T b) { return a > b ? a : b; }

// ---- double cores

/// e^x for |x| < 700.
ST_FN double d_exp(double x) {
  double t = x * 1.4426950408889634 + 6755399441055744.0;
  double n = t - 6755399441055744.0;
  double r = x - n * 0.69314718055989033;
  r = r - n * 5.4979230187083712e-14;
  double p = 0.00019790247154130087;
  p = p * r + 0.0013944758323245266;
  p = p * r + 0.0083334976676997709;
  p = p * r + 0.041666293639236268;
  p = p * r + 0.16666665864621313;
  p = p * r + 0.50000000680352885;
  p = p * r + 1.0;
  p = p * r + 1.0;
  return p * double_of((bits_of(t) + 1023) << 52);
}
/// The same with the argument clamped to where a float result is neither 0 nor infinite, so that the conversion to float gives both.
ST_FN double d_exp_of_float(double x) { return d_exp(m_greatest(-200.0, m_least(200.0, x))); }
/// e^x - 1, relatively accurate near 0; -200 <= x <= 200.
ST_FN double d_expm1(double x) {
  double t = x * 1.4426950408889634 + 6755399441055744.0;
  double n = t - 6755399441055744.0;
  double r = x - n * 0.69314718055989033;
  r = r - n * 5.4979230187083712e-14;
  double p = 2.4882661222771205e-05;
  p = p * r + 0.00019905073633196747;
  p = p * r + 0.0013888808990504379;
  p = p * r + 0.0083332887976507054;
  p = p * r + 0.041666666956860977;
  p = p * r + 0.16666666755014833;
  p = p * r + 0.49999999999734107;
  p = p * (r * r) + r;
  double s = double_of((bits_of(t) + 1023) << 52);
  return p * s + (s - 1.0);
}
/// log(1 + f) for the mantissa range, as 2 atanh(s), s = f / (2 + f).
ST_FN double d_log_mantissa(double f) {
  double s = f / (2.0 + f), z = s * s;
  double p = 0.16821308792211709;
  p = p * z + 0.18123524593680165;
  p = p * z + 0.22223375132140291;
  p = p * z + 0.28571417084583101;
  p = p * z + 0.40000000052528006;
  p = p * z + 0.6666666666658676;
  return s * (p * z) + (s + s);
}
/// Splits x = 2^n * m with m in [sqrt(1/2), sqrt(2)); x positive and normal. n comes as a double without an integer conversion.
ST_FN double d_split(double x, double *n) {
  uint64_t u = bits_of(x) + (0x3ff0000000000000u - 0x3fe6a09e667f3bcdu);
  *n = double_of((u >> 52) | 0x4330000000000000u) - 4503599627371519.0;
  return double_of((u & 0x000fffffffffffffu) + 0x3fe6a09e667f3bcdu);
}
/// Specials of all logarithms of x: NaN below 0, -inf at 0, x itself at inf and NaN.
ST_FN double d_log_specials(double x, double y) {
  y = x < __builtin_inf() ? y : x;
  y = x > 0.0 ? y : (x == 0.0 ? -__builtin_inf() : __builtin_nan(""));
  return y;
}
/// Natural logarithm; subnormal doubles (which floats never become) excepted.
ST_FN double d_log(double x) {
  double n, m = d_split(x, &n);
  return d_log_specials(x, n * 0.69314718055994531 + d_log_mantissa(m - 1.0));
}
ST_FN double d_log2(double x) {
  double n, m = d_split(x, &n);
  return d_log_specials(x, d_log_mantissa(m - 1.0) * 1.4426950408889634 + n);
}
ST_FN double d_log10(double x) {
  double n, m = d_split(x, &n);
  return d_log_specials(x, n * 0.30102999566398120 + d_log_mantissa(m - 1.0) * 0.43429448190325183);
}
/// log(1 + x), relatively accurate near 0.
ST_FN double d_log1p(double x) {
  double u = 1.0 + x, n, m = d_split(u, &n);
  // Where nothing was scaled the mantissa part is x itself, so small x lose nothing to the sum.
  double f = n == 0.0 ? x : m - 1.0;
  return d_log_specials(u, n * 0.69314718055994531 + d_log_mantissa(f));
}
/// sin and cos of r + q * pi/2 for |r| <= pi/4, q the low bits of `quadrant`.
ST_FN double d_sin_poly(double r, double z) {
  double p = 2.7182373229310291e-06;
  p = p * z - 0.00019839327142606012;
  p = p * z + 0.0083333293623047266;
  p = p * z - 0.16666666641426803;
  return p * (z * r) + r;
}
ST_FN double d_cos_poly(double z) {
  double p = -2.7209549366124936e-07;
  p = p * z + 2.4799511786336205e-05;
  p = p * z - 0.0013888883722724373;
  p = p * z + 0.04166666662247849;
  return p * (z * z) + (1.0 - 0.5 * z);
}
/// Largest |x| of the fast trigonometric functions: below it three parts of pi/2 reduce the argument without loss.
constexpr float kTrigLimit = 1048576.0f;
/// x - q * pi/2 in [-pi/4, pi/4] for |x| < kTrigLimit; the low two bits of *quadrant are q's. The first two parts of pi/2 have 33 bits each, so that their products are exact.
ST_FN double d_reduce(double x, uint64_t *quadrant) {
  double t = x * 0.63661977236758138 + 6755399441055744.0;
  double n = t - 6755399441055744.0;
  *quadrant = bits_of(t);
  double r = x - n * 1.5707963267341256;
  r = r - n * 6.0771005063039e-11;
  return r - n * 2.0222662487959506e-21;
}
ST_FN double d_sin_cos(double x, uint64_t turn) {
  uint64_t q;
  double r = d_reduce(x, &q), z = r * r;
  q += turn;
  double s = d_sin_poly(r, z), c = d_cos_poly(z);
  double y = (q & 1) ? c : s;
  return double_of(bits_of(y) ^ (q & 2) << 62);
}
ST_FN double d_tan(double x) {
  uint64_t q;
  double r = d_reduce(x, &q), z = r * r;
  double s = d_sin_poly(r, z), c = d_cos_poly(z);
  double a = (q & 1) ? c : s, b = (q & 1) ? -s : c;
  return a / b;
}
/// Arc tangent of y / x for x >= 0, y >= 0.
ST_FN double d_atan_quotient(double y, double x) {
  // Reduce to |t| <= tan(pi/8) by atan(y/x) = pi/4 + atan((y-x)/(y+x)) or pi/2 - atan(x/y), all in one division.
  bool high = y > 2.4142135623730950 * x, middle = y > 0.41421356237309505 * x;
  double a = high ? -x : middle ? y - x : y;
  double b = high ? y : middle ? y + x : x;
  double base = high ? 1.5707963267948966 : middle ? 0.78539816339744831 : 0.0;
  double t = a / b, z = t * t;
  double p = -0.037919257418049343;
  p = p * z + 0.069910886602469594;
  p = p * z - 0.089968500162461065;
  p = p * z + 0.1110400954127943;
  p = p * z - 0.14285424211721981;
  p = p * z + 0.19999994348992078;
  p = p * z - 0.33333333295989093;
  return base + (p * (z * t) + t);
}
ST_FN double d_atan(double x) {
  double a = m_fabs(x);
  double y = d_atan_quotient(m_least(1e300, a), 1.0);
  return m_copysign(x != x ? x : y, x);
}
/// erfc(t) * exp(t^2) for 0 <= t <= 10.4, a polynomial in (t - 4) / (t + 4).
ST_FN double d_erfcx(double t) {
  double u = (t - 4.0) / (t + 4.0);
  double p = 4.4958177158173811e-05;
  p = p * u + 0.00024467621923457579;
  p = p * u - 0.00017135423456210409;
  p = p * u - 0.00079562823335072887;
  p = p * u + 0.0050038109187163938;
  p = p * u - 0.016195312140561646;
  p = p * u + 0.0371740474371339;
  p = p * u - 0.066329727152872109;
  p = p * u + 0.093732201118991332;
  p = p * u - 0.10103915587571352;
  p = p * u + 0.068097080277387395;
  p = p * u + 0.015379655120979583;
  p = p * u - 0.13962111716632039;
  p = p * u + 1.2329951186115842;
  return p / (1.0 + 2.0 * t);
}
ST_FN double d_erfc(double x) {
  double a = m_fabs(x);
  a = m_least(10.3, a);
  double y = d_exp(-a * a) * d_erfcx(a);
  return x < 0.0 ? 2.0 - y : y;
}
ST_FN double d_erf_small(double x, double z) {
  double p = -9.283228285336708e-08;
  p = p * z + 1.473458423757271e-06;
  p = p * z - 1.468001378738071e-05;
  p = p * z + 0.00012033775969794046;
  p = p * z - 0.0008547143830884011;
  p = p * z + 0.00522393786125544;
  p = p * z - 0.026866162943384887;
  p = p * z + 0.11283791595052275;
  p = p * z - 0.3761263890027916;
  p = p * z + 0.12837916709532912;
  return p * x + x;
}

// ---- float functions

#if !ST_HOST
#define ST_FLOAT_LIBM(name) \
  ST_FN float m_##name(float x) { return ::name##f(x); } \
  ST_FN double m_##name(double x) { return ::name(x); }
ST_FLOAT_LIBM(exp) ST_FLOAT_LIBM(exp2) ST_FLOAT_LIBM(expm1) ST_FLOAT_LIBM(log) ST_FLOAT_LIBM(log2) ST_FLOAT_LIBM(log10) ST_FLOAT_LIBM(log1p)
ST_FLOAT_LIBM(sin) ST_FLOAT_LIBM(cos) ST_FLOAT_LIBM(tan) ST_FLOAT_LIBM(sinh) ST_FLOAT_LIBM(cosh) ST_FLOAT_LIBM(tanh)
ST_FLOAT_LIBM(asin) ST_FLOAT_LIBM(acos) ST_FLOAT_LIBM(atan) ST_FLOAT_LIBM(asinh) ST_FLOAT_LIBM(acosh) ST_FLOAT_LIBM(atanh)
ST_FLOAT_LIBM(erf) ST_FLOAT_LIBM(erfc)
#undef ST_FLOAT_LIBM
template <class T> ST_FN T m_sigmoid(T x) { return T(1) / (T(1) + m_exp(-x)); }
ST_FN float m_sigmoid_fast(float x) { return quick_reciprocal(1.0f + m_exp(-x)); }
ST_FN double m_sigmoid_fast(double x) { return m_sigmoid(x); }
/// The normal distribution beyond t >= 0, 5e-7 relative, 0 where it is subnormal: e^(-t^2 / 2) times a polynomial in (t - 3) / (t + 3). Less than half of what erfcf costs.
ST_FN float m_normal_tail(float t) {
  t = t > 15.0f ? 15.0f : t;
  const float u = 1.0f - 6.0f * quick_reciprocal(t + 3.0f);
  float p = 5.3160973e-05f;
  p = p * u + 0.000115012597f;
  p = p * u - 0.000339011953f;
  p = p * u - 0.000983287231f;
  p = p * u + 0.00290438696f;
  p = p * u + 0.00613194192f;
  p = p * u - 0.0462132618f;
  p = p * u + 0.123225041f;
  p = p * u - 0.206402615f;
  p = p * u + 0.121513948f;
  // What rounding takes from the square and from the exponent of 2 is put back as a factor.
  const float square = t * t, exponent = -0.721347520f * square, lost = ::fmaf(-0.721347520f, square, -exponent) - 0.721347520f * ::fmaf(t, t, -square);
  p = p * quick_exp2(exponent);
  return p + p * (0.693147181f * lost);
}
/// The same to 3e-5 of itself, which 16 bits do not show, for t up to 15.
ST_FN float m_normal_tail_brief(float t) {
  const float u = quick_reciprocal(t + 4.0f);
  float p = 254.968384f;
  p = p * u - 31.8012695f;
  p = p * u + 12.9036169f;
  p = p * u + 1.12095392f;
  p = p * u + 0.415117234f;
  p = p * u - 0.000213431165f;
  return p * quick_exp2(-0.721347520f * (t * t));
}
ST_FN double m_normal_tail(double t) { return 0.5 * m_erfc(t * 0.70710678118654752); }
template <class T> ST_FN T m_log1p_unit(T x) { return m_log1p(x); }
template <class T> ST_FN T m_exp_negative(T x) { return m_exp(x); }
ST_FN float m_pow(float x, float y) { return ::powf(x, y); }
ST_FN double m_pow(double x, double y) { return ::pow(x, y); }
ST_FN float m_atan2(float y, float x) { return ::atan2f(y, x); }
ST_FN double m_atan2(double y, double x) { return ::atan2(y, x); }
ST_FN float m_hypot(float x, float y) { return ::hypotf(x, y); }
ST_FN double m_hypot(double x, double y) { return ::hypot(x, y); }
#else

/// e^r - 1 = (first) + (rest) for |r| <= ln(2)/2.
ST_FN float f_exp_poly(float r) {
  float q = 0.00138144707f;
  q = q * r + 0.00836877991f;
  q = q * r + 0.0416683927f;
  q = q * r + 0.166665196f;
  return q * r + 0.49999994f;
}
/// 2^r for |r| <= 1/2.
ST_FN float f_exp2_poly(float r) {
  float p = 0.000153533489f;
  p = p * r + 0.00133989006f;
  p = p * r + 0.00961843785f;
  p = p * r + 0.0555033237f;
  p = p * r + 0.240226477f;
  p = p * r + 0.693147182f;
  return p * r + 1.0f;
}
/// 2^n * p for p near 1 and any n in [-252, 254], rounding once.
ST_FN float f_scale(float p, int32_t n) {
  int32_t half_n = n >> 1;
  return p * float_of(((uint32_t)half_n << 23) + 0x3f800000u) * float_of(((uint32_t)(n - half_n) << 23) + 0x3f800000u);
}
ST_FN float m_exp(float x) {
  float c = m_greatest(-104.5f, m_least(89.0f, x));
  float t = c * 1.44269504f + 12582912.0f;
  float n = t - 12582912.0f;
  float r = c - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  float p = f_exp_poly(r) * (r * r) + r;
  p = p + 1.0f;
  return f_scale(p, (int32_t)(bits_of(t) - 0x4b400000u));
}
/// e^x for x <= 0 (softmax), 0 below -87.3: cheaper than m_exp because subnormal results are flushed.
ST_FN float m_exp_negative(float x) {
  float c = m_greatest(-88.0f, x);
  float t = c * 1.44269504f + 12582912.0f;
  float n = t - 12582912.0f;
  float r = c - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  float p = f_exp_poly(r) * (r * r) + r;
  p = p + 1.0f;
  float y = p * float_of((bits_of(t) << 23) + 0x3f800000u);
  return x < -87.3f ? 0.0f : y;
}
#if !ST_FMA
ST_FN float m_exp2(float x) { return (float)d_exp_of_float((double)x * 0.69314718055994531); }
#else
ST_FN float m_exp2(float x) {
  float c = m_greatest(-151.0f, m_least(129.0f, x));
  float t = c + 12582912.0f;
  float n = t - 12582912.0f;
  float r = c - n;
  return f_scale(f_exp2_poly(r), (int32_t)(bits_of(t) - 0x4b400000u));
}
#endif
ST_FN float m_expm1(float x) {
  float y = (float)d_expm1(m_greatest(-200.0, m_least(200.0, (double)x)));
  return x == 0.0f ? x : y;
}
/// (log(1 + f) - f + f^2 / 2) / f^3 for 1 + f in [sqrt(1/2), sqrt(2)].
ST_FN float f_log_poly(float f) {
  float p = 0.0691561997f;
  p = p * f - 0.117903039f;
  p = p * f + 0.118731141f;
  p = p * f - 0.123842768f;
  p = p * f + 0.142186329f;
  p = p * f - 0.16669254f;
  p = p * f + 0.20002228f;
  p = p * f - 0.249999866f;
  return p * f + 0.333333105f;
}
ST_FN float m_log(float x) {
  // Subnormal numbers are scaled up by 2^23 first.
  bool subnormal = x < 1.17549435e-38f;
  float s = subnormal ? x * 8388608.0f : x;
  uint32_t u = bits_of(s) - 0x3f3504f3u;
  float n = (float)((int32_t)u >> 23) - (subnormal ? 23.0f : 0.0f);
  float f = float_of((u & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
  float z = f * f;
  float y = f_log_poly(f) * (f * z);
  y = y - n * 2.12194440e-4f;
  y = y - 0.5f * z;
  y = f + y;
  y = y + n * 0.693359375f;
  y = x < __builtin_inff() ? y : x;
  return x > 0.0f ? y : (x == 0.0f ? -__builtin_inff() : __builtin_nanf(""));
}
ST_FN float m_log2(float x) { return (float)d_log2(x); }
ST_FN float m_log10(float x) { return (float)d_log10(x); }
ST_FN float m_log1p(float x) { float y = (float)d_log1p(x); return x == 0.0f ? x : y; }

// sin, cos and tan: the plain loops use the *_bounded ones, which vectorise, after a look whether a block holds larger arguments.
ST_FN bool m_trig_large(float x) { return !(m_fabs(x) < kTrigLimit); }
ST_FN float m_sin_bounded(float x) { float y = (float)d_sin_cos(x, 0); return x == 0.0f ? x : y; }
ST_FN float m_cos_bounded(float x) { return (float)d_sin_cos(x, 1); }
ST_FN float m_tan_bounded(float x) { float y = (float)d_tan(x); return x == 0.0f ? x : y; }
ST_FN float m_sin(float x) { return m_trig_large(x) ? (float)ST_LIBM(sin)((double)x) : m_sin_bounded(x); }
ST_FN float m_cos(float x) { return m_trig_large(x) ? (float)ST_LIBM(cos)((double)x) : m_cos_bounded(x); }
ST_FN float m_tan(float x) { return m_trig_large(x) ? (float)ST_LIBM(tan)((double)x) : m_tan_bounded(x); }

ST_FN float m_atan(float x) { return (float)d_atan(x); }
ST_FN float m_asin(float x) {
  double a = m_fabs((double)x);
  float y = (float)d_atan_quotient(a, m_sqrt((1.0 - a) * (1.0 + a)));
  return m_copysign(a <= 1.0 ? y : __builtin_nanf(""), x);
}
ST_FN float m_acos(float x) {
  double y = 2.0 * d_atan_quotient(m_sqrt(1.0 - (double)x), m_sqrt(1.0 + (double)x));
  return m_fabs(x) <= 1.0f ? (float)y : __builtin_nanf("");
}
ST_FN float m_atan2(float y, float x) {
  double a = m_fabs((double)x), b = m_fabs((double)y);
  // Infinities become numbers so large that the quotient of two is 1 and that of one is 0 or infinite; 0 / 0 is taken as 0 / 1.
  a = m_least(1e200, a);
  b = m_least(1e200, b);
  double r = d_atan_quotient(b, b == 0.0 && a == 0.0 ? 1.0 : a);
  r = m_signbit(x) ? 3.14159265358979324 - r : r;
  float f = m_copysign((float)r, y);
  return x != x || y != y ? x + y : f;
}
ST_FN float m_sinh(float x) {
  double a = m_least(200.0, m_fabs((double)x)), t = d_expm1(a);
  return m_copysign((float)(0.5 * (t + t / (t + 1.0))), x);
}
ST_FN float m_cosh(float x) {
  double e = d_exp(m_least(200.0, m_fabs((double)x)));
  return (float)(0.5 * (e + 1.0 / e));
}
ST_FN float m_asinh(float x) {
  double a = m_fabs((double)x), z = a * a;
  float y = (float)d_log1p(a + z / (1.0 + m_sqrt(1.0 + z)));
  y = a < __builtin_inf() ? y : m_fabs(x);
  return m_copysign(y, x);
}
ST_FN float m_acosh(float x) {
  double t = (double)x - 1.0;
  float y = (float)d_log1p(t + m_sqrt(t * (t + 2.0)));
  return t >= 0.0 ? y : __builtin_nanf("");
}
ST_FN float m_atanh(float x) {
  double a = m_fabs((double)x);
  return m_copysign((float)(0.5 * d_log1p(2.0 * a / (1.0 - a))), x);
}
ST_FN float m_erfc(float x) { return (float)d_erfc(x); }
ST_FN float m_hypot(float x, float y) {
  double a = x, b = y;
  float r = (float)m_sqrt(a * a + b * b);
  return m_isinf(x) || m_isinf(y) ? __builtin_inff() : r;
}
/// x^y in double: log2 to 2^-45, so that the exponent, at most 150, is good to 2^-36.
ST_FN float m_pow(float x, float y) {
  double a = m_fabs((double)x), b = y;
  double e = m_greatest(-1000.0, m_least(1000.0, b * d_log2(a)));
  // 0 * inf (1^inf, x^0) is NaN in the exponent and becomes 1 below.
  float r = (float)d_exp(e * 0.69314718055994531 < -200.0 ? -200.0 : e * 0.69314718055994531 > 200.0 ? 200.0 : e * 0.69314718055994531);
  float half_y = 0.5f * y;
  bool whole = m_floor(y) == y, odd = whole && m_floor(half_y) != half_y;
  r = x < 0.0f && !whole ? __builtin_nanf("") : r;
  r = m_isinf(x) || a == 0.0 ? ((y < 0.0f) != (a == 0.0) ? 0.0f : __builtin_inff()) : r;
  r = m_signbit(x) && odd ? -m_fabs(r) : r;
  r = m_isinf(y) ? ((a > 1.0) == (y > 0.0f) ? __builtin_inff() : 0.0f) : r;
  r = (x == -1.0f && m_isinf(y)) || x == 1.0f || y == 0.0f ? 1.0f : x != x || y != y ? x + y : r;
  return r;
}

/// Phi(-t) for t >= 0, Phi being the normal distribution function: 2^-(polynomial of t), so that it keeps a relative accuracy as it decays; 0 beyond 8.
ST_FN float m_normal_tail(float t) {
  float a = m_least(8.0f, t);
  float p = 2.35105784e-08f;
  p = p * a - 7.35391723e-07f;
  p = p * a + 9.74263367e-06f;
  p = p * a - 6.96880525e-05f;
  p = p * a + 0.000257030013f;
  p = p * a + 4.64204859e-05f;
  p = p * a - 0.00700359093f;
  p = p * a + 0.0524797253f;
  p = p * a + 0.459208131f;
  p = p * a + 1.15110576f;
  p = p * a + 1.0f;
  float u = p + 12582912.0f, r = (u - 12582912.0f) - p;
  float e = float_of(bits_of(f_exp2_poly(r)) - (bits_of(u) << 23));
  return t > 8.0f ? 0.0f : e;
}

#if ST_FMA
ST_FN float f_fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
/// q = (a + al) / (d + dl), the rounding errors of both parts taken into account; 1/d is one division.
ST_FN float f_divide(float a, float al, float d, float dl) {
  float inverse = 1.0f / d;
  float q = a * inverse;
  float e = f_fma(-q, d, a) + f_fma(-q, dl, al);
  return f_fma(e, inverse, q);
}
/// e^r - 1 for the reduced argument of c, as *high + *low; returns n, c = n ln 2 + r, with n's bits in *bits.
ST_FN float f_expm1_reduced(float c, uint32_t *bits, float *low) {
  float t = c * 1.44269504f + 12582912.0f;
  *bits = bits_of(t);
  float n = t - 12582912.0f;
  float w = f_fma(n, -0.693359375f, c);
  float r = f_fma(n, 2.12194440e-4f, w);
  float r_low = f_fma(n, 2.12194440e-4f, w - r);
  float s = f_exp_poly(r) * r;
  float p = f_fma(s, r, r);
  *low = f_fma(s, r, r - p) + r_low;
  return p;
}
ST_FN float m_tanh(float x) {
  // tanh(a) = t / (t + 2) with t = e^(2a) - 1 = (2^n - 1) + 2^n (e^r - 1), for all a alike.
  float a = m_least(10.0f, m_fabs(x)), p_low;
  uint32_t bits;
  float p = f_expm1_reduced(a + a, &bits, &p_low);
  float s = float_of((bits << 23) + 0x3f800000u);
  float b = s - 1.0f, c = s * p;
  float t = b + c;
  float t_low = (b - t) + c + s * p_low;
  float d = t + 2.0f, back = d - 2.0f;
  float d_low = (2.0f - (d - back)) + (t - back) + t_low;
  float y = f_divide(t, t_low, d, d_low);
  // The scale of a subnormal argument would be lost in the products.
  y = a < 1e-4f ? a : y;
  return m_copysign(x != x ? x : y, x);
}
ST_FN float m_sigmoid(float x) {
  // 1 / (1 + e^-x), the rounding errors of the exponential, the sum and the quotient carried along. Beyond n = 100 both parts of the sum are scaled down by `one`,
  // so that subnormal results are rounded once, at the end.
  float c = m_greatest(-87.0f, m_least(104.5f, -x));
  float t = c * 1.44269504f + 12582912.0f;
  float n = t - 12582912.0f;
  float r = c - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  float p = f_exp_poly(r) * (r * r) + r;
  float high = 1.0f + p, low = (1.0f - high) + p;
  uint32_t bits = bits_of(t), most = 0x4b400000u + 100u, m = bits < most ? bits : most;
  float scale = float_of((m << 23) + 0x3f800000u), one = float_of(0x3f800000u - ((bits - m) << 23));
  float e = scale * high, d = e + one;
  float d_low = f_fma(scale, low, (m_greatest(e, one) - d) + m_least(e, one));
  float y = 1.0f / d;
  float remainder = f_fma(-y, d_low, f_fma(-y, d, 1.0f));
  return f_fma(y, remainder, y) * one;
}
ST_FN float m_erf(float x) {
  // Small: odd polynomial. Large: 1 - exp(polynomial of |x|), so that one exponential replaces a table.
  float a = m_least(4.0f, m_fabs(x)), z = x * x;
  float q = -3.56590544e-06f;
  q = q * z + 9.01991443e-05f;
  q = q * z - 0.000815953012f;
  q = q * z + 0.00519780861f;
  q = q * z - 0.0268569198f;
  q = q * z + 0.112836346f;
  // The last two steps carry the rounding errors of z and of themselves.
  float z_low = f_fma(x, x, -z), q1 = f_fma(q, z, -0.376126289f), q1_low = f_fma(q, z, -0.376126289f - q1);
  q = f_fma(q1, z, f_fma(z_low, q1, f_fma(q1_low, z, 0.128379166f)));
  q = q * x + x;
  float p = -2.01880539e-05f;
  p = p * a + 0.000422867015f;
  p = p * a - 0.00410873722f;
  p = p * a + 0.0249367766f;
  p = p * a - 0.107964739f;
  p = p * a - 0.633667827f;
  p = p * a - 1.1293366f;
  float p_high = f_fma(p, a, 0.000132901856f), p_low = f_fma(p, a, -p_high) + 0.000132901856f;
  float e = m_exp_negative(p_high);
  float y = 1.0f - f_fma(e, p_low, e);
  y = m_copysign(y, x);
  return a < 1.0f ? q : x != x ? x : y;
}
#else
// Without fused multiply-add the compensated steps do not hold; double does.
ST_FN float m_tanh(float x) {
  double t = d_expm1(2.0 * m_least(20.0, m_fabs((double)x)));
  float y = m_copysign((float)(t / (t + 2.0)), x);
  return x != x ? x : y;
}
ST_FN float m_sigmoid(float x) { return (float)(1.0 / (1.0 + d_exp_of_float(-(double)x))); }
ST_FN float m_erf(float x) {
  double a = x, y = 1.0 - d_erfc(m_fabs(a));
  return (float)(m_fabs(x) < 1.12f ? d_erf_small(a, a * a) : m_copysign(y, a));
}
#endif

/// Sigmoid within 2 ULP at half the cost, 0 below -88: for where it is a factor of something else.
ST_FN float m_sigmoid_fast(float x) {
  float c = m_greatest(-87.0f, m_least(89.0f, -x));
  float t = c * 1.44269504f + 12582912.0f;
  float n = t - 12582912.0f;
  float r = c - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  float p = f_exp_poly(r) * (r * r) + r;
  p = p + 1.0f;
  // n = 128 makes the scale infinite.
  float e = p * float_of((bits_of(t) << 23) + 0x3f800000u);
  return 1.0f / (1.0f + e);
}
/// log(1 + e) for 0 <= e <= 1, relatively accurate.
ST_FN float m_log1p_unit(float e) {
  bool upper = e > 0.414213562f;
  float f = upper ? 0.5f * (e - 1.0f) : e, z = f * f;
  float y = f_log_poly(f) * (f * z) - 0.5f * z + f;
  return upper ? y + 0.693147181f : y;
}

// ---- double
#define ST_DOUBLE_LIBM(name) ST_FN double m_##name(double x) { return __builtin_##name(x); }
#if ST_FMA
#include "math64.h"
#else
ST_DOUBLE_LIBM(exp) ST_DOUBLE_LIBM(exp2) ST_DOUBLE_LIBM(expm1) ST_DOUBLE_LIBM(log) ST_DOUBLE_LIBM(log2) ST_DOUBLE_LIBM(log10) ST_DOUBLE_LIBM(log1p)
ST_DOUBLE_LIBM(sin) ST_DOUBLE_LIBM(cos) ST_DOUBLE_LIBM(tan) ST_DOUBLE_LIBM(tanh) ST_DOUBLE_LIBM(erf) ST_DOUBLE_LIBM(erfc)
ST_FN double m_sigmoid(double x) { return 1.0 / (1.0 + m_exp(-x)); }
ST_FN double m_sigmoid_fast(double x) { return m_sigmoid(x); }
ST_FN double m_log1p_unit(double x) { return m_log1p(x); }
ST_FN double m_exp_negative(double x) { return m_exp(x); }
ST_FN double m_normal_tail(double t) { return 0.5 * m_erfc(t * 0.70710678118654752); }
ST_FN bool m_trig_large(double) { return false; }
ST_FN double m_sin_bounded(double x) { return m_sin(x); }
ST_FN double m_cos_bounded(double x) { return m_cos(x); }
ST_FN double m_tan_bounded(double x) { return m_tan(x); }
#endif
ST_DOUBLE_LIBM(sinh) ST_DOUBLE_LIBM(cosh) ST_DOUBLE_LIBM(asin) ST_DOUBLE_LIBM(acos) ST_DOUBLE_LIBM(atan) ST_DOUBLE_LIBM(asinh) ST_DOUBLE_LIBM(acosh) ST_DOUBLE_LIBM(atanh)
#undef ST_DOUBLE_LIBM
ST_FN double m_pow(double x, double y) { return __builtin_pow(x, y); }
ST_FN double m_atan2(double y, double x) { return __builtin_atan2(y, x); }
ST_FN double m_hypot(double x, double y) { return __builtin_hypot(x, y); }
#endif
