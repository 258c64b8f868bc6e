// Copies of elements by their size: copy_SIZE_run, copy_SIZE_strided, and copy_SIZE_transpose for matrices whose rows are columns in the other, for ST_SIZE.
#include "pointwise.cuh"

#ifndef ST_COPY_KERNELS
template <class U> struct CopyCall {
  ST_CALL U operator()(U x, U, U) const { return x; }
};
template <class U, class Args> ST_DEVICE void copy_kernel(const Args &args) {
  CopyCall<U> call;
  if constexpr (is_same<Args, st_run_args>) pointwise_run<U, U, U, 1>(args, call);
  else pointwise_strided<U, U, U, 1>(args, call);
}

/// out[r, c] = in[r, c] where out is contiguous along dim 0 and in along dim 1: through a tile of shared memory, so that both sides are read and written along their lines.
/// Sizes: dim 0 (columns of out), dim 1 (rows), dim 2 and on: batches. Threads (32, 8); grid x: tiles of 32 x 32, first along dim 0; grid y: any, over batches.
constexpr int kTile = 32, kTilePitch = 33;
template <class U> ST_DEVICE void transpose_kernel(const st_strided_args &args) {
  ST_SHARED(U, tile, kTile * kTilePitch);
  const uint32_t columns = args.size[0].divisor, rows = args.size[1].divisor, across = (columns + kTile - 1) / kTile;
  const uint32_t c0 = blockIdx.x % across * kTile, r0 = blockIdx.x / across * kTile, batches = args.count / (columns * rows);
  for (uint32_t batch = blockIdx.y; batch < batches; batch += gridDim.y) {
    uint32_t rest = batch;
    int64_t to = 0, from = 0;
    for (uint32_t d = 2; d < args.rank; ++d) {
      const uint32_t quotient = d + 1 == args.rank ? 0 : divide(rest, args.size[d]), digit = rest - quotient * args.size[d].divisor;
      to += digit * args.stride[0][d];
      from += digit * args.stride[1][d];
      rest = quotient;
    }
    for (uint32_t k = threadIdx.y; k < kTile; k += 8) {
      const uint32_t c = c0 + k, r = r0 + threadIdx.x;
      if (c < columns && r < rows) tile[k * kTilePitch + threadIdx.x] = *(const U *)(pointer<const char>(args.address[1]) + from + c * args.stride[1][0] + r * args.stride[1][1]);
    }
    __syncthreads();
    for (uint32_t k = threadIdx.y; k < kTile; k += 8) {
      const uint32_t c = c0 + threadIdx.x, r = r0 + k;
      if (c < columns && r < rows) *(U *)(pointer<char>(args.address[0]) + to + c * args.stride[0][0] + r * args.stride[0][1]) = tile[threadIdx.x * kTilePitch + k];
    }
    __syncthreads();
  }
}
#define ST_COPY_KERNELS(size) \
  ST_KERNEL(copy_##size##_run, st_run_args, ST_KERNEL_BLOCK) { copy_kernel<BitsOf<size>::Type>(args); } \
  ST_KERNEL(copy_##size##_strided, st_strided_args, ST_KERNEL_BLOCK) { copy_kernel<BitsOf<size>::Type>(args); } \
  ST_KERNEL(copy_##size##_transpose, st_strided_args, ST_KERNEL_BLOCK) { transpose_kernel<BitsOf<size>::Type>(args); }
#define ST_COPY_KERNELS_OF(size) ST_COPY_KERNELS(size)
#endif
#ifdef ST_SIZE
ST_COPY_KERNELS_OF(ST_SIZE)
#endif
