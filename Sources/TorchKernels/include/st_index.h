// Gather, scatter, sort and their kin on strided rows. Swift has checked shapes; indices are checked here where named, and the first bad one is reported.
#pragma once
#include "st_types.h"
#ifdef __cplusplus
extern "C" {
#endif

/// What scatter does where several sources meet one place; without `replace` it combines with what is there.
typedef enum __attribute__((enum_extensibility(closed))) StScatterOp : int32_t { StScatterOp_replace, StScatterOp_sum, StScatterOp_prod, StScatterOp_max, StScatterOp_min } StScatterOp;

/// A strided view, strides in bytes.
typedef struct st_view { char *data; int32_t rank; const int64_t *sizes; const int64_t *strides; } st_view;

/// out[i0..] = in[i0.., index[i0..] at `dim`, ..]; out and index have the same sizes; element_size 1, 2, 4, 8, 16; index int64. Negative indices are refused as PyTorch does.
/// Returns -1, or the row-major position in `index` of the first bad entry (nothing is promised about `out` then).
int64_t st_gather(int32_t element_size, st_view out, st_view in, st_view index, int32_t dim);
/// out[.., index[i], ..] op= source[i]; serial per line along dim, so deterministic. Returns as st_gather.
int64_t st_scatter(StScatterOp op, StDType t, st_view out, st_view index, st_view source, int32_t dim);
/// Rows of `in` along dim 0 of a [n, row] block: out[i] = in[index[i]]; row bytes contiguous, in_stride/out_stride in bytes. Negative indices refused unless wrap.
int64_t st_take_rows(char *out, int64_t out_stride, const char *in, int64_t in_stride, int64_t in_rows, int64_t row_bytes, const int64_t *index, int64_t count, bool wrap);
/// out[index[i]] += alpha * in[i] for rows of `columns` contiguous elements; deterministic in any number of threads (split by columns). Skips index == skip (pass -1 for none).
int64_t st_add_rows(StDType t, char *out, int64_t out_stride, int64_t out_rows, const char *in, int64_t in_stride, int64_t columns, const int64_t *index, int64_t count, double alpha, int64_t skip);
/// Positions (row-major, int64 [count, rank]) of the true elements; call with out NULL for the count.
int64_t st_nonzero(st_view mask_of_bool, int64_t *out);
/// masked select: copies in[i] where mask[i] to out in row-major order; both views have the same sizes; returns the count.
int64_t st_masked_select(int32_t element_size, st_view in, st_view mask, char *out);
/// The opposite: out[i] = *source++ where mask[i]. Returns how many were wanted; writes at most source_count.
int64_t st_masked_scatter(int32_t element_size, st_view out, st_view mask, const char *source, int64_t source_count);
/// Sorts rows: NaN last ascending (first descending), as PyTorch. values and indices (int64) are contiguous [rows, n]. stable always. Radix or vectorised sort welcome. indices may be NULL.
bool st_sort_rows(StDType t, const void *in, void *values, int64_t *indices, int64_t rows, int64_t n, bool descending);
/// k largest (or smallest) of each row, sorted; k <= n.
bool st_topk_rows(StDType t, const void *in, void *values, int64_t *indices, int64_t rows, int64_t n, int64_t k, bool largest);
/// The k-th smallest (k from 1) of each row, NaN last, and its position; the median of n is k = (n + 1) / 2. indices may be NULL.
bool st_kth_rows(StDType t, const void *in, void *values, int64_t *indices, int64_t rows, int64_t n, int64_t k);
/// The most frequent value of each row (of several the smallest) and the last position of it. indices may be NULL.
bool st_mode_rows(StDType t, const void *in, void *values, int64_t *indices, int64_t rows, int64_t n);
/// Distinct values of n contiguous elements: sorted, or (`sorted` false) those of consecutive runs. `values` has room for n. inverse ([n]: which value each element
/// became) and counts ([n] room) may be NULL. NaNs are all distinct. Returns how many, -1 for a type without order, -2 without memory.
int64_t st_unique(StDType t, const void *in, int64_t n, bool sorted, void *values, int64_t *inverse, int64_t *counts);
/// out[x[i]] += weights[i] (float32 or float64, out alike) or += 1 (weights NULL, out int64). `out` starts at zero. Returns -1, or the first i whose x[i] is not in [0, bins).
int64_t st_bincount(const int64_t *x, int64_t n, StDType weight_type, const void *weights, void *out, int64_t bins);
/// Counts (as t: float32 or float64) of elements in `bins` equal parts of [low, high], the last one closed; others and NaN are left out. `out` starts at zero. PyTorch: histc.
bool st_histogram(StDType t, const void *x, int64_t n, double low, double high, int64_t bins, void *out);
/// First (right: last) position where `value` could be inserted; boundaries sorted contiguous [n].
bool st_searchsorted(StDType t, const void *boundaries, int64_t n, const void *values, int64_t *out, int64_t count, bool right);

#ifdef __cplusplus
}
#endif
