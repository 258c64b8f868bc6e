// Sorting rows, stably, and searching in a sorted one, for ST_TYPE: sortShort_TYPE; sortKeys_TYPE, sortCount_TYPE, sortScan_TYPE, sortPlace_TYPE, sortIslands_TYPE, sortTake_TYPE;
// sortBest_TYPE; searchSorted_TYPE.
//
// Note [Sorting on the device]
// Elements become unsigned keys as on the CPU (cpu/sort.inc): NaN above all, -0 like 0. A short row is sorted in shared memory by a bitonic network (Batcher 1968) over keys joined with
// positions, which makes all items differ. Long rows are sorted by bytes from the lowest: count the digits of tiles, sum up over tiles, place. Within a tile an item's place is the
// number of equal digits before it, from ballots of its warp and counters of the warps, so that equal keys keep their order and nothing depends on the schedule. Placed items first go
// to shared memory, so that those of a digit are written side by side. A few first ones of a long row need no whole sorting: every block keeps the first of its tile, which become the rows of
// the next round.
#include "prefix.cuh"
#include "scalar/philox.h"

#ifndef ST_SORT_KERNELS
/// Unsigned keys; `kBits` of them matter.
template <class S> struct SortKey;
template <class U, class S, class C> ST_DEVICE U float_key(S x, C value) {
  constexpr int bits = 8 * sizeof(U);
  U u;
  __builtin_memcpy(&u, &x, sizeof u);
  if (value == C(0)) u = 0;
  const U key = u >> (bits - 1) ? (U)~u : (U)(u | (U)1 << (bits - 1));
  return value != value ? (U)~(U)0 : key;
}
template <> struct SortKey<half> { typedef uint32_t K; ST_FN K of(half x) { return float_key<uint16_t>(x, to_float(x)); } };
template <> struct SortKey<bfloat16> { typedef uint32_t K; ST_FN K of(bfloat16 x) { return float_key<uint16_t>(x, to_float(x)); } };
template <> struct SortKey<float> { typedef uint32_t K; ST_FN K of(float x) { return float_key<uint32_t>(x, x); } };
template <> struct SortKey<double> { typedef uint64_t K; ST_FN K of(double x) { return float_key<uint64_t>(x, x); } };
template <> struct SortKey<bool> { typedef uint32_t K; ST_FN K of(bool x) { return x; } };
template <> struct SortKey<uint8_t> { typedef uint32_t K; ST_FN K of(uint8_t x) { return x; } };
template <> struct SortKey<int8_t> { typedef uint32_t K; ST_FN K of(int8_t x) { return (uint8_t)(x ^ 0x80); } };
template <> struct SortKey<int16_t> { typedef uint32_t K; ST_FN K of(int16_t x) { return (uint16_t)(x ^ 0x8000); } };
template <> struct SortKey<int32_t> { typedef uint32_t K; ST_FN K of(int32_t x) { return (uint32_t)x ^ 0x80000000u; } };
template <> struct SortKey<int64_t> { typedef uint64_t K; ST_FN K of(int64_t x) { return (uint64_t)x ^ 0x8000000000000000u; } };
template <class S> ST_DEVICE typename SortKey<S>::K key_of(S x, uint32_t descending) {
  typedef typename SortKey<S>::K K;
  const K key = SortKey<S>::of(x);
  return descending ? key ^ (K)(~(uint64_t)0 >> (64 - 8 * sizeof(S))) : key;
}

// ---- short rows

