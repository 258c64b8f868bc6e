// Ternary operators: ternary_OP_TYPE_run and ternary_OP_TYPE_strided, for ST_OP and ST_TYPE.
#include "pointwise.cuh"

#ifndef ST_TERNARY_KERNELS
template <class Op, class S> struct TernaryCall {
  st_params p;
  ST_CALL S operator()(S x, S y, S z) const { return Element<S>::store(Op::f(Element<S>::load(x), Element<S>::load(y), Element<S>::load(z), p)); }
};
template <class Op, class S, class Args> ST_DEVICE void ternary_kernel(const Args &args) {
  TernaryCall<Op, S> call = {args.params};
  if constexpr (is_same<Args, st_run_args>) pointwise_run<S, S, S, 3>(args, call);
  else pointwise_strided<S, S, S, 3>(args, call);
}
#define ST_TERNARY_KERNELS(op, type) \
  ST_KERNEL(ternary_##op##_##type##_run, st_run_args, ST_KERNEL_BLOCK) { ternary_kernel<ternary::op, dtype_##type>(args); } \
  ST_KERNEL(ternary_##op##_##type##_strided, st_strided_args, ST_KERNEL_BLOCK) { ternary_kernel<ternary::op, dtype_##type>(args); }
#define ST_TERNARY_KERNELS_OF(op, type) ST_TERNARY_KERNELS(op, type)
#endif
#ifdef ST_OP
ST_TERNARY_KERNELS_OF(ST_OP, ST_TYPE)
#endif
