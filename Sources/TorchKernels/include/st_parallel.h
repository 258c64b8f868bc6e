// The one thread pool: libgomp's where it could be opened, so that OpenBLAS, oneDNN and our kernels share threads, else a small pool of our own.
#pragma once
#include "st_types.h"
#ifdef __cplusplus
extern "C" {
#endif

typedef void (*st_task)(void *context, int64_t begin, int64_t end);

/// Runs `task` over [0, count) in chunks of `grain` (the last one shorter). Chunk boundaries depend on `count` and `grain` only, never on the number
/// of threads, so a kernel that combines per-chunk results in chunk order gives the same bits with any number of threads. The caller takes part and
/// claims chunks that nobody started. Nested calls run serially. `task` must not throw.
void st_parallel_for(int64_t count, int64_t grain, st_task task, void *context);

/// Threads in use, at least 1. Default: the processors this process may run on, or SWIFT_TORCH_THREADS.
int32_t st_thread_count(void);
void st_set_thread_count(int32_t count);
/// True inside a task of st_parallel_for.
bool st_in_parallel(void);
/// Hands over libgomp's entry point `GOMP_parallel(fn, data, threads, flags)`; NULL goes back to our own pool.
void st_use_gomp(void (*gomp_parallel)(void (*)(void *), void *, unsigned, unsigned));

#ifdef __cplusplus
}
#endif
