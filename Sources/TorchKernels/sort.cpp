// Sort, top-k, k-th value, mode and search in sorted rows.
#include "st_index.h"
#include "st_allocator.h"
#include "st_parallel.h"
#include "sort_items.h"

#define ST_LEVEL_FILE "sort.inc"
#include "cpu/each_level.h"

namespace {

constexpr int kItem[ST_DTYPE_COUNT] = {1, 1, 1, 2, 4, 8, 2, 2, 4, 8, 8, 16, 2, 4, 8};
constexpr int64_t kBlock = 1024;
int64_t at_least_one(int64_t x) { return x > 0 ? x : 1; }

struct SortJob {
  StDType type;
  st_baseline::MakeKeys keys;
  const char *in;
  char *values;
  int64_t *indices;
  int64_t rows, n, k;
  bool reversed;         // largest first
  int failed;            // set without memory
};

struct Scratch {
  void *p;
  size_t bytes;
  explicit Scratch(size_t b) : p(st_allocate(b)), bytes(b) {}
  ~Scratch() { if (p) st_deallocate(p, bytes); }
  Scratch(const Scratch &) = delete;
};

/// Positions [begin, end) of a row as items.
template <class Item> void make_items(const SortJob &j, const char *row, int64_t begin, int64_t end, Item *items) {
  typename Item::Key keys[kBlock];
  for (int64_t i = begin; i < end; i += kBlock) {
    int64_t m = end - i < kBlock ? end - i : kBlock;
    j.keys(row + i * kItem[j.type], m, keys, j.reversed);
    for (int64_t e = 0; e < m; ++e) items[i - begin + e] = Item::make(keys[e], i + e);
  }
}
template <class E, class Item> void put_elements(const char *row, const Item *items, int64_t n, char *values) {
  for (int64_t i = 0; i < n; ++i) memcpy(values + i * (int64_t)sizeof(E), row + items[i].position() * (int64_t)sizeof(E), sizeof(E));
}
/// The elements of items, and their positions, as rows of the output.
template <class Item> void put_items(const SortJob &j, const char *row, const Item *items, int64_t n, char *values, int64_t *indices) {
  if (indices) for (int64_t i = 0; i < n; ++i) indices[i] = items[i].position();
  if (!values) return;
  switch (kItem[j.type]) {
    case 1: return put_elements<uint8_t>(row, items, n, values);
    case 2: return put_elements<uint16_t>(row, items, n, values);
    case 4: return put_elements<uint32_t>(row, items, n, values);
    default: return put_elements<uint64_t>(row, items, n, values);
  }
}

// ---- Short rows: by rank

constexpr int64_t kMostRanked = 384;
/// The longest row for which ranks beat the radix sort.
int64_t most_ranked(int64_t key_bytes) {
  int64_t n = st_level() == StLevel_avx512 ? 384 : st_level() == StLevel_avx2 ? 160 : 64;
  return key_bytes == 8 ? n / 2 : n;
}
template <class E> void put_ranked(const char *row, const uint16_t *order, int64_t k, char *values) {
  for (int64_t i = 0; i < k; ++i) memcpy(values + i * (int64_t)sizeof(E), row + order[i] * (int64_t)sizeof(E), sizeof(E));
}
/// The first k of each row in order; n <= kMostRanked.
template <class Item> void ranked_rows(void *context, int64_t begin, int64_t end) {
  SortJob &j = *(SortJob *)context;
  typedef typename Item::Key Key;
  Key keys[kMostRanked + 16], ranks[kMostRanked + 16];
  uint16_t order[kMostRanked];
  const int64_t item = kItem[j.type];
  for (int64_t r = begin; r < end; ++r) {
    const char *row = j.in + r * j.n * item;
    j.keys(row, j.n, keys, j.reversed);
    if constexpr (sizeof(Key) == 4) ST_PICK(rank32)(keys, j.n, ranks);
    else ST_PICK(rank64)(keys, j.n, ranks);
    for (int64_t i = 0; i < j.n; ++i) order[ranks[i]] = (uint16_t)i;
    if (j.indices) for (int64_t i = 0; i < j.k; ++i) j.indices[r * j.k + i] = order[i];
    if (!j.values) continue;
    char *values = j.values + r * j.k * item;
    switch (item) {
      case 1: put_ranked<uint8_t>(row, order, j.k, values); break;
      case 2: put_ranked<uint16_t>(row, order, j.k, values); break;
      case 4: put_ranked<uint32_t>(row, order, j.k, values); break;
      default: put_ranked<uint64_t>(row, order, j.k, values); break;
    }
  }
}

template <class Item> void sort_rows(void *context, int64_t begin, int64_t end) {
  SortJob &j = *(SortJob *)context;
  Scratch scratch(2 * (size_t)j.n * sizeof(Item));
  if (!scratch.p) { __atomic_store_n(&j.failed, 1, __ATOMIC_RELAXED); return; }
  Item *a = (Item *)scratch.p, *b = a + j.n;
  const int64_t bytes = j.n * kItem[j.type];
  for (int64_t r = begin; r < end; ++r) {
    const char *row = j.in + r * bytes;
    make_items(j, row, 0, j.n, a);
    Item *sorted = sort_items(a, b, j.n);
    put_items(j, row, sorted, j.n, j.values ? j.values + r * bytes : nullptr, j.indices ? j.indices + r * j.n : nullptr);
  }
}

// ---- One long row: pieces sorted side by side, then merged level by level, each merge cut into slices of equal output.

template <class Item> struct MergeJob {
  SortJob *sort;
  Item *from, *to;
  int64_t n, piece;      // sorted pieces of this length
};
constexpr int64_t kSlice = 1 << 15;
/// How many of the first k merged items come from a.
template <class Item> int64_t split_merge(const Item *a, int64_t na, const Item *b, int64_t nb, int64_t k) {
  int64_t low = k > nb ? k - nb : 0, high = k < na ? k : na;
  while (low < high) {
    int64_t i = (low + high) / 2;
    if (a[i] < b[k - i - 1]) low = i + 1;
    else high = i;
  }
  return low;
}
template <class Item> void sort_pieces(void *context, int64_t begin, int64_t end) {
  MergeJob<Item> &m = *(MergeJob<Item> *)context;
  for (int64_t p = begin; p < end; ++p) {
    int64_t first = p * m.piece, last = first + m.piece < m.n ? first + m.piece : m.n;
    if (first >= last) continue;
    make_items(*m.sort, m.sort->in, first, last, m.from + first);
    Item *sorted = sort_items(m.from + first, m.to + first, last - first);
    if (sorted != m.from + first) memcpy((void *)(m.from + first), sorted, (size_t)(last - first) * sizeof(Item));
  }
}
template <class Item> void merge_slices(void *context, int64_t begin, int64_t end) {
  MergeJob<Item> &m = *(MergeJob<Item> *)context;
  for (int64_t s = begin; s < end; ++s) {
    int64_t out = s * kSlice, stop = out + kSlice < m.n ? out + kSlice : m.n;
    while (out < stop) {
      int64_t first = out / (2 * m.piece) * (2 * m.piece);
      int64_t middle = first + m.piece < m.n ? first + m.piece : m.n, last = first + 2 * m.piece < m.n ? first + 2 * m.piece : m.n, until = last < stop ? last : stop;
      const Item *a = m.from + first, *b = m.from + middle;
      int64_t na = middle - first, nb = last - middle, i = split_merge(a, na, b, nb, out - first), k = out - first - i;
      for (; out < until; ++out) m.to[out] = k >= nb || (i < na && a[i] < b[k]) ? a[i++] : b[k++];
    }
  }
}
template <class Item> void put_slices(void *context, int64_t begin, int64_t end) {
  MergeJob<Item> &m = *(MergeJob<Item> *)context;
  const SortJob &j = *m.sort;
  put_items(j, j.in, m.from + begin, end - begin, j.values ? j.values + begin * kItem[j.type] : nullptr, j.indices ? j.indices + begin : nullptr);
}
template <class Item> bool sort_long_row(SortJob &j) {
  Scratch scratch(2 * (size_t)j.n * sizeof(Item));
  if (!scratch.p) return false;
  int64_t pieces = 1;
  while (pieces < st_thread_count() && pieces < 64) pieces *= 2;
  MergeJob<Item> m = {&j, (Item *)scratch.p, (Item *)scratch.p + j.n, j.n, (j.n + pieces - 1) / pieces};
  st_parallel_for(pieces, 1, sort_pieces<Item>, &m);
  for (; m.piece < m.n; m.piece *= 2) {
    st_parallel_for((m.n + kSlice - 1) / kSlice, 1, merge_slices<Item>, &m);
    Item *t = m.from; m.from = m.to; m.to = t;
  }
  st_parallel_for(m.n, kSlice, put_slices<Item>, &m);
  return true;
}

template <class Item> bool sort_all(SortJob &j) {
  if (j.n <= most_ranked(sizeof(typename Item::Key))) {
    j.k = j.n;
    st_parallel_for(j.rows, at_least_one((1 << 13) / j.n), ranked_rows<Item>, &j);
    return true;
  }
  if (j.rows == 1 && j.n >= 1 << 17 && st_thread_count() > 1 && !st_in_parallel()) return sort_long_row<Item>(j);
  st_parallel_for(j.rows, at_least_one((1 << 12) / j.n), sort_rows<Item>, &j);
  return !j.failed;
}

// ---- Top-k: candidates better than the k-th best so far are collected and thinned out when there are too many.

template <class Item> int64_t next_below(const typename Item::Key *keys, int64_t i, int64_t n, typename Item::Key limit) {
  if constexpr (sizeof(typename Item::Key) == 4) return ST_PICK(below32)(keys, i, n, limit);
  else return ST_PICK(below64)(keys, i, n, limit);
}
template <class Item> void topk_rows(void *context, int64_t begin, int64_t end) {
  SortJob &j = *(SortJob *)context;
  typedef typename Item::Key Key;
  const int64_t room = 2 * j.k + 64, bytes = kItem[j.type];
  Scratch scratch((size_t)room * sizeof(Item));
  if (!scratch.p) { __atomic_store_n(&j.failed, 1, __ATOMIC_RELAXED); return; }
  Item *best = (Item *)scratch.p;
  for (int64_t r = begin; r < end; ++r) {
    const char *row = j.in + r * j.n * bytes;
    int64_t count = 0;
    Key keys[kBlock], limit = ~(Key)0;
    const bool few = j.k <= 32;
    bool full = false;   // `limit` is the k-th best key seen; a later element must be below it
    for (int64_t i0 = 0; i0 < j.n; i0 += kBlock) {
      const int64_t m = j.n - i0 < kBlock ? j.n - i0 : kBlock;
      j.keys(row + i0 * bytes, m, keys, j.reversed);
      for (int64_t i = 0; i < m; ++i) {
        if (full && (i = next_below<Item>(keys, i, m, limit)) >= m) break;
        const Item item = Item::make(keys[i], i0 + i);
        if (few) {
          // Kept in order.
          int64_t at = full ? j.k - 1 : count++;
          for (; at > 0 && item < best[at - 1]; --at) best[at] = best[at - 1];
          best[at] = item;
          full = count == j.k;
          if (full) limit = best[j.k - 1].key();
          continue;
        }
        best[count++] = item;
        if (count == room || (!full && count == j.k)) {
          if (count > j.k) std::nth_element(best, best + j.k - 1, best + count);
          limit = count > j.k ? best[j.k - 1].key() : std::max_element(best, best + count)->key();
          count = j.k;
          full = true;
        }
      }
    }
    if (count > j.k) std::nth_element(best, best + j.k - 1, best + count);
    if (!few) std::sort(best, best + j.k);
    put_items(j, row, best, j.k, j.values + r * j.k * bytes, j.indices ? j.indices + r * j.k : nullptr);
  }
}
/// Many of a row: sorted whole.
template <class Item> void topk_rows_sorted(void *context, int64_t begin, int64_t end) {
  SortJob &j = *(SortJob *)context;
  Scratch scratch(2 * (size_t)j.n * sizeof(Item));
  if (!scratch.p) { __atomic_store_n(&j.failed, 1, __ATOMIC_RELAXED); return; }
  Item *a = (Item *)scratch.p;
  const int64_t bytes = kItem[j.type];
  for (int64_t r = begin; r < end; ++r) {
    const char *row = j.in + r * j.n * bytes;
    make_items(j, row, 0, j.n, a);
    put_items(j, row, sort_items(a, a + j.n, j.n), j.k, j.values + r * j.k * bytes, j.indices ? j.indices + r * j.k : nullptr);
  }
}
/// The k-th smallest, k from 1.
template <class Item> void kth_rows(void *context, int64_t begin, int64_t end) {
  SortJob &j = *(SortJob *)context;
  Scratch scratch((size_t)j.n * sizeof(Item));
  if (!scratch.p) { __atomic_store_n(&j.failed, 1, __ATOMIC_RELAXED); return; }
  Item *a = (Item *)scratch.p;
  const int64_t bytes = kItem[j.type];
  for (int64_t r = begin; r < end; ++r) {
    const char *row = j.in + r * j.n * bytes;
    make_items(j, row, 0, j.n, a);
    std::nth_element(a, a + j.k - 1, a + j.n);
    put_items(j, row, a + j.k - 1, 1, j.values + r * bytes, j.indices ? j.indices + r : nullptr);
  }
}
/// The most frequent; of several the smallest, with its last position.
template <class Item> void mode_rows(void *context, int64_t begin, int64_t end) {
  SortJob &j = *(SortJob *)context;
  Scratch scratch(2 * (size_t)j.n * sizeof(Item));
  if (!scratch.p) { __atomic_store_n(&j.failed, 1, __ATOMIC_RELAXED); return; }
  Item *a = (Item *)scratch.p;
  const int64_t bytes = kItem[j.type];
  for (int64_t r = begin; r < end; ++r) {
    const char *row = j.in + r * j.n * bytes;
    make_items(j, row, 0, j.n, a);
    Item *sorted = sort_items(a, a + j.n, j.n);
    int64_t best = 0, length = 0;
    for (int64_t i = 0, run = 1; i < j.n; ++i, ++run) {
      if (i + 1 < j.n && sorted[i + 1].key() == sorted[i].key()) continue;
      if (run > length) { length = run; best = i; }
      run = 0;
    }
    put_items(j, row, sorted + best, 1, j.values + r * bytes, j.indices ? j.indices + r : nullptr);
  }
}

/// Fills in the job; false where the type has no order or a row is too long for its items.
bool prepare(SortJob &j, StDType t, const void *in, void *values, int64_t *indices, int64_t rows, int64_t n, bool reversed) {
  j = {t, ST_PICK(make_keys)(t), (const char *)in, (char *)values, indices, rows, n, 0, reversed, 0};
  return j.keys && (kItem[t] == 8 || n <= (int64_t)UINT32_MAX);
}

template <class T> struct Ordered { static double of(T x) { return (double)x; } };
template <> struct Ordered<int64_t> { static int64_t of(int64_t x) { return x; } };
template <> struct Ordered<st_baseline::h16> { static float of(st_baseline::h16 x) { return st_baseline::load<float, 1>(&x)[0]; } };
template <> struct Ordered<st_baseline::b16> { static float of(st_baseline::b16 x) { return st_baseline::load<float, 1>(&x)[0]; } };

struct SearchJob { const void *boundaries, *values; int64_t n; int64_t *out; bool right; };
template <class T> void search(void *context, int64_t begin, int64_t end) {
  const SearchJob &j = *(const SearchJob *)context;
  const T *b = (const T *)j.boundaries, *v = (const T *)j.values;
  for (int64_t i = begin; i < end; ++i) {
    const auto x = Ordered<T>::of(v[i]);
    int64_t low = 0, length = j.n;
    // The comparisons send NaN to the end.
    while (length > 0) {
      int64_t half = length / 2;
      const auto y = Ordered<T>::of(b[low + half]);
      bool after = j.right ? !(y > x) : !(y >= x);
      low = after ? low + half + 1 : low;
      length = after ? length - half - 1 : half;
    }
    j.out[i] = low;
  }
}

}  // namespace

