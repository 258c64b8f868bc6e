// Products on the emulated tensor cores against plain loops, with numbers whose sums are exact; and that waits which are missing are seen.
#include "check.h"
#include "kernels.h"
#include <math.h>
#define ST_KERNEL_FILE "faulty.cu"
namespace {
#include "mma.cuh"
#include "scalar/convert.h"

/// Reads what was copied before it waits.
ST_KERNEL(faulty_copy, st_run_args, 32) {
  ST_SHARED(Bits128, row, 32);
  copy_async(row + threadIdx.x, pointer<const Bits128>(args.address[1]) + threadIdx.x, 16);
  commit_copies();
  if (args.count) wait_for_copies<0>();
  pointer<Bits128>(args.address[0])[threadIdx.x] = row[threadIdx.x];
  wait_for_copies<0>();
}
ST_KERNEL(faulty_unfinished_copy, st_run_args, 32) {
  ST_SHARED(Bits128, row, 32);
  copy_async(row + threadIdx.x, pointer<const Bits128>(args.address[1]) + threadIdx.x, 16);
  commit_copies();
}

template <class S> double number_in(const void *items, size_t index) { return load_as((const S *)items + index); }

struct Layout {
  uint32_t m, n, k, batch;
  /// Elements between the ends of rows (or columns) and the next; a batch stride of 0 for b.
  uint32_t padding;
  bool shared_b;
  const char *name;
  int side;
  double alpha, beta;
};

template <class S> void check_layout(st_emulator::Digest &digest, const char *type, const Layout &s, double tolerance) {
  using namespace st_emulator;
  Numbers numbers = {s.m * 1000 + s.n * 10 + s.k};
  auto matrix = [&](size_t count) {
    std::vector<S> items(count);
    // Eighths, whose products and sums float32 holds; what lies between rows is NaN.
    for (S &x : items) x = To<S>::from((double)(int64_t)(numbers.bits() % 33) / 8 - 2);
    return items;
  };
  const bool a_rows = s.name[0] == 'r', b_rows = s.name[1] == 'r';
  const size_t a_lead = (a_rows ? s.k : s.m) + s.padding, b_lead = (b_rows ? s.n : s.k) + s.padding, c_lead = s.n + s.padding;
  const size_t a_size = a_lead * (a_rows ? s.m : s.k), b_size = b_lead * (b_rows ? s.k : s.n), c_size = c_lead * s.m;
  std::vector<S> a = matrix(a_size * s.batch), b = matrix(b_size * (s.shared_b ? 1 : s.batch)), c = matrix(c_size * s.batch), bias = matrix(s.n);
  for (size_t i = 0; i < a.size(); ++i)
    if (i % a_lead >= a_lead - s.padding) a[i] = To<S>::from((double)NAN);
  for (size_t i = 0; i < b.size(); ++i)
    if (i % b_lead >= b_lead - s.padding) b[i] = To<S>::from((double)NAN);
  Buffer ba(a), bb(b), bc(c), bbias(bias);
  st_matmul_args args = {};
  args.a = ba.address;
  args.b = bb.address;
  args.c = bc.address;
  args.bias = s.beta != 0 ? bbias.address : 0;
  args.m = s.m;
  args.n = s.n;
  args.k = s.k;
  args.batch = s.batch;
  args.a_row = a_rows ? (int64_t)a_lead : 1;
  args.a_column = a_rows ? 1 : (int64_t)a_lead;
  args.b_row = b_rows ? (int64_t)b_lead : 1;
  args.b_column = b_rows ? 1 : (int64_t)b_lead;
  args.c_row = (int64_t)c_lead;
  args.a_batch = (int64_t)a_size;
  args.b_batch = s.shared_b ? 0 : (int64_t)b_size;
  args.c_batch = (int64_t)c_size;
  args.alpha = s.alpha;
  args.beta = s.beta;
  const uint32_t side = (uint32_t)s.side, tiles = (s.m + side - 1) / side * ((s.n + side - 1) / side);
  const std::string symbol = std::string("mma_") + type + "_" + s.name + "_" + std::to_string(side);
  // One z for all of the batch: it loops.
  launch_kernel("matmul_mma.cu", std::string("ST_TYPE=") + type, symbol, &args, {tiles, 1, 1}, {side * 2, 1, 1});
  std::vector<S> result = bc.read<S>();
  for (uint32_t z = 0; z < s.batch; ++z)
    for (uint32_t i = 0; i < s.m; ++i)
      for (uint32_t j = 0; j < s.n; ++j) {
        double sum = 0;
        for (uint32_t k = 0; k < s.k; ++k)
          sum += number_in<S>(a.data(), (size_t)(z * args.a_batch + i * args.a_row + k * args.a_column)) *
                 number_in<S>(b.data(), (size_t)(z * args.b_batch + k * args.b_row + j * args.b_column));
        const size_t place = z * c_size + i * c_lead + j;
        const double want = s.alpha * sum + (s.beta != 0 ? s.beta * number_in<S>(c.data(), place) + number_in<S>(bias.data(), j) : 0);
        const double got = number_in<S>(result.data(), place);
        if (!is_close(got, want, tolerance)) fail("%s [%u x %u x %u]: element %u, %u, %u is %.9g instead of %.9g", symbol.c_str(), s.m, s.k, s.n, z, i, j, got, want);
      }
  // What lies between the rows of c was not touched.
  for (size_t i = 0; i < c.size(); ++i)
    if (i % c_lead >= s.n && memcmp(&result[i], &c[i], sizeof(S)) != 0) fail("%s [%u x %u x %u] wrote past the end of a row", symbol.c_str(), s.m, s.k, s.n);
  digest.add(result);
}
template <class S> void check_type(st_emulator::Digest &digest, const char *type, double tolerance) {
  // Whole tiles and odd ones, aligned and not, deep enough to go round the three stages, and the loop over the batch.
  for (const Layout &s : {
           Layout{130, 72, 104, 1, 0, false, "rr", 128, 1, 0}, {70, 129, 67, 1, 0, false, "rc", 128, 1.5, -0.5}, {128, 128, 32, 1, 8, false, "cr", 128, 1, 0},
           {33, 40, 136, 1, 8, false, "cc", 128, 1, 1}, {65, 66, 33, 2, 1, true, "rr", 64, 1, 0}, {64, 64, 160, 2, 0, false, "rc", 64, -1, 0.5},
           {72, 8, 24, 3, 0, false, "cr", 64, 1, 0}, {1, 70, 5, 2, 3, false, "cc", 64, 1, 0}, {3, 3, 0, 1, 8, false, "rr", 64, 1, 1}})
    check_layout<S>(digest, type, s, tolerance);
}
}  // namespace

