// Functions of complex numbers, which the kernels have their own of, against the C library's.
#include "check.h"
#include <math.h>

namespace st_emulator {

struct Function {
  const char *op;
  _Complex double (*of)(_Complex double);
};
#define OF(name) {#name, [](_Complex double z) { return __builtin_c##name(z); }}
static const Function kFunctions[] = {OF(sqrt), OF(exp), OF(log), OF(sin), OF(cos), OF(tan), OF(asin), OF(acos), OF(atan), OF(sinh), OF(cosh), OF(tanh), OF(asinh), OF(acosh), OF(atanh)};

static bool same_special(double a, double b) { return (a != a && b != b) || (a == b && signbit(a) == signbit(b)) || fabs(a - b) <= 1e-12 * fabs(b); }
ST_CHECK(complex_functions) {
  std::vector<double> numbers;
  Numbers random = {21};
  for (int k = 0; k < 2000; ++k) {
    const double scale = k % 4 == 0 ? 1 : k % 4 == 1 ? 20 : k % 4 == 2 ? 1e-3 : exp(random.uniform(-10, 10));
    const double x = random.uniform(-2, 2) * scale, y = random.uniform(-2, 2) * scale * (k % 7 == 0 ? 1e-8 : 1);
    // Some beside the branch points.
    numbers.push_back(k % 11 == 0 ? (x < 0 ? -1 : 1) + 1e-6 * x : x);
    numbers.push_back(y);
  }
  const size_t ordinary = numbers.size() / 2;
  const double special[] = {0.0, -0.0, 1.0, -1.0, 0.5, -2.0, INFINITY, -INFINITY, NAN, 1e300, 1e-300, 710.0, -800.0};
  for (double x : special)
    for (double y : special) {
      numbers.push_back(x);
      numbers.push_back(y);
    }
  Buffer in(numbers), out(numbers.size() * 8);
  for (const Function &f : kFunctions) {
    st_run_args args = {};
    args.address[0] = out.address;
    args.address[1] = in.address;
    args.count = numbers.size() / 2;
    launch_kernel("unary.cu", std::string("ST_OP=") + f.op + " ST_TYPE=c128", std::string("unary_") + f.op + "_c128_run", args, 4);
    std::vector<double> result = out.read<double>();
    for (size_t k = 0; k < numbers.size() / 2; ++k) {
      const double re = result[2 * k], im = result[2 * k + 1];
      const _Complex double w = f.of(__builtin_complex(numbers[2 * k], numbers[2 * k + 1]));
      const double want_re = __real__ w, want_im = __imag__ w;
      const bool good = k < ordinary ? hypot(re - want_re, im - want_im) <= 2e-15 * hypot(want_re, want_im) || isinf(want_re) : same_special(re, want_re) && same_special(im, want_im);
      if (!good) fail("%s(%.17g, %.17g) is (%.17g, %.17g) instead of (%.17g, %.17g)", f.op, numbers[2 * k], numbers[2 * k + 1], re, im, want_re, want_im);
    }
    // Not into the digest: the signs of NaN are not defined.
  }
}

}  // namespace st_emulator
