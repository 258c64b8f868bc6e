// Pooling against loops over the taps.
#include "check.h"
#include <math.h>

namespace st_emulator {

struct PoolShape { uint32_t planes; int32_t in[3], kernel[3], stride[3], pad[3], dilation[3], out[3]; };
/// The innermost dim first: three dims; overlapping windows with padding; dilated ones; one that hangs over the end (as with ceil mode).
static const PoolShape kPools[] = {
    {3, {7, 6, 5}, {3, 2, 2}, {2, 2, 1}, {1, 1, 0}, {1, 1, 1}, {4, 4, 4}},
    {2, {33, 9, 1}, {3, 3, 1}, {1, 2, 1}, {1, 1, 0}, {1, 1, 1}, {33, 5, 1}},
    {2, {11, 12, 1}, {2, 3, 1}, {2, 1, 1}, {1, 0, 0}, {3, 2, 1}, {5, 8, 1}},
    {1, {6, 1, 1}, {3, 1, 1}, {2, 1, 1}, {0, 0, 0}, {1, 1, 1}, {3, 1, 1}},
};
static int32_t product(const int32_t (&v)[3]) { return v[0] * v[1] * v[2]; }
static st_pool_args arguments(const PoolShape &s, st_address x, st_address y, st_address indices) {
  st_pool_args a = {};
  a.x = x;
  a.y = y;
  a.indices = indices;
  a.planes = s.planes;
  a.in_plane = (uint32_t)product(s.in);
  a.out_plane = (uint32_t)product(s.out);
  a.count = s.planes * a.out_plane;
  for (int d = 0; d < 3; ++d) {
    a.in[d] = s.in[d];
    a.out[d] = s.out[d];
    a.kernel[d] = s.kernel[d];
    a.stride[d] = s.stride[d];
    a.pad[d] = s.pad[d];
    a.dilation[d] = s.dilation[d];
    a.size[d] = st_make_divisor((uint32_t)s.out[d]);
    a.stride_by[d] = st_make_divisor((uint32_t)s.stride[d]);
  }
  return a;
}
/// Calls take(position in the plane, whether it lies in the plane, whether in the padded plane) for the taps of output q of a plane.
template <class F> static void taps(const PoolShape &s, int32_t q, const F &take) {
  const int32_t at[3] = {q % s.out[0], q / s.out[0] % s.out[1], q / s.out[0] / s.out[1]};
  int32_t k[3], p[3];
  for (k[2] = 0; k[2] < s.kernel[2]; ++k[2])
    for (k[1] = 0; k[1] < s.kernel[1]; ++k[1])
      for (k[0] = 0; k[0] < s.kernel[0]; ++k[0]) {
        bool inside = true, padded = true;
        for (int d = 0; d < 3; ++d) {
          p[d] = at[d] * s.stride[d] - s.pad[d] + k[d] * s.dilation[d];
          inside = inside && p[d] >= 0 && p[d] < s.in[d];
          padded = padded && p[d] < s.in[d] + s.pad[d];
        }
        take((p[2] * s.in[1] + p[1]) * s.in[0] + p[0], inside, padded);
      }
}

ST_CHECK(pooling_maxima_and_their_gradient) {
  for (const PoolShape &s : kPools) {
    const uint32_t in = (uint32_t)product(s.in), out = (uint32_t)product(s.out);
    Numbers numbers = {7};
    std::vector<float> x, dy;
    for (uint32_t i = 0; i < s.planes * in; ++i) x.push_back(i % 23 == 5 ? NAN : (float)(int)numbers.uniform(-4, 4));
    for (uint32_t i = 0; i < s.planes * out; ++i) dy.push_back((float)numbers.uniform(-1, 1));
    Buffer bx(x), by(dy.size() * 4), bi(dy.size() * 8), bdy(dy), bdx(x.size() * 4);
    launch_kernel("pool.cu", "ST_OP=max ST_TYPE=f32", "pool_max_f32", arguments(s, bx.address, by.address, bi.address), 2);
    const std::vector<float> y = by.read<float>();
    const std::vector<int64_t> indices = bi.read<int64_t>();
    std::vector<float> dx(x.size(), 0.0f);
    for (uint32_t i = 0; i < y.size(); ++i) {
      const uint32_t plane = i / out;
      float best = -INFINITY;
      int32_t place = -1;
      taps(s, (int32_t)(i % out), [&](int32_t p, bool inside, bool) {
        if (!inside) return;
        const float v = x[plane * in + (uint32_t)p];
        if (place < 0 || v > best || v != v) {
          best = v;
          place = p;
        }
      });
      if (!is_close(y[i], best, 0) || indices[i] != place) fail("maximum %u is %g at %lld instead of %g at %d", i, y[i], (long long)indices[i], best, place);
      // The same additions in the same order: the same bits.
      dx[plane * in + (uint32_t)place] += dy[i];
    }
    launch_kernel("pool.cu", "ST_OP=maxBackward ST_TYPE=f32", "pool_maxBackward_f32", arguments(s, bdx.address, bdy.address, bi.address), 1, 64);
    const std::vector<float> got = bdx.read<float>();
    for (size_t i = 0; i < dx.size(); ++i)
      if (got[i] != dx[i]) fail("gradient of element %zu is %.9g instead of %.9g", i, got[i], dx[i]);
    digest.add(y);
    digest.add(indices);
    digest.add(got);
  }
}

ST_CHECK(pooling_averages_and_their_gradient) {
  for (PoolShape s : kPools)
    for (int64_t mode : {0, 1, 7}) {
      // 0: padding does not count, 1: it does, else a divisor.
      for (int32_t &d : s.dilation) d = 1;
      const uint32_t in = (uint32_t)product(s.in), out = (uint32_t)product(s.out);
      Numbers numbers = {9};
      std::vector<float> x, dy;
      for (uint32_t i = 0; i < s.planes * in; ++i) x.push_back((float)numbers.uniform(-1, 1));
      for (uint32_t i = 0; i < s.planes * out; ++i) dy.push_back((float)numbers.uniform(-1, 1));
      std::vector<double> y, dx(x.size(), 0.0);
      for (uint32_t i = 0; i < dy.size(); ++i) {
        double sum = 0, count = 0;
        taps(s, (int32_t)(i % out), [&](int32_t p, bool inside, bool padded) {
          if (inside) sum += x[i / out * in + (uint32_t)p];
          count += mode == 1 ? padded : inside;
        });
        if (mode > 1) count = (double)mode;
        y.push_back(sum / count);
        taps(s, (int32_t)(i % out), [&](int32_t p, bool inside, bool) {
          if (inside) dx[i / out * in + (uint32_t)p] += dy[i] / count;
        });
      }
      Buffer bx(x), by(dy.size() * 4), bdy(dy), bdx(x.size() * 4);
      st_pool_args a = arguments(s, bx.address, by.address, 0);
      a.include_pad = mode == 1;
      a.divisor = mode > 1 ? mode : 0;
      launch_kernel("pool.cu", "ST_OP=average ST_TYPE=f32", "pool_average_f32", a, 2);
      a.x = bdx.address;
      a.y = bdy.address;
      a.count = s.planes * in;
      for (int d = 0; d < 3; ++d) a.size[d] = st_make_divisor((uint32_t)s.in[d]);
      launch_kernel("pool.cu", "ST_OP=averageBackward ST_TYPE=f32", "pool_averageBackward_f32", a, 2);
      const std::vector<float> got = by.read<float>(), gradient = bdx.read<float>();
      for (size_t i = 0; i < y.size(); ++i)
        if (!is_close(got[i], y[i], 1e-6)) fail("average %zu is %.9g instead of %.9g", i, got[i], y[i]);
      for (size_t i = 0; i < dx.size(); ++i)
        if (!is_close(gradient[i], dx[i], 1e-6)) fail("gradient of element %zu is %.9g instead of %.9g", i, gradient[i], dx[i]);
      digest.add(got);
      digest.add(gradient);
    }
}

}  // namespace st_emulator
