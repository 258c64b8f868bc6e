// Row kernels on contiguous [rows, columns] blocks of float16/bfloat16/float32/float64: softmax family, normalisations, cross-entropy, each with its gradient.
// All run with threads over rows, and give the same bits with any number of threads. float16 and bfloat16 compute in float32.
#pragma once
#include "st_types.h"
#ifdef __cplusplus
extern "C" {
#endif

bool st_softmax(StDType t, const void *x, void *y, int64_t rows, int64_t columns, bool logarithm);
/// softmax: dx = y * (dy - sum(dy * y)); log-softmax: dx = dy - exp(y) * sum(dy).
bool st_softmax_backward(StDType t, const void *dy, const void *y, void *dx, int64_t rows, int64_t columns, bool logarithm);
/// y = (x - mean) * rstd * weight + bias over columns; weight and bias may be NULL; mean and rstd ([rows], float32, or float64 for float64) are always written.
bool st_layer_norm(StDType t, const void *x, const void *weight, const void *bias, void *y, void *mean, void *rstd, int64_t rows, int64_t columns, double eps);
/// Any of dx, dweight, dbias may be NULL.
bool st_layer_norm_backward(StDType t, const void *dy, const void *x, const void *weight, const void *mean, const void *rstd, void *dx, void *dweight, void *dbias, int64_t rows, int64_t columns);
/// RMS norm, the same without mean and bias.
bool st_rms_norm(StDType t, const void *x, const void *weight, void *y, void *rstd, int64_t rows, int64_t columns, double eps);
bool st_rms_norm_backward(StDType t, const void *dy, const void *x, const void *weight, const void *rstd, void *dx, void *dweight, int64_t rows, int64_t columns);
/// Batch norm over [n, c, inner] contiguous (inner = H*W...). Training: writes the batch's mean and rstd ([c], float32 or float64) and the biased variance.
bool st_batch_norm_statistics(StDType t, const void *x, void *mean, void *variance, int64_t n, int64_t c, int64_t inner);
bool st_batch_norm_apply(StDType t, const void *x, const void *mean, const void *rstd, const void *weight, const void *bias, void *y, int64_t n, int64_t c, int64_t inner);
/// training: statistics took part in the graph; otherwise they are constants. Any of dx, dweight, dbias may be NULL.
bool st_batch_norm_backward(StDType t, const void *dy, const void *x, const void *mean, const void *rstd, const void *weight, void *dx, void *dweight, void *dbias, int64_t n, int64_t c, int64_t inner, bool training);
/// Cross-entropy of logits against class indices, one pass: loss[r] = logsumexp(x[r]) - x[r][target[r]], 0 where target == ignore_index; lse[r] is kept for the gradient.
/// loss, lse and scale are of type t. False also where a target is out of range: st_cross_entropy_bad_target says which.
bool st_cross_entropy(StDType t, const void *x, const int64_t *target, void *loss, void *lse, int64_t rows, int64_t columns, int64_t ignore_index);
/// dx[r] = scale[r] * (softmax(x[r]) - onehot(target[r])), zero rows where ignored.
bool st_cross_entropy_backward(StDType t, const void *x, const int64_t *target, const void *lse, const void *scale, void *dx, int64_t rows, int64_t columns, int64_t ignore_index);
/// Position of the first target that is neither a class nor ignore_index, or -1.
int64_t st_cross_entropy_bad_target(const int64_t *target, int64_t rows, int64_t columns, int64_t ignore_index);

#ifdef __cplusplus
}
#endif
