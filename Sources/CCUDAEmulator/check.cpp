#include "check.h"
#include <algorithm>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

extern "C" {
int32_t cuInit(uint32_t);
int32_t cuDevicePrimaryCtxRetain(void **, int32_t);
int32_t cuCtxSetCurrent(void *);
int32_t cuMemAlloc_v2(uint64_t *, size_t);
int32_t cuMemFree_v2(uint64_t);
int32_t cuMemcpyHtoDAsync_v2(uint64_t, const void *, size_t, void *);
int32_t cuMemcpyDtoHAsync_v2(void *, uint64_t, size_t, void *);
int32_t cuMemsetD8Async(uint64_t, uint8_t, size_t, void *);
int32_t cuModuleLoadData(void **, const void *);
int32_t cuModuleGetFunction(void **, void *, const char *);
int32_t cuModuleUnload(void *);
int32_t cuLaunchKernel(void *, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t, void *, void **, void **);
int32_t nvrtcCreateProgram(void **, const char *, const char *, int32_t, const char *const *, const char *const *);
int32_t nvrtcCompileProgram(void *, int32_t, const char *const *);
int32_t nvrtcGetCUBINSize(void *, size_t *);
int32_t nvrtcGetCUBIN(void *, char *);
int32_t nvrtcGetProgramLogSize(void *, size_t *);
int32_t nvrtcGetProgramLog(void *, char *);
int32_t nvrtcDestroyProgram(void **);
}

namespace st_emulator {

void fail(const char *format, ...) {
  char text[1024];
  va_list list;
  va_start(list, format);
  vsnprintf(text, sizeof text, format, list);
  va_end(list);
  throw CheckFailure{text};
}
static void must(int32_t result, const char *what) {
  if (result != 0) fail("%s gave %d: %s", what, result, emulator_fault());
}
static void begin() {
  void *context = nullptr;
  must(cuInit(0), "cuInit");
  must(cuDevicePrimaryCtxRetain(&context, 0), "cuDevicePrimaryCtxRetain");
  must(cuCtxSetCurrent(context), "cuCtxSetCurrent");
}

uint64_t Numbers::bits() {
  uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}
double Numbers::uniform(double low, double high) { return low + (high - low) * ((double)(bits() >> 11) * 0x1p-53); }

Buffer::Buffer(size_t n) : bytes(n) { must(cuMemAlloc_v2(&address, n ? n : 1), "cuMemAlloc"); }
Buffer::Buffer(const void *from, size_t n) : Buffer(n) { must(cuMemcpyHtoDAsync_v2(address, from, n, nullptr), "cuMemcpyHtoDAsync"); }
Buffer::~Buffer() { cuMemFree_v2(address); }
void Buffer::read(void *to) const { must(cuMemcpyDtoHAsync_v2(to, address, bytes, nullptr), "cuMemcpyDtoHAsync"); }

void Buffer::clear() { must(cuMemsetD8Async(address, 0, bytes, nullptr), "cuMemsetD8Async"); }

void Digest::add(const void *data, size_t bytes) {
  for (size_t k = 0; k < bytes; ++k) value = (value ^ ((const unsigned char *)data)[k]) * 1099511628211u;
}

int32_t try_launch(const char *file, const std::string &defines, const std::string &symbol, const void *args, const uint32_t (&grid)[3], const uint32_t (&block)[3]) {
  std::vector<std::string> options = {"--std=c++20", "--gpu-architecture=sm_90"};
  for (size_t at = 0; at < defines.size();) {
    size_t end = std::min(defines.find(' ', at), defines.size());
    options.push_back("-D" + defines.substr(at, end - at));
    at = end + 1;
  }
  std::vector<const char *> pointers;
  for (const std::string &o : options) pointers.push_back(o.c_str());
  void *program = nullptr, *module = nullptr, *function = nullptr;
  must(nvrtcCreateProgram(&program, "", file, 0, nullptr, nullptr), "nvrtcCreateProgram");
  if (nvrtcCompileProgram(program, (int32_t)pointers.size(), pointers.data()) != 0) {
    size_t size = 0;
    nvrtcGetProgramLogSize(program, &size);
    std::string log(size, 0);
    nvrtcGetProgramLog(program, log.data());
    nvrtcDestroyProgram(&program);
    fail("%s %s does not compile: %s", file, defines.c_str(), log.c_str());
  }
  size_t size = 0;
  must(nvrtcGetCUBINSize(program, &size), "nvrtcGetCUBINSize");
  std::string image(size, 0);
  must(nvrtcGetCUBIN(program, image.data()), "nvrtcGetCUBIN");
  nvrtcDestroyProgram(&program);
  must(cuModuleLoadData(&module, image.data()), "cuModuleLoadData");
  must(cuModuleGetFunction(&function, module, symbol.c_str()), ("cuModuleGetFunction " + symbol).c_str());
  void *parameters[] = {(void *)args};
  int32_t result = cuLaunchKernel(function, grid[0], grid[1], grid[2], block[0], block[1], block[2], 0, nullptr, parameters, nullptr);
  cuModuleUnload(module);
  return result;
}
void launch_kernel(const char *file, const std::string &defines, const std::string &symbol, const void *args, const uint32_t (&grid)[3], const uint32_t (&block)[3]) {
  int32_t result = try_launch(file, defines, symbol, args, grid, block);
  if (result != 0) fail("launch of %s gave %d: %s", symbol.c_str(), result, emulator_fault());
}

bool is_close(double a, double b, double tolerance) {
  if (a != a || b != b) return a != a && b != b;
  if (isinf(a) || isinf(b)) return a == b;
  return fabs(a - b) <= tolerance * std::max(1.0, fabs(b));
}

static std::vector<Check> &checks() {
  static auto *all = new std::vector<Check>;
  return *all;
}
CheckRegistration::CheckRegistration(const char *name, void (*run)(Digest &)) { checks().push_back({name, run}); }

}  // namespace st_emulator

using namespace st_emulator;
int32_t emulator_check_count(void) { return (int32_t)checks().size(); }
const char *emulator_check_name(int32_t index) { return index >= 0 && index < emulator_check_count() ? checks()[(size_t)index].name : nullptr; }
const char *emulator_check_run(int32_t index, uint64_t *digest) {
  static thread_local std::string failure;
  Digest d;
  try {
    begin();
    checks()[(size_t)index].run(d);
    *digest = d.value;
    return nullptr;
  } catch (const CheckFailure &f) {
    failure = std::string(checks()[(size_t)index].name) + ": " + f.text;
    emulator_reset();
    return failure.c_str();
  }
}
