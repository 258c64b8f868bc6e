// Gather, scatter, rows by index: everything that reads or writes where an index tensor says. Every index is checked before it is used.
#include "st_index.h"
#include "st_parallel.h"
#include "strided_walk.h"
#include <string.h>

#define ST_LEVEL_FILE "add_rows.inc"
#include "cpu/each_level.h"

namespace {

constexpr int64_t kGrain = 1 << 14;
constexpr int kItem[ST_DTYPE_COUNT] = {1, 1, 1, 2, 4, 8, 2, 2, 4, 8, 8, 16, 2, 4, 8};

struct Sixteen { uint64_t a, b; };
int64_t at_least_one(int64_t x) { return x > 0 ? x : 1; }
int64_t index_at(const char *p) { int64_t k; memcpy(&k, p, 8); return k; }

/// Keeps the smallest bad position that any thread reports.
struct FirstBad {
  int64_t position = INT64_MAX;
  void report(int64_t p) {
    int64_t seen = __atomic_load_n(&position, __ATOMIC_RELAXED);
    while (p < seen && !__atomic_compare_exchange_n(&position, &seen, p, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {}
  }
  int64_t result() const { return position == INT64_MAX ? -1 : position; }
};
/// The first of n indices that is outside [0, size), or n. Without branches per element, so that it costs little.
int64_t first_outside(const char *p, int64_t stride, int64_t n, int64_t size) {
  uint64_t bad = 0;
  if (stride == 8) for (int64_t i = 0; i < n; ++i) bad |= (uint64_t)index_at(p + i * 8) >= (uint64_t)size;
  else for (int64_t i = 0; i < n; ++i) bad |= (uint64_t)index_at(p + i * stride) >= (uint64_t)size;
  if (!bad) return n;
  int64_t i = 0;
  while ((uint64_t)index_at(p + i * stride) < (uint64_t)size) ++i;
  return i;
}

// ---- Gather

struct GatherJob {
  StridedWalk<3> walk;   // out, index, in (without the indexed dim)
  char *out;
  const char *index, *in;
  int64_t size, stride;  // of the indexed dim of `in`
  FirstBad bad;
};
template <class E> void gather_elements(void *context, int64_t begin, int64_t end) {
  GatherJob &j = *(GatherJob *)context;
  const int64_t so = j.walk.step[0], sk = j.walk.step[1], si = j.walk.step[2], stride = j.stride;
  j.walk.each(begin, end, [&](const int64_t *offset, int64_t position, int64_t n) {
    const char *k = j.index + offset[1];
    int64_t good = first_outside(k, sk, n, j.size);
    if (good < n) { j.bad.report(position + good); return false; }
    char *o = j.out + offset[0];
    const char *x = j.in + offset[2];
    if (so == (int64_t)sizeof(E) && sk == 8 && si == 0) for (int64_t i = 0; i < n; ++i) memcpy(o + i * (int64_t)sizeof(E), x + index_at(k + i * 8) * stride, sizeof(E));
    else for (int64_t i = 0; i < n; ++i) memcpy(o + i * so, x + i * si + index_at(k + i * sk) * stride, sizeof(E));
    return true;
  });
}

// ---- Scatter

template <class T> struct Plain { typedef T Value; static T get(T x) { return x; } static T set(T x) { return x; } };
using st_baseline::b16;
using st_baseline::h16;
template <class T> struct Sixteenth {
  typedef float Value;
  static float get(T x) { return st_baseline::load<float, 1>(&x)[0]; }
  static T set(float x) { T y; st_baseline::store<float, 1>(&y, (st_baseline::Vec<float, 1>)(x)); return y; }
};
template <> struct Plain<h16> : Sixteenth<h16> {};
template <> struct Plain<b16> : Sixteenth<b16> {};
template <class R> struct Complex {
  R re, im;
  friend Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
  friend Complex operator*(Complex a, Complex b) { return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; }
};
/// Integers wrap; small ones are computed in unsigned 64 bits. Bool adds and multiplies as or and and.
template <class T> T plus(T a, T b) { return a + b; }
template <class T> T times(T a, T b) { return a * b; }
template <> bool plus(bool a, bool b) { return a || b; }
template <> bool times(bool a, bool b) { return a && b; }
#define ST_WRAP(T) \
  template <> T plus(T a, T b) { return (T)((uint64_t)a + (uint64_t)b); } \
  template <> T times(T a, T b) { return (T)((uint64_t)a * (uint64_t)b); }
ST_WRAP(uint8_t) ST_WRAP(int8_t) ST_WRAP(int16_t) ST_WRAP(int32_t) ST_WRAP(int64_t)
#undef ST_WRAP

template <class V> struct Add { static V of(V a, V b) { return plus<V>(a, b); } };
template <class V> struct Multiply { static V of(V a, V b) { return times<V>(a, b); } };
template <class V> struct Larger { static V of(V a, V b) { return b > a || b != b ? b : a; } };
template <class V> struct Smaller { static V of(V a, V b) { return b < a || b != b ? b : a; } };

struct ScatterJob {
  int rank;
  int64_t sizes[64], out_strides[64], index_strides[64], source_strides[64];
  int split;             // the dim that threads share, never the indexed one; -1 for none
  char *out;
  const char *index, *source;
  int64_t size, stride;  // of the indexed dim of `out`
  int64_t row_positions[64];   // row-major weight of each dim in `index`
  FirstBad bad;
};
/// Runs `write(out, source)` for every index in the part [begin, end) of the split dim, in row-major order.
template <class Write> void scatter_part(ScatterJob &j, int64_t begin, int64_t end, Write write) {
  int64_t sizes[64], out_offset = 0, index_offset = 0, source_offset = 0, base = 0;
  for (int d = 0; d < j.rank; ++d) sizes[d] = j.sizes[d];
  if (j.split >= 0) {
    sizes[j.split] = end - begin;
    out_offset = begin * j.out_strides[j.split]; index_offset = begin * j.index_strides[j.split]; source_offset = begin * j.source_strides[j.split];
    base = begin * j.row_positions[j.split];
  }
  const int64_t *const strides[4] = {j.out_strides, j.index_strides, j.source_strides, j.row_positions};
  StridedWalk<4> walk(j.rank, sizes, strides);
  const int64_t so = walk.step[0], sk = walk.step[1], ss = walk.step[2];
  walk.each(0, walk.count, [&](const int64_t *offset, int64_t, int64_t n) {
    char *o = j.out + out_offset + offset[0];
    const char *k = j.index + index_offset + offset[1], *s = j.source + source_offset + offset[2];
    int64_t good = first_outside(k, sk, n, j.size);
    for (int64_t i = 0; i < good; ++i) write(o + i * so + index_at(k + i * sk) * j.stride, s + i * ss);
    if (good < n) j.bad.report(base + offset[3] + good * walk.step[3]);
    return good == n;
  });
}
template <class E> void scatter_copy(void *context, int64_t begin, int64_t end) {
  scatter_part(*(ScatterJob *)context, begin, end, [](char *o, const char *s) { memcpy(o, s, sizeof(E)); });
}
template <class T, template <class> class Op> void scatter_combine(void *context, int64_t begin, int64_t end) {
  typedef typename Plain<T>::Value V;
  scatter_part(*(ScatterJob *)context, begin, end, [](char *o, const char *s) {
    T a, b;
    memcpy(&a, o, sizeof a);
    memcpy(&b, s, sizeof b);
    a = Plain<T>::set(Op<V>::of(Plain<T>::get(a), Plain<T>::get(b)));
    memcpy(o, &a, sizeof a);
  });
}
template <template <class> class Op> st_task real_scatter(StDType t) {
  switch (t) {
    case StDType_bool: return scatter_combine<bool, Op>;
    case StDType_uint8: return scatter_combine<uint8_t, Op>;
    case StDType_int8: return scatter_combine<int8_t, Op>;
    case StDType_int16: return scatter_combine<int16_t, Op>;
    case StDType_int32: return scatter_combine<int32_t, Op>;
    case StDType_int64: return scatter_combine<int64_t, Op>;
    case StDType_float16: return scatter_combine<h16, Op>;
    case StDType_bfloat16: return scatter_combine<b16, Op>;
    case StDType_float32: return scatter_combine<float, Op>;
    case StDType_float64: return scatter_combine<double, Op>;
    default: return nullptr;
  }
}
template <template <class> class Op> st_task any_scatter(StDType t) {
  if (t == StDType_complex64) return scatter_combine<Complex<float>, Op>;
  if (t == StDType_complex128) return scatter_combine<Complex<double>, Op>;
  return real_scatter<Op>(t);
}
st_task copy_scatter(int item) {
  switch (item) {
    case 1: return scatter_copy<uint8_t>;
    case 2: return scatter_copy<uint16_t>;
    case 4: return scatter_copy<uint32_t>;
    case 8: return scatter_copy<uint64_t>;
    default: return scatter_copy<Sixteen>;
  }
}
st_task scatter_task(StScatterOp op, StDType t) {
  switch (op) {
    case StScatterOp_replace: return copy_scatter(kItem[t]);
    case StScatterOp_sum: return any_scatter<Add>(t);
    case StScatterOp_prod: return any_scatter<Multiply>(t);
    case StScatterOp_max: return real_scatter<Larger>(t);
    case StScatterOp_min: return real_scatter<Smaller>(t);
  }
  return nullptr;
}

// ---- Rows

struct RowsJob {
  char *out;
  const char *in;
  int64_t out_stride, in_stride, rows, row_bytes, columns, count, skip;
  const int64_t *index;
  double alpha;
  StDType type;
};
template <class E> void take_elements(const RowsJob &j, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    int64_t k = j.index[i];
    k += k < 0 ? j.rows : 0;
    memcpy(j.out + i * j.out_stride, j.in + k * j.in_stride, sizeof(E));
  }
}
void take_rows(void *context, int64_t begin, int64_t end) {
  const RowsJob &j = *(const RowsJob *)context;
  switch (j.row_bytes) {
    case 1: return take_elements<uint8_t>(j, begin, end);
    case 2: return take_elements<uint16_t>(j, begin, end);
    case 4: return take_elements<uint32_t>(j, begin, end);
    case 8: return take_elements<uint64_t>(j, begin, end);
    case 16: return take_elements<Sixteen>(j, begin, end);
    default: break;
  }
  for (int64_t i = begin; i < end; ++i) {
    int64_t k = j.index[i];
    k += k < 0 ? j.rows : 0;
    memcpy(j.out + i * j.out_stride, j.in + k * j.in_stride, (size_t)j.row_bytes);
  }
}

template <class T> void add_elements(void *out, const void *in, int64_t n, double alpha) {
  for (int64_t i = 0; i < n; ++i) {
    T a, b;
    memcpy(&a, (char *)out + i * (int64_t)sizeof(T), sizeof(T));
    memcpy(&b, (const char *)in + i * (int64_t)sizeof(T), sizeof(T));
    a = plus<T>(a, times<T>((T)(int64_t)alpha, b));
    memcpy((char *)out + i * (int64_t)sizeof(T), &a, sizeof(T));
  }
}
st_baseline::AddRow add_kernel(StDType t, int64_t *scale) {
  *scale = 1;
  switch (t) {
    case StDType_bool: return add_elements<bool>;
    case StDType_uint8: return add_elements<uint8_t>;
    case StDType_int8: return add_elements<int8_t>;
    case StDType_int16: return add_elements<int16_t>;
    case StDType_int32: return add_elements<int32_t>;
    case StDType_int64: return add_elements<int64_t>;
    case StDType_complex64: *scale = 2; return ST_PICK(add_row_kernel)(2);    // alpha is real, so pairs of reals do
    case StDType_complex128: *scale = 2; return ST_PICK(add_row_kernel)(3);
    case StDType_uint16: case StDType_uint32: case StDType_uint64: return nullptr;
    default: return ST_PICK(add_row_kernel)(t - StDType_float16);
  }
}
/// Columns [begin, end) of every row.
void add_columns(void *context, int64_t begin, int64_t end) {
  const RowsJob &j = *(const RowsJob *)context;
  int64_t scale;
  st_baseline::AddRow add = add_kernel(j.type, &scale);
  const int64_t item = kItem[j.type], from = begin * item, n = (end - begin) * scale;
  for (int64_t i = 0; i < j.count; ++i) {
    if (j.index[i] == j.skip) continue;
    add(j.out + j.index[i] * j.out_stride + from, j.in + i * j.in_stride + from, n, j.alpha);
  }
}

}  // namespace

extern "C" int64_t st_gather(int32_t element_size, st_view out, st_view in, st_view index, int32_t dim) {
  if (index.rank == 0) {
    if (index_at(index.data) != 0) return 0;
    memcpy(out.data, in.data, (size_t)element_size);
    return -1;
  }
  int64_t in_strides[64];
  for (int d = 0; d < index.rank; ++d) in_strides[d] = d == dim ? 0 : in.strides[d];
  const int64_t *const strides[3] = {out.strides, index.strides, in_strides};
  GatherJob j = {StridedWalk<3>(index.rank, index.sizes, strides), out.data, index.data, in.data, in.sizes[dim], in.strides[dim], {}};
  st_task task = element_size == 1 ? gather_elements<uint8_t> : element_size == 2 ? gather_elements<uint16_t> : element_size == 4 ? gather_elements<uint32_t>
                 : element_size == 8 ? gather_elements<uint64_t> : gather_elements<Sixteen>;
  st_parallel_for(j.walk.count, kGrain, task, &j);
  return j.bad.result();
}

extern "C" int64_t st_scatter(StScatterOp op, StDType t, st_view out, st_view index, st_view source, int32_t dim) {
  ScatterJob j = {};
  j.rank = index.rank;
  j.split = -1;
  j.out = out.data; j.index = index.data; j.source = source.data;
  if (index.rank == 0) {
    j.rank = 1;
    j.sizes[0] = 1;
    j.size = 1;
  } else {
    j.size = out.sizes[dim];
    j.stride = out.strides[dim];
  }
  int64_t weight = 1, count = 1, best = 1;
  for (int d = index.rank - 1; d >= 0; --d) {
    j.sizes[d] = index.sizes[d];
    j.out_strides[d] = d == dim ? 0 : out.strides[d];
    j.index_strides[d] = index.strides[d];
    j.source_strides[d] = source.strides[d];
    j.row_positions[d] = weight;
    weight *= index.sizes[d];
    count *= index.sizes[d];
    if (d != dim && index.sizes[d] > best) { best = index.sizes[d]; j.split = d; }
  }
  if (count == 0) return -1;
  st_task task = scatter_task(op, t);
  if (!task) return -1;   // Swift refuses max and min of complex beforehand
  if (j.split < 0) task(&j, 0, 1);
  else st_parallel_for(best, at_least_one(kGrain / (count / best)), task, &j);
  return j.bad.result();
}

extern "C" int64_t st_take_rows(char *out, int64_t out_stride, const char *in, int64_t in_stride, int64_t in_rows, int64_t row_bytes, const int64_t *index, int64_t count, bool wrap) {
  for (int64_t i = 0; i < count; ++i) {
    int64_t k = index[i];
    if (k >= in_rows || k < (wrap ? -in_rows : 0)) return i;
  }
  RowsJob j = {};
  j.out = out; j.in = in; j.out_stride = out_stride; j.in_stride = in_stride; j.rows = in_rows; j.row_bytes = row_bytes; j.index = index; j.count = count;
  st_parallel_for(count, at_least_one((kGrain * 4) / at_least_one(row_bytes)), take_rows, &j);
  return -1;
}

extern "C" int64_t st_add_rows(StDType t, char *out, int64_t out_stride, int64_t out_rows, const char *in, int64_t in_stride, int64_t columns, const int64_t *index, int64_t count, double alpha, int64_t skip) {
  for (int64_t i = 0; i < count; ++i) {
    int64_t k = index[i];
    if ((uint64_t)k >= (uint64_t)out_rows && (k != skip || skip < 0)) return i;
  }
  RowsJob j = {};
  j.out = out; j.in = in; j.out_stride = out_stride; j.in_stride = in_stride; j.columns = columns; j.index = index; j.count = count; j.alpha = alpha; j.type = t;
  j.skip = skip < 0 ? -1 : skip;
  int64_t scale;
  if (count == 0 || columns == 0 || !add_kernel(t, &scale)) return -1;
  // At least a cache line each, so that threads do not share lines.
  int64_t grain = kGrain / count, least = 128 / kItem[t] > 0 ? 128 / kItem[t] : 1;
  st_parallel_for(columns, grain > least ? grain : least, add_columns, &j);
  return -1;
}
