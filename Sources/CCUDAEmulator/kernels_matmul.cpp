// The kernels of matmul.cu, all types but bool and the wider unsigned ones.
#include "kernels.h"
#define ST_KERNEL_FILE "matmul.cu"
namespace {
#include "matmul.cu"
ST_MATMUL_KERNELS(u8)
ST_MATMUL_KERNELS(i8)
ST_MATMUL_KERNELS(i16)
ST_MATMUL_KERNELS(i32)
ST_MATMUL_KERNELS(i64)
ST_MATMUL_KERNELS(f16)
ST_MATMUL_KERNELS(bf16)
ST_MATMUL_KERNELS(f32)
ST_MATMUL_KERNELS(f64)
ST_MATMUL_KERNELS(c64)
ST_MATMUL_KERNELS(c128)
}  // namespace
