// The thread pool: libgomp's team where it was handed over, else threads of our own.
//
// Note [Thread pool]
// One job at a time. `ticket` holds the job's generation (upper half; odd while a job is open) and the next unclaimed chunk (lower half). Whoever wants a
// chunk, the caller included, takes it by compare-and-swap, so a chunk goes to one thread only and never to a thread that still looks at an older job. The
// caller returns when the chunks that were claimed are done: a worker that has lost its processor before claiming anything delays nobody. The fields of the job
// are written only while no job is open; a successful swap on an open generation proves that they were read whole.
// Workers spin for some tens of microseconds after a job (operators come in bursts), then sleep on a futex. A second user thread that finds the pool busy runs
// its loop itself. Everything here is free of locks but for creating threads.
#include "st_parallel.h"
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#if defined(__linux__)
#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#endif

namespace {

constexpr int64_t kSpinNanoseconds = 60'000;
constexpr int kMaxThreads = 1024;
constexpr int64_t kMaxChunks = (int64_t)1 << 30;

#define LOAD(x, order) __atomic_load_n(&(x), __ATOMIC_##order)
#define STORE(x, v, order) __atomic_store_n(&(x), (v), __ATOMIC_##order)

inline void pause_cpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");
#endif
}
int64_t now() { timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return (int64_t)t.tv_sec * 1'000'000'000 + t.tv_nsec; }

#if defined(__linux__)
void sleep_while(uint32_t *word, uint32_t value) { syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0); }
void wake(uint32_t *word, int count) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0); }
#else
pthread_mutex_t sleep_lock = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t sleep_condition = PTHREAD_COND_INITIALIZER;
void sleep_while(uint32_t *word, uint32_t value) {
  pthread_mutex_lock(&sleep_lock);
  while (LOAD(*word, SEQ_CST) == value) pthread_cond_wait(&sleep_condition, &sleep_lock);
  pthread_mutex_unlock(&sleep_lock);
}
void wake(uint32_t *, int) {
  pthread_mutex_lock(&sleep_lock);
  pthread_cond_broadcast(&sleep_condition);
  pthread_mutex_unlock(&sleep_lock);
}
#endif

int32_t processors() {
#if defined(__linux__)
  cpu_set_t set;
  if (!sched_getaffinity(0, sizeof set, &set)) { int n = CPU_COUNT(&set); if (n > 0) return n < kMaxThreads ? n : kMaxThreads; }
#endif
  long n = sysconf(_SC_NPROCESSORS_ONLN);
  return n < 1 ? 1 : n > kMaxThreads ? kMaxThreads : (int32_t)n;
}
int32_t initial_threads() {
  const char *wanted = getenv("SWIFT_TORCH_THREADS");
  int n = wanted ? atoi(wanted) : 0;
  return n > 0 ? (n < kMaxThreads ? n : kMaxThreads) : processors();
}

int32_t threads = initial_threads();
void (*gomp)(void (*)(void *), void *, unsigned, unsigned) = nullptr;

struct Job { st_task task; void *context; int64_t count, grain; uint32_t chunks; };
/// The job's fields are read while another thread may start the next job, and then discarded: hence atomic accesses.
Job job;
alignas(64) uint64_t ticket = 0;
alignas(64) uint32_t done = 0;        // finished chunks of the open job
alignas(64) uint32_t epoch = 0;       // changes with every job: what workers sleep on
uint32_t sleepers = 0;
uint32_t caller_sleeps = 0;
alignas(64) uint32_t busy = 0;        // a job is open, or the caller is about to open one
int32_t workers = 0;                  // threads made so far; changed by the thread that holds `busy`
__thread bool in_parallel = false;

inline void run_chunk(st_task task, void *context, int64_t count, int64_t grain, int64_t chunk) {
  int64_t begin = chunk * grain, end = begin + grain;
  task(context, begin, end < count ? end : count);
}

