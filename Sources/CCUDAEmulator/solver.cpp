// Look-alike of cuSOLVER: the functions that CCUDA names. As strict as the real one about types, shapes, leading dimensions and the work areas; factors on the host, in double.
#include "solver.h"
#include "../CCUDA/include/cc_blaslt.h"
#include "../CCUDA/include/cc_solver.h"
#include "errors.h"
#include "include/CCUDAEmulator.h"
#include "memory.h"
#include "settings.h"
#include "stream.h"
#include <mutex>
#include <set>
#include <string.h>
#include <vector>

using namespace st_emulator;
#define API extern "C" __attribute__((visibility("default"))) int32_t

struct cc_solver_st { void *stream = nullptr; };
struct cc_solver_params_st {};

namespace {

std::mutex lock;
uint64_t calls = 0;
std::set<const void *> &objects() {
  static auto *s = new std::set<const void *>;
  return *s;
}
bool fails(const char *function) { return settings.fail_solver == function; }
bool is_known(const void *object) {
  std::lock_guard<std::mutex> guard(lock);
  return objects().count(object) != 0;
}
template <class T> int32_t create(T **object) {
  if (!object) return CC_SOLVER_INVALID_VALUE;
  std::lock_guard<std::mutex> guard(lock);
  objects().insert(*object = new T);
  return CC_SOLVER_SUCCESS;
}
template <class T> int32_t destroy(T *object) {
  std::lock_guard<std::mutex> guard(lock);
  if (!objects().erase(object)) return CC_SOLVER_NOT_INITIALIZED;
  delete object;
  return CC_SOLVER_SUCCESS;
}

size_t bytes_of(int32_t type) { return type == CC_BLASLT_F32 ? 4 : type == CC_BLASLT_F64 || type == CC_BLASLT_C64 ? 8 : type == CC_BLASLT_C128 ? 16 : 0; }
int32_t real_of(int32_t type) { return type == CC_BLASLT_C64 ? CC_BLASLT_F32 : type == CC_BLASLT_C128 ? CC_BLASLT_F64 : type; }

SolverMatrix read(uint64_t address, int32_t type, int64_t rows, int64_t columns, int64_t lead) {
  SolverMatrix m(rows, columns);
  for (int64_t j = 0; j < columns; ++j)
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t at = j * lead + i;
      SolverNumber &x = m(i, j);
      if (type == CC_BLASLT_F32) x = ((const float *)address)[at];
      else if (type == CC_BLASLT_F64) x = ((const double *)address)[at];
      else if (type == CC_BLASLT_C64) x = ((const std::complex<float> *)address)[at];
      else x = ((const std::complex<double> *)address)[at];
    }
  return m;
}
void write(uint64_t address, int32_t type, int64_t lead, const SolverMatrix &m) {
  for (int64_t j = 0; j < m.columns; ++j)
    for (int64_t i = 0; i < m.rows; ++i) {
      const int64_t at = j * lead + i;
      const SolverNumber x = m(i, j);
      if (type == CC_BLASLT_F32) ((float *)address)[at] = (float)x.real();
      else if (type == CC_BLASLT_F64) ((double *)address)[at] = x.real();
      else if (type == CC_BLASLT_C64) ((std::complex<float> *)address)[at] = std::complex<float>(x);
      else ((std::complex<double> *)address)[at] = x;
    }
}

/// A matrix (or vector) that a function gets.
struct Given {
  uint64_t address;
  int32_t type;
  int64_t rows, columns, lead;
  bool is_wrong() const { return !bytes_of(type) || rows < 0 || columns < 0 || lead < (rows > 1 ? rows : 1); }
  bool is_there() const { return rows == 0 || columns == 0 || (address % bytes_of(type) == 0 && is_allocated(address, (size_t)((columns - 1) * lead + rows) * bytes_of(type))); }
  SolverMatrix get() const { return read(address, type, rows, columns, lead); }
  void put(const SolverMatrix &m) const { write(address, type, lead, m); }
};
/// What every function has: a handle, the type of its sums, its work areas and its verdict.
struct Call {
  const char *name;
  cc_solver_handle handle;
  cc_solver_params params;
  int32_t compute;
  std::vector<Given> given;
  int64_t batch = 1;

