// Batch norm against loops in double: planes in packs, planes of odd size, and channels side by side.
#include "check.h"
#include <math.h>

namespace st_emulator {

struct BatchShape { uint32_t n, c, inner, splits; };
/// Sizes: packs, no packs, one element a plane (more than a warp of channels), a channel of one element.
static const BatchShape kBatches[] = {{3, 2, 40, 1}, {5, 3, 37, 3}, {70, 37, 1, 3}, {1, 2, 1, 1}};

static std::vector<float> drawn(size_t count, uint64_t seed, double middle) {
  Numbers numbers = {seed};
  std::vector<float> v;
  for (size_t k = 0; k < count; ++k) v.push_back((float)(middle + numbers.uniform(-2, 2)));
  return v;
}
static void agree(const char *what, const std::vector<float> &got, const std::vector<double> &want, double tolerance, Digest &digest) {
  for (size_t k = 0; k < want.size(); ++k)
    if (!is_close(got[k], want[k], tolerance)) fail("%s: element %zu is %.9g instead of %.9g", what, k, got[k], want[k]);
  digest.add(got);
}

ST_CHECK(batch_norm_and_its_gradient) {
  for (const BatchShape &b : kBatches)
    for (bool training : {true, false}) {
      const size_t total = (size_t)b.n * b.c * b.inner, each = (size_t)b.n * b.inner;
      // Far from zero: the squares of the elements would cancel.
      const std::vector<float> x = drawn(total, 3, 1000), dy = drawn(total, 4, 0), w = drawn(b.c, 5, 1), bias = drawn(b.c, 6, 0);
      std::vector<double> mean(b.c), variance(b.c), y(total), dx(total), dw(b.c), db(b.c);
      std::vector<float> rstd(b.c);
      const auto channel = [&](size_t i) { return i / b.inner % b.c; };
      for (size_t i = 0; i < total; ++i) mean[channel(i)] += x[i] / (double)each;
      for (size_t i = 0; i < total; ++i) variance[channel(i)] += (x[i] - mean[channel(i)]) * (x[i] - mean[channel(i)]) / (double)each;
      for (uint32_t c = 0; c < b.c; ++c) rstd[c] = (float)(1 / sqrt(variance[c] + 1e-5));

      Buffer bx(x), bdy(dy), bw(w), bb(bias), brstd(rstd), bmean(b.c * 4), bvariance(b.c * 4), by(total * 4), bdx(total * 4), bdw(b.c * 4), bdb(b.c * 4);
      Buffer workspace(b.splits * b.c * ST_BATCHNORM_STATE_BYTES), constants(b.c * 24);
      st_batchnorm_args args = {};
      args.x = bx.address;
      args.y = by.address;
      args.mean = bmean.address;
      args.variance = bvariance.address;
      args.rstd = brstd.address;
      args.weight = bw.address;
      args.bias = bb.address;
      args.workspace = workspace.address;
      args.constants = constants.address;
      args.n = b.n;
      args.c = b.c;
      args.inner = b.inner;
      args.splits = b.splits;
      args.part = (uint32_t)((each + b.splits - 1) / b.splits + 7) & ~7u;
      args.lanes = b.inner == 1 ? 32 : 1;
      args.inner_by = st_make_divisor(b.inner);
      args.c_by = st_make_divisor(b.c);
      args.flags = (training ? 1 : 0) | 2;
      const uint32_t lines = (b.c + args.lanes - 1) / args.lanes;
      launch_kernel("batchnorm.cu", "ST_TYPE=f32", "batchNormStatistics_f32", &args, {lines, b.splits, 1}, {ST_KERNEL_BLOCK, 1, 1});
      launch_kernel("batchnorm.cu", "ST_TYPE=f32", "batchNormMoments_f32", args, 1);
      agree("mean", bmean.read<float>(), mean, 1e-7, digest);
      agree("variance", bvariance.read<float>(), variance, 1e-6, digest);
      launch_kernel("batchnorm.cu", "ST_TYPE=f32", "batchNormApply_f32", args, 2);
      const std::vector<float> m = bmean.read<float>();
      std::vector<double> plain(b.c), along(b.c);
      for (size_t i = 0; i < total; ++i) {
        const size_t c = channel(i);
        y[i] = ((double)x[i] - m[c]) * rstd[c] * w[c] + bias[c];
        plain[c] += dy[i];
        along[c] += dy[i] * ((double)x[i] - m[c]);
      }
      agree("y", by.read<float>(), y, 1e-5, digest);
      for (size_t i = 0; i < total; ++i) {
        const size_t c = channel(i);
        const double scale = (double)rstd[c] * w[c];
        dx[i] = training ? (dy[i] - plain[c] / each) * scale - ((double)x[i] - m[c]) * scale * rstd[c] * rstd[c] * along[c] / each : dy[i] * scale;
        dw[c] = along[c] * rstd[c];
        db[c] = plain[c];
      }
      args.y = bdx.address;
      args.dy = bdy.address;
      args.dweight = bdw.address;
      args.dbias = bdb.address;
      launch_kernel("batchnorm.cu", "ST_TYPE=f32", "batchNormSums_f32", &args, {lines, b.splits, 1}, {ST_KERNEL_BLOCK, 1, 1});
      launch_kernel("batchnorm.cu", "ST_TYPE=f32", "batchNormConstants_f32", args, 1);
      launch_kernel("batchnorm.cu", "ST_TYPE=f32", "batchNormBackward_f32", args, 2);
      agree("dx", bdx.read<float>(), dx, 1e-4, digest);
      agree("dweight", bdw.read<float>(), dw, 1e-4, digest);
      agree("dbias", bdb.read<float>(), db, 1e-5, digest);
    }
}

}  // namespace st_emulator
