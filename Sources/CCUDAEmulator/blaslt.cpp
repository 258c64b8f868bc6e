// Look-alike of cuBLASLt: the functions that CCUDA names. As strict as the real one about handles, layouts, types and alignments; multiplies on the host, by columns.
#include "blaslt.h"
#include "../CCUDA/include/cc_blaslt.h"
#include "include/CCUDAEmulator.h"
#include "memory.h"
#include "errors.h"
#include "settings.h"
#include "stream.h"
#include <mutex>
#include <set>

using namespace st_emulator;
#define API extern "C" __attribute__((visibility("default"))) int32_t

namespace {

struct Operation {
  int32_t compute, scale, transposed[2] = {CC_BLASLT_N, CC_BLASLT_N}, epilogue = CC_BLASLT_EPILOGUE_NONE;
  uint64_t bias = 0;
};
struct Preference {
  uint64_t workspace = 0;
  uint32_t alignment[4] = {256, 256, 256, 256};
};
/// What an algorithm was chosen for, kept in its opaque numbers.
struct Choice { uint64_t magic, problem, workspace, alignments; };
static_assert(sizeof(Choice) <= sizeof(cc_blaslt_algorithm));
constexpr uint64_t kMagic = 0x53544c544d41544dull;
constexpr uint64_t kWorkspace = 1 << 20;

std::mutex lock;
uint64_t products = 0;
std::set<const void *> &live() {
  static auto *s = new std::set<const void *>;
  return *s;
}
template <class T> int32_t born(T **place, T *thing) {
  std::lock_guard<std::mutex> guard(lock);
  live().insert(thing);
  *place = thing;
  return CC_BLASLT_SUCCESS;
}
bool is_live(const void *thing) {
  std::lock_guard<std::mutex> guard(lock);
  return live().count(thing) > 0;
}
template <class T> int32_t died(T *thing) {
  std::lock_guard<std::mutex> guard(lock);
  if (!live().erase(thing)) return CC_BLASLT_INVALID_VALUE;
  delete thing;
  return CC_BLASLT_SUCCESS;
}
/// A value of exactly its attribute's size.
template <class T> bool take(T &to, const void *value, size_t bytes) {
  if (!value || bytes != sizeof(T)) return false;
  memcpy(&to, value, sizeof(T));
  return true;
}
bool fails(const char *function) { return settings.fail_blaslt == function; }
size_t bytes_of(int32_t type) {
  switch (type) {
    case CC_BLASLT_F16: case CC_BLASLT_BF16: return 2;
    case CC_BLASLT_F32: return 4;
    case CC_BLASLT_F64: case CC_BLASLT_C64: return 8;
    case CC_BLASLT_C128: return 16;
    default: return 0;
  }
}

/// Whether the pieces fit each other; fills m, n, k.
int32_t check(const Operation &o, const BlasLtLayout &a, const BlasLtLayout &b, const BlasLtLayout &c, const BlasLtLayout &d, uint64_t &m, uint64_t &n, uint64_t &k) {
  const bool ta = o.transposed[0] != CC_BLASLT_N, tb = o.transposed[1] != CC_BLASLT_N;
  m = ta ? a.columns : a.rows;
  k = ta ? a.rows : a.columns;
  n = tb ? b.rows : b.columns;
  if ((tb ? b.columns : b.rows) != k || c.rows != m || c.columns != n || d.rows != m || d.columns != n) return CC_BLASLT_INVALID_VALUE;
  for (const BlasLtLayout *l : {&b, &c, &d})
    if (l->type != a.type || l->batch != a.batch) return l->batch != a.batch ? CC_BLASLT_INVALID_VALUE : CC_BLASLT_NOT_SUPPORTED;
  if (d.batch > 1 && d.batch_stride == 0) return CC_BLASLT_INVALID_VALUE;
  const int32_t t = a.type;
  const bool wide = t == CC_BLASLT_F64 || t == CC_BLASLT_C128;
  const int32_t scale = t == CC_BLASLT_F16 || t == CC_BLASLT_BF16 ? CC_BLASLT_F32 : t;
  const bool tf32 = o.compute == CC_BLASLT_COMPUTE_TF32 && (t == CC_BLASLT_F32 || t == CC_BLASLT_C64);
  if (o.scale != scale || !(tf32 || o.compute == (wide ? CC_BLASLT_COMPUTE_F64 : CC_BLASLT_COMPUTE_F32))) return CC_BLASLT_NOT_SUPPORTED;
  if (o.epilogue == CC_BLASLT_EPILOGUE_BIAS && (t == CC_BLASLT_C64 || t == CC_BLASLT_C128 || t == CC_BLASLT_F64)) return CC_BLASLT_NOT_SUPPORTED;
  return CC_BLASLT_SUCCESS;
}
uint64_t problem_of(const Operation &o, const BlasLtLayout *const (&layouts)[4]) {
  uint64_t h = 14695981039346656037u;
  auto add = [&](uint64_t x) { h = (h ^ x) * 1099511628211u; };
  for (int64_t x : {o.compute, o.scale, o.transposed[0], o.transposed[1], o.epilogue}) add((uint64_t)x);
  for (const BlasLtLayout *l : layouts)
    for (uint64_t x : {(uint64_t)l->type, l->rows, l->columns, (uint64_t)l->lead, (uint64_t)l->batch, (uint64_t)l->batch_stride}) add(x);
  return h;
}
/// Elements from the first to the last of all matrices.
uint64_t extent(const BlasLtLayout &l) {
  if (!l.rows || !l.columns) return 0;
  return (uint64_t)(l.batch - 1) * (uint64_t)l.batch_stride + (l.columns - 1) * (uint64_t)l.lead + l.rows;
}

}  // namespace

