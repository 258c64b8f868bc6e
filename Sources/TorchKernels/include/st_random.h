// Random numbers on the CPU: mt19937 and the distributions drawn from it, bit for bit PyTorch's streams. Nothing here locks; Swift's `Generator` does.
#pragma once
#include "st_types.h"
#ifdef __cplusplus
extern "C" {
#endif

/// The generator's whole state. `left` and `next` follow PyTorch's saved form: after seeding 1 and 0, after k draws from a block 625 - k and k;
/// next + left <= 625 must hold.
typedef struct st_generator {
  uint64_t seed;
  int32_t left;
  uint32_t next;
  uint32_t words[624];
  double normal;      // the sine half of the last pair of double normals
  bool has_normal;
} st_generator;

void st_generator_seed(st_generator *g, uint64_t seed);
uint32_t st_random32(st_generator *g);
/// Two 32-bit draws, the first is the high half.
uint64_t st_random64(st_generator *g);
/// 53-bit uniform in [0, 1).
double st_random_unit(st_generator *g);
/// One normal by the scalar path, which keeps every second value for the next call.
double st_random_normal_one(st_generator *g, double mean, double std);

/// Four words of Philox4x32-10: the generator of CUDA devices (scalar/philox.h), for what draws on the CPU with such a generator.
void st_philox(uint64_t key, uint64_t subsequence, uint64_t block, uint32_t *out);

// The fills write `n` contiguous elements and return false, having drawn nothing, where they do not know the element type. Complex types are filled as
// pairs of reals by the caller.

/// Floating types. [from, to), rounded once.
bool st_random_uniform(st_generator *g, void *out, int64_t n, StDType dtype, double from, double to);
/// Floating types. `scalar`: the path of tensors that are not contiguous, taken for n < 16 in any case.
bool st_random_normal(st_generator *g, void *out, int64_t n, StDType dtype, double mean, double std, bool scalar);
/// Every real type. from + draw mod range; range 0 means 2^64.
bool st_random_integers(st_generator *g, void *out, int64_t n, StDType dtype, int64_t from, uint64_t range);
/// Every real type. Tensor.random_() without bounds.
bool st_random_any(st_generator *g, void *out, int64_t n, StDType dtype);
/// Every real type. The numbers 0 ..< n in random order.
bool st_random_permutation(st_generator *g, void *out, int64_t n, StDType dtype);
/// Every real type. 1 with probability p.
bool st_random_bernoulli(st_generator *g, void *out, int64_t n, StDType dtype, double p);
/// Every real type, probabilities of a floating type, contiguous.
bool st_random_bernoulli_each(st_generator *g, void *out, int64_t n, StDType dtype, const void *p, StDType p_dtype);
/// Floating types; geometric also integers.
bool st_random_exponential(st_generator *g, void *out, int64_t n, StDType dtype, double rate);
bool st_random_cauchy(st_generator *g, void *out, int64_t n, StDType dtype, double median, double sigma);
bool st_random_log_normal(st_generator *g, void *out, int64_t n, StDType dtype, double mean, double std);
bool st_random_geometric(st_generator *g, void *out, int64_t n, StDType dtype, double p);
/// Floating types, rates and result of the same type.
bool st_random_poisson(st_generator *g, void *out, int64_t n, StDType dtype, const void *rate);
/// float32 and float64.
bool st_random_gamma(st_generator *g, void *out, int64_t n, StDType dtype, const void *alpha);
/// Indices drawn from `rows` rows of `categories` weights of a floating type (checked by the caller: finite, not negative, positive sums).
bool st_random_multinomial(st_generator *g, int64_t *out, const void *weights, StDType dtype, int64_t rows, int64_t categories, int64_t samples,
                           bool replacement);

#ifdef __cplusplus
}
#endif
