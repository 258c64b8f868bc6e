// The kernels of sort.cu, all types that have an order.
#include "kernels.h"
#define ST_KERNEL_FILE "sort.cu"
namespace {
#include "sort.cu"
ST_SORT_KERNELS(bool)
ST_SORT_KERNELS(u8)
ST_SORT_KERNELS(i8)
ST_SORT_KERNELS(i16)
ST_SORT_KERNELS(i32)
ST_SORT_KERNELS(i64)
ST_SORT_KERNELS(f16)
ST_SORT_KERNELS(bf16)
ST_SORT_KERNELS(f32)
ST_SORT_KERNELS(f64)
}  // namespace
