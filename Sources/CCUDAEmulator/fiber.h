// Stacks that can be switched between: what a CUDA thread waits on.
#pragma once
#include <stddef.h>

namespace st_emulator {

/// A stack with a guard page below it, from a pool of the OS thread.
struct Fiber {
  void *position;  // saved stack pointer
  char *memory;
  size_t bytes;
  void *sanitizer = nullptr;
};
/// A fiber that starts in `entry` when it is first switched to. `entry` must not return.
Fiber *take_fiber(void (*entry)());
void give_fiber(Fiber *fiber);

/// Leaves the stack whose position is saved in `from` for `to`.
extern "C" void st_emulator_switch(void **from, void *to);

}  // namespace st_emulator
