// Writing by index: scatter_OP_TYPE and scatterSegments_OP_TYPE for ST_OP (replace, sum, prod, max, min) and ST_TYPE. Where several sources meet one place they are combined in their
// order, as on the CPU: a line along the indexed dim belongs to one thread; or, where there are few long lines, an element of out with all its sources does, whose order comes from sorting
// the lines (Note [Sums by sorted index]).
#include "fault.cuh"
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
        record_fault(args.fault, line * args.along + i, index);
        continue;
      }
      S *to = (S *)(pointer<char>(args.out) + out + index * args.out_along);
      const S *from = (const S *)(pointer<const char>(args.source) + source + i * args.source_along);
      *to = Element<S>::store(Op::f(load_as(to), load_as(from)));
    }
  }
}
/// keys and items: the lines of the index, each sorted as sort.cu does int64.
template <class Op, class S> ST_DEVICE void scatter_segments(const st_scatter_args &args) {
  const uint64_t *keys = pointer<const uint64_t>(args.keys);
  const uint32_t *items = pointer<const uint32_t>(args.items), count = args.count * args.along;
  for (uint32_t p = blockIdx.x * blockDim.x + threadIdx.x; p < count; p += gridDim.x * blockDim.x) {
    const uint32_t line = p / args.along, end = (line + 1) * args.along;
    const uint64_t key = keys[p];
    const int64_t index = (int64_t)(key ^ 0x8000000000000000u);
    if (index < 0 || index >= args.extent) {
      record_fault(args.fault, line * args.along + items[p], index);
      continue;
    }
    if (p > line * args.along && keys[p - 1] == key) continue;
    int64_t out = 0, source = 0;
    if (args.rank > 0) {
      offsets_of<1>(line, args.rank, args.size, &args.out_stride, &out);
      offsets_of<1>(line, args.rank, args.size, &args.source_stride, &source);
    }
    S *to = (S *)(pointer<char>(args.out) + out + index * args.out_along);
    Compute<S> value = load_as(to);
    for (uint32_t q = p; q < end && keys[q] == key; ++q) value = Op::f(value, load_as((const S *)(pointer<const char>(args.source) + source + items[q] * args.source_along)));
    *to = Element<S>::store(value);
  }
}
#define ST_SCATTER_KERNELS(op, type) \
  ST_KERNEL(scatter_##op##_##type, st_scatter_args, ST_KERNEL_BLOCK) { scatter_kernel<scattering::op, dtype_##type>(args); } \
  ST_KERNEL(scatterSegments_##op##_##type, st_scatter_args, ST_KERNEL_BLOCK) { scatter_segments<scattering::op, dtype_##type>(args); }
#define ST_SCATTER_KERNELS_OF(op, type) ST_SCATTER_KERNELS(op, type)
#endif
#ifdef ST_OP
ST_SCATTER_KERNELS_OF(ST_OP, ST_TYPE)
#endif
