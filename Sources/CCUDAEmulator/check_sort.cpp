// Sorting and searching against the standard library's stable sort; masks against plain loops.
#include "check.h"
#include <algorithm>
#include <math.h>
#include <memory>

namespace st_emulator {

/// Rows of numbers with many equal ones, both zeros, infinities and NaN.
template <class T> static std::vector<T> unsorted(size_t count, uint64_t seed) {
  std::vector<T> items;
  Numbers numbers = {seed};
  for (size_t k = 0; k < count; ++k) {
    const uint64_t kind = numbers.bits() % 20;
    T x = (T)numbers.uniform(-40, 40);
    if constexpr (std::is_floating_point_v<T>) x = kind == 0 ? (T)NAN : kind == 1 ? (T)INFINITY : kind == 2 ? (T)-INFINITY : kind == 3 ? (T)-0.0 : kind == 4 ? (T)0 : x;
    else if (kind < 3) x = kind == 0 ? (T)((T)1 << (8 * sizeof(T) - 1)) : (T)~((T)1 << (8 * sizeof(T) - 1));
    else if (sizeof(T) == 8) x = (T)numbers.bits();
    items.push_back(x);
  }
  return items;
}
template <class T> static bool comes_before(T a, T b) { return b != b ? a == a : a < b; }
template <class T> static void compare_order(const char *type, const std::vector<T> &x, uint32_t rows, uint32_t n, uint32_t k, bool descending, const std::vector<T> &values, const std::vector<int64_t> &indices) {
  for (uint32_t r = 0; r < rows; ++r) {
    std::vector<int64_t> order(n);
    for (uint32_t i = 0; i < n; ++i) order[i] = i;
    const T *row = x.data() + (size_t)r * n;
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return descending ? comes_before(row[b], row[a]) : comes_before(row[a], row[b]); });
    for (uint32_t i = 0; i < k; ++i) {
      const size_t at = (size_t)r * k + i;
      if (indices[at] != order[i]) fail("%s, row %u of %u elements: place %u has element %lld instead of %lld", type, r, n, i, (long long)indices[at], (long long)order[i]);
      if (memcmp(&values[at], row + order[i], sizeof(T)) != 0) fail("%s: other bits at place %u of row %u", type, i, r);
    }
  }
}
enum class Way { network, row, select, digits };
template <class T> static void sort_check(Way way, const std::string &type, uint32_t rows, uint32_t n, uint32_t k, bool descending, Digest &digest) {
  const std::vector<T> x = unsorted<T>((size_t)rows * n, n + descending);
  Buffer in(x), values((size_t)rows * k * sizeof(T)), indices((size_t)rows * k * 8);
  st_sort_args args = {};
  args.in = in.address;
  args.values = values.address;
  args.indices = indices.address;
  args.rows = rows;
  args.n = n;
  args.k = k;
  args.descending = descending;
  const std::string define = "ST_TYPE=" + type;
  auto run = [&](const char *kernel, uint32_t grid, uint32_t threads = ST_KERNEL_BLOCK) { launch_kernel("sort.cu", define, kernel + ("_" + type), args, grid, threads); };
  const size_t key = sizeof(T) == 8 ? 8 : 4;
  if (way == Way::network) run("sortShort", 2, ST_SORT_SHORT / 16);
  else if (way == Way::row) {
    const uint32_t items = n <= 1024 ? 1024 : n <= 2048 ? 2048 : n <= 4096 ? 4096 : 8192;
    run(("sortRow" + std::to_string(items)).c_str(), 2, items / 16);
  }
  else if (way == Way::select) {
    // Rounds: the first of each tile, then of those.
    std::vector<std::unique_ptr<Buffer>> held;
    args.stride = n;
    do {
      args.tiles = (args.stride + ST_SORT_TILE - 1) / ST_SORT_TILE;
      const uint32_t last = args.stride - (args.tiles - 1) * ST_SORT_TILE, next = (args.tiles - 1) * k + (last < k ? last : k);
      held.push_back(std::make_unique<Buffer>(rows * next * key));
      args.keys[1] = held.back()->address;
      held.push_back(std::make_unique<Buffer>(rows * next * 4));
      args.items[1] = held.back()->address;
      run("sortSelect", rows * args.tiles);
      args.keys[0] = args.keys[1];
      args.items[0] = args.items[1];
      args.stride = next;
    } while (args.tiles > 1);
  }
  else {
    const size_t count = (size_t)rows * n;
    args.tiles = (n + ST_SORT_TILE - 1) / ST_SORT_TILE;
    Buffer a(count * key), b(count * key), p(count * 4), q(count * 4), counts(1024 * (size_t)rows * (args.tiles + 1));
    args.counts = counts.address;
    for (args.shift = 0; args.shift < 8 * sizeof(T); args.shift += 8) {
      const bool even = args.shift % 16 == 0, last = args.shift + 8 == 8 * sizeof(T);
      args.keys[1] = last ? 0 : even ? a.address : b.address;
      args.items[1] = last ? 0 : even ? p.address : q.address;
      args.digits = 255;
      run("sortCount", rows * args.tiles);
      run("sortScan", rows * 256);
      run("sortPlace", rows * args.tiles);
      args.keys[0] = args.keys[1];
      args.items[0] = args.items[1];
    }
  }
  compare_order(type.c_str(), x, rows, n, k, descending, values.read<T>(), indices.read<int64_t>());
  digest.add(values.read<unsigned char>());
  digest.add(indices.read<int64_t>());
}
ST_CHECK(sorting_short_rows) {
  sort_check<float>(Way::network, "f32", 5, 100, 100, false, digest);
  sort_check<float>(Way::network, "f32", 700, 3, 2, true, digest);
  sort_check<float>(Way::network, "f32", 3, 1, 1, true, digest);
  sort_check<float>(Way::network, "f32", 11, 512, 70, true, digest);
  sort_check<double>(Way::network, "f64", 9, 257, 257, true, digest);
  sort_check<int64_t>(Way::network, "i64", 40, 64, 64, false, digest);
  sort_check<int16_t>(Way::network, "i16", 300, 17, 17, true, digest);
  sort_check<int8_t>(Way::network, "i8", 4, 300, 300, true, digest);
}
ST_CHECK(sorting_rows_of_a_block) {
  sort_check<float>(Way::row, "f32", 3, 1, 1, false, digest);
  sort_check<float>(Way::row, "f32", 3, 1023, 1023, true, digest);
  sort_check<float>(Way::row, "f32", 3, 1024, 1000, false, digest);
  sort_check<double>(Way::row, "f64", 2, 1025, 1025, true, digest);
  sort_check<int16_t>(Way::row, "i16", 3, 2049, 2049, true, digest);
  sort_check<int8_t>(Way::row, "i8", 3, 4096, 4096, false, digest);
  sort_check<float>(Way::row, "f32", 2, 4097, 4097, true, digest);
  sort_check<int64_t>(Way::row, "i64", 2, 8192, 5000, true, digest);
}
ST_CHECK(sorting_long_rows) {
  sort_check<float>(Way::digits, "f32", 2, 9001, 9001, false, digest);
  sort_check<double>(Way::digits, "f64", 1, 4097, 700, true, digest);
  sort_check<int16_t>(Way::digits, "i16", 3, 2049, 2049, true, digest);
  sort_check<int32_t>(Way::digits, "i32", 1, 8193, 8193, false, digest);
  sort_check<int8_t>(Way::digits, "i8", 2, 4096, 4096, true, digest);
}
/// More tiles than a block sums up at a time.
ST_CHECK(counts_of_many_tiles) {
  const uint32_t tiles = 4500;
  std::vector<uint32_t> counts(256 * (tiles + 1)), sums = counts;
  for (uint32_t digit = 0, i = 0; digit < 256; ++digit) {
    uint32_t sum = 0;
    for (uint32_t t = 0; t < tiles; ++t, ++i) {
      counts[i] = i % 7 * (digit + 1);
      sums[i] = sum;
      sum += counts[i];
    }
    sums[256 * tiles + digit] = sum;
  }
  Buffer buffer(counts);
  st_sort_args args = {};
  args.counts = buffer.address;
  args.rows = 1;
  args.tiles = tiles;
  launch_kernel("sort.cu", "ST_TYPE=f32", "sortScan_f32", args, 256);
  if (buffer.read<uint32_t>() != sums) fail("sums over tiles");
  digest.add(sums);
}
/// Many equal ones, whose positions decide, and a last tile shorter than what is wanted of it.
ST_CHECK(first_of_rows) {
  sort_check<float>(Way::select, "f32", 3, 4095, 16, true, digest);
  sort_check<float>(Way::select, "f32", 3, 1, 1, true, digest);
  sort_check<float>(Way::select, "f32", 3, 300, 300, false, digest);
  sort_check<float>(Way::select, "f32", 3, 4100, 10, true, digest);
  sort_check<double>(Way::select, "f64", 2, 9000, 300, false, digest);
  sort_check<int8_t>(Way::select, "i8", 2, 12400, 512, true, digest);
  sort_check<int64_t>(Way::select, "i64", 2, 4096, 1, false, digest);
}
ST_CHECK(searching) {
  const std::vector<float> boundaries = {-2, 0, 0, 1, 5, INFINITY}, values = {-3, -2, -1, 0, -0.0f, 0.5f, 1, 5, 6, INFINITY, NAN};
  const int64_t left[] = {0, 0, 1, 1, 1, 3, 3, 4, 5, 5, 6}, right[] = {0, 1, 1, 3, 3, 3, 4, 5, 5, 6, 6};
  Buffer b(boundaries), v(values), out(values.size() * 8);
  st_search_args args = {b.address, v.address, out.address, boundaries.size(), values.size(), 0, 0};
  for (uint32_t side = 0; side < 2; ++side) {
    args.right = side;
    launch_kernel("sort.cu", "ST_TYPE=f32", "searchSorted_f32", args, 1, 32);
    const std::vector<int64_t> got = out.read<int64_t>();
    for (size_t k = 0; k < values.size(); ++k)
      if (got[k] != (side ? right : left)[k]) fail("%g goes to %lld on side %u", values[k], (long long)got[k], side);
    digest.add(got);
  }
}

