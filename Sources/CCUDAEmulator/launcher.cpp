#include "launcher.h"
#include "memory.h"
#include "trap.h"
#include <map>
#include <mutex>

namespace st_emulator {

static std::mutex lock;
static uint64_t launches = 0;
static std::map<std::string, uint64_t> launches_of;
uint64_t launch_count() { return launches; }
uint64_t launch_count(const std::string &symbol) {
  std::lock_guard<std::mutex> guard(lock);
  auto found = launches_of.find(symbol);
  return found == launches_of.end() ? 0 : found->second;
}

std::string run_kernel(const Kernel &kernel, const void *arguments, const LaunchState &launch, uint32_t dynamic_shared, const Schedule &schedule) {
  // One launch at a time, as if all streams shared one queue.
  std::lock_guard<std::mutex> guard(lock);
  ++launches_of[kernel.symbol];
  static Block *block = new Block;
  Shuffler shuffler = {schedule.seed + ++launches * 0x9e3779b97f4a7c15u};
  const uint64_t blocks = (uint64_t)launch.grid.x * launch.grid.y * launch.grid.z;
  std::vector<uint32_t> order;
  // Beyond this the order of blocks would take more memory than it tells.
  const bool listed = blocks <= 1 << 20;
  if (listed) {
    order.resize(blocks);
    order_by(schedule, shuffler, order);
  }
  // The alignment of a struct with 64-bit members.
  alignas(16) static char aligned[32768];
  if (kernel.argument_bytes > sizeof aligned) return std::string("kernel ") + kernel.symbol + ": more than 32 KiB of arguments";
  memcpy(aligned, arguments, kernel.argument_bytes);
  TrapAccesses trap;
  for (uint64_t k = 0; k < blocks; ++k) {
    uint64_t b = listed ? order[k] : k;
    Coordinates index = {(uint32_t)(b % launch.grid.x), (uint32_t)(b / launch.grid.x % launch.grid.y), (uint32_t)(b / launch.grid.x / launch.grid.y)};
    if (!block->run(kernel, aligned, launch, index, dynamic_shared, schedule, shuffler)) return block->fault;
  }
  std::string fence = check_fences();
  return fence.empty() ? fence : std::string("kernel ") + kernel.symbol + ": " + fence;
}

}  // namespace st_emulator
