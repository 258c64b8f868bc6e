// Look-alike of the CUDA driver API: one kind of device, an H100. Streams, events and graphs are in stream.cpp.
#include "include/CCUDAEmulator.h"
#include "driver.h"
#include "launcher.h"
#include "memory.h"
#include "program.h"
#include <map>
#include <mutex>
#include <set>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <string>

namespace st_emulator {

struct EmulatedModule { Program program; };
struct EmulatedFunction { const Kernel *kernel; };

bool initialized = false;
thread_local EmulatedContext *context = nullptr;
int broken = 0;
static std::mutex lock;
static EmulatedContext contexts[16];
static std::string fault_text;
static std::set<const void *> &live() {
  static auto *s = new std::set<const void *>;
  return *s;
}
bool is_live(const void *handle) {
  std::lock_guard<std::mutex> guard(lock);
  return live().count(handle) > 0;
}
void born(const void *handle) {
  std::lock_guard<std::mutex> guard(lock);
  live().insert(handle);
}
bool died(const void *handle) {
  std::lock_guard<std::mutex> guard(lock);
  return live().erase(handle) > 0;
}
/// Page-locked memory by its first byte.
static std::map<const char *, size_t> &page_locked() {
  static auto *m = new std::map<const char *, size_t>;
  return *m;
}
bool is_page_locked(const void *memory) {
  std::lock_guard<std::mutex> guard(lock);
  auto next = page_locked().upper_bound((const char *)memory);
  if (next == page_locked().begin()) return false;
  --next;
  return (const char *)memory < next->first + next->second;
}

}  // namespace st_emulator
using namespace st_emulator;

// ---- devices and contexts

API cuInit(uint32_t flags) {
  if (flags) return kInvalidValue;
  read_settings();
  if (settings.devices <= 0) return kNoDevice;
  for (int32_t k = 0; k < 16; ++k) contexts[k].device = k;
  initialized = true;
  return kSuccess;
}
API cuDriverGetVersion(int32_t *version) {
  if (!version) return kInvalidValue;
  if (!initialized) read_settings();
  *version = settings.driver;
  return kSuccess;
}
API cuGetErrorName(int32_t error, const char **name) { return name && (*name = error_name(error)) ? kSuccess : kInvalidValue; }
API cuGetErrorString(int32_t error, const char **text) { return text && (*text = error_text(error)) ? kSuccess : kInvalidValue; }
API cuDeviceGetCount(int32_t *count) {
  if (!initialized) return kNotInitialized;
  *count = settings.devices;
  return kSuccess;
}
API cuDeviceGet(int32_t *device, int32_t index) {
  if (!initialized) return kNotInitialized;
  if (index < 0 || index >= settings.devices || index >= 16) return kInvalidDevice;
  *device = index;
  return kSuccess;
}
API cuDeviceGetName(char *name, int32_t capacity, int32_t device) {
  if (device < 0 || device >= settings.devices) return kInvalidDevice;
  snprintf(name, (size_t)capacity, "Emulated H100");
  return kSuccess;
}
API cuDeviceTotalMem_v2(size_t *bytes, int32_t device) {
  if (device < 0 || device >= settings.devices) return kInvalidDevice;
  *bytes = memory_limit();
  return kSuccess;
}
API cuDeviceGetAttribute(int32_t *value, int32_t attribute, int32_t device) {
  if (!value) return kInvalidValue;
  if (device < 0 || device >= settings.devices) return kInvalidDevice;
  switch (attribute) {
    case 1: *value = 1024; break;         // threads a block
    case 2: *value = 1024; break;         // block x, y, z
    case 3: *value = 1024; break;
    case 4: *value = 64; break;
    case 5: *value = 2147483647; break;   // grid x, y, z
    case 6: case 7: *value = 65535; break;
    case 8: *value = 48 << 10; break;     // shared memory a block
    case 9: *value = 64 << 10; break;     // constant memory
    case 10: *value = 32; break;          // warp
    case 12: *value = 65536; break;       // registers a block
    case 13: *value = 1980000; break;     // kHz
    case 16: *value = 132; break;         // multiprocessors
    case 31: *value = 1; break;           // concurrent kernels
    case 36: *value = 2619000; break;     // memory, kHz
    case 37: *value = 5120; break;        // memory bus, bits
    case 38: *value = 50 << 20; break;    // L2
    case 39: *value = 2048; break;        // threads a multiprocessor
    case 40: *value = 3; break;           // copy engines
    case 41: *value = 1; break;           // unified addressing
    case 75: *value = settings.capability / 10; break;           // capability
    case 76: *value = settings.capability % 10; break;
    case 81: *value = 228 << 10; break;   // shared memory a multiprocessor
    case 82: *value = 65536; break;       // registers a multiprocessor
    case 95: *value = 1; break;           // cooperative launch
    case 97: *value = 227 << 10; break;   // shared memory a block may ask for
    case 106: *value = 32; break;         // blocks a multiprocessor
    default: *value = 0;
  }
  return kSuccess;
}
API cuDevicePrimaryCtxRetain(EmulatedContext **c, int32_t device) {
  if (!initialized) return kNotInitialized;
  if (device < 0 || device >= settings.devices) return kInvalidDevice;
  *c = &contexts[device];
  return kSuccess;
}
API cuDevicePrimaryCtxRelease_v2(int32_t) { return kSuccess; }
API cuCtxSetCurrent(EmulatedContext *c) {
  if (!initialized) return kNotInitialized;
  context = c;
  return kSuccess;
}
API cuCtxGetCurrent(EmulatedContext **c) {
  *c = context;
  return initialized ? kSuccess : kNotInitialized;
}
API cuCtxGetDevice(int32_t *device) {
  NEEDS_CONTEXT
  *device = context->device;
  return kSuccess;
}

