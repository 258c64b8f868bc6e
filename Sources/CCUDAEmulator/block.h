// One block of threads, run to its end on the calling OS thread.
#pragma once
#include "emulator.h"
#include "fiber.h"
#include <string>
#include <vector>

namespace st_emulator {

/// Order of blocks, warps and lanes.
struct Schedule {
  enum Kind { forward, reverse, shuffled } kind = forward;
  uint64_t seed = 0;
};
/// splitmix64.
struct Shuffler {
  uint64_t state;
  uint64_t next() {
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
  }
  template <class T> void shuffle(std::vector<T> &items) {
    for (size_t k = items.size(); k > 1; --k) std::swap(items[k - 1], items[next() % k]);
  }
};
/// `count` items in the order of the schedule.
void order_by(const Schedule &schedule, Shuffler &shuffler, std::vector<uint32_t> &items);

/// A kernel as the launcher sees it.
struct Kernel {
  const char *symbol;
  const char *file;
  size_t argument_bytes;
  void (*run)(const void *arguments);
  uint32_t most_threads;
};

struct Rendezvous {
  uint32_t mask, arrived = 0, remaining;
  const char *where;
  alignas(16) char value[32][32];
};

class Block {
 public:
  /// Runs block `index` of a launch. False: the kernel was stopped, and fault says why.
  bool run(const Kernel &kernel, const void *arguments, const LaunchState &launch, Coordinates index, uint32_t dynamic_shared, const Schedule &schedule, Shuffler &shuffler);
  std::string fault;

  // What the running thread asks for.
  void wait_at_barrier(const char *where);
  Rendezvous *meet(uint32_t mask, const void *value, size_t bytes, const char *where);
  void leave(Rendezvous *r);
  void *shared_memory(const void *key, size_t bytes, const char *name);
  void copy_later(void *to, const void *from, uint32_t bytes, uint32_t filled);
  void commit_copies();
  void wait_for_copies(uint32_t groups_left);
  [[noreturn]] void stop(const std::string &text);

 private:
  enum Status : uint8_t { fresh, ready, at_barrier, at_meeting, done };
  struct Copy {
    void *to;
    const void *from;
    uint32_t bytes, filled, group;
  };
  struct Thread {
    ThreadState state;
    Status status;
    Fiber *fiber;
    const char *where;
    std::vector<Copy> copies;
    uint32_t group;
  };
  struct Shared {
    const void *key;
    char *memory;
    size_t bytes, capacity;
    const char *name;
  };
  static void enter();
  void run_warp(uint32_t warp);
  void resume(Fiber *fiber);
  void park(Status status, const char *where);
  void report_stuck();
  void check_shared();

  const Kernel *kernel = nullptr;
  const void *arguments = nullptr;
  std::vector<Thread> threads;
  std::vector<std::vector<Rendezvous *>> open;  // of each warp
  std::vector<Rendezvous *> spare;
  std::vector<uint32_t> warps, lanes, starting;
  std::vector<Shared> shared;
  uint32_t alive = 0, waiting = 0;
  Thread *running = nullptr;
  Fiber *fiber = nullptr, *finished = nullptr;
  void *scheduler = nullptr;
  bool stopped = false, progressed = false;
  const Schedule *schedule = nullptr;
  Shuffler *shuffler = nullptr;
};

/// The block that this OS thread runs.
extern thread_local Block *running_block;

}  // namespace st_emulator
