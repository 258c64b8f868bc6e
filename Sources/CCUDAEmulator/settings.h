// What environment variables ask of the emulator: see CONTRACT.md in Kernels.
#pragma once
#include "block.h"
#include <string>

namespace st_emulator {

struct Settings {
  Schedule schedule;
  int devices = 1, driver = 13000, capability = 90;
  std::string fail_launch, missing, fail_compile, fail_blaslt, fail_fft, fail_dnn, fail_solver;
  uint64_t deferred = 0;  // what is asked of streams happens late, in an order of this seed; 0: at once
  bool quiet = false;  // say nothing of faults on the standard error stream
};
extern Settings settings;
/// Reads SWIFT_TORCH_EMULATOR_*.
void read_settings();
/// Overrides one of them in this process; NULL: no longer.
void set_variable(const std::string &name, const char *value);
/// forward, reverse, shuffle:SEED
bool parse_schedule(const char *text, Schedule &schedule);

}  // namespace st_emulator
