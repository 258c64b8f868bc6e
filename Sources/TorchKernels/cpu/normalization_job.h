// What the kernels of normalization.inc work on.
#pragma once
#include <stdint.h>

/// Layer and RMS norm: tasks over rows (forward) or over chunks of rows (backward).
struct RowNormJob {
  const void *x, *dy, *weight, *bias;
  void *y, *dx;
  void *mean, *rstd;             // written forward, read backward; mean NULL for RMS norm
  int64_t rows, columns, chunk;  // chunk: rows per partial of the weights' gradients
  double eps;
  char *partials;                // [chunks][2][columns] of the compute type: dweight, dbias; or NULL
};
/// Batch norm over [n, c, inner]. Forward and gradients multiply and add per channel.
struct BatchNormJob {
  const void *x, *dy;
  void *y;                       // y or dx
  int64_t n, c, inner;
  const double *mean, *scale, *shift, *slope;   // per channel: y = (x - mean) * scale + shift; dx = (dy - shift) * scale + (x - mean) * slope
  int64_t chunk, chunks;         // images per partial
  struct MomentState *moments;   // [c][chunks]
  double *sums;                  // [c][chunks][2]: sum of dy, of dy * (x - mean)
};
enum RowNormTask { ST_task_layer_norm, ST_task_rms_norm, ST_task_layer_norm_backward, ST_task_rms_norm_backward, ST_row_norm_tasks };
enum BatchNormTask { ST_task_batch_moments, ST_task_batch_apply, ST_task_batch_sums, ST_task_batch_backward, ST_batch_norm_tasks };
