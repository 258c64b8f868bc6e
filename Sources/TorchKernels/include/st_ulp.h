// Accuracy of the vectorised float32 functions, measured on this machine.
#pragma once
#include "st_types.h"
#ifdef __cplusplus
extern "C" {
#endif

/// Runs each vectorised float32 function of the CPU level in use over about a million inputs spread over all bit patterns, against libm in double, and hands a table to `line`,
/// one line of text a call: largest error in units of the last place, where, share above 1, and wrong special values (NaN, infinity, sign of zero).
/// Returns the number of functions with a wrong special value or an error above their promised limit.
int32_t st_ulp_report(void (*line)(void *context, const char *text), void *context);

#ifdef __cplusplus
}
#endif