extern "C" bool st_sort_rows(StDType t, const void *in, void *values, int64_t *indices, int64_t rows, int64_t n, bool descending) {
  SortJob j;
  if (!prepare(j, t, in, values, indices, rows, n, descending)) return false;
  if (rows == 0 || n == 0) return true;
  return kItem[t] == 8 ? sort_all<Item64>(j) : sort_all<Item32>(j);
}

extern "C" bool st_topk_rows(StDType t, const void *in, void *values, int64_t *indices, int64_t rows, int64_t n, int64_t k, bool largest) {
  SortJob j;
  if (!prepare(j, t, in, values, indices, rows, n, largest)) return false;
  if (rows == 0 || k == 0) return true;
  j.k = k;
  if (n <= most_ranked(kItem[t] == 8 ? 8 : 4)) {
    st_parallel_for(rows, at_least_one((1 << 13) / n), kItem[t] == 8 ? ranked_rows<Item64> : ranked_rows<Item32>, &j);
    return true;
  }
  const bool many = k > 256 && k > n / 8;
  st_task task = kItem[t] == 8 ? (many ? topk_rows_sorted<Item64> : topk_rows<Item64>) : (many ? topk_rows_sorted<Item32> : topk_rows<Item32>);
  st_parallel_for(rows, at_least_one((1 << 14) / n), task, &j);
  return !j.failed;
}

