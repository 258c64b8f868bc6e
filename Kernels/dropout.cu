// Dropout in PyTorch's stream and its gradient: dropout_TYPE, dropoutBackward_TYPE_run and its fellows, for ST_TYPE.
#include "draw.cuh"
#include "pointwise.cuh"

#ifndef ST_DROPOUT_KERNELS
/// What is dropped is multiplied by 0, as PyTorch does it: an infinity becomes NaN.
template <class S> ST_DEVICE void dropout(const st_dropout_args &args) {
  typedef Compute<S> C;
  constexpr int V = 16 / sizeof(S);
  const uint64_t threads = (uint64_t)gridDim.x * blockDim.x, thread = (uint64_t)blockIdx.x * blockDim.x + threadIdx.x;
  const uint32_t neighbours = (uint32_t)args.neighbours;
  const C keep = (C)args.keep, scale = (C)args.scale;
  S *y = pointer<S>(args.y);
  const S *x = pointer<const S>(args.x);
  bool *kept = pointer<bool>(args.kept);
  uint64_t seed, block;
  stream_of(args, seed, block);
  PhiloxWords w = {};
  if (V >= 4 && neighbours == V && ((args.y | args.x) & 15) == 0 && args.kept % V == 0) {
    for (uint64_t i = thread * V; i < args.count; i += threads * V) {
      Pack<S, V> p = *(const Pack<S, V> *)(x + i);
      Pack<bool, V> k;
#pragma unroll
      for (int v = 0; v < V; ++v) {
        if (v % 4 == 0) w = philox(seed, thread, block++);
        k.element[v] = (C)drawing::unit(w.word[v % 4]) < keep;
        p.element[v] = Element<S>::store(Element<S>::load(p.element[v]) * (k.element[v] ? scale : C(0)));
      }
      *(Pack<S, V> *)(y + i) = p;
      if (kept) *(Pack<bool, V> *)(kept + i) = k;
    }
    return;
  }
  // A thread takes words one after the other.
  uint32_t taken = 0;
  for (uint64_t i = thread * neighbours; i < args.count; i += threads * neighbours)
    for (uint64_t at = i; at < i + neighbours; ++at, ++taken) {
      if (taken % 4 == 0) w = philox(seed, thread, block++);
      const uint32_t n = taken % 4, word = n == 0 ? w.word[0] : n == 1 ? w.word[1] : n == 2 ? w.word[2] : w.word[3];
      const bool stays = (C)drawing::unit(word) < keep;
      y[at] = Element<S>::store(Element<S>::load(x[at]) * (stays ? scale : C(0)));
      if (kept) kept[at] = stays;
    }
}

/// The gradient, from where was kept and the gradient of the result. f[0] = scale.
template <class S> struct DropoutBackward {
  st_params p;
  ST_CALL S operator()(bool kept, S g, S) const { return Element<S>::store(Element<S>::load(g) * (kept ? (Compute<S>)p.f[0] : Compute<S>(0))); }
};
template <class S, class Args> ST_DEVICE void dropout_backward(const Args &args) {
  DropoutBackward<S> call = {args.params};
  pointwise<S, bool, S, 2>(args, call);
}
// All blocks of dropout's grid shall run at once.
#define ST_DROPOUT_KERNELS(type) \
  ST_KERNEL_RESIDENT(dropout_##type, st_dropout_args, ST_KERNEL_BLOCK, 8) { dropout<dtype_##type>(args); } \
  ST_POINTWISE_KERNELS(dropoutBackward_##type, 1, dropout_backward<dtype_##type>)
#define ST_DROPOUT_KERNELS_OF(type) ST_DROPOUT_KERNELS(type)
#endif
#ifdef ST_TYPE
ST_DROPOUT_KERNELS_OF(ST_TYPE)
#endif
