// Telling the system early that written bytes should go to the disk.
#pragma once
#include "st_types.h"
#ifdef __cplusplus
extern "C" {
#endif

/// Starts the disk's work on a range of a file and returns at once; nothing where the system has no such call.
void st_start_writeback(int32_t descriptor, int64_t offset, int64_t count);

#ifdef __cplusplus
}
#endif
