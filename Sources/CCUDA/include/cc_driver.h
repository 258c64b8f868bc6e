// The CUDA driver API (libcuda.so.1).
#pragma once
#include "cc_table.h"
#ifdef __cplusplus
extern "C" {
#endif

/// CUresult; 0 is success.
typedef int32_t cc_result;
typedef int32_t cc_device;
/// CUdeviceptr.
typedef uint64_t cc_address;
typedef struct cc_context_st *cc_context;
typedef struct cc_module_st *cc_module;
typedef struct cc_function_st *cc_function;
typedef struct cc_stream_st *cc_stream;
typedef struct cc_event_st *cc_event;
typedef struct cc_graph_st *cc_graph;
typedef struct cc_executable_st *cc_executable;

enum {
  CC_ATTRIBUTE_MULTIPROCESSORS = 16,
  CC_ATTRIBUTE_THREADS_PER_MULTIPROCESSOR = 39,
  CC_ATTRIBUTE_CAPABILITY_MAJOR = 75,
  CC_ATTRIBUTE_CAPABILITY_MINOR = 76,
  CC_STREAM_NON_BLOCKING = 1,
  CC_EVENT_DISABLE_TIMING = 2,
  CC_HOST_PORTABLE = 1,
  CC_HOST_DEVICEMAP = 2,
  CC_ERROR_OUT_OF_MEMORY = 2,
  CC_ERROR_NOT_READY = 600,
  CC_CAPTURE_RELAXED = 2,
};

#define CC_DRIVER_REQUIRED(X) \
  X(cuInit, "cuInit", (uint32_t flags)) \
  X(cuDriverGetVersion, "cuDriverGetVersion", (int32_t *_Nonnull version)) \
  X(cuGetErrorName, "cuGetErrorName", (cc_result error, const char *_Nullable *_Nonnull name)) \
  X(cuGetErrorString, "cuGetErrorString", (cc_result error, const char *_Nullable *_Nonnull text)) \
  X(cuDeviceGetCount, "cuDeviceGetCount", (int32_t *_Nonnull count)) \
  X(cuDeviceGet, "cuDeviceGet", (cc_device *_Nonnull device, int32_t index)) \
  X(cuDeviceGetName, "cuDeviceGetName", (char *_Nonnull name, int32_t capacity, cc_device device)) \
  X(cuDeviceGetAttribute, "cuDeviceGetAttribute", (int32_t *_Nonnull value, int32_t attribute, cc_device device)) \
  X(cuDeviceTotalMem, "cuDeviceTotalMem_v2", (size_t *_Nonnull bytes, cc_device device)) \
  X(cuDevicePrimaryCtxRetain, "cuDevicePrimaryCtxRetain", (cc_context _Nullable *_Nonnull context, cc_device device)) \
  X(cuCtxSetCurrent, "cuCtxSetCurrent", (cc_context _Nullable context)) \
  X(cuMemGetInfo, "cuMemGetInfo_v2", (size_t *_Nonnull free, size_t *_Nonnull total)) \
  X(cuMemAlloc, "cuMemAlloc_v2", (cc_address *_Nonnull address, size_t bytes)) \
  X(cuMemFree, "cuMemFree_v2", (cc_address address)) \
  X(cuMemHostAlloc, "cuMemHostAlloc", (void *_Nullable *_Nonnull memory, size_t bytes, uint32_t flags)) \
  X(cuMemFreeHost, "cuMemFreeHost", (void *_Nonnull memory)) \
  X(cuMemcpyHtoDAsync, "cuMemcpyHtoDAsync_v2", (cc_address to, const void *_Nonnull from, size_t bytes, cc_stream _Nullable stream)) \
  X(cuMemcpyDtoHAsync, "cuMemcpyDtoHAsync_v2", (void *_Nonnull to, cc_address from, size_t bytes, cc_stream _Nullable stream)) \
  X(cuMemcpyDtoDAsync, "cuMemcpyDtoDAsync_v2", (cc_address to, cc_address from, size_t bytes, cc_stream _Nullable stream)) \
  X(cuMemsetD8Async, "cuMemsetD8Async", (cc_address to, uint8_t value, size_t count, cc_stream _Nullable stream)) \
  X(cuStreamCreate, "cuStreamCreate", (cc_stream _Nullable *_Nonnull stream, uint32_t flags)) \
  X(cuStreamSynchronize, "cuStreamSynchronize", (cc_stream _Nullable stream)) \
  X(cuStreamQuery, "cuStreamQuery", (cc_stream _Nullable stream)) \
  X(cuStreamWaitEvent, "cuStreamWaitEvent", (cc_stream _Nullable stream, cc_event _Nonnull event, uint32_t flags)) \
  X(cuEventCreate, "cuEventCreate", (cc_event _Nullable *_Nonnull event, uint32_t flags)) \
  X(cuEventRecord, "cuEventRecord", (cc_event _Nonnull event, cc_stream _Nullable stream)) \
  X(cuEventSynchronize, "cuEventSynchronize", (cc_event _Nonnull event)) \
  X(cuEventQuery, "cuEventQuery", (cc_event _Nonnull event)) \
  X(cuEventDestroy, "cuEventDestroy_v2", (cc_event _Nonnull event)) \
  X(cuStreamBeginCapture, "cuStreamBeginCapture_v2", (cc_stream _Nonnull stream, int32_t mode)) \
  X(cuStreamEndCapture, "cuStreamEndCapture", (cc_stream _Nonnull stream, cc_graph _Nullable *_Nonnull graph)) \
  X(cuGraphInstantiateWithFlags, "cuGraphInstantiateWithFlags", (cc_executable _Nullable *_Nonnull executable, cc_graph _Nonnull graph, uint64_t flags)) \
  X(cuGraphLaunch, "cuGraphLaunch", (cc_executable _Nonnull executable, cc_stream _Nullable stream)) \
  X(cuGraphDestroy, "cuGraphDestroy", (cc_graph _Nonnull graph)) \
  X(cuGraphExecDestroy, "cuGraphExecDestroy", (cc_executable _Nonnull executable)) \
  X(cuModuleLoadData, "cuModuleLoadData", (cc_module _Nullable *_Nonnull module, const void *_Nonnull image)) \
  X(cuModuleGetFunction, "cuModuleGetFunction", (cc_function _Nullable *_Nonnull function, cc_module _Nonnull module, const char *_Nonnull name)) \
  X(cuLaunchKernel, "cuLaunchKernel", \
    (cc_function _Nonnull function, uint32_t gx, uint32_t gy, uint32_t gz, uint32_t bx, uint32_t by, uint32_t bz, uint32_t shared_bytes, cc_stream _Nullable stream, \
     void *_Nullable *_Nullable parameters, void *_Nullable *_Nullable extra))

#define CC_DRIVER_OPTIONAL(X) \
  X(cuFuncSetAttribute, "cuFuncSetAttribute", (cc_function _Nonnull function, int32_t attribute, int32_t value)) \
  X(cuEventElapsedTime, "cuEventElapsedTime", (float *_Nonnull milliseconds, cc_event _Nonnull start, cc_event _Nonnull end)) \
  X(cuMemcpyPeerAsync, "cuMemcpyPeerAsync", \
    (cc_address to, cc_context _Nonnull to_context, cc_address from, cc_context _Nonnull from_context, size_t bytes, cc_stream _Nullable stream)) \
  X(cuModuleUnload, "cuModuleUnload", (cc_module _Nonnull module))

typedef struct cc_driver { CC_DRIVER_REQUIRED(CC_REQUIRED_FIELD) CC_DRIVER_OPTIONAL(CC_OPTIONAL_FIELD) } cc_driver;

/// A table filled from an open library, never freed. On failure NULL, and `missing` is the first symbol that the library lacks.
const cc_driver *_Nullable cc_load_driver(void *_Nonnull library, const char *_Nullable *_Nonnull missing);

extern __thread cc_context _Nullable cc_current_context __attribute__((tls_model("initial-exec")));
/// Makes `context` this thread's; asks the driver only when it changes.
static inline __attribute__((always_inline)) cc_result cc_bind(const cc_driver *_Nonnull driver, cc_context _Nonnull context) {
  if (__builtin_expect(cc_current_context == context, 1)) return 0;
  cc_result r = driver->cuCtxSetCurrent(context);
  if (r == 0) cc_current_context = context;
  return r;
}

/// The Swift object of the stream scope that this thread is in, not retained; NULL outside of scopes.
extern __thread void *_Nullable cc_current_scope __attribute__((tls_model("initial-exec")));
static inline __attribute__((always_inline)) void *_Nullable cc_scope(void) { return cc_current_scope; }
static inline void cc_set_scope(void *_Nullable scope) { cc_current_scope = scope; }

/// Whether there ever was a stream beside the devices' own, so that it has to be noted which stream uses which memory.
extern bool cc_streams_used;
static inline __attribute__((always_inline)) bool cc_tracks_use(void) { return __builtin_expect(__atomic_load_n(&cc_streams_used, __ATOMIC_RELAXED), 0); }
static inline void cc_track_use(void) { __atomic_store_n(&cc_streams_used, true, __ATOMIC_SEQ_CST); }

#ifdef __cplusplus
}
#endif
