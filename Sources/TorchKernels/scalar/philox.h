// Philox4x32-10, the counter-based generator behind CUDA's random streams (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"). Needs ST_FN only.

/// Four words of the stream.
struct PhiloxWords { uint32_t word[4]; };
/// Words 4 `block` to 4 `block` + 3 of subsequence `subsequence` under `key`.
ST_FN PhiloxWords philox(uint64_t key, uint64_t subsequence, uint64_t block) {
  uint32_t x = (uint32_t)block, y = (uint32_t)(block >> 32), z = (uint32_t)subsequence, w = (uint32_t)(subsequence >> 32), k = (uint32_t)key, l = (uint32_t)(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = (uint64_t)0xd2511f53u * x, b = (uint64_t)0xcd9e8d57u * z;
    x = (uint32_t)(b >> 32) ^ y ^ k;
    z = (uint32_t)(a >> 32) ^ w ^ l;
    y = (uint32_t)b;
    w = (uint32_t)a;
    k += 0x9e3779b9u;
    l += 0xbb67ae85u;
  }
  PhiloxWords r = {{x, y, z, w}};
  return r;
}
