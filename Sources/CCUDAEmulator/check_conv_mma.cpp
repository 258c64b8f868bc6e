// Convolution and its gradients on the emulated tensor cores against the definition.
#include "check_conv.h"
#include "kernels.h"
namespace {
#include "preamble.cuh"
#include "scalar/convert.h"

template <class S> void check_type(st_emulator::Digest &digest, const std::string &type) {
  using namespace st_emulator;
  for (size_t number = 0; number < sizeof kShapes / sizeof *kShapes; ++number) {
    const Shape &s = kShapes[number];
    const Definition d(s, number + 50);
    auto typed = [](const std::vector<double> &items) {
      std::vector<S> result;
      for (double v : items) result.push_back(To<S>::from(v));
      return result;
    };
    const Buffer bx(typed(d.x)), bw(typed(d.weight)), bdy(typed(d.dy)), bbias(typed(d.bias));
    auto compare = [&](const std::string &what, const Buffer &got, const std::vector<double> &want) {
      const std::vector<S> found = got.read<S>();
      for (size_t k = 0; k < want.size(); ++k)
        if (load_as(&found[k]) != load_as(&typed({want[k]})[0]))
          fail("%s of shape %zu: element %zu is %.9g instead of %.9g", what.c_str(), number, k, (double)load_as(&found[k]), want[k]);
      digest.add(found);
    };
    for (const uint32_t rows : {128u, 64u}) {
      const std::string suffix = "_" + type + "_" + std::to_string(rows);
      auto launch = [&](const std::string &symbol, const st_conv_args &a, uint32_t columns, uint32_t planes) {
        launch_kernel("conv_mma.cu", "ST_TYPE=" + type, symbol, &a, {(columns + 63) / 64, (a.rows + rows - 1) / rows, planes}, {rows * 2, 1, 1});
      };
      for (const bool turned : {false, true})
        for (const uint32_t packed : {0u, 1u}) {
          st_conv_args a = arguments(s, turned);
          // Copies of 16 bytes only where each row of the weights has whole ones.
          if (packed && (turned || a.taps * sizeof(S) % 16 != 0)) continue;
          const std::vector<double> &want = turned ? d.dx : d.y;
          Buffer out(want.size() * sizeof(S));
          a.in = turned ? bdy.address : bx.address;
          a.weight = bw.address;
          a.bias = turned ? 0 : bbias.address;
          a.out = out.address;
          a.packed = packed;
          // One plane of the grid may do the work of several.
          launch("convolutionMma" + suffix, a, a.pixels, number % 2 ? 1 : a.planes);
          compare("convolutionMma" + suffix + (turned ? ", turned" : packed ? ", packed" : ""), out, want);
        }
      st_conv_args a = arguments(s, false);
      a.in = bx.address;
      a.out = bdy.address;
      Buffer whole(d.weight.size() * sizeof(S)), parts(d.weight.size() * sizeof(S));
      a.weight = whole.address;
      launch("convolutionMmaWeight" + suffix, a, a.taps, a.groups);
      compare("convolutionMmaWeight" + suffix, whole, d.dweight);
      // No multiple of a slice.
      a.each = 40;
      a.splits = (a.pixels + 39) / 40;
      Buffer workspace(d.weight.size() * a.splits * sizeof(float));
      a.workspace = workspace.address;
      a.weight = parts.address;
      launch("convolutionMmaWeight" + suffix, a, a.taps, number % 2 ? a.groups : a.groups * a.splits);
      if (a.splits > 1)
        launch_kernel("conv.cu", "ST_TYPE=" + type, "convolutionFinish_" + type, &a, {(uint32_t)(d.weight.size() + 255) / 256, 1, 1}, {256, 1, 1});
      compare("convolutionMmaWeight" + suffix + " in parts", parts, d.dweight);
    }
  }
}
}  // namespace

namespace st_emulator {

ST_CHECK(convolutions_on_tensor_cores) {
  check_type<half>(digest, "f16");
  check_type<bfloat16>(digest, "bf16");
  check_type<float>(digest, "f32");
}
/// Factors that tf32 can not hold are rounded, whichever way they come.
ST_CHECK(convolutions_round_to_tf32) {
  const Shape s = {1, 4, 1, 1, {4, 1, 1}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, {1, 1, 1}};
  const float fine = 1 + 0x1p-11f, rounded = 1 + 0x1p-10f;
  const std::vector<float> low(16, fine), one = {1, 0, 0, 0};
  const Buffer bx(low), bone(one), bfine(std::vector<float>{fine, 0, 0, 0}), bones(std::vector<float>(16, 1.0f));
  for (const uint32_t packed : {0u, 1u}) {
    st_conv_args a = arguments(s, false);
    a.packed = packed;
    for (const bool is_data : {true, false}) {
      Buffer y(4 * sizeof(float));
      a.in = is_data ? bx.address : bones.address;
      a.weight = is_data ? bone.address : bfine.address;
      a.out = y.address;
      launch_kernel("conv_mma.cu", "ST_TYPE=f32", "convolutionMma_f32_64", a, 1, 128);
      for (float v : y.read<float>())
        if (v != rounded) fail("%s %u: %.9g instead of %.9g", is_data ? "data" : "weights", packed, v, rounded);
    }
  }
}

}  // namespace st_emulator
