// 16-bit floats to float32 and back, for kernels that compute in float32 as a whole (in gemm.cpp).
#pragma once
#include <stdint.h>
void st_widen(bool brain, const void *in, int64_t count, float *out);
void st_narrow(bool brain, const float *in, int64_t count, void *out);
