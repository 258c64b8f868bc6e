// The kernels' sources: one binary is all that is needed. Written by Tools/kernel_sources.py.
#include "CCUDA.h"
#pragma clang diagnostic ignored "-Wc23-extensions"

#define TEXT(name) static const char name[]
TEXT(text_addrows_cu) = {
#embed "../../Kernels/addrows.cu"
  , 0};
TEXT(text_arange_cu) = {
#embed "../../Kernels/arange.cu"
  , 0};
TEXT(text_attention_cu) = {
#embed "../../Kernels/attention.cu"
  , 0};
TEXT(text_batchnorm_cu) = {
#embed "../../Kernels/batchnorm.cu"
  , 0};
TEXT(text_binary_cu) = {
#embed "../../Kernels/binary.cu"
  , 0};
TEXT(text_conv_cu) = {
#embed "../../Kernels/conv.cu"
  , 0};
TEXT(text_conv_mma_cu) = {
#embed "../../Kernels/conv_mma.cu"
  , 0};
TEXT(text_convert_cu) = {
#embed "../../Kernels/convert.cu"
  , 0};
TEXT(text_copy_cu) = {
#embed "../../Kernels/copy.cu"
  , 0};
TEXT(text_draw_cuh) = {
#embed "../../Kernels/draw.cuh"
  , 0};
TEXT(text_dropout_cu) = {
#embed "../../Kernels/dropout.cu"
  , 0};
TEXT(text_fill_cu) = {
#embed "../../Kernels/fill.cu"
  , 0};
TEXT(text_gather_cu) = {
#embed "../../Kernels/gather.cu"
  , 0};
TEXT(text_layernorm_cu) = {
#embed "../../Kernels/layernorm.cu"
  , 0};
TEXT(text_linalg_cu) = {
#embed "../../Kernels/linalg.cu"
  , 0};
TEXT(text_mask_cu) = {
#embed "../../Kernels/mask.cu"
  , 0};
TEXT(text_matmul_cu) = {
#embed "../../Kernels/matmul.cu"
  , 0};
TEXT(text_matmul_mma_cu) = {
#embed "../../Kernels/matmul_mma.cu"
  , 0};
TEXT(text_optim_cu) = {
#embed "../../Kernels/optim.cu"
  , 0};
TEXT(text_pool_cu) = {
#embed "../../Kernels/pool.cu"
  , 0};
TEXT(text_random_cu) = {
#embed "../../Kernels/random.cu"
  , 0};
TEXT(text_reduce_cu) = {
#embed "../../Kernels/reduce.cu"
  , 0};
TEXT(text_scan_cu) = {
#embed "../../Kernels/scan.cu"
  , 0};
TEXT(text_scatter_cu) = {
#embed "../../Kernels/scatter.cu"
  , 0};
TEXT(text_select_cu) = {
#embed "../../Kernels/select.cu"
  , 0};
TEXT(text_softmax_cu) = {
#embed "../../Kernels/softmax.cu"
  , 0};
TEXT(text_sort_cu) = {
#embed "../../Kernels/sort.cu"
  , 0};
TEXT(text_ternary_cu) = {
#embed "../../Kernels/ternary.cu"
  , 0};
TEXT(text_unary_cu) = {
#embed "../../Kernels/unary.cu"
  , 0};
TEXT(text_attention_cuh) = {
#embed "../../Kernels/attention.cuh"
  , 0};
TEXT(text_attention_fma_cuh) = {
#embed "../../Kernels/attention_fma.cuh"
  , 0};
TEXT(text_attention_mma_cuh) = {
#embed "../../Kernels/attention_mma.cuh"
  , 0};
TEXT(text_block_cuh) = {
#embed "../../Kernels/block.cuh"
  , 0};
TEXT(text_conv_cuh) = {
#embed "../../Kernels/conv.cuh"
  , 0};
TEXT(text_fault_cuh) = {
#embed "../../Kernels/fault.cuh"
  , 0};
TEXT(text_kernel_args_h) = {
#embed "../../Kernels/kernel_args.h"
  , 0};
TEXT(text_mma_cuh) = {
#embed "../../Kernels/mma.cuh"
  , 0};
TEXT(text_pointwise_cuh) = {
#embed "../../Kernels/pointwise.cuh"
  , 0};
TEXT(text_preamble_cuh) = {
#embed "../../Kernels/preamble.cuh"
  , 0};
TEXT(text_prefix_cuh) = {
#embed "../../Kernels/prefix.cuh"
  , 0};
TEXT(text_reduce_cuh) = {
#embed "../../Kernels/reduce.cuh"
  , 0};
TEXT(text_st_binary_def) = {
#embed "../TorchKernels/include/st_binary.def"
  , 0};
TEXT(text_st_ternary_def) = {
#embed "../TorchKernels/include/st_ternary.def"
  , 0};
