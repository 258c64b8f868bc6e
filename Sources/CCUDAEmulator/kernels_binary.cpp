// The binary operators' kernels, all types of the list.
#include "kernels.h"
#define ST_KERNEL_FILE "binary.cu"
namespace {
#include "binary.cu"
#include "erased.h"

template <class Op, int Kind, class S, class Args> void whole(const void *args) { binary_kernel<Op, Kind, S>(*(const Args *)args); }
template <class Op, int Kind, unsigned Types, int D> void add_type(const char *op) {
  if constexpr (Types >> D & 1) {
    typedef typename TypeOf<D>::Type S;
    typedef typename ResultOf<Kind, S>::Type R;
    const std::string symbol = std::string("binary_") + op + "_" + st_emulator::type_names[D];
    if constexpr (is_same<S, float> || (HasBits<Op> && sizeof(S) == 2)) add_pointwise(symbol, ST_KERNEL_FILE, ST_EACH_WAY(whole<Op, Kind, S));
    else add_pointwise(symbol, ST_KERNEL_FILE, ST_EACH_WAY(erased<BinaryCall<Op, S, R>, R, S, 2));
  }
}
template <class Op, int Kind, unsigned Types, int... D> void add_types(const char *op, std::integer_sequence<int, D...>) { (add_type<Op, Kind, Types, D>(op), ...); }
__attribute__((constructor)) void add_kernels() {
#define ST_BINARY(name, types, result) add_types<binary::name, ST_RESULT_##result, ST_TYPES_##types>(#name, std::make_integer_sequence<int, 15>());
#include "st_binary.def"
#undef ST_BINARY
}
}  // namespace
