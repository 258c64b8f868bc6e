// Layer, RMS and batch norm with their gradients: threads, partial sums in a fixed order, per-channel constants.
#include "st_rows.h"
#include "st_allocator.h"
#include "st_parallel.h"
#include "cpu/normalization_job.h"
#include "cpu/reduce_state.h"
#include <math.h>

#define ST_LEVEL_FILE "normalization.inc"
#include "cpu/each_level.h"

namespace {

/// A block of the caching allocator for the length of a call.
struct Scratch {
  void *p;
  size_t bytes;
  explicit Scratch(int64_t b) : p(st_allocate((size_t)b)), bytes((size_t)b) {}
  ~Scratch() { if (p) st_deallocate(p, bytes); }
  Scratch(const Scratch &) = delete;
};

bool is_float(StDType t) { return t >= StDType_float16 && t <= StDType_float64; }
int64_t at_least_one(int64_t x) { return x > 0 ? x : 1; }
int64_t compute_bytes(StDType t) { return t == StDType_float64 ? 8 : 4; }

using st_baseline::b16;
using st_baseline::h16;
/// Elements of T or of its compute type, as double.
double get(StDType t, const void *p, int64_t i) {
  switch (t) {
    case StDType_float16: return st_baseline::load<float, 1>((const h16 *)p + i)[0];
    case StDType_bfloat16: return st_baseline::load<float, 1>((const b16 *)p + i)[0];
    case StDType_float32: return ((const float *)p)[i];
    default: return ((const double *)p)[i];
  }
}
void set(StDType t, void *p, int64_t i, double x) {
  switch (t) {
    case StDType_float16: st_baseline::store<float, 1>((h16 *)p + i, (st_baseline::Vec<float, 1>)((float)x)); break;
    case StDType_bfloat16: st_baseline::store<float, 1>((b16 *)p + i, (st_baseline::Vec<float, 1>)((float)x)); break;
    case StDType_float32: ((float *)p)[i] = (float)x; break;
    default: ((double *)p)[i] = x; break;
  }
}
StDType computing(StDType t) { return t == StDType_float64 ? StDType_float64 : StDType_float32; }

// ---- Rows

bool row_norm(RowNormTask task, StDType t, RowNormJob &j) {
  if (!is_float(t)) return false;
  if (j.rows == 0 || j.columns == 0) return true;
  st_parallel_for(j.rows, at_least_one((1 << 14) / j.columns), ST_PICK(row_norm_task)(task, t - StDType_float16), &j);
  return true;
}

struct MergeJob { const RowNormJob *j; StDType t; void *dweight, *dbias; int64_t chunks; };
/// Adds the chunks' partial gradients of columns [begin, end).
void merge_columns(void *context, int64_t begin, int64_t end) {
  const MergeJob &m = *(const MergeJob *)context;
  const int64_t n = m.j->columns;
  const StDType c = computing(m.t);
  constexpr int64_t kBlock = 256;
  for (int which = 0; which < 2; ++which) {
    void *out = which ? m.dbias : m.dweight;
    if (!out) continue;
    for (int64_t i0 = begin; i0 < end; i0 += kBlock) {
      const int64_t width = end - i0 < kBlock ? end - i0 : kBlock;
      double total[kBlock] = {};
      for (int64_t k = 0; k < m.chunks; ++k) {
        const int64_t at = (k * 2 + which) * n + i0;
        if (c == StDType_float32) for (int64_t i = 0; i < width; ++i) total[i] += (double)((const float *)m.j->partials)[at + i];
        else for (int64_t i = 0; i < width; ++i) total[i] += ((const double *)m.j->partials)[at + i];
      }
      for (int64_t i = 0; i < width; ++i) set(m.t, out, i0 + i, total[i]);
    }
  }
}
bool row_norm_backward(RowNormTask task, StDType t, RowNormJob &j, void *dweight, void *dbias) {
  if (!is_float(t)) return false;
  if (j.columns == 0) return true;
  // By sizes alone: up to 64 chunks of at least 16 rows.
  j.chunk = (j.rows + 63) / 64;
  if (j.chunk < 16) j.chunk = 16;
  // Partials sum in the compute type, so chunks stay short; more of them cost little.
  if (j.chunk > 256) j.chunk = 256;
  const int64_t chunks = (j.rows + j.chunk - 1) / j.chunk;
  const bool weights = dweight || dbias;
  Scratch partials(weights ? at_least_one(chunks) * 2 * j.columns * compute_bytes(t) : 0);
  if (weights && !partials.p) return false;
  j.partials = weights ? (char *)partials.p : nullptr;
  if (j.rows > 0) st_parallel_for(chunks, at_least_one((1 << 14) / (j.columns * j.chunk)), ST_PICK(row_norm_task)(task, t - StDType_float16), &j);
  if (weights) {
    MergeJob m = {&j, t, dweight, dbias, chunks};
    st_parallel_for(j.columns, 1024, merge_columns, &m);
  }
  return true;
}

}  // namespace

