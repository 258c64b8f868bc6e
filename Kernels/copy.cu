// Copies of elements by their size: copy_SIZE_run, copy_SIZE_strided and copy_SIZE_tiled, for ST_SIZE.
#include "pointwise.cuh"

#ifndef ST_COPY_KERNELS
template <class U> struct CopyCall {
  ST_CALL U operator()(U x, U, U) const { return x; }
};
template <class U, class Args> ST_DEVICE void copy_kernel(const Args &args) {
  CopyCall<U> call;
  pointwise<U, U, U, 1>(args, call);
}

/// The same in tiles where out is contiguous along dim 0 and in along dim 1: through shared memory, so that both sides are read and written along their lines.
constexpr int kTilePitch = ST_TILE + 1, kStep = ST_KERNEL_BLOCK / ST_TILE;
template <class U> ST_DEVICE void copy_kernel(const st_tiled_args &args) {
  ST_SHARED(U, shared, ST_TILE * kTilePitch);
  const uint32_t x = threadIdx.x % ST_TILE, y = threadIdx.x / ST_TILE;
  each_tile(args, [&](const Tile &tile) {
    const uint32_t columns = args.size[0].divisor - tile.column, rows = args.size[1].divisor - tile.row;
    char *at[2];
    tile.find(args, at);
#pragma unroll
    for (uint32_t k = y; k < y + ST_TILE; k += kStep)
      if (k < columns && x < rows) shared[k * kTilePitch + x] = *(const U *)(at[1] + k * args.stride[1][0] + x * args.stride[1][1]);
    __syncthreads();
#pragma unroll
    for (uint32_t k = y; k < y + ST_TILE; k += kStep)
      if (x < columns && k < rows) *(U *)(at[0] + x * args.stride[0][0] + k * args.stride[0][1]) = shared[x * kTilePitch + k];
    __syncthreads();
  });
}
#define ST_COPY_KERNELS(size) ST_POINTWISE_KERNELS(copy_##size, 1, copy_kernel<BitsOf<size>::Type>)
#define ST_COPY_KERNELS_OF(size) ST_COPY_KERNELS(size)
#endif
#ifdef ST_SIZE
ST_COPY_KERNELS_OF(ST_SIZE)
#endif
