// Kernels that only move: copies, selection, fills, ranges.
#include "check.h"

namespace st_emulator {

static std::vector<unsigned char> random_bytes(size_t count, uint64_t seed) {
  Numbers numbers = {seed};
  std::vector<unsigned char> bytes(count);
  for (unsigned char &b : bytes) b = (unsigned char)numbers.bits();
  return bytes;
}
static const int kElementSizes[] = {1, 2, 4, 8, 16};

ST_CHECK(copies) {
  for (int size : kElementSizes) {
    const std::string defines = "ST_SIZE=" + std::to_string(size), name = "copy_" + std::to_string(size);
    // [2, 37, 45] whose last two dims change places.
    const uint32_t batches = 2, rows = 37, columns = 45, count = batches * rows * columns;
    std::vector<unsigned char> source = random_bytes((size_t)count * size, (uint64_t)size);
    Buffer in(source), out((size_t)count * size);
    st_strided_args args = {};
    args.address[0] = out.address;
    args.address[1] = in.address;
    args.count = count;
    args.rank = 3;
    const uint32_t sizes[3] = {rows, columns, batches};
    const int64_t to[3] = {1, rows, rows * columns}, from[3] = {columns, 1, rows * columns};
    for (int d = 0; d < 3; ++d) {
      args.size[d] = st_make_divisor(sizes[d]);
      args.stride[0][d] = to[d] * size;
      args.stride[1][d] = from[d] * size;
    }
    for (int form = 0; form < 2; ++form) {
      if (form == 0) launch_kernel("copy.cu", defines, name + "_strided", args, 5);
      else launch_kernel("copy.cu", defines, name + "_tiled", args, 3);
      std::vector<unsigned char> result = out.read<unsigned char>();
      for (uint32_t b = 0; b < batches; ++b)
        for (uint32_t r = 0; r < rows; ++r)
          for (uint32_t c = 0; c < columns; ++c)
            if (memcmp(result.data() + ((b * columns + c) * rows + r) * (size_t)size, source.data() + ((b * rows + r) * columns + c) * (size_t)size, (size_t)size) != 0)
              fail("%s form %d: element %u, %u, %u", name.c_str(), form, b, r, c);
      digest.add(result);
    }
    st_run_args run = {};
    run.address[0] = out.address;
    run.address[1] = in.address;
    run.count = count;
    launch_kernel("copy.cu", defines, name + "_run", run, 3);
    if (out.read<unsigned char>() != source) fail("%s_run", name.c_str());
  }
}
ST_CHECK(selection) {
  const uint32_t count = 333;
  for (int size : kElementSizes) {
    std::vector<unsigned char> condition = random_bytes(count, 5), a = random_bytes((size_t)count * size, 6), b = random_bytes((size_t)size, 7);
    for (unsigned char &c : condition) c &= 1;
    Buffer c(condition), x(a), y(b), out((size_t)count * size);
    st_run_args args = {};
    args.address[0] = out.address;
    args.address[1] = c.address;
    args.address[2] = x.address;
    args.address[3] = y.address;
    args.count = count;
    args.scalars = 8;
    launch_kernel("select.cu", "ST_SIZE=" + std::to_string(size), "select_" + std::to_string(size) + "_run", args, 1);
    std::vector<unsigned char> result = out.read<unsigned char>();
    st_strided_args strided = {};
    for (int k = 0; k < 4; ++k) strided.address[k] = args.address[k];
    strided.count = count;
    strided.rank = 2;
    strided.size[0] = st_make_divisor(9);
    strided.size[1] = st_make_divisor(37);
    const int64_t unit[4] = {size, 1, size, 0};
    for (int k = 0; k < 4; ++k) {
      strided.stride[k][0] = unit[k];
      strided.stride[k][1] = unit[k] * 9;
    }
    Buffer second((size_t)count * size);
    strided.address[0] = second.address;
    launch_kernel("select.cu", "ST_SIZE=" + std::to_string(size), "select_" + std::to_string(size) + "_strided", strided, 2);
    for (uint32_t k = 0; k < count; ++k)
      if (memcmp(result.data() + k * (size_t)size, condition[k] ? a.data() + k * (size_t)size : b.data(), (size_t)size) != 0) fail("size %d: element %u", size, k);
    if (second.read<unsigned char>() != result) fail("size %d: the layouts differ", size);
    second.clear();
    launch_kernel("select.cu", "ST_SIZE=" + std::to_string(size), "select_" + std::to_string(size) + "_tiled", strided, 2);
    if (second.read<unsigned char>() != result) fail("size %d: tiles differ", size);
    digest.add(result);
  }
}
ST_CHECK(fills) {
  for (int size : kElementSizes) {
    std::vector<unsigned char> value = random_bytes(16, 9), before(1000 * (size_t)size, 0);
    Buffer out(before);
    st_fill_args args = {};
    args.address = out.address + (uint64_t)size;
    args.count = 900;
    memcpy(args.value, value.data(), 16);
    const std::string defines = "ST_SIZE=" + std::to_string(size), name = "fill_" + std::to_string(size);
    launch_kernel("fill.cu", defines, name + "_run", args, 1);
    std::vector<unsigned char> result = out.read<unsigned char>();
    for (size_t k = 0; k < 1000; ++k)
      if (memcmp(result.data() + k * size, k >= 1 && k < 901 ? value.data() : before.data(), (size_t)size) != 0) fail("%s_run: element %zu", name.c_str(), k);
    // Every third element of ten rows.
    Buffer rows(before);
    args.address = rows.address;
    args.count = 330;
    args.rank = 2;
    args.size[0] = st_make_divisor(33);
    args.size[1] = st_make_divisor(10);
    args.stride[0] = 3 * size;
    args.stride[1] = 100 * size;
    launch_kernel("fill.cu", defines, name + "_strided", args, 1);
    result = rows.read<unsigned char>();
    for (size_t k = 0; k < 1000; ++k)
      if (memcmp(result.data() + k * size, k % 100 % 3 == 0 && k % 100 < 99 ? value.data() : before.data(), (size_t)size) != 0) fail("%s_strided: element %zu", name.c_str(), k);
    digest.add(result);
  }
}
ST_CHECK(ranges) {
  st_arange_args args = {};
  Buffer out(100 * 8);
  args.address = out.address;
  args.count = 100;
  args.start = 0.5;
  args.step = -0.25;
  args.integer_start = 10;
  args.integer_step = -3;
  launch_kernel("arange.cu", "ST_TYPE=f32", "arange_f32", args, 1);
  std::vector<float> floats = out.read<float>();
  launch_kernel("arange.cu", "ST_TYPE=i64", "arange_i64", args, 1);
  std::vector<int64_t> integers = out.read<int64_t>();
  for (int k = 0; k < 100; ++k)
    if (floats[(size_t)k] != 0.5f - 0.25f * (float)k || integers[(size_t)k] != 10 - 3 * k) fail("element %d: %g, %lld", k, floats[(size_t)k], (long long)integers[(size_t)k]);
  digest.add(floats);
}

}  // namespace st_emulator
