// Operator and type names, from the lists that the CPU kernels are made of.
#include "CCUDA.h"

#define NAME_OF(list) return op >= 0 && op < (int32_t)(sizeof list / sizeof *list) ? list[op] : ""

const char *cc_unary_name(int32_t op) {
#define ST_UNARY(name, types, result) #name,
  static const char *const names[] = {
#include "../TorchKernels/include/st_unary.def"
  };
  NAME_OF(names);
}

const char *cc_binary_name(int32_t op) {
#define ST_BINARY(name, types, result) #name,
  static const char *const names[] = {
#include "../TorchKernels/include/st_binary.def"
  };
  NAME_OF(names);
}

const char *cc_ternary_name(int32_t op) {
#define ST_TERNARY(name, types, result) #name,
  static const char *const names[] = {
#include "../TorchKernels/include/st_ternary.def"
  };
  NAME_OF(names);
}

const char *cc_type_name(int32_t op) {
  static const char *const names[] = {"bool", "u8", "i8", "i16", "i32", "i64", "f16", "bf16", "f32", "f64", "c64", "c128", "u16", "u32", "u64"};
  NAME_OF(names);
}

const char *cc_reduce_name(int32_t op) {
  static const char *const names[] = {"sum", "nansum", "prod", "max", "min", "argmax", "argmin", "any", "all", "countNonzero", "mean", "variance", "std", "norm",
                                      "logSumExp", "wideSum", "wideProd"};
  NAME_OF(names);
}
