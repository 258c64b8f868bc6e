// The kernels of linalg.cu, all types.
#include "kernels.h"
#define ST_KERNEL_FILE "linalg.cu"
namespace {
#include "linalg.cu"
ST_LINALG_KERNELS(f32)
ST_LINALG_KERNELS(f64)
ST_LINALG_KERNELS(c64)
ST_LINALG_KERNELS(c128)
}  // namespace
