// The handler of SIGBUS that keeps a program alive when a file it has mapped is cut short.
//
// Note [Maps that shrink]
// A page of a map that lies wholly behind the file's end raises SIGBUS when it is touched. The handler finds the map in a fixed table, puts a page of zeros in
// its place and marks the map as damaged; the instruction is then tried again and succeeds. Whoever reads on behalf of a load asks for the mark afterwards and
// throws. It is not asked when a tensor that lies in the map is used much later: then the handler says so on stderr, once a map.
// The handler touches nothing but the table, mmap and write, so it is safe at any instruction.
#include "st_map_guard.h"
#include <atomic>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

namespace {

enum State : int { free_slot, being_filled, live };
struct Slot {
  std::atomic<int> state;
  std::atomic<int> readers;
  std::atomic<bool> damaged, reported;
  std::atomic<uintptr_t> start, end;
  char path[224];
};
constexpr int slot_count = 1024;
Slot slots[slot_count];
std::atomic<int> used{0};  // slots beyond were never used
struct sigaction previous;
uintptr_t page_size;

void say(const char *text) {
  ssize_t written = write(STDERR_FILENO, text, strlen(text));
  (void)written;
}

bool mend(uintptr_t address) {
  int n = used.load(std::memory_order_acquire);
  for (int i = 0; i < n; ++i) {
    Slot &s = slots[i];
    if (s.state.load(std::memory_order_acquire) != live || address < s.start.load(std::memory_order_relaxed) || address >= s.end.load(std::memory_order_relaxed)) continue;
    void *page = (void *)(address & ~(page_size - 1));
    if (mmap(page, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) return false;
    s.damaged.store(true);
    if (s.readers.load() == 0 && !s.reported.exchange(true)) {
      say("swift-torch: ");
      say(s.path);
      say(" was cut short while tensors lay in its map; what is missing is read as zeros\n");
    }
    return true;
  }
  return false;
}

void handler(int signal, siginfo_t *info, void *context) {
  int saved = errno;
  bool mended = info->si_code > 0 && mend((uintptr_t)info->si_addr);
  errno = saved;
  if (mended) return;
  if (previous.sa_flags & SA_SIGINFO) {
    previous.sa_sigaction(signal, info, context);
  } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    previous.sa_handler(signal);
  } else {
    // The default action at the next attempt of the same instruction, or now if somebody sent the signal.
    struct sigaction standard = {};
    standard.sa_handler = SIG_DFL;
    sigaction(SIGBUS, &standard, nullptr);
    if (info->si_code <= 0) raise(signal);
  }
}

bool install() {
  page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
  struct sigaction action = {};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  return sigaction(SIGBUS, &action, &previous) == 0;
}

}  // namespace

extern "C" int32_t st_guard_map(const void *start, int64_t count, const char *path) {
  static const bool installed = install();
  if (!installed) return -1;
  for (int i = 0; i < slot_count; ++i) {
    Slot &s = slots[i];
    int expected = free_slot;
    if (!s.state.compare_exchange_strong(expected, being_filled)) continue;
    s.readers = 0;
    s.damaged = false;
    s.reported = false;
    s.start = (uintptr_t)start;
    s.end = (uintptr_t)start + (uintptr_t)count;
    size_t length = strlen(path), room = sizeof s.path - 1;
    strncpy(s.path, length > room ? path + (length - room) : path, room);
    for (int n = used.load(); n <= i && !used.compare_exchange_weak(n, i + 1);) {}
    s.state.store(live, std::memory_order_release);
    return i;
  }
  return -1;
}

extern "C" void st_guard_release(int32_t map) { slots[map].state.store(free_slot, std::memory_order_release); }
extern "C" void st_guard_begin(int32_t map) { slots[map].readers.fetch_add(1); }
extern "C" void st_guard_end(int32_t map) { slots[map].readers.fetch_sub(1); }
extern "C" bool st_guard_is_damaged(int32_t map) { return slots[map].damaged.load(); }
extern "C" void st_guard_set_damaged(int32_t map) { slots[map].damaged.store(true); }
