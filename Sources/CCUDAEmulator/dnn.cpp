// Look-alike of cuDNN's graph API for convolutions: descriptors are bags of attributes, as strict as the real ones about kinds, types, counts, order and what is missing; executes
// by plain loops.
//
// Its engines are made to be chosen wrongly by whoever does not read their notes: the first that the heuristics offer repeats no bits or rounds too much, and adds 1 to each result.
#include "dnn.h"
#include "../CCUDA/include/cc_dnn.h"
#include "include/CCUDAEmulator.h"
#include "errors.h"
#include "memory.h"
#include "settings.h"
#include "stream.h"
#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <string.h>
#include <string>
#include <vector>

using namespace st_emulator;
#define EXPORTED extern "C" __attribute__((visibility("default")))
#define API EXPORTED int32_t

namespace {

// MARK: What there is

/// An attribute: of which kind of descriptor, type, how many, whether it must be set, and the kind of descriptor that it holds.
struct Rule { int32_t kind, attribute, type; int64_t least, most; bool required; int32_t part = -1; };
enum { of_operation = -2 };
const Rule rules[] = {
  {CC_DNN_TENSOR, CC_DNN_TENSOR_ID, CC_DNN_OF_INT64, 1, 1, true}, {CC_DNN_TENSOR, CC_DNN_TENSOR_DATA_TYPE, CC_DNN_OF_DATA_TYPE, 1, 1, true},
  {CC_DNN_TENSOR, CC_DNN_TENSOR_ALIGNMENT, CC_DNN_OF_INT64, 1, 1, true}, {CC_DNN_TENSOR, CC_DNN_TENSOR_DIMS, CC_DNN_OF_INT64, 1, 8, true},
  {CC_DNN_TENSOR, CC_DNN_TENSOR_STRIDES, CC_DNN_OF_INT64, 1, 8, true},
  {CC_DNN_CONVOLUTION, CC_DNN_CONVOLUTION_COMPUTE, CC_DNN_OF_DATA_TYPE, 1, 1, true}, {CC_DNN_CONVOLUTION, CC_DNN_CONVOLUTION_MODE, CC_DNN_OF_CONVOLUTION_MODE, 1, 1, true},
  {CC_DNN_CONVOLUTION, CC_DNN_CONVOLUTION_SPATIAL_DIMS, CC_DNN_OF_INT64, 1, 1, true}, {CC_DNN_CONVOLUTION, CC_DNN_CONVOLUTION_STRIDES, CC_DNN_OF_INT64, 1, 6, true},
  {CC_DNN_CONVOLUTION, CC_DNN_CONVOLUTION_DILATIONS, CC_DNN_OF_INT64, 1, 6, true}, {CC_DNN_CONVOLUTION, CC_DNN_CONVOLUTION_PRE_PADDINGS, CC_DNN_OF_INT64, 1, 6, true},
  {CC_DNN_CONVOLUTION, CC_DNN_CONVOLUTION_POST_PADDINGS, CC_DNN_OF_INT64, 1, 6, true},
  {CC_DNN_FORWARD, CC_DNN_FORWARD_ALPHA, CC_DNN_OF_FLOAT, 1, 1, true}, {CC_DNN_FORWARD, CC_DNN_FORWARD_BETA, CC_DNN_OF_FLOAT, 1, 1, true},
  {CC_DNN_FORWARD, CC_DNN_FORWARD_CONVOLUTION, CC_DNN_OF_DESCRIPTOR, 1, 1, true, CC_DNN_CONVOLUTION}, {CC_DNN_FORWARD, CC_DNN_FORWARD_W, CC_DNN_OF_DESCRIPTOR, 1, 1, true, CC_DNN_TENSOR},
  {CC_DNN_FORWARD, CC_DNN_FORWARD_X, CC_DNN_OF_DESCRIPTOR, 1, 1, true, CC_DNN_TENSOR}, {CC_DNN_FORWARD, CC_DNN_FORWARD_Y, CC_DNN_OF_DESCRIPTOR, 1, 1, true, CC_DNN_TENSOR},
  {CC_DNN_BACKWARD_DATA, CC_DNN_BACKWARD_DATA_ALPHA, CC_DNN_OF_FLOAT, 1, 1, true}, {CC_DNN_BACKWARD_DATA, CC_DNN_BACKWARD_DATA_BETA, CC_DNN_OF_FLOAT, 1, 1, true},
  {CC_DNN_BACKWARD_DATA, CC_DNN_BACKWARD_DATA_CONVOLUTION, CC_DNN_OF_DESCRIPTOR, 1, 1, true, CC_DNN_CONVOLUTION},
  {CC_DNN_BACKWARD_DATA, CC_DNN_BACKWARD_DATA_W, CC_DNN_OF_DESCRIPTOR, 1, 1, true, CC_DNN_TENSOR},
  {CC_DNN_BACKWARD_DATA, CC_DNN_BACKWARD_DATA_DX, CC_DNN_OF_DESCRIPTOR, 1, 1, true, CC_DNN_TENSOR},
  {CC_DNN_BACKWARD_DATA, CC_DNN_BACKWARD_DATA_DY, CC_DNN_OF_DESCRIPTOR, 1, 1, true, CC_DNN_TENSOR},
  {CC_DNN_BACKWARD_WEIGHT, CC_DNN_BACKWARD_WEIGHT_ALPHA, CC_DNN_OF_FLOAT, 1, 1, true}, {CC_DNN_BACKWARD_WEIGHT, CC_DNN_BACKWARD_WEIGHT_BETA, CC_DNN_OF_FLOAT, 1, 1, true},
  {CC_DNN_BACKWARD_WEIGHT, CC_DNN_BACKWARD_WEIGHT_CONVOLUTION, CC_DNN_OF_DESCRIPTOR, 1, 1, true, CC_DNN_CONVOLUTION},
  {CC_DNN_BACKWARD_WEIGHT, CC_DNN_BACKWARD_WEIGHT_DW, CC_DNN_OF_DESCRIPTOR, 1, 1, true, CC_DNN_TENSOR},
  {CC_DNN_BACKWARD_WEIGHT, CC_DNN_BACKWARD_WEIGHT_X, CC_DNN_OF_DESCRIPTOR, 1, 1, true, CC_DNN_TENSOR},
  {CC_DNN_BACKWARD_WEIGHT, CC_DNN_BACKWARD_WEIGHT_DY, CC_DNN_OF_DESCRIPTOR, 1, 1, true, CC_DNN_TENSOR},
  {CC_DNN_GRAPH, CC_DNN_GRAPH_HANDLE, CC_DNN_OF_HANDLE, 1, 1, false}, {CC_DNN_GRAPH, CC_DNN_GRAPH_OPERATIONS, CC_DNN_OF_DESCRIPTOR, 1, 64, true, of_operation},
  {CC_DNN_DEVICE, CC_DNN_DEVICE_JSON, CC_DNN_OF_CHAR, 2, 1 << 20, true},
  {CC_DNN_HEURISTIC, CC_DNN_HEURISTIC_GRAPH, CC_DNN_OF_DESCRIPTOR, 1, 1, true, CC_DNN_GRAPH}, {CC_DNN_HEURISTIC, CC_DNN_HEURISTIC_MODE, CC_DNN_OF_HEURISTIC_MODE, 1, 1, true},
  {CC_DNN_HEURISTIC, CC_DNN_HEURISTIC_DEVICE, CC_DNN_OF_DESCRIPTOR, 1, 1, false, CC_DNN_DEVICE},
  {CC_DNN_PLAN, CC_DNN_PLAN_HANDLE, CC_DNN_OF_HANDLE, 1, 1, false}, {CC_DNN_PLAN, CC_DNN_PLAN_ENGINE_CONFIG, CC_DNN_OF_DESCRIPTOR, 1, 1, true, CC_DNN_ENGINE_CONFIG},
  {CC_DNN_PLAN, CC_DNN_PLAN_DEVICE, CC_DNN_OF_DESCRIPTOR, 1, 1, false, CC_DNN_DEVICE},
  {CC_DNN_VARIANT_PACK, CC_DNN_VARIANT_PACK_IDS, CC_DNN_OF_INT64, 1, 64, true}, {CC_DNN_VARIANT_PACK, CC_DNN_VARIANT_PACK_POINTERS, CC_DNN_OF_POINTER, 1, 64, true},
  {CC_DNN_VARIANT_PACK, CC_DNN_VARIANT_PACK_WORKSPACE, CC_DNN_OF_POINTER, 1, 1, true},
};
size_t bytes_of_attribute(int32_t type) {
  switch (type) {
    case CC_DNN_OF_HANDLE: case CC_DNN_OF_INT64: case CC_DNN_OF_DOUBLE: case CC_DNN_OF_POINTER: case CC_DNN_OF_DESCRIPTOR: return 8;
    case CC_DNN_OF_CHAR: return 1;
    default: return 4;
  }
}
size_t bytes_of(int32_t type) { return type == CC_DNN_F32 ? 4 : type == CC_DNN_F16 || type == CC_DNN_BF16 ? 2 : 0; }

/// An engine for tensor cores does not do what a plain one does to float32.
struct Engine { std::vector<int32_t> notes, behavior; bool on_tensor_cores; size_t workspace; double error; bool fails; };
const Engine engines[] = {
  {{CC_DNN_NOTE_TENSOR_CORE, CC_DNN_NOTE_NONDETERMINISTIC}, {}, true, 0, 1, false},
  {{CC_DNN_NOTE_TENSOR_CORE, CC_DNN_NOTE_DOWN_CONVERT_INPUTS, CC_DNN_NOTE_REDUCED_PRECISION_REDUCTION}, {}, true, 0, 1, false},
  {{CC_DNN_NOTE_TENSOR_CORE}, {CC_DNN_NOTE_RUNTIME_COMPILATION}, true, 0, 1, false},
  {{CC_DNN_NOTE_TENSOR_CORE}, {}, true, 0, 1, true},
  {{CC_DNN_NOTE_TENSOR_CORE}, {}, true, 1 << 16, 0, false},
  {{}, {}, false, 0, 0, false},
};
const std::vector<int32_t> offered_first = {0, 1, 2, 3, 4}, offered_as_fallback = {0, 5};

// MARK: Descriptors

struct Descriptor;
typedef std::shared_ptr<const Descriptor> Part;
struct Attribute {
  int64_t count = 0;
  std::vector<uint8_t> bytes;
  std::vector<Part> parts;
};
struct Descriptor {
  int32_t kind;
  bool finalized = false;
  std::map<int32_t, Attribute> attributes;
  /// Of what cuDNN fills itself: a heuristic's offers, an engine's number and graph, a plan's problem.
  std::vector<int32_t> offers;
  int32_t engine = -1;
  Part graph;
  DNNProblem problem;

