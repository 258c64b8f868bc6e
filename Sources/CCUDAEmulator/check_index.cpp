// Reading and writing by index against plain loops.
#include "check.h"
#include <algorithm>

namespace st_emulator {

static std::vector<float> floats(size_t count, uint64_t seed) {
  std::vector<float> items;
  Numbers numbers = {seed};
  for (size_t k = 0; k < count; ++k) items.push_back((float)(int)numbers.uniform(-50, 50));
  return items;
}
static std::vector<int64_t> indices(size_t count, int64_t extent, uint64_t seed) {
  std::vector<int64_t> items;
  Numbers numbers = {seed};
  for (size_t k = 0; k < count; ++k) items.push_back((int64_t)(numbers.bits() % (uint64_t)extent));
  return items;
}

ST_CHECK(gathering) {
  // out[4, 6, 3] from in[4, 5, 3] along dim 1.
  std::vector<float> in = floats(60, 1);
  std::vector<int64_t> index = indices(72, 5, 2);
  index[17] = 5;
  index[40] = -1;
  Buffer bi(in), bx(index), out(72 * 4), fault(std::vector<uint64_t>{~(uint64_t)0});
  st_gather_args args = {};
  args.walked = out.address;
  args.index = bx.address;
  args.indexed = bi.address;
  args.fault = fault.address;
  args.count = 72;
  args.rank = 3;
  const uint32_t sizes[] = {3, 6, 4};
  const int64_t walked[] = {1, 3, 18}, indexed[] = {1, 0, 15};
  for (int d = 0; d < 3; ++d) {
    args.size[d] = st_make_divisor(sizes[d]);
    args.walked_stride[d] = walked[d] * 4;
    args.index_stride[d] = walked[d] * 8;
    args.indexed_stride[d] = indexed[d] * 4;
  }
  args.dim_stride = 12;
  args.extent = 5;
  launch_kernel("gather.cu", "ST_SIZE=4", "gather_4", args, 2, 32);
  std::vector<float> result = out.read<float>();
  for (uint32_t k = 0; k < 72; ++k) {
    if (index[k] < 0 || index[k] >= 5) continue;
    const float want = in[k / 18 * 15 + (size_t)index[k] * 3 + k % 3];
    if (result[k] != want) fail("element %u is %g instead of %g", k, result[k], want);
  }
  if (fault.read<uint64_t>()[0] != (17ull << 32 | 5)) fail("the bad index was reported as %llx", (unsigned long long)fault.read<uint64_t>()[0]);
  digest.add(result);
}
ST_CHECK(scattering) {
  // out[5, 3] op= source[8, 3] along dim 0: places are met several times.
  const std::vector<float> before = floats(15, 3), source = floats(24, 4);
  const std::vector<int64_t> index = indices(24, 5, 5);
  for (const char *op : {"replace", "sum", "prod", "max", "min"}) {
    const std::string name = op;
    Buffer out(before), bx(index), bs(source);
    st_scatter_args args = {};
    args.out = out.address;
    args.index = bx.address;
    args.source = bs.address;
    args.count = 3;
    args.rank = 1;
    args.along = 8;
    args.size[0] = st_make_divisor(3);
    args.out_stride[0] = args.source_stride[0] = 4;
    args.index_stride[0] = 8;
    args.out_along = args.source_along = 12;
    args.index_along = 24;
    args.extent = 5;
    launch_kernel("scatter.cu", "ST_OP=" + name + " ST_TYPE=f32", "scatter_" + name + "_f32", args, 1, 32);
    std::vector<float> want = before, result = out.read<float>();
    for (size_t k = 0; k < 24; ++k) {
      float &place = want[(size_t)index[k] * 3 + k % 3];
      const float x = source[k];
      place = name == "replace" ? x : name == "sum" ? place + x : name == "prod" ? place * x : name == "max" ? (x > place ? x : place) : (x < place ? x : place);
    }
    if (result != want) fail("scatter %s", op);
    digest.add(result);
  }
}
ST_CHECK(rows_by_index) {
  const std::vector<float> table = floats(7 * 33, 6);
  const std::vector<int64_t> index = indices(20, 7, 7);
  Buffer in(table), bx(index), out(20 * 33 * 4);
  st_take_rows_args args = {};
  args.out = out.address;
  args.in = in.address;
  args.index = bx.address;
  args.count = 20;
  args.row_bytes = 33 * 4;
  args.out_stride = args.in_stride = 33 * 4;
  args.extent = 7;
  launch_kernel("gather.cu", "ST_SIZE=4", "takeRows_4", args, 4, 64);
  std::vector<float> taken = out.read<float>();
  for (size_t k = 0; k < 20; ++k)
    for (size_t c = 0; c < 33; ++c)
      if (taken[k * 33 + c] != table[(size_t)index[k] * 33 + c]) fail("row %zu, column %zu", k, c);
  digest.add(taken);
  // And back: a gradient of the table.
  std::vector<float> sums(7 * 33, 1.0f);
  Buffer total(sums);
  args.out = total.address;
  args.in = out.address;
  args.columns = 33;
  args.skip = index[3];
  args.alpha = 0.5;
  launch_kernel("addrows.cu", "ST_TYPE=f32", "addRows_f32", &args, {1, 3, 1}, {64, 1, 1});
  for (size_t k = 0; k < 20; ++k)
    for (size_t c = 0; c < 33 && index[k] != index[3]; ++c) sums[(size_t)index[k] * 33 + c] += 0.5f * taken[k * 33 + c];
  if (total.read<float>() != sums) fail("the sums of rows differ");
  digest.add(sums);
}

/// keys and items of lines of an index, as sort.cu leaves them.
static void ordered(const std::vector<int64_t> &index, uint32_t along, std::vector<uint64_t> &keys, std::vector<uint32_t> &items) {
  for (size_t line = 0; line < index.size(); line += along) {
    std::vector<uint32_t> order(along);
    for (uint32_t k = 0; k < along; ++k) order[k] = k;
    std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return index[line + a] < index[line + b]; });
    for (uint32_t k : order) {
      keys.push_back((uint64_t)index[line + k] ^ 0x8000000000000000u);
      items.push_back(k);
    }
  }
}
/// More columns than a block has at a time, a place that is skipped and one that is bad.
ST_CHECK(rows_by_sorted_index) {
  const size_t count = 150, columns = 140, rows = 9;
  const std::vector<float> in = floats(count * columns, 8);
  std::vector<int64_t> index = indices(count, rows, 9);
  index[77] = 9;
  index[99] = -3;
  std::vector<uint64_t> keys;
  std::vector<uint32_t> items;
  ordered(index, count, keys, items);
  std::vector<float> sums(rows * columns, 1.0f);
  Buffer bi(in), total(sums), bk(keys), bp(items), fault(std::vector<uint64_t>{~(uint64_t)0});
  st_take_rows_args args = {};
  args.out = total.address;
  args.in = bi.address;
  args.fault = fault.address;
  args.keys = bk.address;
  args.items = bp.address;
  args.count = count;
  args.columns = columns;
  args.out_stride = args.in_stride = columns * 4;
  args.extent = rows;
  args.skip = 4;
  args.alpha = 0.5;
  launch_kernel("addrows.cu", "ST_TYPE=f32", "addSegments_f32", &args, {5, 2, 1}, {32, 8, 1});
  for (size_t k = 0; k < count; ++k)
    for (size_t c = 0; c < columns && index[k] >= 0 && index[k] < (int64_t)rows && index[k] != 4; ++c) sums[(size_t)index[k] * columns + c] += 0.5f * in[k * columns + c];
  if (total.read<float>() != sums) fail("the sums of rows differ");
  if (fault.read<uint64_t>()[0] != (77ull << 32 | 9)) fail("the bad index was reported as %llx", (unsigned long long)fault.read<uint64_t>()[0]);
  digest.add(sums);
}
ST_CHECK(scattering_sorted_lines) {
  // out[7, 3] op= source[40, 3] along dim 0, the lines sorted.
  const uint32_t along = 40, lines = 3;
  const std::vector<float> before = floats(21, 3), source = floats(along * lines, 4);
  const std::vector<int64_t> index = indices(along * lines, 7, 5);  // [lines, along]
  std::vector<uint64_t> keys;
  std::vector<uint32_t> items;
  ordered(index, along, keys, items);
  for (const char *op : {"replace", "sum", "prod", "max", "min"}) {
    const std::string name = op;
    Buffer out(before), bs(source), bk(keys), bp(items);
    st_scatter_args args = {};
    args.out = out.address;
    args.source = bs.address;
    args.keys = bk.address;
    args.items = bp.address;
    args.count = lines;
    args.rank = 1;
    args.along = along;
    args.size[0] = st_make_divisor(lines);
    args.out_stride[0] = args.source_stride[0] = 4;
    args.out_along = args.source_along = 4 * lines;
    args.extent = 7;
    launch_kernel("scatter.cu", "ST_OP=" + name + " ST_TYPE=f32", "scatterSegments_" + name + "_f32", args, 2, 32);
    std::vector<float> want = before, result = out.read<float>();
    for (uint32_t l = 0; l < lines; ++l)
      for (uint32_t k = 0; k < along; ++k) {
        float &place = want[(size_t)index[l * along + k] * lines + l];
        const float x = source[k * lines + l];
        place = name == "replace" ? x : name == "sum" ? place + x : name == "prod" ? place * x : name == "max" ? (x > place ? x : place) : (x < place ? x : place);
      }
    if (result != want) fail("scatterSegments %s", op);
    digest.add(result);
  }
}

}  // namespace st_emulator
