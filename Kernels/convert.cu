// Conversions between element types: convert_FROM_TO_run, convert_FROM_TO_strided and convert_FROM_TO_tiled, for ST_FROM and ST_TO.
#include "pointwise.cuh"
#include "scalar/convert.h"

#ifndef ST_CONVERT_KERNELS
template <class S, class R> struct ConvertCall {
  ST_CALL R operator()(S x, S, S) const { return To<R>::from(x); }
};
template <class S, class R, class Args> ST_DEVICE void convert_kernel(const Args &args) {
  ConvertCall<S, R> call;
  pointwise<R, S, S, 1>(args, call);
}
#define ST_CONVERT_KERNELS(from, to) ST_POINTWISE_KERNELS(convert_##from##_##to, 1, convert_kernel<dtype_##from, dtype_##to>)
#define ST_CONVERT_KERNELS_OF(from, to) ST_CONVERT_KERNELS(from, to)
#endif
#ifdef ST_FROM
ST_CONVERT_KERNELS_OF(ST_FROM, ST_TO)
#endif
