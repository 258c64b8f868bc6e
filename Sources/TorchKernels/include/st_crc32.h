// The CRC-32 of zip, gzip and PNG.
#pragma once
#include "st_types.h"
#ifdef __cplusplus
extern "C" {
#endif

/// The checksum of `count` bytes; `seed` is the checksum of the bytes before them, 0 at the start.
uint32_t st_crc32(uint32_t seed, const void *bytes, int64_t count);

#ifdef __cplusplus
}
#endif
