// Fills the tables of functions from libraries that are open.
#define _GNU_SOURCE
#include "CCUDA.h"
#include <dlfcn.h>

__thread cc_context cc_current_context __attribute__((tls_model("initial-exec"))) = NULL;
__thread void *cc_current_scope __attribute__((tls_model("initial-exec"))) = NULL;
bool cc_streams_used = false;

/// Looks `count` names up; those from `required` on may be missing. Returns the first required one that is.
static const char *fill(void *library, void **functions, const char *const *names, size_t required, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    functions[i] = dlsym(library, names[i]);
    if (!functions[i] && i < required) return names[i];
  }
  return NULL;
}

#define NAME(name, symbol, ...) symbol,
#define ONE(...) +1
#define NONE(X)
// Tables are loaded once a process, so each has its place here.
#define LOADER(table, function, REQUIRED, OPTIONAL) \
  const table *function(void *library, const char **missing) { \
    static const char *const names[] = {REQUIRED(NAME) OPTIONAL(NAME)}; \
    static table filled; \
    _Static_assert(sizeof(table) == sizeof(names), "a table is one pointer a name"); \
    *missing = fill(library, (void **)&filled, names, 0 REQUIRED(ONE), sizeof names / sizeof *names); \
    return *missing ? NULL : &filled; \
  }

LOADER(cc_driver, cc_load_driver, CC_DRIVER_REQUIRED, CC_DRIVER_OPTIONAL)
LOADER(cc_nvrtc, cc_load_nvrtc, CC_NVRTC_REQUIRED, NONE)
LOADER(cc_blaslt, cc_load_blaslt, CC_BLASLT_REQUIRED, NONE)
LOADER(cc_fft, cc_load_fft, CC_FFT_REQUIRED, NONE)
LOADER(cc_solver, cc_load_solver, CC_SOLVER_REQUIRED, CC_SOLVER_OPTIONAL)
#define DNN(X) CC_DNN_REQUIRED(X) CC_DNN_VALUES(X)
LOADER(cc_dnn, cc_load_dnn, DNN, NONE)

const char *cc_file_of(const void *symbol) {
  Dl_info info;
  return dladdr(symbol, &info) ? info.dli_fname : NULL;
}
