// The kernels of arange.cu for all real types.
#include "kernels.h"
#define ST_KERNEL_FILE "arange.cu"
namespace {
#include "arange.cu"
ST_ARANGE_KERNELS(u8)
ST_ARANGE_KERNELS(i8)
ST_ARANGE_KERNELS(i16)
ST_ARANGE_KERNELS(i32)
ST_ARANGE_KERNELS(i64)
ST_ARANGE_KERNELS(f16)
ST_ARANGE_KERNELS(bf16)
ST_ARANGE_KERNELS(f32)
ST_ARANGE_KERNELS(f64)
}  // namespace
