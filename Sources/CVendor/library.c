// Opens the libraries once and keeps what was found for the user to read.
#define _GNU_SOURCE
#include "cv_internal.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *cv_handles[CVLibrary_count];
cv_library cv_libraries[CVLibrary_count] = {{.name = "libgomp"}, {.name = "OpenBLAS"}, {.name = "oneDNN"}};
__thread int32_t cv_thread_limit __attribute__((tls_model("initial-exec"))) = 0;

static cv_gomp_parallel gomp_parallel;
static void (*omp_set_num_threads)(int);
static pthread_once_t once = PTHREAD_ONCE_INIT;

static bool allowed(const char *name) {
  const char *list = getenv("SWIFT_TORCH_VENDOR");
  if (!list || !*list || !strcmp(list, "all")) return true;
  size_t n = strlen(name);
  for (const char *p = list; *p;) {
    size_t length = strcspn(p, ",");
    if (length == n && !strncmp(p, name, n)) return true;
    p += length;
    if (*p) ++p;
  }
  return false;
}

void cv_reject(CVLibrary library, const char *reason, const char *detail) {
  cv_library *l = &cv_libraries[library];
  l->found = false;
  snprintf(l->reason, sizeof l->reason, detail ? "%s: %s" : "%s", reason, detail);
}

bool cv_symbols(CVLibrary library, int count, const char *const *names, void **addresses) {
  for (int i = 0; i < count; ++i) {
    addresses[i] = dlsym(cv_handles[library], names[i]);
    if (!addresses[i]) { cv_reject(library, "the library lacks a function", names[i]); return false; }
  }
  return true;
}

void *cv_open_first(CVLibrary library, const char *const *paths) {
  char first_error[200] = "";
  for (; *paths; ++paths) {
    void *h = dlopen(*paths, RTLD_NOW | RTLD_LOCAL);
    if (h) { cv_handles[library] = h; return h; }
    const char *error = dlerror();
    if (!first_error[0] && error && (*paths)[0] != '/') snprintf(first_error, sizeof first_error, "%s", error);
  }
  cv_reject(library, "not found", first_error);
  return NULL;
}

void cv_note_path(CVLibrary library, void *symbol) {
  Dl_info info;
  if (dladdr(symbol, &info) && info.dli_fname) snprintf(cv_libraries[library].path, sizeof cv_libraries[library].path, "%s", info.dli_fname);
}

static void open_gomp(void) {
#if defined(__APPLE__)
  static const char *const paths[] = {"libgomp.1.dylib", NULL};
#else
  static const char *const paths[] = {"libgomp.so.1", NULL};
#endif
  if (!cv_open_first(CVLibrary_gomp, paths)) return;
  static const char *const names[] = {"GOMP_parallel", "omp_set_num_threads"};
  void *f[2];
  if (!cv_symbols(CVLibrary_gomp, 2, names, f)) return;
  gomp_parallel = (cv_gomp_parallel)f[0];
  omp_set_num_threads = (void (*)(int))f[1];
  cv_note_path(CVLibrary_gomp, f[0]);
  snprintf(cv_libraries[CVLibrary_gomp].version, sizeof cv_libraries[CVLibrary_gomp].version, "OpenMP %s", dlsym(cv_handles[CVLibrary_gomp], "omp_display_env") ? "5.1" : "before 5.1");
  cv_libraries[CVLibrary_gomp].found = true;
}

static void open_all(void) {
  struct { const char *name; void (*open)(void); } each[] = {{"gomp", open_gomp}, {"openblas", cv_open_openblas}, {"dnnl", cv_open_dnnl}};
  for (int i = 0; i < CVLibrary_count; ++i) {
    if (!allowed(each[i].name) && !(i == CVLibrary_dnnl && allowed("onednn"))) cv_reject((CVLibrary)i, "switched off by SWIFT_TORCH_VENDOR", NULL);
    else each[i].open();
  }
}

void cv_open(void) { pthread_once(&once, open_all); }
const cv_library *cv_library_info(CVLibrary library) { cv_open(); return &cv_libraries[library]; }
cv_gomp_parallel cv_gomp_entry(void) { cv_open(); return gomp_parallel; }

void cv_set_thread_limit(int32_t count) {
  cv_open();
  cv_thread_limit = count;
  // OpenBLAS and oneDNN may bring libgomp with them although it was switched off here: they must be told all the same.
  if (!omp_set_num_threads) {
    static void (*found)(int);
    static bool looked;
    if (!__atomic_load_n(&looked, __ATOMIC_ACQUIRE)) {
      void *h = dlopen("libgomp.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
      __atomic_store_n(&found, h ? (void (*)(int))dlsym(h, "omp_set_num_threads") : NULL, __ATOMIC_RELEASE);
      __atomic_store_n(&looked, true, __ATOMIC_RELEASE);
    }
    void (*f)(int) = __atomic_load_n(&found, __ATOMIC_ACQUIRE);
    if (f) f(count);
    return;
  }
  omp_set_num_threads(count);
}
