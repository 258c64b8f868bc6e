// Our own convolution and pooling, 1 to 3 spatial dims (unused leading dims have size 1, kernel 1, stride 1, pad 0, dilation 1).
#pragma once
#include "st_types.h"
#ifdef __cplusplus
extern "C" {
#endif

/// Sizes of a convolution; index 0..2 = depth, height, width. Tensors are contiguous: x [n, c, d, h, w], weight [o, c/groups, kd, kh, kw], y [n, o, ...].
typedef struct st_conv {
  int64_t n, c, o, groups;
  int64_t in[3], out[3], kernel[3], stride[3], pad[3], dilation[3];
} st_conv;
/// y = conv(x, weight) + bias (bias may be NULL). float32 and float64 vectorised, others through float32; complex and integers by the plain loop.
bool st_conv_forward(StDType t, const st_conv *s, const void *x, const void *weight, const void *bias, void *y);
bool st_conv_backward_data(StDType t, const st_conv *s, const void *dy, const void *weight, void *dx);
bool st_conv_backward_weight(StDType t, const st_conv *s, const void *dy, const void *x, void *dweight);

/// Pooling over planes: x [planes, in...], y [planes, out...]. dilation only for max.
typedef struct st_pool { int64_t planes; int64_t in[3], out[3], kernel[3], stride[3], pad[3], dilation[3]; bool count_include_pad; int64_t divisor; } st_pool;
/// indices: position within the plane (int64), the first of equal, NaN wins, as PyTorch; may be NULL. A dilated window may have no tap inside the plane: the least value and the index -1.
bool st_max_pool(StDType t, const st_pool *s, const void *x, void *y, int64_t *indices);
/// dx[index] += dy (dx is zeroed first); indices outside the plane are passed over.
bool st_max_pool_backward(StDType t, const void *dy, const int64_t *indices, void *dx, int64_t planes, int64_t in_count, int64_t out_count);
bool st_avg_pool(StDType t, const st_pool *s, const void *x, void *y);
bool st_avg_pool_backward(StDType t, const st_pool *s, const void *dy, void *dx);

#ifdef __cplusplus
}
#endif
