// The kernels of optim.cu, float32 and float64.
#include "kernels.h"
#define ST_KERNEL_FILE "optim.cu"
namespace {
#include "optim.cu"
ST_OPTIM_KERNELS(few, f32)
ST_OPTIM_KERNELS(few, f64)
ST_OPTIM_KERNELS(many, f32)
ST_OPTIM_KERNELS(many, f64)
}  // namespace
