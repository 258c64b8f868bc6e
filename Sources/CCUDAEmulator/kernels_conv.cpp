// The kernels of conv.cu, the types that the CPU has.
#include "kernels.h"
#define ST_KERNEL_FILE "conv.cu"
namespace {
#include "conv.cu"
ST_CONV_KERNELS(u8)
ST_CONV_KERNELS(i8)
ST_CONV_KERNELS(i32)
ST_CONV_KERNELS(i64)
ST_CONV_KERNELS(f16)
ST_CONV_KERNELS(bf16)
ST_CONV_KERNELS(f32)
ST_CONV_KERNELS(f64)
ST_CONV_KERNELS(c64)
ST_CONV_KERNELS(c128)
}  // namespace