API cublasLtCreate(void **handle) {
  if (fails("cublasLtCreate")) return CC_BLASLT_NOT_INITIALIZED;
  return handle ? born((char **)handle, new char) : CC_BLASLT_INVALID_VALUE;
}
API cublasLtDestroy(char *handle) { return died(handle); }
API cublasLtMatmulDescCreate(Operation **operation, int32_t compute, int32_t scale) {
  if (!operation) return CC_BLASLT_INVALID_VALUE;
  return born(operation, new Operation{compute, scale});
}
API cublasLtMatmulDescDestroy(Operation *operation) { return died(operation); }
API cublasLtMatmulDescSetAttribute(Operation *o, int32_t attribute, const void *value, size_t bytes) {
  if (!is_live(o)) return CC_BLASLT_INVALID_VALUE;
  bool good = false;
  switch (attribute) {
    case CC_BLASLT_TRANSA: case CC_BLASLT_TRANSB: {
      int32_t &t = o->transposed[attribute - CC_BLASLT_TRANSA];
      good = take(t, value, bytes) && t >= 0 && t <= 2;
      break;
    }
    case CC_BLASLT_EPILOGUE: good = take(o->epilogue, value, bytes) && (o->epilogue == CC_BLASLT_EPILOGUE_NONE || o->epilogue == CC_BLASLT_EPILOGUE_BIAS); break;
    case CC_BLASLT_BIAS_POINTER: good = take(o->bias, value, bytes); break;
  }
  return good ? CC_BLASLT_SUCCESS : CC_BLASLT_INVALID_VALUE;
}
API cublasLtMatrixLayoutCreate(BlasLtLayout **layout, int32_t type, uint64_t rows, uint64_t columns, int64_t lead) {
  // Columns of a matrix that is not empty must not overlap.
  if (!layout || !bytes_of(type) || lead < (int64_t)rows) return CC_BLASLT_INVALID_VALUE;
  return born(layout, new BlasLtLayout{type, rows, columns, lead});
}
API cublasLtMatrixLayoutDestroy(BlasLtLayout *layout) { return died(layout); }
API cublasLtMatrixLayoutSetAttribute(BlasLtLayout *l, int32_t attribute, const void *value, size_t bytes) {
  if (!is_live(l)) return CC_BLASLT_INVALID_VALUE;
  bool good = false;
  switch (attribute) {
    case CC_BLASLT_BATCH_COUNT: good = take(l->batch, value, bytes) && l->batch > 0; break;
    case CC_BLASLT_BATCH_STRIDE: good = take(l->batch_stride, value, bytes); break;
  }
  return good ? CC_BLASLT_SUCCESS : CC_BLASLT_INVALID_VALUE;
}
API cublasLtMatmulPreferenceCreate(Preference **preference) { return preference ? born(preference, new Preference) : CC_BLASLT_INVALID_VALUE; }
API cublasLtMatmulPreferenceDestroy(Preference *preference) { return died(preference); }
API cublasLtMatmulPreferenceSetAttribute(Preference *p, int32_t attribute, const void *value, size_t bytes) {
  if (!is_live(p)) return CC_BLASLT_INVALID_VALUE;
  if (attribute == CC_BLASLT_WORKSPACE_BYTES) return take(p->workspace, value, bytes) ? CC_BLASLT_SUCCESS : CC_BLASLT_INVALID_VALUE;
  if (attribute < CC_BLASLT_ALIGNMENT_A || attribute > CC_BLASLT_ALIGNMENT_D) return CC_BLASLT_INVALID_VALUE;
  uint32_t &alignment = p->alignment[attribute - CC_BLASLT_ALIGNMENT_A];
  return take(alignment, value, bytes) && alignment && (alignment & (alignment - 1)) == 0 ? CC_BLASLT_SUCCESS : CC_BLASLT_INVALID_VALUE;
}
API cublasLtMatmulAlgoGetHeuristic(char *handle, Operation *o, BlasLtLayout *a, BlasLtLayout *b, BlasLtLayout *c, BlasLtLayout *d, Preference *p, int32_t wanted,
                                   cc_blaslt_heuristic *results, int32_t *found) {
  for (const void *thing : {(const void *)handle, (const void *)o, (const void *)a, (const void *)b, (const void *)c, (const void *)d, (const void *)p})
    if (!is_live(thing)) return CC_BLASLT_INVALID_VALUE;
  if (wanted < 1 || !results || !found) return CC_BLASLT_INVALID_VALUE;
  *found = 0;
  if (fails("cublasLtMatmulAlgoGetHeuristic")) return CC_BLASLT_NOT_SUPPORTED;
  uint64_t m, n, k;
  if (int32_t bad = check(*o, *a, *b, *c, *d, m, n, k)) return bad;
  // Nothing is fast for addresses that are not even aligned to their elements.
  for (uint32_t x : p->alignment)
    if (x < bytes_of(a->type) && x < 8) return CC_BLASLT_NOT_SUPPORTED;
  const Choice choice = {kMagic, problem_of(*o, {a, b, c, d}), p->workspace < kWorkspace ? 0 : kWorkspace,
                         (uint64_t)p->alignment[0] | (uint64_t)p->alignment[1] << 16 | (uint64_t)p->alignment[2] << 32 | (uint64_t)p->alignment[3] << 48};
  memset(results, 0, sizeof *results);
  memcpy(&results->algorithm, &choice, sizeof choice);
  results->workspace_bytes = choice.workspace;
  results->waves = 1;
  *found = 1;
  return CC_BLASLT_SUCCESS;
}
API cublasLtMatmul(char *handle, Operation *o, const void *alpha, uint64_t a, BlasLtLayout *a_layout, uint64_t b, BlasLtLayout *b_layout, const void *beta, uint64_t c,
                   BlasLtLayout *c_layout, uint64_t d, BlasLtLayout *d_layout, const cc_blaslt_algorithm *algorithm, uint64_t workspace, size_t workspace_bytes, EmulatedStream *stream) {
  for (const void *thing : {(const void *)handle, (const void *)o, (const void *)a_layout, (const void *)b_layout, (const void *)c_layout, (const void *)d_layout})
    if (!is_live(thing)) return CC_BLASLT_INVALID_VALUE;
  if (!alpha || !beta || !a || !b || !c || !d) return CC_BLASLT_INVALID_VALUE;
  if (fails("cublasLtMatmul")) return CC_BLASLT_EXECUTION_FAILED;
  BlasLtProblem problem = {o->transposed[0] != CC_BLASLT_N, o->transposed[1] != CC_BLASLT_N, o->compute == CC_BLASLT_COMPUTE_TF32};
  if (int32_t bad = check(*o, *a_layout, *b_layout, *c_layout, *d_layout, problem.m, problem.n, problem.k)) return bad;
  uint64_t filled = 0;
  if (algorithm) {
    Choice choice;
    memcpy(&choice, algorithm, sizeof choice);
    if (choice.magic != kMagic || choice.problem != problem_of(*o, {a_layout, b_layout, c_layout, d_layout})) return CC_BLASLT_INVALID_VALUE;
    if (workspace_bytes < choice.workspace ||
        (choice.workspace && (!workspace || workspace % 16 || !is_allocated(workspace, workspace_bytes)))) return CC_BLASLT_INVALID_VALUE;
    if (a % (choice.alignments & 0xffff) || b % (choice.alignments >> 16 & 0xffff) || c % (choice.alignments >> 32 & 0xffff) || d % (choice.alignments >> 48)) return CC_BLASLT_INVALID_VALUE;
    filled = choice.workspace;
  }
  const size_t size = bytes_of(a_layout->type);
  const bool with_bias = o->epilogue == CC_BLASLT_EPILOGUE_BIAS;
  if (with_bias && (!o->bias || o->bias % size)) return CC_BLASLT_INVALID_VALUE;
  if (!is_allocated(a, extent(*a_layout) * size) || !is_allocated(b, extent(*b_layout) * size) ||
      !is_allocated(c, extent(*c_layout) * size) || !is_allocated(d, extent(*d_layout) * size) ||
      (with_bias && !is_allocated(o->bias, problem.m * size)))
    return CC_BLASLT_EXECUTION_FAILED;
  // Copies of all that may change before the stream comes to it.
  const size_t scale = bytes_of(o->scale);
  const std::string scalars[2] = {std::string((const char *)alpha, scale), std::string((const char *)beta, scale)};
  const BlasLtLayout al = *a_layout, bl = *b_layout, cl = *c_layout, dl = *d_layout;
  const uint64_t bias = with_bias ? o->bias : 0;
  return submit(stream, [=] {
    // Whoever reads it finds nonsense.
    if (filled) memset((void *)workspace, 0xff, filled);
    multiply_by_columns(problem, scalars[0].data(), (const void *)a, al, (const void *)b, bl, scalars[1].data(), (const void *)c, cl, (void *)d, dl, (const void *)bias);
    std::lock_guard<std::mutex> guard(lock);
    ++products;
    return (int32_t)kSuccess;
  });
}

uint64_t emulator_blaslt_products(void) {
  std::lock_guard<std::mutex> guard(lock);
  return products;
}
