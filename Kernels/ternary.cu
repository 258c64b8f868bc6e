// Ternary operators: ternary_OP_TYPE_run, ternary_OP_TYPE_strided and ternary_OP_TYPE_tiled, for ST_OP and ST_TYPE.
#include "pointwise.cuh"

#ifndef ST_TERNARY_KERNELS
template <class Op, class S> struct TernaryCall {
  st_params p;
  ST_CALL S operator()(S x, S y, S z) const { return Element<S>::store(Op::f(Element<S>::load(x), Element<S>::load(y), Element<S>::load(z), p)); }
};
template <class Op, class S, class Args> ST_DEVICE void ternary_kernel(const Args &args) {
  TernaryCall<Op, S> call = {args.params};
  pointwise<S, S, S, 3>(args, call);
}
#define ST_TERNARY_KERNELS(op, type) ST_POINTWISE_KERNELS(ternary_##op##_##type, 1, ternary_kernel<ternary::op, dtype_##type>)
#define ST_TERNARY_KERNELS_OF(op, type) ST_TERNARY_KERNELS(op, type)
#endif
#ifdef ST_OP
ST_TERNARY_KERNELS_OF(ST_OP, ST_TYPE)
#endif
