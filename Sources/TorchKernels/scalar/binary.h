// Scalar functions of the binary operators: binary::NAME::f(a, b, p) for every line of include/st_binary.def. After scalar/unary.h.
// Integer division by zero gives 0; callers look for zeros first (st_has_zero) and report the error.

/// Quotient rounded towards zero. The minimum divided by -1 wraps instead of trapping.
template <class T> ST_FN T integer_divide(T a, T b) {
  if (b == T(0)) return T(0);
  if (T(-1) < T(0) && b == T(-1)) return wrap_sub(T(0), a);
  return (T)(a / b);
}
template <class T> ST_FN T integer_modulo(T a, T b) {
  if (b == T(0) || (T(-1) < T(0) && b == T(-1))) return T(0);
  return (T)(a % b);
}
ST_FN float m_fmod(float a, float b) { return ST_LIBM(fmodf)(a, b); }
ST_FN double m_fmod(double a, double b) { return ST_LIBM(fmod)(a, b); }
ST_FN float m_nextafter(float a, float b) { return ST_LIBM(nextafterf)(a, b); }
ST_FN double m_nextafter(double a, double b) { return ST_LIBM(nextafter)(a, b); }
template <class T> ST_FN T integer_power(T a, T b) {
  typedef typename Class<T>::Unsigned U;
  if (b < T(0)) return a == T(1) ? T(1) : a == T(-1) ? ((b & T(1)) ? T(-1) : T(1)) : T(0);
  uint64_t base = (U)a, result = 1;
  for (uint64_t e = (uint64_t)b; e; e >>= 1) {
    if (e & 1) result *= base;
    base *= base;
  }
  return (T)(U)result;
}
template <class T> ST_FN T greatest_common_divisor(T a, T b) {
  typedef typename Class<T>::Unsigned U;
  U x = a < T(0) ? (U)(U(0) - (U)a) : (U)a, y = b < T(0) ? (U)(U(0) - (U)b) : (U)b;
  while (y) { U r = x % y; x = y; y = r; }
  return (T)x;
}

