// Keys with their positions, and sorting them: what sort, top-k, unique and their kin share.
#pragma once
#include "st_types.h"
#include <algorithm>
#include <stdint.h>
#include <string.h>

/// Note [Sorting]
/// Elements become unsigned keys (cpu/sort.inc) joined with their position: all items differ, so any sorting algorithm is stable. Keys of 32 bits share a word
/// with the position. Long rows are sorted by bytes from the lowest (LSD radix); passes whose byte is the same everywhere are left out, so small integers and
/// half floats take few. Values are fetched by position at the end, which keeps NaN payloads and the sign of zero.
struct Item32 {
  typedef uint32_t Key;
  uint64_t word;
  static Item32 make(uint32_t key, int64_t position) { return {(uint64_t)key << 32 | (uint64_t)position}; }
  uint32_t key() const { return (uint32_t)(word >> 32); }
  int64_t position() const { return (int64_t)(word & 0xffffffffu); }
  bool operator<(const Item32 &o) const { return word < o.word; }
};
struct Item64 {
  typedef uint64_t Key;
  uint64_t high;
  int64_t at;
  static Item64 make(uint64_t key, int64_t position) { return {key, position}; }
  uint64_t key() const { return high; }
  int64_t position() const { return at; }
  bool operator<(const Item64 &o) const { return high < o.high || (high == o.high && at < o.at); }
};

/// Sorts n items; the result is in `a` or in `b` (both n long), whichever is returned.
template <class Item> Item *sort_items(Item *a, Item *b, int64_t n) {
  constexpr int kBytes = sizeof(typename Item::Key);
  if (n < 96 || n > (int64_t)UINT32_MAX) { std::sort(a, a + n); return a; }
  uint32_t counts[kBytes][256];
  memset(counts, 0, sizeof counts);
  for (int64_t i = 0; i < n; ++i) {
    auto key = a[i].key();
    for (int d = 0; d < kBytes; ++d) counts[d][(key >> (8 * d)) & 255]++;
  }
  for (int d = 0; d < kBytes; ++d) {
    uint32_t *c = counts[d];
    if (c[(a[0].key() >> (8 * d)) & 255] == n) continue;
    uint32_t sum = 0;
    for (int i = 0; i < 256; ++i) { uint32_t k = c[i]; c[i] = sum; sum += k; }
    for (int64_t i = 0; i < n; ++i) b[c[(a[i].key() >> (8 * d)) & 255]++] = a[i];
    Item *t = a; a = b; b = t;
  }
  return a;
}
