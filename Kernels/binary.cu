// Binary operators: binary_OP_TYPE_run (contiguous or one element), binary_OP_TYPE_strided and binary_OP_TYPE_tiled, for ST_OP and ST_TYPE.
#include "pointwise.cuh"

#ifndef ST_BINARY_KERNELS
template <class Op, class S, class R> struct BinaryCall {
  typedef Op Operator;
  st_params p;
  ST_CALL R operator()(S x, S y, S) const { return Element<R>::store(Op::f(Element<S>::load(x), Element<S>::load(y), p)); }
};
/// Operators that work on the stored bits of 16-bit floats: see nextafter in scalar/binary.h.
template <class Op> concept HasBits = requires { typename Op::template Bits<0>; };

template <class Op, int Kind, class S, class Args> ST_DEVICE void binary_kernel(const Args &args) {
  if constexpr (HasBits<Op> && sizeof(S) == 2) {
    typedef typename Op::template Bits<is_same<S, half> ? 0x7c00 : 0x7f80> OfBits;
    BinaryCall<OfBits, uint16_t, uint16_t> call = {args.params};
    pointwise<uint16_t, uint16_t, uint16_t, 2>(args, call);
  } else {
    typedef typename ResultOf<Kind, S>::Type R;
    BinaryCall<Op, S, R> call = {args.params};
    pointwise<R, S, S, 2>(args, call);
  }
}
namespace binary_result {
#define ST_BINARY(name, types, result) constexpr int name = ST_RESULT_##result;
#include "st_binary.def"
#undef ST_BINARY
}  // namespace binary_result

#define ST_BINARY_KERNELS(op, type) ST_POINTWISE_KERNELS(binary_##op##_##type, 1, binary_kernel<binary::op, binary_result::op, dtype_##type>)
#define ST_BINARY_KERNELS_OF(op, type) ST_BINARY_KERNELS(op, type)
#endif
#ifdef ST_OP
ST_BINARY_KERNELS_OF(ST_OP, ST_TYPE)
#endif
