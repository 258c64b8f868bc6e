// cuDNN 9 (libcudnn.so.9) by its graph API: everything is a descriptor that gets attributes, is finalized, and is then part of another one.
#pragma once
#include "cc_driver.h"
#ifdef __cplusplus
extern "C" {
#endif

typedef struct cc_dnn_handle_st *cc_dnn_handle;
/// cudnnBackendDescriptor_t.
typedef void *cc_dnn_descriptor;

/// Kinds of descriptors.
enum {
  CC_DNN_CONVOLUTION = 1, CC_DNN_ENGINE = 2, CC_DNN_ENGINE_CONFIG = 3, CC_DNN_HEURISTIC = 4, CC_DNN_PLAN = 5, CC_DNN_FORWARD = 10, CC_DNN_BACKWARD_WEIGHT = 11,
  CC_DNN_BACKWARD_DATA = 12, CC_DNN_GRAPH = 15, CC_DNN_VARIANT_PACK = 16, CC_DNN_TENSOR = 17, CC_DNN_DEVICE = 38,
};
/// Types of attributes.
enum {
  CC_DNN_OF_HANDLE = 0, CC_DNN_OF_DATA_TYPE = 1, CC_DNN_OF_INT64 = 3, CC_DNN_OF_FLOAT = 4, CC_DNN_OF_DOUBLE = 5, CC_DNN_OF_POINTER = 6, CC_DNN_OF_CONVOLUTION_MODE = 7,
  CC_DNN_OF_HEURISTIC_MODE = 8, CC_DNN_OF_NUMERICAL_NOTE = 11, CC_DNN_OF_DESCRIPTOR = 15, CC_DNN_OF_BEHAVIOR_NOTE = 19, CC_DNN_OF_CHAR = 24,
};
/// Attributes by kind of descriptor. Those of the three operations have the same order: alpha, beta, the convolution, weights, data, result.
enum {
  CC_DNN_CONVOLUTION_COMPUTE = 100, CC_DNN_CONVOLUTION_MODE = 101, CC_DNN_CONVOLUTION_DILATIONS = 102, CC_DNN_CONVOLUTION_STRIDES = 103, CC_DNN_CONVOLUTION_POST_PADDINGS = 104,
  CC_DNN_CONVOLUTION_PRE_PADDINGS = 105, CC_DNN_CONVOLUTION_SPATIAL_DIMS = 106,
  CC_DNN_HEURISTIC_MODE = 200, CC_DNN_HEURISTIC_GRAPH = 201, CC_DNN_HEURISTIC_RESULTS = 202, CC_DNN_HEURISTIC_DEVICE = 204,
  CC_DNN_ENGINE_CONFIG_ENGINE = 300, CC_DNN_PLAN_HANDLE = 400, CC_DNN_PLAN_ENGINE_CONFIG = 401, CC_DNN_PLAN_WORKSPACE_SIZE = 402, CC_DNN_PLAN_DEVICE = 407,
  CC_DNN_FORWARD_ALPHA = 700, CC_DNN_FORWARD_BETA = 701, CC_DNN_FORWARD_CONVOLUTION = 702, CC_DNN_FORWARD_W = 703, CC_DNN_FORWARD_X = 704, CC_DNN_FORWARD_Y = 705,
  CC_DNN_BACKWARD_DATA_ALPHA = 706, CC_DNN_BACKWARD_DATA_BETA = 707, CC_DNN_BACKWARD_DATA_CONVOLUTION = 708, CC_DNN_BACKWARD_DATA_W = 709, CC_DNN_BACKWARD_DATA_DX = 710,
  CC_DNN_BACKWARD_DATA_DY = 711,
  CC_DNN_BACKWARD_WEIGHT_ALPHA = 712, CC_DNN_BACKWARD_WEIGHT_BETA = 713, CC_DNN_BACKWARD_WEIGHT_CONVOLUTION = 714, CC_DNN_BACKWARD_WEIGHT_DW = 715, CC_DNN_BACKWARD_WEIGHT_X = 716,
  CC_DNN_BACKWARD_WEIGHT_DY = 717,
  CC_DNN_GRAPH_HANDLE = 800, CC_DNN_GRAPH_OPERATIONS = 801,
  CC_DNN_TENSOR_ALIGNMENT = 900, CC_DNN_TENSOR_DATA_TYPE = 901, CC_DNN_TENSOR_DIMS = 902, CC_DNN_TENSOR_STRIDES = 903, CC_DNN_TENSOR_ID = 906,
  CC_DNN_VARIANT_PACK_IDS = 1000, CC_DNN_VARIANT_PACK_POINTERS = 1001, CC_DNN_VARIANT_PACK_WORKSPACE = 1003,
  CC_DNN_ENGINE_NUMERICAL_NOTES = 1303, CC_DNN_ENGINE_BEHAVIOR_NOTES = 1305,
  CC_DNN_DEVICE_JSON = 2702,
};
/// Data types, modes, notes on engines, statuses.
enum {
  CC_DNN_F32 = 0, CC_DNN_F16 = 2, CC_DNN_BF16 = 9, CC_DNN_CROSS_CORRELATION = 1, CC_DNN_HEURISTIC_FALLBACK = 2, CC_DNN_HEURISTIC_A = 3,
  CC_DNN_NOTE_TENSOR_CORE = 0, CC_DNN_NOTE_DOWN_CONVERT_INPUTS = 1, CC_DNN_NOTE_REDUCED_PRECISION_REDUCTION = 2, CC_DNN_NOTE_NONDETERMINISTIC = 4, CC_DNN_NOTE_COUNT = 10, CC_DNN_NOTE_RUNTIME_COMPILATION = 0, CC_DNN_BEHAVIOR_NOTE_COUNT = 5,
  CC_DNN_SUCCESS = 0, CC_DNN_NOT_INITIALIZED = 1001, CC_DNN_BAD_PARAM = 2000, CC_DNN_BAD_PARAM_NULL_POINTER = 2002, CC_DNN_BAD_PARAM_MISALIGNED_POINTER = 2003,
  CC_DNN_BAD_PARAM_NOT_FINALIZED = 2004, CC_DNN_BAD_PARAM_OUT_OF_BOUND = 2005, CC_DNN_BAD_PARAM_SHAPE_MISMATCH = 2008,
  CC_DNN_BAD_PARAM_ATTRIBUTE_TYPE = 2010, CC_DNN_BAD_PARAM_DESCRIPTOR_TYPE = 2012, CC_DNN_NOT_SUPPORTED = 3000, CC_DNN_EXECUTION_FAILED = 5000,
};

#define CC_DNN_REQUIRED(X) \
  X(cudnnCreate, "cudnnCreate", (cc_dnn_handle _Nullable *_Nonnull handle)) \
  X(cudnnDestroy, "cudnnDestroy", (cc_dnn_handle _Nonnull handle)) \
  X(cudnnSetStream, "cudnnSetStream", (cc_dnn_handle _Nonnull handle, cc_stream _Nullable stream)) \
  X(cudnnBackendCreateDescriptor, "cudnnBackendCreateDescriptor", (int32_t kind, cc_dnn_descriptor _Nullable *_Nonnull descriptor)) \
  X(cudnnBackendDestroyDescriptor, "cudnnBackendDestroyDescriptor", (cc_dnn_descriptor _Nonnull descriptor)) \
  X(cudnnBackendFinalize, "cudnnBackendFinalize", (cc_dnn_descriptor _Nonnull descriptor)) \
  X(cudnnBackendSetAttribute, "cudnnBackendSetAttribute", \
    (cc_dnn_descriptor _Nonnull descriptor, int32_t attribute, int32_t type, int64_t count, const void *_Nonnull elements)) \
  X(cudnnBackendGetAttribute, "cudnnBackendGetAttribute", \
    (cc_dnn_descriptor _Nonnull descriptor, int32_t attribute, int32_t type, int64_t capacity, int64_t *_Nullable count, void *_Nullable elements)) \
  X(cudnnBackendExecute, "cudnnBackendExecute", (cc_dnn_handle _Nonnull handle, cc_dnn_descriptor _Nonnull plan, cc_dnn_descriptor _Nonnull variant_pack))

/// Functions that give something else than a status, which stands last.
#define CC_DNN_VALUES(X) \
  X(cudnnGetVersion, "cudnnGetVersion", (void), size_t) \
  X(cudnnGetCudartVersion, "cudnnGetCudartVersion", (void), size_t) \
  X(cudnnGetErrorString, "cudnnGetErrorString", (int32_t status), const char *_Nonnull) \
  X(cudnnGetLastErrorString, "cudnnGetLastErrorString", (char *_Nonnull text, size_t bytes), void)

typedef struct cc_dnn { CC_DNN_REQUIRED(CC_REQUIRED_FIELD) CC_DNN_VALUES(CC_VALUE_FIELD) } cc_dnn;

/// As `cc_load_driver`.
const cc_dnn *_Nullable cc_load_dnn(void *_Nonnull library, const char *_Nullable *_Nonnull missing);

#ifdef __cplusplus
}
#endif
