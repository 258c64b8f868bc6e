// The arithmetic behind the look-alike of cuDNN.
#pragma once
#include <array>
#include <stdint.h>

namespace st_emulator {

struct DNNTensor {
  int32_t type = 0;
  int64_t id = 0, alignment = 0;
  /// Batch, channels and three spatial dims, of which the outermost may be added with size 1.
  std::array<int64_t, 5> sizes = {1, 1, 1, 1, 1}, strides = {};
};
struct DNNProblem {
  /// Kind of descriptor: CC_DNN_FORWARD and so on.
  int32_t product = 0;
  DNNTensor x, w, y;
  std::array<int64_t, 3> stride = {1, 1, 1}, padding = {}, dilation = {1, 1, 1};
  /// Whether factors are rounded to tf32; what is added to each result by an engine that must not be chosen.
  bool tf32 = false;
  double error = 0;
};
/// What the problem's product gives, by plain loops. The problem has been checked.
void convolve(const DNNProblem &problem, uint64_t x, uint64_t w, uint64_t y);

}  // namespace st_emulator
