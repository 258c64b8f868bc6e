// The arguments that the process was started with.
#pragma once
#include "st_types.h"
#ifdef __cplusplus
extern "C" {
#endif
/// Number of arguments, the program's name included.
int32_t st_argument_count(void);
/// Argument `i`, or NULL beyond the last.
const char *st_argument(int32_t i);
#ifdef __cplusplus
}
#endif
