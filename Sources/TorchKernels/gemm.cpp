// Matrix product of our own.
//
// Note [Matrix product]
// float32 and float64 go through tiles whose sums stay in registers (14 rows of two AVX-512 vectors, 6 of two AVX2 ones). Operands are packed into panels that
// a tile reads in order: B a part of k at a time, A a block of rows at a time; either is read where it lies when too few tiles would use the copy. A single row,
// or a few rows against a transposed matrix, have loops of their own, bound by memory. An element is always summed over k in the same order and in the same
// parts of k, whichever tile, block or thread computes it: results do not depend on the number of threads.
// float16 and bfloat16 are widened, multiplied and rounded once. Integers wrap; complex numbers go by a plain blocked loop.
#include "st_matrix.h"
#include "st_allocator.h"
#include "st_parallel.h"

#define ST_LEVEL_FILE "gemm.inc"
#include "cpu/each_level.h"
#include "cpu/widen.h"

namespace {

struct Strides { int64_t row, column; };

/// Without products to sum there is only c = beta * c.
template <class T> void scale(int64_t m, int64_t n, T beta, bool clear, T *c, Strides s) {
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      T *e = c + i * s.row + j * s.column;
      *e = clear ? T(0) : (T)(*e * beta);
    }
}

bool real_gemm(int64_t m, int64_t n, int64_t k, double alpha, const float *a, Strides sa, const float *b, Strides sb, double beta, float *c, int64_t c_row, bool threads) {
  return ST_PICK(gemm_f32)(m, n, k, alpha, a, sa.row, sa.column, b, sb.row, sb.column, beta, c, c_row, threads);
}
bool real_gemm(int64_t m, int64_t n, int64_t k, double alpha, const double *a, Strides sa, const double *b, Strides sb, double beta, double *c, int64_t c_row, bool threads) {
  return ST_PICK(gemm_f64)(m, n, k, alpha, a, sa.row, sa.column, b, sb.row, sb.column, beta, c, c_row, threads);
}

template <class T>
bool strided_gemm(int64_t m, int64_t n, int64_t k, double alpha, const T *a, Strides sa, const T *b, Strides sb, double beta, T *c, Strides sc, bool threads) {
  if (m == 0 || n == 0) return true;
  if (k == 0 || alpha == 0) { scale<T>(m, n, (T)beta, beta == 0, c, sc); return true; }
  // A column is a row of the transposed product, and so is a result whose rows are adjacent.
  const bool turn = (sc.column != 1 && n != 1) ? sc.row == 1 || m == 1 : n == 1 && m != 1 && (sc.row == 1 || sc.column != 1 || n == 1);
  if (turn) {
    const T *t = a;
    a = b;
    b = t;
    const Strides x = {sb.column, sb.row}, y = {sa.column, sa.row};
    sa = x;
    sb = y;
    sc = {sc.column, sc.row};
    const int64_t u = m;
    m = n;
    n = u;
  }
  if (sc.column == 1 || n == 1) return real_gemm(m, n, k, alpha, a, sa, b, sb, beta, c, sc.row, threads);
  // No side of the result is adjacent: through a dense copy.
  const size_t bytes = (size_t)(m * n) * sizeof(T);
  T *copy = (T *)st_allocate(bytes);
  if (!copy) return false;
  if (beta != 0)
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) copy[i * n + j] = c[i * sc.row + j * sc.column];
  bool ok = real_gemm(m, n, k, alpha, a, sa, b, sb, beta, copy, n, threads);
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) c[i * sc.row + j * sc.column] = copy[i * n + j];
  st_deallocate(copy, bytes);
  return ok;
}

struct WidenJob { bool brain; const uint16_t *in; Strides s; int64_t columns; float *out; };
void widen_task(void *context, int64_t from, int64_t to) {
  auto *j = (WidenJob *)context;
  for (int64_t i = from; i < to; ++i) ST_PICK(widen)(j->brain, j->in + i * j->s.row, j->s.column, j->columns, j->out + i * j->columns);
}
float *widened(bool brain, const void *in, int64_t rows, int64_t columns, Strides s, bool threads) {
  float *out = (float *)st_allocate((size_t)(rows * columns) * sizeof(float));
  if (!out) return nullptr;
  WidenJob job = {brain, (const uint16_t *)in, s, columns, out};
  if (threads) st_parallel_for(rows, 16384 / (columns + 1) + 1, widen_task, &job);
  else widen_task(&job, 0, rows);
  return out;
}
bool half_gemm(bool brain, int64_t m, int64_t n, int64_t k, double alpha, const void *a, Strides sa, const void *b, Strides sb, double beta, void *c, Strides sc, bool threads) {
  // Widened in the order in which memory is read best; strides of the copies follow.
  const bool turn_a = sa.row == 1 && sa.column != 1, turn_b = sb.row == 1 && sb.column != 1;
  const size_t c_bytes = (size_t)(m * n) * sizeof(float);
  float *wa = turn_a ? widened(brain, a, k, m, Strides{sa.column, sa.row}, threads) : widened(brain, a, m, k, sa, threads);
  float *wb = turn_b ? widened(brain, b, n, k, Strides{sb.column, sb.row}, threads) : widened(brain, b, k, n, sb, threads);
  float *wc = (float *)st_allocate(c_bytes);
  bool ok = wa && wb && wc;
  if (ok) ok = strided_gemm<float>(m, n, k, alpha, wa, turn_a ? Strides{1, m} : Strides{k, 1}, wb, turn_b ? Strides{1, k} : Strides{n, 1}, 0, wc, Strides{n, 1}, threads);
  if (ok)
    for (int64_t i = 0; i < m; ++i) ST_PICK(narrow)(brain, wc + i * n, n, (float)beta, (uint16_t *)c + i * sc.row, sc.column);
  if (wa) st_deallocate(wa, (size_t)(m * k) * sizeof(float));
  if (wb) st_deallocate(wb, (size_t)(k * n) * sizeof(float));
  if (wc) st_deallocate(wc, c_bytes);
  return ok;
}

