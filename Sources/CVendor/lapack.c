// LAPACK from OpenBLAS: one function per routine over the four element types, with workspace found by the routine's own query.
#include "cv_lapack.h"
#include "cv_internal.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

typedef const int32_t *I;
typedef const char *S;
#define LEN size_t   // gfortran passes the lengths of strings behind the other arguments

// Routines, the name without its type letter for real and complex types. "-" where the complex one has no real sibling.
#define ROUTINES(X) \
  X(getrf, "getrf", "getrf") X(getri, "getri", "getri") X(getrs, "getrs", "getrs") X(gesv, "gesv", "gesv") X(potrf, "potrf", "potrf") \
  X(potri, "potri", "potri") X(potrs, "potrs", "potrs") X(trtrs, "trtrs", "trtrs") X(geqrf, "geqrf", "geqrf") X(orgqr, "orgqr", "ungqr") \
  X(ormqr, "ormqr", "unmqr") X(gesdd, "gesdd", "gesdd") X(heevd, "syevd", "heevd") X(geev, "geev", "geev") X(gelsd, "gelsd", "gelsd") \
  X(gelsy, "gelsy", "gelsy") X(gels, "gels", "gels") X(sytrf, "sytrf", "sytrf") X(hetrf, "sytrf", "hetrf") X(sytrs, "sytrs", "sytrs") X(hetrs, "sytrs", "hetrs")

enum {
#define X(name, real, complex) R_##name,
  ROUTINES(X)
#undef X
  R_count
};
static void *address[R_count][4];
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool available;

static void load(void) {
  cv_open();
  if (!cv_libraries[CVLibrary_openblas].found) return;
  static const char *const names[R_count][2] = {
#define X(name, real, complex) {real, complex},
    ROUTINES(X)
#undef X
  };
  for (int r = 0; r < R_count; ++r)
    for (int t = 0; t < 4; ++t) {
      char symbol[32];
      snprintf(symbol, sizeof symbol, "%c%s_", "sdcz"[t], names[r][t >= 2]);
      if (!(address[r][t] = dlsym(cv_handles[CVLibrary_openblas], symbol))) return;
    }
  available = true;
}
bool cv_lapack_available(void) { pthread_once(&once, load); return available; }

#define NEED if (!cv_lapack_available()) return CV_LAPACK_MISSING; int32_t info = 0
#define CALL(name, ...) ((void (*)(__VA_ARGS__))address[R_##name][t])
static size_t element(CVType t) { return t == CVType_s ? 4 : t == CVType_z ? 16 : 8; }
static size_t real_size(CVType t) { return t == CVType_s || t == CVType_c ? 4 : 8; }
static bool is_complex(CVType t) { return t >= CVType_c; }
static int32_t most(int32_t a, int32_t b) { return a > b ? a : b; }
static int32_t least(int32_t a, int32_t b) { return a < b ? a : b; }
/// Workspace length that a query left in the first element. Single precision rounds large lengths, hence the next float up.
static int32_t length_of(CVType t, const void *query) {
  double n = real_size(t) == 4 ? (double)*(const float *)query * (1 + 1.2e-7) : *(const double *)query;
  return n < 1 ? 1 : n > 2147483000.0 ? 2147483000 : (int32_t)(n + 0.999);
}
/// Runs EXPRESSION twice: as a query (lwork -1, work a small buffer), then with the workspace.
#define WITH_WORK(...) do { \
    double query[4] = {0}; void *work = query; int32_t lwork = -1; \
    __VA_ARGS__; \
    if (info) break; \
    lwork = length_of(t, query); \
    if (!(work = malloc((size_t)lwork * element(t)))) { info = CV_LAPACK_MEMORY; break; } \
    __VA_ARGS__; \
    free(work); \
  } while (0)

