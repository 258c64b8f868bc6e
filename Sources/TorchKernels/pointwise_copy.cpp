// Pointwise kernels: copy, selection and fill by element size, and the search for a zero divisor.
#include "st_pointwise.h"
#define ST_LEVEL_FILE "pointwise_copy.inc"
#include "cpu/each_level.h"

extern "C" st_loop st_copy(int32_t element_size) { return ST_PICK(find_copy)(element_size); }
extern "C" st_loop st_where(int32_t element_size) { return ST_PICK(find_where)(element_size); }
extern "C" void st_fill(char *out, int64_t stride, int64_t n, const void *value, int32_t element_size) {
  ST_PICK(fill)(out, stride, n, value, element_size);
}

template <class T> static bool has_zero(const void *p, int64_t n) {
  const T *a = (const T *)p;
  // Blocks without an early exit vectorise.
  for (int64_t i = 0; i < n; i += 1024) {
    int64_t end = n - i < 1024 ? n : i + 1024;
    bool any = false;
    for (int64_t j = i; j < end; ++j) any |= a[j] == 0;
    if (any) return true;
  }
  return false;
}
extern "C" bool st_has_zero(StDType dtype, const void *p, int64_t n) {
  switch (dtype) {
    case StDType_bool: case StDType_uint8: case StDType_int8: return has_zero<uint8_t>(p, n);
    case StDType_int16: case StDType_uint16: return has_zero<uint16_t>(p, n);
    case StDType_int32: case StDType_uint32: return has_zero<uint32_t>(p, n);
    case StDType_int64: case StDType_uint64: return has_zero<uint64_t>(p, n);
    default: return false;
  }
}
