// The kernels of attention.cu.
#include "kernels.h"
#define ST_KERNEL_FILE "attention.cu"
namespace {
#include "attention.cu"
ST_ATTENTION_KERNELS(f16)
ST_ATTENTION_KERNELS(bf16)
ST_ATTENTION_KERNELS(f32)
}  // namespace
