// out[index[i]] += alpha * in[i] for rows of `columns` contiguous elements: addRows_TYPE and addSegments_TYPE, for ST_TYPE. In addRows a thread owns a column of those rows of out whose number is that of its
// block modulo grid y, and adds in the order of i: the same bits with any grid.
//
// Note [Sums by sorted index]
// A long index is sorted first, stably: then every row of out has its terms side by side and in their order. The 32 threads of a warp take a segment, four columns each at a time, and keep
// the sum in registers; nobody else touches the row. An index that is very frequent is added up by one warp.
#include "fault.cuh"
#include "scalar/convert.h"

#ifndef ST_ADDROWS_KERNELS
/// sum + alpha x; of truth values, whether either is true.
template <class C> ST_CALL C plus_scaled(C sum, C alpha, C x) {
  if constexpr (is_bool<C>) return sum | (alpha & x);
  else return wrap_add(sum, wrap_mul(alpha, x));
}
template <class S> ST_DEVICE void add_rows(const st_take_rows_args &args) {
  typedef Compute<S> C;
  const C alpha = is_integer<C> ? To<C>::from((int64_t)args.alpha) : To<C>::from(args.alpha);
  for (uint64_t column = (uint64_t)blockIdx.x * blockDim.x + threadIdx.x; column < args.columns; column += (uint64_t)gridDim.x * blockDim.x)
    for (uint64_t i = 0; i < args.count; ++i) {
      const int64_t index = pointer<const int64_t>(args.index)[i];
      if (index == args.skip) continue;
      if (index < 0 || index >= args.extent) {
        if (column == 0 && blockIdx.y == 0) record_fault(args.fault, i, index);
        continue;
      }
      if ((uint64_t)index % gridDim.y != blockIdx.y) continue;
      S *to = (S *)(pointer<char>(args.out) + index * args.out_stride) + column;
      const S *from = (const S *)(pointer<const char>(args.in) + (int64_t)i * args.in_stride) + column;
      *to = Element<S>::store(plus_scaled(load_as(to), alpha, load_as(from)));
    }
}
/// keys and items: the index as sort.cu makes it of int64. Threads (32, rows of the block).
template <class S> ST_DEVICE void add_segments(const st_take_rows_args &args) {
  typedef Compute<S> C;
  constexpr int kColumns = 4;
  const C alpha = is_integer<C> ? To<C>::from((int64_t)args.alpha) : To<C>::from(args.alpha);
  const uint64_t *keys = pointer<const uint64_t>(args.keys), first = (uint64_t)blockIdx.y * 32 * kColumns + threadIdx.x;
  const uint32_t *items = pointer<const uint32_t>(args.items);
  for (uint64_t p = (uint64_t)blockIdx.x * blockDim.y + threadIdx.y; p < args.count; p += (uint64_t)gridDim.x * blockDim.y) {
    const uint64_t key = keys[p];
    const int64_t index = (int64_t)(key ^ 0x8000000000000000u);
    if (index == args.skip) continue;
    if (index < 0 || index >= args.extent) {
      if (first == 0) record_fault(args.fault, items[p], index);
      continue;
    }
    if (p > 0 && keys[p - 1] == key) continue;
    S *to = (S *)(pointer<char>(args.out) + index * args.out_stride) + first;
    C sum[kColumns];
#pragma unroll
    for (int k = 0; k < kColumns; ++k) sum[k] = first + 32 * k < args.columns ? load_as(to + 32 * k) : C{};
    for (uint64_t q = p; q < args.count && keys[q] == key; ++q) {
      const S *from = (const S *)(pointer<const char>(args.in) + (int64_t)items[q] * args.in_stride) + first;
#pragma unroll
      for (int k = 0; k < kColumns; ++k)
        if (first + 32 * k < args.columns) sum[k] = plus_scaled(sum[k], alpha, load_as(from + 32 * k));
    }
#pragma unroll
    for (int k = 0; k < kColumns; ++k)
      if (first + 32 * k < args.columns) to[32 * k] = Element<S>::store(sum[k]);
  }
}
#define ST_ADDROWS_KERNELS(type) \
  ST_KERNEL(addRows_##type, st_take_rows_args, ST_KERNEL_BLOCK) { add_rows<dtype_##type>(args); } \
  ST_KERNEL(addSegments_##type, st_take_rows_args, ST_KERNEL_BLOCK) { add_segments<dtype_##type>(args); }
#define ST_ADDROWS_KERNELS_OF(type) ST_ADDROWS_KERNELS(type)
#endif
#ifdef ST_TYPE
ST_ADDROWS_KERNELS_OF(ST_TYPE)
#endif
