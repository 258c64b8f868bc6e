// Register-wide vectors of one CPU level: loads, stores, conversions, horizontal sums. Included inside a level's namespace, so it has no include guard.

/// A vector of W elements; everything that takes or returns one is inlined, so that no vector crosses a call.
template <class C, int W> struct VecOf { typedef C type __attribute__((ext_vector_type(W))); };
template <class C, int W> using Vec = typename VecOf<C, W>::type;

/// Stored forms that are not computed in.
struct h16 { unsigned short b; };
struct b16 { unsigned short b; };
struct b8 { unsigned char b; };

template <int Bytes> struct IntOf;
template <> struct IntOf<1> { typedef signed char type; };
template <> struct IntOf<2> { typedef short type; };
template <> struct IntOf<4> { typedef int type; };
template <> struct IntOf<8> { typedef long long type; };
template <class C> using MaskElement = typename IntOf<sizeof(C)>::type;

template <class A, class B> struct Same { static constexpr bool value = false; };
template <class A> struct Same<A, A> { static constexpr bool value = true; };
template <class C> constexpr bool isFloating = Same<C, float>::value || Same<C, double>::value;

template <class V, class T> ST_FN V raw_load(const T *p) { V v; __builtin_memcpy(&v, p, sizeof v); return v; }

template <int W> ST_FN Vec<float, W> half_to_float(Vec<unsigned short, W> h) {
#if ST_LEVEL > 0
  Vec<_Float16, W> x; __builtin_memcpy(&x, &h, sizeof x);
  return __builtin_convertvector(x, Vec<float, W>);
#else
  // Without F16C: the exponent is corrected by a multiplication, which also brings subnormals right.
  typedef Vec<unsigned, W> U;
  U u = __builtin_convertvector(h, U);
  U em = (u & 0x7fffu) << 13;
  Vec<float, W> f; __builtin_memcpy(&f, &em, sizeof f);
  f *= 0x1p112f;
  U r; __builtin_memcpy(&r, &f, sizeof r);
  U special = (U)(em >= (0x7c00u << 13));
  r |= special & 0x7f800000u;
  r |= (u & 0x8000u) << 16;
  __builtin_memcpy(&f, &r, sizeof f);
  return f;
#endif
}
template <int W> ST_FN Vec<unsigned short, W> float_to_half(Vec<float, W> f) {
#if ST_LEVEL > 0
  Vec<_Float16, W> x = __builtin_convertvector(f, Vec<_Float16, W>);
  Vec<unsigned short, W> h; __builtin_memcpy(&h, &x, sizeof h);
  return h;
#else
  typedef Vec<unsigned, W> U;
  U u; __builtin_memcpy(&u, &f, sizeof u);
  U sign = (u >> 16) & 0x8000u, a = u & 0x7fffffffu;
  // Normal results: round to nearest even on the bits. Subnormal ones: let an addition round.
  U normal = (a - 0x38000000u + 0xfffu + ((a >> 13) & 1u)) >> 13;
  Vec<float, W> t; __builtin_memcpy(&t, &a, sizeof t);
  t += 0.5f;
  U small; __builtin_memcpy(&small, &t, sizeof small);
  small -= 0x3f000000u;
  U r = (U)(a < 0x38800000u) ? small : normal;
  r = (U)(a >= 0x477ff000u) ? (U)(0x7c00u) : r;
  r = (U)(a > 0x7f800000u) ? (U)(0x7e00u) : r;
  return __builtin_convertvector(r | sign, Vec<unsigned short, W>);
#endif
}
template <int W> ST_FN Vec<float, W> bfloat_to_float(Vec<unsigned short, W> h) {
  Vec<unsigned, W> u = __builtin_convertvector(h, Vec<unsigned, W>) << 16;
  Vec<float, W> f; __builtin_memcpy(&f, &u, sizeof f);
  return f;
}
template <int W> ST_FN Vec<unsigned short, W> float_to_bfloat(Vec<float, W> f) {
  typedef Vec<unsigned, W> U;
  U u; __builtin_memcpy(&u, &f, sizeof u);
  U r = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
  r = (U)((u & 0x7fffffffu) > 0x7f800000u) ? (U)(0x7fc0u) : r;
  return __builtin_convertvector(r, Vec<unsigned short, W>);
}

