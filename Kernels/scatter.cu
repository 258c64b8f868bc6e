// Writing by index: scatter_OP_TYPE for ST_OP (replace, sum, prod, max, min) and ST_TYPE. Where several sources meet one place they are combined in their order, as on the CPU:
// a line along the indexed dim belongs to one thread.
#include "pointwise.cuh"

#ifndef ST_SCATTER_KERNELS
namespace scattering {
struct replace { template <class C> ST_FN C f(C, C x) { return x; } };
struct sum {
  template <class C> ST_FN C f(C old, C x) {
    if constexpr (is_bool<C>) return old | x;
    else return wrap_add(old, x);
  }
};
struct prod {
  template <class C> ST_FN C f(C old, C x) {
    if constexpr (is_bool<C>) return old & x;
    else return wrap_mul(old, x);
  }
};
struct max { template <class C> ST_FN C f(C old, C x) { return x > old || x != x ? x : old; } };
struct min { template <class C> ST_FN C f(C old, C x) { return x < old || x != x ? x : old; } };
}  // namespace scattering

template <class Op, class S> ST_DEVICE void scatter_kernel(const st_scatter_args &args) {
  for (uint32_t line = blockIdx.x * blockDim.x + threadIdx.x; line < args.count; line += gridDim.x * blockDim.x) {
    int64_t out = 0, at = 0, source = 0;
    if (args.rank > 0) {
      offsets_of<1>(line, args.rank, args.size, &args.out_stride, &out);
      offsets_of<1>(line, args.rank, args.size, &args.index_stride, &at);
      offsets_of<1>(line, args.rank, args.size, &args.source_stride, &source);
    }
    for (uint32_t i = 0; i < args.along; ++i) {
      const int64_t index = *(const int64_t *)(pointer<const char>(args.index) + at + i * args.index_along);
      if (index < 0 || index >= args.extent) {
        if (args.fault) atomicMin(pointer<uint32_t>(args.fault), line * args.along + i);
        continue;
      }
      S *to = (S *)(pointer<char>(args.out) + out + index * args.out_along);
      const S *from = (const S *)(pointer<const char>(args.source) + source + i * args.source_along);
      *to = Element<S>::store(Op::f(load_as(to), load_as(from)));
    }
  }
}
#define ST_SCATTER_KERNELS(op, type) \
  ST_KERNEL(scatter_##op##_##type, st_scatter_args, ST_KERNEL_BLOCK) { scatter_kernel<scattering::op, dtype_##type>(args); }
#define ST_SCATTER_KERNELS_OF(op, type) ST_SCATTER_KERNELS(op, type)
#endif
#ifdef ST_OP
ST_SCATTER_KERNELS_OF(ST_OP, ST_TYPE)
#endif
