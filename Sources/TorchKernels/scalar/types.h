// Value types of the kernels: half, bfloat16 and complex numbers, their conversions, and the type that each element type computes in.
// No include guard: included once per CPU level, inside the level's namespace (see cpu/each_level.h). The same text is compiled for CUDA at run time, so
// nothing here needs a header; ST_HOST marks what is for the CPU only.

#if ST_HOST
#define ST_LIBM(name) __builtin_##name
#else
#define ST_LIBM(name) ::name
#endif
// Whether a * b + c in one expression is one rounding. Compensated steps need it; without it the functions fall back to double.
#undef ST_FMA
#if ST_HOST && ST_LEVEL == 0 && defined(__x86_64__)
#define ST_FMA 0
#else
#define ST_FMA 1
#endif

ST_FN uint32_t bits_of(float x) { uint32_t u; __builtin_memcpy(&u, &x, 4); return u; }
ST_FN uint64_t bits_of(double x) { uint64_t u; __builtin_memcpy(&u, &x, 8); return u; }
ST_FN float float_of(uint32_t u) { float x; __builtin_memcpy(&x, &u, 4); return x; }
ST_FN double double_of(uint64_t u) { double x; __builtin_memcpy(&x, &u, 8); return x; }

#if !ST_HOST
#ifdef __CUDACC__
/// To a unit in the last place or two; subnormal results and, of the reciprocal, those of subnormal numbers are 0 and infinity.
ST_FN float quick_reciprocal(float x) { float y; asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x)); return y; }
ST_FN float quick_exp2(float x) { float y; asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x)); return y; }
#else
ST_FN float flushed(float x) { return (bits_of(x) & 0x7f800000u) == 0 ? float_of(bits_of(x) & 0x80000000u) : x; }
ST_FN float quick_reciprocal(float x) { return flushed(1.0f / flushed(x)); }
ST_FN float quick_exp2(float x) { return flushed(::exp2f(x)); }
#endif
#endif

struct half { uint16_t bits; };
struct bfloat16 { uint16_t bits; };
/// The destructor does nothing, but with it a complex number goes through calls by address. As a trivial type it would travel in one vector register, and that
/// packing survives inlining and keeps clang from vectorising loops over complex numbers.
template <class T> struct complex {
  T re, im;
#if ST_HOST
  inline __attribute__((always_inline)) ~complex() {}
#endif
};
typedef complex<float> complex64;
typedef complex<double> complex128;

#if ST_HOST && ((ST_LEVEL > 0 && defined(__x86_64__)) || defined(__aarch64__))
ST_FN float to_float(half h) { _Float16 x; __builtin_memcpy(&x, &h, 2); return (float)x; }
ST_FN half to_half(float x) { _Float16 y = (_Float16)x; half h; __builtin_memcpy(&h, &y, 2); return h; }
#elif defined(__CUDACC__)
ST_FN float to_float(half h) { float x; asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(h.bits)); return x; }
ST_FN half to_half(float x) { half h; asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h.bits) : "f"(x)); return h; }
#else
ST_FN float to_float(half h) {
  // Shifting exponent and mantissa into place leaves the exponent 112 too low; the multiplication mends it and normalises subnormal numbers as well.
  uint32_t magnitude = (uint32_t)(h.bits & 0x7fffu) << 13;
  uint32_t u = bits_of(float_of(magnitude) * 5.192296858534828e33f);
  u = magnitude >= 0x0f800000u ? (magnitude | 0x7f800000u) : u;
  return float_of(u | (uint32_t)(h.bits & 0x8000u) << 16);
}
ST_FN half to_half(float x) {
  uint32_t u = bits_of(x), sign = u >> 16 & 0x8000u;
  u &= 0x7fffffffu;
  // Normal results: round to even in the 13 bits that go. Subnormal ones: adding 0.5 aligns the last kept bit with the last bit of the sum.
  uint32_t normal = (u + 0xfffu + (u >> 13 & 1u) - 0x38000000u) >> 13;
  uint32_t small = bits_of(float_of(u) + 0.5f) - 0x3f000000u;
  uint32_t r = u < 0x38800000u ? small : normal;
  r = u >= 0x477ff000u ? 0x7c00u : r;
  r = u > 0x7f800000u ? 0x7e00u : r;
  half h = {(uint16_t)(r | sign)};
  return h;
}
#endif
ST_FN float to_float(bfloat16 b) { return float_of((uint32_t)b.bits << 16); }
#if defined(__CUDACC__)
ST_FN bfloat16 to_bfloat16(float x) { bfloat16 b; asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(b.bits) : "f"(x)); return b; }
#else
ST_FN bfloat16 to_bfloat16(float x) {
  uint32_t u = bits_of(x);
  uint32_t r = (u + 0x7fffu + (u >> 16 & 1u)) >> 16;
  r = (u & 0x7fffffffu) > 0x7f800000u ? 0x7fc0u : r;
  bfloat16 b = {(uint16_t)r};
  return b;
}
#endif