int32_t cv_getrf(CVType t, int32_t m, int32_t n, void *a, int32_t lda, int32_t *pivots) {
  NEED;
  CALL(getrf, I, I, void *, I, int32_t *, int32_t *)(&m, &n, a, &lda, pivots, &info);
  return info;
}
int32_t cv_getri(CVType t, int32_t n, void *a, int32_t lda, const int32_t *pivots) {
  NEED;
  WITH_WORK(CALL(getri, I, void *, I, I, void *, I, int32_t *)(&n, a, &lda, pivots, work, &lwork, &info));
  return info;
}
int32_t cv_getrs(CVType t, char transpose, int32_t n, int32_t columns, const void *a, int32_t lda, const int32_t *pivots, void *b, int32_t ldb) {
  NEED;
  CALL(getrs, S, I, I, const void *, I, I, void *, I, int32_t *, LEN)(&transpose, &n, &columns, a, &lda, pivots, b, &ldb, &info, 1);
  return info;
}
int32_t cv_gesv(CVType t, int32_t n, int32_t columns, void *a, int32_t lda, int32_t *pivots, void *b, int32_t ldb) {
  NEED;
  CALL(gesv, I, I, void *, I, int32_t *, void *, I, int32_t *)(&n, &columns, a, &lda, pivots, b, &ldb, &info);
  return info;
}
int32_t cv_potrf(CVType t, char triangle, int32_t n, void *a, int32_t lda) {
  NEED;
  CALL(potrf, S, I, void *, I, int32_t *, LEN)(&triangle, &n, a, &lda, &info, 1);
  return info;
}
int32_t cv_potri(CVType t, char triangle, int32_t n, void *a, int32_t lda) {
  NEED;
  CALL(potri, S, I, void *, I, int32_t *, LEN)(&triangle, &n, a, &lda, &info, 1);
  return info;
}
int32_t cv_potrs(CVType t, char triangle, int32_t n, int32_t columns, const void *a, int32_t lda, void *b, int32_t ldb) {
  NEED;
  CALL(potrs, S, I, I, const void *, I, void *, I, int32_t *, LEN)(&triangle, &n, &columns, a, &lda, b, &ldb, &info, 1);
  return info;
}
int32_t cv_trtrs(CVType t, char triangle, char transpose, char diagonal, int32_t n, int32_t columns, const void *a, int32_t lda, void *b, int32_t ldb) {
  NEED;
  CALL(trtrs, S, S, S, I, I, const void *, I, void *, I, int32_t *, LEN, LEN, LEN)(&triangle, &transpose, &diagonal, &n, &columns, a, &lda, b, &ldb, &info, 1, 1, 1);
  return info;
}
int32_t cv_geqrf(CVType t, int32_t m, int32_t n, void *a, int32_t lda, void *tau) {
  NEED;
  WITH_WORK(CALL(geqrf, I, I, void *, I, void *, void *, I, int32_t *)(&m, &n, a, &lda, tau, work, &lwork, &info));
  return info;
}
int32_t cv_orgqr(CVType t, int32_t m, int32_t n, int32_t k, void *a, int32_t lda, const void *tau) {
  NEED;
  WITH_WORK(CALL(orgqr, I, I, I, void *, I, const void *, void *, I, int32_t *)(&m, &n, &k, a, &lda, tau, work, &lwork, &info));
  return info;
}
int32_t cv_ormqr(CVType t, char side, char transpose, int32_t m, int32_t n, int32_t k, const void *a, int32_t lda, const void *tau, void *c, int32_t ldc) {
  NEED;
  if (transpose != 'N') transpose = is_complex(t) ? 'C' : 'T';
  WITH_WORK(CALL(ormqr, S, S, I, I, I, const void *, I, const void *, void *, I, void *, I, int32_t *, LEN, LEN)(
      &side, &transpose, &m, &n, &k, a, &lda, tau, c, &ldc, work, &lwork, &info, 1, 1));
  return info;
}
int32_t cv_gesdd(CVType t, char job, int32_t m, int32_t n, void *a, int32_t lda, void *s, void *u, int32_t ldu, void *vh, int32_t ldvh) {
  NEED;
  const size_t small = (size_t)least(m, n), large = (size_t)most(m, n);
  int32_t *iwork = malloc((8 * small + 1) * sizeof *iwork);
  if (!iwork) return CV_LAPACK_MEMORY;
  if (!is_complex(t)) {
    WITH_WORK(CALL(gesdd, S, I, I, void *, I, void *, void *, I, void *, I, void *, I, int32_t *, int32_t *, LEN)(
        &job, &m, &n, a, &lda, s, u, &ldu, vh, &ldvh, work, &lwork, iwork, &info, 1));
  } else {
    size_t one = 5 * small * small + 5 * small, two = 2 * large * small + 2 * small * small + small;
    void *rwork = malloc((job == 'N' ? 7 * small + 1 : (one > two ? one : two) + 1) * real_size(t));
    if (!rwork) { free(iwork); return CV_LAPACK_MEMORY; }
    WITH_WORK(CALL(gesdd, S, I, I, void *, I, void *, void *, I, void *, I, void *, I, void *, int32_t *, int32_t *, LEN)(
        &job, &m, &n, a, &lda, s, u, &ldu, vh, &ldvh, work, &lwork, rwork, iwork, &info, 1));
    free(rwork);
  }
  free(iwork);
  return info;
}
int32_t cv_heevd(CVType t, char job, char triangle, int32_t n, void *a, int32_t lda, void *w) {
  NEED;
  double query[4] = {0}, rquery[2] = {0};
  int32_t iquery = 1, minus = -1;
  if (!is_complex(t)) {
    CALL(heevd, S, S, I, void *, I, void *, void *, I, int32_t *, I, int32_t *, LEN, LEN)(&job, &triangle, &n, a, &lda, w, query, &minus, &iquery, &minus, &info, 1, 1);
    if (info) return info;
    int32_t lwork = length_of(t, query), liwork = most(iquery, 1);
    void *work = malloc((size_t)lwork * element(t));
    int32_t *iwork = malloc((size_t)liwork * sizeof *iwork);
    if (work && iwork)
      CALL(heevd, S, S, I, void *, I, void *, void *, I, int32_t *, I, int32_t *, LEN, LEN)(&job, &triangle, &n, a, &lda, w, work, &lwork, iwork, &liwork, &info, 1, 1);
    else info = CV_LAPACK_MEMORY;
    free(work); free(iwork);
  } else {
    CALL(heevd, S, S, I, void *, I, void *, void *, I, void *, I, int32_t *, I, int32_t *, LEN, LEN)(
        &job, &triangle, &n, a, &lda, w, query, &minus, rquery, &minus, &iquery, &minus, &info, 1, 1);
    if (info) return info;
    int32_t lwork = length_of(t, query), lrwork = length_of(t, rquery), liwork = most(iquery, 1);
    void *work = malloc((size_t)lwork * element(t)), *rwork = malloc((size_t)lrwork * real_size(t));
    int32_t *iwork = malloc((size_t)liwork * sizeof *iwork);
    if (work && rwork && iwork)
      CALL(heevd, S, S, I, void *, I, void *, void *, I, void *, I, int32_t *, I, int32_t *, LEN, LEN)(
          &job, &triangle, &n, a, &lda, w, work, &lwork, rwork, &lrwork, iwork, &liwork, &info, 1, 1);
    else info = CV_LAPACK_MEMORY;
    free(work); free(rwork); free(iwork);
  }
  return info;
}

