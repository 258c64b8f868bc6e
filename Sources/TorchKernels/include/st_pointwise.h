// Pointwise kernels: one loop per operator and element type, found by enum.
#pragma once
#include "st_types.h"
#ifdef __cplusplus
extern "C" {
#endif

// The operator lists are in the .def files beside this one: one line there makes the enum case (Swift: UnaryOp.exp) and all its kernels.
#define ST_UNARY(name, types, result) StUnaryOp_##name,
typedef enum __attribute__((enum_extensibility(closed))) StUnaryOp : int32_t {
#include "st_unary.def"
  StUnaryOp_count
} StUnaryOp;
#undef ST_UNARY
#define ST_BINARY(name, types, result) StBinaryOp_##name,
typedef enum __attribute__((enum_extensibility(closed))) StBinaryOp : int32_t {
#include "st_binary.def"
  StBinaryOp_count
} StBinaryOp;
#undef ST_BINARY
#define ST_TERNARY(name, types, result) StTernaryOp_##name,
typedef enum __attribute__((enum_extensibility(closed))) StTernaryOp : int32_t {
#include "st_ternary.def"
  StTernaryOp_count
} StTernaryOp;
#undef ST_TERNARY

/// The loop of `op` for inputs of `dtype`, or NULL where PyTorch has none either (e.g. bitwise operators on floats).
st_loop st_unary(StUnaryOp op, StDType dtype);
st_loop st_binary(StBinaryOp op, StDType dtype);
st_loop st_ternary(StTernaryOp op, StDType dtype);
/// Type of the result for inputs of `dtype`: the same, bool for tests and comparisons, the real type for e.g. abs of complex.
StDType st_unary_result(StUnaryOp op, StDType dtype);
StDType st_binary_result(StBinaryOp op, StDType dtype);
/// out = condition ? a : b (operands: out, condition (bool), a, b), by element size in bytes: 1, 2, 4, 8, 16.
st_loop st_where(int32_t element_size);
/// Conversion between any two element types with PyTorch's rules (to bool: != 0; float to integer truncates; complex to real drops the imaginary part).
st_loop st_convert(StDType from, StDType to);
/// Copy of elements of 1, 2, 4, 8 or 16 bytes; strided on both sides, transposes in cache-sized tiles.
st_loop st_copy(int32_t element_size);
/// Fills with the element at `value` (already of the output's type). Operand 0 only.
void st_fill(char *out, int64_t stride, int64_t n, const void *value, int32_t element_size);

/// Whether one of `n` contiguous integers is 0. Integer division and remainder by 0 give 0; callers that report an error look for it first.
bool st_has_zero(StDType dtype, const void *p, int64_t n);

#ifdef __cplusplus
}
#endif