// ---- masks

/// A mask of [rows, columns] elements, a transposed view when `strided`.
static void mask_check(uint32_t rows, uint32_t columns, double density, bool strided, Digest &digest) {
  const uint32_t count = rows * columns, tiles = (count + ST_MASK_TILE - 1) / ST_MASK_TILE;
  Numbers numbers = {count};
  std::vector<uint8_t> mask(count);
  std::vector<float> data(count), source(count);
  for (uint32_t k = 0; k < count; ++k) {
    mask[k] = numbers.uniform(0, 1) < density;
    data[k] = (float)k;
    source[k] = -(float)k;
  }
  // Where element (r, c) lies.
  auto at = [&](uint32_t r, uint32_t c) { return strided ? c * rows + r : r * columns + c; };
  std::vector<int64_t> places;
  std::vector<float> selected, scattered = data;
  for (uint32_t r = 0; r < rows; ++r)
    for (uint32_t c = 0; c < columns; ++c)
      if (mask[at(r, c)]) {
        places.push_back(r);
        places.push_back(c);
        selected.push_back(data[at(r, c)]);
        // The source ends early.
        if (selected.size() <= count / 4) scattered[at(r, c)] = source[selected.size() - 1];
      }
  Buffer m(mask), d(data), s(source), t((tiles + 1) * 4), positions(places.size() * 8), packed(selected.size() * 4);
  st_mask_args args = {};
  args.mask = m.address;
  args.data = d.address;
  args.tiles = t.address;
  args.count = count;
  args.rank = 2;
  args.linear = strided ? 0 : 3;
  args.size[0] = st_make_divisor(columns);
  args.size[1] = st_make_divisor(rows);
  args.mask_stride[0] = strided ? rows : 1;
  args.mask_stride[1] = strided ? 1 : columns;
  for (int k = 0; k < 2; ++k) args.data_stride[k] = args.mask_stride[k] * 4;
  launch_kernel("mask.cu", "ST_TYPE=bool", "maskCount_bool", args, tiles);
  launch_kernel("mask.cu", "ST_TYPE=bool", "maskScan_bool", args, 1, 1024);
  if (t.read<uint32_t>()[tiles] != selected.size()) fail("%u true elements instead of %zu", t.read<uint32_t>()[tiles], selected.size());
  if (!selected.empty()) {
    args.packed = positions.address;
    launch_kernel("mask.cu", "ST_TYPE=bool", "maskPositions_bool", args, tiles);
    if (positions.read<int64_t>() != places) fail("positions of [%u, %u]", rows, columns);
    args.packed = packed.address;
    launch_kernel("mask.cu", "ST_SIZE=4", "maskedSelect_4", args, tiles);
    if (packed.read<float>() != selected) fail("selection of [%u, %u]", rows, columns);
    digest.add(places);
  }
  args.packed = s.address;
  args.packed_count = count / 4;
  launch_kernel("mask.cu", "ST_SIZE=4", "maskedScatter_4", args, tiles);
  if (d.read<float>() != scattered) fail("scatter of [%u, %u]", rows, columns);
  digest.add(scattered);
}
ST_CHECK(masks) {
  mask_check(3, 7, 0.5, false, digest);
  mask_check(90, 101, 0.3, false, digest);
  mask_check(90, 101, 0.9, true, digest);
  mask_check(64, 64, 1.5, false, digest);
  mask_check(50, 10, -1, false, digest);
}

}  // namespace st_emulator