  int32_t check() const {
    if (!is_known(handle) || !is_known(params)) return CC_SOLVER_NOT_INITIALIZED;
    for (const Given &g : given)
      if (g.is_wrong()) return CC_SOLVER_INVALID_VALUE;
    return compute == given[0].type && batch >= 1 ? CC_SOLVER_SUCCESS : CC_SOLVER_INVALID_VALUE;
  }
  size_t device_bytes() const { return (size_t)(given[0].rows + given[0].columns + 1) * 16 * (size_t)batch; }
  size_t host_bytes() const { return 24; }
  int32_t sizes(size_t *device, size_t *host) const {
    if (int32_t wrong = check()) return wrong;
    if (!device || !host) return CC_SOLVER_INVALID_VALUE;
    *device = device_bytes(), *host = host_bytes();
    return CC_SOLVER_SUCCESS;
  }
  /// `body` gives info of one matrix of the batch; the results of it stand in `given`, moved on to that matrix.
  int32_t run(uint64_t work, size_t work_bytes, void *host_work, size_t host_work_bytes, uint64_t info, int32_t (*body)(const std::vector<Given> &, int32_t, int32_t), int32_t first, int32_t second) const {
    if (int32_t wrong = check()) return wrong;
    if (fails(name)) return CC_SOLVER_EXECUTION_FAILED;
    if (work_bytes < device_bytes() || host_work_bytes < host_bytes() || !host_work || !info) return CC_SOLVER_INVALID_VALUE;
    for (const Given &g : given) {
      Given all = g;
      all.columns *= batch;
      if (!all.is_there()) return CC_SOLVER_EXECUTION_FAILED;
    }
    if (!is_allocated(work, work_bytes) || !is_allocated(info, 4 * (size_t)batch)) return CC_SOLVER_EXECUTION_FAILED;
    memset(host_work, 0xff, host_work_bytes);
    // Everything by value.
    submit((EmulatedStream *)handle->stream, [=, given = given, batch = batch] {
      // Whoever reads it finds nonsense.
      memset((void *)work, 0xff, work_bytes);
      std::vector<Given> of = given;
      for (int64_t b = 0; b < batch; ++b) {
        ((int32_t *)info)[b] = body(of, first, second);
        for (Given &g : of) g.address += (uint64_t)(g.columns * g.lead) * bytes_of(g.type);
      }
      return (int32_t)kSuccess;
    });
    std::lock_guard<std::mutex> guard(lock);
    ++calls;
    return CC_SOLVER_SUCCESS;
  }
};

Call qr(cc_solver_handle handle, cc_solver_params params, int64_t m, int64_t n, int32_t a_type, uint64_t a, int64_t a_lead, int32_t tau_type, uint64_t tau, int32_t compute) {
  const int64_t k = m < n ? m : n;
  return {"cusolverDnXgeqrf", handle, params, compute, {{a, a_type, m, n, a_lead}, {tau, tau_type, k, 1, k > 1 ? k : 1}}};
}
int32_t run_qr(const std::vector<Given> &g, int32_t, int32_t) {
  SolverMatrix a = g[0].get(), tau(g[1].rows, 1);
  factor_qr(a, tau);
  g[0].put(a);
  g[1].put(tau);
  return 0;
}

Call eigen(const char *name, cc_solver_handle handle, cc_solver_params params, int32_t wanted, int32_t triangle, int64_t n, int32_t a_type, uint64_t a, int64_t a_lead, int32_t w_type, uint64_t w,
           int32_t compute, int64_t batch) {
  const bool good = w_type == real_of(a_type) && (wanted == CC_SOLVER_VALUES || wanted == CC_SOLVER_VECTORS) && (triangle == CC_SOLVER_LOWER || triangle == CC_SOLVER_UPPER);
  return {name, handle, params, compute, {{a, a_type, good ? n : -1, n, a_lead}, {w, w_type, n, 1, n > 1 ? n : 1}}, batch};
}
int32_t run_eigen(const std::vector<Given> &g, int32_t wanted, int32_t triangle) {
  SolverMatrix a = g[0].get(), w(g[1].rows, 1);
  for (int64_t j = 0; j < a.columns; ++j)
    for (int64_t i = 0; i <= j; ++i) {
      SolverNumber &low = a(j, i), &high = a(i, j);
      if (i == j) low = low.real();
      else if (triangle == CC_SOLVER_LOWER) high = std::conj(low);
      else low = std::conj(high);
    }
  const bool good = find_eigenvalues(a, w);
  // The matrix is used up also where the vectors are not wanted.
  if (wanted == CC_SOLVER_VALUES)
    for (SolverNumber &x : a.numbers) x = NAN;
  g[0].put(a);
  g[1].put(w);
  return good ? 0 : 1;
}

Call svd(cc_solver_handle handle, cc_solver_params params, int8_t u_wanted, int8_t vh_wanted, int64_t m, int64_t n, int32_t a_type, uint64_t a, int64_t a_lead, int32_t s_type, uint64_t s,
         int32_t u_type, uint64_t u, int64_t u_lead, int32_t vh_type, uint64_t vh, int64_t vh_lead, int32_t compute) {
  auto is_job = [](int8_t job) { return job == 'A' || job == 'S' || job == 'N'; };
  // No more columns than rows: the real one refuses them too.
  const bool good = m >= n && s_type == real_of(a_type) && u_type == a_type && vh_type == a_type && is_job(u_wanted) && is_job(vh_wanted);
  Call call = {"cusolverDnXgesvd", handle, params, compute, {{a, a_type, good ? m : -1, n, a_lead}, {s, s_type, n, 1, n > 1 ? n : 1}}};
  const int64_t columns = u_wanted == 'A' ? m : u_wanted == 'S' ? n : 0;
  call.given.push_back({u, u_type, columns ? m : 0, columns, u_lead});
  call.given.push_back({vh, vh_type, vh_wanted == 'N' ? 0 : n, vh_wanted == 'N' ? 0 : n, vh_lead});
  return call;
}
int32_t run_svd(const std::vector<Given> &g, int32_t, int32_t) {
  SolverMatrix a = g[0].get(), s(g[1].rows, 1), u(a.rows, g[2].columns), vh(a.columns, a.columns);
  const bool good = find_singular_values(a, s, u, vh);
  g[1].put(s);
  if (g[2].columns) g[2].put(u);
  if (g[3].columns) g[3].put(vh);
  for (SolverNumber &x : a.numbers) x = NAN;
  g[0].put(a);
  return good ? 0 : 1;
}

}  // namespace

