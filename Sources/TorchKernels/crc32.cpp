// CRC-32 by carry-less multiplication where the processor has it, by sixteen tables elsewhere.
#include "st_crc32.h"
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace {

constexpr uint32_t polynomial = 0xEDB88320;

struct Tables {
  uint32_t t[16][256];
  constexpr Tables() : t() {
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t c = i;
      for (int k = 0; k < 8; ++k) c = c & 1 ? polynomial ^ (c >> 1) : c >> 1;
      t[0][i] = c;
    }
    for (int k = 1; k < 16; ++k)
      for (uint32_t i = 0; i < 256; ++i) t[k][i] = t[0][t[k - 1][i] & 255] ^ (t[k - 1][i] >> 8);
  }
};
constexpr Tables tables;

/// Sixteen bytes a step: each byte's share of the remainder is looked up in the table of its distance from the end of the step. Little endian.
uint32_t by_tables(uint32_t c, const uint8_t *p, int64_t n) {
  for (; n >= 16; p += 16, n -= 16) {
    uint32_t w[4];
    memcpy(w, p, 16);
    w[0] ^= c;
    c = 0;
    for (int k = 0; k < 4; ++k)
      c ^= tables.t[15 - 4 * k][w[k] & 255] ^ tables.t[14 - 4 * k][w[k] >> 8 & 255] ^ tables.t[13 - 4 * k][w[k] >> 16 & 255] ^ tables.t[12 - 4 * k][w[k] >> 24];
  }
  for (; n > 0; ++p, --n) c = tables.t[0][(c ^ *p) & 255] ^ (c >> 8);
  return c;
}

#if defined(__x86_64__)
/// Folds the data by 64 and then 16 bytes: x^k mod P times the upper part is added to what follows (Gopal et al., Intel, 2009; constants for the reflected
/// polynomial). The last reduction is Barrett's. `n` is a multiple of 16 and at least 64.
__attribute__((target("pclmul,sse4.1"))) uint32_t by_folding(uint32_t c, const uint8_t *p, int64_t n) {
  const __m128i by64 = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4), by16 = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
  const __m128i last = _mm_set_epi64x(0, 0x0163cd6124), barrett = _mm_set_epi64x(0x01f7011641, 0x01db710641);
#define ST_LOAD(i) _mm_loadu_si128((const __m128i *)(p + 16 * (i)))
#define ST_FOLD(x, k) _mm_xor_si128(_mm_clmulepi64_si128(x, k, 0x00), _mm_clmulepi64_si128(x, k, 0x11))
  __m128i a = _mm_xor_si128(ST_LOAD(0), _mm_cvtsi32_si128((int)c)), b = ST_LOAD(1), d = ST_LOAD(2), e = ST_LOAD(3);
  for (p += 64, n -= 64; n >= 64; p += 64, n -= 64) {
    a = _mm_xor_si128(ST_FOLD(a, by64), ST_LOAD(0));
    b = _mm_xor_si128(ST_FOLD(b, by64), ST_LOAD(1));
    d = _mm_xor_si128(ST_FOLD(d, by64), ST_LOAD(2));
    e = _mm_xor_si128(ST_FOLD(e, by64), ST_LOAD(3));
  }
  a = _mm_xor_si128(ST_FOLD(a, by16), b);
  a = _mm_xor_si128(ST_FOLD(a, by16), d);
  a = _mm_xor_si128(ST_FOLD(a, by16), e);
  for (; n >= 16; p += 16, n -= 16) a = _mm_xor_si128(ST_FOLD(a, by16), ST_LOAD(0));
#undef ST_LOAD
#undef ST_FOLD
  const __m128i low = _mm_setr_epi32(-1, 0, -1, 0);
  a = _mm_xor_si128(_mm_srli_si128(a, 8), _mm_clmulepi64_si128(a, by16, 0x10));
  a = _mm_xor_si128(_mm_clmulepi64_si128(_mm_and_si128(a, low), last, 0x00), _mm_srli_si128(a, 4));
  __m128i q = _mm_and_si128(_mm_clmulepi64_si128(_mm_and_si128(a, low), barrett, 0x10), low);
  a = _mm_xor_si128(a, _mm_clmulepi64_si128(q, barrett, 0x00));
  return (uint32_t)_mm_extract_epi32(a, 1);
}
#endif

}  // namespace

extern "C" uint32_t st_crc32(uint32_t seed, const void *bytes, int64_t count) {
  const uint8_t *p = (const uint8_t *)bytes;
  uint32_t c = ~seed;
#if defined(__x86_64__)
  static const bool folds = [] {
    __builtin_cpu_init();
    return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
  }();
  if (folds && count >= 64 && st_level() != StLevel_baseline) {
    int64_t whole = count & ~int64_t(15);
    c = by_folding(c, p, whole);
    p += whole;
    count -= whole;
  }
#endif
  return ~by_tables(c, p, count);
}
