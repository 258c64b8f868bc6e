// Our declarations of CUDA's functions against NVIDIA's headers; compiling is the test. Needs the wheels nvidia-cuda-runtime and nvidia-cuda-nvrtc (and, for
// cuBLASLt, nvidia-cublas, nvidia-cuda-crt and nvidia-cuda-cccl):
//   clang++ -std=c++20 -fsyntax-only -I Sources/CCUDA/include -I .../nvidia/cu13/include Tools/cuda_declarations.cpp
#include <cuda.h>
#include <nvrtc.h>
#if __has_include(<cublasLt.h>)
#include <cublasLt.h>
#define HAS_BLASLT 1
#endif
#include "CCUDA.h"
#include <string_view>
#include <type_traits>
#include <utility>

// A parameter is right if it has the size of theirs and is a pointer where theirs is.
template <class A, class B> constexpr bool like = sizeof(A) == sizeof(B) && (std::is_pointer_v<A> == std::is_pointer_v<B> || std::is_same_v<B, cc_address>);
template <class F, class G> struct Same : std::false_type {};
template <class R, class... A, class S, class... B> struct Same<R (*)(A...), S (*)(B...)> {
  static constexpr bool check() {
    if constexpr (sizeof...(A) != sizeof...(B)) return false;
    else return sizeof(R) == sizeof(S) && (like<A, B> && ...);
  }
  static constexpr bool value = check();
};

// Their macros say which version of a function a name means today: cuMemAlloc is cuMemAlloc_v2.
#define TEXT_NOW(x) #x
#define TEXT(x) TEXT_NOW(x)
#define PARAMETERS(Table, name, symbol) \
  static_assert(Same<decltype(&::name), std::remove_cvref_t<decltype(std::declval<Table>().FIELD(name))>>::value, "parameters of " symbol);
#define SYMBOL(name, symbol, parameters) {symbol, TEXT(name)},

