// Reading by index, by element size: gather_SIZE and takeRows_SIZE, for ST_SIZE; findZero_SIZE looks for an integer that is 0. takeRows moves units of ST_SIZE bytes, which must divide addresses, strides and row bytes.
#include "fault.cuh"
#include "pointwise.cuh"

#ifndef ST_GATHER_KERNELS
/// Whether an index is good; the least position of a bad one is kept.
ST_DEVICE bool is_within(int64_t index, int64_t extent, st_address fault, uint64_t position) {
  if (index >= 0 && index < extent) return true;
  record_fault(fault, position, index);
  return false;
}
template <class U> ST_DEVICE void gather_kernel(const st_gather_args &args) {
  for (uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < args.count; i += gridDim.x * blockDim.x) {
    int64_t walked, at, indexed;
    offsets_of<1>(i, args.rank, args.size, &args.walked_stride, &walked);
    offsets_of<1>(i, args.rank, args.size, &args.index_stride, &at);
    offsets_of<1>(i, args.rank, args.size, &args.indexed_stride, &indexed);
    const int64_t index = *(const int64_t *)(pointer<const char>(args.index) + at);
    if (!is_within(index, args.extent, args.fault, i)) continue;
    *(U *)(pointer<char>(args.walked) + walked) = *(const U *)(pointer<const char>(args.indexed) + indexed + index * args.dim_stride);
  }
}
template <class U> ST_DEVICE void take_rows(const st_take_rows_args &args) {
  const uint64_t units = args.row_bytes / sizeof(U);
  for (uint64_t r = blockIdx.x; r < args.count; r += gridDim.x) {
    const int64_t index = pointer<const int64_t>(args.index)[r];
    if (!is_within(index, args.extent, threadIdx.x == 0 ? args.fault : 0, r)) continue;
    U *to = (U *)(pointer<char>(args.out) + (int64_t)r * args.out_stride);
    const U *from = (const U *)(pointer<const char>(args.in) + index * args.in_stride);
    for (uint64_t k = threadIdx.x; k < units; k += blockDim.x) to[k] = from[k];
  }
}
/// walked: the contiguous elements.
template <class U> ST_DEVICE void find_zero(const st_gather_args &args) {
  const U *x = pointer<const U>(args.walked);
  for (uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < args.count; i += gridDim.x * blockDim.x)
    if (x[i] == U(0)) record_fault(args.fault, i, 0);
}
#define ST_GATHER_KERNELS(size) \
  ST_KERNEL(gather_##size, st_gather_args, ST_KERNEL_BLOCK) { gather_kernel<BitsOf<size>::Type>(args); } \
  ST_KERNEL(takeRows_##size, st_take_rows_args, ST_KERNEL_BLOCK) { take_rows<BitsOf<size>::Type>(args); } \
  ST_KERNEL(findZero_##size, st_gather_args, ST_KERNEL_BLOCK) { find_zero<BitsOf<size < 16 ? size : 8>::Type>(args); }
#define ST_GATHER_KERNELS_OF(size) ST_GATHER_KERNELS(size)
#endif
#ifdef ST_SIZE
ST_GATHER_KERNELS_OF(ST_SIZE)
#endif
