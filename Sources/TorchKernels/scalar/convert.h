// Conversion of one element between any two types: To<R>::from(x). After scalar/types.h.

// Real source of any type -> float or double or integer it stands for.
template <class S> ST_FN S number(S x) { return x; }
ST_FN float number(half x) { return to_float(x); }
ST_FN float number(bfloat16 x) { return to_float(x); }
template <class T> ST_FN T number(complex<T> x) { return x.re; }

#ifdef __CUDACC__
/// As x86 does it: what is beyond the range, and NaN, gives the least number. The device's own conversion gives the nearest, and results would depend on where they were computed.
template <class I, class F> ST_FN I whole(F x) {
  constexpr F limit = sizeof(I) == 8 ? F(9223372036854775808.0) : F(2147483648.0);
  return x >= -limit && x < limit ? (I)x : (I)((uint64_t)1 << (8 * sizeof(I) - 1));
}
#else
template <class I, class F> ST_FN I whole(F x) { return (I)x; }
#endif
/// PyTorch's conversion of one element. Floats beyond an integer's range give what the processor's conversion gives, wrapped to the width.
template <class R> struct To {
  template <class S> ST_FN R from(S x) { return (R)number(x); }
};
/// float -> integers: small ones through int32, which has vector instructions; uint32 and int64 hold more and go through int64.
template <class R, class I> struct ToInteger {
  template <class N> ST_FN R of(N x) { return (R)x; }
  ST_FN R of(float x) { return (R)whole<I>(x); }
  ST_FN R of(double x) { return (R)whole<I>(x); }
  template <class S> ST_FN R from(S x) { return of(number(x)); }
};
template <> struct To<uint8_t> : ToInteger<uint8_t, int32_t> {};
template <> struct To<int8_t> : ToInteger<int8_t, int32_t> {};
template <> struct To<int16_t> : ToInteger<int16_t, int32_t> {};
template <> struct To<uint16_t> : ToInteger<uint16_t, int32_t> {};
template <> struct To<int32_t> : ToInteger<int32_t, int32_t> {};
template <> struct To<uint32_t> : ToInteger<uint32_t, int64_t> {};
template <> struct To<int64_t> : ToInteger<int64_t, int64_t> {};
template <> struct To<bool> {
  template <class S> ST_FN bool from(S x) { return number(x) != 0; }
  template <class T> ST_FN bool from(complex<T> x) { return (x.re != 0) | (x.im != 0); }
};
template <> struct To<half> {
  template <class S> ST_FN half from(S x) { return to_half((float)number(x)); }
};
template <> struct To<bfloat16> {
  template <class S> ST_FN bfloat16 from(S x) { return to_bfloat16((float)number(x)); }
};
template <class T> struct To<complex<T>> {
  template <class S> ST_FN complex<T> from(S x) { complex<T> z = {(T)number(x), 0}; return z; }
  template <class U> ST_FN complex<T> from(complex<U> x) { complex<T> z = {(T)x.re, (T)x.im}; return z; }
};
