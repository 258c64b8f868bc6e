// What every wrapper of kernel sources includes before them.
#pragma once
#define ST_EMULATOR 1
#include "emulator.h"
#include "registry.h"
#include "kernel_args.h"
#include <string>
#include <utility>

// Element types of the operator lists, as bit sets in the order of StDType (TorchKernels/cpu/pointwise_types.h has the same).
#define ST_TYPES_INT 0x003eu
#define ST_TYPES_FLT 0x03c0u
#define ST_TYPES_FULL 0x0300u
#define ST_TYPES_INTB 0x003fu
#define ST_TYPES_REAL 0x03feu
#define ST_TYPES_REALB 0x03ffu
#define ST_TYPES_FC 0x0fc0u
#define ST_TYPES_NUM 0x0ffeu
#define ST_TYPES_NUMB 0x0fffu
#define ST_TYPES_ANY 0x0fffu
#define ST_TYPES_ALL 0x7fffu

namespace st_emulator {
inline const char *const type_names[] = {"bool", "u8", "i8", "i16", "i32", "i64", "f16", "bf16", "f32", "f64", "c64", "c128", "u16", "u32", "u64"};
}
