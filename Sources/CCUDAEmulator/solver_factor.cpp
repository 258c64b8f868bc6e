// Householder's QR; eigenvalues and singular values by Jacobi's rotations.
#include "solver.h"
#include <algorithm>
#include <math.h>
#include <numeric>

namespace st_emulator {

static SolverNumber dot(const SolverMatrix &a, int64_t p, const SolverMatrix &b, int64_t q) {
  SolverNumber sum = 0;
  for (int64_t i = 0; i < a.rows; ++i) sum += std::conj(a(i, p)) * b(i, q);
  return sum;
}
static bool is_finite(const SolverMatrix &a) {
  return std::all_of(a.numbers.begin(), a.numbers.end(), [](SolverNumber x) { return std::isfinite(x.real()) && std::isfinite(x.imag()); });
}

void factor_qr(SolverMatrix &a, SolverMatrix &tau) {
  for (int64_t j = 0; j < tau.rows; ++j) {
    double tail = 0;
    for (int64_t i = j + 1; i < a.rows; ++i) tail += std::norm(a(i, j));
    const SolverNumber head = a(j, j);
    tau(j, 0) = 0;
    if (tail == 0 && head.imag() == 0) continue;
    const double beta = -copysign(sqrt(tail + std::norm(head)), head.real());
    const SolverNumber factor = (beta - head) / beta;
    tau(j, 0) = factor;
    for (int64_t i = j + 1; i < a.rows; ++i) a(i, j) /= head - beta;
    a(j, j) = beta;
    for (int64_t c = j + 1; c < a.columns; ++c) {
      SolverNumber sum = a(j, c);
      for (int64_t i = j + 1; i < a.rows; ++i) sum += std::conj(a(i, j)) * a(i, c);
      sum *= std::conj(factor);
      a(j, c) -= sum;
      for (int64_t i = j + 1; i < a.rows; ++i) a(i, c) -= a(i, j) * sum;
    }
  }
}

/// The rotation of two columns that makes [alpha, gamma; conj(gamma), beta] diagonal.
struct Rotation {
  double c, s;
  SolverNumber phase;
  Rotation(double alpha, double beta, SolverNumber gamma) {
    const double size = std::abs(gamma), theta = (beta - alpha) / (2 * size);
    const double t = copysign(1, theta) / (fabs(theta) + sqrt(1 + theta * theta));
    c = 1 / sqrt(1 + t * t);
    s = t * c;
    phase = gamma / size;
  }
  void turn(SolverNumber &x, SolverNumber &y) const {
    const SolverNumber z = std::conj(phase) * y, old = x;
    x = c * old - s * z;
    y = s * old + c * z;
  }
  void turn_columns(SolverMatrix &a, int64_t p, int64_t q) const {
    for (int64_t i = 0; i < a.rows; ++i) turn(a(i, p), a(i, q));
  }
};
static SolverMatrix identity(int64_t n) {
  SolverMatrix e(n, n);
  for (int64_t i = 0; i < n; ++i) e(i, i) = 1;
  return e;
}
static const double kSmall = 1e-16;
static const int kSweeps = 60;

bool find_eigenvalues(SolverMatrix &a, SolverMatrix &w) {
  const int64_t n = a.rows;
  const bool good = is_finite(a);
  SolverMatrix v = identity(n);
  double scale = 0;
  for (const SolverNumber &x : a.numbers) scale = std::max(scale, std::abs(x));
  bool turned = good;
  for (int sweep = 0; turned && sweep < kSweeps; ++sweep) {
    turned = false;
    for (int64_t p = 0; p < n; ++p)
      for (int64_t q = p + 1; q < n; ++q) {
        if (std::abs(a(p, q)) <= kSmall * scale) continue;
        turned = true;
        const Rotation r(a(p, p).real(), a(q, q).real(), a(p, q));
        r.turn_columns(a, p, q);
        r.turn_columns(v, p, q);
        for (int64_t j = 0; j < n; ++j) {
          SolverNumber x = std::conj(a(p, j)), y = std::conj(a(q, j));
          r.turn(x, y);
          a(p, j) = std::conj(x);
          a(q, j) = std::conj(y);
        }
      }
  }
  std::vector<int64_t> order((size_t)n);
  std::iota(order.begin(), order.end(), 0);
  if (good) std::sort(order.begin(), order.end(), [&](int64_t x, int64_t y) { return std::pair(a(x, x).real(), x) < std::pair(a(y, y).real(), y); });
  SolverMatrix vectors(n, n);
  for (int64_t j = 0; j < n; ++j) {
    w(j, 0) = a(order[(size_t)j], order[(size_t)j]).real();
    for (int64_t i = 0; i < n; ++i) vectors(i, j) = v(i, order[(size_t)j]);
  }
  a = vectors;
  return good;
}

/// Makes column j of u orthogonal to those before, with length 1; false if nothing is left of it.
static bool orthogonalize(SolverMatrix &u, int64_t j) {
  double before = sqrt(dot(u, j, u, j).real());
  for (int pass = 0; pass < 2; ++pass)
    for (int64_t t = 0; t < j; ++t) {
      const SolverNumber part = dot(u, t, u, j);
      for (int64_t i = 0; i < u.rows; ++i) u(i, j) -= part * u(i, t);
    }
  const double left = sqrt(dot(u, j, u, j).real());
  if (!(left > 1e-6 * before)) return false;
  for (int64_t i = 0; i < u.rows; ++i) u(i, j) /= left;
  return true;
}

bool find_singular_values(const SolverMatrix &a, SolverMatrix &s, SolverMatrix &u, SolverMatrix &vh) {
  const int64_t m = a.rows, n = a.columns;
  const bool good = is_finite(a);
  SolverMatrix g = a, v = identity(n);
  double scale = 0;
  for (int64_t j = 0; j < n; ++j) scale = std::max(scale, dot(a, j, a, j).real());
  bool turned = good;
  for (int sweep = 0; turned && sweep < kSweeps; ++sweep) {
    turned = false;
    for (int64_t p = 0; p < n; ++p)
      for (int64_t q = p + 1; q < n; ++q) {
        const double alpha = dot(g, p, g, p).real(), beta = dot(g, q, g, q).real();
        const SolverNumber gamma = dot(g, p, g, q);
        // Columns that are rounding errors beside the largest have no directions to speak of.
        if (std::abs(gamma) <= 4 * kSmall * sqrt(alpha * beta) || std::abs(gamma) <= kSmall * kSmall * scale) continue;
        turned = true;
        const Rotation r(alpha, beta, gamma);
        r.turn_columns(g, p, q);
        r.turn_columns(v, p, q);
      }
  }
  std::vector<double> sizes((size_t)n);
  for (int64_t j = 0; j < n; ++j) sizes[(size_t)j] = sqrt(dot(g, j, g, j).real());
  std::vector<int64_t> order((size_t)n);
  std::iota(order.begin(), order.end(), 0);
  if (good) std::sort(order.begin(), order.end(), [&](int64_t x, int64_t y) { return std::pair(-sizes[(size_t)x], x) < std::pair(-sizes[(size_t)y], y); });
  int64_t next = 0;
  for (int64_t j = 0; j < std::max(n, u.columns); ++j) {
    if (j < n) {
      const int64_t from = order[(size_t)j];
      s(j, 0) = sizes[(size_t)from];
      for (int64_t i = 0; i < n; ++i) vh(j, i) = std::conj(v(i, from));
      for (int64_t i = 0; i < m && j < u.columns; ++i) u(i, j) = g(i, from);
      if (!good || j >= u.columns || (sizes[(size_t)from] > 1e-13 * sizes[(size_t)order[0]] && orthogonalize(u, j))) continue;
    }
    // A unit vector serves where there is no direction.
    for (; next < m; ++next) {
      for (int64_t i = 0; i < m; ++i) u(i, j) = i == next ? 1 : 0;
      if (orthogonalize(u, j)) break;
    }
    ++next;
  }
  return good;
}

}  // namespace st_emulator
