// The arithmetic behind the look-alike of cuBLASLt.
#pragma once
#include <stdint.h>

namespace st_emulator {

/// Matrices by columns.
struct BlasLtLayout {
  int32_t type;
  uint64_t rows, columns;
  int64_t lead;
  int32_t batch = 1;
  int64_t batch_stride = 0;
};
struct BlasLtProblem {
  bool a_transposed, b_transposed, tf32;
  uint64_t m = 0, n = 0, k = 0;
};
/// d = alpha op(a) op(b) + beta c (+ bias of each row). Types and layouts have been checked.
void multiply_by_columns(const BlasLtProblem &problem, const void *alpha, const void *a, const BlasLtLayout &a_layout, const void *b, const BlasLtLayout &b_layout, const void *beta,
                         const void *c, const BlasLtLayout &c_layout, void *d, const BlasLtLayout &d_layout, const void *bias);

}  // namespace st_emulator
