// Pointwise kernels: all operators of bool and integers; the third level would add little and take long to compile.
#include "cpu/pointwise_types.h"
#include <math.h>
#define ST_HIGHEST_LEVEL 1
#define ST_GROUP (ST_TYPES_BOOL | ST_TYPES_INT | ST_TYPES_UNSIGNED)
#define ST_GROUP_SPECIAL 0
#define ST_GROUP_UNARY 1
#define ST_GROUP_BINARY 1
#define ST_LEVEL_FILE "pointwise_loops.inc"
#include "cpu/each_level.h"

st_loop st_unary_integer(StUnaryOp op, StDType dtype) { return ST_PICK(find_unary)(op, dtype); }
st_loop st_binary_integer(StBinaryOp op, StDType dtype) { return ST_PICK(find_binary)(op, dtype); }
st_loop st_ternary_integer(StTernaryOp op, StDType dtype) { return ST_PICK(find_ternary)(op, dtype); }
