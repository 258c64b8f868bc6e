// The look-alike of cuFFT transforms rows and refuses what the real one refuses.
#include "../CCUDA/include/cc_fft.h"
#include "check.h"
#include <math.h>

extern "C" {
#define DECLARE(name, symbol, parameters) int32_t name parameters;
CC_FFT_REQUIRED(DECLARE)
}

namespace st_emulator {

static void expect(int32_t got, int32_t wanted, const char *what) {
  if (got != wanted) fail("%s gave %d instead of %d", what, got, wanted);
}

ST_CHECK(fft) {
  // Lengths with each kind of factor; against the plain sum.
  for (int64_t n : {1, 2, 7, 8, 12, 45}) {
    const int64_t batch = 3;
    Numbers numbers{(uint64_t)n};
    std::vector<double> x(2 * n * batch);
    for (double &v : x) v = numbers.uniform(-1, 1);
    Buffer in(x), out(x.size() * sizeof(double)), work(x.size() * sizeof(double));
    cc_fft_plan plan = -1;
    size_t bytes = 0;
    expect(cufftCreate(&plan), CC_FFT_SUCCESS, "cufftCreate");
    expect(cufftExecZ2Z(plan, in.address, out.address, CC_FFT_FORWARD), CC_FFT_INVALID_PLAN, "a plan that was not made");
    expect(cufftSetWorkArea(plan, work.address), CC_FFT_INVALID_PLAN, "a work area before the plan is made");
    expect(cufftSetAutoAllocation(plan, 0), CC_FFT_SUCCESS, "cufftSetAutoAllocation");
    int64_t size = 0;
    auto make = [&](int32_t kind) { return cufftMakePlanMany64(plan, 1, &size, nullptr, 1, size, nullptr, 1, size, kind, batch, &bytes); };
    expect(make(CC_FFT_Z2Z), CC_FFT_INVALID_SIZE, "length 0");
    size = n;
    expect(make(1), CC_FFT_INVALID_TYPE, "an unknown kind");
    expect(make(CC_FFT_Z2Z), CC_FFT_SUCCESS, "cufftMakePlanMany64");
    expect(cufftSetAutoAllocation(plan, 0), CC_FFT_INVALID_PLAN, "cufftSetAutoAllocation after the plan is made");
    if (bytes > work.bytes) fail("%zu bytes of work area", bytes);
    if (bytes) expect(cufftExecZ2Z(plan, in.address, out.address, CC_FFT_FORWARD), CC_FFT_NO_WORKSPACE, "a missing work area");
    expect(cufftSetWorkArea(plan, work.address), CC_FFT_SUCCESS, "cufftSetWorkArea");
    expect(cufftSetStream(plan, nullptr), CC_FFT_SUCCESS, "cufftSetStream");
    expect(cufftExecC2C(plan, in.address, out.address, CC_FFT_FORWARD), CC_FFT_INVALID_TYPE, "the function of another kind");
    expect(cufftExecZ2Z(plan, in.address + 8, out.address, CC_FFT_FORWARD), CC_FFT_UNALIGNED_DATA, "half an element");
    expect(cufftExecZ2Z(plan, in.address, out.address, 0), CC_FFT_INVALID_VALUE, "no direction");
    expect(cufftExecZ2Z(plan, in.address, out.address + 16, CC_FFT_FORWARD), CC_FFT_EXEC_FAILED, "a result that is too short");
    for (int32_t direction : {CC_FFT_FORWARD, CC_FFT_INVERSE}) {
      expect(cufftExecZ2Z(plan, in.address, out.address, direction), CC_FFT_SUCCESS, "cufftExecZ2Z");
      const std::vector<double> y = out.read<double>();
      for (int64_t b = 0; b < batch; ++b)
        for (int64_t k = 0; k < n; ++k) {
          double re = 0, im = 0;
          for (int64_t j = 0; j < n; ++j) {
            const double angle = direction * 2 * M_PI * (double)(j * k % n) / (double)n, c = cos(angle), s = sin(angle);
            const double *v = &x[2 * (b * n + j)];
            re += v[0] * c - v[1] * s, im += v[0] * s + v[1] * c;
          }
          const double *got = &y[2 * (b * n + k)];
          if (!is_close(got[0], re, 1e-13) || !is_close(got[1], im, 1e-13)) fail("element %d of length %d is %g %g instead of %g %g", (int)k, (int)n, got[0], got[1], re, im);
        }
      digest.add(y);
    }
    expect(cufftDestroy(plan), CC_FFT_SUCCESS, "cufftDestroy");
    expect(cufftDestroy(plan), CC_FFT_INVALID_PLAN, "a plan that was destroyed");
  }
}

}  // namespace st_emulator
