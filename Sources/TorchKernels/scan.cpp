// Running sums, products, extremes and log-sum-exps along one line.
#include "cpu/element.h"
#include "st_reduce.h"
#include <cmath>

namespace {
using namespace element;

/// Integers wrap, so their running values are kept unsigned.
template <class C> struct Running { using Type = C; };
template <> struct Running<int8_t> { using Type = uint8_t; };
template <> struct Running<int16_t> { using Type = uint16_t; };
template <> struct Running<int32_t> { using Type = uint32_t; };
template <> struct Running<int64_t> { using Type = uint64_t; };

template <class T> void sums(const char *in, int64_t is, char *out, int64_t os, int64_t n, bool product) {
  using C = ComputeOf<T>;
  using R = typename Running<C>::Type;
  R run = product ? R(1) : R(0);
  for (int64_t i = 0; i < n; ++i) {
    R x = (R)load((const T *)(in + i * is));
    run = product ? (R)(run * x) : (R)(run + x);
    store((T *)(out + i * os), (C)run);
  }
}

/// The last of equal ones wins, and a NaN stays from where it appears.
template <class T> void extremes(const char *in, int64_t is, char *out, int64_t os, char *indices, int64_t xs, int64_t n, bool largest) {
  using C = ComputeOf<T>;
  C best = C(0);
  int64_t at = 0;
  for (int64_t i = 0; i < n; ++i) {
    C x = load((const T *)(in + i * is));
    if (i == 0 || is_nan(x) || (!is_nan(best) && (largest ? x >= best : x <= best))) {
      best = x;
      at = i;
    }
    store((T *)(out + i * os), best);
    if (indices) *(int64_t *)(indices + i * xs) = at;
  }
}

template <class T> void log_sum_exps(const char *in, int64_t is, char *out, int64_t os, int64_t n) {
  using C = ComputeOf<T>;
  C run = -INFINITY;
  for (int64_t i = 0; i < n; ++i) {
    C x = load((const T *)(in + i * is));
    if (is_nan(x) || is_nan(run)) run = (C)NAN;
    else if (std::isinf(x) || std::isinf(run)) run = std::isinf(x) && x < 0 ? run : std::isinf(run) && run < 0 ? x : (C)INFINITY;
    else run = std::fmax(run, x) + std::log1p(std::exp(-std::fabs(run - x)));
    store((T *)(out + i * os), run);
  }
}
}  // namespace

extern "C" bool st_scan_row(StScanOp op, StDType t, const char *in, int64_t is, char *out, int64_t os, char *indices, int64_t xs, int64_t n) {
  switch (op) {
    case StScanOp_sum: case StScanOp_prod:
      return with_number(t, [&](auto v) { sums<decltype(v)>(in, is, out, os, n, op == StScanOp_prod); });
    case StScanOp_max: case StScanOp_min:
      return with_real(t, [&](auto v) { extremes<decltype(v)>(in, is, out, os, indices, xs, n, op == StScanOp_max); });
    case StScanOp_logSumExp: {
      bool done = false;
      with_real(t, [&](auto v) {
        if constexpr (std::is_floating_point_v<ComputeOf<decltype(v)>>) {
          log_sum_exps<decltype(v)>(in, is, out, os, n);
          done = true;
        }
      });
      return done;
    }
    default: return false;
  }
}
