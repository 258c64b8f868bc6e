#include "registry.h"
#include <deque>
#include <map>

namespace st_emulator {

// Filled by constructors of the wrappers' objects, whose order is not known: hence not global objects.
struct Registry {
  std::deque<std::string> symbols;
  std::deque<Kernel> kernels;
  std::map<std::string, const Kernel *> by_symbol;
};
static Registry &registry() {
  static Registry *r = new Registry;
  return *r;
}

void register_kernel(const std::string &symbol, const char *file, size_t argument_bytes, void (*run)(const void *), uint32_t most_threads) {
  Registry &r = registry();
  r.symbols.push_back(symbol);
  r.kernels.push_back({r.symbols.back().c_str(), file, argument_bytes, run, most_threads});
  r.by_symbol[symbol] = &r.kernels.back();
}
const Kernel *find_kernel(const char *symbol) {
  auto found = registry().by_symbol.find(symbol);
  return found == registry().by_symbol.end() ? nullptr : found->second;
}
int32_t kernel_count() { return (int32_t)registry().kernels.size(); }
const Kernel *kernel_at(int32_t index) { return index >= 0 && index < kernel_count() ? &registry().kernels[(size_t)index] : nullptr; }

}  // namespace st_emulator
