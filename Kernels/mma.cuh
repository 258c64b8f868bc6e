// Tensor cores and copies in the background: the instructions, each with its twin for the emulator.
//
// Note [Fragments]
// Lane l of a warp holds parts of small matrices, g = l / 4, t = l % 4. A product is 16 x 8, over 16 numbers of 16 bits or 8 of tf32 (kept as float32):
//   d[0], d[1]: row g, columns 2t, 2t + 1; d[2], d[3]: row g + 8.
//   a[0]: row g, a[1]: row g + 8, the numbers 2t and 2t + 1 (tf32: t); a[2], a[3]: the same 8 (4) further along.
//   b0: column g, numbers 2t and 2t + 1 (tf32: t); b1: 8 (4) further along.
// So the sums of one product, two numbers packed, are the left operand of the next: attention needs that.
#ifndef ST_MMA
#define ST_MMA
#include "preamble.cuh"

#ifdef ST_EMULATOR
template <class S> ST_DEVICE float part_of(uint32_t bits, int i) {
  S x;
  const uint16_t half_bits = (uint16_t)(bits >> (16 * i));
  memcpy(&x, &half_bits, 2);
  return to_float(x);
}
template <> inline float part_of<float>(uint32_t bits, int) { return float_of(bits); }

/// d += a b. Every lane leaves its parts of a and b, and multiplies the rows and columns of its own results.
template <class S> ST_DEVICE void mma(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  struct Left { uint32_t a[4], b[2]; } left = {{a[0], a[1], a[2], a[3]}, {b0, b1}};
  st_emulator::Rendezvous *r = st_emulator::meet(0xffffffffu, &left, sizeof left, ST_WHERE);
  constexpr int kPerWord = 4 / sizeof(S);
  const uint32_t g = st_emulator::lane() / 4, t = st_emulator::lane() % 4;
  for (int half_of_k = 0; half_of_k < 2; ++half_of_k)
    for (uint32_t word = 0; word < 4; ++word) {
      const Left &rows = *(const Left *)st_emulator::value_of(r, g * 4 + word);
      for (int column = 0; column < 2; ++column) {
        const Left &other = *(const Left *)st_emulator::value_of(r, (2 * t + column) * 4 + word);
        for (int i = 0; i < kPerWord; ++i) {
          const float y = part_of<S>(other.b[half_of_k], i);
          d[column] += part_of<S>(rows.a[2 * half_of_k], i) * y;
          d[2 + column] += part_of<S>(rows.a[2 * half_of_k + 1], i) * y;
        }
      }
    }
  st_emulator::leave(r);
}
/// Four 8 x 8 matrices of 16-bit numbers (8 x 4 of 32 bits): lane l names the row l % 8 of matrix l / 8, 16 bytes of shared memory; r[i] is this lane's part of matrix i.
ST_DEVICE void load_matrices(uint32_t (&r)[4], const void *row) {
  st_emulator::Rendezvous *all = st_emulator::meet(0xffffffffu, &row, sizeof row, ST_WHERE);
  for (uint32_t i = 0; i < 4; ++i) r[i] = (*(const uint32_t *const *)st_emulator::value_of(all, i * 8 + st_emulator::lane() / 4))[st_emulator::lane() % 4];
  st_emulator::leave(all);
}
/// The same, transposed: 16-bit numbers only.
ST_DEVICE void load_matrices_transposed(uint32_t (&r)[4], const void *row) {
  st_emulator::Rendezvous *all = st_emulator::meet(0xffffffffu, &row, sizeof row, ST_WHERE);
  const uint32_t g = st_emulator::lane() / 4, t = st_emulator::lane() % 4;
  for (uint32_t i = 0; i < 4; ++i)
    r[i] = (*(const uint16_t *const *)st_emulator::value_of(all, i * 8 + 2 * t))[g] | (uint32_t)(*(const uint16_t *const *)st_emulator::value_of(all, i * 8 + 2 * t + 1))[g] << 16;
  st_emulator::leave(all);
}
/// Copies 16 bytes to shared memory in the background: the first `bytes` of them from device memory, the rest zeros.
ST_DEVICE void copy_async(void *shared, const void *from, uint32_t bytes) { st_emulator::copy_later(shared, from, 16, bytes); }
/// The same of all 16 bytes or, unless they are `there`, of none: fewer instructions.
ST_DEVICE void copy_async_if(void *shared, const void *from, bool there) { st_emulator::copy_later(shared, from, 16, there ? 16 : 0); }
/// Ends a group of copies.
ST_DEVICE void commit_copies() { st_emulator::commit_copies(); }
/// Waits for this thread's copies but for the last `Groups` groups; a barrier must follow before others read.
template <int Groups> ST_DEVICE void wait_for_copies() { st_emulator::wait_for_copies(Groups); }
/// Two numbers rounded to 16 bits, the first in the low half.
template <class S> ST_DEVICE uint32_t pack(float low, float high) { return Element<S>::store(low).bits | (uint32_t)Element<S>::store(high).bits << 16; }
/// The same number, of which the compiler knows nothing: sums with constants then stay sums, which addresses in instructions have room for.
ST_DEVICE uint32_t opaque(uint32_t x) { return x; }
/// 2^x, 0 where that is no normal number.
/// Rounded to tf32: 10 bits of mantissa, halves away from zero.
ST_DEVICE uint32_t to_tf32(uint32_t x) { return (x & 0x7f800000u) == 0x7f800000u ? x : (x + 0x1000u) & ~0x1fffu; }
#else
#define ST_MMA_OF(S, shape, types) \
  template <> ST_CALL void mma<S>(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) { \
    asm volatile("mma.sync.aligned." shape ".row.col.f32." types ".f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};" \
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1)); \
  }
