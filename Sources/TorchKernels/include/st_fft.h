// Fourier transforms of contiguous complex rows, any length.
#pragma once
#include "st_types.h"
#include <stddef.h>
#ifdef __cplusplus
extern "C" {
#endif

/// What a transform of one length needs: its passes and their roots of unity. Constant once made, so threads may share it.
typedef struct st_fft_plan st_fft_plan;
/// length >= 1; `wide`: double instead of float. NULL without memory.
st_fft_plan *st_fft_plan_make(int64_t length, bool wide);
void st_fft_plan_free(st_fft_plan *plan);
/// Bytes that `st_fft_rows` wants at `workspace`, 64-byte aligned.
size_t st_fft_workspace(const st_fft_plan *plan);
/// Transforms rows of (re, im) pairs, unscaled: exp(-2πi jk/n) for sign -1, exp(+2πi jk/n) for +1. in == out is allowed.
void st_fft_rows(const st_fft_plan *plan, const void *in, void *out, int64_t rows, int32_t sign, void *workspace);

#ifdef __cplusplus
}
#endif
