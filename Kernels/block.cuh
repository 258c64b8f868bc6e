// Cooperation of the threads of a block.
#ifndef ST_BLOCK
#define ST_BLOCK
#include "preamble.cuh"

struct Add { template <class T> ST_CALL T operator()(T a, T b) const { return a + b; } };
/// Numbers win over NaN.
struct Max {
  ST_CALL float operator()(float a, float b) const { return fmaxf(a, b); }
  ST_CALL double operator()(double a, double b) const { return fmax(a, b); }
};
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
/// The same over the `blockDim.x` threads of a row, a multiple of 32: a block has one row, or, where a warp is enough, one for each y.
template <class T, class F> ST_DEVICE T block_reduce(T x, const F &join) {
  x = warp_reduce(x, join);
  if (blockDim.x == 32) return x;
  ST_SHARED(T, parts, 32);
  const uint32_t warps = blockDim.x / 32, lane = threadIdx.x % 32;
  // The parts of an earlier reduction have been read by all.
  __syncthreads();
  if (lane == 0) parts[threadIdx.x / 32] = x;
  __syncthreads();
  x = parts[lane < warps ? lane : 0];
#pragma unroll
  for (uint32_t lanes = 16; lanes > 0; lanes /= 2) {
    const T other = __shfl_xor_sync(0xffffffffu, x, lanes);
    // Lanes past the warps have nothing to add; what they gather is not used.
    if ((lane ^ lanes) < warps) x = lane & lanes ? join(other, x) : join(x, other);
  }
  return __shfl_sync(0xffffffffu, x, 0);
}

/// Whether all rows of the operands that start at `addresses`, 0 for one that is not there, one row after the other, can be read in packs of 16 bytes.
template <class S, class... Addresses> ST_DEVICE bool rows_are_packed(uint32_t columns, Addresses... addresses) {
  return ((addresses | ... | ((st_address)columns * sizeof(S))) & 15) == 0;
}
/// The row of this thread in a block of `blockDim.y` of them. All rows of a block go through the same barriers: with several there are none.
ST_DEVICE uint32_t first_row() { return blockIdx.x * blockDim.y + threadIdx.y; }
ST_DEVICE uint32_t row_step() { return gridDim.x * blockDim.y; }

/// A row of up to 16 elements a thread, 4 of float64, stays in registers; of a longer one the rest is read again each time. Threads have neighbours in packs of 16 bytes, which is one
/// access where the row is aligned: thread t the packs t, t + blockDim.x, ... whatever the alignment, so that sums have the same order.
template <class S> struct HeldRow {
  typedef Compute<S> C;
  static constexpr uint32_t kPack = 16 / sizeof(S), kPacks = (sizeof(C) == 8 ? 4 : 16) / kPack;
  const S *row;
  uint32_t columns;
  bool in_packs;
  C held[kPacks][kPack];
  /// `packed`: see rows_are_packed.
  ST_CALL HeldRow(const S *r, uint32_t n, bool packed) : row(r), columns(n), in_packs(packed) {
#pragma unroll
    for (uint32_t k = 0; k < kPacks; ++k) load(held[k], row, first_of(k));
  }
  ST_CALL uint32_t first_of(uint32_t k) const { return (threadIdx.x + k * blockDim.x) * kPack; }
  /// Elements [first, first + kPack) of a row like this one, zeros past its end.
  ST_CALL void load(C (&x)[kPack], const S *from, uint32_t first) const {
    if (in_packs) {
      Pack<S, kPack> pack = {};
      if (first < columns) pack = *(const Pack<S, kPack> *)(from + first);
#pragma unroll
      for (uint32_t v = 0; v < kPack; ++v) x[v] = Element<S>::load(pack.element[v]);
    } else {
#pragma unroll
      for (uint32_t v = 0; v < kPack; ++v) x[v] = first + v < columns ? load_as(from + first + v) : C(0);
    }
  }
  ST_CALL void store(S *to, uint32_t first, const C (&x)[kPack]) const {
    if (in_packs) {
      Pack<S, kPack> pack;
#pragma unroll
      for (uint32_t v = 0; v < kPack; ++v) pack.element[v] = Element<S>::store(x[v]);
      if (first < columns) *(Pack<S, kPack> *)(to + first) = pack;
    } else {
#pragma unroll
      for (uint32_t v = 0; v < kPack; ++v)
        if (first + v < columns) to[first + v] = Element<S>::store(x[v]);
    }
  }
  /// Calls f(first column, elements) for this thread's packs; past the end of the row their elements are zeros.
  template <class F> ST_CALL void each_pack(const F &f) {
#pragma unroll
    for (uint32_t k = 0; k < kPacks; ++k)
      if (first_of(k) < columns) f(first_of(k), held[k]);
    for (uint32_t k = kPacks; first_of(k) < columns; ++k) {
      C x[kPack];
      load(x, row, first_of(k));
      f(first_of(k), x);
    }
  }
  /// Calls f(element) for this thread's elements.
  template <class F> ST_CALL void each(const F &f) {
    each_pack([&](uint32_t first, const C (&x)[kPack]) {
#pragma unroll
      for (uint32_t v = 0; v < kPack; ++v)
        if (in_packs || first + v < columns) f(x[v]);
    });
  }
  /// Writes f(element) to the places of the elements in `to`.
  template <class F> ST_CALL void write(S *to, const F &f) {
    each_pack([&](uint32_t first, const C (&x)[kPack]) {
      C y[kPack];
#pragma unroll
      for (uint32_t v = 0; v < kPack; ++v) y[v] = f(x[v]);
      store(to, first, y);
    });
  }
};
#endif