/// Items in shared memory, by key and then by position.
template <class K> struct ShortItems;
template <> struct ShortItems<uint32_t> {
  uint64_t *item;
  ST_CALL ShortItems() {
    ST_SHARED(uint64_t, items, ST_SORT_SHORT);
    item = items;
  }
  ST_CALL void set(uint32_t i, uint32_t key, uint32_t at) { item[i] = (uint64_t)key << 32 | at; }
  ST_CALL uint32_t key_at(uint32_t i) const { return (uint32_t)(item[i] >> 32); }
  ST_CALL uint32_t position(uint32_t i) const { return (uint32_t)item[i]; }
  ST_CALL void order(uint32_t i, uint32_t j, bool up) {
    const uint64_t a = item[i], b = item[j];
    if ((a > b) == up) {
      item[i] = b;
      item[j] = a;
    }
  }
};
template <> struct ShortItems<uint64_t> {
  uint64_t *key;
  uint32_t *at;
  ST_CALL ShortItems() {
    ST_SHARED(uint64_t, keys, ST_SORT_SHORT);
    ST_SHARED(uint32_t, positions, ST_SORT_SHORT);
    key = keys;
    at = positions;
  }
  ST_CALL void set(uint32_t i, uint64_t k, uint32_t p) {
    key[i] = k;
    at[i] = p;
  }
  ST_CALL uint64_t key_at(uint32_t i) const { return key[i]; }
  ST_CALL uint32_t position(uint32_t i) const { return at[i]; }
  ST_CALL void order(uint32_t i, uint32_t j, bool up) {
    const uint64_t a = key[i], b = key[j];
    const uint32_t p = at[i], q = at[j];
    if ((a > b || (a == b && p > q)) == up) {
      set(i, b, q);
      set(j, a, p);
    }
  }
};
/// Sorts all items in pieces of `width`, a power of two.
template <class K> ST_DEVICE void sort_network(ShortItems<K> &items, uint32_t width) {
  for (uint32_t k = 2; k <= width; k *= 2)
    for (uint32_t j = k / 2; j > 0; j /= 2) {
      __syncthreads();
      for (uint32_t t = threadIdx.x; t < ST_SORT_SHORT / 2; t += blockDim.x) {
        const uint32_t i = 2 * t - (t & (j - 1));
        items.order(i, i + j, k == width || (i & k) == 0);
      }
    }
  __syncthreads();
}
/// Rows of up to ST_SORT_SHORT elements, as many of them a block as fit when each gets a power of two.
template <class S> ST_DEVICE void sort_short(const st_sort_args &args) {
  ShortItems<typename SortKey<S>::K> items;
  uint32_t width = 1;
  while (width < args.n) width *= 2;
  const uint32_t rows = ST_SORT_SHORT / width;
  for (uint32_t first = blockIdx.x * rows; first < args.rows; first += gridDim.x * rows) {
    __syncthreads();
    for (uint32_t i = threadIdx.x; i < ST_SORT_SHORT; i += blockDim.x) {
      const uint32_t row = first + i / width, at = i % width;
      const bool real = row < args.rows && at < args.n;
      items.set(i, real ? key_of<S>(pointer<const S>(args.in)[(uint64_t)row * args.n + at], args.descending) : ~(typename SortKey<S>::K)0, at);
    }
    sort_network(items, width);
    for (uint32_t i = threadIdx.x; i < ST_SORT_SHORT; i += blockDim.x) {
      const uint32_t row = first + i / width, at = i % width;
      if (row >= args.rows || at >= args.k) continue;
      const uint32_t from = items.position(i);
      const uint64_t to = (uint64_t)row * args.k + at;
      if (args.indices) pointer<int64_t>(args.indices)[to] = from;
      if (args.values) pointer<S>(args.values)[to] = pointer<const S>(args.in)[(uint64_t)row * args.n + from];
    }
  }
}

