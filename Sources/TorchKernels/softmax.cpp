// Softmax, log-softmax and cross-entropy with their gradients: checks and threads over rows.
#include "st_rows.h"
#include "st_parallel.h"
#include "cpu/softmax_job.h"

#define ST_LEVEL_FILE "softmax.inc"
#include "cpu/each_level.h"

static bool run(SoftmaxTask task, StDType t, SoftmaxJob &job, int64_t rows) {
  if (t < StDType_float16 || t > StDType_float64) return false;
  if (rows == 0 || job.columns == 0) return true;
  int64_t grain = (1 << 14) / job.columns;
  st_parallel_for(rows, grain > 0 ? grain : 1, ST_PICK(softmax_task)(task, t - StDType_float16), &job);
  return true;
}

extern "C" bool st_softmax(StDType t, const void *x, void *y, int64_t rows, int64_t columns, bool logarithm) {
  SoftmaxJob job = {};
  job.x = x; job.y = y; job.columns = columns;
  return run(logarithm ? ST_task_log_softmax : ST_task_softmax, t, job, rows);
}
extern "C" bool st_softmax_backward(StDType t, const void *dy, const void *y, void *dx, int64_t rows, int64_t columns, bool logarithm) {
  SoftmaxJob job = {};
  job.dy = dy; job.y_in = y; job.dx = dx; job.columns = columns;
  return run(logarithm ? ST_task_log_softmax_backward : ST_task_softmax_backward, t, job, rows);
}
extern "C" int64_t st_cross_entropy_bad_target(const int64_t *target, int64_t rows, int64_t columns, int64_t ignore_index) {
  for (int64_t r = 0; r < rows; ++r)
    if ((uint64_t)target[r] >= (uint64_t)columns && target[r] != ignore_index) return r;
  return -1;
}
extern "C" bool st_cross_entropy(StDType t, const void *x, const int64_t *target, void *loss, void *lse, int64_t rows, int64_t columns, int64_t ignore_index) {
  if (st_cross_entropy_bad_target(target, rows, columns, ignore_index) >= 0) return false;
  SoftmaxJob job = {};
  job.x = x; job.target = target; job.loss = loss; job.lse = lse; job.columns = columns; job.ignore_index = ignore_index;
  return run(ST_task_cross_entropy, t, job, rows);
}
extern "C" bool st_cross_entropy_backward(StDType t, const void *x, const int64_t *target, const void *lse, const void *scale, void *dx, int64_t rows, int64_t columns, int64_t ignore_index) {
  if (st_cross_entropy_bad_target(target, rows, columns, ignore_index) >= 0) return false;
  SoftmaxJob job = {};
  job.x = x; job.target = target; job.lse_in = lse; job.scale = scale; job.dx = dx; job.columns = columns; job.ignore_index = ignore_index;
  return run(ST_task_cross_entropy_backward, t, job, rows);
}