/// The type an element type computes in ("opmath" in PyTorch): float for the 16-bit floats, itself for all others. load and store convert.
template <class S> struct Element {
  typedef S Compute;
  ST_FN S load(S x) { return x; }
  ST_FN S store(S x) { return x; }
};
template <> struct Element<half> {
  typedef float Compute;
  ST_FN float load(half x) { return to_float(x); }
  ST_FN half store(float x) { return to_half(x); }
};
template <> struct Element<bfloat16> {
  typedef float Compute;
  ST_FN float load(bfloat16 x) { return to_float(x); }
  ST_FN bfloat16 store(float x) { return to_bfloat16(x); }
};
template <class S> ST_FN typename Element<S>::Compute load_as(const S *p) { return Element<S>::load(*p); }

/// The real type of a complex one; other types are their own.
template <class T> struct Real { typedef T Type; static constexpr bool is_complex = false; };
template <class T> struct Real<complex<T>> { typedef T Type; static constexpr bool is_complex = true; };

/// C++ type of each StDType, in the order of the enum.
template <int D> struct TypeOf;
#define ST_TYPE_OF(number, type) template <> struct TypeOf<number> { typedef type Type; };
ST_TYPE_OF(0, bool)
ST_TYPE_OF(1, uint8_t)
ST_TYPE_OF(2, int8_t)
ST_TYPE_OF(3, int16_t)
ST_TYPE_OF(4, int32_t)
ST_TYPE_OF(5, int64_t)
ST_TYPE_OF(6, half)
ST_TYPE_OF(7, bfloat16)
ST_TYPE_OF(8, float)
ST_TYPE_OF(9, double)
ST_TYPE_OF(10, complex64)
ST_TYPE_OF(11, complex128)
ST_TYPE_OF(12, uint16_t)
ST_TYPE_OF(13, uint32_t)
ST_TYPE_OF(14, uint64_t)
#undef ST_TYPE_OF

// Classes of types, for overloads: is_float<T>, is_integer<T> (bool is neither).
template <class T> struct Class { static constexpr bool floating = false, integer = false, boolean = false; };
template <> struct Class<float> { static constexpr bool floating = true, integer = false, boolean = false; };
template <> struct Class<double> { static constexpr bool floating = true, integer = false, boolean = false; };
template <> struct Class<bool> { static constexpr bool floating = false, integer = false, boolean = true; };
#define ST_INTEGER(type, as_unsigned) \
  template <> struct Class<type> { static constexpr bool floating = false, integer = true, boolean = false; typedef as_unsigned Unsigned; };
ST_INTEGER(uint8_t, uint8_t)
ST_INTEGER(int8_t, uint8_t)
ST_INTEGER(int16_t, uint16_t)
ST_INTEGER(int32_t, uint32_t)
ST_INTEGER(int64_t, uint64_t)
ST_INTEGER(uint16_t, uint16_t)
ST_INTEGER(uint32_t, uint32_t)
ST_INTEGER(uint64_t, uint64_t)
#undef ST_INTEGER
template <class T> constexpr bool is_float = Class<T>::floating;
template <class T> constexpr bool is_integer = Class<T>::integer;
template <class T> constexpr bool is_bool = Class<T>::boolean;
template <class T> constexpr bool is_complex = Real<T>::is_complex;
template <class A, class B> constexpr bool is_same = false;
template <class A> constexpr bool is_same<A, A> = true;
