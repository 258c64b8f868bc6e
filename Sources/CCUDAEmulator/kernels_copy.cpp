// The kernels of copy.cu for all sizes of elements.
#include "kernels.h"
#define ST_KERNEL_FILE "copy.cu"
namespace {
#include "copy.cu"
ST_COPY_KERNELS(1)
ST_COPY_KERNELS(2)
ST_COPY_KERNELS(4)
ST_COPY_KERNELS(8)
ST_COPY_KERNELS(16)
}  // namespace
