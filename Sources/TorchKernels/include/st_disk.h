// Hints to the system about files that are being written.
#pragma once
#include "st_types.h"
#ifdef __cplusplus
extern "C" {
#endif

/// Starts the disk's work on a range of a file and returns at once; nothing where the system has no such call.
void st_start_writeback(int32_t descriptor, int64_t offset, int64_t count);
/// Reserves disk space for the first `count` bytes of a file, which becomes that long. Returns 0, or the error's number (file systems need not be able to).
int32_t st_reserve_space(int32_t descriptor, int64_t count);

#ifdef __cplusplus
}
#endif
