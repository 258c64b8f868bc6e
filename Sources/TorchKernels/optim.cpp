// Fused optimizer steps: cuts all tensors of a call into chunks and hands them to the threads.
#include "st_optim.h"
#include "st_parallel.h"
#include "cpu/optim_job.h"
#include <stdlib.h>

#define ST_LEVEL_FILE "optim.inc"
#include "cpu/each_level.h"

static void run(OptimTask task, StDType t, OptimJob &j) {
  if (t != StDType_float32 && t != StDType_float64) return;   // the backend refuses other types beforehand
  int64_t few[257];
  int64_t *first = j.count <= 256 ? few : (int64_t *)malloc((size_t)(j.count + 1) * sizeof(int64_t));
  if (!first) abort();
  int64_t total = 0, elements = 0;
  for (int64_t i = 0; i < j.count; ++i) {
    first[i] = total;
    total += (j.tensors[i].count + kOptimChunk - 1) / kOptimChunk;
    elements += j.tensors[i].count;
  }
  first[j.count] = total;
  j.first = first;
  st_task run_chunks = ST_PICK(optim_task)(task, t == StDType_float64);
  // Small tensors share a grain: about one full chunk of work each.
  if (total > 0) {
    int64_t average = elements / total, grain = kOptimChunk / (average > 0 ? average : 1);
    st_parallel_for(total, grain > 0 ? grain : 1, run_chunks, &j);
  }
  if (first != few) free(first);
}

extern "C" void st_sgd_step(StDType t, const st_optim_tensor *tensors, int64_t count, const st_sgd *options) {
  OptimJob j = {tensors, nullptr, count, options, nullptr};
  run(ST_task_sgd, t, j);
}
extern "C" void st_adam_step(StDType t, const st_optim_tensor *tensors, int64_t count, const st_adam *options) {
  OptimJob j = {tensors, nullptr, count, nullptr, options};
  run(ST_task_adam, t, j);
}
