// NVRTC, the run-time compiler of CUDA C++ (libnvrtc.so.13, .12). Works without a GPU and without a driver.
#pragma once
#include "cc_table.h"
#ifdef __cplusplus
extern "C" {
#endif

typedef struct cc_program_st *cc_program;

#define CC_NVRTC_REQUIRED(X) \
  X(nvrtcVersion, "nvrtcVersion", (int32_t *_Nonnull major, int32_t *_Nonnull minor)) \
  X(nvrtcCreateProgram, "nvrtcCreateProgram", \
    (cc_program _Nullable *_Nonnull program, const char *_Nonnull source, const char *_Nullable name, int32_t header_count, \
     const char *_Nullable const *_Nullable headers, const char *_Nullable const *_Nullable header_names)) \
  X(nvrtcDestroyProgram, "nvrtcDestroyProgram", (cc_program _Nullable *_Nonnull program)) \
  X(nvrtcCompileProgram, "nvrtcCompileProgram", (cc_program _Nonnull program, int32_t option_count, const char *_Nullable const *_Nullable options)) \
  X(nvrtcGetProgramLogSize, "nvrtcGetProgramLogSize", (cc_program _Nonnull program, size_t *_Nonnull bytes)) \
  X(nvrtcGetProgramLog, "nvrtcGetProgramLog", (cc_program _Nonnull program, char *_Nonnull log)) \
  X(nvrtcGetCUBINSize, "nvrtcGetCUBINSize", (cc_program _Nonnull program, size_t *_Nonnull bytes)) \
  X(nvrtcGetCUBIN, "nvrtcGetCUBIN", (cc_program _Nonnull program, char *_Nonnull image))

typedef struct cc_nvrtc { CC_NVRTC_REQUIRED(CC_REQUIRED_FIELD) } cc_nvrtc;

/// As `cc_load_driver`.
const cc_nvrtc *_Nullable cc_load_nvrtc(void *_Nonnull library, const char *_Nullable *_Nonnull missing);

#ifdef __cplusplus
}
#endif
