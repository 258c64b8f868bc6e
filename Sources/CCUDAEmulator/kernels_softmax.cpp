// The kernels of softmax.cu, the floating types.
#include "kernels.h"
#define ST_KERNEL_FILE "softmax.cu"
namespace {
#include "softmax.cu"
ST_SOFTMAX_KERNELS(f16)
ST_SOFTMAX_KERNELS(bf16)
ST_SOFTMAX_KERNELS(f32)
ST_SOFTMAX_KERNELS(f64)
}  // namespace
