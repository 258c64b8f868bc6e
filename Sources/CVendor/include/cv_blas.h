// OpenBLAS: products of row-major matrices.
#pragma once
#include "cv_library.h"
#ifdef __cplusplus
extern "C" {
#endif

enum { CV_ROW_MAJOR = 101, CV_NO_TRANSPOSE = 111, CV_TRANSPOSE = 112, CV_CONJUGATE_TRANSPOSE = 113 };

/// C interface of BLAS. 32-bit sizes. Complex scalars and matrices are pointers to (re, im).
typedef struct cv_blas {
  void (*sgemm)(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);
  void (*dgemm)(int order, int transpose_a, int transpose_b, int m, int n, int k, double alpha, const double *a, int lda, const double *b, int ldb, double beta, double *c, int ldc);
  void (*cgemm)(int order, int transpose_a, int transpose_b, int m, int n, int k, const void *alpha, const void *a, int lda, const void *b, int ldb, const void *beta, void *c, int ldc);
  void (*zgemm)(int order, int transpose_a, int transpose_b, int m, int n, int k, const void *alpha, const void *a, int lda, const void *b, int ldb, const void *beta, void *c, int ldc);
  void (*sgemv)(int order, int transpose, int m, int n, float alpha, const float *a, int lda, const float *x, int incx, float beta, float *y, int incy);
  void (*dgemv)(int order, int transpose, int m, int n, double alpha, const double *a, int lda, const double *x, int incx, double beta, double *y, int incy);
  /// True where OpenBLAS takes threads from OpenMP. Otherwise (its pthread build) it was set to one thread, and the caller splits the work.
  bool threads;
} cv_blas;

/// NULL without OpenBLAS.
const cv_blas *cv_blas_table(void);

#ifdef __cplusplus
}
#endif