// Real geev gives conjugate pairs of eigenvectors as (real part, imaginary part) in neighbouring columns.
#define EXPAND(R) \
  static void expand_##R(int32_t n, const R *wr, const R *wi, const R *vr, R *w, R *v) { \
    for (int32_t j = 0; j < n; ++j) { w[2 * j] = wr[j]; w[2 * j + 1] = wi[j]; } \
    if (!v) return; \
    for (int32_t j = 0; j < n; ++j) { \
      const R *re = vr + (size_t)j * (size_t)n; \
      R *out = v + 2 * (size_t)j * (size_t)n; \
      if (wi[j] == 0 || j + 1 == n) { \
        for (int32_t i = 0; i < n; ++i) { out[2 * i] = re[i]; out[2 * i + 1] = 0; } \
      } else { \
        for (int32_t i = 0; i < n; ++i) { \
          out[2 * i] = re[i]; out[2 * i + 1] = re[n + i]; \
          out[2 * n + 2 * i] = re[i]; out[2 * n + 2 * i + 1] = -re[n + i]; \
        } \
        ++j; \
      } \
    } \
  }
EXPAND(float)
EXPAND(double)

int32_t cv_geev(CVType t, int32_t n, void *a, int32_t lda, void *w, void *v) {
  NEED;
  char left = 'N', right = v ? 'V' : 'N';
  int32_t one = 1, ldv = most(n, 1);
  if (is_complex(t)) {
    void *rwork = malloc((2 * (size_t)n + 1) * real_size(t));
    if (!rwork) return CV_LAPACK_MEMORY;
    double none[2];
    WITH_WORK(CALL(geev, S, S, I, void *, I, void *, void *, I, void *, I, void *, I, void *, int32_t *, LEN, LEN)(
        &left, &right, &n, a, &lda, w, none, &one, v ? v : none, &ldv, work, &lwork, rwork, &info, 1, 1));
    free(rwork);
    return info;
  }
  const size_t e = element(t);
  char *wr = malloc(2 * (size_t)most(n, 1) * e), *wi = wr + (size_t)n * e;
  char *vr = v ? malloc((size_t)ldv * (size_t)ldv * e) : NULL;
  if (!wr || (v && !vr)) { free(wr); free(vr); return CV_LAPACK_MEMORY; }
  double none[2];
  WITH_WORK(CALL(geev, S, S, I, void *, I, void *, void *, void *, I, void *, I, void *, I, int32_t *, LEN, LEN)(
      &left, &right, &n, a, &lda, wr, wi, none, &one, vr ? (void *)vr : none, &ldv, work, &lwork, &info, 1, 1));
  if (info >= 0) {
    if (t == CVType_s) expand_float(n, (float *)(void *)wr, (float *)(void *)wi, (float *)(void *)vr, w, v);
    else expand_double(n, (double *)(void *)wr, (double *)(void *)wi, (double *)(void *)vr, w, v);
  }
  free(wr);
  free(vr);
  return info;
}
int32_t cv_gelsd(CVType t, int32_t m, int32_t n, int32_t columns, void *a, int32_t lda, void *b, int32_t ldb, void *s, double rcond, int32_t *rank) {
  NEED;
  float single = (float)rcond;
  const void *limit = real_size(t) == 4 ? (const void *)&single : (const void *)&rcond;
  double query[4] = {0}, rquery[2] = {0};
  int32_t iquery = 1, minus = -1;
  if (!is_complex(t)) {
    CALL(gelsd, I, I, I, void *, I, void *, I, void *, const void *, int32_t *, void *, I, int32_t *, int32_t *)(
        &m, &n, &columns, a, &lda, b, &ldb, s, limit, rank, query, &minus, &iquery, &info);
    if (info) return info;
    int32_t lwork = length_of(t, query);
    void *work = malloc((size_t)lwork * element(t));
    int32_t *iwork = malloc((size_t)most(iquery, 1) * sizeof *iwork);
    if (work && iwork)
      CALL(gelsd, I, I, I, void *, I, void *, I, void *, const void *, int32_t *, void *, I, int32_t *, int32_t *)(
          &m, &n, &columns, a, &lda, b, &ldb, s, limit, rank, work, &lwork, iwork, &info);
    else info = CV_LAPACK_MEMORY;
    free(work); free(iwork);
  } else {
    CALL(gelsd, I, I, I, void *, I, void *, I, void *, const void *, int32_t *, void *, I, void *, int32_t *, int32_t *)(
        &m, &n, &columns, a, &lda, b, &ldb, s, limit, rank, query, &minus, rquery, &iquery, &info);
    if (info) return info;
    int32_t lwork = length_of(t, query), lrwork = length_of(t, rquery);
    void *work = malloc((size_t)lwork * element(t)), *rwork = malloc((size_t)lrwork * real_size(t));
    int32_t *iwork = malloc((size_t)most(iquery, 1) * sizeof *iwork);
    if (work && rwork && iwork)
      CALL(gelsd, I, I, I, void *, I, void *, I, void *, const void *, int32_t *, void *, I, void *, int32_t *, int32_t *)(
          &m, &n, &columns, a, &lda, b, &ldb, s, limit, rank, work, &lwork, rwork, iwork, &info);
    else info = CV_LAPACK_MEMORY;
    free(work); free(rwork); free(iwork);
  }
  return info;
}
int32_t cv_gelsy(CVType t, int32_t m, int32_t n, int32_t columns, void *a, int32_t lda, void *b, int32_t ldb, double rcond, int32_t *rank) {
  NEED;
  float single = (float)rcond;
  const void *limit = real_size(t) == 4 ? (const void *)&single : (const void *)&rcond;
  int32_t *order = calloc((size_t)most(n, 1), sizeof *order);
  void *rwork = is_complex(t) ? malloc(2 * (size_t)most(n, 1) * real_size(t)) : NULL;
  if (!order || (is_complex(t) && !rwork)) { free(order); free(rwork); return CV_LAPACK_MEMORY; }
  if (is_complex(t))
    WITH_WORK(CALL(gelsy, I, I, I, void *, I, void *, I, int32_t *, const void *, int32_t *, void *, I, void *, int32_t *)(
        &m, &n, &columns, a, &lda, b, &ldb, order, limit, rank, work, &lwork, rwork, &info));
  else
    WITH_WORK(CALL(gelsy, I, I, I, void *, I, void *, I, int32_t *, const void *, int32_t *, void *, I, int32_t *)(
        &m, &n, &columns, a, &lda, b, &ldb, order, limit, rank, work, &lwork, &info));
  free(order);
  free(rwork);
  return info;
}
int32_t cv_gels(CVType t, char transpose, int32_t m, int32_t n, int32_t columns, void *a, int32_t lda, void *b, int32_t ldb) {
  NEED;
  if (transpose != 'N') transpose = is_complex(t) ? 'C' : 'T';
  WITH_WORK(CALL(gels, S, I, I, I, void *, I, void *, I, void *, I, int32_t *, LEN)(&transpose, &m, &n, &columns, a, &lda, b, &ldb, work, &lwork, &info, 1));
  return info;
}
int32_t cv_sytrf(CVType t, bool hermitian, char triangle, int32_t n, void *a, int32_t lda, int32_t *pivots) {
  NEED;
  typedef void (*F)(S, I, void *, I, int32_t *, void *, I, int32_t *, LEN);
  F f = (F)address[hermitian ? R_hetrf : R_sytrf][t];
  WITH_WORK(f(&triangle, &n, a, &lda, pivots, work, &lwork, &info, 1));
  return info;
}
int32_t cv_sytrs(CVType t, bool hermitian, char triangle, int32_t n, int32_t columns, const void *a, int32_t lda, const int32_t *pivots, void *b, int32_t ldb) {
  NEED;
  typedef void (*F)(S, I, I, const void *, I, I, void *, I, int32_t *, LEN);
  F f = (F)address[hermitian ? R_hetrs : R_sytrs][t];
  f(&triangle, &n, &columns, a, &lda, pivots, b, &ldb, &info, 1);
  return info;
}
