// Sorting rows, stably, and searching in a sorted one, for ST_TYPE: sortShort_TYPE; sortRowITEMS_TYPE; sortCount_TYPE, sortScan_TYPE, sortPlace_TYPE, sortIslands_TYPE, sortTake_TYPE;
// sortSelect_TYPE; searchSorted_TYPE.
//
// Note [Sorting on the device]
// Elements become unsigned keys as on the CPU (cpu/sort.inc): NaN above all, -0 like 0. A short row is sorted in registers by a bitonic network (Batcher 1968) over keys joined with
// positions, which makes all items differ; a warp needs no barrier for it. Longer ones are sorted by bytes from the lowest (radix sort). A block holds items in registers while it orders
// them by a byte: the place of one is the number of equal digits before it, from ballots of its warp and counters of the warps (Adinets and Merrill 2022, "Onesweep", rank so), so that
// equal keys keep their order and nothing depends on the schedule. Items change places through shared memory. A row that fits a block is read once and written once, and bytes in which
// all of its keys agree are passed over. A longer one goes through memory for every byte: count the digits of tiles, sum up over tiles, place; the first pass reads the elements and the
// last writes the results. Values come back from their keys, as reading them at their old places costs more than all else.
// A few first ones of a row need no sorting (radix select, as Alabi et al. 2012): from the highest byte, count the digits of the items that are still equal to the last one wanted, until
// few candidates are left, and order those by counting for each how many come before it. Of a row of many tiles the first of each become the row of the next round.
#include "prefix.cuh"
#include "draw.cuh"

#ifndef ST_SORT_KERNELS
/// Unsigned keys, and elements back from them where these say all: not of zeros, which may be -0, and NaN.
template <class S> struct SortKey;
template <class U, class S, class C> ST_DEVICE U float_key(S x, C value) {
  constexpr int bits = 8 * sizeof(U);
  U u;
  __builtin_memcpy(&u, &x, sizeof u);
  if (value == C(0)) u = 0;
  const U key = u >> (bits - 1) ? (U)~u : (U)(u | (U)1 << (bits - 1));
  return value != value ? (U)~(U)0 : key;
}
template <class U, class S> ST_DEVICE bool float_back(U key, S &x) {
  constexpr U top = (U)((U)1 << (8 * sizeof(U) - 1));
  const U u = key & top ? (U)(key ^ top) : (U)~key;
  __builtin_memcpy(&x, &u, sizeof x);
  return key != top && key != (U)~(U)0;
}
#define ST_SORT_KEY(S, Key, key, from_key) \
  template <> struct SortKey<S> { \
    typedef Key K; \
    ST_FN K of(S x) { return key; } \
    ST_FN bool back(K k, S &x) { from_key; } \
  };
#define ST_SORT_INTEGER(S, Key, U, sign) ST_SORT_KEY(S, Key, (U)((U)x ^ (sign)), x = (S)((U)k ^ (sign)); return true)
ST_SORT_KEY(half, uint32_t, float_key<uint16_t>(x, to_float(x)), return float_back((uint16_t)k, x))
ST_SORT_KEY(bfloat16, uint32_t, float_key<uint16_t>(x, to_float(x)), return float_back((uint16_t)k, x))
ST_SORT_KEY(float, uint32_t, float_key<uint32_t>(x, x), return float_back(k, x))
ST_SORT_KEY(double, uint64_t, float_key<uint64_t>(x, x), return float_back(k, x))
ST_SORT_KEY(bool, uint32_t, x, x = k != 0; return true)
ST_SORT_INTEGER(uint8_t, uint32_t, uint8_t, 0)
ST_SORT_INTEGER(int8_t, uint32_t, uint8_t, 0x80)
ST_SORT_INTEGER(int16_t, uint32_t, uint16_t, 0x8000)
ST_SORT_INTEGER(int32_t, uint32_t, uint32_t, 0x80000000u)
ST_SORT_INTEGER(int64_t, uint64_t, uint64_t, 0x8000000000000000u)
/// What turns keys for the descending order.
template <class S> ST_DEVICE typename SortKey<S>::K turn_of(uint32_t descending) { return descending ? (typename SortKey<S>::K)(~(uint64_t)0 >> (64 - 8 * sizeof(S))) : 0; }
template <class S> ST_DEVICE typename SortKey<S>::K key_of(S x, uint32_t descending) { return SortKey<S>::of(x) ^ turn_of<S>(descending); }
/// Writes the item with this key and position as number `at` of a row.
template <class S> ST_DEVICE void sort_put(const st_sort_args &args, uint32_t row, uint32_t at, typename SortKey<S>::K key, uint32_t position) {
  const uint64_t to = (uint64_t)row * args.k + at;
  if (args.indices) pointer<int64_t>(args.indices)[to] = position;
  if (!args.values) return;
  S x;
  if (!SortKey<S>::back(key ^ turn_of<S>(args.descending), x)) x = pointer<const S>(args.in)[(uint64_t)row * args.n + position];
  pointer<S>(args.values)[to] = x;
}

