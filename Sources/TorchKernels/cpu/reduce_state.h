// What a reduction carries between blocks, shared by the vectorised kernels of every level and the driver in reduce.cpp.
#pragma once
#include <stdint.h>

/// Kernels of one reduction over one element type. `state` points to one state (rows) or to one per column (columns).
/// Note [Reduction states]
/// A kernel folds a block of elements in registers in the element's precision and adds the result to a state of higher precision (float sums: double), so a sum
/// of millions of elements is as exact as one of a few thousand. Partial states of chunks are merged in chunk order: the bits never depend on the threads.
struct ReduceKernel {
  int32_t state_bytes;
  /// n contiguous elements; `base` is the position of the first one (argmax).
  void (*rows)(const char *p, int64_t n, void *state, int64_t base);
  /// `rows` rows of `columns` contiguous elements, `stride` bytes apart; `base` is the position of the first row.
  void (*columns)(const char *p, int64_t stride, int64_t rows, int64_t columns, void *state, int64_t base);
};

template <class C> struct BestState { C best; int64_t index; };          // index -1: nothing seen yet
struct MomentState { double count, mean, m2; };                          // mean and sum of squared deviations
struct LogSumExpState { double max, sum; };                              // sum of exp(x - max)

/// Rows of the per-level tables.
enum ReduceKernelOp { RK_sum, RK_nansum, RK_prod, RK_max, RK_min, RK_argmax, RK_argmin, RK_count, RK_moments, RK_abs_sum, RK_square_sum, RK_abs_max, RK_abs_min, RK_logsumexp, RK_ops };
/// Columns of the per-level tables: the stored types, plus the sizes that non-zero tests go by.
enum ReduceKernelType { RT_u8, RT_i8, RT_i16, RT_i32, RT_i64, RT_f16, RT_bf16, RT_f32, RT_f64, RT_types };
