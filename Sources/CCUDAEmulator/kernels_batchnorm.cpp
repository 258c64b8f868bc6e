// The kernels of batchnorm.cu, the floating types.
#include "kernels.h"
#define ST_KERNEL_FILE "batchnorm.cu"
namespace {
#include "batchnorm.cu"
ST_BATCHNORM_KERNELS(f16)
ST_BATCHNORM_KERNELS(bf16)
ST_BATCHNORM_KERNELS(f32)
ST_BATCHNORM_KERNELS(f64)
}  // namespace