extern "C" bool st_layer_norm(StDType t, const void *x, const void *weight, const void *bias, void *y, void *mean, void *rstd, int64_t rows, int64_t columns, double eps) {
  RowNormJob j = {};
  j.x = x; j.weight = weight; j.bias = bias; j.y = y; j.mean = mean; j.rstd = rstd; j.rows = rows; j.columns = columns; j.eps = eps;
  return row_norm(ST_task_layer_norm, t, j);
}
extern "C" bool st_rms_norm(StDType t, const void *x, const void *weight, void *y, void *rstd, int64_t rows, int64_t columns, double eps) {
  RowNormJob j = {};
  j.x = x; j.weight = weight; j.y = y; j.rstd = rstd; j.rows = rows; j.columns = columns; j.eps = eps;
  return row_norm(ST_task_rms_norm, t, j);
}
extern "C" bool st_layer_norm_backward(StDType t, const void *dy, const void *x, const void *weight, const void *mean, const void *rstd, void *dx, void *dweight, void *dbias, int64_t rows, int64_t columns) {
  RowNormJob j = {};
  j.dy = dy; j.x = x; j.weight = weight; j.mean = (void *)mean; j.rstd = (void *)rstd; j.dx = dx; j.rows = rows; j.columns = columns;
  return row_norm_backward(ST_task_layer_norm_backward, t, j, dweight, dbias);
}
extern "C" bool st_rms_norm_backward(StDType t, const void *dy, const void *x, const void *weight, const void *rstd, void *dx, void *dweight, int64_t rows, int64_t columns) {
  RowNormJob j = {};
  j.dy = dy; j.x = x; j.weight = weight; j.rstd = (void *)rstd; j.dx = dx; j.rows = rows; j.columns = columns;
  return row_norm_backward(ST_task_rms_norm_backward, t, j, dweight, nullptr);
}

// ---- Batch norm

namespace {

constexpr int64_t kSmallPlane = 16;

/// Images per chunk, by sizes alone; `width` elements of an image belong to the task.
int64_t images_per_chunk(int64_t n, int64_t width) {
  int64_t chunk = at_least_one((1 << 15) / at_least_one(width)), least = (n + 31) / 32;
  return chunk > least ? chunk : least;
}
st_task batch_task(BatchNormTask task, StDType t, bool spread) { return ST_PICK(batch_norm_task)(task, t - StDType_float16, spread); }

/// Per-channel constants; for small planes also spread over the columns of an image, in the compute type.
struct Constants {
  int64_t c, inner;
  StDType type;
  bool spread;
  Scratch channels, columns;
  Constants(StDType t, int64_t c, int64_t inner) : c(c), inner(inner), type(computing(t)), spread(inner < kSmallPlane), channels(4 * c * 8 + 1), columns(spread ? 4 * c * inner * 8 + 1 : 0) {}
  bool ready() const { return channels.p && (!spread || columns.p); }
  double *of(int k) { return (double *)channels.p + k * c; }
  void attach(BatchNormJob &j) {
    const double **slots[4] = {&j.mean, &j.scale, &j.shift, &j.slope};
    for (int k = 0; k < 4; ++k) {
      if (!spread) { *slots[k] = of(k); continue; }
      char *to = (char *)columns.p + k * c * inner * 8;
      for (int64_t i = 0; i < c; ++i)
        for (int64_t e = 0; e < inner; ++e) set(type, to, i * inner + e, of(k)[i]);
      *slots[k] = (const double *)to;
    }
  }
};
void run_planes(BatchNormTask task, StDType t, BatchNormJob &j, bool spread) {
  if (spread) st_parallel_for(j.n, at_least_one((1 << 14) / (j.c * j.inner)), batch_task(task, t, true), &j);
  else st_parallel_for(j.n * j.c, at_least_one((1 << 14) / j.inner), batch_task(task, t, false), &j);
}

}  // namespace

