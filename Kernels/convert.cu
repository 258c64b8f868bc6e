// Conversions between element types: convert_FROM_TO_run and convert_FROM_TO_strided, for ST_FROM and ST_TO.
#include "pointwise.cuh"
#include "scalar/convert.h"

#ifndef ST_CONVERT_KERNELS
template <class S, class R> struct ConvertCall {
  ST_CALL R operator()(S x, S, S) const { return To<R>::from(x); }
};
template <class S, class R, class Args> ST_DEVICE void convert_kernel(const Args &args) {
  ConvertCall<S, R> call;
  if constexpr (is_same<Args, st_run_args>) pointwise_run<R, S, S, 1>(args, call);
  else pointwise_strided<R, S, S, 1>(args, call);
}
#define ST_CONVERT_KERNELS(from, to) \
  ST_KERNEL(convert_##from##_##to##_run, st_run_args, ST_KERNEL_BLOCK) { convert_kernel<dtype_##from, dtype_##to>(args); } \
  ST_KERNEL(convert_##from##_##to##_strided, st_strided_args, ST_KERNEL_BLOCK) { convert_kernel<dtype_##from, dtype_##to>(args); }
#define ST_CONVERT_KERNELS_OF(from, to) ST_CONVERT_KERNELS(from, to)
#endif
#ifdef ST_FROM
ST_CONVERT_KERNELS_OF(ST_FROM, ST_TO)
#endif
