// Thread-local modes and counters of the hot path. Plain C because Swift has no thread-local storage; initial-exec because it is read at every operator.
#pragma once
#include "st_types.h"
#ifdef __cplusplus
extern "C" {
#endif
#define ST_SMALL_CLASSES 65        // blocks up to 4 KiB in steps of 64 bytes
#define ST_LAYER_DEPTH 24          // layers remembered for error messages
#define ST_BINNED_MAX (1 << 15)    // at most 2 MiB of small free blocks per thread, in units of 64 bytes

typedef struct st_thread_state {
  bool grad_off;          // inside noGrad
  bool inference;         // inside inferenceMode
  bool anomaly;           // inside detectAnomaly
  bool has_buried;        // nodes wait to be freed iteratively
  bool errors_thrown;     // inside withTensorErrors
  bool error_pending;     // an error was recorded in the scope
  uint16_t autocast;      // inside autocast: what tensors are cast to, a byte a kind of device
  void *casts;            // Swift's casts of leaves made in the outermost of those scopes, not retained
  void *capture;          // Swift's step that this thread captures, not retained
  void *buried;           // Swift's list of those nodes, retained
  int32_t layer_depth;    // layers that this thread is inside of
  void *layers[ST_LAYER_DEPTH];
  int32_t release_depth;  // nesting of node releases
  int32_t binned;         // free small blocks, in units of 64 bytes
  void *bins[ST_SMALL_CLASSES];
} st_thread_state;
extern __thread st_thread_state st_thread __attribute__((tls_model("initial-exec")));

static inline __attribute__((always_inline)) bool st_grad_enabled(void) { return !st_thread.grad_off; }
static inline __attribute__((always_inline)) void st_set_grad_enabled(bool on) { st_thread.grad_off = !on; }
static inline __attribute__((always_inline)) bool st_inference_mode(void) { return st_thread.inference; }
static inline __attribute__((always_inline)) void st_set_inference_mode(bool on) { st_thread.inference = on; }
static inline __attribute__((always_inline)) bool st_anomaly_mode(void) { return st_thread.anomaly; }
static inline __attribute__((always_inline)) void st_set_anomaly_mode(bool on) { st_thread.anomaly = on; }
static inline __attribute__((always_inline)) uint16_t st_autocast(void) { return st_thread.autocast; }
static inline __attribute__((always_inline)) void st_set_autocast(uint16_t state) { st_thread.autocast = state; }
static inline void *st_autocast_casts(void) { return st_thread.casts; }
static inline void st_set_autocast_casts(void *casts) { st_thread.casts = casts; }
static inline __attribute__((always_inline)) void *st_capture(void) { return st_thread.capture; }
static inline void st_set_capture(void *step) { st_thread.capture = step; }
static inline __attribute__((always_inline)) int32_t st_release_depth(void) { return st_thread.release_depth; }
static inline __attribute__((always_inline)) int32_t st_add_release_depth(int32_t d) { return st_thread.release_depth += d; }
static inline __attribute__((always_inline)) bool st_has_buried(void) { return st_thread.has_buried; }
static inline __attribute__((always_inline)) void st_set_has_buried(bool on) { st_thread.has_buried = on; }
/// Enters and leaves a layer; deeper ones than are remembered are only counted.
static inline __attribute__((always_inline)) void st_enter_layer(void *layer) {
  int32_t d = st_thread.layer_depth++;
  if (d < ST_LAYER_DEPTH) st_thread.layers[d] = layer;
}
static inline __attribute__((always_inline)) void st_leave_layer(void) { st_thread.layer_depth--; }
static inline int32_t st_layer_depth(void) { return st_thread.layer_depth < ST_LAYER_DEPTH ? st_thread.layer_depth : ST_LAYER_DEPTH; }
static inline void *st_layer(int32_t i) { return st_thread.layers[i]; }
static inline void *st_buried(void) { return st_thread.buried; }
static inline void st_set_buried(void *list) { st_thread.buried = list; }
static inline __attribute__((always_inline)) bool st_errors_thrown(void) { return st_thread.errors_thrown; }
static inline __attribute__((always_inline)) void st_set_errors_thrown(bool on) { st_thread.errors_thrown = on; }
static inline __attribute__((always_inline)) bool st_error_pending(void) { return st_thread.error_pending; }
static inline __attribute__((always_inline)) void st_set_error_pending(bool on) { st_thread.error_pending = on; }
/// Increasing numbers for graph nodes, over all threads.
extern uint64_t st_sequence;
static inline __attribute__((always_inline)) uint64_t st_next_sequence(void) { return __atomic_add_fetch(&st_sequence, 1, __ATOMIC_RELAXED); }
/// Storages alive, for leak checks.
extern int64_t st_live;
static inline __attribute__((always_inline)) void st_count_storage(int64_t d) { __atomic_add_fetch(&st_live, d, __ATOMIC_RELAXED); }
static inline int64_t st_live_storages(void) { return __atomic_load_n(&st_live, __ATOMIC_RELAXED); }
/// Seconds of the monotonic clock and of this thread's and process's processor time.
double st_wall_seconds(void);
double st_process_cpu_seconds(void);

#ifdef __cplusplus
}
#endif
