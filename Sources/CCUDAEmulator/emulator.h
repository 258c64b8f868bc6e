// CUDA's execution model for kernels that are compiled for the host. Included before any kernel source.
//
// Note [The emulator]
// A block runs on one OS thread. Each CUDA thread that has to wait gets a fiber (a stack of its own); a thread that never waits runs as a plain call. Warps run greedily: one runs
// as far as it can before the next gets its turn, which is the order that exposes a missing barrier; the order of blocks, warps and lanes is forward, reverse or shuffled afresh at every
// turn. Shared and device memory is filled with 0xFF (NaN) and fenced, so that reading what was not written and writing past the end are seen. What can not be seen: weak memory
// order, and races between blocks other than by their order.
#pragma once
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

namespace st_emulator {

struct Coordinates { uint32_t x, y, z; };
/// The CUDA thread that is running.
struct ThreadState {
  Coordinates thread, block;
  uint32_t linear;
};
/// The launch it is part of.
struct LaunchState { Coordinates block_size, grid; };
extern thread_local const ThreadState *current __attribute__((tls_model("initial-exec")));
extern thread_local const LaunchState *launch __attribute__((tls_model("initial-exec")));

/// Waits until all threads of the block are at the same barrier; `where` is its place in the source.
void barrier(const char *where);
/// What one warp-wide operation exchanges: every lane of `mask` leaves a value of up to 32 bytes, and goes on when all have.
struct Rendezvous;
Rendezvous *meet(uint32_t mask, const void *value, size_t bytes, const char *where);
const void *value_of(const Rendezvous *r, uint32_t lane);
uint32_t lanes_of(const Rendezvous *r);
void leave(Rendezvous *r);
/// Shared memory of the block that belongs to the declaration `key`.
void *shared_memory(const void *key, size_t bytes, const char *name);
/// Copies to shared memory in the background (cp.async): `bytes` of which `filled` are copied and the rest is zero. They are done when they are waited for; until then the place
/// is poisoned, so that reading too early and fetching into a place that is still read are both seen.
void copy_later(void *to, const void *from, uint32_t bytes, uint32_t filled);
void commit_copies();
void wait_for_copies(uint32_t groups_left);
/// Stops the kernel with this fault.
[[noreturn]] void fault(const char *text);

inline uint32_t lane() { return current->linear & 31; }
template <class T> T shuffle(uint32_t mask, T value, uint32_t source, const char *where) {
  static_assert(sizeof(T) <= 32);
  Rendezvous *r = meet(mask, &value, sizeof value, where);
  T result;
  // Reading a lane that takes no part is undefined; it gives 0xFF here.
  if (lanes_of(r) >> (source & 31) & 1) memcpy(&result, value_of(r, source & 31), sizeof result);
  else memset((void *)&result, 0xff, sizeof result);
  leave(r);
  return result;
}
inline uint32_t ballot(uint32_t mask, bool predicate, const char *where) {
  Rendezvous *r = meet(mask, &predicate, sizeof predicate, where);
  uint32_t bits = 0;
  for (uint32_t l = 0; l < 32; ++l)
    if (lanes_of(r) >> l & 1 && *(const bool *)value_of(r, l)) bits |= 1u << l;
  leave(r);
  return bits;
}
/// The lanes that have the same value.
template <class T> uint32_t match(uint32_t mask, T value, const char *where) {
  Rendezvous *r = meet(mask, &value, sizeof value, where);
  uint32_t bits = 0;
  for (uint32_t l = 0; l < 32; ++l)
    if (lanes_of(r) >> l & 1 && memcmp(value_of(r, l), &value, sizeof value) == 0) bits |= 1u << l;
  leave(r);
  return bits;
}

}  // namespace st_emulator

#define threadIdx (st_emulator::current->thread)
#define blockIdx (st_emulator::current->block)
#define blockDim (st_emulator::launch->block_size)
#define gridDim (st_emulator::launch->grid)

#define ST_TEXT_NOW(x) #x
#define ST_TEXT(x) ST_TEXT_NOW(x)
#define ST_WHERE __FILE__ ":" ST_TEXT(__LINE__)
#define __syncthreads() st_emulator::barrier(ST_WHERE)
#define __syncwarp() st_emulator::ballot(0xffffffffu, true, ST_WHERE)
#define __shfl_sync(mask, value, source) st_emulator::shuffle(mask, value, source, ST_WHERE)
#define __shfl_xor_sync(mask, value, lanes) st_emulator::shuffle(mask, value, st_emulator::lane() ^ (lanes), ST_WHERE)
#define __shfl_down_sync(mask, value, by) st_emulator::shuffle(mask, value, st_emulator::lane() + (by) > 31 ? st_emulator::lane() : st_emulator::lane() + (by), ST_WHERE)
#define __ballot_sync(mask, predicate) st_emulator::ballot(mask, predicate, ST_WHERE)
#define __match_any_sync(mask, value) st_emulator::match(mask, value, ST_WHERE)
#define __any_sync(mask, predicate) (st_emulator::ballot(mask, predicate, ST_WHERE) != 0)
#define ST_SHARED(T, name, count) \
  static const char name##_key = 0; \
  T *const name = (T *)st_emulator::shared_memory(&name##_key, sizeof(T) * (count), #name)

static inline uint32_t __umulhi(uint32_t a, uint32_t b) { return (uint32_t)((uint64_t)a * b >> 32); }
static inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
template <class T> static inline T atomicMin(T *p, T value) {
  T old = __atomic_load_n(p, __ATOMIC_RELAXED);
  while (value < old && !__atomic_compare_exchange_n(p, &old, value, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {}
  return old;
}
template <class T> static inline T atomicAdd(T *p, T value) { return __atomic_fetch_add(p, value, __ATOMIC_RELAXED); }
