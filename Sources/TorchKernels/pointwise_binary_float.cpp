// Pointwise kernels: binary and ternary operators of float16, bfloat16, float32 and float64.
#include "cpu/pointwise_types.h"
#include <math.h>
#define ST_GROUP (ST_TYPES_FLT)
#define ST_GROUP_SPECIAL 0
#define ST_GROUP_UNARY 0
#define ST_GROUP_BINARY 1
#define ST_LEVEL_FILE "pointwise_loops.inc"
#include "cpu/each_level.h"

st_loop st_binary_float(StBinaryOp op, StDType dtype) { return ST_PICK(find_binary)(op, dtype); }
st_loop st_ternary_float(StTernaryOp op, StDType dtype) { return ST_PICK(find_ternary)(op, dtype); }
