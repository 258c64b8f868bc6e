// Pointwise kernels whose loops are compiled once per size of elements, not per operator and type. Included in a wrapper's namespace after pointwise.cuh.
//
// Note [Erased kernels]
// Two loops for each of a thousand operators and types would take minutes to compile. So a float32 kernel is compiled as it is, and the others share loops over elements without
// a type, which call the operator through a pointer: the loops and the operators are still those of the kernels.

/// The operator on single elements: out, and up to three operands.
typedef void (*ElementFunction)(void *out, const void *x, const void *y, const void *z, const st_params &p);
template <int OutBytes, int InBytes> struct ErasedCall {
  typedef typename BitsOf<OutBytes>::Type R;
  typedef typename BitsOf<InBytes>::Type S;
  ElementFunction function;
  st_params p;
  R operator()(S x, S y, S z) const {
    R out;
    function(&out, &x, &y, &z, p);
    return out;
  }
};
template <int OutBytes, int InBytes, int K, class Args> __attribute__((noinline)) void erased_loop(ElementFunction function, const Args &args) {
  typedef ErasedCall<OutBytes, InBytes> Call;
  Call call = {function, {}};
  if constexpr (requires { args.params; }) call.p = args.params;
  typedef typename Call::R R;
  typedef typename Call::S S;
  pointwise<R, S, S, K>(args, call);
}
template <class Call, class R, class S> void element(void *out, const void *x, const void *y, const void *z, const st_params &p) {
  const Call call = {p};
  *(R *)out = call(*(const S *)x, *(const S *)y, *(const S *)z);
}
/// A registered kernel of the call over elements S to R.
template <class Call, class R, class S, int K, class Args> void erased(const void *args) {
  erased_loop<sizeof(R), sizeof(S), K>(element<Call, R, S>, *(const Args *)args);
}
/// The three kernels of an operator.
struct PointwiseKernels { void (*run)(const void *), (*strided)(const void *), (*tiled)(const void *); };
// A function template whose last parameter is the arguments' type.
#define ST_EACH_WAY(...) PointwiseKernels{__VA_ARGS__, st_run_args>, __VA_ARGS__, st_strided_args>, __VA_ARGS__, st_tiled_args>}
inline void add_pointwise(const std::string &symbol, const char *file, const PointwiseKernels &kernels) {
  st_emulator::register_kernel(symbol + "_run", file, sizeof(st_run_args), kernels.run, ST_KERNEL_BLOCK);
  st_emulator::register_kernel(symbol + "_strided", file, sizeof(st_strided_args), kernels.strided, ST_KERNEL_BLOCK);
  st_emulator::register_kernel(symbol + "_tiled", file, sizeof(st_tiled_args), kernels.tiled, ST_KERNEL_BLOCK);
}
