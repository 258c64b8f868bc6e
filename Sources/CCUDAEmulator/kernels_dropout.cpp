// The kernels of dropout.cu for all its types.
#include "kernels.h"
#define ST_KERNEL_FILE "dropout.cu"
namespace {
#include "dropout.cu"
ST_DROPOUT_KERNELS(f16)
ST_DROPOUT_KERNELS(bf16)
ST_DROPOUT_KERNELS(f32)
ST_DROPOUT_KERNELS(f64)
}  // namespace
