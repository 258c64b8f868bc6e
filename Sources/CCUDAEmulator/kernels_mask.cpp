// The kernels of mask.cu, all sizes.
#include "kernels.h"
#define ST_KERNEL_FILE "mask.cu"
namespace {
#include "mask.cu"
ST_MASK_KERNELS
ST_MASKED_KERNELS(1)
ST_MASKED_KERNELS(2)
ST_MASKED_KERNELS(4)
ST_MASKED_KERNELS(8)
ST_MASKED_KERNELS(16)
}  // namespace