  bool has(int32_t a) const { return attributes.count(a) > 0; }
  template <class T> std::vector<T> all(int32_t a) const {
    auto found = attributes.find(a);
    if (found == attributes.end()) return {};
    std::vector<T> v(found->second.count);
    memcpy(v.data(), found->second.bytes.data(), v.size() * sizeof(T));
    return v;
  }
  template <class T> T one(int32_t a) const { return all<T>(a).at(0); }
  const Part &part(int32_t a) const { return attributes.at(a).parts.at(0); }
};
struct Handle { void *stream = nullptr; };

std::mutex lock;
uint64_t convolutions = 0, plans = 0;
std::map<void *, std::shared_ptr<Descriptor>> &descriptors() {
  static auto *m = new std::map<void *, std::shared_ptr<Descriptor>>;
  return *m;
}
std::map<void *, Handle> &handles() {
  static auto *m = new std::map<void *, Handle>;
  return *m;
}
thread_local std::string last_error;
int32_t refuse(int32_t status, const char *why) {
  last_error = why;
  return status;
}
bool fails(const char *function) { return settings.fail_dnn == function; }
bool is_operation(int32_t kind) { return kind == CC_DNN_FORWARD || kind == CC_DNN_BACKWARD_DATA || kind == CC_DNN_BACKWARD_WEIGHT; }
bool is_known(int32_t kind) {
  if (kind == CC_DNN_ENGINE || kind == CC_DNN_ENGINE_CONFIG) return true;
  return std::any_of(std::begin(rules), std::end(rules), [&](const Rule &r) { return r.kind == kind; });
}
const Rule *rule_of(int32_t kind, int32_t attribute) {
  for (const Rule &r : rules)
    if (r.kind == kind && r.attribute == attribute) return &r;
  return nullptr;
}

// MARK: Finalizing

int32_t finish_tensor(Descriptor &d) {
  const auto sizes = d.all<int64_t>(CC_DNN_TENSOR_DIMS), strides = d.all<int64_t>(CC_DNN_TENSOR_STRIDES);
  const int64_t alignment = d.one<int64_t>(CC_DNN_TENSOR_ALIGNMENT);
  const size_t size = bytes_of(d.one<int32_t>(CC_DNN_TENSOR_DATA_TYPE));
  if (!size) return refuse(CC_DNN_NOT_SUPPORTED, "data type");
  if (sizes.size() != strides.size()) return refuse(CC_DNN_BAD_PARAM, "as many strides as dims");
  if (alignment < (int64_t)size || (alignment & (alignment - 1))) return refuse(CC_DNN_BAD_PARAM, "alignment");
  for (size_t i = 0; i < sizes.size(); ++i)
    if (sizes[i] < 1 || strides[i] < 1) return refuse(CC_DNN_BAD_PARAM, "dims and strides are positive");
  return CC_DNN_SUCCESS;
}
int32_t finish_geometry(Descriptor &d) {
  const size_t n = (size_t)d.one<int64_t>(CC_DNN_CONVOLUTION_SPATIAL_DIMS);
  for (int32_t a : {CC_DNN_CONVOLUTION_STRIDES, CC_DNN_CONVOLUTION_DILATIONS, CC_DNN_CONVOLUTION_PRE_PADDINGS, CC_DNN_CONVOLUTION_POST_PADDINGS}) {
    const auto v = d.all<int64_t>(a);
    if (v.size() != n) return refuse(CC_DNN_BAD_PARAM, "a number for each spatial dim");
    const bool is_padding = a == CC_DNN_CONVOLUTION_PRE_PADDINGS || a == CC_DNN_CONVOLUTION_POST_PADDINGS;
    for (int64_t x : v)
      if (x < (is_padding ? 0 : 1)) return refuse(CC_DNN_BAD_PARAM, "strides and dilations are positive, paddings not negative");
  }
  if (d.one<int32_t>(CC_DNN_CONVOLUTION_COMPUTE) != CC_DNN_F32) return refuse(CC_DNN_NOT_SUPPORTED, "compute type");
  if (d.one<int32_t>(CC_DNN_CONVOLUTION_MODE) != CC_DNN_CROSS_CORRELATION) return refuse(CC_DNN_NOT_SUPPORTED, "convolution mode");
  return CC_DNN_SUCCESS;
}
DNNTensor tensor_of(const Descriptor &d) {
  DNNTensor t;
  t.type = d.one<int32_t>(CC_DNN_TENSOR_DATA_TYPE);
  t.id = d.one<int64_t>(CC_DNN_TENSOR_ID);
  t.alignment = d.one<int64_t>(CC_DNN_TENSOR_ALIGNMENT);
  const auto sizes = d.all<int64_t>(CC_DNN_TENSOR_DIMS), strides = d.all<int64_t>(CC_DNN_TENSOR_STRIDES);
  for (size_t i = 0; i < sizes.size(); ++i) {
    const size_t to = i < 2 ? i : i + 5 - sizes.size();
    t.sizes[to] = sizes[i];
    t.strides[to] = strides[i];
  }
  return t;
}
/// Whether no two positions of a tensor share an element.
bool is_plain(const DNNTensor &t) {
  std::vector<std::pair<int64_t, int64_t>> dims;
  for (int d = 0; d < 5; ++d)
    if (t.sizes[d] > 1) dims.push_back({t.strides[d], t.sizes[d]});
  std::sort(dims.begin(), dims.end());
  int64_t reach = 1;
  for (auto [stride, size] : dims) {
    if (stride < reach) return false;
    reach += (size - 1) * stride;
  }
  return true;
}
int32_t finish_operation(Descriptor &d) {
  DNNProblem &p = d.problem;
  p.product = d.kind;
  const int32_t base = d.kind == CC_DNN_FORWARD ? CC_DNN_FORWARD_ALPHA : d.kind == CC_DNN_BACKWARD_DATA ? CC_DNN_BACKWARD_DATA_ALPHA : CC_DNN_BACKWARD_WEIGHT_ALPHA;
  const Descriptor &geometry = *d.part(base + 2), *tensors[3];
  for (int i = 0; i < 3; ++i) {
    // In the order w, x, y.
    tensors[i] = d.part(base + 3 + i).get();
    const size_t rank = tensors[i]->all<int64_t>(CC_DNN_TENSOR_DIMS).size();
    if (rank != (size_t)geometry.one<int64_t>(CC_DNN_CONVOLUTION_SPATIAL_DIMS) + 2) return refuse(CC_DNN_BAD_PARAM, "rank of a tensor");
    if (rank != 4 && rank != 5) return refuse(CC_DNN_NOT_SUPPORTED, "only 2 or 3 spatial dims");
  }
  p.w = tensor_of(*tensors[0]);
  p.x = tensor_of(*tensors[1]);
  p.y = tensor_of(*tensors[2]);
  if (p.w.type != p.x.type || p.x.type != p.y.type) return refuse(CC_DNN_NOT_SUPPORTED, "types that differ");
  if (p.w.id == p.x.id || p.x.id == p.y.id || p.w.id == p.y.id) return refuse(CC_DNN_BAD_PARAM, "an identifier twice");
  if (d.one<float>(base) != 1 || d.one<float>(base + 1) != 0) return refuse(CC_DNN_NOT_SUPPORTED, "alpha and beta");
  const auto stride = geometry.all<int64_t>(CC_DNN_CONVOLUTION_STRIDES), dilation = geometry.all<int64_t>(CC_DNN_CONVOLUTION_DILATIONS);
  const auto before = geometry.all<int64_t>(CC_DNN_CONVOLUTION_PRE_PADDINGS), after = geometry.all<int64_t>(CC_DNN_CONVOLUTION_POST_PADDINGS);
  const size_t n = stride.size();
  for (size_t i = 0; i < n; ++i) {
    const size_t to = i + 3 - n;
    p.stride[to] = stride[i], p.dilation[to] = dilation[i], p.padding[to] = before[i];
    const int64_t padded = p.x.sizes[to + 2] + before[i] + after[i], extent = (p.w.sizes[to + 2] - 1) * dilation[i] + 1;
    if (padded < extent || (padded - extent) / stride[i] + 1 != p.y.sizes[to + 2]) return refuse(CC_DNN_BAD_PARAM_SHAPE_MISMATCH, "size of a result's dim");
  }
  if (p.x.sizes[0] != p.y.sizes[0] || p.y.sizes[1] != p.w.sizes[0] || p.x.sizes[1] % p.w.sizes[1] || p.w.sizes[0] % (p.x.sizes[1] / p.w.sizes[1]))
    return refuse(CC_DNN_BAD_PARAM_SHAPE_MISMATCH, "batch, channels or groups");
  for (const DNNTensor *t : {&p.x, &p.w, &p.y})
    if (!is_plain(*t)) return refuse(CC_DNN_NOT_SUPPORTED, "a tensor that overlaps itself");
  return CC_DNN_SUCCESS;
}
bool has_device(const Descriptor &d, int32_t attribute, const Descriptor &graph) { return d.has(attribute) || graph.has(CC_DNN_GRAPH_HANDLE); }
int32_t finish_plan(Descriptor &d) {
  const Descriptor &config = *d.part(CC_DNN_PLAN_ENGINE_CONFIG);
  if (d.has(CC_DNN_PLAN_HANDLE) == d.has(CC_DNN_PLAN_DEVICE)) return refuse(CC_DNN_BAD_PARAM, "a plan is for a handle or for a described device");
  if (d.has(CC_DNN_PLAN_HANDLE)) {
    void *handle = d.one<void *>(CC_DNN_PLAN_HANDLE);
    if (!handles().count(handle)) return refuse(CC_DNN_BAD_PARAM, "no such handle");
    if (!config.graph->has(CC_DNN_GRAPH_HANDLE) || config.graph->one<void *>(CC_DNN_GRAPH_HANDLE) != handle) return refuse(CC_DNN_BAD_PARAM, "the graph's handle is another one");
  }
  const Engine &engine = engines[config.engine];
  if (engine.fails || fails("cudnnBackendFinalize")) return refuse(CC_DNN_NOT_SUPPORTED, "this engine can not do it after all");
  d.engine = config.engine;
  d.problem = config.graph->part(CC_DNN_GRAPH_OPERATIONS)->problem;
  d.problem.tf32 = engine.on_tensor_cores && d.problem.x.type == CC_DNN_F32;
  d.problem.error = engine.error;
  ++plans;
  return CC_DNN_SUCCESS;
}
int32_t finish(Descriptor &d) {
  for (const Rule &r : rules)
    if (r.kind == d.kind && r.required && !d.has(r.attribute)) return refuse(CC_DNN_BAD_PARAM, "an attribute is missing");
  switch (d.kind) {
    case CC_DNN_TENSOR: return finish_tensor(d);
    case CC_DNN_CONVOLUTION: return finish_geometry(d);
    case CC_DNN_FORWARD: case CC_DNN_BACKWARD_DATA: case CC_DNN_BACKWARD_WEIGHT: return finish_operation(d);
    case CC_DNN_GRAPH: return d.attributes[CC_DNN_GRAPH_OPERATIONS].count == 1 ? CC_DNN_SUCCESS : refuse(CC_DNN_NOT_SUPPORTED, "more than one operation");
    case CC_DNN_DEVICE: {
      const auto text = d.all<char>(CC_DNN_DEVICE_JSON);
      const std::string json(text.begin(), text.end());
      for (const char *key : {"\"deviceVer\"", "\"multiProcessorCount\"", "\"maxGridSize\""})
        if (json.find(key) == std::string::npos) return refuse(CC_DNN_BAD_PARAM, "a key of the description is missing");
      return CC_DNN_SUCCESS;
    }
    case CC_DNN_HEURISTIC: {
      if (!has_device(d, CC_DNN_HEURISTIC_DEVICE, *d.part(CC_DNN_HEURISTIC_GRAPH))) return refuse(CC_DNN_BAD_PARAM, "neither a handle nor a described device");
      const int32_t mode = d.one<int32_t>(CC_DNN_HEURISTIC_MODE);
      if (mode != CC_DNN_HEURISTIC_A && mode != CC_DNN_HEURISTIC_FALLBACK) return refuse(CC_DNN_NOT_SUPPORTED, "mode");
      d.offers = mode == CC_DNN_HEURISTIC_A ? offered_first : offered_as_fallback;
      d.graph = d.part(CC_DNN_HEURISTIC_GRAPH);
      return CC_DNN_SUCCESS;
    }
    case CC_DNN_PLAN: return finish_plan(d);
    case CC_DNN_VARIANT_PACK:
      return d.attributes[CC_DNN_VARIANT_PACK_IDS].count == d.attributes[CC_DNN_VARIANT_PACK_POINTERS].count ? CC_DNN_SUCCESS
                                                                                                          : refuse(CC_DNN_BAD_PARAM, "as many pointers as identifiers");
    // cuDNN makes these itself.
    default: return refuse(CC_DNN_BAD_PARAM, "this kind of descriptor is filled by cudnnBackendGetAttribute");
  }
}

/// Fills descriptors that the caller made: engine configurations of a heuristic, or the engine of a configuration.
int32_t give_parts(const Descriptor &d, int32_t kind, const std::vector<int32_t> &numbers, int64_t capacity, int64_t *count, void *elements) {
  if (capacity == 0) {
    *count = (int64_t)numbers.size();
    return CC_DNN_SUCCESS;
  }
  if (!elements) return refuse(CC_DNN_BAD_PARAM_NULL_POINTER, "elements");
  *count = std::min(capacity, (int64_t)numbers.size());
  for (int64_t i = 0; i < *count; ++i) {
    auto found = descriptors().find(((void **)elements)[i]);
    if (found == descriptors().end() || found->second->kind != kind || found->second->finalized) return refuse(CC_DNN_BAD_PARAM, "elements are new descriptors of the right kind");
    Descriptor &part = *found->second;
    part.engine = numbers[i];
    part.graph = d.graph;
    part.finalized = true;
  }
  return CC_DNN_SUCCESS;
}
template <class T> int32_t give(const std::vector<T> &values, int32_t type, int32_t wanted, int64_t capacity, int64_t *count, void *elements) {
  if (type != wanted) return refuse(CC_DNN_BAD_PARAM_ATTRIBUTE_TYPE, "type of an attribute");
  *count = (int64_t)values.size();
  if (capacity > 0 && !elements) return refuse(CC_DNN_BAD_PARAM_NULL_POINTER, "elements");
  memcpy(elements, values.data(), std::min((size_t)capacity, values.size()) * sizeof(T));
  return CC_DNN_SUCCESS;
}

}  // namespace