// ---- short rows

/// Items of a lane.
constexpr uint32_t kShortItems = 16;
/// Whether an item comes after another: by key and then by position.
ST_DEVICE bool comes_after(uint32_t a, uint32_t p, uint32_t b, uint32_t q) { return ((uint64_t)a << 32 | p) > ((uint64_t)b << 32 | q); }
ST_DEVICE bool comes_after(uint64_t a, uint32_t p, uint64_t b, uint32_t q) { return a > b || (a == b && p > q); }
/// Puts the items of a lane that are `By` apart in order, upwards where the item's number has no bit of `k` or where `up`.
template <uint32_t By, class K> ST_DEVICE void order_lane(K (&key)[kShortItems], uint32_t (&at)[kShortItems], uint32_t k, bool up) {
#pragma unroll
  for (uint32_t i = 0; i < kShortItems; ++i) {
    const uint32_t j = i + By;
    if (i & By || comes_after(key[i], at[i], key[j], at[j]) != (k < kShortItems ? (i & k) == 0 : up)) continue;
    const K a = key[i];
    const uint32_t p = at[i];
    key[i] = key[j];
    at[i] = at[j];
    key[j] = a;
    at[j] = p;
  }
}
/// Rows of up to 32 kShortItems elements, each by so many lanes of a warp as have a power of two of items.
template <class S> ST_DEVICE void sort_short(const st_sort_args &args) {
  typedef typename SortKey<S>::K K;
  // One item is left free after those of each lane, so that lanes write to different banks.
  ST_SHARED(K, keys, ST_SORT_SHORT + ST_SORT_SHORT / kShortItems);
  ST_SHARED(uint16_t, positions, ST_SORT_SHORT + ST_SORT_SHORT / kShortItems);
  uint32_t log = 4;
  while (1u << log < args.n) ++log;
  const uint32_t width = 1u << log, lanes = width / kShortItems, lane = threadIdx.x % 32, rows = ST_SORT_SHORT >> log;
  for (uint32_t first = blockIdx.x * rows; first < args.rows; first += gridDim.x * rows) {
    const uint32_t own = first + (threadIdx.x >> (log - 4));
    const S *x = pointer<const S>(args.in) + (uint64_t)own * args.n;
    K key[kShortItems];
    uint32_t at[kShortItems];
    // Which items of its row a lane begins with is all the same, so neighbours read neighbours.
#pragma unroll
    for (uint32_t r = 0; r < kShortItems; ++r) {
      at[r] = r * lanes + (lane & (lanes - 1));
      key[r] = own < args.rows && at[r] < args.n ? key_of<S>(x[at[r]], args.descending) : ~(K)0;
    }
    order_lane<1>(key, at, 2, true);
    order_lane<2>(key, at, 4, true);
    order_lane<1>(key, at, 4, true);
    order_lane<4>(key, at, 8, true);
    order_lane<2>(key, at, 8, true);
    order_lane<1>(key, at, 8, true);
    for (uint32_t k = kShortItems; k <= width; k *= 2) {
      const bool up = k == width || (lane * kShortItems & k) == 0;
      for (uint32_t far = k / kShortItems / 2; far > 0; far /= 2) {
        const bool keeps_lower = ((lane & far) == 0) == up;
#pragma unroll
        for (uint32_t r = 0; r < kShortItems; ++r) {
          const K other = __shfl_xor_sync(0xffffffffu, key[r], far);
          const uint32_t position = __shfl_xor_sync(0xffffffffu, at[r], far);
          if (comes_after(key[r], at[r], other, position) == keeps_lower) {
            key[r] = other;
            at[r] = position;
          }
        }
      }
      order_lane<8>(key, at, k, up);
      order_lane<4>(key, at, k, up);
      order_lane<2>(key, at, k, up);
      order_lane<1>(key, at, k, up);
    }
#pragma unroll
    for (uint32_t r = 0; r < kShortItems; ++r) {
      keys[threadIdx.x * (kShortItems + 1) + r] = key[r];
      positions[threadIdx.x * (kShortItems + 1) + r] = (uint16_t)at[r];
    }
    __syncwarp();
#pragma unroll
    for (uint32_t r = 0; r < kShortItems; ++r) {
      const uint32_t i = threadIdx.x / 32 * (32 * kShortItems) + r * 32 + lane, row = first + (i >> log), to = i & (width - 1);
      if (row < args.rows && to < args.k) sort_put<S>(args, row, to, keys[i + i / kShortItems], positions[i + i / kShortItems]);
    }
    __syncwarp();
  }
}

