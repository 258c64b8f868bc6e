#include "trap.h"
#include "block.h"
#include "memory.h"
#include <signal.h>
#include <ucontext.h>

namespace st_emulator {

static struct sigaction earlier[2];
static const int signals[2] = {SIGSEGV, SIGBUS};
static thread_local bool in_kernel = false;
static uint64_t faulting;

/// Runs on the stack of the thread that faulted, in the place of the instruction that did.
static void stop_kernel() { running_block->stop(describe(faulting)); }

static void handle(int number, siginfo_t *info, void *context) {
  if (!in_kernel) {
    // Not ours: it happens again, and the earlier handler has it.
    sigaction(number, &earlier[number == SIGBUS], nullptr);
    return;
  }
  faulting = (uint64_t)info->si_addr;
  ucontext_t *c = (ucontext_t *)context;
#if defined(__x86_64__)
  // As if called, below the red zone.
  c->uc_mcontext.gregs[REG_RSP] = (greg_t)((((uint64_t)c->uc_mcontext.gregs[REG_RSP] - 256) & ~15ull) - 8);
  c->uc_mcontext.gregs[REG_RIP] = (greg_t)stop_kernel;
#else
  c->uc_mcontext.sp = (c->uc_mcontext.sp - 256) & ~15ull;
  c->uc_mcontext.pc = (uint64_t)stop_kernel;
#endif
}

TrapAccesses::TrapAccesses() {
  struct sigaction action = {};
  action.sa_sigaction = handle;
  action.sa_flags = SA_SIGINFO;
  in_kernel = true;
  for (int k = 0; k < 2; ++k) sigaction(signals[k], &action, &earlier[k]);
}
TrapAccesses::~TrapAccesses() {
  in_kernel = false;
  for (int k = 0; k < 2; ++k) sigaction(signals[k], &earlier[k], nullptr);
}

}  // namespace st_emulator
