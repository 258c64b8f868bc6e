// Scalar functions of the unary operators: unary::NAME::f(x, p) for every line of include/st_unary.def. After scalar/math.h and scalar/complex.h.
// Float16 and bfloat16 come here as float. A functor derives from Cheap (a few instructions), Heavy (worth padding the last vector), or Special (scalar code,
// compiled for one CPU level; its functions are in scalar/special.h). Parameters are documented beside their functor.

struct Cheap { static constexpr bool heavy = false, special = false; };
struct Heavy { static constexpr bool heavy = true, special = false; };
struct Special { static constexpr bool heavy = false, special = true; };

/// A parameter in the type that is computed in.
template <class T> ST_FN T parameter(const st_params &p, int k) {
  if constexpr (is_complex<T>) return make_complex<typename Real<T>::Type>((typename Real<T>::Type)p.f[k], 0);
  else return (T)p.f[k];
}
/// A limit or factor: f[k] of floats, i[k] of integers.
template <class T> ST_FN T parameter_or_integer(const st_params &p, int k) {
  if constexpr (is_integer<T> || is_bool<T>) return (T)p.i[k];
  else return parameter<T>(p, k);
}
template <class T> ST_FN T one_of() {
  if constexpr (is_complex<T>) return make_complex<typename Real<T>::Type>(1, 0);
  else return T(1);
}
template <class T> ST_FN T zero_of() {
  if constexpr (is_complex<T>) return make_complex<typename Real<T>::Type>(0, 0);
  else return T(0);
}
// Integer arithmetic wraps: it is done on unsigned numbers of the same width.
template <class T> ST_FN T wrap_add(T a, T b) {
  if constexpr (is_integer<T>) return (T)((typename Class<T>::Unsigned)a + (typename Class<T>::Unsigned)b);
  else return a + b;
}
template <class T> ST_FN T wrap_sub(T a, T b) {
  if constexpr (is_integer<T>) return (T)((typename Class<T>::Unsigned)a - (typename Class<T>::Unsigned)b);
  else return a - b;
}
template <class T> ST_FN T wrap_mul(T a, T b) {
  // 16-bit operands would be promoted to int, whose product may overflow.
  if constexpr (is_integer<T>) return (T)((typename Class<T>::Unsigned)((uint64_t)(typename Class<T>::Unsigned)a * (uint64_t)(typename Class<T>::Unsigned)b));
  else return a * b;
}

template <class T> ST_FN T sigmoid_factor(T x) {
  if constexpr (is_complex<T>) return m_sigmoid(x);
  else return m_sigmoid_fast(x);
}
template <class T> ST_FN T normal_density(T x) { return m_exp_negative(T(-0.5) * x * x) * T(0.39894228040143268); }
template <class T> ST_FN T log_sigmoid(T x) { return m_least(T(0), x) - m_log1p_unit(m_exp_negative(-m_fabs(x))); }
/// tanh(softplus(x)) = w / (w + 2) with w = e^x (e^x + 2); above 20 it is 1.
template <class T> ST_FN T tanh_of_softplus(T x) {
  T e = m_exp(m_least(T(20), x)), w = e * (e + T(2));
  return w / (w + T(2));
}
/// The inner argument of gelu's tanh form.
template <class T> ST_FN T gelu_tanh_inner(T x) { return T(0.79788456080286536) * (x + T(0.044715) * x * x * x); }
/// Clamps to [low, high]; NaN stays.
template <class T> ST_FN T clamp_to(T x, T low, T high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}

