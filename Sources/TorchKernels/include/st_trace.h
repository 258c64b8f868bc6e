// The call stack, for anomaly mode.
#pragma once
#include "st_types.h"
#ifdef __cplusplus
extern "C" {
#endif
/// Fills `frames` with at most `count` return addresses; returns how many.
int32_t st_backtrace(void **frames, int32_t count);
/// Name of the function that `address` lies in, mangled, or NULL.
const char *st_symbol(void *address);
#ifdef __cplusplus
}
#endif