/// W elements of storage type T as compute type C.
template <class C, int W, class T> struct Load { ST_FN Vec<C, W> at(const T *p) { return __builtin_convertvector((raw_load<Vec<T, W>>(p)), Vec<C, W>); } };
template <class C, int W> struct Load<C, W, C> { ST_FN Vec<C, W> at(const C *p) { return raw_load<Vec<C, W>>(p); } };
template <int W> struct Load<float, W, h16> { ST_FN Vec<float, W> at(const h16 *p) { return half_to_float<W>(raw_load<Vec<unsigned short, W>>(p)); } };
template <int W> struct Load<float, W, b16> { ST_FN Vec<float, W> at(const b16 *p) { return bfloat_to_float<W>(raw_load<Vec<unsigned short, W>>(p)); } };
template <class C, int W, class T> ST_FN Vec<C, W> load(const T *p) { return Load<C, W, T>::at(p); }

template <class C, int W, class T> struct Store { ST_FN void at(T *p, Vec<C, W> v) { Vec<T, W> t = __builtin_convertvector(v, Vec<T, W>); __builtin_memcpy(p, &t, sizeof t); } };
template <class C, int W> struct Store<C, W, C> { ST_FN void at(C *p, Vec<C, W> v) { __builtin_memcpy(p, &v, sizeof v); } };
template <int W> struct Store<float, W, h16> { ST_FN void at(h16 *p, Vec<float, W> v) { Vec<unsigned short, W> t = float_to_half<W>(v); __builtin_memcpy(p, &t, sizeof t); } };
template <int W> struct Store<float, W, b16> { ST_FN void at(b16 *p, Vec<float, W> v) { Vec<unsigned short, W> t = float_to_bfloat<W>(v); __builtin_memcpy(p, &t, sizeof t); } };
template <class C, int W, class T> ST_FN void store(T *p, Vec<C, W> v) { Store<C, W, T>::at(p, v); }

/// 0, 1, 2, ...
template <class C, int W> ST_FN Vec<MaskElement<C>, W> lanes() {
  Vec<MaskElement<C>, W> l;
  for (int i = 0; i < W; ++i) l[i] = (MaskElement<C>)i;
  return l;
}

