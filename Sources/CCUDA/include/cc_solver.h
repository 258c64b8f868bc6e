// cuSOLVER (libcusolver.so.12 of CUDA 13, .11 of CUDA 12): factorisations of dense matrices, by its functions that take the type as an argument and count with 64 bits.
#pragma once
#include "cc_driver.h"
#ifdef __cplusplus
extern "C" {
#endif

typedef struct cc_solver_st *cc_solver_handle;
typedef struct cc_solver_params_st *cc_solver_params;

/// Values of its enums, and of cuBLAS's that it takes: triangles, what is wanted of eigenvalues, statuses. Types of elements are those of cuBLASLt (CC_BLASLT_F32 and so on).
enum {
  CC_SOLVER_LOWER = 0, CC_SOLVER_UPPER = 1, CC_SOLVER_VALUES = 0, CC_SOLVER_VECTORS = 1, CC_SOLVER_DETERMINISTIC = 1,
  CC_SOLVER_SUCCESS = 0, CC_SOLVER_NOT_INITIALIZED = 1, CC_SOLVER_ALLOC_FAILED = 2, CC_SOLVER_INVALID_VALUE = 3, CC_SOLVER_ARCH_MISMATCH = 4, CC_SOLVER_EXECUTION_FAILED = 6,
  CC_SOLVER_INTERNAL_ERROR = 7, CC_SOLVER_NOT_SUPPORTED = 9,
};

// Each question for the workspace has the arguments of its function up to the type of the sums; the sizes it gives are of device memory and of host memory.
#define CC_SOLVER_HEAD cc_solver_handle _Nonnull handle, cc_solver_params _Nonnull params
#define CC_SOLVER_SIZES int32_t compute, size_t *_Nonnull device_bytes, size_t *_Nonnull host_bytes
#define CC_SOLVER_WORK int32_t compute, cc_address work, size_t work_bytes, void *_Nullable host_work, size_t host_bytes, cc_address info

#define CC_SOLVER_REQUIRED(X) \
  X(cusolverGetVersion, "cusolverGetVersion", (int32_t *_Nonnull version)) \
  X(cusolverDnCreate, "cusolverDnCreate", (cc_solver_handle _Nullable *_Nonnull handle)) \
  X(cusolverDnDestroy, "cusolverDnDestroy", (cc_solver_handle _Nonnull handle)) \
  X(cusolverDnSetStream, "cusolverDnSetStream", (cc_solver_handle _Nonnull handle, cc_stream _Nullable stream)) \
  X(cusolverDnCreateParams, "cusolverDnCreateParams", (cc_solver_params _Nullable *_Nonnull params)) \
  X(cusolverDnDestroyParams, "cusolverDnDestroyParams", (cc_solver_params _Nonnull params)) \
  X(cusolverDnXgeqrf_bufferSize, "cusolverDnXgeqrf_bufferSize", \
    (CC_SOLVER_HEAD, int64_t m, int64_t n, int32_t a_type, cc_address a, int64_t a_lead, int32_t tau_type, cc_address tau, CC_SOLVER_SIZES)) \
  X(cusolverDnXgeqrf, "cusolverDnXgeqrf", (CC_SOLVER_HEAD, int64_t m, int64_t n, int32_t a_type, cc_address a, int64_t a_lead, int32_t tau_type, cc_address tau, CC_SOLVER_WORK)) \
  X(cusolverDnXsyevd_bufferSize, "cusolverDnXsyevd_bufferSize", \
    (CC_SOLVER_HEAD, int32_t wanted, int32_t triangle, int64_t n, int32_t a_type, cc_address a, int64_t a_lead, int32_t w_type, cc_address w, CC_SOLVER_SIZES)) \
  X(cusolverDnXsyevd, "cusolverDnXsyevd", \
    (CC_SOLVER_HEAD, int32_t wanted, int32_t triangle, int64_t n, int32_t a_type, cc_address a, int64_t a_lead, int32_t w_type, cc_address w, CC_SOLVER_WORK)) \
  X(cusolverDnXgesvd_bufferSize, "cusolverDnXgesvd_bufferSize", \
    (CC_SOLVER_HEAD, int8_t u_wanted, int8_t vh_wanted, int64_t m, int64_t n, int32_t a_type, cc_address a, int64_t a_lead, int32_t s_type, cc_address s, int32_t u_type, \
     cc_address u, int64_t u_lead, int32_t vh_type, cc_address vh, int64_t vh_lead, CC_SOLVER_SIZES)) \
  X(cusolverDnXgesvd, "cusolverDnXgesvd", \
    (CC_SOLVER_HEAD, int8_t u_wanted, int8_t vh_wanted, int64_t m, int64_t n, int32_t a_type, cc_address a, int64_t a_lead, int32_t s_type, cc_address s, int32_t u_type, \
     cc_address u, int64_t u_lead, int32_t vh_type, cc_address vh, int64_t vh_lead, CC_SOLVER_WORK))

// Newer than the oldest CUDA that serves: results that do not depend on the schedule (12.2), many small Hermitian matrices (12.6).
#define CC_SOLVER_OPTIONAL(X) \
  X(cusolverDnSetDeterministicMode, "cusolverDnSetDeterministicMode", (cc_solver_handle _Nonnull handle, int32_t mode)) \
  X(cusolverDnXsyevBatched_bufferSize, "cusolverDnXsyevBatched_bufferSize", \
    (CC_SOLVER_HEAD, int32_t wanted, int32_t triangle, int64_t n, int32_t a_type, cc_address a, int64_t a_lead, int32_t w_type, cc_address w, CC_SOLVER_SIZES, int64_t batch)) \
  X(cusolverDnXsyevBatched, "cusolverDnXsyevBatched", \
    (CC_SOLVER_HEAD, int32_t wanted, int32_t triangle, int64_t n, int32_t a_type, cc_address a, int64_t a_lead, int32_t w_type, cc_address w, CC_SOLVER_WORK, int64_t batch))

typedef struct cc_solver { CC_SOLVER_REQUIRED(CC_REQUIRED_FIELD) CC_SOLVER_OPTIONAL(CC_OPTIONAL_FIELD) } cc_solver;

/// As `cc_load_driver`.
const cc_solver *_Nullable cc_load_solver(void *_Nonnull library, const char *_Nullable *_Nonnull missing);

#ifdef __cplusplus
}
#endif
