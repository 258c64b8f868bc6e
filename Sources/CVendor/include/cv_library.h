// Which libraries were found, and the OpenMP run time they share.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef enum __attribute__((enum_extensibility(closed))) CVLibrary : int32_t { CVLibrary_gomp, CVLibrary_openblas, CVLibrary_dnnl, CVLibrary_count } CVLibrary;

/// What became of a library. `reason` says why it is not used, and is empty when it is.
typedef struct cv_library { const char *name; bool found; char version[96]; char path[512]; char reason[256]; } cv_library;

/// Opens the libraries, once; every call below does so by itself. The environment variable SWIFT_TORCH_VENDOR restricts them: `none`, or a list such as
/// `openblas,gomp`.
void cv_open(void);
const cv_library *cv_library_info(CVLibrary library);

/// libgomp's entry `GOMP_parallel(fn, data, threads, flags)`, or NULL.
typedef void (*cv_gomp_parallel)(void (*)(void *), void *, unsigned, unsigned);
cv_gomp_parallel cv_gomp_entry(void);

extern __thread int32_t cv_thread_limit __attribute__((tls_model("initial-exec")));
void cv_set_thread_limit(int32_t count);
/// Threads that library calls of this thread may use from now on. OpenMP keeps the number per thread, so this stands before every call that may use several.
static inline __attribute__((always_inline)) void cv_use_threads(int32_t count) {
  if (__builtin_expect(cv_thread_limit != count, 0)) cv_set_thread_limit(count);
}

#ifdef __cplusplus
}
#endif