extern "C" bool st_batch_norm_statistics(StDType t, const void *x, void *mean, void *variance, int64_t n, int64_t c, int64_t inner) {
  if (!is_float(t)) return false;
  const StDType ct = computing(t);
  const bool spread = inner < kSmallPlane;
  BatchNormJob j = {};
  j.x = x; j.n = n; j.c = c; j.inner = inner;
  j.chunk = images_per_chunk(n, spread ? c * inner : inner);
  j.chunks = at_least_one((n + j.chunk - 1) / j.chunk);
  const int64_t states = j.chunks * c * (spread ? at_least_one(inner) : 1);
  Scratch moments(states * (int64_t)sizeof(MomentState) + 1);
  if (!moments.p) return false;
  j.moments = (MomentState *)moments.p;
  if (n * c * inner == 0) { for (int64_t i = 0; i < c; ++i) { set(ct, mean, i, NAN); set(ct, variance, i, NAN); } return true; }
  st_parallel_for(spread ? j.chunks : c * j.chunks, spread ? 1 : at_least_one((1 << 15) / (j.chunk * inner)), batch_task(ST_task_batch_moments, t, spread), &j);
  for (int64_t i = 0; i < c; ++i) {
    MomentState s = {0, 0, 0};
    for (int64_t k = 0; k < j.chunks; ++k) {
      const MomentState *m = spread ? j.moments + (k * c + i) * inner : j.moments + i * j.chunks + k;
      for (int64_t e = 0; e < (spread ? inner : 1); ++e) if (m[e].count > 0) st_baseline::merge_moments(&s, m[e].count, m[e].mean, m[e].m2);
    }
    set(ct, mean, i, s.mean);
    set(ct, variance, i, s.m2 / s.count);
  }
  return true;
}

extern "C" bool st_batch_norm_apply(StDType t, const void *x, const void *mean, const void *rstd, const void *weight, const void *bias, void *y, int64_t n, int64_t c, int64_t inner) {
  if (!is_float(t)) return false;
  if (n * c * inner == 0) return true;
  const StDType ct = computing(t);
  Constants k(t, c, inner);
  if (!k.ready()) return false;
  for (int64_t i = 0; i < c; ++i) {
    k.of(0)[i] = get(ct, mean, i);
    k.of(1)[i] = get(ct, rstd, i) * (weight ? get(t, weight, i) : 1);
    k.of(2)[i] = bias ? get(t, bias, i) : 0;
    k.of(3)[i] = 0;
  }
  BatchNormJob j = {};
  j.x = x; j.y = y; j.n = n; j.c = c; j.inner = inner;
  k.attach(j);
  run_planes(ST_task_batch_apply, t, j, k.spread);
  return true;
}

extern "C" bool st_batch_norm_backward(StDType t, const void *dy, const void *x, const void *mean, const void *rstd, const void *weight, void *dx, void *dweight, void *dbias, int64_t n, int64_t c, int64_t inner, bool training) {
  if (!is_float(t)) return false;
  const StDType ct = computing(t);
  if (n * c * inner == 0) {
    for (int64_t i = 0; i < c; ++i) { if (dweight) set(t, dweight, i, 0); if (dbias) set(t, dbias, i, 0); }
    return true;
  }
  Constants k(t, c, inner);
  if (!k.ready()) return false;
  BatchNormJob j = {};
  j.x = x; j.dy = dy; j.y = dx; j.n = n; j.c = c; j.inner = inner;
  for (int64_t i = 0; i < c; ++i) {
    k.of(0)[i] = get(ct, mean, i);
    k.of(1)[i] = get(ct, rstd, i) * (weight ? get(t, weight, i) : 1);
    k.of(2)[i] = k.of(3)[i] = 0;
  }
  if (training || dweight || dbias) {
    k.attach(j);
    j.chunk = images_per_chunk(n, k.spread ? c * inner : inner);
    j.chunks = (n + j.chunk - 1) / j.chunk;
    Scratch sums(j.chunks * c * (k.spread ? inner : 1) * 2 * 8);
    if (!sums.p) return false;
    j.sums = (double *)sums.p;
    st_parallel_for(k.spread ? j.chunks : c * j.chunks, k.spread ? 1 : at_least_one((1 << 15) / (j.chunk * inner)), batch_task(ST_task_batch_sums, t, k.spread), &j);
    const double count = (double)(n * inner);
    for (int64_t i = 0; i < c; ++i) {
      double plain = 0, along = 0;
      for (int64_t q = 0; q < j.chunks; ++q) {
        if (!k.spread) { plain += j.sums[2 * (i * j.chunks + q)]; along += j.sums[2 * (i * j.chunks + q) + 1]; continue; }
        const double *s = j.sums + q * 2 * c * inner + i * inner;
        for (int64_t e = 0; e < inner; ++e) { plain += s[e]; along += s[c * inner + e]; }
      }
      const double r = get(ct, rstd, i);
      if (dweight) set(t, dweight, i, along * r);
      if (dbias) set(t, dbias, i, plain);
      if (training) { k.of(2)[i] = plain / count; k.of(3)[i] = -k.of(1)[i] * r * r * along / count; }
    }
  }
  if (dx) { k.attach(j); run_planes(ST_task_batch_backward, t, j, k.spread); }
  return true;
}