template <class S> ST_CALL void mma(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1);
ST_MMA_OF(half, "m16n8k16", "f16.f16")
ST_MMA_OF(bfloat16, "m16n8k16", "bf16.bf16")
ST_MMA_OF(float, "m16n8k8", "tf32.tf32")
ST_DEVICE void load_matrices(uint32_t (&r)[4], const void *row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];" : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"((uint32_t)__cvta_generic_to_shared(row)));
}
ST_DEVICE void load_matrices_transposed(uint32_t (&r)[4], const void *row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];" : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"((uint32_t)__cvta_generic_to_shared(row)));
}
ST_DEVICE void copy_async(void *shared, const void *from, uint32_t bytes) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"((uint32_t)__cvta_generic_to_shared(shared)), "l"(from), "r"(bytes) : "memory");
}
ST_DEVICE void copy_async_if(void *shared, const void *from, bool there) {
  asm volatile("{\n.reg .pred p;\nsetp.eq.u32 p, %2, 0;\ncp.async.cg.shared.global [%0], [%1], 16, p;\n}" ::"r"((uint32_t)__cvta_generic_to_shared(shared)), "l"(from), "r"((uint32_t)there) : "memory");
}
ST_DEVICE void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int Groups> ST_DEVICE void wait_for_copies() { asm volatile("cp.async.wait_group %0;" ::"n"(Groups) : "memory"); }
template <class S> ST_CALL uint32_t pack(float low, float high);
template <> ST_CALL uint32_t pack<half>(float low, float high) { uint32_t r; asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(high), "f"(low)); return r; }
template <> ST_CALL uint32_t pack<bfloat16>(float low, float high) { uint32_t r; asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(high), "f"(low)); return r; }
ST_DEVICE uint32_t opaque(uint32_t x) { asm volatile("" : "+r"(x)); return x; }
ST_DEVICE uint32_t to_tf32(uint32_t x) { uint32_t r; asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(r) : "f"(float_of(x))); return r; }
#endif

/// A tile of an operand in shared memory: `Side` rows of a or columns of b, 64 bytes deep along k, in chunks of 16 bytes. AlongK: a chunk lies along k, else across it. The places of
/// chunks are exchanged (xor) so that neither those who write neighbours nor those who read fragments meet in a bank.
template <class S, bool AlongK, int Side> struct MmaTile {
  static constexpr uint32_t kPer = 16 / sizeof(S), kDepth = 4 * kPer, kRow = AlongK ? 4 : Side / kPer, kChunks = Side * 4;
  static ST_CALL uint32_t place(uint32_t row, uint32_t chunk) {
    return row * kRow + (chunk ^ (AlongK ? row >> 1 & 3 : sizeof(S) == 2 ? row & 7 : (row & 3) << 1 | (row >> 2 & 1)));
  }
  /// As a: rows [side, side + 16). As b: the parts of columns [side, side + 8), then of the next 8. `slice`: which half of the tile's depth.
  template <bool IsA> static ST_CALL void fragment(uint32_t (&r)[4], const Bits128 *tile, uint32_t side, uint32_t slice) {
    const uint32_t lane = threadIdx.x & 31, low = lane & 7, middle = lane >> 3 & 1, high = lane >> 4;
    const uint32_t across = IsA ? middle : high, along = IsA ? high : middle;
    if constexpr (AlongK) load_matrices(r, tile + place(side + low + across * 8, slice * 2 + along));
    else if constexpr (sizeof(S) == 2) load_matrices_transposed(r, tile + place(slice * 16 + low + along * 8, side / 8 + across));
    else {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const uint32_t k = slice * 8 + (lane & 3) + (IsA ? i >> 1 : i & 1) * 4, at = side + (lane >> 2) + (IsA ? i & 1 : i >> 1) * 8;
        r[i] = ((const uint32_t *)tile)[place(k, at / 4) * 4 + at % 4];
      }
    }
  }
};
#endif
