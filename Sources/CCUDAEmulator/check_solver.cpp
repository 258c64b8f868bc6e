// The look-alike of cuSOLVER: products of its factors give the matrix again, and it refuses what the real one refuses.
#include "../CCUDA/include/cc_blaslt.h"
#include "../CCUDA/include/cc_solver.h"
#include "check.h"
#include <complex>
#include <math.h>

extern "C" {
#define DECLARE(name, symbol, parameters) int32_t name parameters;
CC_SOLVER_REQUIRED(DECLARE)
CC_SOLVER_OPTIONAL(DECLARE)
}

namespace st_emulator {

typedef std::complex<double> Number;
static void expect(int32_t got, int32_t wanted, const char *what) {
  if (got != wanted) fail("%s gave %d instead of %d", what, got, wanted);
}
static void expect_near(const char *what, int64_t i, int64_t j, Number got, Number want) {
  if (!(std::abs(got - want) <= 1e-12 * 30)) fail("%s: element %d, %d is %g%+gi instead of %g%+gi", what, (int)i, (int)j, got.real(), got.imag(), want.real(), want.imag());
}
static std::vector<Number> numbers_of(size_t count, uint64_t seed) {
  Numbers numbers{seed};
  std::vector<Number> x(count);
  for (Number &v : x) {
    const double re = numbers.uniform(-1, 1);
    v = Number(re, numbers.uniform(-1, 1));
  }
  return x;
}
struct Handle {
  cc_solver_handle handle = nullptr;
  cc_solver_params params = nullptr;
  Handle() {
    expect(cusolverDnCreate(&handle), CC_SOLVER_SUCCESS, "cusolverDnCreate");
    expect(cusolverDnCreateParams(&params), CC_SOLVER_SUCCESS, "cusolverDnCreateParams");
    expect(cusolverDnSetStream(handle, nullptr), CC_SOLVER_SUCCESS, "cusolverDnSetStream");
    expect(cusolverDnSetDeterministicMode(handle, CC_SOLVER_DETERMINISTIC), CC_SOLVER_SUCCESS, "cusolverDnSetDeterministicMode");
    expect(cusolverDnSetDeterministicMode(handle, 7), CC_SOLVER_INVALID_VALUE, "an unknown mode");
  }
  ~Handle() {
    cusolverDnDestroyParams(params);
    cusolverDnDestroy(handle);
  }
};
const int32_t kType = CC_BLASLT_C128, kReal = CC_BLASLT_F64;

ST_CHECK(solver_eigenvalues) {
  const Handle h;
  for (int64_t n : {1, 2, 7})
    for (int32_t triangle : {CC_SOLVER_LOWER, CC_SOLVER_UPPER}) {
      const int64_t batch = 2, lead = n + 1;
      std::vector<Number> a = numbers_of((size_t)(batch * lead * n), (uint64_t)n);
      // The other triangle is not read.
      auto at = [&](const std::vector<Number> &x, int64_t b, int64_t i, int64_t j) { return x[(size_t)((b * n + j) * lead + i)]; };
      auto given = [&](int64_t b, int64_t i, int64_t j) {
        const bool is_read = triangle == CC_SOLVER_LOWER ? i >= j : i <= j;
        return i == j ? Number(at(a, b, i, j).real()) : is_read ? at(a, b, i, j) : std::conj(at(a, b, j, i));
      };
      Buffer device(a), w((size_t)(batch * n) * 8), info(8);
      size_t bytes = 0, host_bytes = 0;
      expect(cusolverDnXsyevBatched_bufferSize(h.handle, h.params, CC_SOLVER_VECTORS, triangle, n, kType, device.address, lead, kReal, w.address, kType, &bytes, &host_bytes, batch),
             CC_SOLVER_SUCCESS, "cusolverDnXsyevBatched_bufferSize");
      Buffer work(bytes);
      std::vector<char> host(host_bytes);
      auto run = [&](int64_t given_lead, int32_t w_type, size_t given_bytes, uint64_t verdict) {
        return cusolverDnXsyevBatched(h.handle, h.params, CC_SOLVER_VECTORS, triangle, n, kType, device.address, given_lead, w_type, w.address, kType, work.address, given_bytes, host.data(), host_bytes,
                                      verdict, batch);
      };
      expect(run(n - 1, kReal, bytes, info.address), CC_SOLVER_INVALID_VALUE, "a leading dimension below the rows");
      expect(run(lead, kType, bytes, info.address), CC_SOLVER_INVALID_VALUE, "complex eigenvalues");
      expect(run(lead, kReal, bytes - 1, info.address), CC_SOLVER_INVALID_VALUE, "a work area that is too small");
      expect(run(lead, kReal, bytes, 0), CC_SOLVER_INVALID_VALUE, "no place for info");
      expect(run(lead + 3 * n, kReal, bytes, info.address), CC_SOLVER_EXECUTION_FAILED, "a matrix that is too short");
      expect(run(lead, kReal, bytes, info.address), CC_SOLVER_SUCCESS, "cusolverDnXsyevBatched");
      if (info.read<int32_t>() != std::vector<int32_t>{0, 0}) fail("info is not 0");
      const std::vector<Number> v = device.read<Number>();
      const std::vector<double> values = w.read<double>();
      for (int64_t b = 0; b < batch; ++b)
        for (int64_t j = 0; j < n; ++j) {
          if (j > 0 && values[(size_t)(b * n + j)] < values[(size_t)(b * n + j - 1)]) fail("eigenvalues are not ascending");
          for (int64_t i = 0; i < n; ++i) {
            Number sum = 0, dot = 0;
            for (int64_t t = 0; t < n; ++t) {
              sum += given(b, i, t) * at(v, b, t, j);
              dot += std::conj(at(v, b, t, i)) * at(v, b, t, j);
            }
            expect_near("A v", i, j, sum, values[(size_t)(b * n + j)] * at(v, b, i, j));
            expect_near("V^H V", i, j, dot, i == j ? 1 : 0);
          }
        }
      digest.add(v);
    }
}

ST_CHECK(solver_singular_values) {
  const Handle h;
  for (int64_t n : {1, 3, 6})
    for (int64_t m : {n, n + 4})
      for (char job : {'A', 'S', 'N'}) {
        std::vector<Number> a = numbers_of((size_t)(m * n), (uint64_t)(m + n));
        // Of rank n - 1.
        if (n > 1)
          for (int64_t i = 0; i < m; ++i) a[(size_t)((n - 1) * m + i)] = a[(size_t)i] * Number(0, 2);
        const int64_t columns = job == 'A' ? m : n;
        Buffer device(a), s((size_t)n * 8), u((size_t)(m * columns) * 16), vh((size_t)(n * n) * 16), info(4);
        size_t bytes = 0, host_bytes = 0;
        auto ask = [&](int64_t rows) {
          return cusolverDnXgesvd_bufferSize(h.handle, h.params, job, job, rows, n, kType, device.address, rows, kReal, s.address, kType, u.address, rows, kType, vh.address, n, kType, &bytes, &host_bytes);
        };
        expect(ask(n - 1), CC_SOLVER_INVALID_VALUE, "more columns than rows");
        expect(ask(m), CC_SOLVER_SUCCESS, "cusolverDnXgesvd_bufferSize");
        Buffer work(bytes);
        std::vector<char> host(host_bytes);
        expect(cusolverDnXgesvd(h.handle, h.params, job, job, m, n, kType, device.address, m, kReal, s.address, kType, u.address, m, kType, vh.address, n, kType, work.address, bytes, host.data(),
                                host_bytes, info.address),
               CC_SOLVER_SUCCESS, "cusolverDnXgesvd");
        const std::vector<double> values = s.read<double>();
        for (int64_t j = 1; j < n; ++j)
          if (values[(size_t)j] > values[(size_t)(j - 1)]) fail("singular values are not descending");
        if (n > 1 && !(values[(size_t)(n - 1)] < 1e-12)) fail("the last singular value is %g", values[(size_t)(n - 1)]);
        digest.add(values);
        if (job == 'N') continue;
        const std::vector<Number> left = u.read<Number>(), right = vh.read<Number>();
        for (int64_t i = 0; i < m; ++i)
          for (int64_t j = 0; j < n; ++j) {
            Number sum = 0;
            for (int64_t t = 0; t < n; ++t) sum += left[(size_t)(t * m + i)] * values[(size_t)t] * right[(size_t)(j * n + t)];
            expect_near("U S V^H", i, j, sum, a[(size_t)(j * m + i)]);
          }
        for (int64_t i = 0; i < columns; ++i)
          for (int64_t j = 0; j < columns; ++j) {
            Number dot = 0;
            for (int64_t t = 0; t < m; ++t) dot += std::conj(left[(size_t)(i * m + t)]) * left[(size_t)(j * m + t)];
            expect_near("U^H U", i, j, dot, i == j ? 1 : 0);
          }
      }
  // What is not finite has no values.
  Buffer a(std::vector<double>{1, NAN}), s(8), info(4), work(1024);
  std::vector<char> host(64);
  expect(cusolverDnXgesvd(h.handle, h.params, 'N', 'N', 2, 1, kReal, a.address, 2, kReal, s.address, kReal, 0, 2, kReal, 0, 1, kReal, work.address, 1024, host.data(), 64, info.address), CC_SOLVER_SUCCESS,
         "cusolverDnXgesvd");
  if (info.read<int32_t>()[0] != 1) fail("info of a matrix with NaN is %d", info.read<int32_t>()[0]);
}

ST_CHECK(solver_qr) {
  const Handle h;
  const int64_t m = 5, n = 3;
  const std::vector<Number> a = numbers_of((size_t)(m * n), 4);
  Buffer device(a), tau((size_t)n * 16), info(4);
  size_t bytes = 0, host_bytes = 0;
  expect(cusolverDnXgeqrf_bufferSize(h.handle, h.params, m, n, kType, device.address, m, kType, tau.address, kType, &bytes, &host_bytes), CC_SOLVER_SUCCESS, "cusolverDnXgeqrf_bufferSize");
  Buffer work(bytes);
  std::vector<char> host(host_bytes);
  expect(cusolverDnXgeqrf(h.handle, h.params, m, n, kType, device.address, m, kType, tau.address, kType, work.address, bytes, host.data(), host_bytes, info.address), CC_SOLVER_SUCCESS,
         "cusolverDnXgeqrf");
  const std::vector<Number> packed = device.read<Number>(), factors = tau.read<Number>();
  // H0 H1 H2 R, column by column.
  for (int64_t c = 0; c < n; ++c) {
    std::vector<Number> y((size_t)m);
    for (int64_t i = 0; i <= c; ++i) y[(size_t)i] = packed[(size_t)(c * m + i)];
    for (int64_t j = n; j-- > 0;) {
      auto v = [&](int64_t i) { return i < j ? Number(0) : i == j ? Number(1) : packed[(size_t)(j * m + i)]; };
      Number dot = 0;
      for (int64_t i = 0; i < m; ++i) dot += std::conj(v(i)) * y[(size_t)i];
      for (int64_t i = 0; i < m; ++i) y[(size_t)i] -= factors[(size_t)j] * v(i) * dot;
    }
    for (int64_t i = 0; i < m; ++i) expect_near("Q R", i, c, y[(size_t)i], a[(size_t)(c * m + i)]);
  }
  digest.add(packed);
}

}  // namespace st_emulator
