#include "memory.h"
#include <map>
#include <mutex>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <iterator>
#include <sys/mman.h>
#include <unistd.h>

// With address sanitizer an access to what lies around an allocation is reported at the line that makes it.
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define ST_SANITIZED 1
#else
#define ST_SANITIZED 0
#define ASAN_POISON_MEMORY_REGION(address, bytes)
#define ASAN_UNPOISON_MEMORY_REGION(address, bytes)
#endif

namespace st_emulator {

// An allocation ends where a page ends that may not be touched, but for rounding to the alignment. In front of it and in the rounding are bytes that are looked at after each launch.
constexpr size_t kFence = 256;
constexpr unsigned char kPoison = 0xff, kFenceByte = 0xfd;

struct Allocation {
  size_t bytes, rounding;
  char *pages;
  size_t pages_bytes;  // without the page behind
};
static std::mutex &lock() {
  static std::mutex *m = new std::mutex;
  return *m;
}
static std::map<uint64_t, Allocation> &allocations() {
  static auto *m = new std::map<uint64_t, Allocation>;
  return *m;
}
static uint64_t used = 0, limit = 4ull << 30;
static size_t alignment = kFence;
static const size_t page = (size_t)sysconf(_SC_PAGESIZE);

void set_alignment(size_t bytes) {
  std::lock_guard<std::mutex> guard(lock());
  alignment = bytes;
}
uint64_t allocate(size_t bytes) {
  std::lock_guard<std::mutex> guard(lock());
  if (bytes > limit || used + bytes > limit) return 0;
  const size_t rounding = (alignment - bytes % alignment) % alignment, whole = (bytes + rounding + kFence + page - 1) / page * page;
  char *pages = (char *)mmap(nullptr, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (pages == MAP_FAILED) return 0;
  if (mprotect(pages + whole, page, PROT_NONE) != 0) {
    munmap(pages, whole + page);
    return 0;
  }
  char *memory = pages + whole - rounding - bytes;
  memset(memory - kFence, kFenceByte, kFence);
  memset(memory, kPoison, bytes);
  memset(memory + bytes, kFenceByte, rounding);
  ASAN_POISON_MEMORY_REGION(memory - kFence, kFence);
  ASAN_POISON_MEMORY_REGION(memory + bytes, rounding);
  used += bytes;
  allocations()[(uint64_t)memory] = {bytes, rounding, pages, whole};
  return (uint64_t)memory;
}
bool release(uint64_t address) {
  std::lock_guard<std::mutex> guard(lock());
  auto found = allocations().find(address);
  if (found == allocations().end()) return false;
  used -= found->second.bytes;
  ASAN_UNPOISON_MEMORY_REGION(found->second.pages, found->second.pages_bytes);
  munmap(found->second.pages, found->second.pages_bytes + page);
  allocations().erase(found);
  return true;
}
bool is_allocated(uint64_t address, size_t bytes) {
  std::lock_guard<std::mutex> guard(lock());
  auto next = allocations().upper_bound(address);
  if (next == allocations().begin()) return false;
  --next;
  return address + bytes <= next->first + next->second.bytes;
}
std::string describe(uint64_t address) {
  // Without the lock: the thread that faulted may hold it.
  char text[160];
  auto next = allocations().upper_bound(address);
  if (next != allocations().begin()) {
    const auto &[begin, a] = *std::prev(next);
    if (address < begin + a.bytes + a.rounding + page) {
      snprintf(text, sizeof text, "an access %llu bytes past the end of an allocation of %zu bytes", (unsigned long long)(address - begin - a.bytes), a.bytes);
      return text;
    }
  }
  snprintf(text, sizeof text, "an access of 0x%llx, which is not allocated", (unsigned long long)address);
  return text;
}
uint64_t allocated_bytes() {
  std::lock_guard<std::mutex> guard(lock());
  return used;
}
void set_memory_limit(uint64_t bytes) {
  std::lock_guard<std::mutex> guard(lock());
  limit = bytes;
}
uint64_t memory_limit() {
  std::lock_guard<std::mutex> guard(lock());
  return limit;
}
std::string check_fences() {
  if (ST_SANITIZED) return "";
  static unsigned char expected[kFence];
  static const bool filled = (memset(expected, kFenceByte, sizeof expected), true);
  (void)filled;
  std::lock_guard<std::mutex> guard(lock());
  for (auto &[address, a] : allocations()) {
    char *begin = (char *)address - kFence, *end = (char *)address + a.bytes;
    bool before = memcmp(begin, expected, kFence) == 0, after = memcmp(end, expected, a.rounding) == 0;
    if (before && after) continue;
    memset(begin, kFenceByte, kFence);
    memset(end, kFenceByte, a.rounding);
    char text[120];
    snprintf(text, sizeof text, "a write %s an allocation of %zu bytes", after ? "before" : "past the end of", a.bytes);
    return text;
  }
  return "";
}

}  // namespace st_emulator
