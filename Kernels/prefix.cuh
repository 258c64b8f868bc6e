// Sums over the threads before a thread, and bits of a warp.
#ifndef ST_PREFIX
#define ST_PREFIX
#include "preamble.cuh"

#ifdef ST_EMULATOR
ST_DEVICE uint32_t count_ones(uint32_t x) { return (uint32_t)__builtin_popcount(x); }
#else
ST_DEVICE uint32_t count_ones(uint32_t x) { return __popc(x); }
#endif
ST_DEVICE uint32_t scan_warp(uint32_t x) {
  const uint32_t lane = threadIdx.x % 32;
#pragma unroll
  for (uint32_t d = 1; d < 32; d *= 2) {
    const uint32_t other = __shfl_sync(0xffffffffu, x, (lane - d) & 31);
    if (lane >= d) x += other;
  }
  return x;
}
/// Sum of x over the threads before this one of a block of one dim, a multiple of 32; *total over all of them.
ST_DEVICE uint32_t scan_block(uint32_t x, uint32_t *total) {
  ST_SHARED(uint32_t, parts, 33);
  const uint32_t lane = threadIdx.x % 32, warp = threadIdx.x / 32, sum = scan_warp(x);
  // The parts of an earlier scan have been read by all.
  __syncthreads();
  if (lane == 31) parts[warp] = sum;
  __syncthreads();
  if (warp == 0) {
    const uint32_t part = lane < blockDim.x / 32 ? parts[lane] : 0, until = scan_warp(part);
    parts[lane] = until - part;
    if (lane == 31) parts[32] = until;
  }
  __syncthreads();
  *total = parts[32];
  return parts[warp] + sum - x;
}
#endif
