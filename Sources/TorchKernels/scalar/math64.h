// Elementary functions of double that vectorise, for CPU levels with fused multiply-add; the others take libm's. Included by scalar/math.h.
// The same designs as for float (see Note [Vector functions]) with longer polynomials: about 1 ULP, tan 2, erfc 4.

ST_FN double m_fma(double a, double b, double c) { return __builtin_fma(a, b, c); }
constexpr double kRound = 6755399441055744.0;  // 1.5 * 2^52

/// (e^r - 1 - r) / r^2 for |r| <= ln(2)/2.
ST_FN double e_exp_poly(double r) {
  double p = 2.4999961069613287e-08;
  p = p * r + 2.7630378572763473e-07;
  p = p * r + 2.7557587350919817e-06;
  p = p * r + 2.4801492763023922e-05;
  p = p * r + 0.0001984126950476228;
  p = p * r + 0.0013888888943922276;
  p = p * r + 0.008333333333495622;
  p = p * r + 0.04166666666652919;
  p = p * r + 0.1666666666666641;
  p = p * r + 0.5000000000000011;
  return p;
}
/// Splits x = n ln 2 + r; *t has n in its low bits, *low is the rounding error of r.
ST_FN double e_reduce_exp(double x, double *t, double *low) {
  *t = x * 1.4426950408889634 + kRound;
  double n = *t - kRound;
  double w = m_fma(n, -0.69314718036912382, x);
  double r = m_fma(n, -1.9082149292705877e-10, w);
  *low = m_fma(n, -1.9082149292705877e-10, w - r);
  return r;
}
/// 2^n for n in the low bits of t, -1022 <= n <= 1023.
ST_FN double e_power_of_two(double t) { return double_of((bits_of(t) + 1023) << 52); }
ST_FN double m_exp(double x) {
  double c = m_greatest(-746.0, m_least(710.0, x)), t, low;
  double r = e_reduce_exp(c, &t, &low);
  double y = e_exp_poly(r) * (r * r) + (r + low);
  y = y + 1.0;
  // Two factors, so that neither overflows and subnormal results are rounded once.
  double n = t - kRound, t1 = n * 0.5 + kRound, t2 = (n - (t1 - kRound)) + kRound;
  return y * e_power_of_two(t1) * e_power_of_two(t2);
}
ST_FN double m_exp2(double x) {
  double c = m_greatest(-1076.0, m_least(1025.0, x)), t = c + kRound, n = t - kRound;
  double f = c - n, r = f * 0.69314718055994529;
  double low = m_fma(f, 0.69314718055994529, -r) + f * 2.3190468138462996e-17;
  double y = e_exp_poly(r) * (r * r) + (r + low);
  y = y + 1.0;
  double t1 = n * 0.5 + kRound, t2 = (n - (t1 - kRound)) + kRound;
  return y * e_power_of_two(t1) * e_power_of_two(t2);
}
/// e^r - 1 as a sum, for the reduced argument of x.
ST_FN double e_expm1_reduced(double x, double *t, double *low) {
  double r_low, r = e_reduce_exp(x, t, &r_low);
  double s = e_exp_poly(r) * r;
  double p = m_fma(s, r, r);
  *low = m_fma(s, r, r - p) + r_low;
  return p;
}
ST_FN double m_expm1(double x) {
  double c = m_greatest(-50.0, m_least(710.0, x)), t, low;
  double p = e_expm1_reduced(c, &t, &low);
  // 2^n (p + 1) - 1, at half size so that n = 1024 fits.
  double s = double_of((bits_of(t) + 1022) << 52), b = s - 0.5;
  double high = s * p, sum = b + high;
  double y = 2.0 * (sum + ((b - sum) + high + s * low));
  y = x > 709.79 ? __builtin_inf() : y;
  return m_fabs(x) < 1e-300 ? x : y;
}
ST_FN double m_exp_negative(double x) { return m_exp(x); }

