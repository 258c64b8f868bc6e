// The kernels of optim.cu, float32 and float64.
#include "kernels.h"
#define ST_KERNEL_FILE "optim.cu"
namespace {
#include "optim.cu"
ST_OPTIM_KERNELS(f32)
ST_OPTIM_KERNELS(f64)
}  // namespace
