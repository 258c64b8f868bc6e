// The reductions' kernels. The types of each operator are those of Tools/kernel_list.py.
#include "kernels.h"
#define ST_KERNEL_FILE "reduce.cu"
namespace {
#include "reduce.cu"

template <class Op, class S> void inner(const void *args) { reduce_inner<Op, S>(*(const st_reduce_args *)args); }
template <class Op, class S> void outer(const void *args) { reduce_outer<Op, S>(*(const st_reduce_args *)args); }
template <class Op> void finish(const void *args) { reduce_finish<Op>(*(const st_reduce_args *)args); }
template <template <class> class Op, unsigned Types, int D> void add_type(const char *op) {
  if constexpr (Types >> D & 1) {
    typedef typename TypeOf<D>::Type S;
    const std::string symbol = std::string("reduce_") + op + "_" + st_emulator::type_names[D];
    st_emulator::register_kernel(symbol + "_inner", ST_KERNEL_FILE, sizeof(st_reduce_args), inner<Op<S>, S>, ST_KERNEL_BLOCK);
    st_emulator::register_kernel(symbol + "_outer", ST_KERNEL_FILE, sizeof(st_reduce_args), outer<Op<S>, S>, ST_KERNEL_BLOCK);
    st_emulator::register_kernel(symbol + "_finish", ST_KERNEL_FILE, sizeof(st_reduce_args), finish<Op<S>>, ST_KERNEL_BLOCK);
  }
}
template <template <class> class Op, unsigned Types, int... D> void add_types(const char *op, std::integer_sequence<int, D...>) { (add_type<Op, Types, D>(op), ...); }
#define ADD(op, types) add_types<reduction::op, ST_TYPES_##types>(#op, ::std::make_integer_sequence<int, 15>());
__attribute__((constructor)) void add_kernels() {
  ADD(sum, NUM) ADD(nansum, FLT) ADD(prod, NUM) ADD(max, REALB) ADD(min, REALB) ADD(argmax, REALB) ADD(argmin, REALB) ADD(any, ANY) ADD(all, ANY)
  ADD(countNonzero, ANY) ADD(mean, FC) ADD(variance, FC) ADD(std, FC) ADD(norm, FC) ADD(logSumExp, FLT) ADD(wideSum, INTB) ADD(wideProd, INTB)
}
}  // namespace