namespace binary {

/// Defines functor `name` whose f returns `expression` of a, b, T and p.
#define ST_FUNCTION2(kind, name, expression) \
  struct name : kind { \
    template <class T> ST_FN auto f(T a, T b, const st_params &p) { (void)p; return expression; } \
  };

// ---- arithmetic; bool adds by or, multiplies by and
struct add : Cheap {
  template <class T> ST_FN T f(T a, T b, const st_params &) {
    if constexpr (is_bool<T>) return a | b;
    else return wrap_add(a, b);
  }
};
/// a + f[0] * b, for complex f[0] + i f[1], for integers i[0].
struct addScaled : Cheap {
  template <class T> ST_FN T f(T a, T b, const st_params &p) {
    if constexpr (is_integer<T>) return wrap_add(a, wrap_mul((T)p.i[0], b));
    else if constexpr (is_complex<T>) return a + make_complex<typename Real<T>::Type>((typename Real<T>::Type)p.f[0], (typename Real<T>::Type)p.f[1]) * b;
    else return a + (T)p.f[0] * b;
  }
};
ST_FUNCTION2(Cheap, sub, wrap_sub(a, b))
struct mul : Cheap {
  template <class T> ST_FN T f(T a, T b, const st_params &) {
    if constexpr (is_bool<T>) return a & b;
    else return wrap_mul(a, b);
  }
};
ST_FUNCTION2(Cheap, div, a / b)
/// Floats: the exact remainder is a - b * trunc(a / b) in double as long as the quotient is below 2^29; larger ones, and divisors that are 0 or
/// infinite, take libm's fmod.
struct BoundedQuotient : Heavy {
  ST_FN bool large(float a, float b) { return !(m_fabs((double)a / (double)b) < 536870912.0) || m_isinf(b); }
  ST_FN float fast_remainder(float a, float b) {
    double x = a, y = b, r = x - m_trunc(x / y) * y;
    return m_copysign((float)r, a);
  }
  ST_FN bool large(double, double) { return false; }
  ST_FN double fast_remainder(double a, double b) { return m_fmod(a, b); }
};
struct floorDivide : BoundedQuotient {
  /// From the remainder, so that it is exact: 1.0 // 0.1 is 9.
  template <class T> ST_FN T from_remainder(T a, T b, T r) {
    T quotient = a / b, d = (a - r) / b;
    d = r != T(0) && (b < T(0)) != (r < T(0)) ? d - T(1) : d;
    T whole = m_floor(d);
    whole = d - whole > T(0.5) ? whole + T(1) : whole;
    whole = d == T(0) ? m_copysign(T(0), quotient) : whole;
    return b == T(0) ? quotient : whole;
  }
  template <class T> ST_FN T bounded(T a, T b) { return from_remainder(a, b, fast_remainder(a, b)); }
  template <class T> ST_FN T f(T a, T b, const st_params &) {
    if constexpr (is_integer<T>) {
      T q = integer_divide(a, b), r = integer_modulo(a, b);
      return r != T(0) && (r < T(0)) != (b < T(0)) ? (T)(q - T(1)) : q;
    } else return from_remainder(a, b, m_fmod(a, b));
  }
};
struct truncDivide : Cheap {
  template <class T> ST_FN T f(T a, T b, const st_params &) {
    if constexpr (is_integer<T>) return integer_divide(a, b);
    else return m_trunc(a / b);
  }
};
struct remainder : BoundedQuotient {
  template <class T> ST_FN T with_sign_of_divisor(T r, T b) { return r != T(0) && (b < T(0)) != (r < T(0)) ? r + b : r; }
  template <class T> ST_FN T bounded(T a, T b) { return with_sign_of_divisor(fast_remainder(a, b), b); }
  template <class T> ST_FN T f(T a, T b, const st_params &) {
    if constexpr (is_integer<T>) return (T)with_sign_of_divisor(integer_modulo(a, b), b);
    else return with_sign_of_divisor(m_fmod(a, b), b);
  }
};
struct fmod : BoundedQuotient {
  template <class T> ST_FN T bounded(T a, T b) { return fast_remainder(a, b); }
  template <class T> ST_FN T f(T a, T b, const st_params &) {
    if constexpr (is_integer<T>) return integer_modulo(a, b);
    else return m_fmod(a, b);
  }
};
struct pow : Heavy {
  template <class T> ST_FN T f(T a, T b, const st_params &) {
    if constexpr (is_integer<T>) return integer_power(a, b);
    else return m_pow(a, b);
  }
};
// NaN in either operand gives NaN; fmax and fmin ignore it.
ST_FUNCTION2(Cheap, maximum, a != a ? a : a > b ? a : b)
ST_FUNCTION2(Cheap, minimum, a != a ? a : a < b ? a : b)
ST_FUNCTION2(Cheap, fmax, b != b ? a : a > b ? a : b)
ST_FUNCTION2(Cheap, fmin, b != b ? a : a < b ? a : b)
ST_FUNCTION2(Heavy, atan2, m_atan2(a, b))
ST_FUNCTION2(Cheap, hypot, m_hypot(a, b))
ST_FUNCTION2(Cheap, copysign, m_copysign(a, b))
/// 16-bit floats step by their own unit: `Bits` works on their stored bits, `infinity` being those of infinity.
struct nextafter : Cheap {
  template <class T> ST_FN T f(T a, T b, const st_params &) { return m_nextafter(a, b); }
  template <uint16_t infinity> struct Bits : Cheap {
    ST_FN uint16_t f(uint16_t a, uint16_t b, const st_params &) {
      uint16_t x = a & 0x7fff, y = b & 0x7fff;
      if (x > infinity) return a;
      if (y > infinity) return b;
      // As signed numbers the bits are ordered like the values.
      int m = a & 0x8000 ? -x : x, n = b & 0x8000 ? -y : y;
      if (m == n) return b;
      int r = m < n ? m + 1 : m - 1;
      return r < 0 ? (uint16_t)(0x8000 | -r) : r == 0 && m < 0 ? (uint16_t)0x8000 : (uint16_t)r;
    }
  };
};
ST_FUNCTION2(Cheap, heaviside, a == T(0) ? b : (T)(a > T(0)))
struct logaddexp : Heavy {
  template <class T> ST_FN T f(T a, T b, const st_params &) {
    if constexpr (is_complex<T>) {
      if (m_isnan(a) || m_isnan(b)) return make_complex<typename Real<T>::Type>(Limits<typename Real<T>::Type>::nan(), Limits<typename Real<T>::Type>::nan());
      T low = a.re < b.re ? a : b, high = a.re < b.re ? b : a;
      if (m_isinf(low.re) && low.re == high.re) return low.re < 0 ? low : m_log(m_exp(low) + m_exp(high));
      return high + m_log1p(m_exp(low - high));
    } else {
      T y = (a > b ? a : b) + m_log1p_unit(m_exp_negative(-m_fabs(a - b)));
      return a == b && m_isinf(a) ? a : y;
    }
  }
};
struct logaddexp2 : Heavy {
  template <class T> ST_FN T f(T a, T b, const st_params &) {
    T y = (a > b ? a : b) + m_log1p_unit(m_exp2(-m_fabs(a - b))) * T(1.4426950408889634);
    return a == b && m_isinf(a) ? a : y;
  }
};
ST_FUNCTION2(Heavy, xlogy, b != b ? b : a == T(0) ? T(0) : a * m_log(b))
ST_FUNCTION2(Heavy, xlog1py, b != b ? b : a == T(0) ? T(0) : a * m_log1p(b))
ST_FUNCTION2(Cheap, gcd, greatest_common_divisor(a, b))
struct lcm : Cheap {
  template <class T> ST_FN T f(T a, T b, const st_params &) {
    T g = greatest_common_divisor(a, b);
    T m = g == T(0) ? T(0) : wrap_mul(integer_divide(a, g), b);
    return m < T(0) ? wrap_sub(T(0), m) : m;
  }
};
ST_FUNCTION2(Heavy, ldexp, a * m_exp2(b))
ST_FUNCTION2(Special, igamma, s_igamma(a, b))
ST_FUNCTION2(Special, igammac, s_igammac(a, b))
ST_FUNCTION2(Special, zeta, s_zeta(a, b))
/// a is the order.
ST_FUNCTION2(Special, polygamma, s_polygamma(a, b))
// polynomials: a is the argument, b the degree
ST_FUNCTION2(Special, chebyshevT, s_chebyshev_t(a, b))
ST_FUNCTION2(Special, chebyshevU, s_chebyshev_u(a, b))
ST_FUNCTION2(Special, chebyshevV, s_chebyshev_v(a, b))
ST_FUNCTION2(Special, chebyshevW, s_chebyshev_w(a, b))
ST_FUNCTION2(Special, hermiteH, s_hermite_h(a, b))
ST_FUNCTION2(Special, hermiteHe, s_hermite_he(a, b))
ST_FUNCTION2(Special, laguerreL, s_laguerre_l(a, b))
ST_FUNCTION2(Special, legendreP, s_legendre_p(a, b))
ST_FUNCTION2(Special, shiftedChebyshevT, s_chebyshev_t(a + a - T(1), b))
ST_FUNCTION2(Special, shiftedChebyshevU, s_chebyshev_u(a + a - T(1), b))
ST_FUNCTION2(Special, shiftedChebyshevV, s_chebyshev_v(a + a - T(1), b))
ST_FUNCTION2(Special, shiftedChebyshevW, s_chebyshev_w(a + a - T(1), b))

// ---- bits
ST_FUNCTION2(Cheap, bitwiseAnd, (T)(a & b))
ST_FUNCTION2(Cheap, bitwiseOr, (T)(a | b))
ST_FUNCTION2(Cheap, bitwiseXor, (T)(a ^ b))
// Shifts by less than 0 or by the width or more leave nothing (left) or only the sign (right).
struct shiftLeft : Cheap {
  template <class T> ST_FN T f(T a, T b, const st_params &) {
    bool outside = b < T(0) || b >= T(sizeof(T) * 8);
    return outside ? T(0) : (T)((uint64_t)a << (outside ? 0 : (int)b));
  }
};
struct shiftRight : Cheap {
  template <class T> ST_FN T f(T a, T b, const st_params &) {
    constexpr int most = sizeof(T) * 8 - 1;
    bool outside = b < T(0) || b > T(most);
    // A right shift by the width of an unsigned number is 0.
    return outside && T(-1) > T(0) ? T(0) : (T)(a >> (outside ? most : (int)b));
  }
};

// ---- comparisons and logic
ST_FUNCTION2(Cheap, eq, a == b)
ST_FUNCTION2(Cheap, ne, a != b)
ST_FUNCTION2(Cheap, lt, a < b)
ST_FUNCTION2(Cheap, le, a <= b)
ST_FUNCTION2(Cheap, gt, a > b)
ST_FUNCTION2(Cheap, ge, a >= b)
ST_FUNCTION2(Cheap, logicalAnd, (a != zero_of<T>()) & (b != zero_of<T>()))
ST_FUNCTION2(Cheap, logicalOr, (a != zero_of<T>()) | (b != zero_of<T>()))
ST_FUNCTION2(Cheap, logicalXor, (a != zero_of<T>()) ^ (b != zero_of<T>()))

// ---- fused derivatives: a = gradient, b = x or y as the name says; parameters are those of the forward functor
ST_FUNCTION2(Cheap, sigmoidGradY, a * conjugate((one_of<T>() - b) * b))
ST_FUNCTION2(Cheap, tanhGradY, a * conjugate(one_of<T>() - b * b))
ST_FUNCTION2(Cheap, reluGradY, b <= T(0) ? T(0) : a)
struct geluGradX : Heavy {
  template <class T> ST_FN T f(T g, T x, const st_params &) {
    T tail = m_normal_tail(m_fabs(x)), phi = x < T(0) ? tail : T(1) - tail;
    // Beyond 40 the density is 0 and x may be infinite.
    return g * (phi + clamp_to(x, T(-40), T(40)) * normal_density(x));
  }
};
struct geluTanhGradX : Heavy {
  template <class T> ST_FN T f(T g, T x, const st_params &) {
    // (1 + tanh(u)) / 2 is sigmoid(2u), which keeps the tail that 1 + tanh would cancel.
    T s = m_sigmoid_fast(T(2) * gelu_tanh_inner(x));
    T slope = T(2 * 0.79788456080286536) * (T(1) + T(3 * 0.044715) * x * x);
    return g * (s + x * s * (T(1) - s) * slope);
  }
};
struct siluGradX : Heavy {
  template <class T> ST_FN T f(T g, T x, const st_params &) {
    T s = m_sigmoid_fast(x);
    return g * (s * (T(1) + x * (T(1) - s)));
  }
};
struct mishGradX : Heavy {
  template <class T> ST_FN T f(T g, T x, const st_params &) {
    T t = tanh_of_softplus(x);
    return g * (t + x * m_sigmoid_fast(x) * (T(1) - t * t));
  }
};
struct softplusGradX : Heavy {
  template <class T> ST_FN T f(T g, T x, const st_params &p) {
    T z = x * (T)p.f[0];
    return z > (T)p.f[1] ? g : g * m_sigmoid_fast(z);
  }
};
struct eluGradX : Heavy {
  template <class T> ST_FN T f(T g, T x, const st_params &p) {
    T input_scale = (T)p.f[2], scale = (T)p.f[1];
    T negative = g * (input_scale * (T)p.f[0] * scale) * m_exp(x * input_scale);
    return x > T(0) ? g * scale : negative;
  }
};
ST_FUNCTION2(Cheap, leakyReluGradX, b > T(0) ? a : a * (T)p.f[0])
ST_FUNCTION2(Cheap, hardSigmoidGradX, b > T(-3) && b < T(3) ? a * T(1.0 / 6.0) : T(0))
ST_FUNCTION2(Cheap, hardSwishGradX, b <= T(-3) ? T(0) : b >= T(3) ? a : a * (b / T(3) + T(0.5)))
ST_FUNCTION2(Cheap, thresholdGradX, b <= (T)p.f[0] ? T(0) : a)
ST_FUNCTION2(Cheap, clampGradX, b >= (T)p.f[0] && b <= (T)p.f[1] ? a : T(0))
ST_FUNCTION2(Heavy, logSigmoidGradX, a * m_sigmoid_fast(-b))
ST_FUNCTION2(Cheap, shrinkGradX, b < -(T)p.f[0] || b > (T)p.f[0] ? a : T(0))

// ---- complex numbers from their parts
ST_FUNCTION2(Cheap, makeComplex, make_complex<T>(a, b))
ST_FUNCTION2(Cheap, makePolar, make_complex<T>(a * m_cos(b), a * m_sin(b)))

}  // namespace binary
