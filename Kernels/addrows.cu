// out[index[i]] += alpha * in[i] for rows of `columns` contiguous elements: addRows_TYPE, for ST_TYPE. A thread owns a column of those rows of out whose number is that of its
// block modulo grid y, and adds in the order of i: the same bits with any grid.
#include "preamble.cuh"
#include "scalar/convert.h"

#ifndef ST_ADDROWS_KERNELS
template <class S> ST_DEVICE void add_rows(const st_take_rows_args &args) {
  typedef Compute<S> C;
  const C alpha = is_integer<C> ? To<C>::from((int64_t)args.alpha) : To<C>::from(args.alpha);
  for (uint64_t column = (uint64_t)blockIdx.x * blockDim.x + threadIdx.x; column < args.columns; column += (uint64_t)gridDim.x * blockDim.x)
    for (uint64_t i = 0; i < args.count; ++i) {
      const int64_t index = pointer<const int64_t>(args.index)[i];
      if (index == args.skip) continue;
      if (index < 0 || index >= args.extent) {
        if (args.fault && column == 0 && blockIdx.y == 0) atomicMin(pointer<uint32_t>(args.fault), (uint32_t)i);
        continue;
      }
      if ((uint64_t)index % gridDim.y != blockIdx.y) continue;
      S *to = (S *)(pointer<char>(args.out) + index * args.out_stride) + column;
      const S *from = (const S *)(pointer<const char>(args.in) + (int64_t)i * args.in_stride) + column;
      *to = Element<S>::store(wrap_add(load_as(to), wrap_mul(alpha, load_as(from))));
    }
}
#define ST_ADDROWS_KERNELS(type) \
  ST_KERNEL(addRows_##type, st_take_rows_args, ST_KERNEL_BLOCK) { add_rows<dtype_##type>(args); }
#define ST_ADDROWS_KERNELS_OF(type) ST_ADDROWS_KERNELS(type)
#endif
#ifdef ST_TYPE
ST_ADDROWS_KERNELS_OF(ST_TYPE)
#endif
