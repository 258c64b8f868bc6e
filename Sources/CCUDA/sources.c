// The kernels' sources: one binary is all that is needed. Every file of Kernels/ and every header that one of them includes has its lines here.
#include "CCUDA.h"
#pragma clang diagnostic ignored "-Wc23-extensions"

#define TEXT(name) static const char name[]
TEXT(file_unary) = {
#embed "../../Kernels/unary.cu"
  , 0};
TEXT(file_binary) = {
#embed "../../Kernels/binary.cu"
  , 0};
TEXT(file_ternary) = {
#embed "../../Kernels/ternary.cu"
  , 0};
TEXT(file_convert) = {
#embed "../../Kernels/convert.cu"
  , 0};
TEXT(file_select) = {
#embed "../../Kernels/select.cu"
  , 0};
TEXT(file_copy) = {
#embed "../../Kernels/copy.cu"
  , 0};
TEXT(file_fill) = {
#embed "../../Kernels/fill.cu"
  , 0};
TEXT(file_arange) = {
#embed "../../Kernels/arange.cu"
  , 0};
TEXT(file_reduce) = {
#embed "../../Kernels/reduce.cu"
  , 0};
TEXT(header_preamble) = {
#embed "../../Kernels/preamble.cuh"
  , 0};
TEXT(header_kernel_args) = {
#embed "../../Kernels/kernel_args.h"
  , 0};
TEXT(header_pointwise) = {
#embed "../../Kernels/pointwise.cuh"
  , 0};
TEXT(header_reduce) = {
#embed "../../Kernels/reduce.cuh"
  , 0};
TEXT(scalar_types) = {
#embed "../TorchKernels/scalar/types.h"
  , 0};
TEXT(scalar_math) = {
#embed "../TorchKernels/scalar/math.h"
  , 0};
TEXT(scalar_math64) = {
#embed "../TorchKernels/scalar/math64.h"
  , 0};
TEXT(scalar_complex) = {
#embed "../TorchKernels/scalar/complex.h"
  , 0};
TEXT(scalar_complex_functions) = {
#embed "../TorchKernels/scalar/complex_functions.h"
  , 0};
TEXT(scalar_special) = {
#embed "../TorchKernels/scalar/special.h"
  , 0};
TEXT(scalar_unary) = {
#embed "../TorchKernels/scalar/unary.h"
  , 0};
TEXT(scalar_binary) = {
#embed "../TorchKernels/scalar/binary.h"
  , 0};
TEXT(scalar_ternary) = {
#embed "../TorchKernels/scalar/ternary.h"
  , 0};
TEXT(list_unary) = {
#embed "../TorchKernels/include/st_unary.def"
  , 0};
TEXT(list_binary) = {
#embed "../TorchKernels/include/st_binary.def"
  , 0};
TEXT(list_ternary) = {
#embed "../TorchKernels/include/st_ternary.def"
  , 0};

const cc_source *cc_sources(int32_t *count) {
  static const cc_source all[] = {
    {"unary.cu", file_unary, false},
    {"binary.cu", file_binary, false},
    {"ternary.cu", file_ternary, false},
    {"convert.cu", file_convert, false},
    {"select.cu", file_select, false},
    {"copy.cu", file_copy, false},
    {"fill.cu", file_fill, false},
    {"arange.cu", file_arange, false},
    {"reduce.cu", file_reduce, false},
    {"preamble.cuh", header_preamble, true},
    {"kernel_args.h", header_kernel_args, true},
    {"pointwise.cuh", header_pointwise, true},
    {"reduce.cuh", header_reduce, true},
    {"scalar/types.h", scalar_types, true},
    {"scalar/math.h", scalar_math, true},
    {"scalar/math64.h", scalar_math64, true},
    {"scalar/complex.h", scalar_complex, true},
    {"scalar/complex_functions.h", scalar_complex_functions, true},
    {"scalar/special.h", scalar_special, true},
    {"scalar/unary.h", scalar_unary, true},
    {"scalar/binary.h", scalar_binary, true},
    {"scalar/ternary.h", scalar_ternary, true},
    {"st_unary.def", list_unary, true},
    {"st_binary.def", list_binary, true},
    {"st_ternary.def", list_ternary, true},
  };
  *count = (int32_t)(sizeof all / sizeof *all);
  return all;
}
