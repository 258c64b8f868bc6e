// Accuracy of the vectorised float32 functions against libm in double.
#include "st_ulp.h"
#include "st_pointwise.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

namespace {

double sigmoid(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }
double rsqrt(double x) { return 1 / sqrt(x); }
double gelu(double x) { return isinf(x) ? (x > 0 ? x : -0.0) : 0.5 * x * erfc(-x * 0.70710678118654752440); }
double silu(double x) { return x * sigmoid(x); }
double softplus(double x) { return x > 20 ? x : log1p(exp(x)); }

/// A function, its exact form, and the error it promises: 1 ULP for the elementary ones. Activations are compared on absolute terms near their
/// vanishing tails, so they state their own limit and range.
struct Function {
  StUnaryOp op;
  const char *name;
  double (*exact)(double);
  double limit;
  float from, to;
};
const Function functions[] = {
    {StUnaryOp_exp, "exp", exp, 1, -INFINITY, INFINITY},
    {StUnaryOp_exp2, "exp2", exp2, 1, -INFINITY, INFINITY},
    {StUnaryOp_expm1, "expm1", expm1, 1, -INFINITY, INFINITY},
    {StUnaryOp_log, "log", log, 1, -INFINITY, INFINITY},
    {StUnaryOp_log2, "log2", log2, 1, -INFINITY, INFINITY},
    {StUnaryOp_log10, "log10", log10, 1, -INFINITY, INFINITY},
    {StUnaryOp_log1p, "log1p", log1p, 1, -INFINITY, INFINITY},
    {StUnaryOp_sin, "sin", sin, 1, -INFINITY, INFINITY},
    {StUnaryOp_cos, "cos", cos, 1, -INFINITY, INFINITY},
    {StUnaryOp_tan, "tan", tan, 1, -INFINITY, INFINITY},
    {StUnaryOp_asin, "asin", asin, 1, -INFINITY, INFINITY},
    {StUnaryOp_acos, "acos", acos, 1, -INFINITY, INFINITY},
    {StUnaryOp_atan, "atan", atan, 1, -INFINITY, INFINITY},
    {StUnaryOp_sinh, "sinh", sinh, 1, -INFINITY, INFINITY},
    {StUnaryOp_cosh, "cosh", cosh, 1, -INFINITY, INFINITY},
    {StUnaryOp_tanh, "tanh", tanh, 1, -INFINITY, INFINITY},
    {StUnaryOp_asinh, "asinh", asinh, 1, -INFINITY, INFINITY},
    {StUnaryOp_acosh, "acosh", acosh, 1, -INFINITY, INFINITY},
    {StUnaryOp_atanh, "atanh", atanh, 1, -INFINITY, INFINITY},
    {StUnaryOp_erf, "erf", erf, 1, -INFINITY, INFINITY},
    {StUnaryOp_erfc, "erfc", erfc, 1, -INFINITY, INFINITY},
    {StUnaryOp_sigmoid, "sigmoid", sigmoid, 1, -INFINITY, INFINITY},
    {StUnaryOp_sqrt, "sqrt", sqrt, 0.5001, -INFINITY, INFINITY},
    {StUnaryOp_rsqrt, "rsqrt", rsqrt, 1.5, -INFINITY, INFINITY},
    {StUnaryOp_gelu, "gelu", gelu, 4, -1, INFINITY},
    {StUnaryOp_silu, "silu", silu, 4, -87, INFINITY},
    {StUnaryOp_softplus, "softplus", softplus, 4, -87, INFINITY},
};

/// Error of y in units of the last place of the exact value, or -1 where a special value is wrong.
double error(float y, double exact) {
  if (isnan(exact)) return isnan(y) ? 0 : -1;
  float nearest = (float)exact;
  if (isinf(nearest)) return y == nearest ? 0 : isinf(exact) || fabsf(y) < 3.402823e38f ? -1 : 1;
  if (isinf(y)) return fabs(exact) > 3.4028233e38 ? 1 : -1;
  if (isnan(y)) return -1;
  if (exact == 0) return y == 0 ? (signbit(y) == signbit(exact) ? 0 : -1) : -1;
  int exponent;
  frexp(exact, &exponent);
  return fabs((double)y - exact) / ldexp(1.0, exponent - 24 < -149 ? -149 : exponent - 24);
}

}  // namespace

extern "C" int32_t st_ulp_report(void (*line)(void *context, const char *text), void *context) {
  constexpr int64_t kBlock = 4096, kStep = 4099;
  static const float special[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 1.0f, -1.0f, 0.5f, -0.5f, 1e-45f, -1e-45f, 1.17549435e-38f, 88.7228f, 88.73f, -87.4f, -103.9f, -104.1f, 1e30f, -1e30f};
  static const char *const levels[] = {"baseline", "avx2", "avx512"};
  float *x = (float *)malloc(kBlock * sizeof(float)), *y = (float *)malloc(kBlock * sizeof(float));
  char text[200];
  snprintf(text, sizeof text, "%-10s %10s %16s %12s %8s   (level %s)", "function", "max ULP", "at", "above 1", "wrong", levels[st_level()]);
  line(context, text);
  int32_t failures = 0;
  for (const Function &f : functions) {
    st_loop loop = st_unary(f.op, StDType_float32);
    st_params params = {{1, 20, 0, 0}, {0, 0, 0, 0}};
    double worst = 0;
    float at = 0;
    int64_t count = 0, above = 0, wrong = 0;
    // 4099 is odd and not a divisor of 2^32, so that all low bits occur.
    uint64_t next = 1;
    bool first = true;
    while (next < (uint64_t)1 << 32) {
      int64_t n = 0;
      if (first) {
        memcpy(x, special, sizeof special);
        n = sizeof special / sizeof special[0];
        first = false;
      }
      for (; n < kBlock && next < (uint64_t)1 << 32; next += kStep) {
        uint32_t bits = (uint32_t)next;
        memcpy(x + n++, &bits, 4);
      }
      char *pointers[2] = {(char *)y, (char *)x};
      const int64_t strides[4] = {4, 4, 0, 0};
      loop(pointers, strides, n, 1, &params);
      for (int64_t i = 0; i < n; ++i) {
        if (x[i] < f.from || x[i] > f.to) continue;
        ++count;
        double e = error(y[i], f.exact(x[i]));
        if (e < 0) {
          if (!wrong) at = x[i];
          ++wrong;
          continue;
        }
        above += e > 1;
        if (e > worst) {
          worst = e;
          if (!wrong) at = x[i];
        }
      }
    }
    snprintf(text, sizeof text, "%-10s %10.3f %16.8g %11.4f%% %8lld", f.name, worst, (double)at, 100.0 * (double)above / (double)count, (long long)wrong);
    line(context, text);
    if (wrong || worst > f.limit) ++failures;
  }
  free(x);
  free(y);
  return failures;
}