API cusolverGetVersion(int32_t *version) {
  if (!version) return CC_SOLVER_INVALID_VALUE;
  *version = 12000;
  return CC_SOLVER_SUCCESS;
}
API cusolverDnCreate(cc_solver_handle *handle) { return fails("cusolverDnCreate") ? CC_SOLVER_NOT_INITIALIZED : create(handle); }
API cusolverDnDestroy(cc_solver_handle handle) { return destroy(handle); }
API cusolverDnCreateParams(cc_solver_params *params) { return create(params); }
API cusolverDnDestroyParams(cc_solver_params params) { return destroy(params); }
API cusolverDnSetStream(cc_solver_handle handle, void *stream) {
  if (!is_known(handle)) return CC_SOLVER_NOT_INITIALIZED;
  handle->stream = stream;
  return CC_SOLVER_SUCCESS;
}
API cusolverDnSetDeterministicMode(cc_solver_handle handle, int32_t mode) {
  if (!is_known(handle)) return CC_SOLVER_NOT_INITIALIZED;
  return mode == CC_SOLVER_DETERMINISTIC || mode == 2 ? CC_SOLVER_SUCCESS : CC_SOLVER_INVALID_VALUE;
}
#define HEAD cc_solver_handle handle, cc_solver_params params
#define SIZES int32_t compute, size_t *device_bytes, size_t *host_bytes
#define WORK int32_t compute, uint64_t work, size_t work_bytes, void *host_work, size_t host_bytes, uint64_t info
API cusolverDnXgeqrf_bufferSize(HEAD, int64_t m, int64_t n, int32_t a_type, uint64_t a, int64_t a_lead, int32_t tau_type, uint64_t tau, SIZES) {
  return qr(handle, params, m, n, a_type, a, a_lead, tau_type, tau, compute).sizes(device_bytes, host_bytes);
}
API cusolverDnXgeqrf(HEAD, int64_t m, int64_t n, int32_t a_type, uint64_t a, int64_t a_lead, int32_t tau_type, uint64_t tau, WORK) {
  return qr(handle, params, m, n, a_type, a, a_lead, tau_type, tau, compute).run(work, work_bytes, host_work, host_bytes, info, run_qr, 0, 0);
}
#define EIGEN int32_t wanted, int32_t triangle, int64_t n, int32_t a_type, uint64_t a, int64_t a_lead, int32_t w_type, uint64_t w
#define EIGEN_CALL(name, batch) eigen(name, handle, params, wanted, triangle, n, a_type, a, a_lead, w_type, w, compute, batch)
API cusolverDnXsyevd_bufferSize(HEAD, EIGEN, SIZES) { return EIGEN_CALL("cusolverDnXsyevd", 1).sizes(device_bytes, host_bytes); }
API cusolverDnXsyevd(HEAD, EIGEN, WORK) { return EIGEN_CALL("cusolverDnXsyevd", 1).run(work, work_bytes, host_work, host_bytes, info, run_eigen, wanted, triangle); }
API cusolverDnXsyevBatched_bufferSize(HEAD, EIGEN, SIZES, int64_t batch) { return EIGEN_CALL("cusolverDnXsyevBatched", batch).sizes(device_bytes, host_bytes); }
API cusolverDnXsyevBatched(HEAD, EIGEN, WORK, int64_t batch) {
  return EIGEN_CALL("cusolverDnXsyevBatched", batch).run(work, work_bytes, host_work, host_bytes, info, run_eigen, wanted, triangle);
}
#define SVD \
  int8_t u_wanted, int8_t vh_wanted, int64_t m, int64_t n, int32_t a_type, uint64_t a, int64_t a_lead, int32_t s_type, uint64_t s, int32_t u_type, uint64_t u, int64_t u_lead, int32_t vh_type, \
      uint64_t vh, int64_t vh_lead
#define SVD_CALL svd(handle, params, u_wanted, vh_wanted, m, n, a_type, a, a_lead, s_type, s, u_type, u, u_lead, vh_type, vh, vh_lead, compute)
API cusolverDnXgesvd_bufferSize(HEAD, SVD, SIZES) { return SVD_CALL.sizes(device_bytes, host_bytes); }
API cusolverDnXgesvd(HEAD, SVD, WORK) { return SVD_CALL.run(work, work_bytes, host_work, host_bytes, info, run_svd, 0, 0); }

uint64_t emulator_solver_calls(void) {
  std::lock_guard<std::mutex> guard(lock);
  return calls;
}
uint64_t emulator_solver_objects(void) {
  std::lock_guard<std::mutex> guard(lock);
  return objects().size();
}