// The table's fields are called as our lists say, before any macro of theirs: the header below was read with their macros in force, so both sides see the same names.
#define FIELD(name) name
#define DRIVER(name, symbol, parameters) PARAMETERS(cc_driver, name, symbol)
#define NVRTC(name, symbol, parameters) PARAMETERS(cc_nvrtc, name, symbol)
CC_DRIVER_REQUIRED(DRIVER)
CC_DRIVER_OPTIONAL(DRIVER)
CC_NVRTC_REQUIRED(NVRTC)
#ifdef HAS_BLASLT
#define BLASLT(name, symbol, parameters) PARAMETERS(cc_blaslt, name, symbol)
CC_BLASLT_REQUIRED(BLASLT)
static_assert(sizeof(cc_blaslt_algorithm) == sizeof(cublasLtMatmulAlgo_t) && sizeof(cc_blaslt_heuristic) == sizeof(cublasLtMatmulHeuristicResult_t));
static_assert(offsetof(cc_blaslt_heuristic, workspace_bytes) == offsetof(cublasLtMatmulHeuristicResult_t, workspaceSize));
static_assert(offsetof(cc_blaslt_heuristic, state) == offsetof(cublasLtMatmulHeuristicResult_t, state));
#define EQUAL(ours, theirs) static_assert((int)(ours) == (int)(theirs), #ours);
EQUAL(CC_BLASLT_F32, CUDA_R_32F) EQUAL(CC_BLASLT_F64, CUDA_R_64F) EQUAL(CC_BLASLT_F16, CUDA_R_16F) EQUAL(CC_BLASLT_C64, CUDA_C_32F) EQUAL(CC_BLASLT_C128, CUDA_C_64F)
EQUAL(CC_BLASLT_BF16, CUDA_R_16BF) EQUAL(CC_BLASLT_COMPUTE_F32, CUBLAS_COMPUTE_32F) EQUAL(CC_BLASLT_COMPUTE_F64, CUBLAS_COMPUTE_64F)
EQUAL(CC_BLASLT_COMPUTE_TF32, CUBLAS_COMPUTE_32F_FAST_TF32) EQUAL(CC_BLASLT_SUCCESS, CUBLAS_STATUS_SUCCESS) EQUAL(CC_BLASLT_NOT_INITIALIZED, CUBLAS_STATUS_NOT_INITIALIZED)
EQUAL(CC_BLASLT_ALLOC_FAILED, CUBLAS_STATUS_ALLOC_FAILED) EQUAL(CC_BLASLT_INVALID_VALUE, CUBLAS_STATUS_INVALID_VALUE) EQUAL(CC_BLASLT_ARCH_MISMATCH, CUBLAS_STATUS_ARCH_MISMATCH)
EQUAL(CC_BLASLT_MAPPING_ERROR, CUBLAS_STATUS_MAPPING_ERROR) EQUAL(CC_BLASLT_EXECUTION_FAILED, CUBLAS_STATUS_EXECUTION_FAILED)
EQUAL(CC_BLASLT_INTERNAL_ERROR, CUBLAS_STATUS_INTERNAL_ERROR) EQUAL(CC_BLASLT_NOT_SUPPORTED, CUBLAS_STATUS_NOT_SUPPORTED) EQUAL(CC_BLASLT_LICENSE_ERROR, CUBLAS_STATUS_LICENSE_ERROR)
EQUAL(CC_BLASLT_N, CUBLAS_OP_N) EQUAL(CC_BLASLT_T, CUBLAS_OP_T) EQUAL(CC_BLASLT_TRANSA, CUBLASLT_MATMUL_DESC_TRANSA) EQUAL(CC_BLASLT_TRANSB, CUBLASLT_MATMUL_DESC_TRANSB)
EQUAL(CC_BLASLT_EPILOGUE, CUBLASLT_MATMUL_DESC_EPILOGUE) EQUAL(CC_BLASLT_BIAS_POINTER, CUBLASLT_MATMUL_DESC_BIAS_POINTER) EQUAL(CC_BLASLT_EPILOGUE_NONE, CUBLASLT_EPILOGUE_DEFAULT)
EQUAL(CC_BLASLT_EPILOGUE_BIAS, CUBLASLT_EPILOGUE_BIAS) EQUAL(CC_BLASLT_BATCH_COUNT, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT)
EQUAL(CC_BLASLT_BATCH_STRIDE, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET) EQUAL(CC_BLASLT_WORKSPACE_BYTES, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES)
EQUAL(CC_BLASLT_ALIGNMENT_A, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES) EQUAL(CC_BLASLT_ALIGNMENT_B, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES)
EQUAL(CC_BLASLT_ALIGNMENT_C, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES) EQUAL(CC_BLASLT_ALIGNMENT_D, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES)
#endif

// The symbol that we ask for is the one that their header would call.
struct Pair { std::string_view ours, theirs; };
constexpr Pair symbols[] = {CC_DRIVER_REQUIRED(SYMBOL) CC_DRIVER_OPTIONAL(SYMBOL)};
constexpr bool same_symbols() {
  for (const Pair &p : symbols)
    // The one that only got faster: both versions do.
    if (p.ours != p.theirs && p.ours != "cuEventElapsedTime") return false;
  return true;
}
static_assert(same_symbols(), "a symbol is not the version that the header names");

static_assert(CC_ATTRIBUTE_MULTIPROCESSORS == CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT && CC_ATTRIBUTE_CAPABILITY_MAJOR == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
static_assert(CC_ATTRIBUTE_CAPABILITY_MINOR == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR && CC_STREAM_NON_BLOCKING == CU_STREAM_NON_BLOCKING);
static_assert(CC_ATTRIBUTE_THREADS_PER_MULTIPROCESSOR == CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR);
static_assert(CC_ERROR_NOT_READY == CUDA_ERROR_NOT_READY && CC_CAPTURE_RELAXED == CU_STREAM_CAPTURE_MODE_RELAXED);
static_assert(CC_HOST_PORTABLE == CU_MEMHOSTALLOC_PORTABLE && CC_HOST_DEVICEMAP == CU_MEMHOSTALLOC_DEVICEMAP);
static_assert(CC_EVENT_DISABLE_TIMING == CU_EVENT_DISABLE_TIMING && CC_ERROR_OUT_OF_MEMORY == CUDA_ERROR_OUT_OF_MEMORY);
