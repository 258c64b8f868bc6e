// The kernels of matmul_mma.cu.
#include "kernels.h"
#define ST_KERNEL_FILE "matmul_mma.cu"
namespace {
#include "matmul_mma.cu"
ST_MMA_KERNELS(f16)
ST_MMA_KERNELS(bf16)
ST_MMA_KERNELS(f32)
}  // namespace
