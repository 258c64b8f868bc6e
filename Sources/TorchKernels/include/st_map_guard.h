// Maps of files that somebody cuts short: reading past the new end raises SIGBUS, which would end the program.
#pragma once
#include "st_types.h"
#ifdef __cplusplus
extern "C" {
#endif

/// Watches over a map of `count` bytes: where the file has become too short for it, zeros are read instead. `path` is for the message. Returns the map's number, or -1 if
/// no more maps can be watched. The first call installs the process's handler of SIGBUS; signals that do not concern our maps go on to the one before.
int32_t st_guard_map(const void *start, int64_t count, const char *path);
/// Ends the watch; call it before the map is undone.
void st_guard_release(int32_t map);
/// Between these two, damage is not written to stderr, since the caller is going to ask for it.
void st_guard_begin(int32_t map);
void st_guard_end(int32_t map);
/// True once bytes of the map were found missing.
bool st_guard_is_damaged(int32_t map);
/// Remembers damage that was found in another way.
void st_guard_set_damaged(int32_t map);

#ifdef __cplusplus
}
#endif
