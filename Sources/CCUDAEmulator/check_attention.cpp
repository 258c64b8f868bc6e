// Attention and its gradients against plain sums in float64.
#include "check.h"
#include "kernels.h"
#include <algorithm>
#include <memory>
#include <math.h>
#define ST_KERNEL_FILE "faulty.cu"
namespace {
#include "preamble.cuh"
#include "scalar/convert.h"

struct Shape {
  uint32_t batch, heads, queries, keys, width;
  bool causal;
  /// Numbers between rows of one head, as where heads lie beside each other: [batch, length, heads, width + gap].
  uint32_t gap;
};
struct Tensor {
  uint32_t length;
  std::vector<double> numbers;
  int64_t stride[3];
  size_t at(size_t b, size_t h, size_t r) const { return b * stride[0] + h * stride[1] + r * stride[2]; }
};

template <class S> void check_attention(st_emulator::Digest &digest, const char *type, const Shape &s, double tolerance) {
  using namespace st_emulator;
  Numbers random = {s.queries * 1000 + s.keys * 10 + s.width};
  // Scores so far apart that later keys make the sums of earlier ones small, and gradients less exact.
  const bool is_sharp = s.queries > s.keys && s.width == 64;
  const double scale = (is_sharp ? 4 : 1) / sqrt((double)s.width);
  Tensor tensors[ST_ATTENTION_TENSORS];
  std::vector<std::vector<S>> memory(ST_ATTENTION_TENSORS);
  for (int k = 0; k < ST_ATTENTION_TENSORS; ++k) {
    Tensor &t = tensors[k];
    t.length = k == ST_KEY || k == ST_VALUE || k == ST_DKEY || k == ST_DVALUE ? s.keys : s.queries;
    const int64_t row = s.width + s.gap;
    t.stride[0] = t.length * s.heads * row;
    t.stride[1] = row;
    t.stride[2] = s.heads * row;
    const size_t count = (size_t)t.stride[0] * s.batch;
    memory[k].resize(count, To<S>::from((double)NAN));
    t.numbers.resize(count, NAN);
    if (k == ST_QUERY || k == ST_KEY || k == ST_VALUE || k == ST_DOUT)
      for (size_t r = 0; r < count; r += row)
        for (size_t i = r; i < r + s.width; ++i) {
          memory[k][i] = To<S>::from(random.uniform(-2, 2));
          t.numbers[i] = load_as(&memory[k][i]);
        }
  }
  // The same by definition.
  std::vector<double> want_lse;
  for (int k : {ST_OUT, ST_DQUERY, ST_DKEY, ST_DVALUE}) std::fill(tensors[k].numbers.begin(), tensors[k].numbers.end(), 0.0);
  auto number = [&](int k, size_t b, size_t h, size_t r) { return tensors[k].numbers.data() + tensors[k].at(b, h, r); };
  for (size_t b = 0; b < s.batch; ++b)
    for (size_t h = 0; h < s.heads; ++h)
      for (size_t i = 0; i < s.queries; ++i) {
        const size_t seen = s.causal ? std::min<size_t>(s.keys, i + 1) : s.keys;
        std::vector<double> p(seen), dp(seen);
        double most = -INFINITY, total = 0, delta = 0;
        for (size_t j = 0; j < seen; ++j) {
          for (size_t d = 0; d < s.width; ++d) {
            p[j] += scale * number(ST_QUERY, b, h, i)[d] * number(ST_KEY, b, h, j)[d];
            dp[j] += number(ST_DOUT, b, h, i)[d] * number(ST_VALUE, b, h, j)[d];
          }
          most = std::max(most, p[j]);
        }
        for (double &x : p) total += x = exp(x - most);
        want_lse.push_back(most + log(total));
        for (size_t j = 0; j < seen; ++j) {
          p[j] /= total;
          delta += p[j] * dp[j];
        }
        for (size_t j = 0; j < seen; ++j)
          for (size_t d = 0; d < s.width; ++d) {
            const double ds = p[j] * (dp[j] - delta) * scale;
            number(ST_OUT, b, h, i)[d] += p[j] * number(ST_VALUE, b, h, j)[d];
            number(ST_DVALUE, b, h, j)[d] += p[j] * number(ST_DOUT, b, h, i)[d];
            number(ST_DQUERY, b, h, i)[d] += ds * number(ST_KEY, b, h, j)[d];
            number(ST_DKEY, b, h, j)[d] += ds * number(ST_QUERY, b, h, i)[d];
          }
      }
  st_attention_args args = {};
  std::vector<std::unique_ptr<Buffer>> buffers;
  for (int k = 0; k < ST_ATTENTION_TENSORS; ++k) {
    buffers.push_back(std::make_unique<Buffer>(memory[k]));
    args.address[k] = buffers[k]->address;
    memcpy(args.stride[k], tensors[k].stride, sizeof tensors[k].stride);
  }
  const uint32_t heads = s.batch * s.heads;
  Buffer lse(heads * s.queries * sizeof(float)), delta(heads * s.queries * sizeof(float));
  args.lse = lse.address;
  args.delta = delta.address;
  args.batch = s.batch;
  args.heads = s.heads;
  args.queries = s.queries;
  args.keys = s.keys;
  args.width = s.width;
  args.causal = s.causal;
  args.scale = scale;
  const std::string defines = std::string("ST_TYPE=") + type, end = std::string("_") + type + (s.width > 64 ? "_128" : "_64");
  const bool is_fma = sizeof(S) == 4;
  auto launch = [&](const char *kernel, uint32_t length, uint32_t rows) {
    if (is_fma) rows = ST_ATTENTION_FMA_ROWS;
    launch_kernel("attention.cu", defines, kernel + end, args, heads * ((length + rows - 1) / rows), is_fma ? ST_ATTENTION_FMA_THREADS : ST_ATTENTION_THREADS);
  };
  const uint32_t gradient_rows = s.width > 64 ? ST_ATTENTION_WIDE_GRADIENT_ROWS : ST_ATTENTION_ROWS;
  launch("attention", s.queries, ST_ATTENTION_ROWS);
  launch_kernel("attention.cu", defines, std::string("attentionDelta_") + type, &args, {2, 1, 1}, {32, 8, 1});
  launch("attentionKeys", s.keys, gradient_rows);
  launch("attentionQueries", s.queries, gradient_rows);
  const std::vector<float> got_lse = lse.read<float>();
  for (size_t r = 0; r < want_lse.size(); ++r)
    if (!is_close(got_lse[r], want_lse[r], 1e-5))
      fail("%s %ux%ux%u: lse %zu is %.9g instead of %.9g", type, s.queries, s.keys, s.width, r, (double)got_lse[r], want_lse[r]);
  digest.add(got_lse);
  const char *names[] = {"query", "key", "value", "out", "dout", "dquery", "dkey", "dvalue"};
  for (int k : {ST_OUT, ST_DQUERY, ST_DKEY, ST_DVALUE}) {
    const std::vector<S> got = buffers[k]->read<S>();
    for (size_t b = 0; b < s.batch; ++b)
      for (size_t h = 0; h < s.heads; ++h)
        for (size_t r = 0; r < tensors[k].length; ++r)
          for (size_t d = 0; d < s.width + s.gap; ++d) {
            const size_t place = tensors[k].at(b, h, r) + d;
            const double x = load_as(&got[place]), want = d < s.width ? tensors[k].numbers[place] : NAN;
            if (!is_close(x, want, is_sharp && k != ST_OUT ? 8 * tolerance : tolerance))
              fail("%s %ux%ux%u%s: %s %zu, %zu, %zu, %zu is %.9g instead of %.9g", type, s.queries, s.keys, s.width, s.causal ? " causal" : "", names[k], b, h, r, d, x, want);
          }
    digest.add(got);
  }
}
template <class S> void check_shapes(st_emulator::Digest &digest, const char *type, double tolerance) {
  for (const Shape &s : {Shape{1, 2, 70, 130, 64, false, 0}, {2, 1, 100, 40, 80, true, 0}, {1, 1, 33, 65, 128, true, 0}, {1, 3, 5, 3, 20, false, 0}, {1, 2, 66, 66, 17, true, 3},
                         {1, 1, 2, 140, 64, true, 8}, {1, 1, 260, 200, 64, true, 0}, {1, 1, 150, 290, 40, true, 8}, {1, 1, 129, 128, 128, false, 8}, {1, 1, 140, 150, 96, true, 0},
                         {1, 1, 200, 129, 33, true, 0}, {3, 11, 3, 2, 8, true, 0}})
    check_attention<S>(digest, type, s, tolerance);
}
}  // namespace

namespace st_emulator {

ST_CHECK(attention_f32) { check_shapes<float>(digest, "f32", 1e-5); }
ST_CHECK(attention_f16) { check_shapes<half>(digest, "f16", 6e-3); }
ST_CHECK(attention_bf16) { check_shapes<bfloat16>(digest, "bf16", 5e-2); }

}  // namespace st_emulator
