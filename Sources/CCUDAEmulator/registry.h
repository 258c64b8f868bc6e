// The kernels that are compiled in.
#pragma once
#include "block.h"

namespace st_emulator {

void register_kernel(const std::string &symbol, const char *file, size_t argument_bytes, void (*run)(const void *), uint32_t most_threads);
/// NULL if there is none.
const Kernel *find_kernel(const char *symbol);
int32_t kernel_count();
const Kernel *kernel_at(int32_t index);

/// Registers when the library is opened.
struct Registration {
  Registration(const char *symbol, const char *file, size_t bytes, void (*run)(const void *), uint32_t threads) { register_kernel(symbol, file, bytes, run, threads); }
};

}  // namespace st_emulator

// A kernel that is written out (not made from an operator list) registers itself. ST_KERNEL_FILE names the file of the wrapper's kernels.
#define ST_KERNEL(symbol, Args, threads) \
  static void symbol(const Args &args); \
  static void symbol##_erased(const void *args) { symbol(*(const Args *)args); } \
  static const st_emulator::Registration symbol##_registration(#symbol, ST_KERNEL_FILE, sizeof(Args), symbol##_erased, threads); \
  static void symbol(const Args &args)
#define ST_KERNEL_RESIDENT(symbol, Args, threads, blocks) ST_KERNEL(symbol, Args, threads)
