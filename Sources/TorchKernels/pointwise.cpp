// Finds the loop of an operator, and the type of its result.
#include "cpu/pointwise_types.h"

#define ST_UNARY(name, types, result) ST_RESULT_##result,
#define ST_BINARY(name, types, result) ST_RESULT_##result,
static const uint8_t unary_results[] = {
#include "st_unary.def"
};
static const uint8_t binary_results[] = {
#include "st_binary.def"
};
#undef ST_UNARY
#undef ST_BINARY

static bool is_in(unsigned types, StDType dtype) { return types >> dtype & 1u; }

static StDType result_of(int kind, StDType dtype) {
  bool complex = is_in(ST_TYPES_COMPLEX, dtype);
  StDType real = dtype == StDType_complex64 ? StDType_float32 : dtype == StDType_complex128 ? StDType_float64 : dtype;
  switch (kind) {
    case ST_RESULT_BOOL: return StDType_bool;
    case ST_RESULT_ABS: return real;
    case ST_RESULT_ANGLE: return complex || is_in(ST_TYPES_FLT, dtype) ? real : StDType_float32;
    case ST_RESULT_CPLX: return dtype == StDType_float64 ? StDType_complex128 : dtype == StDType_float32 ? StDType_complex64 : dtype;
    default: return dtype;
  }
}

extern "C" st_loop st_unary(StUnaryOp op, StDType dtype) {
  if ((unsigned)op >= StUnaryOp_count || dtype >= ST_DTYPE_COUNT) return nullptr;
  if (is_in(ST_TYPES_FLT, dtype)) {
    st_loop loop = st_unary_float(op, dtype);
    return loop ? loop : st_unary_special(op, dtype);
  }
  return is_in(ST_TYPES_COMPLEX, dtype) ? st_unary_complex(op, dtype) : st_unary_integer(op, dtype);
}
extern "C" st_loop st_binary(StBinaryOp op, StDType dtype) {
  if ((unsigned)op >= StBinaryOp_count || dtype >= ST_DTYPE_COUNT) return nullptr;
  if (is_in(ST_TYPES_FLT, dtype)) {
    st_loop loop = st_binary_float(op, dtype);
    return loop ? loop : st_binary_special(op, dtype);
  }
  return is_in(ST_TYPES_COMPLEX, dtype) ? st_binary_complex(op, dtype) : st_binary_integer(op, dtype);
}
extern "C" st_loop st_ternary(StTernaryOp op, StDType dtype) {
  if ((unsigned)op >= StTernaryOp_count || dtype >= ST_DTYPE_COUNT) return nullptr;
  if (is_in(ST_TYPES_FLT, dtype)) return st_ternary_float(op, dtype);
  return is_in(ST_TYPES_COMPLEX, dtype) ? st_ternary_complex(op, dtype) : st_ternary_integer(op, dtype);
}
extern "C" StDType st_unary_result(StUnaryOp op, StDType dtype) {
  return (unsigned)op < StUnaryOp_count ? result_of(unary_results[op], dtype) : dtype;
}
extern "C" StDType st_binary_result(StBinaryOp op, StDType dtype) {
  return (unsigned)op < StBinaryOp_count ? result_of(binary_results[op], dtype) : dtype;
}