/// Complex numbers without the standard library's special cases for infinities, as BLAS does.
template <class R> struct Complex {
  R re, im;
  Complex() = default;
  Complex(R r) : re(r), im(0) {}
  Complex(R r, R i) : re(r), im(i) {}
  friend Complex operator*(Complex a, Complex b) { return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; }
  friend Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
};

/// Short unsigned integers would be multiplied as int, which may overflow.
template <class T> inline T times(T a, T b) { return a * b; }
inline uint16_t times(uint16_t a, uint16_t b) { return (uint16_t)((uint32_t)a * b); }

template <class T> struct PlainJob {
  int64_t m, n, k;
  T alpha, beta;
  bool keep;
  const T *a; Strides sa;
  const T *b; Strides sb;
  T *c; Strides sc;
};
/// Rows of the result, a block of columns at a time: the block of B is gathered once and read by every row.
template <class T> void plain_task(void *context, int64_t from, int64_t to) {
  auto *g = (PlainJob<T> *)context;
  constexpr int64_t kColumns = 64, kDepth = 64;
  T block[kDepth * kColumns], sum[kColumns];
  for (int64_t j0 = 0; j0 < g->n; j0 += kColumns) {
    const int64_t width = g->n - j0 < kColumns ? g->n - j0 : kColumns;
    for (int64_t p0 = 0; p0 < g->k || p0 == 0; p0 += kDepth) {
      const int64_t depth = g->k - p0 < kDepth ? g->k - p0 : kDepth;
      for (int64_t p = 0; p < depth; ++p)
        for (int64_t j = 0; j < width; ++j) block[p * kColumns + j] = g->b[(p0 + p) * g->sb.row + (j0 + j) * g->sb.column];
      for (int64_t i = from; i < to; ++i) {
        for (int64_t j = 0; j < width; ++j) sum[j] = T(0);
        const T *a = g->a + i * g->sa.row + p0 * g->sa.column;
        for (int64_t p = 0; p < depth; ++p) {
          const T x = a[p * g->sa.column];
          const T *row = block + p * kColumns;
          for (int64_t j = 0; j < width; ++j) sum[j] = (T)(sum[j] + times(x, row[j]));
        }
        for (int64_t j = 0; j < width; ++j) {
          T *c = g->c + i * g->sc.row + (j0 + j) * g->sc.column;
          T s = times(g->alpha, sum[j]);
          *c = p0 ? (T)(*c + s) : g->keep ? (T)(s + times(g->beta, *c)) : s;
        }
      }
    }
  }
}
template <class T> void plain(int64_t m, int64_t n, int64_t k, double alpha, const void *a, Strides sa, const void *b, Strides sb, double beta, void *c, Strides sc, bool threads) {
  if (m == 0 || n == 0) return;
  PlainJob<T> job = {m, n, k, T(alpha), T(beta), beta != 0, (const T *)a, sa, (const T *)b, sb, (T *)c, sc};
  if (threads) st_parallel_for(m, 65536 / (n * (k + 1) + 1) + 1, plain_task<T>, &job);
  else plain_task<T>(&job, 0, m);
}
/// Integers wrap, so they are computed unsigned. The scalars of an integer product are integers.
template <class U, class I> void integers(int64_t m, int64_t n, int64_t k, double alpha, const void *a, Strides sa, const void *b, Strides sb, double beta, void *c, Strides sc, bool threads) {
  if (m == 0 || n == 0) return;
  PlainJob<U> job = {m, n, k, (U)(I)alpha, (U)(I)beta, beta != 0, (const U *)a, sa, (const U *)b, sb, (U *)c, sc};
  if (threads) st_parallel_for(m, 65536 / (n * (k + 1) + 1) + 1, plain_task<U>, &job);
  else plain_task<U>(&job, 0, m);
}

