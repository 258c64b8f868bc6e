// The pieces of factorisations and solves: products of what comes out give what went in.
#include "check.h"
#include <algorithm>
#include <complex>
#include <ranges>
#include <math.h>
#include <type_traits>

namespace st_emulator {

typedef std::complex<double> Number;
template <class S> static S stored(Number x) {
  if constexpr (std::is_floating_point_v<S>) return (S)x.real();
  else return S(x);
}
template <class S> static std::vector<S> elements(size_t count, uint64_t seed) {
  Numbers numbers{seed};
  std::vector<S> x(count);
  for (S &v : x) {
    const double re = numbers.uniform(-1, 1);
    v = stored<S>(Number(re, numbers.uniform(-1, 1)));
  }
  return x;
}
/// What a check is about, for messages, and how exact it is.
struct Case { const char *type; double tolerance; };
static void expect_near(const Case &of, const char *what, uint32_t i, uint32_t j, Number got, Number want) {
  if (!(std::abs(got - want) <= of.tolerance * std::max(1.0, std::abs(want))))
    fail("%s_%s: element %u, %u is %g%+gi instead of %g%+gi", what, of.type, i, j, got.real(), got.imag(), want.real(), want.imag());
}
static void launch_piece(const Case &of, const char *kernel, const st_linalg_args &args, uint32_t x, uint32_t y, uint32_t threads) {
  launch_kernel("linalg.cu", std::string("ST_TYPE=") + of.type, std::string("linalg") + kernel + "_" + of.type, &args, {x, y, 1}, {threads, 1, 1});
}
static st_linalg_args arguments(const Buffer &a, uint32_t rows, uint32_t columns, uint32_t batch, bool by_columns) {
  st_linalg_args args = {};
  args.a = a.address;
  args.rows = rows, args.columns = columns, args.batch = batch;
  args.a_row = by_columns ? 1 : columns, args.a_column = by_columns ? rows : 1, args.a_batch = (int64_t)rows * columns;
  return args;
}

/// Of four matrices the second stops being positive-definite at its last column, the third failed before.
template <class S> static void check_cholesky(Digest &digest, const Case &of) {
  for (uint32_t n : {1u, 5u, 32u})
    for (bool by_columns : {false, true}) {
      const uint32_t batch = 4;
      const std::vector<S> g = elements<S>(batch * n * n, n);
      // What stands above the diagonal is not read.
      std::vector<S> a(g.size(), stored<S>(NAN));
      auto place = [&](uint32_t b, uint32_t i, uint32_t j) { return b * n * n + (by_columns ? j * n + i : i * n + j); };
      for (uint32_t b = 0; b < batch; ++b)
        for (uint32_t i = 0; i < n; ++i)
          for (uint32_t j = 0; j <= i; ++j) {
            Number sum = i == j ? 1 : 0;
            for (uint32_t k = 0; k < n; ++k) sum += Number(g[(b * n + i) * n + k]) * std::conj(Number(g[(b * n + j) * n + k]));
            a[place(b, i, j)] = stored<S>(b == 1 && i == n - 1 && j == i ? -sum : sum);
          }
      Buffer device(a), info(std::vector<int32_t>{0, 0, 7, 0});
      st_linalg_args args = arguments(device, n, n, batch, by_columns);
      args.info = info.address;
      args.first = 100;
      launch_piece(of, "Cholesky", args, 3, 1, 64);
      const std::vector<int32_t> codes = info.read<int32_t>();
      if (codes != std::vector<int32_t>{0, (int32_t)(100 + n), 7, 0}) fail("cholesky_%s: info is %d %d %d %d", of.type, codes[0], codes[1], codes[2], codes[3]);
      const std::vector<S> l = device.read<S>();
      for (uint32_t b = 0; b < batch; ++b)
        for (uint32_t i = 0; i < n; ++i)
          for (uint32_t j = 0; j < n; ++j) {
            if (j > i) expect_near(of, "above the factor", i, j, Number(l[place(b, i, j)]), 0);
            if (j > i || b == 1 || b == 2) continue;
            Number sum = 0;
            for (uint32_t k = 0; k <= j; ++k) sum += Number(l[place(b, i, k)]) * std::conj(Number(l[place(b, j, k)]));
            expect_near(of, "cholesky", i, j, sum, Number(a[place(b, i, j)]));
          }
      digest.add(l);
    }
}

/// Panels of the lower rows of a larger matrix (first 3), and the exchanges that they ask for; the second matrix has equal columns, so that the last pivots are zero.
template <class S> static void check_lu(Digest &digest, const Case &of) {
  const uint32_t first = 3, batch = 3;
  for (uint32_t columns : {1u, 6u, 32u})
    for (uint32_t rows : {2u, 32u, 75u}) {
      const uint32_t k = std::min(rows, columns);
      std::vector<S> a = elements<S>(batch * rows * columns, rows);
      for (uint32_t i = 0; i < rows; ++i)
        for (uint32_t j = 0; j < columns; ++j) a[(rows + i) * columns + j] = stored<S>((double)(i % 7));
      Buffer device(a), pivots(batch * (first + k) * 4), info(std::vector<int32_t>(batch, 0));
      st_linalg_args args = arguments(device, rows, columns, batch, false);
      args.pivots = pivots.address, args.info = info.address;
      args.vector_batch = first + k;
      args.first = first;
      launch_piece(of, "Panel", args, 2, 1, 96);
      const std::vector<S> lu = device.read<S>();
      const std::vector<int32_t> exchanged = pivots.read<int32_t>(), codes = info.read<int32_t>();
      const int32_t zero = rows > 1 && k > 1 ? (int32_t)first + 2 : 0;
      if (codes != std::vector<int32_t>{0, zero, 0}) fail("lu_%s of %u x %u: info is %d %d %d", of.type, rows, columns, codes[0], codes[1], codes[2]);
      // The matrix with its rows exchanged is L U; b starts where the whole matrix does.
      std::vector<S> whole(batch * (first + rows) * columns);
      for (uint32_t b = 0; b < batch; ++b) std::copy_n(&a[b * rows * columns], rows * columns, &whole[(b * (first + rows) + first) * columns]);
      Buffer moved(whole);
      args.b = moved.address;
      args.b_row = columns, args.b_column = 1, args.b_batch = (int64_t)(first + rows) * columns;
      args.others = columns, args.rows = k, args.columns = first + rows;
      launch_piece(of, "Exchange", args, 1, 2, 32);
      const std::vector<S> ordered = moved.read<S>();
      for (uint32_t b = 0; b < batch; ++b)
        for (uint32_t i = 0; i < rows; ++i)
          for (uint32_t j = 0; j < columns; ++j) {
            const S *m = &lu[b * rows * columns];
            if (i > j && std::abs(Number(m[i * columns + j])) > 1.5) fail("lu_%s: a factor of %g is not from the largest pivot", of.type, std::abs(Number(m[i * columns + j])));
            Number sum = 0;
            for (uint32_t t = 0; t <= std::min(i, j); ++t) sum += (t == i ? Number(1) : Number(m[i * columns + t])) * Number(m[t * columns + j]);
            expect_near(of, "lu", i, j, sum, Number(ordered[(b * (first + rows) + first + i) * columns + j]));
          }
      args.flags = 1;
      launch_piece(of, "Exchange", args, 1, 2, 32);
      if (moved.read<S>() != whole) fail("exchange_%s: rows are not back", of.type);
      digest.add(lu);
      digest.add(&exchanged[first], k * 4);
    }
}

template <class S> static void check_solve(Digest &digest, const Case &of) {
  for (uint32_t n : {1u, 7u, 32u})
    for (uint32_t others : {1u, 40u})
      for (uint32_t form = 0; form < 8; ++form) {
        const bool unit = form & 1, by_columns = form & 2, repeats = form & 4;
        const uint32_t batch = 3;
        std::vector<S> a = elements<S>(batch * n * n, n), b = elements<S>(batch * n * others, n + 1);
        auto at = [&](uint32_t k, uint32_t i, uint32_t j) -> S & { return a[(repeats ? 0 : k * n * n) + (by_columns ? j * n + i : i * n + j)]; };
        for (uint32_t k = 0; k < batch; ++k)
          for (uint32_t i = 0; i < n; ++i)
            for (uint32_t j = 0; j < n; ++j) {
              if (j > i || (unit && i == j)) at(k, i, j) = stored<S>(NAN);
              else if (i == j) at(k, i, j) = stored<S>(Number(2.5, 0.5));
              else if (repeats ? k == 0 : true) at(k, i, j) = stored<S>(Number(at(k, i, j)) / 8.0);
            }
        Buffer left(a), right(b);
        st_linalg_args args = arguments(left, n, n, batch, by_columns);
        if (repeats) args.a_batch = 0;
        args.b = right.address;
        args.others = others;
        args.b_row = by_columns ? 1 : others, args.b_column = by_columns ? n : 1, args.b_batch = (int64_t)n * others;
        args.flags = unit;
        launch_piece(of, "Solve", args, (others + 31) / 32, 2, 32);
        const std::vector<S> x = right.read<S>();
        for (uint32_t k = 0; k < batch; ++k)
          for (uint32_t i = 0; i < n; ++i)
            for (uint32_t j = 0; j < others; ++j) {
              auto place = [&](uint32_t row) { return k * n * others + (by_columns ? j * n + row : row * others + j); };
              Number sum = 0;
              for (uint32_t t = 0; t <= i; ++t) sum += (unit && t == i ? Number(1) : Number(at(k, i, t))) * Number(x[place(t)]);
              expect_near(of, "solve", i, j, sum, Number(b[place(i)]));
            }
        digest.add(x);
      }
}

/// Q R gives the matrix again, and the columns of Q are orthonormal; the second matrix is upper triangular from the start.
template <class S> static void check_qr(Digest &digest, const Case &of) {
  const uint32_t batch = 3;
  for (uint32_t rows : {1u, 9u, 40u})
    for (uint32_t columns : {1u, 6u, 37u}) {
      const uint32_t k = std::min(rows, columns);
      std::vector<S> a = elements<S>(batch * rows * columns, rows + columns);
      for (uint32_t j = 0; j < columns; ++j)
        for (uint32_t i = 0; i < rows; ++i)
          if (i > j) a[(columns + j) * rows + i] = S(0);
      Buffer packed(a), tau(batch * k * sizeof(S)), q(batch * rows * rows * sizeof(S));
      st_linalg_args args = arguments(packed, rows, columns, batch, true);
      args.tau = tau.address;
      args.vector_batch = k;
      launch_piece(of, "Householder", args, 2, 1, 96);
      args.b = q.address;
      args.b_row = 1, args.b_column = rows, args.b_batch = (int64_t)rows * rows;
      args.others = rows, args.columns = k;
      // Leading dimension and batch of the packed matrix stay those of all its columns.
      launch_piece(of, "Reflect", args, (rows + 1) / 2, 2, 64);
      const std::vector<S> r = packed.read<S>(), u = q.read<S>();
      for (uint32_t b = 0; b < batch; ++b) {
        const S *m = &r[b * rows * columns], *v = &u[b * rows * rows];
        for (uint32_t i = 0; i < rows; ++i) {
          for (uint32_t j = 0; j < rows; ++j) {
            Number dot = 0;
            for (uint32_t t = 0; t < rows; ++t) dot += std::conj(Number(v[i * rows + t])) * Number(v[j * rows + t]);
            expect_near(of, "orthonormal columns", i, j, dot, i == j ? 1 : 0);
          }
          for (uint32_t j = 0; j < columns; ++j) {
            Number sum = 0;
            for (uint32_t t = 0; t <= std::min(j, rows - 1); ++t) sum += Number(v[t * rows + i]) * Number(m[j * rows + t]);
            expect_near(of, "qr", i, j, sum, Number(a[(b * columns + j) * rows + i]));
          }
        }
      }
      digest.add(r);
      digest.add(u);
      digest.add(tau.read<S>());
    }
}
/// Singular values of matrices of any size, the second of rank one, the third with a NaN; then eigenvalues of Hermitian ones with as many of each sign.
template <class S> static void check_jacobi(Digest &digest, const Case &of) {
  const uint32_t batch = 4;
  for (uint32_t n : {1u, 5u, 8u})
    for (uint32_t form = 0; form < 3; ++form) {
      const bool is_hermitian = form > 0, is_upper = form == 2;
      const uint32_t m = is_hermitian ? n : n + 30;
      std::vector<S> a = elements<S>(batch * m * n, n + form);
      // Tiny numbers in the last.
      for (uint32_t i = 0; i < m * n; ++i) a[3 * m * n + i] = stored<S>(Number(a[3 * m * n + i]) * 1e-25);
      for (uint32_t j = 0; j < n; ++j)
        for (uint32_t i = 0; i < m; ++i) a[(n + j) * m + i] = stored<S>(is_hermitian ? Number(1) : Number(a[n * m + i]) * (double)(j + 1));
      a[2 * m * n] = stored<S>(NAN);
      Buffer device(a), vectors(batch * n * n * sizeof(S)), values(batch * n * (std::is_same_v<S, float> || std::is_same_v<S, std::complex<float>> ? 4 : 8)), info(std::vector<int32_t>(batch, 0));
      st_linalg_args args = arguments(device, m, n, batch, true);
      args.b = vectors.address;
      args.b_row = 1, args.b_column = n, args.b_batch = (int64_t)n * n;
      args.tau = values.address, args.info = info.address;
      args.vector_batch = n;
      args.flags = is_upper ? 3 : is_hermitian;
      launch_piece(of, "Jacobi", args, 3, 1, 96);
      if (info.read<int32_t>() != std::vector<int32_t>{0, 0, 1, 0}) fail("jacobi_%s: info of the matrix with a NaN is %d", of.type, info.read<int32_t>()[2]);
      const std::vector<S> v = vectors.read<S>();
      std::vector<double> w(batch * n);
      if (values.bytes == w.size() * 8) w = values.read<double>();
      else std::ranges::copy(values.read<float>(), w.begin());
      for (uint32_t b = 0; b < batch; ++b) {
        if (b == 2) continue;
        const double scale = b == 3 ? 1e-25 : 1;
        auto given = [&](uint32_t i, uint32_t j) {
          const Number x(a[(b * n + j) * m + i]);
          if (!is_hermitian) return x;
          return i == j ? Number(x.real()) : (i > j) != is_upper ? x : std::conj(Number(a[(b * n + i) * m + j]));
        };
        for (uint32_t j = 0; j < n; ++j) {
          const double value = w[b * n + j] / scale;
          if (j > 0 && (is_hermitian ? w[b * n + j] < w[b * n + j - 1] : w[b * n + j] > w[b * n + j - 1])) fail("jacobi_%s: values are not in order", of.type);
          std::vector<Number> image(m);
          double length = 0;
          for (uint32_t i = 0; i < m; ++i) {
            for (uint32_t t = 0; t < n; ++t) image[i] += given(i, t) * Number(v[(b * n + j) * n + t]) / scale;
            length += std::norm(image[i]);
          }
          if (is_hermitian)
            for (uint32_t i = 0; i < n; ++i) expect_near(of, "eigenvector", i, j, image[i], value * Number(v[(b * n + j) * n + i]));
          else expect_near(of, "singular value", b, j, value, sqrt(length));
          for (uint32_t t = 0; t < n; ++t) {
            Number dot = 0;
            for (uint32_t i = 0; i < n; ++i) dot += std::conj(Number(v[(b * n + j) * n + i])) * Number(v[(b * n + t) * n + i]);
            expect_near(of, "vectors", j, t, dot, j == t ? 1 : 0);
          }
        }
      }
      digest.add(device.read<S>());
      digest.add(v);
      digest.add(w);
    }
}
#define ST_CHECK_LINALG(name) \
  ST_CHECK(linalg_##name) { \
    check_##name<float>(digest, {"f32", 2e-4}); \
    check_##name<double>(digest, {"f64", 1e-12}); \
    check_##name<std::complex<float>>(digest, {"c64", 2e-4}); \
    check_##name<std::complex<double>>(digest, {"c128", 1e-12}); \
  }
ST_CHECK_LINALG(cholesky)
ST_CHECK_LINALG(lu)
ST_CHECK_LINALG(solve)
ST_CHECK_LINALG(qr)
ST_CHECK_LINALG(jacobi)

}  // namespace st_emulator