/// Takes part in the open job until no chunk is left. Returns whether there was one.
bool take_part() {
  bool any = false;
  for (;;) {
    uint64_t t = LOAD(ticket, ACQUIRE);
    if (!(t >> 32 & 1)) return any;
    st_task task = LOAD(job.task, RELAXED);
    void *context = LOAD(job.context, RELAXED);
    int64_t count = LOAD(job.count, RELAXED), grain = LOAD(job.grain, RELAXED);
    uint32_t chunks = LOAD(job.chunks, RELAXED), chunk = (uint32_t)t;
    if (chunk >= chunks) return any;
    if (!__atomic_compare_exchange_n(&ticket, &t, t + 1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) continue;
    any = true;
    run_chunk(task, context, count, grain, chunk);
    if (__atomic_add_fetch(&done, 1, __ATOMIC_SEQ_CST) == chunks && LOAD(caller_sleeps, SEQ_CST)) wake(&done, 1);
  }
}

void *worker(void *argument) {
  const int32_t index = (int32_t)(intptr_t)argument;   // 1... : the caller is 0
  in_parallel = true;
  uint32_t seen = LOAD(epoch, SEQ_CST) - 1;
  for (;;) {
    if (index < LOAD(threads, RELAXED)) take_part();
    int64_t until = 0;
    for (int spins = 1; LOAD(epoch, ACQUIRE) == seen; ++spins) {
      pause_cpu();
      if (spins & 63) continue;
      int64_t t = now();
      if (!until) until = t + kSpinNanoseconds;
      if (t < until && index < LOAD(threads, RELAXED)) continue;
      __atomic_add_fetch(&sleepers, 1, __ATOMIC_SEQ_CST);
      while (LOAD(epoch, SEQ_CST) == seen) sleep_while(&epoch, seen);
      __atomic_sub_fetch(&sleepers, 1, __ATOMIC_SEQ_CST);
    }
    seen = LOAD(epoch, ACQUIRE);
  }
  return nullptr;
}

void forked() {   // a child of fork() has none of the threads
  workers = 0;
  sleepers = 0;
  caller_sleeps = 0;
  busy = 0;
  ticket = (ticket >> 32 & 1) ? ((ticket >> 32) + 1) << 32 : ticket;
}

void add_workers(int32_t wanted) {
  if (!workers) { static bool registered = false; if (!registered) { pthread_atfork(nullptr, nullptr, forked); registered = true; } }
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  while (workers < wanted) {
    pthread_t thread;
    if (pthread_create(&thread, &attributes, worker, (void *)(intptr_t)(workers + 1))) break;   // fewer threads, same results
    ++workers;
  }
  pthread_attr_destroy(&attributes);
}

void run_on_own_pool(st_task task, void *context, int64_t count, int64_t grain, uint32_t chunks, int32_t wanted) {
  if (workers < wanted - 1) add_workers(wanted - 1);
  uint32_t generation = (uint32_t)(LOAD(ticket, RELAXED) >> 32);
  STORE(job.task, task, RELAXED);
  STORE(job.context, context, RELAXED);
  STORE(job.count, count, RELAXED);
  STORE(job.grain, grain, RELAXED);
  STORE(job.chunks, chunks, RELAXED);
  STORE(done, 0, RELAXED);
  STORE(ticket, (uint64_t)(generation + 1) << 32, SEQ_CST);
  __atomic_add_fetch(&epoch, 1, __ATOMIC_SEQ_CST);
  if (LOAD(sleepers, SEQ_CST)) wake(&epoch, (int64_t)chunks - 1 < wanted - 1 ? (int)chunks - 1 : wanted - 1);
  take_part();
  int64_t until = 0;
  for (int spins = 1; LOAD(done, ACQUIRE) != chunks; ++spins) {
    pause_cpu();
    if (spins & 63) continue;
    int64_t t = now();
    if (!until) until = t + 2 * kSpinNanoseconds;
    if (t < until) continue;
    STORE(caller_sleeps, 1, SEQ_CST);
    for (uint32_t d; (d = LOAD(done, SEQ_CST)) != chunks;) sleep_while(&done, d);
    STORE(caller_sleeps, 0, RELAXED);
  }
  STORE(ticket, (uint64_t)(generation + 2) << 32, RELEASE);
}

struct Region { st_task task; void *context; int64_t count, grain, chunks, next; };
void gomp_region(void *argument) {
  Region *r = (Region *)argument;
  const bool outer = in_parallel;
  in_parallel = true;
  for (int64_t chunk; (chunk = __atomic_fetch_add(&r->next, 1, __ATOMIC_RELAXED)) < r->chunks;) run_chunk(r->task, r->context, r->count, r->grain, chunk);
  in_parallel = outer;
}

}  // namespace

extern "C" void st_parallel_for(int64_t count, int64_t grain, st_task task, void *context) {
  if (count <= 0) return;
  if (grain < 1) grain = 1;
  const int64_t chunks = (count - 1) / grain + 1;
  const int32_t limit = LOAD(threads, RELAXED);
  uint32_t idle = 0;
  if (chunks == 1 || limit == 1 || in_parallel || chunks > kMaxChunks || LOAD(busy, RELAXED) ||
      !__atomic_compare_exchange_n(&busy, &idle, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
    const bool outer = in_parallel;
    in_parallel = true;
    for (int64_t chunk = 0; chunk < chunks; ++chunk) run_chunk(task, context, count, grain, chunk);
    in_parallel = outer;
    return;
  }
  const int32_t wanted = chunks < limit ? (int32_t)chunks : limit;
  auto region = LOAD(gomp, RELAXED);
  in_parallel = true;
  if (region) {
    Region r = {task, context, count, grain, chunks, 0};
    region(gomp_region, &r, (unsigned)wanted, 0);
  } else {
    run_on_own_pool(task, context, count, grain, (uint32_t)chunks, wanted);
  }
  in_parallel = false;
  STORE(busy, 0, RELEASE);
}

extern "C" int32_t st_thread_count(void) { return LOAD(threads, RELAXED); }
extern "C" void st_set_thread_count(int32_t count) { STORE(threads, count < 1 ? 1 : count > kMaxThreads ? kMaxThreads : count, RELAXED); }
extern "C" bool st_in_parallel(void) { return in_parallel; }
extern "C" void st_use_gomp(void (*gomp_parallel)(void (*)(void *), void *, unsigned, unsigned)) { STORE(gomp, gomp_parallel, RELAXED); }
