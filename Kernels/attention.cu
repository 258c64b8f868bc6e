// Attention and its gradients in tiles (Note [Attention in tiles]): attention_TYPE_WIDTH, attentionKeys_TYPE_WIDTH, attentionQueries_TYPE_WIDTH, attentionDelta_TYPE, for ST_TYPE
// f16, bf16 (tensor cores) and f32. Heads of up to WIDTH numbers, 64 or 128.
#include "attention_mma.cuh"
#include "attention_fma.cuh"

#ifndef ST_ATTENTION_KERNELS
#define ST_ATTENTION_MMA_KERNELS(type, wide) \
  ST_KERNEL(attention_##type##_##wide, st_attention_args, ST_ATTENTION_THREADS) { attention_forward<dtype_##type, wide>(args); } \
  ST_KERNEL(attentionKeys_##type##_##wide, st_attention_args, ST_ATTENTION_THREADS) { attention_backward_keys<dtype_##type, wide>(args); } \
  ST_KERNEL(attentionQueries_##type##_##wide, st_attention_args, ST_ATTENTION_THREADS) { attention_backward_queries<dtype_##type, wide>(args); }
#define ST_ATTENTION_FMA_KERNELS(type, wide) \
  ST_KERNEL_RESIDENT(attention_##type##_##wide, st_attention_args, ST_ATTENTION_FMA_THREADS, 2) { attention_forward<wide>(args); } \
  ST_KERNEL_RESIDENT(attentionKeys_##type##_##wide, st_attention_args, ST_ATTENTION_FMA_THREADS, 128 / wide) { attention_backward<wide, true>(args); } \
  ST_KERNEL_RESIDENT(attentionQueries_##type##_##wide, st_attention_args, ST_ATTENTION_FMA_THREADS, 2) { attention_backward<wide, false>(args); }
#define ST_ATTENTION_DELTA(type) \
  ST_KERNEL(attentionDelta_##type, st_attention_args, 256) { attention_delta<dtype_##type>(args); }
#define ST_ATTENTION_f16 ST_ATTENTION_MMA_KERNELS(f16, 64) ST_ATTENTION_MMA_KERNELS(f16, 128) ST_ATTENTION_DELTA(f16)
#define ST_ATTENTION_bf16 ST_ATTENTION_MMA_KERNELS(bf16, 64) ST_ATTENTION_MMA_KERNELS(bf16, 128) ST_ATTENTION_DELTA(bf16)
#define ST_ATTENTION_f32 ST_ATTENTION_FMA_KERNELS(f32, 64) ST_ATTENTION_FMA_KERNELS(f32, 128) ST_ATTENTION_DELTA(f32)
#define ST_ATTENTION_KERNELS(type) ST_JOIN(ST_ATTENTION_, type)
#endif
#ifdef ST_TYPE
ST_ATTENTION_KERNELS(ST_TYPE)
#endif
