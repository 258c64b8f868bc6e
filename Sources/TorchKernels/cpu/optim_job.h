// What the optimizer kernels work on.
#pragma once
#include "../include/st_optim.h"

/// A call over many tensors, cut into chunks of kOptimChunk elements; chunk k belongs to the tensor whose range of `first` holds it.
struct OptimJob {
  const st_optim_tensor *tensors;
  const int64_t *first;          // [count + 1]: the first chunk of each tensor
  int64_t count;
  const st_sgd *sgd;
  const st_adam *adam;
};
constexpr int64_t kOptimChunk = 1 << 14;
enum OptimTask { ST_task_sgd, ST_task_adam, ST_optim_tasks };
