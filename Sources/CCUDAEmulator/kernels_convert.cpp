// The conversions between all types.
#include "kernels.h"
#define ST_KERNEL_FILE "convert.cu"
namespace {
#include "convert.cu"
#include "erased.h"

template <class S, class R> struct WholeCall : ConvertCall<S, R> {
  WholeCall(const st_params &) {}
};
template <class S, class R, class Args> void whole(const void *args) { convert_kernel<S, R>(*(const Args *)args); }
template <int From, int To> void add_pair() {
  if constexpr (From != To) {
    typedef typename TypeOf<From>::Type S;
    typedef typename TypeOf<To>::Type R;
    const std::string symbol = std::string("convert_") + st_emulator::type_names[From] + "_" + st_emulator::type_names[To];
    if constexpr (From == 8) add_pointwise(symbol, ST_KERNEL_FILE, ST_EACH_WAY(whole<S, R));
    else add_pointwise(symbol, ST_KERNEL_FILE, ST_EACH_WAY(erased<WholeCall<S, R>, R, S, 1));
  }
}
template <int... Pair> void add_pairs(std::integer_sequence<int, Pair...>) { (add_pair<Pair / 15, Pair % 15>(), ...); }
__attribute__((constructor)) void add_kernels() { add_pairs(std::make_integer_sequence<int, 15 * 15>()); }
}  // namespace