// MARK: Functions

EXPORTED size_t cudnnGetVersion(void) { return 91900; }
EXPORTED size_t cudnnGetCudartVersion(void) { return 13000; }
EXPORTED const char *cudnnGetErrorString(int32_t status) {
  switch (status) {
    case CC_DNN_SUCCESS: return "CUDNN_STATUS_SUCCESS";
    case CC_DNN_NOT_INITIALIZED: return "CUDNN_STATUS_NOT_INITIALIZED";
    case CC_DNN_EXECUTION_FAILED: return "CUDNN_STATUS_EXECUTION_FAILED";
    case CC_DNN_NOT_SUPPORTED: return "CUDNN_STATUS_NOT_SUPPORTED";
    case CC_DNN_BAD_PARAM_SHAPE_MISMATCH: return "CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH";
    default: return "CUDNN_STATUS_BAD_PARAM";
  }
}
EXPORTED void cudnnGetLastErrorString(char *text, size_t bytes) {
  if (!bytes) return;
  const size_t n = std::min(bytes - 1, last_error.size());
  memcpy(text, last_error.data(), n);
  text[n] = 0;
}
API cudnnCreate(void **handle) {
  if (!handle) return refuse(CC_DNN_BAD_PARAM_NULL_POINTER, "handle");
  if (fails("cudnnCreate")) return refuse(CC_DNN_NOT_INITIALIZED, "no device can be used");
  std::lock_guard<std::mutex> guard(lock);
  handles()[*handle = new char] = Handle();
  return CC_DNN_SUCCESS;
}
API cudnnDestroy(void *handle) {
  std::lock_guard<std::mutex> guard(lock);
  if (!handles().erase(handle)) return refuse(CC_DNN_BAD_PARAM, "no such handle");
  delete (char *)handle;
  return CC_DNN_SUCCESS;
}
API cudnnSetStream(void *handle, void *stream) {
  std::lock_guard<std::mutex> guard(lock);
  auto found = handles().find(handle);
  if (found == handles().end()) return refuse(CC_DNN_BAD_PARAM, "no such handle");
  found->second.stream = stream;
  return CC_DNN_SUCCESS;
}
API cudnnBackendCreateDescriptor(int32_t kind, void **descriptor) {
  if (!descriptor) return refuse(CC_DNN_BAD_PARAM_NULL_POINTER, "descriptor");
  if (!is_known(kind)) return refuse(CC_DNN_NOT_SUPPORTED, "kind of descriptor");
  std::lock_guard<std::mutex> guard(lock);
  auto made = std::make_shared<Descriptor>();
  made->kind = kind;
  descriptors()[*descriptor = new char] = made;
  return CC_DNN_SUCCESS;
}
API cudnnBackendDestroyDescriptor(void *descriptor) {
  std::lock_guard<std::mutex> guard(lock);
  if (!descriptors().erase(descriptor)) return refuse(CC_DNN_BAD_PARAM, "no such descriptor");
  delete (char *)descriptor;
  return CC_DNN_SUCCESS;
}
API cudnnBackendSetAttribute(void *descriptor, int32_t attribute, int32_t type, int64_t count, const void *elements) {
  std::lock_guard<std::mutex> guard(lock);
  auto found = descriptors().find(descriptor);
  if (found == descriptors().end() || !elements) return refuse(CC_DNN_BAD_PARAM_NULL_POINTER, "descriptor or elements");
  Descriptor &d = *found->second;
  if (d.finalized) return refuse(CC_DNN_BAD_PARAM, "a finalized descriptor does not change");
  const Rule *rule = rule_of(d.kind, attribute);
  if (!rule) return refuse(CC_DNN_BAD_PARAM, "this kind of descriptor has no such attribute");
  if (type != rule->type) return refuse(CC_DNN_BAD_PARAM_ATTRIBUTE_TYPE, "type of an attribute");
  if (count < rule->least || count > rule->most) return refuse(CC_DNN_BAD_PARAM_OUT_OF_BOUND, "number of elements");
  Attribute a;
  a.count = count;
  if (type == CC_DNN_OF_DESCRIPTOR) {
    for (int64_t i = 0; i < count; ++i) {
      auto part = descriptors().find(((void *const *)elements)[i]);
      if (part == descriptors().end()) return refuse(CC_DNN_BAD_PARAM_NULL_POINTER, "no such descriptor");
      if (!part->second->finalized) return refuse(CC_DNN_BAD_PARAM_NOT_FINALIZED, "a part that is not finalized");
      if (rule->part == of_operation ? !is_operation(part->second->kind) : part->second->kind != rule->part) return refuse(CC_DNN_BAD_PARAM_DESCRIPTOR_TYPE, "kind of a part");
      a.parts.push_back(part->second);
    }
  } else {
    a.bytes.assign((const uint8_t *)elements, (const uint8_t *)elements + (size_t)count * bytes_of_attribute(type));
  }
  d.attributes[attribute] = std::move(a);
  return CC_DNN_SUCCESS;
}
API cudnnBackendFinalize(void *descriptor) {
  std::lock_guard<std::mutex> guard(lock);
  auto found = descriptors().find(descriptor);
  if (found == descriptors().end()) return refuse(CC_DNN_BAD_PARAM_NULL_POINTER, "descriptor");
  if (found->second->finalized) return refuse(CC_DNN_BAD_PARAM, "finalized already");
  const int32_t status = finish(*found->second);
  found->second->finalized = status == CC_DNN_SUCCESS;
  return status;
}
API cudnnBackendGetAttribute(void *descriptor, int32_t attribute, int32_t type, int64_t capacity, int64_t *count, void *elements) {
  std::lock_guard<std::mutex> guard(lock);
  int64_t ignored;
  if (!count) count = &ignored;
  auto found = descriptors().find(descriptor);
  if (found == descriptors().end()) return refuse(CC_DNN_BAD_PARAM_NULL_POINTER, "descriptor");
  const Descriptor &d = *found->second;
  if (!d.finalized) return refuse(CC_DNN_BAD_PARAM_NOT_FINALIZED, "a descriptor that is not finalized");
  if (capacity < 0) return refuse(CC_DNN_BAD_PARAM_OUT_OF_BOUND, "number of elements");
  switch (attribute) {
    case CC_DNN_HEURISTIC_RESULTS: case CC_DNN_ENGINE_CONFIG_ENGINE: {
      const bool results = attribute == CC_DNN_HEURISTIC_RESULTS;
      if (d.kind != (results ? CC_DNN_HEURISTIC : CC_DNN_ENGINE_CONFIG)) break;
      if (type != CC_DNN_OF_DESCRIPTOR) return refuse(CC_DNN_BAD_PARAM_ATTRIBUTE_TYPE, "type of an attribute");
      return give_parts(d, results ? CC_DNN_ENGINE_CONFIG : CC_DNN_ENGINE, results ? d.offers : std::vector<int32_t>{d.engine}, capacity, count, elements);
    }
    case CC_DNN_ENGINE_NUMERICAL_NOTES:
      if (d.kind == CC_DNN_ENGINE) return give(engines[d.engine].notes, type, CC_DNN_OF_NUMERICAL_NOTE, capacity, count, elements);
      break;
    case CC_DNN_ENGINE_BEHAVIOR_NOTES:
      if (d.kind == CC_DNN_ENGINE) return give(engines[d.engine].behavior, type, CC_DNN_OF_BEHAVIOR_NOTE, capacity, count, elements);
      break;
    case CC_DNN_PLAN_WORKSPACE_SIZE:
      if (d.kind == CC_DNN_PLAN) return give(std::vector<int64_t>{(int64_t)engines[d.engine].workspace}, type, CC_DNN_OF_INT64, capacity, count, elements);
      break;
  }
  return refuse(CC_DNN_BAD_PARAM, "this kind of descriptor has no such attribute to read");
}
API cudnnBackendExecute(void *handle, void *plan, void *pack) {
  std::lock_guard<std::mutex> guard(lock);
  if (fails("cudnnBackendExecute")) return refuse(CC_DNN_EXECUTION_FAILED, "the kernel did not run");
  auto p = descriptors().find(plan), v = descriptors().find(pack);
  if (!handles().count(handle) || p == descriptors().end() || v == descriptors().end()) return refuse(CC_DNN_BAD_PARAM_NULL_POINTER, "handle, plan or variant pack");
  const Descriptor &made = *p->second, &given = *v->second;
  if (made.kind != CC_DNN_PLAN || given.kind != CC_DNN_VARIANT_PACK) return refuse(CC_DNN_BAD_PARAM_DESCRIPTOR_TYPE, "plan or variant pack");
  if (!made.finalized || !given.finalized) return refuse(CC_DNN_BAD_PARAM_NOT_FINALIZED, "plan or variant pack");
  if (!made.has(CC_DNN_PLAN_HANDLE) || made.one<void *>(CC_DNN_PLAN_HANDLE) != handle) return refuse(CC_DNN_BAD_PARAM, "the plan is not this handle's");
  const auto ids = given.all<int64_t>(CC_DNN_VARIANT_PACK_IDS);
  const auto pointers = given.all<uint64_t>(CC_DNN_VARIANT_PACK_POINTERS);
  const DNNProblem problem = made.problem;
  uint64_t address[3] = {};
  const DNNTensor *tensors[3] = {&problem.x, &problem.w, &problem.y};
  for (int i = 0; i < 3; ++i) {
    const DNNTensor &t = *tensors[i];
    const auto at = std::find(ids.begin(), ids.end(), t.id);
    if (at == ids.end()) return refuse(CC_DNN_BAD_PARAM, "a tensor has no pointer");
    address[i] = pointers[at - ids.begin()];
    if (!address[i]) return refuse(CC_DNN_BAD_PARAM_NULL_POINTER, "a tensor's pointer");
    if (address[i] % (uint64_t)t.alignment) return refuse(CC_DNN_BAD_PARAM_MISALIGNED_POINTER, "a tensor's pointer is aligned to less than was said");
    int64_t reach = 1;
    for (int d = 0; d < 5; ++d) reach += (t.sizes[d] - 1) * t.strides[d];
    if (!is_allocated(address[i], (size_t)reach * bytes_of(t.type))) return refuse(CC_DNN_EXECUTION_FAILED, "a tensor is not in the device's memory");
  }
  if (ids.size() != 3) return refuse(CC_DNN_BAD_PARAM, "a pointer of no tensor");
  const uint64_t workspace = given.one<uint64_t>(CC_DNN_VARIANT_PACK_WORKSPACE);
  const size_t workspace_bytes = engines[made.engine].workspace;
  if (workspace_bytes && (!workspace || workspace % 16 || !is_allocated(workspace, workspace_bytes))) return refuse(CC_DNN_BAD_PARAM, "workspace");
  // Everything by value.
  submit((EmulatedStream *)handles().at(handle).stream, [problem, x = address[0], w = address[1], y = address[2], workspace, workspace_bytes] {
    // Whoever reads it finds nonsense.
    if (workspace_bytes) memset((void *)workspace, 0xff, workspace_bytes);
    convolve(problem, x, w, y);
    return (int32_t)kSuccess;
  });
  ++convolutions;
  return CC_DNN_SUCCESS;
}

uint64_t emulator_dnn_convolutions(void) {
  std::lock_guard<std::mutex> guard(lock);
  return convolutions;
}
uint64_t emulator_dnn_plans(void) {
  std::lock_guard<std::mutex> guard(lock);
  return plans;
}
uint64_t emulator_dnn_descriptors(void) {
  std::lock_guard<std::mutex> guard(lock);
  return descriptors().size();
}
