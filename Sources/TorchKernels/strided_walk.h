// Walks several strided views of the same sizes together, a run of the last dim at a time, in row-major order.
#pragma once
#include <stdint.h>

/// N operands; size-1 dims are dropped. Ranks up to 64, as everywhere.
template <int N> struct StridedWalk {
  int rank = 0;
  int64_t sizes[64];
  int64_t strides[N][64];
  int64_t count = 1;      // all elements
  int64_t inner = 1;      // elements of a run
  int64_t step[N] = {};   // strides of a run

  /// `strides_of[k]` are operand k's strides; NULL for none (all 0).
  StridedWalk(int given_rank, const int64_t *given_sizes, const int64_t *const (&strides_of)[N]) {
    for (int d = 0; d < given_rank; ++d) {
      count *= given_sizes[d];
      if (given_sizes[d] == 1) continue;
      // A dim that continues the one before in every operand is merged into it.
      bool joins = rank > 0;
      for (int k = 0; k < N && joins; ++k) {
        int64_t s = strides_of[k] ? strides_of[k][d] : 0;
        joins = strides[k][rank - 1] == s * given_sizes[d];
      }
      int at = joins ? rank - 1 : rank++;
      sizes[at] = joins ? sizes[at] * given_sizes[d] : given_sizes[d];
      for (int k = 0; k < N; ++k) strides[k][at] = strides_of[k] ? strides_of[k][d] : 0;
    }
    if (rank > 0) {
      inner = sizes[rank - 1];
      for (int k = 0; k < N; ++k) step[k] = strides[k][rank - 1];
    }
  }

  /// Calls `run(offsets, position, n)` for the runs that make up [begin, end); stops when it returns false.
  template <class Run> void each(int64_t begin, int64_t end, Run run) const {
    if (begin >= end) return;
    int64_t index[64], offset[N] = {}, rest = begin;
    for (int d = rank - 1; d >= 0; --d) {
      index[d] = rest % sizes[d];
      rest /= sizes[d];
      for (int k = 0; k < N; ++k) offset[k] += index[d] * strides[k][d];
    }
    while (begin < end) {
      int64_t n = rank > 0 ? inner - index[rank - 1] : 1;
      if (n > end - begin) n = end - begin;
      if (!run(offset, begin, n)) return;
      begin += n;
      if (begin >= end) return;
      int d = rank - 1;
      for (int k = 0; k < N; ++k) offset[k] -= index[d] * strides[k][d];
      index[d] = 0;
      for (--d; d >= 0; --d) {
        for (int k = 0; k < N; ++k) offset[k] += strides[k][d];
        if (++index[d] < sizes[d]) break;
        for (int k = 0; k < N; ++k) offset[k] -= sizes[d] * strides[k][d];
        index[d] = 0;
      }
    }
  }
};
