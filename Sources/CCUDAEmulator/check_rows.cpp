// Softmax, cross-entropy and normalisations against loops in double.
#include "check.h"
#include <math.h>

namespace st_emulator {

struct Matrix {
  uint32_t rows, columns;
  std::vector<float> of;
  Matrix(uint32_t r, uint32_t c, uint64_t seed) : rows(r), columns(c) {
    Numbers numbers = {seed};
    for (uint32_t k = 0; k < r * c; ++k) of.push_back((float)numbers.uniform(-3, 3));
  }
  double at(uint32_t r, uint32_t c) const { return of[r * columns + c]; }
};
struct Block { uint32_t x, y; };
static void run_rows(const char *file, const std::string &op, std::vector<st_address> addresses, uint32_t rows, uint32_t columns, Block threads) {
  st_rows_args args = {};
  for (size_t k = 0; k < addresses.size(); ++k) args.address[k] = addresses[k];
  args.rows = rows;
  args.columns = columns;
  args.eps = 1e-5;
  args.ignore_index = -100;
  launch_kernel(file, "ST_TYPE=f32", op + "_f32", &args, {3, 1, 1}, {threads.x, threads.y, 1});
}
static void compare(const char *what, const std::vector<float> &got, const std::vector<double> &want, double tolerance, Digest &digest) {
  for (size_t k = 0; k < want.size(); ++k)
    if (!is_close(got[k], want[k], tolerance)) fail("%s: element %zu is %.9g instead of %.9g", what, k, got[k], want[k]);
  digest.add(got);
}
/// Rows that fit the registers of a block, and rows that do not.
static const struct { uint32_t rows, columns; Block threads; } kShapes[] = {{5, 70, {32, 4}}, {4, 2401, {64, 1}}, {4, 2404, {128, 1}}, {1, 1, {32, 1}}};

ST_CHECK(softmax_and_its_gradient) {
  for (auto [rows, columns, threads] : kShapes)
    for (bool logarithm : {false, true}) {
      Matrix x(rows, columns, 3), g(rows, columns, 4);
      std::vector<double> y, dx;
      for (uint32_t r = 0; r < rows; ++r) {
        double sum = 0, dot = 0;
        for (uint32_t c = 0; c < columns; ++c) sum += exp(x.at(r, c));
        for (uint32_t c = 0; c < columns; ++c) {
          y.push_back(logarithm ? x.at(r, c) - log(sum) : exp(x.at(r, c)) / sum);
          dot += logarithm ? g.at(r, c) : g.at(r, c) * y.back();
        }
        for (uint32_t c = 0; c < columns; ++c) {
          double v = y[r * columns + c];
          dx.push_back(logarithm ? g.at(r, c) - exp(v) * dot : v * (g.at(r, c) - dot));
        }
      }
      Buffer bx(x.of), bg(g.of), by(x.of.size() * 4), bd(x.of.size() * 4);
      const std::string op = logarithm ? "logSoftmax" : "softmax";
      run_rows("softmax.cu", op, {by.address, bx.address}, rows, columns, threads);
      compare(op.c_str(), by.read<float>(), y, 2e-6, digest);
      run_rows("softmax.cu", op + "Backward", {bd.address, bg.address, by.address}, rows, columns, threads);
      compare((op + "Backward").c_str(), bd.read<float>(), dx, 1e-5, digest);
    }
}
ST_CHECK(cross_entropy_and_its_gradient) {
  const uint32_t rows = 6, columns = 45;
  Matrix x(rows, columns, 8);
  std::vector<int64_t> target = {0, 44, -100, 7, 7, 45};
  std::vector<float> scale = {1, 0.5f, 1, 2, 1, 1};
  Buffer bx(x.of), bt(target), loss(rows * 4), lse(rows * 4), fault(std::vector<uint64_t>{~0ull}), bs(scale), dx(x.of.size() * 4);
  run_rows("softmax.cu", "crossEntropy", {loss.address, bx.address, bt.address, lse.address, fault.address}, rows, columns, {64, 1});
  std::vector<double> want, gradient;
  for (uint32_t r = 0; r < rows; ++r) {
    double sum = 0;
    for (uint32_t c = 0; c < columns; ++c) sum += exp(x.at(r, c));
    const int64_t t = target[r];
    want.push_back(t < 0 || t >= columns ? 0 : log(sum) - x.at(r, (uint32_t)t));
    for (uint32_t c = 0; c < columns; ++c) gradient.push_back(t == -100 ? 0 : scale[r] * (exp(x.at(r, c)) / sum - (c == t ? 1 : 0)));
  }
  compare("crossEntropy", loss.read<float>(), want, 2e-6, digest);
  if (fault.read<uint64_t>()[0] >> 32 != 5) fail("the target that is no class was reported at %llu", (unsigned long long)(fault.read<uint64_t>()[0] >> 32));
  run_rows("softmax.cu", "crossEntropyBackward", {dx.address, bx.address, bt.address, lse.address, bs.address}, rows, columns, {64, 1});
  compare("crossEntropyBackward", dx.read<float>(), gradient, 2e-6, digest);
}
ST_CHECK(normalisations_and_their_gradients) {
  for (auto [rows, columns, threads] : kShapes)
    for (bool centered : {true, false}) {
      Matrix x(rows, columns, 5), g(rows, columns, 6), w(1, columns, 7), b(1, columns, 9);
      std::vector<double> y, dx(x.of.size()), dw(columns), db(columns), means, rstds;
      for (uint32_t r = 0; r < rows; ++r) {
        double mean = 0, spread = 0, first = 0, second = 0;
        for (uint32_t c = 0; c < columns && centered; ++c) mean += x.at(r, c) / columns;
        for (uint32_t c = 0; c < columns; ++c) spread += (x.at(r, c) - mean) * (x.at(r, c) - mean) / columns;
        const double rstd = 1 / sqrt(spread + 1e-5);
        for (uint32_t c = 0; c < columns; ++c) {
          const double z = (x.at(r, c) - mean) * rstd, d = g.at(r, c) * w.of[c];
          y.push_back(z * w.of[c] + b.of[c]);
          first += centered ? d / columns : 0;
          second += d * z / columns;
          dw[c] += g.at(r, c) * z;
          db[c] += g.at(r, c);
        }
        for (uint32_t c = 0; c < columns; ++c) dx[r * columns + c] = rstd * (g.at(r, c) * w.of[c] - first - (x.at(r, c) - mean) * rstd * second);
      }
      // With one column all is 0 but for rounding, which 1 / sqrt(eps) enlarges.
      Buffer bx(x.of), bg(g.of), bw(w.of), bb(b.of), by(x.of.size() * 4), mean(rows * 4), rstd(rows * 4), bd(x.of.size() * 4), bdw(columns * 4), bdb(columns * 4);
      const st_address stored_mean = centered ? mean.address : 0;
      run_rows("layernorm.cu", "layerNorm", {by.address, bx.address, bw.address, bb.address, stored_mean, rstd.address}, rows, columns, threads);
      compare("layerNorm", by.read<float>(), y, 1e-5, digest);
      run_rows("layernorm.cu", "layerNormBackward", {bd.address, bg.address, bx.address, bw.address, stored_mean, rstd.address}, rows, columns, threads);
      compare("layerNormBackward", bd.read<float>(), dx, 1e-4, digest);
      st_rows_args args = {};
      const st_address addresses[] = {bdw.address, bdb.address, bg.address, bx.address, stored_mean, rstd.address};
      memcpy(args.address, addresses, sizeof addresses);
      args.rows = rows;
      args.columns = columns;
      args.splits = rows > 1 ? 2 : 1;
      Buffer parts(16 * columns * args.splits);
      args.address[6] = parts.address;
      launch_kernel("layernorm.cu", "ST_TYPE=f32", "layerNormBackwardWeights_f32", &args, {(columns + 31) / 32, args.splits, 1}, {32, 8, 1});
      launch_kernel("layernorm.cu", "ST_TYPE=f32", "layerNormBackwardWeightsFinish_f32", &args, {3, 1, 1}, {32, 8, 1});
      compare("dweight", bdw.read<float>(), dw, 1e-5, digest);
      compare("dbias", bdb.read<float>(), db, 1e-5, digest);
    }
}

}  // namespace st_emulator
