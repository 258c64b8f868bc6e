// Element types, scalar parameters and the shape of an inner loop: what Swift and the kernels agree on.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Element types. The raw values are those of Swift's `DType`.
typedef enum __attribute__((enum_extensibility(closed))) StDType : uint8_t {
  StDType_bool = 0, StDType_uint8, StDType_int8, StDType_int16, StDType_int32, StDType_int64,
  StDType_float16, StDType_bfloat16, StDType_float32, StDType_float64,
  StDType_complex64, StDType_complex128,
  StDType_uint16, StDType_uint32, StDType_uint64,   // storage and conversion only
} StDType;
#define ST_DTYPE_COUNT 15

/// Scalar parameters of an operator (slope, limits, exponent, ...). Which field means what stands beside the functor.
typedef struct st_params { double f[4]; int64_t i[4]; } st_params;

/// One strided 2-D piece of work. `ptr[k]` is operand k (0 is the output), `stride[k]` its inner and
/// `stride[nargs + k]` its outer stride, both in bytes; the loop runs n1 times over n0 elements.
typedef void (*st_loop)(char *const *ptr, const int64_t *stride, int64_t n0, int64_t n1, const st_params *params);

/// CPU instruction set levels; every vectorised kernel exists once per level. See Note [CPU levels] in cpu/levels.h.
typedef enum __attribute__((enum_extensibility(closed))) StLevel : int32_t { StLevel_baseline = 0, StLevel_avx2 = 1, StLevel_avx512 = 2 } StLevel;
/// The level in use: the best that CPUID reports, or what the environment variable SWIFT_TORCH_CPU_LEVEL (baseline, avx2, avx512) lowers it to.
StLevel st_level(void);
/// Lowers the level for the rest of the process (tests run every level). Raising it above what the CPU has is ignored.
void st_set_level(StLevel level);

#ifdef __cplusplus
}
#endif
