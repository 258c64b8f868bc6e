// oneDNN 2 and 3: convolution and matrix-product primitives kept by shape.
#pragma once
#include "cv_library.h"
#ifdef __cplusplus
extern "C" {
#endif

bool cv_dnnl_available(void);

/// A convolution, operands dense: x [n, c, in...], y [n, o, out...] with channels second, or last where flagged; weight [o, c / groups, kernel...].
/// `rank` spatial dims (1 to 3), their numbers in elements 0..<rank.
typedef struct cv_convolution {
  int32_t rank;
  bool x_channels_last, y_channels_last;
  int64_t n, c, o, groups;
  int64_t in[3], out[3], kernel[3], stride[3], pad[3], dilation[3];
} cv_convolution;
typedef enum __attribute__((enum_extensibility(closed))) CVConvolutionKind : int32_t {
  CVConvolutionKind_forward,          // operands: x, weight, y, bias (or NULL)
  CVConvolutionKind_backwardData,     // operands: dy, weight, dx
  CVConvolutionKind_backwardWeight,   // operands: x, dy, dweight, dbias (or NULL)
} CVConvolutionKind;

/// A primitive with the reorders around it. Kept in a cache; a handle is spent by `cv_dnnl_run`.
typedef struct cv_dnnl_operation cv_dnnl_operation;
/// float32. NULL where oneDNN is missing or has no such primitive. The first of a shape takes a millisecond.
cv_dnnl_operation *cv_dnnl_convolution(CVConvolutionKind kind, const cv_convolution *shape, bool bias, int32_t threads);
typedef enum __attribute__((enum_extensibility(closed))) CVElement : int32_t { CVElement_f32 = 3, CVElement_bf16 = 2 } CVElement;
/// C[b] = A[b] B[b]; strides in elements as (batch, row, column); operands: a, b, c. A stride of 0 for the batch is only allowed where batch is 1.
cv_dnnl_operation *cv_dnnl_matmul(CVElement element, int64_t batch, int64_t m, int64_t n, int64_t k, const int64_t a[3], const int64_t b[3], const int64_t c[3], int32_t threads);
/// Bytes that `cv_dnnl_run` needs at `workspace`, 64-byte aligned.
size_t cv_dnnl_workspace(const cv_dnnl_operation *operation);
/// Runs it; false if oneDNN reports a failure. The handle must not be used again.
bool cv_dnnl_run(cv_dnnl_operation *operation, void *const *operands, void *workspace);
/// Gives a handle back without running it.
void cv_dnnl_release(cv_dnnl_operation *operation);

#ifdef __cplusplus
}
#endif
