// Cooperation of the threads of a block.
#ifndef ST_BLOCK
#define ST_BLOCK
#include "preamble.cuh"

struct Add { template <class T> ST_CALL T operator()(T a, T b) const { return a + b; } };
/// NaN wins.
struct Greater { template <class T> ST_CALL T operator()(T a, T b) const { return b > a || b != b ? b : a; } };

/// All lanes get the same bits: each step joins the same two values on both sides.
template <class T, class F> ST_DEVICE T warp_reduce(T x, const F &join) {
#pragma unroll
  for (int lanes = 16; lanes > 0; lanes /= 2) {
    const T other = __shfl_xor_sync(0xffffffffu, x, lanes);
    x = threadIdx.x & lanes ? join(other, x) : join(x, other);
  }
  return x;
}
/// The same over all threads of a block of one dim, a multiple of 32.
template <class T, class F> ST_DEVICE T block_reduce(T x, const F &join) {
  ST_SHARED(T, parts, 32);
  const uint32_t warps = blockDim.x / 32;
  x = warp_reduce(x, join);
  // The parts of an earlier reduction have been read by all.
  __syncthreads();
  if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = x;
  __syncthreads();
  x = parts[0];
  for (uint32_t w = 1; w < warps; ++w) x = join(x, parts[w]);
  return x;
}

/// A row of up to 32 bytes a thread (as computed with) stays in registers; of a longer one the rest is read again each time.
/// Calls f(column, element) for the columns of this thread.
template <class S> struct HeldRow {
  typedef Compute<S> C;
  static constexpr int kHeld = 32 / sizeof(C);
  const S *row;
  uint32_t columns;
  C held[kHeld];
  ST_CALL HeldRow(const S *r, uint32_t n) : row(r), columns(n) {
#pragma unroll
    for (int k = 0; k < kHeld; ++k) {
      const uint32_t i = threadIdx.x + k * blockDim.x;
      held[k] = i < columns ? load_as(row + i) : C(0);
    }
  }
  template <class F> ST_CALL void each(const F &f) const {
#pragma unroll
    for (int k = 0; k < kHeld; ++k) {
      const uint32_t i = threadIdx.x + k * blockDim.x;
      if (i < columns) f(i, held[k]);
    }
    for (uint32_t i = threadIdx.x + kHeld * blockDim.x; i < columns; i += blockDim.x) f(i, load_as(row + i));
  }
};
#endif
