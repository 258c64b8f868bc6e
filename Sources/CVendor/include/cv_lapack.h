// LAPACK as OpenBLAS brings it: column-major matrices, 32-bit sizes. The functions find their own workspace.
//
// Every function takes the element type first and returns LAPACK's info: 0 done, > 0 the failure that the routine documents, < 0 argument -info is wrong,
// CV_LAPACK_MISSING without the library, CV_LAPACK_MEMORY without workspace. "real" below is float for CVType_s and CVType_c, double for CVType_d and CVType_z.
#pragma once
#include "cv_library.h"
#ifdef __cplusplus
extern "C" {
#endif

typedef enum __attribute__((enum_extensibility(closed))) CVType : int32_t { CVType_s, CVType_d, CVType_c, CVType_z } CVType;
#define CV_LAPACK_MISSING (-1001)
#define CV_LAPACK_MEMORY (-1002)

bool cv_lapack_available(void);
int32_t cv_getrf(CVType t, int32_t m, int32_t n, void *a, int32_t lda, int32_t *pivots);
int32_t cv_getri(CVType t, int32_t n, void *a, int32_t lda, const int32_t *pivots);
/// transpose: 'N', 'T' or 'C'.
int32_t cv_getrs(CVType t, char transpose, int32_t n, int32_t columns, const void *a, int32_t lda, const int32_t *pivots, void *b, int32_t ldb);
int32_t cv_gesv(CVType t, int32_t n, int32_t columns, void *a, int32_t lda, int32_t *pivots, void *b, int32_t ldb);
/// triangle: 'U' or 'L'.
int32_t cv_potrf(CVType t, char triangle, int32_t n, void *a, int32_t lda);
int32_t cv_potri(CVType t, char triangle, int32_t n, void *a, int32_t lda);
int32_t cv_potrs(CVType t, char triangle, int32_t n, int32_t columns, const void *a, int32_t lda, void *b, int32_t ldb);
int32_t cv_trtrs(CVType t, char triangle, char transpose, char diagonal, int32_t n, int32_t columns, const void *a, int32_t lda, void *b, int32_t ldb);
int32_t cv_geqrf(CVType t, int32_t m, int32_t n, void *a, int32_t lda, void *tau);
/// orgqr, ungqr: the first n columns of Q from k reflectors.
int32_t cv_orgqr(CVType t, int32_t m, int32_t n, int32_t k, void *a, int32_t lda, const void *tau);
/// ormqr, unmqr: C = op(Q) C (side 'L') or C op(Q) (side 'R'); transpose 'N' or 'C' (taken as 'T' for real types).
int32_t cv_ormqr(CVType t, char side, char transpose, int32_t m, int32_t n, int32_t k, const void *a, int32_t lda, const void *tau, void *c, int32_t ldc);
/// job: 'A' all of U and V^H, 'S' the leading min(m, n), 'N' none. s: real[min(m, n)], descending.
int32_t cv_gesdd(CVType t, char job, int32_t m, int32_t n, void *a, int32_t lda, void *s, void *u, int32_t ldu, void *vh, int32_t ldvh);
/// syevd, heevd. job: 'V' eigenvectors replace a, 'N' none. w: real[n], ascending.
int32_t cv_heevd(CVType t, char job, char triangle, int32_t n, void *a, int32_t lda, void *w);
/// Eigenvalues and right eigenvectors, both complex (also for real a): w[n], v[n * n] or NULL.
int32_t cv_geev(CVType t, int32_t n, void *a, int32_t lda, void *w, void *v);
/// Least squares by divide and conquer SVD; b is [max(m, n), columns]. s: real[min(m, n)]. rcond < 0: machine precision.
int32_t cv_gelsd(CVType t, int32_t m, int32_t n, int32_t columns, void *a, int32_t lda, void *b, int32_t ldb, void *s, double rcond, int32_t *rank);
/// Least squares by complete orthogonal factorisation.
int32_t cv_gelsy(CVType t, int32_t m, int32_t n, int32_t columns, void *a, int32_t lda, void *b, int32_t ldb, double rcond, int32_t *rank);
/// Least squares of a matrix of full rank by QR. transpose: 'N', or 'T' / 'C'.
int32_t cv_gels(CVType t, char transpose, int32_t m, int32_t n, int32_t columns, void *a, int32_t lda, void *b, int32_t ldb);
/// sytrf, or hetrf where `hermitian` and the type is complex.
int32_t cv_sytrf(CVType t, bool hermitian, char triangle, int32_t n, void *a, int32_t lda, int32_t *pivots);
int32_t cv_sytrs(CVType t, bool hermitian, char triangle, int32_t n, int32_t columns, const void *a, int32_t lda, const int32_t *pivots, void *b, int32_t ldb);

#ifdef __cplusplus
}
#endif
