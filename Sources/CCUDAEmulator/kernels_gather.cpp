// The kernels of gather.cu, all sizes.
#include "kernels.h"
#define ST_KERNEL_FILE "gather.cu"
namespace {
#include "gather.cu"
ST_GATHER_KERNELS(1)
ST_GATHER_KERNELS(2)
ST_GATHER_KERNELS(4)
ST_GATHER_KERNELS(8)
ST_GATHER_KERNELS(16)
}  // namespace
