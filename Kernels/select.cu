// out = condition ? a : b by element size: select_SIZE_run and select_SIZE_strided, for ST_SIZE. Operands: out, condition (bool), a, b.
#include "pointwise.cuh"

#ifndef ST_SELECT_KERNELS
template <class U> struct SelectCall {
  ST_CALL U operator()(uint8_t condition, U a, U b) const { return condition ? a : b; }
};
template <class U, class Args> ST_DEVICE void select_kernel(const Args &args) {
  SelectCall<U> call;
  if constexpr (is_same<Args, st_run_args>) pointwise_run<U, uint8_t, U, 3>(args, call);
  else pointwise_strided<U, uint8_t, U, 3>(args, call);
}
#define ST_SELECT_KERNELS(size) \
  ST_KERNEL(select_##size##_run, st_run_args, ST_KERNEL_BLOCK) { select_kernel<BitsOf<size>::Type>(args); } \
  ST_KERNEL(select_##size##_strided, st_strided_args, ST_KERNEL_BLOCK) { select_kernel<BitsOf<size>::Type>(args); }
#define ST_SELECT_KERNELS_OF(size) ST_SELECT_KERNELS(size)
#endif
#ifdef ST_SIZE
ST_SELECT_KERNELS_OF(ST_SIZE)
#endif
