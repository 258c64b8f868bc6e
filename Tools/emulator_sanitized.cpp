// The emulator's checks under address sanitizer: every kernel of theirs must be clean, and a planted overrun must be found. See `make emulator-asan`.
#include "CCUDAEmulator.h"
#include <initializer_list>
#include <stdio.h>
#include <string.h>

/// Runs the checks whose name contains `wanted`, or all that plant no fault.
int main(int argc, char **argv) {
  const char *wanted = argc > 1 ? argv[1] : nullptr;
  int ran = 0, failed = 0;
  for (const char *schedule : {"forward", "shuffle:1"}) {
    emulator_set("SCHEDULE", schedule);
    emulator_set("ALIGNMENT", "16");
    for (int32_t k = 0; k < emulator_check_count(); ++k) {
      const char *name = emulator_check_name(k);
      if (wanted ? !strstr(name, wanted) : strstr(name, "fault") != nullptr) continue;
      uint64_t digest = 0;
      const char *failure = emulator_check_run(k, &digest);
      ++ran;
      if (failure) {
        ++failed;
        printf("%s: %s\n", schedule, failure);
      }
    }
  }
  printf("%d checks under address sanitizer, %d failures\n", ran, failed);
  return failed > 0 || ran == 0;
}
