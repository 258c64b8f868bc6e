// Scalar functions of the ternary operators: ternary::NAME::f(a, b, c, p) for every line of include/st_ternary.def. After scalar/binary.h.

namespace ternary {

/// a + f[0] * b * c (f[1]: imaginary part); i[0] for integers.
struct addcmul : Cheap {
  template <class T> ST_FN T f(T a, T b, T c, const st_params &p) {
    if constexpr (is_integer<T>) return wrap_add(a, wrap_mul(wrap_mul((T)p.i[0], b), c));
    else if constexpr (is_complex<T>) return a + make_complex<typename Real<T>::Type>((typename Real<T>::Type)p.f[0], (typename Real<T>::Type)p.f[1]) * b * c;
    else return a + (T)p.f[0] * b * c;
  }
};
/// a + f[0] * b / c.
struct addcdiv : Cheap {
  template <class T> ST_FN T f(T a, T b, T c, const st_params &p) {
    if constexpr (is_complex<T>) return a + make_complex<typename Real<T>::Type>((typename Real<T>::Type)p.f[0], (typename Real<T>::Type)p.f[1]) * b / c;
    else return a + (T)p.f[0] * b / c;
  }
};
/// a + c * (b - a), from the nearer end so that both ends are exact.
struct lerp : Cheap {
  template <class T> ST_FN T f(T a, T b, T c, const st_params &) {
    if constexpr (is_complex<T>) {
      return c.re * c.re + c.im * c.im < typename Real<T>::Type(0.25) ? a + c * (b - a) : b - (b - a) * (one_of<T>() - c);
    } else {
      T d = b - a, near_a = a + c * d, near_b = b - d * (T(1) - c);
      return m_fabs(c) < T(0.5) ? near_a : near_b;
    }
  }
};
/// a limited to [b, c] per element; NaN in any gives NaN.
struct clampTensor : Cheap {
  template <class T> ST_FN T f(T a, T b, T c, const st_params &) {
    T x = a != a ? a : b != b ? b : c != c ? c : a;
    x = x < b ? b : x;
    return x > c ? c : x;
  }
};

}  // namespace ternary