// ---- what a block sorts: a warp has neighbouring items, a lane of it every 32nd

constexpr uint32_t kSortItems = ST_SORT_TILE / ST_KERNEL_BLOCK;
/// Threads of a multiprocessor for whose registers there is room: as many for keys of 4 bytes, without spills.
template <class S> constexpr int sort_threads(int narrow) { return sizeof(S) == 8 ? 512 : narrow; }
ST_DEVICE uint32_t first_item() { return threadIdx.x / 32 * (32 * kSortItems) + threadIdx.x % 32; }
/// The places `at` of the block's items when they are ordered by a digit of their keys, and the place of the first with the digit threadIdx.x.
template <class K, uint32_t Threads> ST_DEVICE uint32_t sort_rank(const K (&key)[kSortItems], uint32_t shift, uint32_t digits, uint32_t (&at)[kSortItems]) {
  // Digits of a thread when they are summed up.
  constexpr uint32_t kWarps = Threads / 32, kEach = Threads < 256 ? 256 / Threads : 1;
  ST_SHARED(Bits128, room, kWarps * 32);
  uint16_t *const seen = (uint16_t *)room;
  const uint32_t lane = threadIdx.x % 32, warp = threadIdx.x / 32, before_me = (1u << lane) - 1;
  uint16_t *const mine = seen + warp * 256;
  room[threadIdx.x] = {0, 0};
  __syncwarp();
#pragma unroll
  for (uint32_t r = 0; r < kSortItems; ++r) {
    const uint32_t digit = (uint32_t)(key[r] >> shift) & digits;
    uint32_t equals = 0xffffffffu;
#pragma unroll
    for (uint32_t b = 0; b < 8; ++b) equals &= same_bit(digit, 1u << b);
    const uint32_t rank = mine[digit] + count_ones(equals & before_me);
    __syncwarp();
    // The last of them counts all.
    if (equals >> lane == 1) mine[digit] = (uint16_t)(rank + 1);
    __syncwarp();
    at[r] = digit << 16 | rank;
    compute_now(at[r]);
  }
  __syncthreads();
  const bool sums = threadIdx.x * kEach < 256;
  // Two a register.
  uint32_t counts[kEach * kWarps / 2], sum = 0, all;
#pragma unroll
  for (uint32_t c = 0; c < kEach * kWarps; ++c) {
    const uint32_t count = sums ? seen[c % kWarps * 256 + threadIdx.x * kEach + c / kWarps] : 0;
    counts[c / 2] = c % 2 == 0 ? sum : counts[c / 2] | sum << 16;
    sum += count;
  }
  const uint32_t start = scan_block(sum, &all);
#pragma unroll
  for (uint32_t c = 0; c < kEach * kWarps; ++c)
    if (sums) seen[c % kWarps * 256 + threadIdx.x * kEach + c / kWarps] = (uint16_t)(start + (counts[c / 2] >> c % 2 * 16));
  __syncthreads();
#pragma unroll
  for (uint32_t r = 0; r < kSortItems; ++r) at[r] = (at[r] & 0xffff) + mine[at[r] >> 16];
  return start;
}
/// Moves words to the places `at` through `room`, which all threads have left.
ST_DEVICE void sort_move(uint32_t (&word)[kSortItems], const uint32_t (&at)[kSortItems], uint32_t *room) {
#pragma unroll
  for (uint32_t r = 0; r < kSortItems; ++r) room[at[r]] = word[r];
  __syncthreads();
#pragma unroll
  for (uint32_t r = 0; r < kSortItems; ++r) word[r] = room[first_item() + 32 * r];
}
/// Moves wide keys a word at a time, so that the room serves them too.
ST_DEVICE void sort_move(uint64_t (&key)[kSortItems], const uint32_t (&at)[kSortItems], uint32_t *room) {
  uint32_t low[kSortItems], high[kSortItems];
#pragma unroll
  for (uint32_t r = 0; r < kSortItems; ++r) {
    low[r] = (uint32_t)key[r];
    high[r] = (uint32_t)(key[r] >> 32);
  }
  sort_move(low, at, room);
  __syncthreads();
  sort_move(high, at, room);
#pragma unroll
  for (uint32_t r = 0; r < kSortItems; ++r) key[r] = (uint64_t)high[r] << 32 | low[r];
}