/// The first k of each tile of ST_SORT_SHORT items, to keys[1] and items[1] [rows, tiles, k]. Items are keys[0] and items[0] [rows, stride], or the elements of `in` where keys[0] is 0.
template <class S> ST_DEVICE void sort_best(const st_sort_args &args) {
  typedef typename SortKey<S>::K K;
  ShortItems<K> items;
  const uint32_t row = blockIdx.x / args.tiles, begin = blockIdx.x % args.tiles * ST_SORT_SHORT;
  for (uint32_t i = threadIdx.x; i < ST_SORT_SHORT; i += blockDim.x) {
    const bool real = begin + i < args.stride;
    const uint64_t from = (uint64_t)row * args.stride + begin + i;
    // What is not there comes after all that is.
    if (!real) items.set(i, ~(K)0, 0xffffffffu);
    else if (args.keys[0]) items.set(i, pointer<const K>(args.keys[0])[from], pointer<const uint32_t>(args.items[0])[from]);
    else items.set(i, key_of<S>(pointer<const S>(args.in)[from], args.descending), begin + i);
  }
  sort_network(items, ST_SORT_SHORT);
  for (uint32_t i = threadIdx.x; i < args.k; i += blockDim.x) {
    const uint64_t to = (uint64_t)blockIdx.x * args.k + i;
    pointer<K>(args.keys[1])[to] = items.key_at(i);
    pointer<uint32_t>(args.items[1])[to] = items.position(i);
  }
}

// ---- long rows: block b works on tile b % tiles of row b / tiles

