// Sorting rows, the largest or smallest of rows, and searching sorted boundaries. NaN counts as larger than every number.
#include "cpu/element.h"
#include "st_index.h"
#include "st_parallel.h"
#include <algorithm>
#include <numeric>
#include <vector>

namespace {
using namespace element;

/// A key with where it came from.
template <class C> struct Keyed { C key; int64_t index; };

template <class C> bool before(C a, C b) { return a < b || (is_nan(b) && !is_nan(a)); }

/// Runs `row(r)` for all rows, several threads where it pays.
template <class Row> void each_row(int64_t rows, int64_t columns, Row row) {
  int64_t grain = std::max<int64_t>(1, 4096 / std::max<int64_t>(columns, 1));
  st_parallel_for(rows, grain, [](void *context, int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) (*(Row *)context)(r);
  }, &row);
}

template <class T> void sort_rows(const T *in, T *values, int64_t *indices, int64_t rows, int64_t n, bool descending) {
  using C = ComputeOf<T>;
  each_row(rows, n, [=](int64_t r) {
    std::vector<Keyed<C>> keys((size_t)n);
    for (int64_t i = 0; i < n; ++i) keys[(size_t)i] = {load(in + r * n + i), i};
    if (descending) std::stable_sort(keys.begin(), keys.end(), [](const Keyed<C> &a, const Keyed<C> &b) { return before(b.key, a.key); });
    else std::stable_sort(keys.begin(), keys.end(), [](const Keyed<C> &a, const Keyed<C> &b) { return before(a.key, b.key); });
    for (int64_t i = 0; i < n; ++i) {
      // The element itself, so that its bits (a NaN's, say) stay.
      values[r * n + i] = in[r * n + keys[(size_t)i].index];
      if (indices) indices[r * n + i] = keys[(size_t)i].index;
    }
  });
}

template <class T> void topk_rows(const T *in, T *values, int64_t *indices, int64_t rows, int64_t n, int64_t k, bool largest) {
  using C = ComputeOf<T>;
  each_row(rows, n, [=](int64_t r) {
    std::vector<Keyed<C>> keys((size_t)n);
    for (int64_t i = 0; i < n; ++i) keys[(size_t)i] = {load(in + r * n + i), i};
    // Equal keys by position, so that the answer is one.
    auto order = [largest](const Keyed<C> &a, const Keyed<C> &b) {
      if (largest ? before(b.key, a.key) : before(a.key, b.key)) return true;
      if (largest ? before(a.key, b.key) : before(b.key, a.key)) return false;
      return a.index < b.index;
    };
    std::partial_sort(keys.begin(), keys.begin() + k, keys.end(), order);
    for (int64_t i = 0; i < k; ++i) {
      values[r * k + i] = in[r * n + keys[(size_t)i].index];
      indices[r * k + i] = keys[(size_t)i].index;
    }
  });
}

template <class T> void search(const T *boundaries, int64_t n, const T *values, int64_t *out, int64_t count, bool right) {
  for (int64_t i = 0; i < count; ++i) {
    auto v = load(values + i);
    int64_t low = 0, high = n;
    while (low < high) {
      int64_t middle = low + (high - low) / 2;
      auto b = load(boundaries + middle);
      if (right ? !before(v, b) : before(b, v)) low = middle + 1;
      else high = middle;
    }
    out[i] = low;
  }
}
}  // namespace

extern "C" bool st_sort_rows(StDType t, const void *in, void *values, int64_t *indices, int64_t rows, int64_t n, bool descending) {
  return with_real(t, [&](auto v) { sort_rows((const decltype(v) *)in, (decltype(v) *)values, indices, rows, n, descending); });
}
extern "C" bool st_topk_rows(StDType t, const void *in, void *values, int64_t *indices, int64_t rows, int64_t n, int64_t k, bool largest) {
  return with_real(t, [&](auto v) { topk_rows((const decltype(v) *)in, (decltype(v) *)values, indices, rows, n, k, largest); });
}
extern "C" bool st_searchsorted(StDType t, const void *boundaries, int64_t n, const void *values, int64_t *out, int64_t count, bool right) {
  return with_real(t, [&](auto v) { search((const decltype(v) *)boundaries, n, (const decltype(v) *)values, out, count, right); });
}
