// The CPU's caching allocator: size-class free lists per thread for small blocks, a shared cache for large ones. See Note [Keeping memory] in allocator.c.
#pragma once
#include "st_types.h"
#include "st_thread.h"
#ifdef __cplusplus
extern "C" {
#endif

/// Counts in bytes. live: handed out; cached: kept for reuse; peak: highest live since the last reset.
typedef struct st_memory { int64_t live, peak, cached, allocations, reused, limit; } st_memory;
st_memory st_memory_statistics(void);
void st_memory_reset_peak(void);
/// Gives cached large blocks and the calling thread's small ones back to the system.
void st_memory_trim(void);
/// Highest number of bytes handed out at a time; 0 for no limit.
void st_memory_set_limit(int64_t bytes);
void *st_allocate_slow(size_t bytes);
void st_deallocate_slow(void *p, size_t bytes);

/// 64-byte aligned block, contents undefined; NULL when the limit or the system refuses.
static inline __attribute__((always_inline)) void *st_allocate(size_t bytes) {
  size_t c = (bytes + 63) >> 6;
  if (__builtin_expect(c < ST_SMALL_CLASSES, 1)) {
    void *p = st_thread.bins[c];
    if (__builtin_expect(p != NULL, 1)) { st_thread.bins[c] = *(void **)p; st_thread.binned -= (int32_t)c; return p; }
  }
  return st_allocate_slow(bytes);
}
static inline __attribute__((always_inline)) void st_deallocate(void *p, size_t bytes) {
  size_t c = (bytes + 63) >> 6;
  if (__builtin_expect(c < ST_SMALL_CLASSES && st_thread.binned < ST_BINNED_MAX, 1)) {
    *(void **)p = st_thread.bins[c]; st_thread.bins[c] = p; st_thread.binned += (int32_t)c;
  } else st_deallocate_slow(p, bytes);
}

#ifdef __cplusplus
}
#endif