namespace unary {

/// Defines functor `name` whose f returns `expression` of x, T and p.
#define ST_FUNCTION(kind, name, expression) \
  struct name : kind { \
    template <class T> ST_FN auto f(T x, const st_params &p) { (void)p; return expression; } \
  };

// ---- arithmetic
struct neg : Cheap {
  template <class T> ST_FN T f(T x, const st_params &) {
    if constexpr (is_integer<T>) return wrap_sub(T(0), x);
    else return -x;
  }
};
struct abs : Cheap {
  template <class T> ST_FN auto f(T x, const st_params &) {
    if constexpr (is_complex<T>) return m_abs(x);
    else if constexpr (is_float<T>) return m_fabs(x);
    else if constexpr (is_bool<T>) return x;
    else return x < T(0) ? wrap_sub(T(0), x) : x;
  }
};
struct sgn : Cheap {
  template <class T> ST_FN T f(T x, const st_params &) {
    if constexpr (is_complex<T>) return m_sgn(x);
    else if constexpr (is_bool<T>) return x;
    else return (T)((x > T(0)) - (x < T(0)));
  }
};
struct sign : sgn {};
ST_FUNCTION(Cheap, positive, x)
ST_FUNCTION(Cheap, reciprocal, one_of<T>() / x)
ST_FUNCTION(Cheap, square, wrap_mul(x, x))
ST_FUNCTION(Cheap, sqrt, m_sqrt(x))
ST_FUNCTION(Cheap, rsqrt, m_rsqrt(x))

// ---- exponentials and logarithms
ST_FUNCTION(Heavy, exp, m_exp(x))
ST_FUNCTION(Heavy, exp2, m_exp2(x))
ST_FUNCTION(Heavy, expm1, m_expm1(x))
ST_FUNCTION(Heavy, log, m_log(x))
ST_FUNCTION(Heavy, log2, m_log2(x))
ST_FUNCTION(Heavy, log10, m_log10(x))
ST_FUNCTION(Heavy, log1p, m_log1p(x))

// ---- trigonometry. `large` and `bounded` are the two ways of Note [Vector functions]: a block without large arguments takes `bounded`.
#define ST_TRIGONOMETRIC(name) \
  struct name : Heavy { \
    template <class T> ST_FN bool large(T x) { return m_trig_large(x); } \
    template <class T> ST_FN T bounded(T x) { return m_##name##_bounded(x); } \
    template <class T> ST_FN T f(T x, const st_params &) { return m_##name(x); } \
  };
ST_TRIGONOMETRIC(sin)
ST_TRIGONOMETRIC(cos)
ST_TRIGONOMETRIC(tan)
#undef ST_TRIGONOMETRIC
ST_FUNCTION(Heavy, asin, m_asin(x))
ST_FUNCTION(Heavy, acos, m_acos(x))
ST_FUNCTION(Heavy, atan, m_atan(x))
ST_FUNCTION(Heavy, sinh, m_sinh(x))
ST_FUNCTION(Heavy, cosh, m_cosh(x))
ST_FUNCTION(Heavy, tanh, m_tanh(x))
ST_FUNCTION(Heavy, asinh, m_asinh(x))
ST_FUNCTION(Heavy, acosh, m_acosh(x))
ST_FUNCTION(Heavy, atanh, m_atanh(x))
struct sinc : Heavy {
  template <class T> ST_FN bool large(T x) { return m_trig_large(x * T(4)); }
  template <class T> ST_FN T bounded(T x) {
    T y = T(3.14159265358979324) * x;
    return x == T(0) ? T(1) : m_sin_bounded(y) / y;
  }
  template <class T> ST_FN T f(T x, const st_params &) {
    if constexpr (is_complex<T>) {
      T y = (typename Real<T>::Type)3.14159265358979324 * x;
      return x == zero_of<T>() ? one_of<T>() : m_sin(y) / y;
    } else {
      T y = T(3.14159265358979324) * x;
      return x == T(0) ? T(1) : m_sin(y) / y;
    }
  }
};

// ---- rounding; integers stay
#define ST_ROUNDING(name, function) \
  struct name : Cheap { \
    template <class T> ST_FN T f(T x, const st_params &) { \
      if constexpr (is_float<T>) return function(x); \
      else return x; \
    } \
  };
ST_ROUNDING(ceil, m_ceil)
ST_ROUNDING(floor, m_floor)
ST_ROUNDING(trunc, m_trunc)
ST_ROUNDING(round, m_round_even)
#undef ST_ROUNDING
/// To i[0] decimals, negative for tens and hundreds.
struct roundDecimals : Cheap {
  template <class T> ST_FN T f(T x, const st_params &p) {
    double power = 1.0;
    for (int64_t k = p.i[0] < 0 ? -p.i[0] : p.i[0]; k > 0; --k) power *= 10.0;
    return p.i[0] < 0 ? m_round_even(x / (T)power) * (T)power : m_round_even(x * (T)power) / (T)power;
  }
};
ST_FUNCTION(Cheap, frac, x - m_trunc(x))

// ---- activations
ST_FUNCTION(Heavy, sigmoid, m_sigmoid(x))
ST_FUNCTION(Heavy, logSigmoid, log_sigmoid(x))
ST_FUNCTION(Cheap, relu, x < T(0) ? T(0) : x)
ST_FUNCTION(Cheap, relu6, clamp_to(x, T(0), T(6)))
ST_FUNCTION(Heavy, silu, x * sigmoid_factor(x))
ST_FUNCTION(Heavy, mish, x * tanh_of_softplus(x))
/// f[0] = beta, f[1] = threshold above which it is the identity.
struct softplus : Heavy {
  template <class T> ST_FN T f(T x, const st_params &p) {
    T beta = (T)p.f[0], z = x * beta;
    T y = (z < T(0) ? T(0) : z) + m_log1p_unit(m_exp_negative(-m_fabs(z)));
    return z > (T)p.f[1] ? x : y / beta;
  }
};
/// x Phi(x) = max(x, 0) - |x| Phi(-|x|).
struct gelu : Heavy {
  template <class T> ST_FN T f(T x, const st_params &) {
    T a = m_fabs(x);
    T y = (x < T(0) ? T(0) : x) - m_least(T(40), a) * m_normal_tail(a);
    return y;
  }
#if !ST_HOST
  /// For elements of 16 bits; -0 gives 0.
  ST_FN float brief(float x, const st_params &) {
    // Past 15 the tail is less than any number of 16 bits. NaN is what comes of the second term.
    const float a = m_least(15.0f, m_fabs(x));
    return ::fmaxf(x, 0.0f) - a * m_normal_tail_brief(a);
  }
#endif
};
ST_FUNCTION(Heavy, geluTanh, x * m_sigmoid_fast(T(2) * gelu_tanh_inner(x)))
/// f[0] = alpha, f[1] = scale, f[2] = input scale of the negative side.
struct elu : Heavy {
  template <class T> ST_FN T f(T x, const st_params &p) {
    T scale = (T)p.f[1];
    T negative = m_expm1(x * (T)p.f[2]) * ((T)p.f[0] * scale);
    return x <= T(0) ? negative : x * scale;
  }
};
/// f[0] = slope of the negative side.
ST_FUNCTION(Cheap, leakyRelu, x > T(0) ? x : x * (T)p.f[0])
ST_FUNCTION(Cheap, hardSigmoid, clamp_to(x + T(3), T(0), T(6)) / T(6))
ST_FUNCTION(Cheap, hardSwish, x * clamp_to(x + T(3), T(0), T(6)) / T(6))
/// f[0] = lambda.
ST_FUNCTION(Cheap, hardShrink, x >= -(T)p.f[0] && x <= (T)p.f[0] ? T(0) : x)
/// f[0] = lambda.
ST_FUNCTION(Cheap, softShrink, x > (T)p.f[0] ? x - (T)p.f[0] : x < -(T)p.f[0] ? x + (T)p.f[0] : x * T(0))
/// f[0] = threshold, f[1] = value at or below it.
ST_FUNCTION(Cheap, threshold, x <= (T)p.f[0] ? (T)p.f[1] : x)
/// f[0] = min, f[1] = max (infinite for none); integers: i[0], i[1].
ST_FUNCTION(Cheap, clamp, clamp_to(x, parameter_or_integer<T>(p, 0), parameter_or_integer<T>(p, 1)))

// ---- special functions
ST_FUNCTION(Heavy, erf, m_erf(x))
ST_FUNCTION(Heavy, erfc, m_erfc(x))
ST_FUNCTION(Special, erfinv, s_erfinv(x))
ST_FUNCTION(Special, erfcx, s_erfcx(x))
ST_FUNCTION(Special, lgamma, s_lgamma(x))
ST_FUNCTION(Special, digamma, s_digamma(x))
ST_FUNCTION(Special, trigamma, s_trigamma(x))
ST_FUNCTION(Special, i0, s_i0(x))
ST_FUNCTION(Special, i0e, s_i0e(x))
ST_FUNCTION(Special, i1, s_i1(x))
ST_FUNCTION(Special, i1e, s_i1e(x))
ST_FUNCTION(Special, ndtr, s_ndtr(x))
ST_FUNCTION(Special, ndtri, s_ndtri(x))
ST_FUNCTION(Special, logNdtr, s_log_ndtr(x))
ST_FUNCTION(Heavy, entr, x > T(0) ? -x * m_log(x) : x == T(0) ? T(0) : x != x ? x : -Limits<T>::inf())
ST_FUNCTION(Special, besselJ0, s_bessel_j0(x))
ST_FUNCTION(Special, besselJ1, s_bessel_j1(x))
ST_FUNCTION(Special, besselY0, s_bessel_y0(x))
ST_FUNCTION(Special, besselY1, s_bessel_y1(x))
ST_FUNCTION(Special, modifiedBesselI0, s_i0(x))
ST_FUNCTION(Special, modifiedBesselI1, s_i1(x))
ST_FUNCTION(Special, modifiedBesselK0, s_k0(x))
ST_FUNCTION(Special, modifiedBesselK1, s_k1(x))
ST_FUNCTION(Special, scaledModifiedBesselK0, s_k0e(x))
ST_FUNCTION(Special, scaledModifiedBesselK1, s_k1e(x))
ST_FUNCTION(Special, sphericalBesselJ0, s_spherical_j0(x))
ST_FUNCTION(Special, airyAi, s_airy_ai(x))

// ---- tests and bits; integers are finite
#define ST_TEST(name, of_float, of_complex, otherwise) \
  struct name : Cheap { \
    template <class T> ST_FN bool f(T x, const st_params &) { \
      (void)x; \
      if constexpr (is_complex<T>) return of_complex; \
      else if constexpr (is_float<T>) return of_float; \
      else return otherwise; \
    } \
  };
ST_TEST(isNaN, x != x, m_isnan(x), false)
ST_TEST(isInf, m_isinf(x), m_isinf(x.re) || m_isinf(x.im), false)
ST_TEST(isFinite, m_isfinite(x), m_isfinite(x.re) && m_isfinite(x.im), true)
ST_TEST(isPosInf, x == Limits<T>::inf(), false, false)
ST_TEST(isNegInf, x == -Limits<T>::inf(), false, false)
ST_TEST(signBit, m_signbit(x), false, x < T(0))
#undef ST_TEST
ST_FUNCTION(Cheap, logicalNot, x == zero_of<T>())
struct bitwiseNot : Cheap {
  template <class T> ST_FN T f(T x, const st_params &) {
    if constexpr (is_bool<T>) return !x;
    else return (T)~x;
  }
};

// ---- complex
ST_FUNCTION(Cheap, conj, conjugate(x))
/// 0 or pi of real numbers (as float of integers), NaN of NaN.
struct angle : Cheap {
  template <class T> ST_FN auto f(T x, const st_params &) {
    if constexpr (is_complex<T>) return m_atan2(x.im, x.re);
    else if constexpr (is_float<T>) return x != x ? x : x < T(0) ? T(3.14159265358979324) : T(0);
    else return x < T(0) ? 3.14159265f : 0.0f;
  }
};
/// f[0] in place of NaN, f[1] of infinity, f[2] of minus infinity.
struct nanToNum : Cheap {
  template <class T> ST_FN T f(T x, const st_params &p) {
    if constexpr (is_float<T>) {
      T y = x == Limits<T>::inf() ? (T)p.f[1] : x == -Limits<T>::inf() ? (T)p.f[2] : x;
      return x != x ? (T)p.f[0] : y;
    } else return x;
  }
};

// ---- powers by a number
ST_FUNCTION(Cheap, cube, x * x * x)
ST_FUNCTION(Cheap, reciprocalSquare, one_of<T>() / (x * x))
/// f[0] = exponent (f[1] its imaginary part). The common exponents have loops of their own: see `choose`.
struct powScalar : Heavy {
  template <class T> ST_FN T f(T x, const st_params &p) {
    if constexpr (is_complex<T>) return m_pow(x, make_complex<typename Real<T>::Type>((typename Real<T>::Type)p.f[0], (typename Real<T>::Type)p.f[1]));
    else return m_pow(x, (T)p.f[0]);
  }
  /// Runs a cheaper functor for this exponent and says whether there was one.
  template <class T, class Run> ST_FN bool choose(const Run &run, const st_params &p) {
    if (is_complex<T> && p.f[1] != 0.0) return false;
    double e = p.f[0];
    if (e == 2.0) run.template run<square>();
    else if (e == 3.0) run.template run<cube>();
    else if (e == 0.5) run.template run<sqrt>();
    else if (e == -0.5) run.template run<rsqrt>();
    else if (e == -1.0) run.template run<reciprocal>();
    else if (e == -2.0) run.template run<reciprocalSquare>();
    else if (e == 1.0) run.template run<positive>();
    else return false;
    return true;
  }
};

}  // namespace unary
