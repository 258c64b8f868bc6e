// The kernels of select.cu for all sizes of elements.
#include "kernels.h"
#define ST_KERNEL_FILE "select.cu"
namespace {
#include "select.cu"
ST_SELECT_KERNELS(1)
ST_SELECT_KERNELS(2)
ST_SELECT_KERNELS(4)
ST_SELECT_KERNELS(8)
ST_SELECT_KERNELS(16)
}  // namespace
