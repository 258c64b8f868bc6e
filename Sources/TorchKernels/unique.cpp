// Distinct values, counts of integers, histograms.
#include "st_index.h"
#include "st_allocator.h"
#include <string.h>

namespace {
constexpr int kItem[ST_DTYPE_COUNT] = {1, 1, 1, 2, 4, 8, 2, 2, 4, 8, 8, 16, 2, 4, 8};

/// Elements that are not equal to themselves are all distinct, -0 equals +0.
template <class T> struct Equal { static bool of(const char *a, const char *b) { T x, y; memcpy(&x, a, sizeof x); memcpy(&y, b, sizeof y); return x == y; } };
template <int Infinity> struct EqualHalf {
  static bool of(const char *a, const char *b) {
    uint16_t x, y;
    memcpy(&x, a, 2);
    memcpy(&y, b, 2);
    return (x == y && (x & 0x7fff) <= Infinity) || ((x | y) & 0x7fff) == 0;
  }
};
typedef bool (*EqualElements)(const char *, const char *);
EqualElements equal_elements(StDType t) {
  switch (t) {
    case StDType_bool: case StDType_uint8: return Equal<uint8_t>::of;
    case StDType_int8: return Equal<int8_t>::of;
    case StDType_int16: return Equal<int16_t>::of;
    case StDType_int32: return Equal<int32_t>::of;
    case StDType_int64: return Equal<int64_t>::of;
    case StDType_float16: return EqualHalf<0x7c00>::of;
    case StDType_bfloat16: return EqualHalf<0x7f80>::of;
    case StDType_float32: return Equal<float>::of;
    case StDType_float64: return Equal<double>::of;
    default: return nullptr;
  }
}

template <class T> void histogram(const T *x, int64_t n, T low, T high, int64_t bins, T *out) {
  for (int64_t i = 0; i < n; ++i) {
    if (!(x[i] >= low && x[i] <= high)) continue;
    int64_t bin = (int64_t)((x[i] - low) * (T)bins / (high - low));
    out[bin < bins ? bin : bins - 1] += 1;
  }
}
}  // namespace

extern "C" int64_t st_unique(StDType t, const void *in, int64_t n, bool sorted, void *values, int64_t *inverse, int64_t *counts) {
  EqualElements equal = equal_elements(t);
  if (!equal) return -1;
  if (n == 0) return 0;
  const int64_t item = kItem[t];
  const size_t bytes = (size_t)n * (size_t)(item + 8);
  char *block = nullptr, *row = (char *)in;
  int64_t *order = nullptr;
  if (sorted) {
    block = (char *)st_allocate(bytes);
    if (!block) return -2;
    order = (int64_t *)block;
    row = block + n * 8;
    if (!st_sort_rows(t, in, row, order, 1, n, false)) { st_deallocate(block, bytes); return -2; }
  }
  int64_t found = -1;
  for (int64_t i = 0; i < n; ++i) {
    if (i == 0 || !equal(row + i * item, row + (i - 1) * item)) {
      ++found;
      memcpy((char *)values + found * item, row + i * item, (size_t)item);
      if (counts) counts[found] = 0;
    }
    if (counts) counts[found]++;
    if (inverse) inverse[order ? order[i] : i] = found;
  }
  if (block) st_deallocate(block, bytes);
  return found + 1;
}

extern "C" int64_t st_bincount(const int64_t *x, int64_t n, StDType weight_type, const void *weights, void *out, int64_t bins) {
  for (int64_t i = 0; i < n; ++i) {
    if ((uint64_t)x[i] >= (uint64_t)bins) return i;
    if (!weights) ((int64_t *)out)[x[i]] += 1;
    else if (weight_type == StDType_float32) ((float *)out)[x[i]] += ((const float *)weights)[i];
    else ((double *)out)[x[i]] += ((const double *)weights)[i];
  }
  return -1;
}

extern "C" bool st_histogram(StDType t, const void *x, int64_t n, double low, double high, int64_t bins, void *out) {
  if (t == StDType_float32) histogram((const float *)x, n, (float)low, (float)high, bins, (float *)out);
  else if (t == StDType_float64) histogram((const double *)x, n, low, high, bins, (double *)out);
  else return false;
  return true;
}
