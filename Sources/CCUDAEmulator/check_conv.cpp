// Convolution and its gradients against the definition.
#include "check_conv.h"

namespace st_emulator {

namespace {
template <class T> void check_convolutions(Digest &digest, const std::string &type) {
  for (size_t number = 0; number < sizeof kShapes / sizeof *kShapes; ++number) {
    const Shape &s = kShapes[number];
    const Definition d(s, number + 5);
    auto typed = [](const std::vector<double> &items) { return std::vector<T>(items.begin(), items.end()); };
    const Buffer bx(typed(d.x)), bw(typed(d.weight)), bdy(typed(d.dy)), bbias(typed(d.bias));
    auto compare = [&](const std::string &what, const Buffer &got, const std::vector<double> &want) {
      const std::vector<T> found = got.read<T>();
      for (size_t k = 0; k < want.size(); ++k)
        if (found[k] != want[k]) fail("%s_%s of shape %zu: element %zu is %.9g instead of %.9g", what.c_str(), type.c_str(), number, k, (double)found[k], want[k]);
      digest.add(found);
    };
    auto launch = [&](const std::string &what, const st_conv_args &a, uint32_t gx, uint32_t gy, uint32_t gz) {
      launch_kernel("conv.cu", "ST_TYPE=" + type, what + "_" + type, &a, {gx, gy, gz}, {256, 1, 1});
    };
    for (const bool turned : {false, true}) {
      st_conv_args a = arguments(s, turned);
      a.in = turned ? bdy.address : bx.address;
      a.weight = bw.address;
      a.bias = turned ? 0 : bbias.address;
      const std::vector<double> &want = turned ? d.dx : d.y;
      // One plane of the grid may do the work of several.
      Buffer tiled(want.size() * sizeof(T)), direct(want.size() * sizeof(T));
      a.out = tiled.address;
      launch("convolution", a, (a.pixels + 63) / 64, (a.rows + 63) / 64, number % 2 ? 1 : a.planes);
      compare(turned ? "convolution, turned" : "convolution", tiled, want);
      a.out = direct.address;
      launch("convolutionDirect", a, (a.pixels + 255) / 256, (a.rows + 3) / 4, number % 2 ? a.planes : 1);
      compare(turned ? "convolutionDirect, turned" : "convolutionDirect", direct, want);
    }
    st_conv_args a = arguments(s, false);
    a.in = bx.address;
    a.out = bdy.address;
    Buffer whole(d.weight.size() * sizeof(T)), parts(d.weight.size() * sizeof(T)), direct(d.weight.size() * sizeof(T));
    const uint32_t columns = (a.taps + 63) / 64, lines = (a.rows + 63) / 64;
    a.weight = whole.address;
    launch("convolutionBackwardWeight", a, columns, lines, a.groups);
    compare("convolutionBackwardWeight", whole, d.dweight);
    a.weight = direct.address;
    launch("convolutionDirectWeight", a, (uint32_t)d.weight.size(), 1, 1);
    compare("convolutionDirectWeight", direct, d.dweight);
    a.each = 16;
    a.splits = (a.pixels + 15) / 16;
    Buffer workspace(d.weight.size() * a.splits * sizeof(T));
    a.workspace = workspace.address;
    a.weight = parts.address;
    launch("convolutionBackwardWeight", a, columns, lines, number % 2 ? a.groups : a.groups * a.splits);
    if (a.splits > 1) launch("convolutionFinish", a, (uint32_t)(d.weight.size() + 255) / 256, 1, 1);
    compare("convolutionBackwardWeight in parts", parts, d.dweight);
  }
}
}  // namespace

ST_CHECK(convolutions) { check_convolutions<float>(digest, "f32"); }
ST_CHECK(convolutions_in_double) { check_convolutions<double>(digest, "f64"); }

}  // namespace st_emulator