namespace st_emulator {

ST_CHECK(products_on_tensor_cores) {
  check_type<half>(digest, "f16", 0x1p-11);
  check_type<bfloat16>(digest, "bf16", 0x1p-8);
  check_type<float>(digest, "f32", 1e-6);
}
/// Ten bits of mantissa are left of a float32, rounded.
ST_CHECK(tf32_rounds) {
  for (auto [x, want] : {std::pair(1.0f + 0x1p-11f, 1.0f + 0x1p-10f), {1.0f + 0x1.8p-12f, 1.0f}, {-1.0f - 0x1p-11f, -1.0f - 0x1p-10f}, {INFINITY, INFINITY}}) {
    std::vector<float> one = {1}, number = {x};
    Buffer a(number), b(one), c(4);
    st_matmul_args args = {};
    args.a = a.address;
    args.b = b.address;
    args.c = c.address;
    args.m = args.n = args.k = args.batch = 1;
    args.a_row = args.a_column = args.b_row = args.b_column = args.c_row = 1;
    args.alpha = 1;
    launch_kernel("matmul_mma.cu", "ST_TYPE=f32", "mma_f32_rr_64", args, 1, 128);
    if (c.read<float>()[0] != want) fail("%.9g became %.9g instead of %.9g", x, c.read<float>()[0], want);
  }
}
ST_CHECK(background_copies) {
  std::vector<float> row(128);
  for (size_t k = 0; k < row.size(); ++k) row[k] = (float)k;
  Buffer in(row), out(row.size() * sizeof(float));
  st_run_args args = {};
  args.address[0] = out.address;
  args.address[1] = in.address;
  args.count = 1;
  launch_kernel("faulty.cu", "", "faulty_copy", args, 1, 32);
  if (out.read<float>() != row) fail("a copy that was waited for has not come");
  args.count = 0;
  launch_kernel("faulty.cu", "", "faulty_copy", args, 1, 32);
  for (float x : out.read<float>())
    if (x == x) fail("reading before the wait gave %g instead of poison", x);
  const uint32_t one[3] = {1, 1, 1}, warp[3] = {32, 1, 1};
  emulator_set("QUIET", "1");
  int32_t result = try_launch("faulty.cu", "", "faulty_unfinished_copy", &args, one, warp);
  emulator_set("QUIET", nullptr);
  std::string said = emulator_fault();
  emulator_reset();
  if (result == 0 || said.find("without having waited for its background copies") == std::string::npos) fail("copies that nobody waited for were not found, but: %s", said.c_str());
}

}  // namespace st_emulator