/// Short ends of rows: masked instructions where a full register of float or double is loaded or stored, a copy through the stack elsewhere.
template <class C, int W, class T> struct Part {
  ST_FN Vec<C, W> get(const T *p, long n) {
    T t[W] = {};
    __builtin_memcpy(t, p, (unsigned long)n * sizeof(T));
    return load<C, W>((const T *)t);
  }
  ST_FN void put(T *p, long n, Vec<C, W> v) {
    T t[W];
    store<C, W>((T *)t, v);
    __builtin_memcpy(p, t, (unsigned long)n * sizeof(T));
  }
};
#if defined(__x86_64__) && ST_LEVEL > 0
template <class V, class R> ST_FN R same_bits(V v) { R r; __builtin_memcpy(&r, &v, sizeof r); return r; }
typedef float F8 __attribute__((vector_size(32)));
typedef double D4 __attribute__((vector_size(32)));
typedef int I8 __attribute__((vector_size(32)));
typedef long long L4 __attribute__((vector_size(32)));
template <> struct Part<float, 8, float> {
  ST_FN I8 mask(long n) { return same_bits<Vec<int, 8>, I8>(lanes<float, 8>() < (Vec<int, 8>)((int)n)); }
  ST_FN Vec<float, 8> get(const float *p, long n) { return same_bits<F8, Vec<float, 8>>(__builtin_ia32_maskloadps256((const F8 *)p, mask(n))); }
  ST_FN void put(float *p, long n, Vec<float, 8> v) { __builtin_ia32_maskstoreps256((F8 *)p, mask(n), same_bits<Vec<float, 8>, F8>(v)); }
};
template <> struct Part<double, 4, double> {
  ST_FN L4 mask(long n) { return same_bits<Vec<long long, 4>, L4>((Vec<long long, 4>)(lanes<double, 4>() < (Vec<long long, 4>)((long long)n))); }
  ST_FN Vec<double, 4> get(const double *p, long n) { return same_bits<D4, Vec<double, 4>>(__builtin_ia32_maskloadpd256((const D4 *)p, mask(n))); }
  ST_FN void put(double *p, long n, Vec<double, 4> v) { __builtin_ia32_maskstorepd256((D4 *)p, mask(n), same_bits<Vec<double, 4>, D4>(v)); }
};
#if ST_LEVEL > 1
typedef float F16 __attribute__((vector_size(64)));
typedef double D8 __attribute__((vector_size(64)));
template <> struct Part<float, 16, float> {
  ST_FN Vec<float, 16> get(const float *p, long n) { return same_bits<F16, Vec<float, 16>>(__builtin_ia32_loadups512_mask((const float *)p, F16{}, (unsigned short)((1u << n) - 1))); }
  ST_FN void put(float *p, long n, Vec<float, 16> v) { __builtin_ia32_storeups512_mask((float *)p, same_bits<Vec<float, 16>, F16>(v), (unsigned short)((1u << n) - 1)); }
};
template <> struct Part<double, 8, double> {
  ST_FN Vec<double, 8> get(const double *p, long n) { return same_bits<D8, Vec<double, 8>>(__builtin_ia32_loadupd512_mask((const double *)p, D8{}, (unsigned char)((1u << n) - 1))); }
  ST_FN void put(double *p, long n, Vec<double, 8> v) { __builtin_ia32_storeupd512_mask((double *)p, same_bits<Vec<double, 8>, D8>(v), (unsigned char)((1u << n) - 1)); }
};
typedef short S16 __attribute__((vector_size(32)));
template <class T> struct PartOf16 {
  ST_FN Vec<float, 16> get(const T *p, long n) {
    S16 x = __builtin_ia32_loaddquhi256_mask((const S16 *)p, S16{}, (unsigned short)((1u << n) - 1));
    return load<float, 16>((const T *)&x);
  }
  ST_FN void put(T *p, long n, Vec<float, 16> v) {
    S16 x;
    store<float, 16>((T *)&x, v);
    __builtin_ia32_storedquhi256_mask((S16 *)p, x, (unsigned short)((1u << n) - 1));
  }
};
template <> struct Part<float, 16, h16> : PartOf16<h16> {};
template <> struct Part<float, 16, b16> : PartOf16<b16> {};
#endif
#endif

/// The first n < W elements, the other lanes `fill`; nothing beyond is read.
template <class C, int W, class T> ST_FN Vec<C, W> load_part(const T *p, long n, C fill) {
  return lanes<C, W>() < (Vec<MaskElement<C>, W>)((MaskElement<C>)n) ? Part<C, W, T>::get(p, n) : (Vec<C, W>)(fill);
}
template <class C, int W, class T> ST_FN void store_part(T *p, long n, Vec<C, W> v) { Part<C, W, T>::put(p, n, v); }

/// Folds the lanes in halves with Op::join until G are left.
template <class Op, class C, int W, int G> struct Fold {
  ST_FN Vec<C, G> of(Vec<C, W> v) { return Fold<Op, C, W / 2, G>::of(Op::template join<W / 2>((Vec<C, W / 2>)v.lo, (Vec<C, W / 2>)v.hi)); }
};
template <class Op, class C, int G> struct Fold<Op, C, G, G> { ST_FN Vec<C, G> of(Vec<C, G> v) { return v; } };
