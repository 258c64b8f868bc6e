#include "memory.h"
#include <map>
#include <mutex>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

namespace st_emulator {

constexpr size_t kFence = 256;  // also the alignment that CUDA promises
constexpr unsigned char kPoison = 0xff, kFenceByte = 0xfd, kFreed = 0xfb;

static std::mutex &lock() {
  static std::mutex *m = new std::mutex;
  return *m;
}
/// Address to size.
static std::map<uint64_t, size_t> &allocations() {
  static auto *m = new std::map<uint64_t, size_t>;
  return *m;
}
static uint64_t used = 0, limit = 4ull << 30;

static size_t rounded(size_t bytes) { return (bytes + kFence - 1) & ~(kFence - 1); }
uint64_t allocate(size_t bytes) {
  std::lock_guard<std::mutex> guard(lock());
  if (bytes > limit || used + bytes > limit) return 0;
  char *memory = (char *)aligned_alloc(kFence, rounded(bytes) + 2 * kFence);
  if (!memory) return 0;
  memset(memory, kFenceByte, kFence);
  memset(memory + kFence, kPoison, bytes);
  memset(memory + kFence + bytes, kFenceByte, rounded(bytes) - bytes + kFence);
  used += bytes;
  allocations()[(uint64_t)memory + kFence] = bytes;
  return (uint64_t)memory + kFence;
}
bool release(uint64_t address) {
  std::lock_guard<std::mutex> guard(lock());
  auto found = allocations().find(address);
  if (found == allocations().end()) return false;
  used -= found->second;
  memset((void *)address, kFreed, found->second);
  allocations().erase(found);
  free((char *)address - kFence);
  return true;
}
bool is_allocated(uint64_t address, size_t bytes) {
  std::lock_guard<std::mutex> guard(lock());
  auto next = allocations().upper_bound(address);
  if (next == allocations().begin()) return false;
  --next;
  return address + bytes <= next->first + next->second;
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
  static unsigned char expected[2 * kFence];
  static const bool filled = (memset(expected, kFenceByte, sizeof expected), true);
  (void)filled;
  std::lock_guard<std::mutex> guard(lock());
  for (auto &[address, bytes] : allocations()) {
    char *begin = (char *)address - kFence, *end = (char *)address + bytes;
    size_t behind = rounded(bytes) - bytes + kFence;
    bool before = memcmp(begin, expected, kFence) == 0, after = memcmp(end, expected, behind) == 0;
    if (before && after) continue;
    memset(begin, kFenceByte, kFence);
    memset(end, kFenceByte, behind);
    char text[120];
    snprintf(text, sizeof text, "a write %s an allocation of %zu bytes at 0x%llx", after ? "before" : "past the end of", bytes, (unsigned long long)address);
    return text;
  }
  return "";
}

}  // namespace st_emulator
