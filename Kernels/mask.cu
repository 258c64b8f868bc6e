// Where a mask is true. maskCount_bool, maskScan_bool, maskPositions_bool for ST_TYPE=bool; maskedSelect_SIZE, maskedScatter_SIZE for ST_SIZE.
//
// Note [Masks in two passes]
// Blocks count the true elements of their tiles, one block sums the counts up, and then every block knows where its part of the output begins: elements keep their order. A thread
// has 16 neighbours.
#include "pointwise.cuh"
#include "prefix.cuh"

#ifndef ST_MASK_KERNELS
constexpr uint32_t kEach = ST_MASK_TILE / ST_KERNEL_BLOCK;
/// Bit k: element first + k is true.
ST_DEVICE uint32_t flags_from(const st_mask_args &args, uint32_t first) {
  const char *mask = pointer<const char>(args.mask);
  uint32_t flags = 0;
  if (args.linear & 1 && args.mask % 16 == 0 && first + kEach <= args.count) {
    const Pack<uint8_t, 16> bytes = *(const Pack<uint8_t, 16> *)(mask + first);
#pragma unroll
    for (uint32_t k = 0; k < kEach; ++k) flags |= (uint32_t)(bytes.element[k] != 0) << k;
    return flags;
  }
  for (uint32_t k = 0; k < kEach && first + k < args.count; ++k) {
    int64_t offset = first + k;
    if (!(args.linear & 1)) offsets_of<1>(first + k, args.rank, args.size, &args.mask_stride, &offset);
    flags |= (uint32_t)(mask[offset] != 0) << k;
  }
  return flags;
}
ST_DEVICE void mask_count(const st_mask_args &args) {
  uint32_t total;
  scan_block(count_ones(flags_from(args, (blockIdx.x * blockDim.x + threadIdx.x) * kEach)), &total);
  if (threadIdx.x == 0) pointer<uint32_t>(args.tiles)[blockIdx.x] = total;
}
ST_DEVICE void mask_scan(const st_mask_args &args) {
  uint32_t *counts = pointer<uint32_t>(args.tiles), before = 0;
  const uint32_t tiles = (args.count + ST_MASK_TILE - 1) / ST_MASK_TILE;
  for (uint32_t begin = 0; begin < tiles; begin += blockDim.x) {
    const uint32_t i = begin + threadIdx.x;
    uint32_t total;
    const uint32_t start = before + scan_block(i < tiles ? counts[i] : 0, &total);
    if (i < tiles) counts[i] = start;
    before += total;
  }
  if (threadIdx.x == 0) counts[tiles] = before;
}
/// Calls move(element, place among the true ones).
template <class F> ST_DEVICE void each_true(const st_mask_args &args, const F &move) {
  const uint32_t first = (blockIdx.x * blockDim.x + threadIdx.x) * kEach;
  uint32_t flags = flags_from(args, first), total;
  uint32_t at = pointer<const uint32_t>(args.tiles)[blockIdx.x] + scan_block(count_ones(flags), &total);
  for (uint32_t i = first; flags; ++i, flags >>= 1)
    if (flags & 1) move(i, at++);
}
ST_DEVICE void mask_positions(const st_mask_args &args) {
  int64_t *out = pointer<int64_t>(args.packed);
  each_true(args, [&](uint32_t i, uint32_t at) {
    for (uint32_t d = 0; d < args.rank; ++d) {
      const uint32_t quotient = divide(i, args.size[d]);
      out[(uint64_t)at * args.rank + (args.rank - 1 - d)] = i - quotient * args.size[d].divisor;
      i = quotient;
    }
  });
}
template <class U, bool Scatter> ST_DEVICE void masked_move(const st_mask_args &args) {
  U *packed = pointer<U>(args.packed);
  char *data = pointer<char>(args.data);
  each_true(args, [&](uint32_t i, uint32_t at) {
    int64_t offset = (int64_t)i * (int64_t)sizeof(U);
    if (!(args.linear & 2)) offsets_of<1>(i, args.rank, args.size, &args.data_stride, &offset);
    if (!Scatter) packed[at] = *(const U *)(data + offset);
    else if (at < args.packed_count) *(U *)(data + offset) = packed[at];
  });
}
#define ST_MASK_KERNELS \
  ST_KERNEL(maskCount_bool, st_mask_args, ST_KERNEL_BLOCK) { mask_count(args); } \
  ST_KERNEL(maskScan_bool, st_mask_args, 1024) { mask_scan(args); } \
  ST_KERNEL(maskPositions_bool, st_mask_args, ST_KERNEL_BLOCK) { mask_positions(args); }
#define ST_MASKED_KERNELS(size) \
  ST_KERNEL(maskedSelect_##size, st_mask_args, ST_KERNEL_BLOCK) { masked_move<BitsOf<size>::Type, false>(args); } \
  ST_KERNEL(maskedScatter_##size, st_mask_args, ST_KERNEL_BLOCK) { masked_move<BitsOf<size>::Type, true>(args); }
#define ST_MASKED_KERNELS_OF(size) ST_MASKED_KERNELS(size)
#endif
#ifdef ST_TYPE
ST_MASK_KERNELS
#endif
#ifdef ST_SIZE
ST_MASKED_KERNELS_OF(ST_SIZE)
#endif