// ---- rows that fit a block

/// The bits that any thread has.
template <class K> ST_DEVICE K all_bits(K x) {
  constexpr uint32_t kWords = sizeof(K) / 4;
  ST_SHARED(uint32_t, parts, 32 * kWords);
  // What an earlier call left has been read by all.
  __syncthreads();
#pragma unroll
  for (uint32_t w = 0; w < kWords; ++w) {
    uint32_t word = (uint32_t)(x >> (32 * w));
#pragma unroll
    for (int lanes = 16; lanes > 0; lanes /= 2) word |= __shfl_xor_sync(0xffffffffu, word, lanes);
    if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32 * kWords + w] = word;
  }
  __syncthreads();
  K all = 0;
  for (uint32_t w = 0; w < blockDim.x / 32 * kWords; ++w) all |= (K)parts[w] << (32 * (w % kWords));
  return all;
}
template <class S, uint32_t Threads> ST_DEVICE void sort_row(const st_sort_args &args) {
  typedef typename SortKey<S>::K K;
  constexpr uint32_t kHalf = kSortItems / 2;
  ST_SHARED(uint32_t, room, Threads * kSortItems);
  uint16_t *const halves = (uint16_t *)room;
  for (uint32_t row = blockIdx.x; row < args.rows; row += gridDim.x) {
    const S *x = pointer<const S>(args.in) + (uint64_t)row * args.n;
    K key[kSortItems], differ = 0;
    const K some = key_of<S>(x[0], args.descending);
#pragma unroll
    for (uint32_t r = 0; r < kSortItems; ++r) {
      const uint32_t i = first_item() + 32 * r;
      // What is not there has the greatest digit each time and stays behind all that is.
      key[r] = i < args.n ? key_of<S>(x[i], args.descending) : ~(K)0;
      if (i < args.n) differ |= key[r] ^ some;
    }
    differ = all_bits(differ);
    // The positions of items r and r + kHalf: registers decide how many blocks a multiprocessor has.
    uint32_t positions[kHalf], at[kSortItems];
#pragma unroll
    for (uint32_t r = 0; r < kHalf; ++r) positions[r] = (first_item() + 32 * r) * 0x10001 + (32 * kHalf << 16);
#pragma unroll 1
    for (uint32_t shift = 0; shift < 8 * sizeof(S); shift += 8) {
      if (((uint32_t)(differ >> shift) & 255) == 0) continue;
      sort_rank<K, Threads>(key, shift, 255, at);
      sort_move(key, at, room);
      __syncthreads();
#pragma unroll
      for (uint32_t r = 0; r < kHalf; ++r) {
        halves[at[r]] = (uint16_t)positions[r];
        halves[at[r + kHalf]] = (uint16_t)(positions[r] >> 16);
      }
      __syncthreads();
#pragma unroll
      for (uint32_t r = 0; r < kHalf; ++r) positions[r] = halves[first_item() + 32 * r] | (uint32_t)halves[first_item() + 32 * (r + kHalf)] << 16;
    }
#pragma unroll
    for (uint32_t r = 0; r < kSortItems; ++r) {
      const uint32_t i = first_item() + 32 * r;
      if (i < args.k) sort_put<S>(args, row, i, key[r], r < kHalf ? positions[r] & 0xffff : positions[r - kHalf] >> 16);
    }
  }
}

// ---- tiles of rows: block b works on tile b % tiles of row b / tiles

