// out = condition ? a : b by element size: select_SIZE_run, select_SIZE_strided and select_SIZE_tiled, for ST_SIZE. Operands: out, condition (bool), a, b.
#include "pointwise.cuh"

#ifndef ST_SELECT_KERNELS
template <class U> struct SelectCall {
  ST_CALL U operator()(uint8_t condition, U a, U b) const { return condition ? a : b; }
};
template <class U, class Args> ST_DEVICE void select_kernel(const Args &args) {
  SelectCall<U> call;
  pointwise<U, uint8_t, U, 3>(args, call);
}
#define ST_SELECT_KERNELS(size) ST_POINTWISE_KERNELS(select_##size, 1, select_kernel<BitsOf<size>::Type>)
#define ST_SELECT_KERNELS_OF(size) ST_SELECT_KERNELS(size)
#endif
#ifdef ST_SIZE
ST_SELECT_KERNELS_OF(ST_SIZE)
#endif
