// The kernels of conv_mma.cu.
#include "kernels.h"
#define ST_KERNEL_FILE "conv_mma.cu"
namespace {
#include "conv_mma.cu"
ST_CONV_MMA_KERNELS(f16)
ST_CONV_MMA_KERNELS(bf16)
ST_CONV_MMA_KERNELS(f32)
}  // namespace
