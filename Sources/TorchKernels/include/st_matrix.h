// Our own matrix product, used where OpenBLAS and oneDNN are missing or slower.
#pragma once
#include "st_types.h"
#ifdef __cplusplus
extern "C" {
#endif

/// C[m,n] = alpha * A[m,k] B[k,n] + beta * C. Strides in elements, any (also 0 or negative); beta 0 never reads C. Types: float16, bfloat16 (float32 accumulation), float32, float64, complex, integers.
/// Blocked and packed for float32/float64; deterministic for any number of threads. Returns false if there is no kernel for the type.
bool st_gemm(StDType t, int64_t m, int64_t n, int64_t k, double alpha, const void *a, int64_t a_row, int64_t a_column,
             const void *b, int64_t b_row, int64_t b_column, double beta, void *c, int64_t c_row, int64_t c_column);
/// `batch` products, operand i at base + i * batch stride (elements).
bool st_gemm_batched(StDType t, int64_t batch, int64_t m, int64_t n, int64_t k, double alpha, const void *a, int64_t a_batch, int64_t a_row, int64_t a_column,
                     const void *b, int64_t b_batch, int64_t b_row, int64_t b_column, double beta, void *c, int64_t c_batch, int64_t c_row, int64_t c_column);

#ifdef __cplusplus
}
#endif
