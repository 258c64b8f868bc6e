// cuBLASLt (libcublasLt.so.13, .12): matrix products on tensor cores.
#pragma once
#include "cc_driver.h"
#ifdef __cplusplus
extern "C" {
#endif

typedef struct cc_blaslt_st *cc_blaslt_handle;
typedef struct cc_blaslt_operation_st *cc_blaslt_operation;
typedef struct cc_blaslt_layout_st *cc_blaslt_layout;
typedef struct cc_blaslt_preference_st *cc_blaslt_preference;
/// cublasLtMatmulAlgo_t and cublasLtMatmulHeuristicResult_t: opaque but for what is read here.
typedef struct cc_blaslt_algorithm { uint64_t data[8]; } cc_blaslt_algorithm;
typedef struct cc_blaslt_heuristic { cc_blaslt_algorithm algorithm; size_t workspace_bytes; int32_t state; float waves; int32_t reserved[4]; } cc_blaslt_heuristic;

/// Values of cuBLASLt's enums that we use: element types (cudaDataType), ways to compute, statuses, attributes of an operation, a layout and a preference, epilogues.
enum {
  CC_BLASLT_F32 = 0, CC_BLASLT_F64 = 1, CC_BLASLT_F16 = 2, CC_BLASLT_C64 = 4, CC_BLASLT_C128 = 5, CC_BLASLT_BF16 = 14,
  CC_BLASLT_COMPUTE_F32 = 68, CC_BLASLT_COMPUTE_F64 = 70, CC_BLASLT_COMPUTE_TF32 = 77,
  CC_BLASLT_SUCCESS = 0, CC_BLASLT_NOT_INITIALIZED = 1, CC_BLASLT_ALLOC_FAILED = 3, CC_BLASLT_INVALID_VALUE = 7, CC_BLASLT_ARCH_MISMATCH = 8, CC_BLASLT_MAPPING_ERROR = 11,
  CC_BLASLT_EXECUTION_FAILED = 13, CC_BLASLT_INTERNAL_ERROR = 14, CC_BLASLT_NOT_SUPPORTED = 15, CC_BLASLT_LICENSE_ERROR = 16,
  CC_BLASLT_N = 0, CC_BLASLT_T = 1,
  CC_BLASLT_TRANSA = 3, CC_BLASLT_TRANSB = 4, CC_BLASLT_EPILOGUE = 7, CC_BLASLT_BIAS_POINTER = 8,
  CC_BLASLT_EPILOGUE_NONE = 1, CC_BLASLT_EPILOGUE_BIAS = 4,
  CC_BLASLT_BATCH_COUNT = 5, CC_BLASLT_BATCH_STRIDE = 6,
  CC_BLASLT_WORKSPACE_BYTES = 1, CC_BLASLT_ALIGNMENT_A = 5, CC_BLASLT_ALIGNMENT_B = 6, CC_BLASLT_ALIGNMENT_C = 7, CC_BLASLT_ALIGNMENT_D = 8,
};

#define CC_BLASLT_REQUIRED(X) \
  X(cublasLtCreate, "cublasLtCreate", (cc_blaslt_handle _Nullable *_Nonnull handle)) \
  X(cublasLtDestroy, "cublasLtDestroy", (cc_blaslt_handle _Nonnull handle)) \
  X(cublasLtMatmulDescCreate, "cublasLtMatmulDescCreate", (cc_blaslt_operation _Nullable *_Nonnull operation, int32_t compute_type, int32_t scale_type)) \
  X(cublasLtMatmulDescDestroy, "cublasLtMatmulDescDestroy", (cc_blaslt_operation _Nonnull operation)) \
  X(cublasLtMatmulDescSetAttribute, "cublasLtMatmulDescSetAttribute", (cc_blaslt_operation _Nonnull operation, int32_t attribute, const void *_Nonnull value, size_t bytes)) \
  X(cublasLtMatrixLayoutCreate, "cublasLtMatrixLayoutCreate", (cc_blaslt_layout _Nullable *_Nonnull layout, int32_t type, uint64_t rows, uint64_t columns, int64_t leading)) \
  X(cublasLtMatrixLayoutDestroy, "cublasLtMatrixLayoutDestroy", (cc_blaslt_layout _Nonnull layout)) \
  X(cublasLtMatrixLayoutSetAttribute, "cublasLtMatrixLayoutSetAttribute", (cc_blaslt_layout _Nonnull layout, int32_t attribute, const void *_Nonnull value, size_t bytes)) \
  X(cublasLtMatmulPreferenceCreate, "cublasLtMatmulPreferenceCreate", (cc_blaslt_preference _Nullable *_Nonnull preference)) \
  X(cublasLtMatmulPreferenceDestroy, "cublasLtMatmulPreferenceDestroy", (cc_blaslt_preference _Nonnull preference)) \
  X(cublasLtMatmulPreferenceSetAttribute, "cublasLtMatmulPreferenceSetAttribute", \
    (cc_blaslt_preference _Nonnull preference, int32_t attribute, const void *_Nonnull value, size_t bytes)) \
  X(cublasLtMatmulAlgoGetHeuristic, "cublasLtMatmulAlgoGetHeuristic", \
    (cc_blaslt_handle _Nonnull handle, cc_blaslt_operation _Nonnull operation, cc_blaslt_layout _Nonnull a, cc_blaslt_layout _Nonnull b, cc_blaslt_layout _Nonnull c, \
     cc_blaslt_layout _Nonnull d, cc_blaslt_preference _Nonnull preference, int32_t wanted, cc_blaslt_heuristic *_Nonnull results, int32_t *_Nonnull found)) \
  X(cublasLtMatmul, "cublasLtMatmul", \
    (cc_blaslt_handle _Nonnull handle, cc_blaslt_operation _Nonnull operation, const void *_Nonnull alpha, cc_address a, cc_blaslt_layout _Nonnull a_layout, cc_address b, \
     cc_blaslt_layout _Nonnull b_layout, const void *_Nonnull beta, cc_address c, cc_blaslt_layout _Nonnull c_layout, cc_address d, cc_blaslt_layout _Nonnull d_layout, \
     const cc_blaslt_algorithm *_Nullable algorithm, cc_address workspace, size_t workspace_bytes, cc_stream _Nullable stream))

typedef struct cc_blaslt { CC_BLASLT_REQUIRED(CC_REQUIRED_FIELD) } cc_blaslt;

/// As `cc_load_driver`.
const cc_blaslt *_Nullable cc_load_blaslt(void *_Nonnull library, const char *_Nullable *_Nonnull missing);

#ifdef __cplusplus
}
#endif
