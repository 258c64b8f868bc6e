// Accesses of memory that is not there, while a kernel runs, become faults of the kernel.
#pragma once

namespace st_emulator {

/// For the time of a launch on this thread. Faults of other threads and code go to whoever handled them before.
class TrapAccesses {
 public:
  TrapAccesses();
  ~TrapAccesses();
  TrapAccesses(const TrapAccesses &) = delete;
};

}  // namespace st_emulator
