// Reductions and scans. Swift plans (which dims are kept, merged, split among threads: TorchCPU/Reduction.swift), these do the inner work.
#pragma once
#include "st_types.h"
#ifdef __cplusplus
extern "C" {
#endif

/// What is reduced to what. Result types: sum, prod, max, min, sumSquares, sumAbs as the input (Swift converts beforehand: integers and bool sum in int64);
/// any, all: bool (uint8 of uint8, as PyTorch); argmax, argmin: int64; countNonzero: int64; variance: f[0] is the correction; norm: (sum |x|^f[0])^(1/f[0]); logSumExp over floats.
/// variance, std, norm of complex: the real type. wideSum, wideProd: integers and bool straight to int64, without a conversion beforehand.
typedef enum __attribute__((enum_extensibility(closed))) StReduceOp : int32_t {
  StReduceOp_sum, StReduceOp_nansum, StReduceOp_prod, StReduceOp_max, StReduceOp_min, StReduceOp_argmax, StReduceOp_argmin,
  StReduceOp_any, StReduceOp_all, StReduceOp_countNonzero, StReduceOp_mean, StReduceOp_variance, StReduceOp_std, StReduceOp_norm, StReduceOp_logSumExp,
  StReduceOp_wideSum, StReduceOp_wideProd,
  StReduceOp_count
} StReduceOp;

/// One reduction in canonical form: every output is reduced over up to `reduce_rank` strided dims. All strides in bytes.
/// Kept dims: outputs o[k] for k over `kept_sizes` (row-major). Sizes of 1 and mergeable dims are already gone; dims are sorted so that the last has the smallest stride.
typedef struct st_reduction {
  const char *in; char *out;
  int32_t kept_rank, reduce_rank;
  const int64_t *kept_sizes, *kept_in_strides, *kept_out_strides;
  const int64_t *reduce_sizes, *reduce_strides;
  /// argmax/argmin: the index that is reported counts row-major over reduce_sizes in the order given.
} st_reduction;

/// Runs the whole reduction, with threads (st_parallel_for), fixed partition: the same bits with any number of threads. Blocked/pairwise sums (float32 error
/// of 16M elements at most a few ULP), Welford or two-pass shifted variance, float16/bfloat16 accumulate in float32. NaN propagates in max/min/argmax/argmin as in PyTorch; the first of equal wins
/// in argmax/argmin. Empty reductions: sum 0, prod 1, any false, all true, norm 0, mean/variance NaN, logSumExp -inf; max/min/arg are refused by Swift beforehand.
/// Returns false if there is no kernel for this type.
bool st_reduce(StReduceOp op, StDType in, const st_reduction *r, const st_params *params);
/// Type of the result of `op` over `in`.
StDType st_reduce_result(StReduceOp op, StDType in);

/// Scans along one dim of a tensor seen as [rows] x [n]: row r starts at in + r_offsets... Swift passes strides (bytes) for up to two outer dims.
typedef enum __attribute__((enum_extensibility(closed))) StScanOp : int32_t { StScanOp_sum, StScanOp_prod, StScanOp_max, StScanOp_min, StScanOp_logSumExp, StScanOp_count } StScanOp;
/// One row: out[i] = op(in[0..i]); `indices` (int64, contiguous with its stride) is written for max/min (last of equal wins, as PyTorch), else NULL.
bool st_scan_row(StScanOp op, StDType dtype, const char *in, int64_t in_stride, char *out, int64_t out_stride, char *indices, int64_t indices_stride, int64_t n);

#ifdef __cplusplus
}
#endif
