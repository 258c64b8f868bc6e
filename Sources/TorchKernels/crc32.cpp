// CRC-32 by carry-less multiplication where the processor has it, by sixteen tables elsewhere; copies that pass the caches.
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
// Folding (Gopal et al., Intel, 2009): x^k mod P times the upper part is added to what follows at a distance of k bits. Constants for the reflected polynomial:
// bit-reversed x^(k + 32) and x^(k - 32) mod P, shifted left by one.
#define ST_BY_256 0x0001322d1430, 0x00011542778a
#define ST_BY_64 0x01c6e41596, 0x0154442bd4
#define ST_BY_16 0x00ccaa009e, 0x01751997d0
#define ST_LOAD(i) _mm_loadu_si128((const __m128i *)(p + 16 * (i)))
#define ST_FOLD(x, k) _mm_xor_si128(_mm_clmulepi64_si128(x, k, 0x00), _mm_clmulepi64_si128(x, k, 0x11))

/// What is left of `a` and `n` more bytes, a multiple of 16. The last reduction is Barrett's.
__attribute__((target("pclmul,sse4.1"))) uint32_t reduce(__m128i a, const uint8_t *p, int64_t n) {
  const __m128i by16 = _mm_set_epi64x(ST_BY_16);
  const __m128i last = _mm_set_epi64x(0, 0x0163cd6124), barrett = _mm_set_epi64x(0x01f7011641, 0x01db710641);
  for (; n >= 16; p += 16, n -= 16) a = _mm_xor_si128(ST_FOLD(a, by16), ST_LOAD(0));
  const __m128i low = _mm_setr_epi32(-1, 0, -1, 0);
  a = _mm_xor_si128(_mm_srli_si128(a, 8), _mm_clmulepi64_si128(a, by16, 0x10));
  a = _mm_xor_si128(_mm_clmulepi64_si128(_mm_and_si128(a, low), last, 0x00), _mm_srli_si128(a, 4));
  __m128i q = _mm_and_si128(_mm_clmulepi64_si128(_mm_and_si128(a, low), barrett, 0x10), low);
  a = _mm_xor_si128(a, _mm_clmulepi64_si128(q, barrett, 0x00));
  return (uint32_t)_mm_extract_epi32(a, 1);
}

/// By 64 and then 16 bytes. `n` is a multiple of 16 and at least 64.
__attribute__((target("pclmul,sse4.1"))) uint32_t by_folding(uint32_t c, const uint8_t *p, int64_t n) {
  const __m128i by64 = _mm_set_epi64x(ST_BY_64), by16 = _mm_set_epi64x(ST_BY_16);
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
  return reduce(a, p, n);
}

/// By 256, 64 and then 16 bytes. `n` is a multiple of 16 and at least 256. With `kCopies` all bytes go to `to`, which is aligned to 64, past the caches.
template <bool kCopies> __attribute__((target("avx512f,vpclmulqdq,pclmul,sse4.1"))) uint32_t by_wide_folding(uint32_t c, const uint8_t *p, int64_t n, uint8_t *to) {
  if (kCopies) {
    const int64_t tail = n & 63;
    memcpy(to + n - tail, p + n - tail, (size_t)tail);
  }
  auto load = [&](int64_t i) __attribute__((target("avx512f"), always_inline)) {
    const __m512i x = _mm512_loadu_si512((const void *)(p + 64 * i));
    if (kCopies) _mm512_stream_si512((__m512i *)(to + 64 * i), x);
    return x;
  };
#define ST_LOAD_WIDE(i) load(i)
#define ST_STEP(bytes) (p += (bytes), n -= (bytes), to += kCopies ? (bytes) : 0)
#define ST_FOLD_WIDE(x, k, y) _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(x, k, 0x00), _mm512_clmulepi64_epi128(x, k, 0x11), y, 0x96)
  const __m512i by256 = _mm512_broadcast_i32x4(_mm_set_epi64x(ST_BY_256)), by64 = _mm512_broadcast_i32x4(_mm_set_epi64x(ST_BY_64));
  const __m128i by16 = _mm_set_epi64x(ST_BY_16);
  __m512i a = _mm512_xor_si512(ST_LOAD_WIDE(0), _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)c))), b = ST_LOAD_WIDE(1), d = ST_LOAD_WIDE(2), e = ST_LOAD_WIDE(3);
  for (ST_STEP(256); n >= 256; ST_STEP(256)) {
    a = ST_FOLD_WIDE(a, by256, ST_LOAD_WIDE(0));
    b = ST_FOLD_WIDE(b, by256, ST_LOAD_WIDE(1));
    d = ST_FOLD_WIDE(d, by256, ST_LOAD_WIDE(2));
    e = ST_FOLD_WIDE(e, by256, ST_LOAD_WIDE(3));
  }
  a = ST_FOLD_WIDE(a, by64, b);
  a = ST_FOLD_WIDE(a, by64, d);
  a = ST_FOLD_WIDE(a, by64, e);
  for (; n >= 64; ST_STEP(64)) a = ST_FOLD_WIDE(a, by64, ST_LOAD_WIDE(0));
  if (kCopies) _mm_sfence();
  __m128i x = _mm512_castsi512_si128(a);
  x = _mm_xor_si128(ST_FOLD(x, by16), _mm512_extracti32x4_epi32(a, 1));
  x = _mm_xor_si128(ST_FOLD(x, by16), _mm512_extracti32x4_epi32(a, 2));
  x = _mm_xor_si128(ST_FOLD(x, by16), _mm512_extracti32x4_epi32(a, 3));
  return reduce(x, p, n);
