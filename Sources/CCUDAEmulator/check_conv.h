// Convolutions by their definition, for the checks of the kernels that make them.
#pragma once
#include "check.h"

namespace st_emulator {
namespace {

struct Shape {
  uint32_t n, c, o, groups;
  // Innermost first.
  int32_t size[3], kernel[3], stride[3], pad[3], dilation[3];
  int32_t out(int d) const { return (size[d] + 2 * pad[d] - dilation[d] * (kernel[d] - 1) - 1) / stride[d] + 1; }
};
inline const Shape kShapes[] = {
    {2, 3, 66, 1, {7, 9, 1}, {3, 3, 1}, {1, 1, 1}, {1, 1, 0}, {1, 1, 1}},  {1, 20, 18, 2, {8, 5, 1}, {3, 2, 1}, {2, 3, 1}, {2, 1, 0}, {1, 2, 1}},
    {3, 6, 12, 6, {9, 6, 1}, {3, 3, 1}, {2, 1, 1}, {1, 1, 0}, {2, 1, 1}},  {1, 9, 10, 1, {5, 4, 6}, {2, 1, 3}, {4, 2, 2}, {1, 0, 2}, {2, 1, 2}},
    {2, 70, 9, 1, {40, 1, 1}, {4, 1, 1}, {3, 1, 1}, {3, 0, 0}, {6, 1, 1}}, {1, 17, 33, 1, {3, 3, 1}, {1, 1, 1}, {2, 2, 1}, {0, 0, 0}, {1, 1, 1}},
    {1, 8, 130, 1, {6, 5, 1}, {3, 3, 1}, {1, 1, 1}, {1, 1, 0}, {1, 1, 1}}, {2, 48, 20, 2, {40, 1, 1}, {2, 1, 1}, {1, 1, 1}, {0, 0, 0}, {1, 1, 1}},
};

inline int32_t gcd(int32_t a, int32_t b) { return b == 0 ? a : gcd(b, a % b); }

/// Contiguous tensors; turned: the gradient of the data.
inline st_conv_args arguments(const Shape &s, bool turned) {
  st_conv_args a = {};
  const uint32_t ci = s.c / s.groups, co = s.o / s.groups;
  uint32_t x_plane = 1, y_plane = 1, window = 1;
  a.pixels = s.n;
  a.planes = a.groups = s.groups;
  for (int d = 0; d < 3; ++d) {
    st_conv_dim &m = a.dim[d];
    const int32_t out = s.out(d), g = gcd(s.stride[d], s.dilation[d]), result = turned ? s.size[d] : out, phases = turned ? s.stride[d] : 1;
    m.kernel = st_make_divisor((uint32_t)s.kernel[d]);
    m.phases = st_make_divisor((uint32_t)phases);
    m.pixels = st_make_divisor((uint32_t)((result + phases - 1) / phases));
    m.along = turned ? 1 : (uint32_t)s.stride[d];
    m.step = turned ? (uint32_t)(s.stride[d] / g) : 1;
    m.extent = (uint32_t)(turned ? out : s.size[d]);
    m.out_extent = (uint32_t)result;
    m.move = turned ? -s.dilation[d] / g : s.dilation[d];
    m.start = turned ? s.pad[d] : -s.pad[d];
    m.dilation = s.dilation[d];
    m.in_stride = turned ? y_plane : x_plane;
    m.out_stride = turned ? x_plane : y_plane;
    m.weight_stride = window;
    x_plane *= (uint32_t)s.size[d];
    y_plane *= (uint32_t)out;
    window *= (uint32_t)s.kernel[d];
    a.pixels *= m.pixels.divisor;
    a.planes *= (uint32_t)phases;
  }
  a.rows = turned ? ci : co;
  a.channels = turned ? co : ci;
  a.taps = a.channels * window;
  a.in_channel = turned ? y_plane : x_plane;
  a.in_group = a.in_channel * a.channels;
  a.in_batch = a.in_group * s.groups;
  a.out_row = turned ? x_plane : y_plane;
  a.out_group = a.out_row * a.rows;
  a.out_batch = a.out_group * s.groups;
  a.weight_row = turned ? window : ci * window;
  a.weight_channel = turned ? ci * window : window;
  a.weight_group = co * ci * window;
  a.bias_stride = 1;
  a.splits = 1;
  a.each = a.pixels;
  return a;
}

/// Calls body(place in y, in x, in the weights) for every product of the definition.
template <class Body> void walk(const Shape &s, const Body &body) {
  const int32_t ci = (int32_t)(s.c / s.groups), co = (int32_t)(s.o / s.groups), e[3] = {s.out(0), s.out(1), s.out(2)};
  for (int32_t n = 0; n < (int32_t)s.n; ++n)
    for (int32_t o = 0; o < (int32_t)s.o; ++o)
      for (int32_t c = 0; c < ci; ++c)
        for (int32_t q = 0; q < e[0] * e[1] * e[2]; ++q)
          for (int32_t k = 0; k < s.kernel[0] * s.kernel[1] * s.kernel[2]; ++k) {
            int32_t pixel = q, tap = k, at = 0, pitch = 1;
            bool inside = true;
            for (int d = 0; d < 3; ++d) {
              const int32_t p = pixel % e[d] * s.stride[d] - s.pad[d] + tap % s.kernel[d] * s.dilation[d];
              inside = inside && p >= 0 && p < s.size[d];
              at += p * pitch;
              pitch *= s.size[d];
              pixel /= e[d];
              tap /= s.kernel[d];
            }
            if (inside)
              body((size_t)((n * (int32_t)s.o + o) * e[0] * e[1] * e[2] + q), (size_t)((n * (int32_t)s.c + o / co * ci + c) * pitch + at),
                   (size_t)((o * ci + c) * s.kernel[0] * s.kernel[1] * s.kernel[2] + k));
          }
}

/// What goes into a convolution and its gradients, and what comes out. The numbers are eighths up to 2, of which every type and tf32 hold all bits and float32 all bits of their sums of
/// products: so results are those of the definition, rounded once, whatever the order of the sums.
struct Definition {
  std::vector<double> x, weight, dy, bias, y, dx, dweight;
  Definition(const Shape &s, uint64_t seed) {
    Numbers numbers = {seed};
    auto eighths = [&](size_t count) {
      std::vector<double> items(count);
      for (double &v : items) v = (double)(int64_t)(numbers.bits() % 33) / 8 - 2;
      return items;
    };
    const size_t space = (size_t)(s.size[0] * s.size[1] * s.size[2]), results = (size_t)(s.out(0) * s.out(1) * s.out(2)), window = (size_t)(s.kernel[0] * s.kernel[1] * s.kernel[2]);
    x = eighths(s.n * s.c * space);
    weight = eighths(s.o * s.c / s.groups * window);
    dy = eighths(s.n * s.o * results);
    bias = eighths(s.o);
    y.resize(dy.size());
    dx.resize(x.size());
    dweight.resize(weight.size());
    for (size_t k = 0; k < y.size(); ++k) y[k] = bias[k / results % s.o];
    walk(s, [&](size_t q, size_t p, size_t k) {
      y[q] += x[p] * weight[k];
      dx[p] += dy[q] * weight[k];
      dweight[k] += dy[q] * x[p];
    });
  }
};

}  // namespace
}  // namespace st_emulator
