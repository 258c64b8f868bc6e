// Unary operators: unary_OP_TYPE_run (contiguous), unary_OP_TYPE_strided and unary_OP_TYPE_tiled, for ST_OP and ST_TYPE.
#include "pointwise.cuh"

#ifndef ST_UNARY_KERNELS
/// Operators with a cheaper way that 16 bits do not tell from the other: see gelu in scalar/unary.h.
template <class Op> concept HasBrief = requires(float x, const st_params &p) { Op::brief(x, p); };
/// Blocks whose registers have to fit a multiprocessor. Eight neighbours at once would take as many registers as there are, and leave few warps to compute while one waits for memory;
/// so much can be asked without spills.
template <class Op, class S> constexpr int unary_blocks() { return sizeof(S) != 2 || Op::special ? 1 : HasBrief<Op> ? 8 : 5; }
template <class Op, class S, class R> struct UnaryCall {
  typedef Op Operator;
  st_params p;
  ST_CALL R operator()(S x, S, S) const {
    if constexpr (HasBrief<Op> && sizeof(S) == 2) return Element<R>::store(Op::brief(Element<S>::load(x), p));
    else return Element<R>::store(Op::f(Element<S>::load(x), p));
  }
};
/// Runs a cheaper functor for some parameters: see powScalar in scalar/unary.h.
template <class S, class R, class Args> struct UnaryRun {
  const Args &args;
  template <class Op> ST_CALL void run() const {
    UnaryCall<Op, S, R> call = {args.params};
    pointwise<R, S, S, 1>(args, call);
  }
};
template <class Op, class T, class Run> concept HasChoice = requires(const Run &run, const st_params &p) { Op::template choose<T>(run, p); };

template <class Op, int Kind, class S, class Args> ST_DEVICE void unary_kernel(const Args &args) {
  typedef typename ResultOf<Kind, S>::Type R;
  UnaryRun<S, R, Args> run = {args};
  if constexpr (HasChoice<Op, Compute<S>, UnaryRun<S, R, Args>>) {
    if (Op::template choose<Compute<S>>(run, args.params)) return;
  }
  run.template run<Op>();
}
namespace unary_result {
#define ST_UNARY(name, types, result) constexpr int name = ST_RESULT_##result;
#include "st_unary.def"
#undef ST_UNARY
}  // namespace unary_result

#define ST_UNARY_KERNELS(op, type) ST_POINTWISE_KERNELS(unary_##op##_##type, (unary_blocks<unary::op, dtype_##type>()), unary_kernel<unary::op, unary_result::op, dtype_##type>)
#define ST_UNARY_KERNELS_OF(op, type) ST_UNARY_KERNELS(op, type)
#endif
#ifdef ST_OP
ST_UNARY_KERNELS_OF(ST_OP, ST_TYPE)
#endif
