// Look-alike of cuFFT: the functions that CCUDA names. As strict as the real one about the order of calls, kinds, sizes, alignments and the work area; transforms on the host.
#include "../CCUDA/include/cc_fft.h"
#include "include/CCUDAEmulator.h"
#include "errors.h"
#include "memory.h"
#include "settings.h"
#include "stream.h"
#include <complex>
#include <map>
#include <math.h>
#include <mutex>
#include <string.h>
#include <vector>

using namespace st_emulator;
#define API extern "C" __attribute__((visibility("default"))) int32_t

namespace {

struct Plan {
  bool made = false, allocates = true;
  int32_t kind = 0;
  int64_t n = 0, batch = 0, in_stride = 1, in_batch = 0, out_stride = 1, out_batch = 0;
  size_t work_bytes = 0;
  uint64_t work = 0;
  void *stream = nullptr;
};

std::mutex lock;
uint64_t transforms = 0, plans_made = 0;
std::map<int32_t, Plan> &plans() {
  static auto *m = new std::map<int32_t, Plan>;
  return *m;
}
bool fails(const char *function) { return settings.fail_fft == function; }
size_t bytes_of(int32_t kind) { return kind == CC_FFT_C2C ? 8 : kind == CC_FFT_Z2Z ? 16 : 0; }

typedef std::complex<double> Number;

/// out[k] = sum of in[j * stride] e^(sign 2 pi i j k / n), by the smallest factor of n.
void transform(const Number *in, size_t stride, Number *out, size_t n, int sign) {
  if (n == 1) {
    out[0] = in[0];
    return;
  }
  size_t p = 2;
  while (p * p <= n && n % p) ++p;
  if (n % p) p = n;
  const size_t m = n / p;
  std::vector<Number> parts(n);
  for (size_t r = 0; r < p; ++r) transform(in + r * stride, stride * p, parts.data() + r * m, m, sign);
  // The angle from a number below n: exact to rounding however large j k is.
  std::vector<Number> roots(n);
  for (size_t t = 0; t < n; ++t) roots[t] = std::polar(1.0, sign * 2 * M_PI * (double)t / (double)n);
  for (size_t k = 0; k < n; ++k) {
    Number sum = 0;
    for (size_t r = 0; r < p; ++r) sum += parts[r * m + k % m] * roots[r * k % n];
    out[k] = sum;
  }
}
template <class T> void transform_rows(const Plan &plan, uint64_t in, uint64_t out, int sign) {
  const auto *from = (const std::complex<T> *)in;
  auto *to = (std::complex<T> *)out;
  std::vector<Number> x(plan.n), y(plan.n);
  for (int64_t b = 0; b < plan.batch; ++b) {
    for (int64_t i = 0; i < plan.n; ++i) x[i] = Number(from[b * plan.in_batch + i * plan.in_stride]);
    transform(x.data(), 1, y.data(), plan.n, sign);
    for (int64_t i = 0; i < plan.n; ++i) to[b * plan.out_batch + i * plan.out_stride] = std::complex<T>(y[i]);
  }
}
size_t extent(const Plan &p, int64_t stride, int64_t batch) { return (size_t)((p.batch - 1) * batch + (p.n - 1) * stride + 1); }

int32_t execute(int32_t number, int32_t kind, uint64_t in, uint64_t out, int32_t direction) {
  if (fails(kind == CC_FFT_C2C ? "cufftExecC2C" : "cufftExecZ2Z")) return CC_FFT_EXEC_FAILED;
  Plan plan;
  {
    std::lock_guard<std::mutex> guard(lock);
    auto found = plans().find(number);
    if (found == plans().end() || !found->second.made) return CC_FFT_INVALID_PLAN;
    plan = found->second;
  }
  if (plan.kind != kind) return CC_FFT_INVALID_TYPE;
  if (!in || !out || (direction != CC_FFT_FORWARD && direction != CC_FFT_INVERSE)) return CC_FFT_INVALID_VALUE;
  const size_t size = bytes_of(kind);
  if (in % size || out % size) return CC_FFT_UNALIGNED_DATA;
  if (plan.work_bytes && !plan.allocates && !plan.work) return CC_FFT_NO_WORKSPACE;
  if (!is_allocated(in, extent(plan, plan.in_stride, plan.in_batch) * size) || !is_allocated(out, extent(plan, plan.out_stride, plan.out_batch) * size) ||
      (plan.work && plan.work_bytes && !is_allocated(plan.work, plan.work_bytes)))
    return CC_FFT_EXEC_FAILED;
  // Everything by value.
  submit((EmulatedStream *)plan.stream, [plan, kind, in, out, direction] {
    // Whoever reads it finds nonsense.
    if (plan.work && plan.work_bytes) memset((void *)plan.work, 0xff, plan.work_bytes);
    kind == CC_FFT_C2C ? transform_rows<float>(plan, in, out, direction) : transform_rows<double>(plan, in, out, direction);
    return (int32_t)kSuccess;
  });
  std::lock_guard<std::mutex> guard(lock);
  ++transforms;
  return CC_FFT_SUCCESS;
}

}  // namespace