bool one(StDType t, int64_t m, int64_t n, int64_t k, double alpha, const void *a, Strides sa, const void *b, Strides sb, double beta, void *c, Strides sc, bool threads) {
  switch (t) {
  case StDType_float32: return strided_gemm<float>(m, n, k, alpha, (const float *)a, sa, (const float *)b, sb, beta, (float *)c, sc, threads);
  case StDType_float64: return strided_gemm<double>(m, n, k, alpha, (const double *)a, sa, (const double *)b, sb, beta, (double *)c, sc, threads);
  case StDType_float16: return half_gemm(false, m, n, k, alpha, a, sa, b, sb, beta, c, sc, threads);
  case StDType_bfloat16: return half_gemm(true, m, n, k, alpha, a, sa, b, sb, beta, c, sc, threads);
  case StDType_complex64: plain<Complex<float>>(m, n, k, alpha, a, sa, b, sb, beta, c, sc, threads); return true;
  case StDType_complex128: plain<Complex<double>>(m, n, k, alpha, a, sa, b, sb, beta, c, sc, threads); return true;
  // 8- and 16-bit products are formed as int, which wraps to the right bits when narrowed.
  case StDType_uint8: case StDType_int8: integers<uint8_t, int64_t>(m, n, k, alpha, a, sa, b, sb, beta, c, sc, threads); return true;
  case StDType_int16: integers<uint16_t, int64_t>(m, n, k, alpha, a, sa, b, sb, beta, c, sc, threads); return true;
  case StDType_int32: integers<uint32_t, int64_t>(m, n, k, alpha, a, sa, b, sb, beta, c, sc, threads); return true;
  case StDType_int64: integers<uint64_t, int64_t>(m, n, k, alpha, a, sa, b, sb, beta, c, sc, threads); return true;
  default: return false;
  }
}
constexpr int64_t kElementSize[ST_DTYPE_COUNT] = {1, 1, 1, 2, 4, 8, 2, 2, 4, 8, 8, 16, 2, 4, 8};

struct BatchJob {
  StDType t;
  int64_t m, n, k;
  double alpha, beta;
  const char *a, *b;
  char *c;
  int64_t a_batch, b_batch, c_batch;
  Strides sa, sb, sc;
  bool failed;
};
void batch_task(void *context, int64_t from, int64_t to) {
  auto *j = (BatchJob *)context;
  for (int64_t i = from; i < to; ++i)
    if (!one(j->t, j->m, j->n, j->k, j->alpha, j->a + i * j->a_batch, j->sa, j->b + i * j->b_batch, j->sb, j->beta, j->c + i * j->c_batch, j->sc, false))
      __atomic_store_n(&j->failed, true, __ATOMIC_RELAXED);
}

}  // namespace

void st_widen(bool brain, const void *in, int64_t count, float *out) { ST_PICK(widen)(brain, in, 1, count, out); }
void st_narrow(bool brain, const float *in, int64_t count, void *out) { ST_PICK(narrow)(brain, in, count, 0, out, 1); }

extern "C" bool st_gemm(StDType t, int64_t m, int64_t n, int64_t k, double alpha, const void *a, int64_t a_row, int64_t a_column, const void *b, int64_t b_row,
                        int64_t b_column, double beta, void *c, int64_t c_row, int64_t c_column) {
  return one(t, m, n, k, alpha, a, {a_row, a_column}, b, {b_row, b_column}, beta, c, {c_row, c_column}, true);
}

extern "C" bool st_gemm_batched(StDType t, int64_t batch, int64_t m, int64_t n, int64_t k, double alpha, const void *a, int64_t a_batch, int64_t a_row, int64_t a_column,
                                const void *b, int64_t b_batch, int64_t b_row, int64_t b_column, double beta, void *c, int64_t c_batch, int64_t c_row, int64_t c_column) {
  // The same B for all, and rows that continue from one product to the next: one tall product.
  if (batch > 1 && b_batch == 0 && a_batch == m * a_row && c_batch == m * c_row)
    return st_gemm(t, batch * m, n, k, alpha, a, a_row, a_column, b, b_row, b_column, beta, c, c_row, c_column);
  if (batch <= 1) return batch < 1 || st_gemm(t, m, n, k, alpha, a, a_row, a_column, b, b_row, b_column, beta, c, c_row, c_column);
  const int64_t size = kElementSize[t];
  BatchJob job = {t, m, n, k, alpha, beta, (const char *)a, (const char *)b, (char *)c, a_batch * size, b_batch * size, c_batch * size, {a_row, a_column}, {b_row, b_column}, {c_row, c_column}, false};
  const double work = (double)m * (double)n * (double)k;
  if (work > 3e7 && batch < 4 * st_thread_count()) {   // large ones: all threads on each
    for (int64_t i = 0; i < batch; ++i)
      if (!one(t, m, n, k, alpha, job.a + i * job.a_batch, job.sa, job.b + i * job.b_batch, job.sb, beta, job.c + i * job.c_batch, job.sc, true)) return false;
    return true;
  }
  st_parallel_for(batch, (int64_t)(250000 / (work + 1)) + 1, batch_task, &job);
  return !job.failed;
}
