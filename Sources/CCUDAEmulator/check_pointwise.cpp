// Pointwise kernels against plain loops, and every operator's two layouts against each other.
#include "check.h"
#include "registry.h"
#include <algorithm>
#include <math.h>
#include <memory>

namespace st_emulator {

static const char *const kTypes[] = {"bool", "u8", "i8", "i16", "i32", "i64", "f16", "bf16", "f32", "f64", "c64", "c128", "u16", "u32", "u64"};
static const size_t kSizes[] = {1, 1, 1, 2, 4, 8, 2, 2, 4, 8, 8, 16, 2, 4, 8};
static int type_index(const std::string &name) {
  for (int k = 0; k < 15; ++k)
    if (name == kTypes[k]) return k;
  fail("no type %s", name.c_str());
}
static uint16_t half_bits(float x) {
  _Float16 h = (_Float16)x;
  uint16_t bits;
  memcpy(&bits, &h, 2);
  return bits;
}
static uint16_t bfloat_bits(float x) {
  uint32_t u;
  memcpy(&u, &x, 4);
  return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}
/// `count` elements of a type: small numbers, some of them whole.
static std::vector<unsigned char> elements(int type, size_t count, uint64_t seed) {
  Numbers numbers = {seed};
  std::vector<unsigned char> bytes(count * kSizes[type]);
  const bool is_complex = type == 10 || type == 11;
  for (size_t k = 0; k < count * (is_complex ? 2 : 1); ++k) {
    double x = numbers.uniform(-4, 4);
    if (k % 5 == 0) x = floor(x);
    int64_t i = (int64_t)floor(numbers.uniform(type == 1 || type >= 12 ? 0 : -20, 20));
    float f = (float)x;
    uint16_t h;
    unsigned char *p = bytes.data() + k * kSizes[type] / (is_complex ? 2 : 1);
    switch (type) {
      case 0: *p = i > 0; break;
      case 6: h = half_bits(f); memcpy(p, &h, 2); break;
      case 7: h = bfloat_bits(f); memcpy(p, &h, 2); break;
      case 8: case 10: memcpy(p, &f, 4); break;
      case 9: case 11: memcpy(p, &x, 8); break;
      default: memcpy(p, &i, kSizes[type]);
    }
  }
  return bytes;
}

static void set_sizes(st_strided_args &args, std::vector<uint32_t> sizes) {
  args.rank = (uint32_t)sizes.size();
  args.count = 1;
  for (size_t d = 0; d < sizes.size(); ++d) {
    args.size[d] = st_make_divisor(sizes[d]);
    args.count *= sizes[d];
  }
}

/// One operator over contiguous float32, against a function of double.
static void check_float(Digest &digest, const char *kind, const char *op, int operands, double (*expected)(double, double, double, const st_kernel_params &), double tolerance, st_kernel_params params = {}) {
  const size_t count = 1003;  // not a multiple of the packs
  std::vector<float> in[3];
  std::vector<std::unique_ptr<Buffer>> buffers;
  st_run_args args = {};
  for (int k = 0; k < operands; ++k) {
    Numbers numbers = {(uint64_t)k + 7};
    for (size_t i = 0; i < count; ++i) in[k].push_back((float)numbers.uniform(-6, 6));
    buffers.push_back(std::make_unique<Buffer>(in[k]));
    args.address[k + 1] = buffers.back()->address;
  }
  Buffer out(count * 4);
  args.address[0] = out.address;
  args.count = count;
  args.params = params;
  launch_kernel((std::string(kind) + ".cu").c_str(), std::string("ST_OP=") + op + " ST_TYPE=f32", std::string(kind) + "_" + op + "_f32_run", args, 3);
  std::vector<float> result = out.read<float>();
  for (size_t i = 0; i < count; ++i) {
    double want = expected(in[0][i], operands > 1 ? in[1][i] : 0, operands > 2 ? in[2][i] : 0, params);
    if (!is_close(result[i], want, tolerance)) fail("%s of %g, %g gives %.9g instead of %.9g", op, in[0][i], operands > 1 ? in[1][i] : 0.0f, result[i], want);
  }
  digest.add(result);
}
ST_CHECK(operators_against_double) {
#define EXPECT(text) [](double x, [[maybe_unused]] double y, [[maybe_unused]] double z, [[maybe_unused]] const st_kernel_params &p) -> double { return text; }
  check_float(digest, "unary", "neg", 1, EXPECT(-x), 0);
  check_float(digest, "unary", "exp", 1, EXPECT(exp(x)), 1e-6);
  check_float(digest, "unary", "tanh", 1, EXPECT(tanh(x)), 1e-6);
  check_float(digest, "unary", "gelu", 1, EXPECT(0.5 * x * erfc(-x * M_SQRT1_2)), 1e-6);
  check_float(digest, "unary", "sqrt", 1, EXPECT(sqrt(x)), 1e-6);
  check_float(digest, "unary", "besselJ0", 1, EXPECT(j0(x)), 1e-6);
  check_float(digest, "unary", "lgamma", 1, EXPECT(lgamma(x)), 1e-5);
  check_float(digest, "unary", "leakyRelu", 1, EXPECT(x > 0 ? x : x * p.f[0]), 1e-6, {{0.25}, {}});
  check_float(digest, "unary", "powScalar", 1, EXPECT(x * x * x), 1e-6, {{3}, {}});
  check_float(digest, "unary", "powScalar", 1, EXPECT(pow(x, 4)), 1e-6, {{4}, {}});
  check_float(digest, "binary", "add", 2, EXPECT(x + y), 1e-6);
  check_float(digest, "binary", "addScaled", 2, EXPECT(x + p.f[0] * y), 1e-6, {{-3}, {}});
  check_float(digest, "binary", "atan2", 2, EXPECT(atan2(x, y)), 1e-6);
  check_float(digest, "binary", "fmod", 2, EXPECT(fmod(x, y)), 1e-6);
  check_float(digest, "binary", "maximum", 2, EXPECT(x > y ? x : y), 0);
  check_float(digest, "ternary", "addcmul", 3, EXPECT(x + p.f[0] * y * z), 1e-5, {{0.5}, {}});
  check_float(digest, "ternary", "lerp", 3, EXPECT(x + z * (y - x)), 1e-5);
}

/// A kernel over strided, broadcast, transposed operands must do what it does over contiguous copies of them.
static void check_layouts(Digest &digest, const std::string &kind, const std::string &op, int type, int operands, size_t out_size, const uint32_t (&sizes)[3]) {
  const std::string file = kind + ".cu", defines = "ST_OP=" + op + " ST_TYPE=" + kTypes[type], symbol = kind + "_" + op + "_" + kTypes[type];
  const uint32_t count = sizes[0] * sizes[1] * sizes[2];
  const int64_t line = sizes[0], plane = line * sizes[1];
  const size_t size = kSizes[type];
  st_strided_args strided = {};
  st_run_args run = {};
  set_sizes(strided, {sizes[0], sizes[1], sizes[2]});
  strided.params = run.params = {{0.5, 2, 1, 0.25}, {1, 2, 3, 4}};
  run.count = count;
  std::vector<std::unique_ptr<Buffer>> buffers;
  for (int k = 1; k <= operands; ++k) {
    std::vector<unsigned char> stored = elements(type, count, (uint64_t)(type * 31 + k)), contiguous(count * size);
    // The first is transposed, the second broadcast along the middle dim, the third reversed.
    int64_t stride[3] = {(int64_t)sizes[1] * sizes[2], sizes[2], 1}, start = 0;
    if (k == 2) { stride[0] = 1; stride[1] = 0; stride[2] = line; }
    if (k == 3) { stride[0] = -1; stride[1] = -line; stride[2] = -plane; start = (int64_t)count - 1; }
    for (uint32_t i = 0; i < count; ++i) {
      int64_t from = start + i % line * stride[0] + i / line % sizes[1] * stride[1] + i / plane * stride[2];
      memcpy(contiguous.data() + i * size, stored.data() + (size_t)from * size, size);
    }
    buffers.push_back(std::make_unique<Buffer>(stored));
    strided.address[k] = buffers.back()->address + (uint64_t)start * size;
    for (int d = 0; d < 3; ++d) strided.stride[k][d] = stride[d] * (int64_t)size;
    buffers.push_back(std::make_unique<Buffer>(contiguous));
    run.address[k] = buffers.back()->address;
  }
  Buffer a(count * out_size), b(count * out_size * 2);
  run.address[0] = a.address;
  strided.address[0] = b.address;
  // Every second element of the output, in the order of the contiguous one.
  for (int d = 0, step = (int)out_size * 2; d < 3; step *= (int)sizes[d++]) strided.stride[0][d] = step;
  launch_kernel(file.c_str(), defines, symbol + "_run", run, 1);
  const std::vector<unsigned char> x = a.read<unsigned char>();
  for (int tiled = 0; tiled < 2; ++tiled) {
    b.clear();
    // Fewer blocks than tiles, but for the dim of two.
    if (tiled) launch_kernel(file.c_str(), defines, symbol + "_tiled", &strided, {1, 2, 2}, {256, 1, 1});
    else launch_kernel(file.c_str(), defines, symbol + "_strided", strided, 1, 64);
    const std::vector<unsigned char> y = b.read<unsigned char>();
    for (size_t i = 0; i < count; ++i) {
      if (memcmp(x.data() + i * out_size, y.data() + i * 2 * out_size, out_size) != 0) fail("%s: element %zu differs between the layouts%s", symbol.c_str(), i, tiled ? ", tiled" : "");
      for (size_t k = 0; k < out_size; ++k)
        if (y[(i * 2 + 1) * out_size + k] != 0) fail("%s: written beside element %zu", symbol.c_str(), i);
    }
  }
  digest.add(x);
}
ST_CHECK(every_operator_in_all_layouts) {
  int seen = 0;
  for (int32_t k = 0; k < kernel_count(); ++k) {
    std::string symbol = kernel_at(k)->symbol;
    size_t first = symbol.find('_'), second = symbol.find('_', first + 1), third = symbol.find('_', second + 1);
    std::string kind = symbol.substr(0, first);
    const int operands = kind == "unary" ? 1 : kind == "binary" ? 2 : kind == "ternary" ? 3 : 0;
    if (!operands || third == std::string::npos || symbol.substr(third) != "_run") continue;
    std::string op = symbol.substr(first + 1, second - first - 1), type = symbol.substr(second + 1, third - second - 1);
    const int t = type_index(type);
    const bool is_complex = t == 10 || t == 11;
    size_t out = kSizes[t];
    static const char *const tests[] = {"isNaN", "isInf", "isFinite", "isPosInf", "isNegInf", "signBit", "logicalNot", "eq", "ne", "lt", "le", "gt", "ge", "logicalAnd", "logicalOr", "logicalXor"};
    for (const char *name : tests)
      if (op == name) out = 1;
    if ((op == "abs" || op == "angle") && is_complex) out /= 2;
    if (op == "angle" && t < 6) out = 4;
    if (op == "makeComplex" || op == "makePolar") out *= 2;
    check_layouts(digest, kind, op, t, operands, out, {5, 3, 7});
    ++seen;
  }
  if (seen < 1000) fail("only %d kernels", seen);
  // Several tiles, with parts of tiles at the edges.
  for (int t : {1, 3, 6, 8, 9, 11}) {
    check_layouts(digest, "unary", "square", t, 1, kSizes[t], {70, 37, 2});
    check_layouts(digest, "binary", "ne", t, 2, 1, {64, 33, 3});
  }
  check_layouts(digest, "unary", "besselJ0", 8, 1, 4, {33, 64, 1});
  check_layouts(digest, "ternary", "lerp", 8, 3, 4, {31, 70, 2});
}
ST_CHECK(scalar_operands) {
  std::vector<double> a = {7}, b;
  for (int k = 0; k < 77; ++k) b.push_back(k * 0.5);
  Buffer x(a), y(b), out(b.size() * 8);
  st_run_args args = {};
  args.address[0] = out.address;
  args.address[1] = x.address;
  args.address[2] = y.address;
  args.count = b.size();
  args.scalars = 2;
  launch_kernel("binary.cu", "ST_OP=sub ST_TYPE=f64", "binary_sub_f64_run", args, 2, 32);
  std::vector<double> first = out.read<double>();
  std::swap(args.address[1], args.address[2]);
  args.scalars = 4;
  launch_kernel("binary.cu", "ST_OP=sub ST_TYPE=f64", "binary_sub_f64_run", args, 1, 32);
  std::vector<double> second = out.read<double>();
  for (size_t k = 0; k < b.size(); ++k)
    if (first[k] != 7 - b[k] || second[k] != b[k] - 7) fail("element %zu: %g, %g", k, first[k], second[k]);
  // Nothing but elements is aligned here, so no packs are used.
  args.address[1] = y.address + 8;
  args.address[0] = out.address + 8;
  args.count = b.size() - 1;
  launch_kernel("binary.cu", "ST_OP=sub ST_TYPE=f64", "binary_sub_f64_run", args, 1, 32);
  std::vector<double> third = out.read<double>();
  for (size_t k = 1; k < b.size(); ++k)
    if (third[k] != b[k] - 7) fail("unaligned element %zu: %g", k, third[k]);
  digest.add(first);
  digest.add(second);
}

/// Value of an element as a number, NaN for NaN; complex: the real part.
static double number(int type, const unsigned char *p) {
  int64_t i = 0;
  uint16_t h;
  float f;
  double d;
  switch (type) {
    case 0: return *p != 0;
    case 1: return *p;
    case 2: return *(const int8_t *)p;
    case 3: { int16_t v; memcpy(&v, p, 2); return v; }
    case 4: { int32_t v; memcpy(&v, p, 4); return v; }
    case 5: memcpy(&i, p, 8); return (double)i;
    case 6: { _Float16 v; memcpy(&v, p, 2); return (float)v; }
    case 7: { memcpy(&h, p, 2); uint32_t u = (uint32_t)h << 16; memcpy(&f, &u, 4); return f; }
    case 8: case 10: memcpy(&f, p, 4); return f;
    case 9: case 11: memcpy(&d, p, 8); return d;
    case 12: memcpy(&h, p, 2); return h;
    case 13: { uint32_t v; memcpy(&v, p, 4); return v; }
    default: { uint64_t v; memcpy(&v, p, 8); return (double)v; }
  }
}
ST_CHECK(conversions) {
  const size_t count = 203;
  for (int from = 0; from < 15; ++from)
    for (int to = 0; to < 15; ++to) {
      if (from == to) continue;
      std::vector<unsigned char> source = elements(from, count, (uint64_t)from);
      Buffer in(source), out(count * kSizes[to]);
      st_run_args args = {};
      args.address[0] = out.address;
      args.address[1] = in.address;
      args.count = count;
      const std::string symbol = std::string("convert_") + kTypes[from] + "_" + kTypes[to];
      launch_kernel("convert.cu", std::string("ST_FROM=") + kTypes[from] + " ST_TO=" + kTypes[to], symbol + "_run", args, 1);
      std::vector<unsigned char> result = out.read<unsigned char>();
      const bool unsigned_to = to == 1 || to >= 12, to_integer = (to >= 1 && to <= 5) || to >= 12;
      for (size_t k = 0; k < count; ++k) {
        const double x = number(from, source.data() + k * kSizes[from]), y = number(to, result.data() + k * kSizes[to]);
        double want = to == 0 ? x != 0 : to_integer ? trunc(x) : x;
        // A complex number with an imaginary part is true; negative numbers wrap or are undefined in unsigned types.
        if (to == 0 && (from == 10 || from == 11)) continue;
        if (unsigned_to && want < 0) continue;
        if (!is_close(y, want, to == 6 || to == 7 ? 1e-2 : to == 8 || to == 10 ? 1e-6 : 0)) fail("%s of %g gives %g", symbol.c_str(), x, y);
      }
      digest.add(result);
    }
}

}  // namespace st_emulator