TEXT(text_st_unary_def) = {
#embed "../TorchKernels/include/st_unary.def"
  , 0};
TEXT(text_scalar_binary_h) = {
#embed "../TorchKernels/scalar/binary.h"
  , 0};
TEXT(text_scalar_complex_h) = {
#embed "../TorchKernels/scalar/complex.h"
  , 0};
TEXT(text_scalar_complex_functions_h) = {
#embed "../TorchKernels/scalar/complex_functions.h"
  , 0};
TEXT(text_scalar_convert_h) = {
#embed "../TorchKernels/scalar/convert.h"
  , 0};
TEXT(text_scalar_math_h) = {
#embed "../TorchKernels/scalar/math.h"
  , 0};
TEXT(text_scalar_math64_h) = {
#embed "../TorchKernels/scalar/math64.h"
  , 0};
TEXT(text_scalar_philox_h) = {
#embed "../TorchKernels/scalar/philox.h"
  , 0};
TEXT(text_scalar_special_h) = {
#embed "../TorchKernels/scalar/special.h"
  , 0};
TEXT(text_scalar_ternary_h) = {
#embed "../TorchKernels/scalar/ternary.h"
  , 0};
TEXT(text_scalar_types_h) = {
#embed "../TorchKernels/scalar/types.h"
  , 0};
TEXT(text_scalar_unary_h) = {
#embed "../TorchKernels/scalar/unary.h"
  , 0};

const cc_source *cc_sources(int32_t *count) {
  static const cc_source all[] = {
    {"addrows.cu", text_addrows_cu, false},
    {"arange.cu", text_arange_cu, false},
    {"attention.cu", text_attention_cu, false},
    {"batchnorm.cu", text_batchnorm_cu, false},
    {"binary.cu", text_binary_cu, false},
    {"conv.cu", text_conv_cu, false},
    {"conv_mma.cu", text_conv_mma_cu, false},
    {"convert.cu", text_convert_cu, false},
    {"copy.cu", text_copy_cu, false},
    {"draw.cuh", text_draw_cuh, true},
    {"dropout.cu", text_dropout_cu, false},
    {"fill.cu", text_fill_cu, false},
    {"gather.cu", text_gather_cu, false},
    {"layernorm.cu", text_layernorm_cu, false},
    {"linalg.cu", text_linalg_cu, false},
    {"mask.cu", text_mask_cu, false},
    {"matmul.cu", text_matmul_cu, false},
    {"matmul_mma.cu", text_matmul_mma_cu, false},
    {"optim.cu", text_optim_cu, false},
    {"pool.cu", text_pool_cu, false},
    {"random.cu", text_random_cu, false},
    {"reduce.cu", text_reduce_cu, false},
    {"scan.cu", text_scan_cu, false},
    {"scatter.cu", text_scatter_cu, false},
    {"select.cu", text_select_cu, false},
    {"softmax.cu", text_softmax_cu, false},
    {"sort.cu", text_sort_cu, false},
    {"ternary.cu", text_ternary_cu, false},
    {"unary.cu", text_unary_cu, false},
    {"attention.cuh", text_attention_cuh, true},
    {"attention_fma.cuh", text_attention_fma_cuh, true},
    {"attention_mma.cuh", text_attention_mma_cuh, true},
    {"block.cuh", text_block_cuh, true},
    {"conv.cuh", text_conv_cuh, true},
    {"fault.cuh", text_fault_cuh, true},
    {"kernel_args.h", text_kernel_args_h, true},
    {"mma.cuh", text_mma_cuh, true},
    {"pointwise.cuh", text_pointwise_cuh, true},
    {"preamble.cuh", text_preamble_cuh, true},
    {"prefix.cuh", text_prefix_cuh, true},
    {"reduce.cuh", text_reduce_cuh, true},
    {"st_binary.def", text_st_binary_def, true},
    {"st_ternary.def", text_st_ternary_def, true},
    {"st_unary.def", text_st_unary_def, true},
    {"scalar/binary.h", text_scalar_binary_h, true},
    {"scalar/complex.h", text_scalar_complex_h, true},
    {"scalar/complex_functions.h", text_scalar_complex_functions_h, true},
    {"scalar/convert.h", text_scalar_convert_h, true},
    {"scalar/math.h", text_scalar_math_h, true},
    {"scalar/math64.h", text_scalar_math64_h, true},
    {"scalar/philox.h", text_scalar_philox_h, true},
    {"scalar/special.h", text_scalar_special_h, true},
    {"scalar/ternary.h", text_scalar_ternary_h, true},
    {"scalar/types.h", text_scalar_types_h, true},
    {"scalar/unary.h", text_scalar_unary_h, true},
  };
  *count = (int32_t)(sizeof all / sizeof *all);
  return all;
}