/// x = 2^n (1 + f), 1 + f in [sqrt(1/2), sqrt(2)), subnormal numbers included.
ST_FN double e_split(double x, double *n) {
  bool subnormal = x < 2.2250738585072014e-308;
  double m = d_split(subnormal ? x * 18014398509481984.0 : x, n);
  *n = *n - (subnormal ? 54.0 : 0.0);
  return m - 1.0;
}
/// log(1 + f) = f - half - (what is returned), half = f^2 / 2.
ST_FN double e_log_rest(double f, double half) {
  double s = f / (2.0 + f), z = s * s;
  double p = 0.14797467016633176;
  p = p * z + 0.15313907607602548;
  p = p * z + 0.18183569554819967;
  p = p * z + 0.22222198479914548;
  p = p * z + 0.28571428743219374;
  p = p * z + 0.39999999999411323;
  p = p * z + 0.6666666666666735;
  return s * (p * z + half);
}
ST_FN double m_log(double x) {
  double n, f = e_split(x, &n), half = 0.5 * f * f;
  double rest = e_log_rest(f, half) + n * 1.9082149292705877e-10;
  return d_log_specials(x, n * 0.69314718036912382 - ((half - rest) - f));
}
/// log(1 + f) * (c + c_low) + n * (whole + whole_low) for the other bases.
ST_FN double e_log_base(double x, double c, double c_low, double whole, double whole_low) {
  double n, f = e_split(x, &n), half = 0.5 * f * f;
  double high = f - half, low = ((f - high) - half) + e_log_rest(f, half);
  double p = high * c, p_low = m_fma(high, c, -p) + (low * c + high * c_low) + n * whole_low;
  double w = n * whole, sum = w + p;
  double y = sum + ((w - sum) + p + p_low);
  return d_log_specials(x, n == 0.0 ? p + p_low : y);
}
ST_FN double m_log2(double x) { return e_log_base(x, 1.4426950408889634, 2.0355273740931033e-17, 1.0, 0.0); }
ST_FN double m_log10(double x) { return e_log_base(x, 0.43429448190325182, 1.0983196502167651e-17, 0.30102999554947019, 1.1451100898021838e-10); }
ST_FN double m_log1p(double x) {
  double u = 1.0 + x, n, m = d_split(u, &n);
  // What the sum lost, relative to u.
  double lost = (x < 1.0 ? x - (u - 1.0) : 1.0 - (u - x)) / u;
  double f = n == 0.0 ? x : m - 1.0, half = 0.5 * f * f;
  double rest = e_log_rest(f, half) + (n * 1.9082149292705877e-10 + (n == 0.0 ? 0.0 : lost));
  double y = d_log_specials(u, n * 0.69314718036912382 - ((half - rest) - f));
  return m_fabs(x) < 1e-300 ? x : y;
}

/// q = (a + a_low) / (d + d_low).
ST_FN double e_divide(double a, double a_low, double d, double d_low) {
  double inverse = 1.0 / d, q = a * inverse;
  double e = m_fma(-q, d, a) + m_fma(-q, d_low, a_low);
  return m_fma(e, inverse, q);
}
ST_FN double m_tanh(double x) {
  double a = m_least(22.0, m_fabs(x)), t, p_low;
  double p = e_expm1_reduced(a + a, &t, &p_low);
  double s = e_power_of_two(t), b = s - 1.0, c = s * p, sum = b + c;
  double low = (b - sum) + c + s * p_low;
  double d = sum + 2.0, back = d - 2.0;
  double d_low = (2.0 - (d - back)) + (sum - back) + low;
  double y = e_divide(sum, low, d, d_low);
  y = a < 1e-9 ? a : y;
  return m_copysign(x != x ? x : y, x);
}
ST_FN double m_sigmoid(double x) {
  double c = m_greatest(-709.0, m_least(746.0, -x)), t, low;
  double p = e_expm1_reduced(c, &t, &low);
  double high = 1.0 + p, rest = (1.0 - high) + p + low;
  // Beyond n = 900 both parts of the sum are scaled down, as for float.
  double n = t - kRound, m = m_least(900.0, n);
  double scale = e_power_of_two(m + kRound), one = e_power_of_two((m - n) + kRound);
  double e = scale * high, d = e + one;
  double d_low = (m_greatest(e, one) - d) + m_least(e, one) + scale * rest;
  double y = 1.0 / d;
  double remainder = m_fma(-y, d_low, m_fma(-y, d, 1.0));
  return m_fma(y, remainder, y) * one;
}
ST_FN double m_sigmoid_fast(double x) { return m_sigmoid(x); }
ST_FN double m_log1p_unit(double x) { return m_log1p(x); }

