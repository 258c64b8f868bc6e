// Philox against its published vectors, and the distributions against numbers computed from its words here.
#include "check.h"
#include <math.h>

namespace {
#define ST_FN static inline
#include "scalar/philox.h"
#undef ST_FN
}  // namespace

namespace st_emulator {

/// The known answers for philox4x32-10 that come with Random123.
ST_CHECK(philox_known_answers) {
  const uint32_t vectors[][10] = {
      {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
      {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
      {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
  };
  for (const uint32_t(&v)[10] : vectors) {
    const PhiloxWords r = philox((uint64_t)v[5] << 32 | v[4], (uint64_t)v[3] << 32 | v[2], (uint64_t)v[1] << 32 | v[0]);
    for (int k = 0; k < 4; ++k)
      if (r.word[k] != v[6 + k]) fail("word %d is %08x instead of %08x", k, r.word[k], v[6 + k]);
  }
  // The first vector through a kernel: thread 0 writes its four words 512 elements apart.
  const uint32_t grid = 2, threads = 256, step = grid * threads;
  Buffer out(4 * step * 4);
  st_random_args args = {};
  args.out = out.address;
  args.count = 4 * step;
  launch_kernel("random.cu", "ST_OP=integers ST_TYPE=u32", "random_integers_u32", args, grid);
  const std::vector<uint32_t> words = out.read<uint32_t>();
  for (int k = 0; k < 4; ++k)
    if (words[k * step] != vectors[0][6 + k]) fail("word %d of thread 0 is %08x", k, words[k * step]);
  digest.add(words);
}

/// Element i of a kernel with `per` numbers a block: its block, and which number of it.
static PhiloxWords block_of(uint64_t i, uint64_t step, uint64_t per, uint64_t seed, uint64_t offset, uint32_t *which) {
  *which = (uint32_t)(i / step % per);
  return philox(seed, i % step, offset / 4 + i / (step * per));
}
ST_CHECK(distributions) {
  const uint32_t grid = 2, step = 512;
  // More than one round of four a thread, and an end in the middle of one.
  const uint64_t count = 4 * step + 700, seed = 0x123456789abcdefull, offset = 40;
  st_random_args args = {};
  args.count = count;
  args.seed = seed;
  args.offset = offset;
  auto unit = [](uint32_t w) { return (double)((float)w * 0x1p-32f + 0x1p-33f); };
  for (const char *op : {"uniform", "normal", "logNormal", "exponential", "cauchy", "geometric", "bernoulli"}) {
    const std::string name = op;
    args.a = name == "exponential" ? 2 : name == "geometric" ? log(0.7) : name == "bernoulli" ? 0.3 : name == "uniform" ? -1 : 0.5;
    args.b = name == "uniform" ? 3 : 0.25;
    Buffer out(count * 4);
    args.out = out.address;
    launch_kernel("random.cu", "ST_OP=" + name + " ST_TYPE=f32", "random_" + name + "_f32", args, grid);
    const std::vector<float> got = out.read<float>();
    for (uint64_t i = 0; i < count; ++i) {
      uint32_t k;
      const PhiloxWords w = block_of(i, step, 4, seed, offset, &k);
      const double u = unit(w.word[k]), radius = sqrt(-2 * log(unit(w.word[k & ~1u]))), turn = unit(w.word[k | 1]) * 6.283185307179586, z = radius * (k & 1 ? cos(turn) : sin(turn));
      const double want = name == "uniform" ? u * 4 - 1 : name == "normal" ? z * 0.25 + 0.5 : name == "logNormal" ? exp(z * 0.25 + 0.5) : name == "exponential" ? -log(u) / 2 :
          name == "cauchy" ? 0.5 + 0.25 * tan(3.141592653589793 * (u - 0.5)) : name == "geometric" ? ceil(log(u) / log(0.7)) : u < 0.3;
      // The tangent near a pole, and a quotient near a whole number, magnify rounding.
      const double tolerance = name == "cauchy" ? 1e-5 * (1 + fabs(want)) : 2e-5;
      if (!is_close(got[i], want, tolerance) && !(name == "geometric" && fabs(log(u) / log(0.7) - round(log(u) / log(0.7))) < 1e-5)) fail("%s: element %llu is %.9g instead of %.9g", op, (unsigned long long)i, got[i], want);
    }
    digest.add(got);
  }
}
/// In packs, by pairs and one by one, with and without the truth values; then the gradient of each.
ST_CHECK(dropout) {
  const uint64_t threads = 256, seed = 99, offset = 12;
  for (uint32_t neighbours : {4u, 2u, 1u}) {
    // More than two rounds.
    const uint64_t count = neighbours * (threads * 2 + 77);
    std::vector<float> values;
    for (uint64_t i = 0; i < count; ++i) values.push_back((float)i - 100.5f);
    Buffer x(values), y(count * 4), kept(count), dx(count * 4);
    st_dropout_args args = {};
    args.y = y.address;
    args.x = x.address;
    args.count = count;
    args.seed = seed;
    args.offset = offset;
    args.neighbours = neighbours;
    args.keep = (double)0.7f;
    args.scale = 1 / args.keep;
    launch_kernel("dropout.cu", "ST_TYPE=f32", "dropout_f32", args, 1);
    const std::vector<float> alone = y.read<float>();
    args.kept = kept.address;
    launch_kernel("dropout.cu", "ST_TYPE=f32", "dropout_f32", args, 1);
    const std::vector<float> result = y.read<float>();
    const std::vector<unsigned char> truth = kept.read<unsigned char>();
    st_run_args run = {};
    run.address[0] = dx.address;
    run.address[1] = kept.address;
    run.address[2] = x.address;
    run.count = count;
    run.params = {{args.scale}, {}};
    launch_kernel("dropout.cu", "ST_TYPE=f32", "dropoutBackward_f32_run", run, 2);
    const std::vector<float> gradient = dx.read<float>();
    for (uint64_t i = 0; i < count; ++i) {
      const uint64_t taken = i / (neighbours * threads) * neighbours + i % neighbours;
      const PhiloxWords w = philox(seed, i / neighbours % threads, offset / 4 + taken / 4);
      const bool stays = (float)w.word[taken % 4] * 0x1p-32f + 0x1p-33f < 0.7f;
      const float want = values[i] * (stays ? (float)args.scale : 0.0f);
      if (result[i] != want || truth[i] != stays || alone[i] != want || gradient[i] != want) fail("%u neighbours: element %llu", neighbours, (unsigned long long)i);
    }
    digest.add(result);
  }
}
ST_CHECK(wide_draws) {
  const uint32_t grid = 1, step = 256;
  const uint64_t count = 2 * step + 300, seed = 7, offset = 8;
  st_random_args args = {};
  args.count = count;
  args.seed = seed;
  args.offset = offset;
  Buffer integers(count * 8), uniform(count * 8), normal(count * 8);
  args.out = integers.address;
  args.base = -5;
  args.range = 1ull << 40;
  launch_kernel("random.cu", "ST_OP=wideIntegers ST_TYPE=i64", "random_wideIntegers_i64", args, grid);
  args.out = uniform.address;
  args.a = 0;
  args.b = 1;
  launch_kernel("random.cu", "ST_OP=uniform ST_TYPE=f64", "random_uniform_f64", args, grid);
  args.out = normal.address;
  launch_kernel("random.cu", "ST_OP=normal ST_TYPE=f64", "random_normal_f64", args, grid);
  const std::vector<int64_t> i64 = integers.read<int64_t>();
  const std::vector<double> f64 = uniform.read<double>(), z64 = normal.read<double>();
  for (uint64_t i = 0; i < count; ++i) {
    uint32_t k;
    const PhiloxWords w = block_of(i, step, 2, seed, offset, &k);
    const uint64_t word = (uint64_t)w.word[2 * k] << 32 | w.word[2 * k + 1];
    if (i64[i] != (int64_t)(word % (1ull << 40)) - 5) fail("integer %llu is %lld", (unsigned long long)i, (long long)i64[i]);
    auto bits = [&](int at) { return (double)((uint64_t)w.word[at] ^ (uint64_t)w.word[at + 1] << 21) * 0x1p-53 + 0x1p-54; };
    if (f64[i] != bits(2 * (int)k)) fail("uniform %llu is %.17g instead of %.17g", (unsigned long long)i, f64[i], bits(2 * (int)k));
    const double z = sqrt(-2 * log(bits(0))) * (k ? cos(6.283185307179586 * bits(2)) : sin(6.283185307179586 * bits(2)));
    if (!is_close(z64[i], z, 1e-12)) fail("normal %llu is %.17g instead of %.17g", (unsigned long long)i, z64[i], z);
  }
  digest.add(i64);
  digest.add(f64);
  digest.add(z64);
}
/// The end that must not occur, halves whose range rounds, and chances for each element.
ST_CHECK(ends_of_ranges) {
  const uint64_t count = 3000;
  st_random_args args = {};
  args.count = count;
  args.seed = 3;
  args.a = 0;
  args.b = 1;
  Buffer out(count * 2);
  args.out = out.address;
  launch_kernel("random.cu", "ST_OP=uniform ST_TYPE=bf16", "random_uniform_bf16", args, 4);
  int low = 0;
  for (uint16_t x : out.read<uint16_t>()) {
    if (x >= 0x3f80) fail("bits %04x are not below 1", x);
    low += x == 0;
  }
  // A number of the last 512th rounds to 1 and becomes 0: some do, not many.
  if (low == 0 || low > 40) fail("%d zeros", low);
  std::vector<float> chances;
  for (uint64_t i = 0; i < count; ++i) chances.push_back(i % 3 == 0 ? 0.0f : i % 3 == 1 ? 1.0f : 0.5f);
  Buffer p(chances), ones(count * 4);
  args.chances = p.address;
  args.out = ones.address;
  launch_kernel("random.cu", "ST_OP=each ST_TYPE=f32", "random_each_f32", args, 3);
  const std::vector<float> got = ones.read<float>();
  for (uint64_t i = 0; i < count; ++i) {
    const PhiloxWords w = philox(3, i / 4, 0);
    const float u = (float)w.word[i % 4] * 0x1p-32f + 0x1p-33f;
    if (got[i] != (u <= chances[i] ? 1.0f : 0.0f)) fail("element %llu with chance %g is %g", (unsigned long long)i, chances[i], got[i]);
  }
  digest.add(got);
}

}  // namespace st_emulator
