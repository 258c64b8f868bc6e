// The call stack, for anomaly mode. Swift does not see these functions of glibc.
#include "st_trace.h"
#include <dlfcn.h>
#include <execinfo.h>

extern "C" int32_t st_backtrace(void **frames, int32_t count) { return backtrace(frames, count); }
extern "C" const char *st_symbol(void *address) {
  Dl_info info;
  return dladdr(address, &info) ? info.dli_sname : nullptr;
}