/// x - q pi/2 for |x| < kTrigLimit: the first product is exact with fused multiply-add, the second and third leave *low.
ST_FN double e_reduce_trig(double x, uint64_t *quadrant, double *low) {
  double t = x * 0.63661977236758138 + kRound, n = t - kRound;
  *quadrant = bits_of(t);
  double w = m_fma(n, -1.5707963267948966, x);
  double r = m_fma(n, -6.123233995736766e-17, w);
  *low = m_fma(n, 1.4973849048591698e-33, m_fma(n, -6.123233995736766e-17, w - r));
  return r;
}
ST_FN double e_sin_poly(double r, double low, double z) {
  double p = 1.5896505079175683e-10;
  p = p * z - 2.5050753267618923e-08;
  p = p * z + 2.7557313662084004e-06;
  p = p * z - 0.00019841269829725308;
  p = p * z + 0.008333333333322316;
  p = p * z - 0.16666666666666632;
  return r + (p * (z * r) + low);
}
ST_FN double e_cos_poly(double r, double low, double z) {
  double p = -1.1359449478726337e-11;
  p = p * z + 2.0875719576135985e-09;
  p = p * z - 2.7557314326177844e-07;
  p = p * z + 2.4801587289395523e-05;
  p = p * z - 0.0013888888888873992;
  p = p * z + 0.0416666666666666;
  double half = 0.5 * z, w = 1.0 - half;
  return w + (((1.0 - w) - half) + (p * (z * z) - r * low));
}
ST_FN double e_sin_cos(double x, uint64_t turn) {
  uint64_t q;
  double low, r = e_reduce_trig(x, &q, &low), z = r * r;
  q += turn;
  double s = e_sin_poly(r, low, z), c = e_cos_poly(r, low, z);
  return double_of(bits_of((q & 1) ? c : s) ^ (q & 2) << 62);
}
ST_FN bool m_trig_large(double x) { return !(m_fabs(x) < (double)kTrigLimit); }
ST_FN double m_sin_bounded(double x) { double y = e_sin_cos(x, 0); return m_fabs(x) < 1e-9 ? x : y; }
ST_FN double m_cos_bounded(double x) { return e_sin_cos(x, 1); }
ST_FN double m_tan_bounded(double x) {
  uint64_t q;
  double low, r = e_reduce_trig(x, &q, &low), z = r * r;
  double s = e_sin_poly(r, low, z), c = e_cos_poly(r, low, z);
  double a = (q & 1) ? c : s, b = (q & 1) ? -s : c;
  double y = a / b;
  return m_fabs(x) < 1e-9 ? x : y;
}
ST_FN double m_sin(double x) { return m_trig_large(x) ? __builtin_sin(x) : m_sin_bounded(x); }
ST_FN double m_cos(double x) { return m_trig_large(x) ? __builtin_cos(x) : m_cos_bounded(x); }
ST_FN double m_tan(double x) { return m_trig_large(x) ? __builtin_tan(x) : m_tan_bounded(x); }

/// e^(-t^2) erfcx(t), the second factor a polynomial in (t - 4) / (t + 4), for 0.9 <= t <= 28.
ST_FN double e_erfc_tail(double t) {
  double u = (t - 4.0) / (t + 4.0);
  double p = -2.3191405548736672e-08;
  p = p * u + 8.466504465707166e-08;
  p = p * u + 9.012786382732735e-08;
  p = p * u - 8.044674338833237e-07;
  p = p * u + 2.7874101416239024e-07;
  p = p * u + 5.699868776108027e-06;
  p = p * u - 1.1214276725192031e-05;
  p = p * u - 2.439633625051868e-05;
  p = p * u + 0.00015061929900494765;
  p = p * u - 0.0001992572316252831;
  p = p * u - 0.0007577728396052428;
  p = p * u + 0.005031970041914733;
  p = p * u - 0.01619773410942899;
  p = p * u + 0.03716751553278903;
  p = p * u - 0.06633036580879954;
  p = p * u + 0.09373283499854589;
  p = p * u - 0.10103906603641966;
  p = p * u + 0.06809705425468875;
  p = p * u + 0.015379652102621258;
  p = p * u - 0.1396211168405625;
  p = p * u + 1.2329951186255526;
  double square = t * t, low = m_fma(t, t, -square);
  double e = m_exp(-square);
  return m_fma(-e, low, e) * p / (1.0 + 2.0 * t);
}
/// erf(x) - x, over x, for |x| <= 1, z = x^2.
ST_FN double e_erf_small(double z) {
  double p = 5.960685514044635e-11;
  p = p * z - 1.1374955121983577e-09;
  p = p * z + 1.4660328354721725e-08;
  p = p * z - 1.6350396133054441e-07;
  p = p * z + 1.6461008465584945e-06;
  p = p * z - 1.4925595771154102e-05;
  p = p * z + 0.00012055331132900507;
  p = p * z - 0.000854832698142363;
  p = p * z + 0.00522397762482839;
  p = p * z - 0.02686617064507787;
  p = p * z + 0.11283791670954885;
  p = p * z - 0.3761263890318375;
  p = p * z + 0.1283791670955126;
  return p;
}
ST_FN double m_erf(double x) {
  double a = m_fabs(x), small = x * e_erf_small(x * x) + x;
  double y = m_copysign(1.0 - e_erfc_tail(m_greatest(0.9, m_least(6.0, a))), x);
  return a < 0.95 || x != x ? small : y;
}
ST_FN double m_erfc(double x) {
  double a = m_fabs(x), small = 1.0 - (x * e_erf_small(x * x) + x);
  double tail = e_erfc_tail(m_greatest(0.9, m_least(28.0, a)));
  double y = x < 0.0 ? 2.0 - tail : tail;
  return a < 0.9 || x != x ? small : y;
}
ST_FN double m_normal_tail(double t) { return 0.5 * m_erfc(t * 0.70710678118654752); }
