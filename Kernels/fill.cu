// Fills with one element: fill_SIZE_run and fill_SIZE_strided, for ST_SIZE.
#include "pointwise.cuh"

#ifndef ST_FILL_KERNELS
template <class U> ST_DEVICE U fill_value(const st_fill_args &args) {
  U value;
  __builtin_memcpy(&value, args.value, sizeof(U));
  return value;
}
template <class U> ST_DEVICE void fill_run(const st_fill_args &args) {
  constexpr int V = 16 / sizeof(U);
  U *out = pointer<U>(args.address);
  const U value = fill_value<U>(args);
  Pack<U, V> pack;
#pragma unroll
  for (int v = 0; v < V; ++v) pack.element[v] = value;
  const uint64_t count = args.count, packs = args.address & 15 ? 0 : count / V, step = (uint64_t)gridDim.x * blockDim.x, first = (uint64_t)blockIdx.x * blockDim.x + threadIdx.x;
  for (uint64_t i = first; i < packs; i += step) ((Pack<U, V> *)out)[i] = pack;
  for (uint64_t i = packs * V + first; i < count; i += step) out[i] = value;
}
template <class U> ST_DEVICE void fill_strided(const st_fill_args &args) {
  const U value = fill_value<U>(args);
  const uint32_t count = (uint32_t)args.count, step = gridDim.x * blockDim.x;
  for (uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += step) {
    int64_t offset;
    offsets_of<1>(i, args.rank, args.size, &args.stride, &offset);
    *(U *)(pointer<char>(args.address) + offset) = value;
  }
}
#define ST_FILL_KERNELS(size) \
  ST_KERNEL(fill_##size##_run, st_fill_args, ST_KERNEL_BLOCK) { fill_run<BitsOf<size>::Type>(args); } \
  ST_KERNEL(fill_##size##_strided, st_fill_args, ST_KERNEL_BLOCK) { fill_strided<BitsOf<size>::Type>(args); }
#define ST_FILL_KERNELS_OF(size) ST_FILL_KERNELS(size)
#endif
#ifdef ST_SIZE
ST_FILL_KERNELS_OF(ST_SIZE)
#endif