// ---- memory

API cuMemGetInfo_v2(size_t *free_bytes, size_t *total) {
  NEEDS_CONTEXT
  *total = memory_limit();
  *free_bytes = memory_limit() - allocated_bytes();
  return kSuccess;
}
API cuMemAlloc_v2(uint64_t *address, size_t bytes) {
  NEEDS_CONTEXT
  if (!address || bytes == 0) return kInvalidValue;
  if (int32_t error = forbidden_in_capture()) return error;
  *address = allocate(bytes);
  return *address ? kSuccess : kOutOfMemory;
}
API cuMemFree_v2(uint64_t address) {
  NEEDS_CONTEXT
  if (int32_t error = forbidden_in_capture()) return error;
  // As the driver, which waits for all that may use it.
  finish_all();
  return address == 0 || release(address) ? kSuccess : kInvalidValue;
}
API cuMemHostAlloc(void **memory, size_t bytes, uint32_t) {
  NEEDS_CONTEXT
  if (!memory || bytes == 0) return kInvalidValue;
  *memory = aligned_alloc(4096, (bytes + 4095) & ~(size_t)4095);
  if (!*memory) return kOutOfMemory;
  memset(*memory, 0xff, bytes);
  std::lock_guard<std::mutex> guard(lock);
  page_locked()[(const char *)*memory] = bytes;
  return kSuccess;
}
API cuMemFreeHost(void *memory) {
  NEEDS_CONTEXT
  finish_all();
  {
    std::lock_guard<std::mutex> guard(lock);
    if (!page_locked().erase((const char *)memory)) return kInvalidValue;
  }
  free(memory);
  return kSuccess;
}
API cuMemHostRegister_v2(void *memory, size_t bytes, uint32_t) {
  NEEDS_CONTEXT
  return memory && bytes ? kSuccess : kInvalidValue;
}
API cuMemHostUnregister(void *memory) {
  NEEDS_CONTEXT
  return memory ? kSuccess : kInvalidValue;
}
API cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, EmulatedStream *stream) {
  NEEDS_STREAM(stream)
  if (bytes == 0) return kSuccess;
  if (!is_allocated(to, bytes)) return kInvalidValue;
  if (is_page_locked(from)) return submit(stream, [=] { return memcpy((void *)to, from, bytes), (int32_t)kSuccess; });
  // Memory that the device can not reach is read before the call returns.
  return submit(stream, [=, copy = std::string((const char *)from, bytes)] { return memcpy((void *)to, copy.data(), bytes), (int32_t)kSuccess; });
}
API cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, EmulatedStream *stream) {
  NEEDS_STREAM(stream)
  if (bytes == 0) return kSuccess;
  if (!is_allocated(from, bytes)) return kInvalidValue;
  const int32_t error = submit(stream, [=] { return memcpy(to, (const void *)from, bytes), (int32_t)kSuccess; });
  return error || is_page_locked(to) ? error : finish(stream);
}
API cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, EmulatedStream *stream) {
  NEEDS_STREAM(stream)
  if (bytes == 0) return kSuccess;
  if (!is_allocated(from, bytes) || !is_allocated(to, bytes)) return kInvalidValue;
  return submit(stream, [=] { return memmove((void *)to, (const void *)from, bytes), (int32_t)kSuccess; });
}
API cuMemcpyHtoD_v2(uint64_t to, const void *from, size_t bytes) { return cuMemcpyHtoDAsync_v2(to, from, bytes, nullptr); }
API cuMemcpyDtoH_v2(void *to, uint64_t from, size_t bytes) { return cuMemcpyDtoHAsync_v2(to, from, bytes, nullptr); }
API cuMemcpyPeerAsync(uint64_t to, EmulatedContext *, uint64_t from, EmulatedContext *, size_t bytes, EmulatedStream *stream) { return cuMemcpyDtoDAsync_v2(to, from, bytes, stream); }
API cuMemsetD8Async(uint64_t to, uint8_t value, size_t count, EmulatedStream *stream) {
  NEEDS_STREAM(stream)
  if (count == 0) return kSuccess;
  if (!is_allocated(to, count)) return kInvalidValue;
  return submit(stream, [=] { return memset((void *)to, value, count), (int32_t)kSuccess; });
}
API cuMemsetD32Async(uint64_t to, uint32_t value, size_t count, EmulatedStream *stream) {
  NEEDS_STREAM(stream)
  if (count == 0) return kSuccess;
  if ((to & 3) || !is_allocated(to, count * 4)) return kInvalidValue;
  return submit(stream, [=] {
    for (size_t k = 0; k < count; ++k) ((uint32_t *)to)[k] = value;
    return (int32_t)kSuccess;
  });
}

