// cuFFT (libcufft.so.12 of CUDA 13, .11 of CUDA 12): Fourier transforms.
#pragma once
#include "cc_driver.h"
#ifdef __cplusplus
extern "C" {
#endif

/// cufftHandle: a number.
typedef int32_t cc_fft_plan;

/// Values of cuFFT's enums that we use: kinds of transform, directions, statuses.
enum {
  CC_FFT_C2C = 0x29, CC_FFT_Z2Z = 0x69, CC_FFT_FORWARD = -1, CC_FFT_INVERSE = 1,
  CC_FFT_SUCCESS = 0, CC_FFT_INVALID_PLAN = 1, CC_FFT_ALLOC_FAILED = 2, CC_FFT_INVALID_TYPE = 3, CC_FFT_INVALID_VALUE = 4, CC_FFT_INTERNAL_ERROR = 5, CC_FFT_EXEC_FAILED = 6,
  CC_FFT_SETUP_FAILED = 7, CC_FFT_INVALID_SIZE = 8, CC_FFT_UNALIGNED_DATA = 9, CC_FFT_INVALID_DEVICE = 11, CC_FFT_NO_WORKSPACE = 13, CC_FFT_NOT_IMPLEMENTED = 14,
  CC_FFT_NOT_SUPPORTED = 16,
};

#define CC_FFT_REQUIRED(X) \
  X(cufftGetVersion, "cufftGetVersion", (int32_t *_Nonnull version)) \
  X(cufftCreate, "cufftCreate", (cc_fft_plan *_Nonnull plan)) \
  X(cufftDestroy, "cufftDestroy", (cc_fft_plan plan)) \
  X(cufftSetAutoAllocation, "cufftSetAutoAllocation", (cc_fft_plan plan, int32_t allocates)) \
  X(cufftMakePlanMany64, "cufftMakePlanMany64", \
    (cc_fft_plan plan, int32_t rank, int64_t *_Nonnull sizes, int64_t *_Nullable in_embedding, int64_t in_stride, int64_t in_batch, int64_t *_Nullable out_embedding, \
     int64_t out_stride, int64_t out_batch, int32_t kind, int64_t batch, size_t *_Nonnull work_bytes)) \
  X(cufftSetWorkArea, "cufftSetWorkArea", (cc_fft_plan plan, cc_address work)) \
  X(cufftSetStream, "cufftSetStream", (cc_fft_plan plan, cc_stream _Nullable stream)) \
  X(cufftExecC2C, "cufftExecC2C", (cc_fft_plan plan, cc_address in, cc_address out, int32_t direction)) \
  X(cufftExecZ2Z, "cufftExecZ2Z", (cc_fft_plan plan, cc_address in, cc_address out, int32_t direction))

typedef struct cc_fft { CC_FFT_REQUIRED(CC_REQUIRED_FIELD) } cc_fft;

/// As `cc_load_driver`.
const cc_fft *_Nullable cc_load_fft(void *_Nonnull library, const char *_Nullable *_Nonnull missing);

#ifdef __cplusplus
}
#endif