#undef ST_LOAD_WIDE
#undef ST_STEP
#undef ST_FOLD_WIDE
}
#undef ST_LOAD
#undef ST_FOLD
#endif

}  // namespace

#if defined(__x86_64__)
/// 0: no folding, 1: by 16-byte registers, 2: by 64-byte registers.
static int folding() {
  static const int best = [] {
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("pclmul") || !__builtin_cpu_supports("sse4.1")) return 0;
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("vpclmulqdq") ? 2 : 1;
  }();
  const StLevel level = st_level();
  return level == StLevel_baseline ? 0 : level == StLevel_avx512 ? best : best > 1 ? 1 : best;
}
#endif

extern "C" uint32_t st_crc32(uint32_t seed, const void *bytes, int64_t count) {
  const uint8_t *p = (const uint8_t *)bytes;
  uint32_t c = ~seed;
#if defined(__x86_64__)
  if (const int folds = folding(); folds && count >= 64) {
    int64_t whole = count & ~int64_t(15);
    c = folds == 2 && whole >= 256 ? by_wide_folding<false>(c, p, whole, nullptr) : by_folding(c, p, whole);
    p += whole;
    count -= whole;
  }
#endif
  return ~by_tables(c, p, count);
}

extern "C" void st_stream_copy(void *out, const void *in, int64_t count) {
  char *to = (char *)out;
  const char *from = (const char *)in;
#if defined(__x86_64__)
  // Up to the first whole line.
  int64_t head = -(int64_t)(uintptr_t)to & 63;
  if (count < 4096) head = count;
  memcpy(to, from, (size_t)head);
  to += head;
  from += head;
  count -= head;
  for (; count >= 64; to += 64, from += 64, count -= 64) {
    const __m128i *s = (const __m128i *)from;
    __m128i a = _mm_loadu_si128(s), b = _mm_loadu_si128(s + 1), c = _mm_loadu_si128(s + 2), d = _mm_loadu_si128(s + 3);
    __m128i *t = (__m128i *)to;
    _mm_stream_si128(t, a);
    _mm_stream_si128(t + 1, b);
    _mm_stream_si128(t + 2, c);
    _mm_stream_si128(t + 3, d);
  }
  _mm_sfence();
#endif
  memcpy(to, from, (size_t)count);
}

extern "C" uint32_t st_crc32_stream_copy(uint32_t seed, void *out, const void *in, int64_t count) {
#if defined(__x86_64__)
  if (folding() == 2 && ((uintptr_t)out & 63) == 0 && count >= 256) {
    const int64_t whole = count & ~int64_t(15);
    const uint32_t c = ~by_wide_folding<true>(~seed, (const uint8_t *)in, whole, (uint8_t *)out);
    memcpy((char *)out + whole, (const char *)in + whole, (size_t)(count - whole));
    return st_crc32(c, (const char *)in + whole, count - whole);
  }
#endif
  // The copy finds what the checksum has just brought to the cache.
  constexpr int64_t piece = 1 << 15;
  for (int64_t i = 0; i < count; i += piece) {
    const int64_t n = count - i < piece ? count - i : piece;
    seed = st_crc32(seed, (const char *)in + i, n);
    st_stream_copy((char *)out + i, (const char *)in + i, n);
  }
  return seed;
}
