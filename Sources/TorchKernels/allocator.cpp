// The CPU's caching allocator.
//
// Note [Keeping memory]
// A fresh 32 MB block costs thousands of page faults, which is most of the time of a large pointwise operator, and malloc + free of a small block costs as
// much as the operator itself. So freed blocks are kept: small ones (up to 4 KiB) in free lists of the thread that frees them, without locks; larger ones in
// one table by size class (eighths of a power of two), under a lock, up to half of the machine's memory or the limit. Beyond that they go back to the system.
#include "st_allocator.h"
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

__thread st_thread_state st_thread __attribute__((tls_model("initial-exec")));
uint64_t st_sequence = 0;
int64_t st_live = 0;

namespace {

struct Block { Block *next; };
constexpr int kClasses = 8 * 48;
pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
Block *lists[kClasses];
int64_t live, peak, cached, allocations, reused, limit_bytes;
const int64_t system_bytes = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);

/// Class of a large block: its size rounded up to an eighth of its power of two, so at most 12.5 % is wasted.
int class_of(size_t bytes, size_t *rounded) {
  int log = 63 - __builtin_clzll(bytes | 4096);
  size_t step = (size_t)1 << (log - 3);
  size_t r = (bytes + step - 1) & ~(step - 1);
  *rounded = r;
  int l = 63 - __builtin_clzll(r);
  return (l - 12) * 8 + (int)((r >> (l - 3)) & 7);
}

void release_thread_bins() {
  for (int c = 0; c < ST_SMALL_CLASSES; ++c) {
    while (void *p = st_thread.bins[c]) { st_thread.bins[c] = *(void **)p; free(p); }
  }
  st_thread.binned = 0;
}
pthread_key_t exit_key;
void thread_exit(void *) { release_thread_bins(); }
__attribute__((constructor)) void make_key() { pthread_key_create(&exit_key, thread_exit); }

void trim_locked() {
  for (int c = 0; c < kClasses; ++c)
    while (Block *b = lists[c]) { lists[c] = b->next; free(b); }
  cached = 0;
}

}  // namespace

extern "C" void *st_allocate_slow(size_t bytes) {
  if (bytes <= ((size_t)ST_SMALL_CLASSES - 1) * 64) {
    size_t c = (bytes + 63) >> 6;
    if (!pthread_getspecific(exit_key)) pthread_setspecific(exit_key, (void *)1);
    return aligned_alloc(64, (c ? c : 1) << 6);
  }
  if (bytes > ((size_t)1 << 58)) return nullptr;
  size_t rounded;
  int c = class_of(bytes, &rounded);
  pthread_mutex_lock(&lock);
  if (limit_bytes && live + (int64_t)rounded > limit_bytes) { pthread_mutex_unlock(&lock); return nullptr; }
  // More than the machine has is refused here: Linux would promise it and kill the process when the pages are touched.
  if (!limit_bytes && live + (int64_t)rounded > system_bytes) { pthread_mutex_unlock(&lock); return nullptr; }
  Block *b = lists[c];
  allocations++;
  if (b) { lists[c] = b->next; cached -= (int64_t)rounded; reused++; }
  live += (int64_t)rounded;
  if (live > peak) peak = live;
  bool squeeze = !b && live + cached > system_bytes / 2 && cached > 0;
  if (squeeze) trim_locked();
  pthread_mutex_unlock(&lock);
  if (b) return b;
  // Blocks of 4 MB and more start at a huge page and end with one.
  constexpr size_t huge = (size_t)1 << 21;
  bool is_huge = rounded >= 2 * huge;
  void *p = is_huge ? aligned_alloc(huge, (rounded + huge - 1) & ~(huge - 1)) : aligned_alloc(64, rounded);
#if defined(MADV_HUGEPAGE)
  // Huge pages: fewer faults and TLB misses on blocks that are streamed through.
  if (p && is_huge) madvise(p, rounded, MADV_HUGEPAGE);
#endif
  if (!p) {
    pthread_mutex_lock(&lock);
    live -= (int64_t)rounded;
    trim_locked();
    pthread_mutex_unlock(&lock);
  }
  return p;
}

extern "C" void st_deallocate_slow(void *p, size_t bytes) {
  if (!p) return;
  if (bytes <= ((size_t)ST_SMALL_CLASSES - 1) * 64) { free(p); return; }
  size_t rounded;
  int c = class_of(bytes, &rounded);
  pthread_mutex_lock(&lock);
  live -= (int64_t)rounded;
  int64_t keep = limit_bytes ? limit_bytes : system_bytes / 2;
  if (live + cached + (int64_t)rounded <= keep) {
    Block *b = (Block *)p;
    b->next = lists[c];
    lists[c] = b;
    cached += (int64_t)rounded;
    p = nullptr;
  }
  pthread_mutex_unlock(&lock);
  free(p);
}

extern "C" st_memory st_memory_statistics(void) {
  pthread_mutex_lock(&lock);
  st_memory m = {live, peak, cached, allocations, reused, limit_bytes};
  pthread_mutex_unlock(&lock);
  return m;
}
extern "C" void st_memory_reset_peak(void) { pthread_mutex_lock(&lock); peak = live; pthread_mutex_unlock(&lock); }
extern "C" void st_memory_trim(void) {
  release_thread_bins();
  pthread_mutex_lock(&lock);
  trim_locked();
  pthread_mutex_unlock(&lock);
}
extern "C" void st_memory_set_limit(int64_t bytes) { pthread_mutex_lock(&lock); limit_bytes = bytes; pthread_mutex_unlock(&lock); }

static double seconds(clockid_t clock) { timespec t; clock_gettime(clock, &t); return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec; }
extern "C" double st_wall_seconds(void) { return seconds(CLOCK_MONOTONIC); }
extern "C" double st_process_cpu_seconds(void) { return seconds(CLOCK_PROCESS_CPUTIME_ID); }
