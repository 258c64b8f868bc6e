// Evenly spaced numbers: arange_TYPE, for ST_TYPE (all real types).
#include "pointwise.cuh"
#include "scalar/convert.h"

#ifndef ST_ARANGE_KERNELS
template <class S> ST_DEVICE void arange_kernel(const st_arange_args &args) {
  S *out = pointer<S>(args.address);
  const uint64_t step = (uint64_t)gridDim.x * blockDim.x;
  for (uint64_t i = (uint64_t)blockIdx.x * blockDim.x + threadIdx.x; i < args.count; i += step) {
    if constexpr (is_integer<S>) out[i] = (S)(uint64_t)wrap_add(args.integer_start, wrap_mul((int64_t)i, args.integer_step));
    else out[i] = To<S>::from(args.start + (double)i * args.step);
  }
}
#define ST_ARANGE_KERNELS(type) \
  ST_KERNEL(arange_##type, st_arange_args, ST_KERNEL_BLOCK) { arange_kernel<dtype_##type>(args); }
#define ST_ARANGE_KERNELS_OF(type) ST_ARANGE_KERNELS(type)
#endif
#ifdef ST_TYPE
ST_ARANGE_KERNELS_OF(ST_TYPE)
#endif