// ---- kernels

API cuModuleLoadData(EmulatedModule **module, const void *image) {
  NEEDS_CONTEXT
  Program program;
  if (!module || !image) return kInvalidValue;
  if (!Program::parse(image, program)) return kInvalidImage;
  born(*module = new EmulatedModule{program});
  return kSuccess;
}
API cuModuleLoadDataEx(EmulatedModule **module, const void *image, uint32_t, void *, void *) { return cuModuleLoadData(module, image); }
API cuModuleUnload(EmulatedModule *module) {
  NEEDS_CONTEXT
  if (!died(module)) return kInvalidHandle;
  delete module;
  return kSuccess;
}
API cuModuleGetFunction(EmulatedFunction **function, EmulatedModule *module, const char *name) {
  NEEDS_CONTEXT
  if (!is_live(module)) return kInvalidHandle;
  const Kernel *kernel = find_kernel(name);
  if (!kernel || settings.missing == name || module->program.file != kernel->file || !module->program.defines_symbol(name)) return kNotFound;
  born(*function = new EmulatedFunction{kernel});
  return kSuccess;
}
API cuFuncSetAttribute(EmulatedFunction *function, int32_t, int32_t) {
  NEEDS_CONTEXT
  return is_live(function) ? kSuccess : kInvalidHandle;
}
API cuFuncGetAttribute(int32_t *value, int32_t attribute, EmulatedFunction *function) {
  NEEDS_CONTEXT
  if (!is_live(function)) return kInvalidHandle;
  *value = attribute == 0 ? (int32_t)function->kernel->most_threads : 0;
  return kSuccess;
}
API cuLaunchKernel(EmulatedFunction *function, uint32_t gx, uint32_t gy, uint32_t gz, uint32_t bx, uint32_t by, uint32_t bz, uint32_t shared_bytes, EmulatedStream *stream,
                   void **parameters, void **extra) {
  NEEDS_STREAM(stream)
  if (!is_live(function)) return kInvalidHandle;
  if (!parameters || !parameters[0] || extra) return kInvalidValue;
  if (!gx || !gy || !gz || !bx || !by || !bz || gx > 0x7fffffff || gy > 65535 || gz > 65535 || bx > 1024 || by > 1024 || bz > 64 || bx * by * bz > 1024) return kInvalidValue;
  if (shared_bytes > 48u << 10) return kInvalidValue;
  const Kernel &kernel = *function->kernel;
  if (bx * by * bz > kernel.most_threads) return kInvalidValue;
  return submit(stream, [=, &kernel, arguments = std::string((const char *)parameters[0], kernel.argument_bytes)]() -> int32_t {
    if (settings.fail_launch == kernel.symbol) {
      fault_text = std::string("kernel ") + kernel.symbol + ": the emulator was asked to fail here (SWIFT_TORCH_EMULATOR_FAIL_LAUNCH)";
      return kLaunchFailed;
    }
    std::string fault = run_kernel(kernel, arguments.data(), {{bx, by, bz}, {gx, gy, gz}}, shared_bytes, settings.schedule);
    if (fault.empty()) return kSuccess;
    fault_text = fault;
    // An asynchronous fault reaches the host without its text, so it is said here too.
    if (!settings.quiet) fprintf(stderr, "CUDA emulator: %s\n", fault.c_str());
    return fault.find(": a write ") != std::string::npos || fault.find(": an access ") != std::string::npos ? kIllegalAddress : kLaunchFailed;
  });
}

// ---- for tests

const char *emulator_fault(void) { return fault_text.c_str(); }
void emulator_reset(void) {
  finish_all();
  broken = 0;
  fault_text.clear();
}
void emulator_set(const char *name, const char *value) {
  set_variable(name, value);
  read_settings();
}
int32_t emulator_kernel_count(void) { return kernel_count(); }
const char *emulator_kernel_symbol(int32_t index) { return kernel_at(index) ? kernel_at(index)->symbol : nullptr; }
uint64_t emulator_allocated(void) { return allocated_bytes(); }
uint64_t emulator_launches(void) { return launch_count(); }
uint64_t emulator_launches_of(const char *symbol) { return launch_count(symbol); }
