// Swift's overlay of the C library leaves these calls out.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "st_disk.h"
#include <errno.h>
#include <fcntl.h>

extern "C" void st_start_writeback(int32_t descriptor, int64_t offset, int64_t count) {
#ifdef __linux__
    sync_file_range(descriptor, offset, count, SYNC_FILE_RANGE_WRITE);
#else
    (void)descriptor, (void)offset, (void)count;
#endif
}

extern "C" int32_t st_reserve_space(int32_t descriptor, int64_t count) {
#ifdef __linux__
    return fallocate(descriptor, 0, 0, count) == 0 ? 0 : errno;
#else
    (void)descriptor, (void)count;
    return 0;
#endif
}