extern "C" bool st_kth_rows(StDType t, const void *in, void *values, int64_t *indices, int64_t rows, int64_t n, int64_t k) {
  SortJob j;
  if (!prepare(j, t, in, values, indices, rows, n, false) || k < 1 || k > n) return false;
  j.k = k;
  st_parallel_for(rows, at_least_one((1 << 13) / n), kItem[t] == 8 ? kth_rows<Item64> : kth_rows<Item32>, &j);
  return !j.failed;
}

extern "C" bool st_mode_rows(StDType t, const void *in, void *values, int64_t *indices, int64_t rows, int64_t n) {
  SortJob j;
  if (!prepare(j, t, in, values, indices, rows, n, false) || n < 1) return false;
  st_parallel_for(rows, at_least_one((1 << 12) / n), kItem[t] == 8 ? mode_rows<Item64> : mode_rows<Item32>, &j);
  return !j.failed;
}

extern "C" bool st_searchsorted(StDType t, const void *boundaries, int64_t n, const void *values, int64_t *out, int64_t count, bool right) {
  SearchJob j = {boundaries, values, n, out, right};
  st_task task;
  switch (t) {
    case StDType_bool: case StDType_uint8: task = search<uint8_t>; break;
    case StDType_int8: task = search<int8_t>; break;
    case StDType_int16: task = search<int16_t>; break;
    case StDType_int32: task = search<int32_t>; break;
    case StDType_int64: task = search<int64_t>; break;
    case StDType_float16: task = search<st_baseline::h16>; break;
    case StDType_bfloat16: task = search<st_baseline::b16>; break;
    case StDType_float32: task = search<float>; break;
    case StDType_float64: task = search<double>; break;
    default: return false;
  }
  st_parallel_for(count, 1 << 11, task, &j);
  return true;
}
