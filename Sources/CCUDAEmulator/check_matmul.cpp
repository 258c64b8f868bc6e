// Matrix products and optimizer steps against plain loops.
#include "check.h"
#include <math.h>

namespace st_emulator {

template <class T> static void check_products(Digest &digest, const char *type, double tolerance) {
  struct Shape { uint32_t m, n, k, batch; bool a_turned, b_turned, shared_b; };
  for (const Shape &s : {Shape{70, 65, 33, 1, false, false, false}, {5, 130, 16, 2, true, false, true}, {64, 3, 1, 1, false, true, false}, {1, 1, 70, 3, true, true, false}}) {
    Numbers numbers = {s.m * 100 + s.n};
    auto matrix = [&](size_t count) {
      std::vector<T> items;
      for (size_t k = 0; k < count; ++k) items.push_back((T)numbers.uniform(-2, 2));
      return items;
    };
    std::vector<T> a = matrix((size_t)s.batch * s.m * s.k), b = matrix((size_t)(s.shared_b ? 1 : s.batch) * s.k * s.n), c = matrix((size_t)s.batch * s.m * s.n), bias = matrix(s.n);
    Buffer ba(a), bb(b), bc(c), bbias(bias);
    st_matmul_args args = {};
    args.a = ba.address;
    args.b = bb.address;
    args.c = bc.address;
    args.bias = bbias.address;
    args.m = s.m;
    args.n = s.n;
    args.k = s.k;
    args.batch = s.batch;
    args.a_row = s.a_turned ? 1 : s.k;
    args.a_column = s.a_turned ? s.m : 1;
    args.a_batch = s.m * s.k;
    args.b_row = s.b_turned ? 1 : s.n;
    args.b_column = s.b_turned ? s.k : 1;
    args.b_batch = s.shared_b ? 0 : s.k * s.n;
    args.c_row = s.n;
    args.c_batch = s.m * s.n;
    args.alpha = 1.5;
    args.beta = -0.5;
    launch_kernel("matmul.cu", std::string("ST_TYPE=") + type, std::string("matmul_") + type, &args, {(s.n + 63) / 64, (s.m + 63) / 64, s.batch}, {256, 1, 1});
    std::vector<T> result = bc.read<T>();
    for (uint32_t z = 0; z < s.batch; ++z)
      for (uint32_t i = 0; i < s.m; ++i)
        for (uint32_t j = 0; j < s.n; ++j) {
          double sum = 0;
          for (uint32_t k = 0; k < s.k; ++k)
            sum += (double)a[(size_t)(z * args.a_batch + i * args.a_row + k * args.a_column)] * (double)b[(size_t)(z * args.b_batch + k * args.b_row + j * args.b_column)];
          const size_t place = (z * s.m + i) * (size_t)s.n + j;
          const double want = 1.5 * sum - 0.5 * c[place] + bias[j];
          if (!is_close(result[place], want, tolerance)) fail("matmul_%s [%u x %u x %u]: element %u, %u, %u is %.9g instead of %.9g", type, s.m, s.k, s.n, z, i, j, (double)result[place], want);
        }
    digest.add(result);
  }
}
ST_CHECK(matrix_products) {
  check_products<float>(digest, "f32", 1e-5);
  check_products<double>(digest, "f64", 1e-13);
}
/// beta 0 must not read the output, which is NaN.
ST_CHECK(matrix_product_into_new_memory) {
  std::vector<float> ones(64, 1.0f);
  Buffer a(ones), b(ones), c(64 * 4);
  st_matmul_args args = {};
  args.a = a.address;
  args.b = b.address;
  args.c = c.address;
  args.m = args.n = args.k = 8;
  args.batch = 1;
  args.a_row = args.b_row = args.c_row = 8;
  args.a_column = args.b_column = 1;
  args.alpha = 1;
  launch_kernel("matmul.cu", "ST_TYPE=f32", "matmul_f32", args, 1);
  for (float x : c.read<float>())
    if (x != 8) fail("%g instead of 8", x);
}
ST_CHECK(optimizer_steps) {
  const size_t count = 333;
  Numbers numbers = {11};
  std::vector<double> p, g, m, v;
  for (size_t k = 0; k < count; ++k) {
    p.push_back(numbers.uniform(-1, 1));
    g.push_back(numbers.uniform(-1, 1));
    m.push_back(numbers.uniform(-1, 1));
    v.push_back(numbers.uniform(0, 1));
  }
  Buffer bp(p), bg(g), bm(m), bv(v);
  // The elements are a list of parameters: the first 100, 1, the rest; chunks of 64 elements.
  st_optim_few_args args = {};
  auto list = [&](const Buffer *second) {
    const size_t begins[] = {0, 100, 101, count};
    uint64_t first = 0;
    for (size_t t = 0; t < 3; ++t) {
      st_optim_entry &e = args.entry[t];
      const size_t at = begins[t] * sizeof(double);
      e.parameter = bp.address + at;
      e.gradient = bg.address + at;
      e.state[0] = bm.address + at;
      e.state[1] = second ? second->address + at : 0;
      e.count = begins[t + 1] - begins[t];
      e.first = first;
      first += (e.count + 63) / 64;
    }
    args.n.tensors = 3;
    args.n.chunk = 64;
    return (uint32_t)first;
  };
  const double sgd[] = {0.1, 0.9, 0.8, 0.01};
  memcpy(args.n.scalar, sgd, sizeof sgd);
  args.n.flags = 1;
  launch_kernel("optim.cu", "ST_OP=few ST_TYPE=f64", "sgd_few_f64", args, list(nullptr), 64);
  for (size_t k = 0; k < count; ++k) {
    double d = g[k] + 0.01 * p[k];
    m[k] = 0.9 * m[k] + 0.8 * d;
    p[k] -= 0.1 * (d + 0.9 * m[k]);
  }
  auto compare = [&](const char *what, const Buffer &got, const std::vector<double> &want) {
    std::vector<double> values = got.read<double>();
    for (size_t k = 0; k < count; ++k)
      if (!is_close(values[k], want[k], 1e-14)) fail("%s %zu is %.17g instead of %.17g", what, k, values[k], want[k]);
    digest.add(values);
  };
  compare("parameter after sgd", bp, p);
  compare("momentum", bm, m);
  const double adam[] = {1 - 0.1 * 0.01, 0.1, 0.99, 0.01, 0.1 / 0.19, 1 / sqrt(0.02), 1e-8, 0};
  memcpy(args.n.scalar, adam, sizeof adam);
  args.n.flags = 2;
  launch_kernel("optim.cu", "ST_OP=few ST_TYPE=f64", "adam_few_f64", args, list(&bv), 64);
  for (size_t k = 0; k < count; ++k) {
    const double d = -g[k];
    m[k] += (d - m[k]) * 0.1;
    v[k] = v[k] * 0.99 + d * d * 0.01;
    p[k] = p[k] * adam[0] - m[k] * adam[4] / (sqrt(v[k]) * adam[5] + 1e-8);
  }
  compare("parameter after adam", bp, p);
  compare("mean of squares", bv, v);
}

}  // namespace st_emulator
