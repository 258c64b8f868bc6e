// Runs a whole launch.
#pragma once
#include "registry.h"
#include "settings.h"

namespace st_emulator {

/// Runs all blocks, in the order of the schedule. Returns the fault that stopped it, or "".
std::string run_kernel(const Kernel &kernel, const void *arguments, const LaunchState &launch, uint32_t dynamic_shared, const Schedule &schedule);
uint64_t launch_count();
/// Of one kernel.
uint64_t launch_count(const std::string &symbol);

}  // namespace st_emulator
