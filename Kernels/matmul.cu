// c = alpha a b + beta c (+ bias of each column) for any strides, batched: matmul_TYPE, for ST_TYPE. Where cuBLASLt is missing, and for the emulator.
// A block makes 64 x 64 elements of c, each of its 256 threads 4 x 4 in registers, from slices of a and b in shared memory.
#include "preamble.cuh"
#include "scalar/convert.h"

#ifndef ST_MATMUL_KERNELS
constexpr uint32_t kSide = 64, kDepth = 16, kPitch = kSide + 4;

template <class S> ST_DEVICE void matmul_kernel(const st_matmul_args &args) {
  typedef Compute<S> C;
  ST_SHARED(C, a_slice, kDepth * kPitch);
  ST_SHARED(C, b_slice, kDepth * kPitch);
  const uint32_t thread = threadIdx.x, row0 = blockIdx.y * kSide, column0 = blockIdx.x * kSide, tr = thread / 16 * 4, tc = thread % 16 * 4;
  const C alpha = To<C>::from(args.alpha), beta = To<C>::from(args.beta);
  // Neighbouring threads read neighbouring elements, whichever way the matrix lies.
  const bool a_along_k = args.a_column == 1 || args.a_row != 1, b_along_n = args.b_column == 1 || args.b_row != 1;
  for (uint32_t batch = blockIdx.z; batch < args.batch; batch += gridDim.z) {
    const S *a = pointer<const S>(args.a) + batch * args.a_batch, *b = pointer<const S>(args.b) + batch * args.b_batch;
    C sum[4][4];
#pragma unroll
    for (int i = 0; i < 4; ++i)
#pragma unroll
      for (int j = 0; j < 4; ++j) sum[i][j] = zero_of<C>();
    for (uint32_t k0 = 0; k0 < args.k; k0 += kDepth) {
#pragma unroll
      for (uint32_t e = 0; e < kSide * kDepth / 256; ++e) {
        const uint32_t place = e * 256 + thread;
        const uint32_t ak = a_along_k ? place % kDepth : place / kSide, am = a_along_k ? place / kDepth : place % kSide;
        const uint32_t bk = b_along_n ? place / kSide : place % kDepth, bn = b_along_n ? place % kSide : place / kDepth;
        C x = zero_of<C>(), y = zero_of<C>();
        if (row0 + am < args.m && k0 + ak < args.k) x = load_as(a + (int64_t)(row0 + am) * args.a_row + (int64_t)(k0 + ak) * args.a_column);
        if (column0 + bn < args.n && k0 + bk < args.k) y = load_as(b + (int64_t)(k0 + bk) * args.b_row + (int64_t)(column0 + bn) * args.b_column);
        a_slice[ak * kPitch + am] = x;
        b_slice[bk * kPitch + bn] = y;
      }
      __syncthreads();
#pragma unroll
      for (uint32_t k = 0; k < kDepth; ++k) {
        C x[4], y[4];
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          x[i] = a_slice[k * kPitch + tr + i];
          y[i] = b_slice[k * kPitch + tc + i];
        }
#pragma unroll
        for (int i = 0; i < 4; ++i)
#pragma unroll
          for (int j = 0; j < 4; ++j) sum[i][j] = wrap_add(sum[i][j], wrap_mul(x[i], y[j]));
      }
      __syncthreads();
    }
    S *c = pointer<S>(args.c) + batch * args.c_batch;
    const S *bias = pointer<const S>(args.bias);
#pragma unroll
    for (int i = 0; i < 4; ++i)
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const uint32_t row = row0 + tr + i, column = column0 + tc + j;
        if (row >= args.m || column >= args.n) continue;
        S *to = c + (int64_t)row * args.c_row + column;
        C value = wrap_mul(alpha, sum[i][j]);
        // beta 0 never reads c, which may be uninitialised.
        if (args.beta != 0.0) value = wrap_add(value, wrap_mul(beta, load_as(to)));
        if (bias) value = wrap_add(value, load_as(bias + column));
        *to = Element<S>::store(value);
      }
  }
}
#define ST_MATMUL_KERNELS(type) \
  ST_KERNEL(matmul_##type, st_matmul_args, 256) { matmul_kernel<dtype_##type>(args); }
#define ST_MATMUL_KERNELS_OF(type) ST_MATMUL_KERNELS(type)
#endif
#ifdef ST_TYPE
ST_MATMUL_KERNELS_OF(ST_TYPE)
#endif