API cufftGetVersion(int32_t *version) {
  if (!version) return CC_FFT_INVALID_VALUE;
  *version = 12000;
  return CC_FFT_SUCCESS;
}
API cufftCreate(int32_t *number) {
  if (!number) return CC_FFT_INVALID_VALUE;
  if (fails("cufftCreate")) return CC_FFT_SETUP_FAILED;
  std::lock_guard<std::mutex> guard(lock);
  static int32_t next = 0;
  plans()[*number = next++] = Plan();
  return CC_FFT_SUCCESS;
}
API cufftDestroy(int32_t number) {
  std::lock_guard<std::mutex> guard(lock);
  return plans().erase(number) ? CC_FFT_SUCCESS : CC_FFT_INVALID_PLAN;
}
API cufftSetAutoAllocation(int32_t number, int32_t allocates) {
  std::lock_guard<std::mutex> guard(lock);
  auto found = plans().find(number);
  // Too late once the plan is made.
  if (found == plans().end() || found->second.made) return CC_FFT_INVALID_PLAN;
  found->second.allocates = allocates != 0;
  return CC_FFT_SUCCESS;
}
API cufftMakePlanMany64(int32_t number, int32_t rank, int64_t *sizes, int64_t *in_embedding, int64_t in_stride, int64_t in_batch, int64_t *out_embedding, int64_t out_stride,
                        int64_t out_batch, int32_t kind, int64_t batch, size_t *work_bytes) {
  std::lock_guard<std::mutex> guard(lock);
  auto found = plans().find(number);
  if (found == plans().end() || found->second.made) return CC_FFT_INVALID_PLAN;
  if (!sizes || !work_bytes || rank < 1 || rank > 3 || (in_embedding == nullptr) != (out_embedding == nullptr)) return CC_FFT_INVALID_VALUE;
  if (!bytes_of(kind)) return CC_FFT_INVALID_TYPE;
  if (rank != 1) return CC_FFT_NOT_SUPPORTED;
  if (sizes[0] < 1 || batch < 1 || fails("cufftMakePlanMany64")) return CC_FFT_INVALID_SIZE;
  Plan &p = found->second;
  p.kind = kind;
  p.n = sizes[0];
  p.batch = batch;
  // Without embeddings the rows are contiguous, whatever the strides say.
  if (in_embedding) {
    if (in_stride < 1 || out_stride < 1 || in_batch < 0 || out_batch < 0) return CC_FFT_INVALID_VALUE;
    p.in_stride = in_stride, p.in_batch = in_batch, p.out_stride = out_stride, p.out_batch = out_batch;
  } else {
    p.in_batch = p.out_batch = p.n;
  }
  const bool is_power = (p.n & (p.n - 1)) == 0;
  *work_bytes = p.work_bytes = is_power ? 0 : (size_t)(p.n * batch) * bytes_of(kind);
  p.made = true;
  ++plans_made;
  return CC_FFT_SUCCESS;
}
API cufftSetWorkArea(int32_t number, uint64_t work) {
  std::lock_guard<std::mutex> guard(lock);
  auto found = plans().find(number);
  if (found == plans().end() || !found->second.made || found->second.allocates) return CC_FFT_INVALID_PLAN;
  found->second.work = work;
  return CC_FFT_SUCCESS;
}
API cufftSetStream(int32_t number, void *stream) {
  std::lock_guard<std::mutex> guard(lock);
  auto found = plans().find(number);
  if (found == plans().end()) return CC_FFT_INVALID_PLAN;
  found->second.stream = stream;
  return CC_FFT_SUCCESS;
}
API cufftExecC2C(int32_t number, uint64_t in, uint64_t out, int32_t direction) { return execute(number, CC_FFT_C2C, in, out, direction); }
API cufftExecZ2Z(int32_t number, uint64_t in, uint64_t out, int32_t direction) { return execute(number, CC_FFT_Z2Z, in, out, direction); }

uint64_t emulator_fft_transforms(void) {
  std::lock_guard<std::mutex> guard(lock);
  return transforms;
}
uint64_t emulator_fft_plans(bool alive) {
  std::lock_guard<std::mutex> guard(lock);
  return alive ? plans().size() : plans_made;
}
