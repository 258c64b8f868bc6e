// The kernels of layernorm.cu, the floating types.
#include "kernels.h"
#define ST_KERNEL_FILE "layernorm.cu"
namespace {
#include "layernorm.cu"
ST_LAYERNORM_KERNELS(f16)
ST_LAYERNORM_KERNELS(bf16)
ST_LAYERNORM_KERNELS(f32)
ST_LAYERNORM_KERNELS(f64)
}  // namespace
