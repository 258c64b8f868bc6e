// Convolutions by plain loops, with the types of the kernels.
#include "dnn.h"
#include "../CCUDA/include/cc_dnn.h"
#include "kernels.h"
#include <vector>
#define ST_KERNEL_FILE "none"
namespace {
#include "mma.cuh"

using st_emulator::DNNProblem;
using st_emulator::DNNTensor;

int64_t offset(const DNNTensor &t, int64_t n, int64_t c, const int64_t (&s)[3]) {
  return n * t.strides[0] + c * t.strides[1] + s[0] * t.strides[2] + s[1] * t.strides[3] + s[2] * t.strides[4];
}
int64_t reach(const DNNTensor &t) {
  int64_t last = 0;
  for (int d = 0; d < 5; ++d) last += (t.sizes[d] - 1) * t.strides[d];
  return last + 1;
}

template <class S> void convolve(const DNNProblem &p, const S *in, const S *weights, const S *gradients, S *out, const DNNTensor &target) {
  std::vector<double> sums(reach(target), 0);
  auto value = [&](S v) {
    const float f = load_as(&v);
    return (double)(p.tf32 ? float_of(to_tf32(bits_of(f))) : f);
  };
  const int64_t groups = p.x.sizes[1] / p.w.sizes[1], per_group = p.y.sizes[1] / groups;
  int64_t o[3], k[3], i[3];
  // Over all pairs of a result's pixel and a tap: each product joins one element of each tensor.
  for (int64_t n = 0; n < p.y.sizes[0]; ++n)
    for (int64_t channel = 0; channel < p.y.sizes[1]; ++channel)
      for (o[0] = 0; o[0] < p.y.sizes[2]; ++o[0])
        for (o[1] = 0; o[1] < p.y.sizes[3]; ++o[1])
          for (o[2] = 0; o[2] < p.y.sizes[4]; ++o[2])
            for (int64_t c = 0; c < p.w.sizes[1]; ++c)
              for (k[0] = 0; k[0] < p.w.sizes[2]; ++k[0])
                for (k[1] = 0; k[1] < p.w.sizes[3]; ++k[1])
                  for (k[2] = 0; k[2] < p.w.sizes[4]; ++k[2]) {
                    bool inside = true;
                    for (int d = 0; d < 3; ++d) {
                      i[d] = o[d] * p.stride[d] - p.padding[d] + k[d] * p.dilation[d];
                      inside = inside && i[d] >= 0 && i[d] < p.x.sizes[d + 2];
                    }
                    if (!inside) continue;
                    const int64_t at_x = offset(p.x, n, channel / per_group * p.w.sizes[1] + c, i), at_w = offset(p.w, channel, c, k), at_y = offset(p.y, n, channel, o);
                    if (p.product == CC_DNN_FORWARD) sums[at_y] += value(in[at_x]) * value(weights[at_w]);
                    else if (p.product == CC_DNN_BACKWARD_DATA) sums[at_x] += value(gradients[at_y]) * value(weights[at_w]);
                    else sums[at_w] += value(gradients[at_y]) * value(in[at_x]);
                  }
  // Only what is the tensor's.
  int64_t s[3];
  for (int64_t a = 0; a < target.sizes[0]; ++a)
    for (int64_t b = 0; b < target.sizes[1]; ++b)
      for (s[0] = 0; s[0] < target.sizes[2]; ++s[0])
        for (s[1] = 0; s[1] < target.sizes[3]; ++s[1])
          for (s[2] = 0; s[2] < target.sizes[4]; ++s[2]) {
            const int64_t at = offset(target, a, b, s);
            out[at] = Element<S>::store((float)(sums[at] + p.error));
          }
}
template <class S> void run(const DNNProblem &p, uint64_t x, uint64_t w, uint64_t y) {
  const bool forward = p.product == CC_DNN_FORWARD, data = p.product == CC_DNN_BACKWARD_DATA;
  convolve<S>(p, (const S *)x, (const S *)w, (const S *)y, (S *)(forward ? y : data ? x : w), forward ? p.y : data ? p.x : p.w);
}
}  // namespace

namespace st_emulator {

void convolve(const DNNProblem &problem, uint64_t x, uint64_t w, uint64_t y) {
  switch (problem.x.type) {
    case CC_DNN_F16: return run<half>(problem, x, w, y);
    case CC_DNN_BF16: return run<bfloat16>(problem, x, w, y);
    default: return run<float>(problem, x, w, y);
  }
}

}  // namespace st_emulator
