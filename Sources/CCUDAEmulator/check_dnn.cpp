// The look-alike of cuDNN convolves and refuses what the real one refuses.
#include "../CCUDA/include/cc_dnn.h"
#include "check.h"

extern "C" {
#define DECLARE(name, symbol, parameters) int32_t name parameters;
CC_DNN_REQUIRED(DECLARE)
}

namespace st_emulator {

static void expect(int32_t got, int32_t wanted, const char *what) {
  if (got != wanted) fail("%s gave %d instead of %d", what, got, wanted);
}
static cc_dnn_descriptor make(int32_t kind) {
  cc_dnn_descriptor d = nullptr;
  expect(cudnnBackendCreateDescriptor(kind, &d), CC_DNN_SUCCESS, "cudnnBackendCreateDescriptor");
  return d;
}
static int32_t set(cc_dnn_descriptor d, int32_t attribute, int32_t type, const std::vector<int64_t> &v) { return cudnnBackendSetAttribute(d, attribute, type, (int64_t)v.size(), v.data()); }
static int32_t set32(cc_dnn_descriptor d, int32_t attribute, int32_t type, int32_t v) { return cudnnBackendSetAttribute(d, attribute, type, 1, &v); }
static int32_t set_part(cc_dnn_descriptor d, int32_t attribute, cc_dnn_descriptor part) { return cudnnBackendSetAttribute(d, attribute, CC_DNN_OF_DESCRIPTOR, 1, &part); }
static cc_dnn_descriptor tensor(int64_t id, const std::vector<int64_t> &sizes) {
  cc_dnn_descriptor d = make(CC_DNN_TENSOR);
  std::vector<int64_t> strides(sizes.size(), 1);
  for (size_t i = sizes.size() - 1; i > 0; --i) strides[i - 1] = strides[i] * sizes[i];
  expect(set(d, CC_DNN_TENSOR_ID, CC_DNN_OF_INT64, {id}), CC_DNN_SUCCESS, "id");
  expect(set32(d, CC_DNN_TENSOR_DATA_TYPE, CC_DNN_OF_DATA_TYPE, CC_DNN_F32), CC_DNN_SUCCESS, "data type");
  expect(set(d, CC_DNN_TENSOR_DIMS, CC_DNN_OF_INT64, sizes), CC_DNN_SUCCESS, "dims");
  expect(cudnnBackendFinalize(d), CC_DNN_BAD_PARAM, "a tensor without strides");
  expect(set(d, CC_DNN_TENSOR_STRIDES, CC_DNN_OF_INT64, strides), CC_DNN_SUCCESS, "strides");
  expect(set(d, CC_DNN_TENSOR_ALIGNMENT, CC_DNN_OF_INT64, {16}), CC_DNN_SUCCESS, "alignment");
  expect(cudnnBackendFinalize(d), CC_DNN_SUCCESS, "tensor");
  return d;
}

ST_CHECK(dnn) {
  cc_dnn_handle handle = nullptr;
  expect(cudnnCreate(&handle), CC_DNN_SUCCESS, "cudnnCreate");
  expect(cudnnSetStream(handle, nullptr), CC_DNN_SUCCESS, "cudnnSetStream");
  cc_dnn_descriptor none = nullptr;
  expect(cudnnBackendCreateDescriptor(99, &none), CC_DNN_NOT_SUPPORTED, "an unknown kind");
  // y[1, 1, 2, 2] from x[1, 1, 3, 3] and w[1, 1, 2, 2].
  const cc_dnn_descriptor x = tensor(1, {1, 1, 3, 3}), w = tensor(2, {1, 1, 2, 2}), y = tensor(3, {1, 1, 2, 2}), wrong = tensor(4, {1, 1, 3, 2});
  expect(set(x, CC_DNN_TENSOR_ID, CC_DNN_OF_INT64, {9}), CC_DNN_BAD_PARAM, "a finalized descriptor");
  const cc_dnn_descriptor geometry = make(CC_DNN_CONVOLUTION);
  expect(set32(geometry, CC_DNN_CONVOLUTION_COMPUTE, CC_DNN_OF_DATA_TYPE, CC_DNN_F32), CC_DNN_SUCCESS, "compute type");
  expect(set32(geometry, CC_DNN_CONVOLUTION_MODE, CC_DNN_OF_INT64, 1), CC_DNN_BAD_PARAM_ATTRIBUTE_TYPE, "an attribute of another type");
  expect(set32(geometry, CC_DNN_CONVOLUTION_MODE, CC_DNN_OF_CONVOLUTION_MODE, CC_DNN_CROSS_CORRELATION), CC_DNN_SUCCESS, "mode");
  expect(set(geometry, CC_DNN_CONVOLUTION_SPATIAL_DIMS, CC_DNN_OF_INT64, {2, 2}), CC_DNN_BAD_PARAM_OUT_OF_BOUND, "too many numbers");
  expect(set(geometry, CC_DNN_TENSOR_DIMS, CC_DNN_OF_INT64, {2}), CC_DNN_BAD_PARAM, "an attribute of another kind of descriptor");
  expect(set(geometry, CC_DNN_CONVOLUTION_SPATIAL_DIMS, CC_DNN_OF_INT64, {2}), CC_DNN_SUCCESS, "spatial dims");
  for (int32_t a : {CC_DNN_CONVOLUTION_STRIDES, CC_DNN_CONVOLUTION_DILATIONS}) expect(set(geometry, a, CC_DNN_OF_INT64, {1, 1}), CC_DNN_SUCCESS, "strides and dilations");
  expect(set(geometry, CC_DNN_CONVOLUTION_PRE_PADDINGS, CC_DNN_OF_INT64, {0, 0}), CC_DNN_SUCCESS, "paddings");
  expect(cudnnBackendFinalize(geometry), CC_DNN_BAD_PARAM, "a missing attribute");
  expect(set(geometry, CC_DNN_CONVOLUTION_POST_PADDINGS, CC_DNN_OF_INT64, {0, 0}), CC_DNN_SUCCESS, "paddings");
  const cc_dnn_descriptor operation = make(CC_DNN_FORWARD);
  expect(set_part(operation, CC_DNN_FORWARD_CONVOLUTION, geometry), CC_DNN_BAD_PARAM_NOT_FINALIZED, "a part that is not finalized");
  expect(cudnnBackendFinalize(geometry), CC_DNN_SUCCESS, "geometry");
  expect(set_part(operation, CC_DNN_FORWARD_CONVOLUTION, x), CC_DNN_BAD_PARAM_DESCRIPTOR_TYPE, "a part of another kind");
  expect(set_part(operation, CC_DNN_FORWARD_CONVOLUTION, geometry), CC_DNN_SUCCESS, "geometry of the operation");
  const float one = 1, zero = 0;
  expect(cudnnBackendSetAttribute(operation, CC_DNN_FORWARD_ALPHA, CC_DNN_OF_FLOAT, 1, &one), CC_DNN_SUCCESS, "alpha");
  expect(cudnnBackendSetAttribute(operation, CC_DNN_FORWARD_BETA, CC_DNN_OF_FLOAT, 1, &zero), CC_DNN_SUCCESS, "beta");
  expect(set_part(operation, CC_DNN_FORWARD_X, x), CC_DNN_SUCCESS, "x");
  expect(set_part(operation, CC_DNN_FORWARD_W, w), CC_DNN_SUCCESS, "w");
  expect(set_part(operation, CC_DNN_FORWARD_Y, wrong), CC_DNN_SUCCESS, "y");
  expect(cudnnBackendFinalize(operation), CC_DNN_BAD_PARAM_SHAPE_MISMATCH, "sizes that do not fit");
  expect(set_part(operation, CC_DNN_FORWARD_Y, y), CC_DNN_SUCCESS, "y");
  expect(cudnnBackendFinalize(operation), CC_DNN_SUCCESS, "operation");
  const cc_dnn_descriptor graph = make(CC_DNN_GRAPH), lonely = make(CC_DNN_GRAPH);
  expect(set_part(lonely, CC_DNN_GRAPH_OPERATIONS, operation), CC_DNN_SUCCESS, "operations");
  expect(cudnnBackendFinalize(lonely), CC_DNN_SUCCESS, "a graph without a handle");
  expect(set_part(graph, CC_DNN_GRAPH_OPERATIONS, operation), CC_DNN_SUCCESS, "operations");
  expect(cudnnBackendSetAttribute(graph, CC_DNN_GRAPH_HANDLE, CC_DNN_OF_HANDLE, 1, &handle), CC_DNN_SUCCESS, "handle of the graph");
  expect(cudnnBackendFinalize(graph), CC_DNN_SUCCESS, "graph");
  const cc_dnn_descriptor heuristic = make(CC_DNN_HEURISTIC), lost = make(CC_DNN_HEURISTIC);
  expect(set_part(lost, CC_DNN_HEURISTIC_GRAPH, lonely), CC_DNN_SUCCESS, "graph of the heuristic");
  expect(set32(lost, CC_DNN_HEURISTIC_MODE, CC_DNN_OF_HEURISTIC_MODE, CC_DNN_HEURISTIC_A), CC_DNN_SUCCESS, "mode");
  expect(cudnnBackendFinalize(lost), CC_DNN_BAD_PARAM, "neither handle nor device");
  expect(set_part(heuristic, CC_DNN_HEURISTIC_GRAPH, graph), CC_DNN_SUCCESS, "graph of the heuristic");
  expect(set32(heuristic, CC_DNN_HEURISTIC_MODE, CC_DNN_OF_HEURISTIC_MODE, CC_DNN_HEURISTIC_FALLBACK), CC_DNN_SUCCESS, "mode");
  expect(cudnnBackendFinalize(heuristic), CC_DNN_SUCCESS, "heuristic");
  int64_t count = 0;
  expect(cudnnBackendGetAttribute(heuristic, CC_DNN_HEURISTIC_RESULTS, CC_DNN_OF_DESCRIPTOR, 0, &count, nullptr), CC_DNN_SUCCESS, "number of results");
  if (count != 2) fail("%d results", (int)count);
  cc_dnn_descriptor configs[2] = {make(CC_DNN_ENGINE_CONFIG), x}, engine = make(CC_DNN_ENGINE);
  expect(cudnnBackendGetAttribute(heuristic, CC_DNN_HEURISTIC_RESULTS, CC_DNN_OF_DESCRIPTOR, 2, &count, configs), CC_DNN_BAD_PARAM, "results into something else");
  configs[0] = make(CC_DNN_ENGINE_CONFIG), configs[1] = make(CC_DNN_ENGINE_CONFIG);
  expect(cudnnBackendGetAttribute(heuristic, CC_DNN_HEURISTIC_RESULTS, CC_DNN_OF_DESCRIPTOR, 2, &count, configs), CC_DNN_SUCCESS, "results");
  expect(cudnnBackendGetAttribute(configs[0], CC_DNN_ENGINE_CONFIG_ENGINE, CC_DNN_OF_DESCRIPTOR, 1, &count, &engine), CC_DNN_SUCCESS, "engine");
  int32_t notes[CC_DNN_NOTE_COUNT] = {};
  expect(cudnnBackendGetAttribute(engine, CC_DNN_ENGINE_NUMERICAL_NOTES, CC_DNN_OF_INT64, CC_DNN_NOTE_COUNT, &count, notes), CC_DNN_BAD_PARAM_ATTRIBUTE_TYPE, "notes of another type");
  expect(cudnnBackendGetAttribute(engine, CC_DNN_ENGINE_NUMERICAL_NOTES, CC_DNN_OF_NUMERICAL_NOTE, CC_DNN_NOTE_COUNT, &count, notes), CC_DNN_SUCCESS, "notes");
  if (count != 2 || notes[1] != CC_DNN_NOTE_NONDETERMINISTIC) fail("%d notes", (int)count);
  const cc_dnn_descriptor plan = make(CC_DNN_PLAN), pack = make(CC_DNN_VARIANT_PACK);
  expect(set_part(plan, CC_DNN_PLAN_ENGINE_CONFIG, configs[1]), CC_DNN_SUCCESS, "configuration");
  expect(cudnnBackendFinalize(plan), CC_DNN_BAD_PARAM, "a plan without a handle");
  expect(cudnnBackendSetAttribute(plan, CC_DNN_PLAN_HANDLE, CC_DNN_OF_HANDLE, 1, &handle), CC_DNN_SUCCESS, "handle of the plan");
  expect(cudnnBackendFinalize(plan), CC_DNN_SUCCESS, "plan");
  int64_t bytes = -1;
  expect(cudnnBackendGetAttribute(plan, CC_DNN_PLAN_WORKSPACE_SIZE, CC_DNN_OF_INT64, 1, &count, &bytes), CC_DNN_SUCCESS, "workspace");
  if (bytes != 0) fail("%d bytes of workspace", (int)bytes);
  Buffer bx(std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8, 9}), bw(std::vector<float>{1, 10, 100, 1000}), by(4 * sizeof(float));
  auto execute = [&](std::vector<int64_t> ids, std::vector<int64_t> pointers) {
    const cc_dnn_descriptor p = make(CC_DNN_VARIANT_PACK);
    expect(set(p, CC_DNN_VARIANT_PACK_IDS, CC_DNN_OF_INT64, ids), CC_DNN_SUCCESS, "ids");
    expect(set(p, CC_DNN_VARIANT_PACK_POINTERS, CC_DNN_OF_POINTER, pointers), CC_DNN_SUCCESS, "pointers");
    expect(set(p, CC_DNN_VARIANT_PACK_WORKSPACE, CC_DNN_OF_POINTER, {0}), CC_DNN_SUCCESS, "workspace");
    expect(cudnnBackendFinalize(p), CC_DNN_SUCCESS, "variant pack");
    const int32_t status = cudnnBackendExecute(handle, plan, p);
    cudnnBackendDestroyDescriptor(p);
    return status;
  };
  const int64_t ax = (int64_t)bx.address, aw = (int64_t)bw.address, ay = (int64_t)by.address;
  expect(cudnnBackendExecute(handle, plan, pack), CC_DNN_BAD_PARAM_NOT_FINALIZED, "a variant pack that is not finalized");
  expect(execute({1, 2}, {ax, aw}), CC_DNN_BAD_PARAM, "a tensor without a pointer");
  expect(execute({1, 2, 3}, {ax + 4, aw, ay}), CC_DNN_BAD_PARAM_MISALIGNED_POINTER, "a pointer that is aligned to less than was said");
  expect(execute({1, 2, 3}, {ay, aw, ax}), CC_DNN_EXECUTION_FAILED, "x where only y has room");
  expect(execute({3, 1, 2}, {ay, ax, aw}), CC_DNN_SUCCESS, "the convolution");
  const std::vector<float> want = {5421, 6532, 8754, 9865}, got = by.read<float>();
  if (got != want) fail("the convolution is %g %g %g %g", got[0], got[1], got[2], got[3]);
  digest.add(got);
  for (cc_dnn_descriptor d : {x, w, y, wrong, geometry, operation, graph, lonely, heuristic, lost, configs[0], configs[1], engine, plan, pack})
    expect(cudnnBackendDestroyDescriptor(d), CC_DNN_SUCCESS, "cudnnBackendDestroyDescriptor");
  expect(cudnnBackendFinalize(plan), CC_DNN_BAD_PARAM_NULL_POINTER, "a descriptor that was destroyed");
  expect(cudnnDestroy(handle), CC_DNN_SUCCESS, "cudnnDestroy");
}

}  // namespace st_emulator
