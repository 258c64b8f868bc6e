// Elements of every type for kernels that need no vector code: sorting and scans, compiled once.
#pragma once
#include "st_types.h"
#include <complex>
#include <cstring>
#include <type_traits>

namespace element {

struct Half { uint16_t bits; };
struct BFloat16 { uint16_t bits; };
using Complex64 = std::complex<float>;
using Complex128 = std::complex<double>;

/// The type that T computes in.
template <class T> struct Compute { using Type = T; };
template <> struct Compute<Half> { using Type = float; };
template <> struct Compute<BFloat16> { using Type = float; };
template <class T> using ComputeOf = typename Compute<T>::Type;

template <class T> T load(const T *p) { return *p; }
inline float load(const Half *p) {
  _Float16 h;
  memcpy(&h, p, 2);
  return (float)h;
}
inline float load(const BFloat16 *p) {
  uint32_t u = (uint32_t)p->bits << 16;
  float f;
  memcpy(&f, &u, 4);
  return f;
}
template <class T> void store(T *p, T v) { *p = v; }
inline void store(Half *p, float v) {
  _Float16 h = (_Float16)v;
  memcpy(p, &h, 2);
}
inline void store(BFloat16 *p, float f) {
  uint32_t u;
  memcpy(&u, &f, 4);
  p->bits = f != f ? 0x7fc0 : (uint16_t)((u + 0x7fff + ((u >> 16) & 1)) >> 16);
}

template <class T> constexpr bool is_complex = std::is_same_v<T, Complex64> || std::is_same_v<T, Complex128>;

/// Calls `body` with a value of the real type that `t` names; false for complex and the file-only types.
template <class Body> bool with_real(StDType t, Body body) {
  switch (t) {
    case StDType_bool: case StDType_uint8: body(uint8_t{}); return true;
    case StDType_int8: body(int8_t{}); return true;
    case StDType_int16: body(int16_t{}); return true;
    case StDType_int32: body(int32_t{}); return true;
    case StDType_int64: body(int64_t{}); return true;
    case StDType_float16: body(Half{}); return true;
    case StDType_bfloat16: body(BFloat16{}); return true;
    case StDType_float32: body(float{}); return true;
    case StDType_float64: body(double{}); return true;
    default: return false;
  }
}
/// The same with complex types.
template <class Body> bool with_number(StDType t, Body body) {
  if (t == StDType_complex64) { body(Complex64{}); return true; }
  if (t == StDType_complex128) { body(Complex128{}); return true; }
  return with_real(t, body);
}

/// True if v is not a number.
template <class T> bool is_nan(T v) {
  if constexpr (std::is_floating_point_v<T>) return v != v;
  else return false;
}

}  // namespace element
