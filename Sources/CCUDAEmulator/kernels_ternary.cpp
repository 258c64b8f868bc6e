// The ternary operators' kernels, all types of the list.
#include "kernels.h"
#define ST_KERNEL_FILE "ternary.cu"
namespace {
#include "ternary.cu"
#include "erased.h"

template <class Op, int Kind, class S, class Args> void whole(const void *args) { ternary_kernel<Op, S>(*(const Args *)args); }
template <class Op, int Kind, unsigned Types, int D> void add_type(const char *op) {
  if constexpr (Types >> D & 1) {
    typedef typename TypeOf<D>::Type S;
    typedef typename ResultOf<Kind, S>::Type R;
    const std::string symbol = std::string("ternary_") + op + "_" + st_emulator::type_names[D];
    if constexpr (is_same<S, float>) add_pointwise(symbol, ST_KERNEL_FILE, ST_EACH_WAY(whole<Op, Kind, S));
    else add_pointwise(symbol, ST_KERNEL_FILE, ST_EACH_WAY(erased<TernaryCall<Op, S>, R, S, 3));
  }
}
template <class Op, int Kind, unsigned Types, int... D> void add_types(const char *op, std::integer_sequence<int, D...>) { (add_type<Op, Kind, Types, D>(op), ...); }
__attribute__((constructor)) void add_kernels() {
#define ST_TERNARY(name, types, result) add_types<ternary::name, ST_RESULT_##result, ST_TYPES_##types>(#name, std::make_integer_sequence<int, 15>());
#include "st_ternary.def"
#undef ST_TERNARY
}
}  // namespace
