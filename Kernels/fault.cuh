// How kernels report an element that is not allowed: an index out of range, a divisor that is zero.
#ifndef ST_FAULT
#define ST_FAULT
#include "preamble.cuh"

/// *fault (uint64, all ones beforehand; 0: not wanted) keeps the least position of a bad element with its value, cut off at 32 bits: position << 32 | value.
ST_DEVICE void record_fault(st_address fault, uint64_t position, int64_t value) {
  if (!fault) return;
  const int64_t least = -2147483647 - 1, most = 2147483647;
  const int64_t held = value < least ? least : value > most ? most : value;
  atomicMin(pointer<uint64_t>(fault), (position < 0xfffffffeu ? position : 0xfffffffeu) << 32 | (uint32_t)held);
}
#endif
