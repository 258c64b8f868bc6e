// What the row kernels of softmax.inc work on.
#pragma once
#include <stdint.h>

/// One call of st_softmax and its kin; every kernel is a task over rows. Which pointers are used stands beside the kernel.
struct SoftmaxJob {
  const void *x, *dy, *y_in, *lse_in, *scale;
  const int64_t *target;
  void *y, *dx, *loss, *lse;
  int64_t columns, ignore_index;
};
enum SoftmaxTask { ST_task_softmax, ST_task_log_softmax, ST_task_softmax_backward, ST_task_log_softmax_backward, ST_task_cross_entropy, ST_task_cross_entropy_backward, ST_softmax_tasks };
