// The look-alike of cuBLASLt multiplies by columns and refuses what the real one refuses.
#include "../CCUDA/include/cc_blaslt.h"
#include "check.h"
#include <math.h>

extern "C" {
#define DECLARE(name, symbol, parameters) int32_t name parameters;
CC_BLASLT_REQUIRED(DECLARE)
}

namespace st_emulator {

static void expect(int32_t got, int32_t wanted, const char *what) {
  if (got != wanted) fail("%s gave %d instead of %d", what, got, wanted);
}

ST_CHECK(blaslt) {
  // d = aᵀ b + bias, 2 x 3 over 4, by columns with gaps.
  std::vector<float> a = {1, 2, 3, 4, NAN, 5, 6, 7, 8, NAN}, b = {1, 0, 0, 0, 0, 1, 0, 0, 1, 1, 1, 1}, bias = {10, 20};
  Buffer ba(a), bb(b), bd(6 * sizeof(float)), bbias(bias), workspace(1 << 20);
  cc_blaslt_handle handle = nullptr;
  cc_blaslt_operation operation = nullptr;
  cc_blaslt_layout la = nullptr, lb = nullptr, ld = nullptr, none = nullptr;
  cc_blaslt_preference preference = nullptr;
  expect(cublasLtCreate(&handle), CC_BLASLT_SUCCESS, "cublasLtCreate");
  expect(cublasLtMatmulDescCreate(&operation, CC_BLASLT_COMPUTE_F32, CC_BLASLT_F32), CC_BLASLT_SUCCESS, "cublasLtMatmulDescCreate");
  expect(cublasLtMatrixLayoutCreate(&none, CC_BLASLT_F32, 4, 2, 3), CC_BLASLT_INVALID_VALUE, "a layout whose columns overlap");
  expect(cublasLtMatrixLayoutCreate(&none, 99, 4, 2, 4), CC_BLASLT_INVALID_VALUE, "a layout of an unknown type");
  expect(cublasLtMatrixLayoutCreate(&la, CC_BLASLT_F32, 4, 2, 5), CC_BLASLT_SUCCESS, "layout of a");
  expect(cublasLtMatrixLayoutCreate(&lb, CC_BLASLT_F32, 4, 3, 4), CC_BLASLT_SUCCESS, "layout of b");
  expect(cublasLtMatrixLayoutCreate(&ld, CC_BLASLT_F32, 2, 3, 2), CC_BLASLT_SUCCESS, "layout of d");
  expect(cublasLtMatmulPreferenceCreate(&preference), CC_BLASLT_SUCCESS, "cublasLtMatmulPreferenceCreate");
  const uint64_t bytes = workspace.bytes;
  expect(cublasLtMatmulPreferenceSetAttribute(preference, CC_BLASLT_WORKSPACE_BYTES, &bytes, 4), CC_BLASLT_INVALID_VALUE, "an attribute of the wrong size");
  expect(cublasLtMatmulPreferenceSetAttribute(preference, CC_BLASLT_WORKSPACE_BYTES, &bytes, 8), CC_BLASLT_SUCCESS, "bytes of workspace");
  // Allocations here are aligned to 16 bytes only.
  const uint32_t alignment = 16;
  for (int32_t attribute = CC_BLASLT_ALIGNMENT_A; attribute <= CC_BLASLT_ALIGNMENT_D; ++attribute)
    expect(cublasLtMatmulPreferenceSetAttribute(preference, attribute, &alignment, 4), CC_BLASLT_SUCCESS, "alignment");
  cc_blaslt_heuristic best = {};
  int32_t found = 0;
  auto choose = [&] { return cublasLtMatmulAlgoGetHeuristic(handle, operation, la, lb, ld, ld, preference, 1, &best, &found); };
  expect(choose(), CC_BLASLT_INVALID_VALUE, "sizes that do not fit");
  const int32_t transposed = CC_BLASLT_T, epilogue = CC_BLASLT_EPILOGUE_BIAS;
  expect(cublasLtMatmulDescSetAttribute(operation, CC_BLASLT_TRANSA, &transposed, 4), CC_BLASLT_SUCCESS, "transposed a");
  expect(cublasLtMatmulDescSetAttribute(operation, CC_BLASLT_EPILOGUE, &epilogue, 4), CC_BLASLT_SUCCESS, "epilogue");
  expect(choose(), CC_BLASLT_SUCCESS, "the heuristic");
  const float one = 1, zero = 0;
  auto multiply = [&](st_address left, st_address space, size_t space_bytes) {
    return cublasLtMatmul(handle, operation, &one, left, la, bb.address, lb, &zero, bd.address, ld, bd.address, ld, &best.algorithm, space, space_bytes, nullptr);
  };
  expect(multiply(ba.address, workspace.address, bytes), CC_BLASLT_INVALID_VALUE, "a bias without an address");
  expect(cublasLtMatmulDescSetAttribute(operation, CC_BLASLT_BIAS_POINTER, &bbias.address, 8), CC_BLASLT_SUCCESS, "bias");
  expect(multiply(ba.address, 0, 0), CC_BLASLT_INVALID_VALUE, "a missing workspace");
  expect(multiply(ba.address, workspace.address, 100), CC_BLASLT_INVALID_VALUE, "a small workspace");
  expect(multiply(ba.address + 4, workspace.address, bytes), CC_BLASLT_INVALID_VALUE, "an address that is aligned to less than was said");
  expect(multiply(ba.address, workspace.address, bytes), CC_BLASLT_SUCCESS, "the product");
  const std::vector<float> want = {11, 25, 12, 26, 20, 46}, got = bd.read<float>();
  if (got != want) fail("the product is %g %g %g %g %g %g", got[0], got[1], got[2], got[3], got[4], got[5]);
  digest.add(got);
  cc_blaslt_algorithm other = {};
  expect(cublasLtMatmul(handle, operation, &one, ba.address, la, bb.address, lb, &zero, bd.address, ld, bd.address, ld, &other, workspace.address, bytes, nullptr), CC_BLASLT_INVALID_VALUE,
         "an algorithm that nobody chose");
  expect(cublasLtMatrixLayoutDestroy(la), CC_BLASLT_SUCCESS, "cublasLtMatrixLayoutDestroy");
  expect(multiply(ba.address, workspace.address, bytes), CC_BLASLT_INVALID_VALUE, "a layout that was destroyed");
  for (cc_blaslt_layout l : {lb, ld}) expect(cublasLtMatrixLayoutDestroy(l), CC_BLASLT_SUCCESS, "cublasLtMatrixLayoutDestroy");
  expect(cublasLtMatmulPreferenceDestroy(preference), CC_BLASLT_SUCCESS, "cublasLtMatmulPreferenceDestroy");
  expect(cublasLtMatmulDescDestroy(operation), CC_BLASLT_SUCCESS, "cublasLtMatmulDescDestroy");
  expect(cublasLtDestroy(handle), CC_BLASLT_SUCCESS, "cublasLtDestroy");
}

}  // namespace st_emulator
