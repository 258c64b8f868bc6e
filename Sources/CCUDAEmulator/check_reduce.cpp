// Reductions against plain loops: along rows and columns, whole and split.
#include "check.h"
#include <math.h>

namespace st_emulator {

struct Expected {
  const char *op;
  double (*of)(const std::vector<double> &row, const st_kernel_params &p);
  double tolerance;
  st_kernel_params params;
};
static double total(const std::vector<double> &row) {
  double s = 0;
  for (double x : row) s += x;
  return s;
}
static double spread(const std::vector<double> &row) {
  double m = total(row) / (double)row.size(), s = 0;
  for (double x : row) s += (x - m) * (x - m);
  return s;
}
static double norm(const std::vector<double> &row, double p) {
  double s = 0;
  for (double x : row) s += pow(fabs(x), p);
  return pow(s, 1 / p);
}
template <bool Greatest> static double best(const std::vector<double> &row, bool position) {
  size_t at = 0;
  for (size_t k = 1; k < row.size(); ++k)
    if (Greatest ? row[k] > row[at] : row[k] < row[at]) at = k;
  return position ? (double)at : row[at];
}
static double count(const std::vector<double> &row) {
  double n = 0;
  for (double x : row) n += x != 0;
  return n;
}
#define OF(text) [](const std::vector<double> &row, [[maybe_unused]] const st_kernel_params &p) -> double { return text; }
static const Expected kExpected[] = {
    {"sum", OF(total(row)), 1e-6, {}},
    {"mean", OF(total(row) / (double)row.size()), 1e-6, {}},
    {"max", OF(best<true>(row, false)), 0, {}},
    {"min", OF(best<false>(row, false)), 0, {}},
    {"argmax", OF(best<true>(row, true)), 0, {}},
    {"argmin", OF(best<false>(row, true)), 0, {}},
    {"countNonzero", OF(count(row)), 0, {}},
    {"any", OF(count(row) > 0), 0, {}},
    {"all", OF(count(row) == (double)row.size()), 0, {}},
    {"variance", OF(spread(row) / ((double)row.size() - p.f[0])), 1e-6, {{1}, {}}},
    {"std", OF(sqrt(spread(row) / ((double)row.size() - p.f[0]))), 1e-6, {{0}, {}}},
    {"norm", OF(norm(row, 2)), 1e-6, {{2}, {}}},
    {"norm", OF(norm(row, 3)), 1e-6, {{3}, {}}},
    {"norm", OF(norm(row, 1)), 1e-6, {{1}, {}}},
    {"logSumExp", OF(([&] { double s = 0; for (double x : row) s += exp(x); return log(s); })()), 1e-6, {}},
    {"nansum", OF(total(row)), 1e-6, {}},
};

/// [a, b] of float32 over one of its dims, in every way that the kernels have.
static void check_matrix(Digest &digest, const Expected &e, uint32_t outputs, uint32_t reduced, bool rows, uint32_t splits, bool outer) {
  std::vector<float> x;
  Numbers numbers = {outputs * 7 + reduced};
  // Halves, so that ties and zeros occur.
  for (uint32_t k = 0; k < outputs * reduced; ++k) x.push_back((float)(floor(numbers.uniform(-16, 16)) / 2));
  const std::string op = e.op;
  const bool index = op == "argmax" || op == "argmin" || op == "countNonzero", truth = op == "any" || op == "all";
  const size_t size = index ? 8 : truth ? 1 : 4;
  Buffer in(x), out(outputs * size), workspace((size_t)outputs * splits * ST_REDUCE_STATE_BYTES);
  st_reduce_args args = {};
  args.in = in.address;
  args.out = out.address;
  args.workspace = workspace.address;
  args.outputs = outputs;
  args.reduced = reduced;
  args.splits = splits;
  args.kept_rank = args.reduced_rank = 1;
  args.kept_size[0] = st_make_divisor(outputs);
  args.reduced_size[0] = st_make_divisor(reduced);
  args.kept_in_stride[0] = rows ? reduced * 4 : 4;
  args.reduced_stride[0] = rows ? 4 : outputs * 4;
  args.kept_out_stride[0] = (int64_t)size;
  args.params = e.params;
  const std::string defines = "ST_OP=" + op + " ST_TYPE=f32", name = "reduce_" + op + "_f32";
  if (outer) launch_kernel("reduce.cu", defines, name + "_outer", &args, {(outputs + 31) / 32, splits, 1}, {32, 8, 1});
  else launch_kernel("reduce.cu", defines, name + "_inner", &args, {(outputs + 3) / 4, splits, 1}, {64, 4, 1});
  if (splits > 1) launch_kernel("reduce.cu", defines, name + "_finish", &args, {(outputs + 7) / 8, 1, 1}, {32, 8, 1});
  std::vector<unsigned char> bytes = out.read<unsigned char>();
  digest.add(bytes);
  for (uint32_t o = 0; o < outputs; ++o) {
    std::vector<double> row;
    for (uint32_t k = 0; k < reduced; ++k) row.push_back(x[rows ? o * reduced + k : k * outputs + o]);
    double got, want = e.of(row, e.params);
    float f;
    int64_t i;
    if (index) { memcpy(&i, bytes.data() + o * size, 8); got = (double)i; }
    else if (truth) got = bytes[o];
    else { memcpy(&f, bytes.data() + o * size, 4); got = f; }
    if (!is_close(got, want, e.tolerance)) fail("%s [%u x %u] %s%s in %u: output %u is %.9g instead of %.9g", e.op, outputs, reduced, rows ? "rows" : "columns", outer ? " outer" : "", splits, o, got, want);
  }
}
ST_CHECK(reductions_of_rows) {
  for (const Expected &e : kExpected) {
    check_matrix(digest, e, 5, 333, true, 1, false);
    check_matrix(digest, e, 5, 333, true, 3, false);
    check_matrix(digest, e, 33, 1, true, 1, false);
    // Several packs of a thread under way at a time.
    check_matrix(digest, e, 3, 2 * 1024 + 37, true, 1, false);
    check_matrix(digest, e, 2, 4 * 1024 + 40, true, 2, false);
  }
}
ST_CHECK(reductions_of_columns) {
  for (const Expected &e : kExpected) {
    check_matrix(digest, e, 45, 77, false, 1, true);
    check_matrix(digest, e, 45, 77, false, 4, true);
    check_matrix(digest, e, 9, 40, false, 1, false);
  }
}
ST_CHECK(reductions_of_several_dims) {
  // [3, 4, 5] of int32 over dims 0 and 2.
  std::vector<int32_t> x;
  for (int32_t k = 0; k < 60; ++k) x.push_back(k * 37 % 61 - 20);
  Buffer in(x), out(4 * 8);
  st_reduce_args args = {};
  args.in = in.address;
  args.out = out.address;
  args.outputs = 4;
  args.reduced = 15;
  args.splits = 1;
  args.kept_rank = 1;
  args.reduced_rank = 2;
  args.kept_size[0] = st_make_divisor(4);
  args.kept_in_stride[0] = 20;
  args.reduced_size[0] = st_make_divisor(5);
  args.reduced_size[1] = st_make_divisor(3);
  args.reduced_stride[0] = 4;
  args.reduced_stride[1] = 80;
  args.kept_out_stride[0] = 8;
  launch_kernel("reduce.cu", "ST_OP=wideSum ST_TYPE=i32", "reduce_wideSum_i32_inner", args, 4, 32);
  std::vector<int64_t> sums = out.read<int64_t>();
  launch_kernel("reduce.cu", "ST_OP=argmax ST_TYPE=i32", "reduce_argmax_i32_inner", args, 4, 32);
  std::vector<int64_t> positions = out.read<int64_t>();
  for (int o = 0; o < 4; ++o) {
    int64_t sum = 0, at = 0, best = INT64_MIN;
    for (int a = 0; a < 3; ++a)
      for (int c = 0; c < 5; ++c) {
        const int64_t v = x[(size_t)(a * 20 + o * 5 + c)];
        sum += v;
        if (v > best) { best = v; at = a * 5 + c; }
      }
    if (sums[(size_t)o] != sum || positions[(size_t)o] != at) fail("output %d: sum %lld, position %lld", o, (long long)sums[(size_t)o], (long long)positions[(size_t)o]);
  }
  digest.add(sums);
  digest.add(positions);
}
ST_CHECK(reductions_of_nothing_and_of_nan) {
  st_reduce_args args = {};
  Buffer in(std::vector<float>{1, NAN, 3, 2}), out(8);
  args.in = in.address;
  args.out = out.address;
  args.outputs = args.splits = 1;
  args.reduced_rank = 1;
  args.reduced_stride[0] = 4;
  args.reduced_size[0] = st_make_divisor(1);
  auto run = [&](const char *op, uint32_t reduced) {
    args.reduced = reduced;
    launch_kernel("reduce.cu", std::string("ST_OP=") + op + " ST_TYPE=f32", std::string("reduce_") + op + "_f32_inner", args, 1, 32);
    digest.add(out.read<unsigned char>());
  };
  auto expect = [&](const char *op, uint32_t reduced, double want) {
    run(op, reduced);
    if (!is_close(out.read<float>()[0], want, 0)) fail("%s of %u elements is %g", op, reduced, out.read<float>()[0]);
  };
  expect("sum", 0, 0);
  expect("prod", 0, 1);
  expect("mean", 0, NAN);
  expect("norm", 0, 0);
  expect("variance", 0, NAN);
  expect("logSumExp", 0, -INFINITY);
  expect("max", 4, NAN);
  expect("min", 4, NAN);
  expect("nansum", 4, 6);
  run("argmax", 4);
  if (out.read<int64_t>()[0] != 1) fail("argmax with NaN is %lld", (long long)out.read<int64_t>()[0]);
}

}  // namespace st_emulator
