// The kernels of matmul.cu, the floating and complex types.
#include "kernels.h"
#define ST_KERNEL_FILE "matmul.cu"
namespace {
#include "matmul.cu"
ST_MATMUL_KERNELS(f16)
ST_MATMUL_KERNELS(bf16)
ST_MATMUL_KERNELS(f32)
ST_MATMUL_KERNELS(f64)
ST_MATMUL_KERNELS(c64)
ST_MATMUL_KERNELS(c128)
}  // namespace
