// The CRC-32 of zip, gzip and PNG; copies out of files.
#pragma once
#include "st_types.h"
#ifdef __cplusplus
extern "C" {
#endif

/// The checksum of `count` bytes; `seed` is the checksum of the bytes before them, 0 at the start.
uint32_t st_crc32(uint32_t seed, const void *bytes, int64_t count);
/// Copies bytes past the caches: for data that is read once and not used at once.
void st_stream_copy(void *out, const void *in, int64_t count);
/// Both in one pass: copies, and returns the checksum of the bytes.
uint32_t st_crc32_stream_copy(uint32_t seed, void *out, const void *in, int64_t count);

#ifdef __cplusplus
}
#endif
