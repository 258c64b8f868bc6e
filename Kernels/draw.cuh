// What kernels that draw random numbers begin with: where in the stream they are, and the interval that words stand for. See Note [Random streams on the device] in random.cu.
#ifndef ST_DRAW
#define ST_DRAW
#include "preamble.cuh"
#include "scalar/philox.h"

/// Seed and first block of Philox of a draw: its arguments, from the place in a stream that stands in memory if `place` names one.
template <class Args> ST_DEVICE void stream_of(const Args &args, uint64_t &seed, uint64_t &block) {
  seed = args.place ? pointer<const uint64_t>(args.place)[0] : args.seed;
  block = (args.offset + (args.place ? pointer<const uint64_t>(args.place)[1] : 0)) / 4;
}
namespace drawing {
/// (0, 1]: the middles of 2^32 (2^53) steps, of which the last rounds up.
ST_DEVICE float unit(uint32_t word) { return (float)word * 0x1p-32f + 0x1p-33f; }
ST_DEVICE double unit(uint64_t word) { return (double)word * 0x1p-53 + 0x1p-54; }
}  // namespace drawing
#endif