/// Reads a tile of `valid` keys from `base`, the thread's from `first` on in `rounds`: keys[0], or where that is 0 the elements. What is not there has the greatest key.
template <class S> ST_DEVICE void sort_load(const st_sort_args &args, typename SortKey<S>::K (&key)[kSortItems], uint64_t base, uint32_t valid, uint32_t first, uint32_t rounds) {
  typedef typename SortKey<S>::K K;
  const K *keys = pointer<const K>(args.keys[0]) + base;
  const S *elements = pointer<const S>(args.in) + base;
  // The branch stands outside so that all loads are under way at once.
  if (args.keys[0]) {
#pragma unroll
    for (uint32_t r = 0; r < kSortItems; ++r) key[r] = r < rounds && first + 32 * r < valid ? keys[first + 32 * r] : ~(K)0;
    return;
  }
#pragma unroll
  for (uint32_t r = 0; r < kSortItems; ++r) key[r] = r < rounds && first + 32 * r < valid ? key_of<S>(elements[first + 32 * r], args.descending) : ~(K)0;
}

/// The first k of each tile of ST_SORT_TILE items: in order to the results where a row is one tile, else to keys[1] and items[1], without gaps. Items are keys[0] and items[0] [rows,
/// stride], or the elements of `in` where keys[0] is 0.
template <class S> ST_DEVICE void sort_select(const st_sort_args &args) {
  typedef typename SortKey<S>::K K;
  // So few candidates are rather ordered than counted once more.
  constexpr uint32_t kFew = 128;
  ST_SHARED(uint32_t, histogram, 256);
  ST_SHARED(uint32_t, found, 3);
  ST_SHARED(K, candidates, ST_SORT_SELECT);
  ST_SHARED(uint32_t, positions, ST_SORT_SELECT);
  const uint32_t row = blockIdx.x / args.tiles, tile = blockIdx.x % args.tiles, lane = threadIdx.x % 32;
  const uint32_t width = args.stride - tile * ST_SORT_TILE < ST_SORT_TILE ? args.stride - tile * ST_SORT_TILE : ST_SORT_TILE;
  const uint32_t k = args.k < width ? args.k : width, rounds = (width + ST_KERNEL_BLOCK - 1) / ST_KERNEL_BLOCK, begin = threadIdx.x / 32 * rounds * 32 + lane;
  const uint64_t base = (uint64_t)row * args.stride + tile * ST_SORT_TILE;
  K key[kSortItems];
  sort_load<S>(args, key, base, width, begin, rounds);
  // Items whose upper bits are below those of the last one wanted, and equal; of these `want` are wanted.
  K upper = 0;
  uint32_t shift = 8 * sizeof(S), below = 0, equal, want = k;
  do {
    shift -= 8;
    histogram[threadIdx.x] = 0;
    __syncthreads();
#pragma unroll
    for (uint32_t r = 0; r < kSortItems; ++r) {
      const K here = key[r] >> shift;
      // A sum of ones is the same in any order.
      if (r < rounds && here >> 8 == upper) atomicAdd(histogram + ((uint32_t)here & 255), 1u);
    }
    __syncthreads();
    const uint32_t count = histogram[threadIdx.x];
    uint32_t all;
    const uint32_t before = scan_block(count, &all);
    if (before < want && want <= before + count) {
      found[0] = threadIdx.x;
      found[1] = before;
      found[2] = count;
    }
    __syncthreads();
    upper = upper << 8 | found[0];
    below += found[1];
    want -= found[1];
    equal = found[2];
  } while (shift > 0 && below + equal > (k > kFew ? k : kFew));
  // Few equal ones are all candidates, else the first of them.
  if (below + equal > ST_SORT_SELECT) equal = want;
  // Below in the lower half, equal in the upper: of this warp, then of those before.
  uint32_t counts = 0, all;
#pragma unroll
  for (uint32_t r = 0; r < kSortItems; ++r)
    if (r < rounds) counts += count_ones(__ballot_sync(0xffffffffu, key[r] >> shift < upper)) | count_ones(__ballot_sync(0xffffffffu, key[r] >> shift == upper)) << 16;
  counts = scan_block(lane == 31 ? counts : 0, &all);
#pragma unroll
  for (uint32_t r = 0; r < kSortItems; ++r) {
    if (r >= rounds) continue;
    const bool is_below = key[r] >> shift < upper, is_equal = key[r] >> shift == upper;
    const uint32_t belows = __ballot_sync(0xffffffffu, is_below), equals = __ballot_sync(0xffffffffu, is_equal);
    const uint32_t before = counts + (count_ones(belows & ((1u << lane) - 1)) | count_ones(equals & ((1u << lane) - 1)) << 16);
    if (is_below || (is_equal && before >> 16 < equal)) {
      const uint32_t i = begin + 32 * r, to = is_below ? before & 0xffff : below + (before >> 16);
      candidates[to] = key[r];
      positions[to] = i >= width || !args.keys[0] ? tile * ST_SORT_TILE + i : pointer<const uint32_t>(args.items[0])[base + i];
    }
    counts += count_ones(belows) | count_ones(equals) << 16;
  }
  __syncthreads();
  // Among equal keys, candidates are in the order of their positions.
  const uint32_t others = args.tiles - 1, last = args.stride - others * ST_SORT_TILE;
  const uint64_t first = (uint64_t)row * (others * args.k + (last < args.k ? last : args.k)) + (uint64_t)tile * args.k;
  for (uint32_t i = threadIdx.x; i < below + equal; i += blockDim.x) {
    const K own = candidates[i];
    uint32_t rank = 0;
#pragma unroll 4
    for (uint32_t j = 0; j < below + equal; ++j) rank += candidates[j] < own || (candidates[j] == own && j < i);
    if (rank >= k) continue;
    if (args.tiles == 1) {
      sort_put<S>(args, row, rank, own, positions[i]);
      continue;
    }
    pointer<K>(args.keys[1])[first + rank] = own;
    pointer<uint32_t>(args.items[1])[first + rank] = positions[i];
  }
}

