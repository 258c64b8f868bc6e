// The kernels: their sources, which are part of this binary, and the names from which the sources are asked for.
#pragma once
#include "cc_table.h"
#if __has_include("../../../Kernels/kernel_args.h")
#include "../../../Kernels/kernel_args.h"
#endif
#ifdef __cplusplus
extern "C" {
#endif

/// A file of `Kernels/`, or a header that it includes, under the name by which NVRTC finds it.
typedef struct cc_source { const char *_Nonnull name; const char *_Nonnull text; bool is_header; } cc_source;
/// All of them.
const cc_source *_Nonnull cc_sources(int32_t *_Nonnull count);

/// Operators as the kernels' names have them, in the order of the enums of TorchKernels; "" past the end.
const char *_Nonnull cc_unary_name(int32_t op);
const char *_Nonnull cc_binary_name(int32_t op);
const char *_Nonnull cc_ternary_name(int32_t op);
const char *_Nonnull cc_reduce_name(int32_t op);
/// Element types as the kernels' names have them: f32, i64, bool.
const char *_Nonnull cc_type_name(int32_t type);

#ifdef __cplusplus
}
#endif
