// What the files of the driver's look-alike share.
#pragma once
#include "errors.h"
#include "stream.h"

namespace st_emulator {

struct EmulatedContext { int32_t device; };

extern bool initialized;
extern thread_local EmulatedContext *context;
/// After a fault every call fails with it, as the real context is lost then.
extern int broken;

// Handles that were given out and not taken back.
void born(const void *handle);
bool died(const void *handle);
bool is_live(const void *handle);
/// Memory from cuMemHostAlloc, which the device reads and writes by itself.
bool is_page_locked(const void *memory);

/// An error if the calling thread is capturing in a mode that forbids calls like cuMemAlloc.
int32_t forbidden_in_capture();

}  // namespace st_emulator

/// What every call but the first few begins with.
#define NEEDS_CONTEXT \
  if (!initialized) return kNotInitialized; \
  if (!context) return kInvalidContext; \
  if (broken) return broken;
#define NEEDS_STREAM(stream) \
  NEEDS_CONTEXT \
  if (stream && !is_live(stream)) return kInvalidHandle;
#define API extern "C" __attribute__((visibility("default"))) int32_t