// ---- long rows

template <class S> ST_DEVICE void sort_count(const st_sort_args &args) {
  ST_SHARED(uint32_t, histogram, 256);
  const uint32_t row = blockIdx.x / args.tiles, tile = blockIdx.x % args.tiles, begin = tile * ST_SORT_TILE;
  const uint32_t valid = args.n - begin < ST_SORT_TILE ? args.n - begin : ST_SORT_TILE;
  typename SortKey<S>::K key[kSortItems];
  sort_load<S>(args, key, (uint64_t)row * args.n + begin, valid, first_item(), kSortItems);
  histogram[threadIdx.x] = 0;
  __syncthreads();
#pragma unroll
  for (uint32_t r = 0; r < kSortItems; ++r)
    if (first_item() + 32 * r < valid) atomicAdd(histogram + ((uint32_t)(key[r] >> args.shift) & args.digits), 1u);
  __syncthreads();
  pointer<uint32_t>(args.counts)[((uint64_t)row * 256 + threadIdx.x) * args.tiles + tile] = histogram[threadIdx.x];
}
/// Counts of each digit (a block each) become sums over the tiles before; the whole goes behind all counts.
ST_DEVICE void sort_scan(const st_sort_args &args) {
  // Neighbours of a thread: barriers and the way to memory cost more than sums.
  constexpr uint32_t kEach = 8;
  uint32_t *counts = pointer<uint32_t>(args.counts) + (uint64_t)blockIdx.x * args.tiles, before = 0;
  for (uint32_t begin = 0; begin < args.tiles; begin += blockDim.x * kEach) {
    const uint32_t first = begin + threadIdx.x * kEach;
    uint32_t count[kEach], sum = 0, total;
#pragma unroll
    for (uint32_t c = 0; c < kEach; ++c) count[c] = first + c < args.tiles ? counts[first + c] : 0;
#pragma unroll
    for (uint32_t c = 0; c < kEach; ++c) sum += count[c];
    uint32_t start = before + scan_block(sum, &total);
#pragma unroll
    for (uint32_t c = 0; c < kEach; ++c) {
      if (first + c < args.tiles) counts[first + c] = start;
      start += count[c];
    }
    before += total;
  }
  if (threadIdx.x == 0) pointer<uint32_t>(args.counts)[(uint64_t)args.rows * 256 * args.tiles + blockIdx.x] = before;
}
/// In the last pass, where keys[1] is 0, items become results.
template <class S> ST_DEVICE void sort_place(const st_sort_args &args) {
  typedef typename SortKey<S>::K K;
  ST_SHARED(uint32_t, target, 256);
  ST_SHARED(uint32_t, room, ST_SORT_TILE);
  const uint32_t row = blockIdx.x / args.tiles, tile = blockIdx.x % args.tiles, begin = tile * ST_SORT_TILE;
  const uint32_t valid = args.n - begin < ST_SORT_TILE ? args.n - begin : ST_SORT_TILE;
  const uint64_t base = (uint64_t)row * args.n;
  K key[kSortItems];
  uint32_t position[kSortItems], at[kSortItems];
  sort_load<S>(args, key, base + begin, valid, first_item(), kSortItems);
  const uint32_t *counts = pointer<const uint32_t>(args.counts);
  uint32_t all;
  const uint32_t lower = scan_block(counts[(uint64_t)args.rows * 256 * args.tiles + row * 256 + threadIdx.x], &all);
  // Where a digit starts in the row, less where it starts in the tile.
  target[threadIdx.x] = lower + counts[((uint64_t)row * 256 + threadIdx.x) * args.tiles + tile] - sort_rank<K, ST_KERNEL_BLOCK>(key, args.shift, args.digits, at);
  sort_move(key, at, room);
  // Read late: while items are ranked their registers are dear.
#pragma unroll
  for (uint32_t r = 0; r < kSortItems; ++r) position[r] = begin + first_item() + 32 * r;
  if (args.keys[0]) {
#pragma unroll
    for (uint32_t r = 0; r < kSortItems; ++r)
      if (first_item() + 32 * r < valid) position[r] = pointer<const uint32_t>(args.items[0])[base + position[r]];
  }
  __syncthreads();
  sort_move(position, at, room);
#pragma unroll
  for (uint32_t r = 0; r < kSortItems; ++r) {
    const uint32_t i = first_item() + 32 * r;
    if (i >= valid) continue;
    const uint32_t to = target[(uint32_t)(key[r] >> args.shift) & args.digits] + i;
    if (args.keys[1]) {
      pointer<K>(args.keys[1])[base + to] = key[r];
      pointer<uint32_t>(args.items[1])[base + to] = position[r];
    }
    else if (to < args.k) sort_put<S>(args, row, to, key[r], position[r]);
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
/// The positions of n items in order are indices.
ST_DEVICE void sort_take(const st_sort_args &args) {
  for (uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < args.n; i += gridDim.x * blockDim.x) pointer<int64_t>(args.indices)[i] = pointer<const uint32_t>(args.items[0])[i];
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
  ST_KERNEL_RESIDENT(sortShort_##type, st_sort_args, ST_SORT_SHORT / 16, sort_threads<dtype_##type>(768) / (ST_SORT_SHORT / 16)) { sort_short<dtype_##type>(args); } \
  ST_KERNEL_RESIDENT(sortRow1024_##type, st_sort_args, 64, sort_threads<dtype_##type>(768) / 64) { sort_row<dtype_##type, 64>(args); } \
  ST_KERNEL_RESIDENT(sortRow2048_##type, st_sort_args, 128, sort_threads<dtype_##type>(768) / 128) { sort_row<dtype_##type, 128>(args); } \
  ST_KERNEL_RESIDENT(sortRow4096_##type, st_sort_args, 256, sort_threads<dtype_##type>(1024) / 256) { sort_row<dtype_##type, 256>(args); } \
  ST_KERNEL_RESIDENT(sortRow8192_##type, st_sort_args, 512, sort_threads<dtype_##type>(512) / 512) { sort_row<dtype_##type, 512>(args); } \
  ST_KERNEL_RESIDENT(sortSelect_##type, st_sort_args, ST_KERNEL_BLOCK, sort_threads<dtype_##type>(768) / ST_KERNEL_BLOCK) { sort_select<dtype_##type>(args); } \
  ST_KERNEL(sortCount_##type, st_sort_args, ST_KERNEL_BLOCK) { sort_count<dtype_##type>(args); } \
  ST_KERNEL(sortScan_##type, st_sort_args, ST_KERNEL_BLOCK) { sort_scan(args); } \
  ST_KERNEL_RESIDENT(sortPlace_##type, st_sort_args, ST_KERNEL_BLOCK, sort_threads<dtype_##type>(768) / ST_KERNEL_BLOCK) { sort_place<dtype_##type>(args); } \
  ST_KERNEL(sortIslands_##type, st_sort_args, ST_KERNEL_BLOCK) { sort_islands<SortKey<dtype_##type>::K>(args); } \
  ST_KERNEL(sortTake_##type, st_sort_args, ST_KERNEL_BLOCK) { sort_take(args); } \
  ST_KERNEL(searchSorted_##type, st_search_args, ST_KERNEL_BLOCK) { search_sorted<dtype_##type>(args); }
#define ST_SORT_KERNELS_OF(type) ST_SORT_KERNELS(type)
#endif
#ifdef ST_TYPE
ST_SORT_KERNELS_OF(ST_TYPE)
#endif
