// The kernels of pool.cu, all operators and types.
#include "kernels.h"
#define ST_KERNEL_FILE "pool.cu"
namespace {
#include "pool.cu"
ST_POOL_KERNELS(max, u8)
ST_POOL_KERNELS(max, i8)
ST_POOL_KERNELS(max, i16)
ST_POOL_KERNELS(max, i32)
ST_POOL_KERNELS(max, i64)
ST_POOL_KERNELS(max, f16)
ST_POOL_KERNELS(max, bf16)
ST_POOL_KERNELS(max, f32)
ST_POOL_KERNELS(max, f64)
ST_POOL_KERNELS(average, i64)
ST_POOL_KERNELS(average, f16)
ST_POOL_KERNELS(average, bf16)
ST_POOL_KERNELS(average, f32)
ST_POOL_KERNELS(average, f64)
ST_POOL_KERNELS(maxBackward, f16)
ST_POOL_KERNELS(maxBackward, bf16)
ST_POOL_KERNELS(maxBackward, f32)
ST_POOL_KERNELS(maxBackward, f64)
ST_POOL_KERNELS(averageBackward, f16)
ST_POOL_KERNELS(averageBackward, bf16)
ST_POOL_KERNELS(averageBackward, f32)
ST_POOL_KERNELS(averageBackward, f64)
}  // namespace
