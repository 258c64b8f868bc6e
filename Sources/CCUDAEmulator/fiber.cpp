#include "fiber.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <vector>
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#endif

// Registers that a call preserves go to the stack that is left; the new stack's are taken from it.
#if defined(__x86_64__)
asm(R"(
.text
.globl st_emulator_switch
.hidden st_emulator_switch
.type st_emulator_switch,@function
st_emulator_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size st_emulator_switch, .-st_emulator_switch
)");
#elif defined(__aarch64__) && defined(__linux__)
asm(R"(
.text
.globl st_emulator_switch
.hidden st_emulator_switch
.type st_emulator_switch,@function
st_emulator_switch:
  sub sp, sp, #160
  stp x19, x20, [sp]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
.size st_emulator_switch, .-st_emulator_switch
)");
#else
#error "The CUDA emulator switches stacks on x86-64 and on arm64 Linux"
#endif

namespace st_emulator {

static thread_local std::vector<Fiber *> pool;
constexpr size_t kStack = 256 << 10, kGuard = 16 << 10;

Fiber *take_fiber(void (*entry)()) {
  Fiber *f;
  if (!pool.empty()) {
    f = pool.back();
    pool.pop_back();
  } else {
    f = new Fiber;
    f->bytes = kStack;
    f->memory = (char *)mmap(nullptr, kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (f->memory == MAP_FAILED || mprotect(f->memory, kGuard, PROT_NONE) != 0) {
      fprintf(stderr, "CUDA emulator: no memory for the stack of a thread\n");
      abort();
    }
  }
#if __has_feature(address_sanitizer)
  // A fiber is left for good inside its functions, whose marks would stay on its stack.
  __asan_unpoison_memory_region(f->memory + kGuard, f->bytes - kGuard);
#endif
  // As if `entry` had been left by a switch at its first instruction.
  void **top = (void **)(f->memory + f->bytes);
#if defined(__x86_64__)
  *--top = nullptr;
  *--top = (void *)entry;
  for (int k = 0; k < 6; ++k) *--top = nullptr;
#else
  top -= 20;
  for (int k = 0; k < 20; ++k) top[k] = nullptr;
  top[11] = (void *)entry;  // x30
#endif
  f->position = top;
  return f;
}
void give_fiber(Fiber *fiber) { pool.push_back(fiber); }

}  // namespace st_emulator
