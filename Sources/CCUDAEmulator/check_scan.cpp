// Scans against loops: lines longer than a block takes at once, along both dims of a matrix, forwards and backwards.
#include "check.h"
#include <math.h>

namespace st_emulator {

static const char *const kScans[] = {"sum", "prod", "max", "min", "logSumExp"};

ST_CHECK(running_values_along_both_dims) {
  const uint32_t rows = 3, columns = 700;
  Numbers numbers = {5};
  std::vector<float> x;
  for (uint32_t i = 0; i < rows * columns; ++i) x.push_back(i == 900 ? NAN : i == 1500 ? -INFINITY : (float)((int)numbers.uniform(0, 40)) / 20);
  Buffer bx(x);
  for (int op = 0; op < 5; ++op)
    for (bool along_columns : {false, true})
      for (bool backwards : {false, true}) {
        const uint32_t n = along_columns ? columns : rows, lines = along_columns ? rows : columns;
        const int64_t step = along_columns ? 1 : columns, across = along_columns ? columns : 1;
        std::vector<double> want(x.size());
        std::vector<int64_t> places(x.size());
        for (uint32_t l = 0; l < lines; ++l) {
          double run = op == 1 ? 1 : op == 4 ? -INFINITY : 0;
          int64_t place = 0;
          for (uint32_t i = 0; i < n; ++i) {
            const size_t at = (size_t)(l * across + (backwards ? n - 1 - i : i) * step);
            const double v = x[at];
            if (op == 0) run += v;
            else if (op == 1) run *= v;
            else if (op == 4) run = run != run || v != v ? NAN : fmax(run, v) == -INFINITY ? -INFINITY : fmax(run, v) + log1p(exp(-fabs(run - v)));
            else if (i == 0 || v != v || (run == run && (op == 2 ? v >= run : v <= run))) run = v, place = i;
            want[at] = run;
            places[at] = place;
          }
        }
        // A thread a line, a block a line, four threads a line.
        for (int form = 0; form < 3; ++form) {
          const bool row = form == 1;
          Buffer by(x.size() * 4), bi(x.size() * 8);
          st_scan_args a = {};
          const uint32_t start = backwards ? (uint32_t)((n - 1) * step) : 0;
          a.in = bx.address + start * 4;
          a.out = by.address + start * 4;
          const bool has_places = op == 2 || op == 3;
          a.indices = has_places ? bi.address + start * 8 : 0;
          a.lines = lines;
          a.n = n;
          a.pieces = 1;
          a.each = n;
          a.rank = 1;
          a.size[0] = st_make_divisor(lines);
          for (int k = 0; k < 3; ++k) {
            const int64_t size = k == 2 ? 8 : 4;
            a.stride[k][0] = across * size;
            a.along[k] = (backwards ? -step : step) * size;
          }
          const std::string defines = std::string("ST_OP=") + kScans[op] + " ST_TYPE=f32", name = std::string("scan_") + kScans[op] + "_f32_";
          // Four pieces of which the last is short, and shorter than a block takes at once.
          Buffer totals(lines * 4 * ST_SCAN_STATE_BYTES);
          if (row && n > 600) {
            a.pieces = 4;
            a.each = 200;
            a.totals = totals.address;
            launch_kernel("scan.cu", defines, name + "totals", a, 3, 32);
          }
          if (form == 2) launch_kernel("scan.cu", defines, name + "lines", &a, {2, 1, 1}, {16, 4, 1});
          else launch_kernel("scan.cu", defines, name + (row ? "row" : "lines"), a, 2, row ? 32 : 64);
          const std::vector<float> y = by.read<float>();
          for (size_t i = 0; i < y.size(); ++i)
            if (!is_close(y[i], want[i], 1e-5)) fail("%s: element %zu is %.9g instead of %.9g", kScans[op], i, y[i], want[i]);
          digest.add(y);
          if (!has_places) continue;
          if (bi.read<int64_t>() != places) fail("%s: wrong places", kScans[op]);
          digest.add(places);
        }
      }
}

}  // namespace st_emulator
