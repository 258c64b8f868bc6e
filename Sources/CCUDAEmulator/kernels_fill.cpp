// The kernels of fill.cu for all sizes of elements.
#include "kernels.h"
#define ST_KERNEL_FILE "fill.cu"
namespace {
#include "fill.cu"
ST_FILL_KERNELS(1)
ST_FILL_KERNELS(2)
ST_FILL_KERNELS(4)
ST_FILL_KERNELS(8)
ST_FILL_KERNELS(16)
}  // namespace
