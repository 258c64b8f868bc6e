// OpenBLAS: found, checked for how it takes threads, and its BLAS table filled.
#include "cv_blas.h"
#include "cv_internal.h"
#include <dlfcn.h>
#include <stdio.h>

static cv_blas table;

void cv_open_openblas(void) {
#if defined(__APPLE__)
  static const char *const paths[] = {"/opt/homebrew/opt/openblas/lib/libopenblas.dylib", "/usr/local/opt/openblas/lib/libopenblas.dylib", "libopenblas.dylib", NULL};
#elif defined(__x86_64__)
#define CV_TRIPLET "x86_64-linux-gnu"
#elif defined(__aarch64__)
#define CV_TRIPLET "aarch64-linux-gnu"
#endif
#if !defined(__APPLE__)
  // The OpenMP build by its own folder first: the plain name may lead to the pthread build, whose threads would compete with ours.
  static const char *const paths[] = {
#if defined(CV_TRIPLET)
    "/usr/lib/" CV_TRIPLET "/openblas-openmp/libopenblas.so.0",
#endif
    "/usr/lib64/libopenblaso.so.0", "libopenblaso.so.0", "libopenblas.so.0", "libopenblas.so", NULL};
#endif
  if (!cv_open_first(CVLibrary_openblas, paths)) return;
  static const char *const names[] = {"cblas_sgemm", "cblas_dgemm", "cblas_cgemm", "cblas_zgemm", "cblas_sgemv", "cblas_dgemv",
                                      "openblas_get_parallel", "openblas_set_num_threads", "openblas_get_config", "openblas_get_corename"};
  void *f[10];
  if (!cv_symbols(CVLibrary_openblas, 10, names, f)) return;
  const char *configuration = ((char *(*)(void))f[8])();
  cv_library *l = &cv_libraries[CVLibrary_openblas];
  for (const char *p = configuration; *p; ++p)
    if (!__builtin_strncmp(p, "USE64BITINT", 11)) { cv_reject(CVLibrary_openblas, "it was built with 64-bit integers", NULL); return; }
  *(void **)&table.sgemm = f[0];
  *(void **)&table.dgemm = f[1];
  *(void **)&table.cgemm = f[2];
  *(void **)&table.zgemm = f[3];
  *(void **)&table.sgemv = f[4];
  *(void **)&table.dgemv = f[5];
  const int parallel = ((int (*)(void))f[6])();   // 0 serial, 1 pthreads, 2 OpenMP
  table.threads = parallel == 2;
  if (parallel == 1) ((void (*)(int))f[7])(1);
  cv_note_path(CVLibrary_openblas, f[0]);
  snprintf(l->version, sizeof l->version, "%.60s (%s)", configuration, parallel == 2 ? "OpenMP" : parallel == 1 ? "pthreads, held to 1" : "serial");
  l->found = true;
}

const cv_blas *cv_blas_table(void) { cv_open(); return cv_libraries[CVLibrary_openblas].found ? &table : NULL; }