template <class S> ST_DEVICE void sort_keys(const st_sort_args &args) {
  typedef typename SortKey<S>::K K;
  const uint64_t count = (uint64_t)args.rows * args.n;
  for (uint64_t i = (uint64_t)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += (uint64_t)gridDim.x * blockDim.x) {
    pointer<K>(args.keys[0])[i] = key_of<S>(pointer<const S>(args.in)[i], args.descending);
    pointer<uint32_t>(args.items[0])[i] = (uint32_t)(i % args.n);
  }
}
template <class K> ST_DEVICE void sort_count(const st_sort_args &args) {
  ST_SHARED(uint32_t, histogram, 256);
  const uint32_t row = blockIdx.x / args.tiles, tile = blockIdx.x % args.tiles, begin = tile * ST_SORT_TILE;
  const K *keys = pointer<const K>(args.keys[0]) + (uint64_t)row * args.n;
  histogram[threadIdx.x] = 0;
  __syncthreads();
#pragma unroll
  for (uint32_t r = 0; r < ST_SORT_TILE / ST_KERNEL_BLOCK; ++r) {
    const uint32_t i = begin + r * blockDim.x + threadIdx.x;
    // A sum of ones is the same in any order.
    if (i < args.n) atomicAdd(histogram + ((uint32_t)(keys[i] >> args.shift) & args.digits), 1u);
  }
  __syncthreads();
  pointer<uint32_t>(args.counts)[((uint64_t)row * 256 + threadIdx.x) * args.tiles + tile] = histogram[threadIdx.x];
}
/// Counts of each digit (a block each) become sums over the tiles before; the whole goes behind all counts.
ST_DEVICE void sort_scan(const st_sort_args &args) {
  uint32_t *counts = pointer<uint32_t>(args.counts) + (uint64_t)blockIdx.x * args.tiles, before = 0;
  for (uint32_t begin = 0; begin < args.tiles; begin += blockDim.x) {
    const uint32_t i = begin + threadIdx.x;
    uint32_t total;
    const uint32_t start = before + scan_block(i < args.tiles ? counts[i] : 0, &total);
    if (i < args.tiles) counts[i] = start;
    before += total;
  }
  if (threadIdx.x == 0) pointer<uint32_t>(args.counts)[(uint64_t)args.rows * 256 * args.tiles + blockIdx.x] = before;
}
template <class K> ST_DEVICE void sort_place(const st_sort_args &args) {
  constexpr uint32_t kWarps = ST_KERNEL_BLOCK / 32, kRounds = ST_SORT_TILE / ST_KERNEL_BLOCK;
  ST_SHARED(uint32_t, seen, kWarps * 256);
  ST_SHARED(uint32_t, target, 256);
  ST_SHARED(K, placed, ST_SORT_TILE);
  ST_SHARED(uint32_t, positions, ST_SORT_TILE);
  const uint32_t row = blockIdx.x / args.tiles, tile = blockIdx.x % args.tiles, begin = tile * ST_SORT_TILE, lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const uint32_t valid = args.n - begin < ST_SORT_TILE ? args.n - begin : ST_SORT_TILE;
  const uint64_t base = (uint64_t)row * args.n;
  const K *keys = pointer<const K>(args.keys[0]) + base + begin;
  const uint32_t *items = pointer<const uint32_t>(args.items[0]) + base + begin;
  for (uint32_t i = threadIdx.x; i < kWarps * 256; i += blockDim.x) seen[i] = 0;
  __syncthreads();
  // A warp has neighbouring items, 32 a round.
  K key[kRounds];
  uint32_t rank[kRounds];
#pragma unroll
  for (uint32_t r = 0; r < kRounds; ++r) {
    const uint32_t i = (warp * kRounds + r) * 32 + lane;
    const bool real = i < valid;
    key[r] = real ? keys[i] : 0;
    const uint32_t digit = (uint32_t)(key[r] >> args.shift) & args.digits;
    uint32_t equals = __ballot_sync(0xffffffffu, real);
#pragma unroll
    for (int b = 0; b < 8; ++b) {
      const uint32_t ones = __ballot_sync(0xffffffffu, (digit >> b & 1) != 0);
      equals &= digit >> b & 1 ? ones : ~ones;
    }
    uint32_t *counter = seen + warp * 256 + digit;
    rank[r] = *counter + count_ones(equals & ((1u << lane) - 1));
    __syncwarp();
    // The last of them counts all.
    if (real && equals >> lane == 1) *counter = rank[r] + 1;
    __syncwarp();
  }
  __syncthreads();
  // Thread d: digit d, first over the warps, then where it starts in the tile and in the row.
  uint32_t here = 0, all;
  for (uint32_t w = 0; w < kWarps; ++w) {
    const uint32_t n = seen[w * 256 + threadIdx.x];
    seen[w * 256 + threadIdx.x] = here;
    here += n;
  }
  const uint32_t *counts = pointer<const uint32_t>(args.counts);
  const uint32_t start = scan_block(here, &all);
  const uint32_t lower = scan_block(counts[(uint64_t)args.rows * 256 * args.tiles + row * 256 + threadIdx.x], &all);
  target[threadIdx.x] = lower + counts[((uint64_t)row * 256 + threadIdx.x) * args.tiles + tile] - start;
  for (uint32_t w = 0; w < kWarps; ++w) seen[w * 256 + threadIdx.x] += start;
  __syncthreads();
#pragma unroll
  for (uint32_t r = 0; r < kRounds; ++r) {
    const uint32_t i = (warp * kRounds + r) * 32 + lane;
    if (i >= valid) continue;
    const uint32_t at = seen[warp * 256 + ((uint32_t)(key[r] >> args.shift) & args.digits)] + rank[r];
    placed[at] = key[r];
    positions[at] = items[i];
  }
  __syncthreads();
  for (uint32_t i = threadIdx.x; i < valid; i += blockDim.x) {
    const K k = placed[i];
    const uint64_t to = base + target[(uint32_t)(k >> args.shift) & args.digits] + i;
    pointer<K>(args.keys[1])[to] = k;
    pointer<uint32_t>(args.items[1])[to] = positions[i];
  }
}
/// Items whose keys are equal in the bits of `low` are shuffled (Fisher and Yates), each island by the thread of its first item: what a random permutation does with equal keys.
template <class K> ST_DEVICE void sort_islands(const st_sort_args &args) {
  const K *keys = pointer<const K>(args.keys[0]), low = (K)args.low;
  uint32_t *items = pointer<uint32_t>(args.items[0]);
  const uint32_t first = blockIdx.x * blockDim.x + threadIdx.x;
  if (first + 1 >= args.n || (keys[first] & low) != (keys[first + 1] & low) || (first > 0 && (keys[first] & low) == (keys[first - 1] & low))) return;
  uint32_t size = 2;
  while (first + size < args.n && (keys[first + size] & low) == (keys[first] & low)) ++size;
  PhiloxWords words = {};
  uint64_t seed, block;
  stream_of(args, seed, block);
  uint32_t drawn = 0;
  for (uint32_t i = size - 1; i > 0; --i, ++drawn) {
    if (drawn % 4 == 0) words = philox(seed, first, block + drawn / 4);
    const uint32_t n = drawn % 4, other = (n == 0 ? words.word[0] : n == 1 ? words.word[1] : n == 2 ? words.word[2] : words.word[3]) % (i + 1), held = items[first + i];
    items[first + i] = items[first + other];
    items[first + other] = held;
  }
}
/// The first k of each row.
template <class S> ST_DEVICE void sort_take(const st_sort_args &args) {
  const uint64_t count = (uint64_t)args.rows * args.k;
  for (uint64_t i = (uint64_t)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += (uint64_t)gridDim.x * blockDim.x) {
    const uint64_t row = i / args.k;
    const uint32_t from = pointer<const uint32_t>(args.items[0])[row * args.stride + (i - row * args.k)];
    if (args.indices) pointer<int64_t>(args.indices)[i] = from;
    if (args.values) pointer<S>(args.values)[i] = pointer<const S>(args.in)[row * args.n + from];
  }
}

