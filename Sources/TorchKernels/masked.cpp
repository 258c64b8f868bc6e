// Where a mask is true: positions, select, scatter. Counted by chunks first, so that threads know where their part of the output begins.
#include "st_index.h"
#include "st_allocator.h"
#include "st_parallel.h"
#include "strided_walk.h"
#include <string.h>

namespace {

constexpr int64_t kChunk = 1 << 15;
constexpr int kBlock = 256;
struct Sixteen { uint64_t a, b; };

/// True elements of a run.
int64_t count_run(const char *mask, int64_t stride, int64_t n) {
  int64_t total = 0;
  if (stride == 1) {
    while (n > 0) {
      // Sums of bytes that can not overflow, which the compiler vectorises.
      int64_t m = n < 4096 ? n : 4096;
      uint32_t part = 0;
      for (int64_t i = 0; i < m; ++i) part += mask[i] != 0;
      total += part;
      mask += m; n -= m;
    }
  } else {
    for (int64_t i = 0; i < n; ++i) total += mask[i * stride] != 0;
  }
  return total;
}
/// The positions of true elements among n <= kBlock, without a branch per element.
int positions(const char *mask, int64_t stride, int n, uint16_t *at) {
  int c = 0;
  for (int i = 0; i < n; ++i) { at[c] = (uint16_t)i; c += mask[i * stride] != 0; }
  return c;
}

struct MaskedJob {
  const StridedWalk<2> *walk;   // mask, other
  const char *mask;
  char *data;                   // the tensor that the mask goes with
  char *packed;                 // select: output; scatter: source
  int64_t packed_count;         // scatter: elements of the source
  int64_t *starts;              // number of true elements per chunk, then before each chunk
  int64_t rank;
  const int64_t *sizes;
  int64_t *coordinates;
};
void count_chunks(void *context, int64_t begin, int64_t end) {
  MaskedJob &j = *(MaskedJob *)context;
  for (int64_t c = begin; c < end; ++c) {
    int64_t total = 0, stop = (c + 1) * kChunk;
    j.walk->each(c * kChunk, stop < j.walk->count ? stop : j.walk->count, [&](const int64_t *offset, int64_t, int64_t n) {
      total += count_run(j.mask + offset[0], j.walk->step[0], n);
      return true;
    });
    j.starts[c] = total;
  }
}
enum Kind { kSelect, kScatter, kPositions };
template <class E, Kind kind> void move_chunks(void *context, int64_t begin, int64_t end) {
  MaskedJob &j = *(MaskedJob *)context;
  const int64_t sm = j.walk->step[0], sd = j.walk->step[1];
  for (int64_t c = begin; c < end; ++c) {
    int64_t at = j.starts[c], stop = (c + 1) * kChunk;
    j.walk->each(c * kChunk, stop < j.walk->count ? stop : j.walk->count, [&](const int64_t *offset, int64_t position, int64_t n) {
      for (int64_t i = 0; i < n; i += kBlock) {
        const int m = n - i < kBlock ? (int)(n - i) : kBlock;
        uint16_t found[kBlock + 1];
        const int count = positions(j.mask + offset[0] + i * sm, sm, m, found);
        char *data = j.data + offset[1] + i * sd;
        if constexpr (kind == kSelect) {
          for (int k = 0; k < count; ++k) memcpy(j.packed + (at + k) * (int64_t)sizeof(E), data + found[k] * sd, sizeof(E));
        } else if constexpr (kind == kScatter) {
          for (int k = 0; k < count && at + k < j.packed_count; ++k) memcpy(data + found[k] * sd, j.packed + (at + k) * (int64_t)sizeof(E), sizeof(E));
        } else {
          // Coordinates of the block's first element, then the last one advances with carry.
          for (int k = 0; k < count; ++k) {
            int64_t p = position + i + found[k];
            int64_t *out = j.coordinates + (at + k) * j.rank;
            if (j.rank == 1) { out[0] = p; continue; }
            for (int64_t d = j.rank - 1; d > 0; --d) { out[d] = p % j.sizes[d]; p /= j.sizes[d]; }
            if (j.rank > 0) out[0] = p;
          }
        }
        at += count;
      }
      return true;
    });
  }
}

/// Counts, and moves with `move` unless it is NULL. Returns the number of true elements, or -1 without memory.
int64_t run(MaskedJob &j, st_task move) {
  const int64_t chunks = (j.walk->count + kChunk - 1) / kChunk;
  if (chunks == 0) return 0;
  int64_t few[64];
  const size_t bytes = (size_t)chunks * sizeof(int64_t);
  j.starts = chunks <= 64 ? few : (int64_t *)st_allocate(bytes);
  if (!j.starts) return -1;
  st_parallel_for(chunks, 1, count_chunks, &j);
  int64_t total = 0;
  for (int64_t c = 0; c < chunks; ++c) { int64_t n = j.starts[c]; j.starts[c] = total; total += n; }
  if (move && total > 0) st_parallel_for(chunks, 1, move, &j);
  if (j.starts != few) st_deallocate(j.starts, bytes);
  return total;
}
template <Kind kind> st_task move_task(int32_t element_size) {
  switch (element_size) {
    case 1: return move_chunks<uint8_t, kind>;
    case 2: return move_chunks<uint16_t, kind>;
    case 4: return move_chunks<uint32_t, kind>;
    case 8: return move_chunks<uint64_t, kind>;
    default: return move_chunks<Sixteen, kind>;
  }
}

}  // namespace

extern "C" int64_t st_nonzero(st_view mask, int64_t *out) {
  const int64_t *const strides[2] = {mask.strides, nullptr};
  StridedWalk<2> walk(mask.rank, mask.sizes, strides);
  MaskedJob j = {};
  j.walk = &walk; j.mask = mask.data; j.rank = mask.rank; j.sizes = mask.sizes; j.coordinates = out;
  return run(j, out ? move_chunks<uint8_t, kPositions> : nullptr);
}

extern "C" int64_t st_masked_select(int32_t element_size, st_view in, st_view mask, char *out) {
  const int64_t *const strides[2] = {mask.strides, in.strides};
  StridedWalk<2> walk(mask.rank, mask.sizes, strides);
  MaskedJob j = {};
  j.walk = &walk; j.mask = mask.data; j.data = in.data; j.packed = out;
  return run(j, move_task<kSelect>(element_size));
}

extern "C" int64_t st_masked_scatter(int32_t element_size, st_view out, st_view mask, const char *source, int64_t source_count) {
  const int64_t *const strides[2] = {mask.strides, out.strides};
  StridedWalk<2> walk(mask.rank, mask.sizes, strides);
  MaskedJob j = {};
  j.walk = &walk; j.mask = mask.data; j.data = out.data; j.packed = (char *)source; j.packed_count = source_count;
  return run(j, move_task<kScatter>(element_size));
}
