// Convolution and its gradients against the definition.
#include "check.h"

namespace st_emulator {

namespace {
struct Shape {
  uint32_t n, c, o, groups;
  // Innermost first.
  int32_t size[3], kernel[3], stride[3], pad[3], dilation[3];
  int32_t out(int d) const { return (size[d] + 2 * pad[d] - dilation[d] * (kernel[d] - 1) - 1) / stride[d] + 1; }
};
const Shape kShapes[] = {
    {2, 3, 66, 1, {7, 9, 1}, {3, 3, 1}, {1, 1, 1}, {1, 1, 0}, {1, 1, 1}},  {1, 20, 18, 2, {8, 5, 1}, {3, 2, 1}, {2, 3, 1}, {2, 1, 0}, {1, 2, 1}},
    {3, 6, 12, 6, {9, 6, 1}, {3, 3, 1}, {2, 1, 1}, {1, 1, 0}, {2, 1, 1}},  {1, 9, 10, 1, {5, 4, 6}, {2, 1, 3}, {4, 2, 2}, {1, 0, 2}, {2, 1, 2}},
    {2, 70, 9, 1, {40, 1, 1}, {4, 1, 1}, {3, 1, 1}, {3, 0, 0}, {6, 1, 1}}, {1, 17, 33, 1, {3, 3, 1}, {1, 1, 1}, {2, 2, 1}, {0, 0, 0}, {1, 1, 1}},
};

int32_t gcd(int32_t a, int32_t b) { return b == 0 ? a : gcd(b, a % b); }

/// Contiguous tensors; turned: the gradient of the data.
st_conv_args arguments(const Shape &s, bool turned) {
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

template <class T> void check_convolutions(Digest &digest, const std::string &type, double tolerance) {
  for (size_t number = 0; number < sizeof kShapes / sizeof *kShapes; ++number) {
    const Shape &s = kShapes[number];
    Numbers numbers = {number + 5};
    auto random = [&](size_t count) {
      std::vector<T> items;
      for (size_t k = 0; k < count; ++k) items.push_back((T)numbers.uniform(-1, 1));
      return items;
    };
    const size_t space = (size_t)(s.size[0] * s.size[1] * s.size[2]), results = (size_t)(s.out(0) * s.out(1) * s.out(2)), window = (size_t)(s.kernel[0] * s.kernel[1] * s.kernel[2]);
    const std::vector<T> x = random(s.n * s.c * space), w = random(s.o * s.c / s.groups * window), dy = random(s.n * s.o * results), bias = random(s.o);
    std::vector<double> y(dy.size()), dx(x.size()), dw(w.size());
    for (size_t k = 0; k < y.size(); ++k) y[k] = bias[k / results % s.o];
    walk(s, [&](size_t q, size_t p, size_t k) {
      y[q] += (double)x[p] * w[k];
      dx[p] += (double)dy[q] * w[k];
      dw[k] += (double)dy[q] * x[p];
    });
    Buffer bx(x), bw(w), bdy(dy), bbias(bias);
    auto compare = [&](const std::string &what, const Buffer &got, const std::vector<double> &want) {
      const std::vector<T> found = got.read<T>();
      for (size_t k = 0; k < want.size(); ++k)
        if (!is_close(found[k], want[k], tolerance)) fail("%s_%s of shape %zu: element %zu is %.9g instead of %.9g", what.c_str(), type.c_str(), number, k, (double)found[k], want[k]);
      digest.add(found);
    };
    auto launch = [&](const std::string &what, const st_conv_args &a, uint32_t gx, uint32_t gy, uint32_t gz) {
      launch_kernel("conv.cu", "ST_TYPE=" + type, what + "_" + type, &a, {gx, gy, gz}, {256, 1, 1});
    };
    for (const bool turned : {false, true}) {
      st_conv_args a = arguments(s, turned);
      a.in = turned ? bdy.address : bx.address;
      a.weight = bw.address;
      a.bias = turned ? 0 : bbias.address;
      const std::vector<double> &want = turned ? dx : y;
      // One plane of the grid may do the work of several.
      Buffer tiled(want.size() * sizeof(T)), direct(want.size() * sizeof(T));
      a.out = tiled.address;
      launch("convolution", a, (a.pixels + 63) / 64, (a.rows + 63) / 64, number % 2 ? 1 : a.planes);
      compare(turned ? "convolution, turned" : "convolution", tiled, want);
      a.out = direct.address;
      launch("convolutionDirect", a, (a.pixels + 255) / 256, (a.rows + 3) / 4, number % 2 ? a.planes : 1);
      compare(turned ? "convolutionDirect, turned" : "convolutionDirect", direct, want);
    }
    st_conv_args a = arguments(s, false);
    a.in = bx.address;
    a.out = bdy.address;
    Buffer whole(w.size() * sizeof(T)), parts(w.size() * sizeof(T)), direct(w.size() * sizeof(T));
    const uint32_t columns = (a.taps + 63) / 64, lines = (a.rows + 63) / 64;
    a.weight = whole.address;
    launch("convolutionBackwardWeight", a, columns, lines, a.groups);
    compare("convolutionBackwardWeight", whole, dw);
    a.weight = direct.address;
    launch("convolutionDirectWeight", a, (uint32_t)w.size(), 1, 1);
    compare("convolutionDirectWeight", direct, dw);
    a.each = 16;
    a.splits = (a.pixels + 15) / 16;
    Buffer workspace(w.size() * a.splits * sizeof(T));
    a.workspace = workspace.address;
    a.weight = parts.address;
    launch("convolutionBackwardWeight", a, columns, lines, number % 2 ? a.groups : a.groups * a.splits);
    if (a.splits > 1) launch("convolutionFinish", a, (uint32_t)(w.size() + 255) / 256, 1, 1);
    compare("convolutionBackwardWeight in parts", parts, dw);
  }
}
}  // namespace

ST_CHECK(convolutions) { check_convolutions<float>(digest, "f32", 2e-5); }
ST_CHECK(convolutions_in_double) { check_convolutions<double>(digest, "f64", 1e-13); }

}  // namespace st_emulator
