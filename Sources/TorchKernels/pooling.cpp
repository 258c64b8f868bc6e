// Max and average pooling of our own.
//
// Note [Pooling]
// float32 rows go in vectors along the width for strides 1 and 2, which is what networks use; windows that hang over an edge, other strides and other types go
// one result at a time. Max pooling keeps positions in 32 bits beside the values and widens them when they are stored. Threads share the planes.
#include "st_convolution.h"
#include "st_allocator.h"
#include "st_parallel.h"

#define ST_LEVEL_FILE "pooling.inc"
#include "cpu/each_level.h"

namespace {
struct PoolJob {
  void (*planes)(const st_pool *, const void *, void *, int64_t *, int64_t, int64_t);
  const st_pool *s;
  const void *in;
  void *out;
  int64_t *indices;
};
void pool_task(void *context, int64_t from, int64_t to) {
  auto *j = (PoolJob *)context;
  j->planes(j->s, j->in, j->out, j->indices, from, to);
}
bool run(PoolJob job) {
  if (!job.planes) return false;
  const st_pool *s = job.s;
  int64_t work = 1;
  for (int d = 0; d < 3; ++d) work *= s->out[d] * s->kernel[d] + s->in[d] / 4 + 1;
  st_parallel_for(s->planes, 65536 / work + 1, pool_task, &job);
  return true;
}
struct SpreadJob {
  void (*planes)(const void *, const int64_t *, void *, int64_t, int64_t, int64_t, int64_t);
  const void *dy;
  const int64_t *indices;
  void *dx;
  int64_t in_count, out_count;
};
void spread_task(void *context, int64_t from, int64_t to) {
  auto *j = (SpreadJob *)context;
  j->planes(j->dy, j->indices, j->dx, j->in_count, j->out_count, from, to);
}
}  // namespace

extern "C" bool st_max_pool(StDType t, const st_pool *s, const void *x, void *y, int64_t *indices) { return run({ST_PICK(max_pool_for)(t), s, x, y, indices}); }
extern "C" bool st_avg_pool(StDType t, const st_pool *s, const void *x, void *y) { return run({ST_PICK(average_pool_for)(t), s, x, y, nullptr}); }
extern "C" bool st_avg_pool_backward(StDType t, const st_pool *s, const void *dy, void *dx) { return run({ST_PICK(average_pool_backward_for)(t), s, dy, dx, nullptr}); }
extern "C" bool st_max_pool_backward(StDType t, const void *dy, const int64_t *indices, void *dx, int64_t planes, int64_t in_count, int64_t out_count) {
  SpreadJob job = {ST_PICK(max_pool_backward_for)(t), dy, indices, dx, in_count, out_count};
  if (!job.planes) return false;
  st_parallel_for(planes, 16384 / (in_count + out_count + 1) + 1, spread_task, &job);
  return true;
}
