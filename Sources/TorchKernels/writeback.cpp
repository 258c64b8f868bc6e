// Swift's overlay of the C library leaves this call out.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "st_writeback.h"
#include <fcntl.h>

extern "C" void st_start_writeback(int32_t descriptor, int64_t offset, int64_t count) {
#ifdef __linux__
    sync_file_range(descriptor, offset, count, SYNC_FILE_RANGE_WRITE);
#else
    (void)descriptor, (void)offset, (void)count;
#endif
}