/// Where values go in sorted boundaries. The comparisons send NaN to the end.
template <class S> ST_DEVICE void search_sorted(const st_search_args &args) {
  typedef Compute<S> C;
  const S *boundaries = pointer<const S>(args.boundaries);
  for (uint64_t i = (uint64_t)blockIdx.x * blockDim.x + threadIdx.x; i < args.count; i += (uint64_t)gridDim.x * blockDim.x) {
    const C x = load_as(pointer<const S>(args.values) + i);
    uint64_t low = 0, length = args.n;
    while (length > 0) {
      const uint64_t middle = length / 2;
      const C y = load_as(boundaries + low + middle);
      const bool after = args.right ? !(y > x) : !(y >= x);
      low = after ? low + middle + 1 : low;
      length = after ? length - middle - 1 : middle;
    }
    pointer<int64_t>(args.out)[i] = (int64_t)low;
  }
}
#define ST_SORT_KERNELS(type) \
  ST_KERNEL(sortShort_##type, st_sort_args, ST_KERNEL_BLOCK) { sort_short<dtype_##type>(args); } \
  ST_KERNEL(sortKeys_##type, st_sort_args, ST_KERNEL_BLOCK) { sort_keys<dtype_##type>(args); } \
  ST_KERNEL(sortCount_##type, st_sort_args, ST_KERNEL_BLOCK) { sort_count<SortKey<dtype_##type>::K>(args); } \
  ST_KERNEL(sortScan_##type, st_sort_args, ST_KERNEL_BLOCK) { sort_scan(args); } \
  ST_KERNEL(sortPlace_##type, st_sort_args, ST_KERNEL_BLOCK) { sort_place<SortKey<dtype_##type>::K>(args); } \
  ST_KERNEL(sortIslands_##type, st_sort_args, ST_KERNEL_BLOCK) { sort_islands<SortKey<dtype_##type>::K>(args); } \
  ST_KERNEL(sortTake_##type, st_sort_args, ST_KERNEL_BLOCK) { sort_take<dtype_##type>(args); } \
  ST_KERNEL(sortBest_##type, st_sort_args, ST_KERNEL_BLOCK) { sort_best<dtype_##type>(args); } \
  ST_KERNEL(searchSorted_##type, st_search_args, ST_KERNEL_BLOCK) { search_sorted<dtype_##type>(args); }
#define ST_SORT_KERNELS_OF(type) ST_SORT_KERNELS(type)
#endif
#ifdef ST_TYPE
ST_SORT_KERNELS_OF(ST_TYPE)
#endif
