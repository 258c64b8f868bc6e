// Pointwise kernels: special functions: scalar code, so compiled for the lowest level only.
#include "cpu/pointwise_types.h"
#include <math.h>
#define ST_HIGHEST_LEVEL 0
#define ST_GROUP (ST_TYPES_FLT)
#define ST_GROUP_SPECIAL 1
#define ST_GROUP_UNARY 1
#define ST_GROUP_BINARY 1
#define ST_LEVEL_FILE "pointwise_loops.inc"
#include "cpu/each_level.h"

st_loop st_unary_special(StUnaryOp op, StDType dtype) { return ST_PICK(find_unary)(op, dtype); }
st_loop st_binary_special(StBinaryOp op, StDType dtype) { return ST_PICK(find_binary)(op, dtype); }
