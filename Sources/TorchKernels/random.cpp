// Random streams: mt19937 in blocks, and the distributions of PyTorch's CPU generator on top of it.
#include "st_random.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ST_LEVEL_FILE "random.inc"
#include "cpu/each_level.h"
#pragma STDC FP_CONTRACT OFF

// MARK: engine

#define ST_FN static inline
#include "scalar/philox.h"
#undef ST_FN
extern "C" void st_philox(uint64_t key, uint64_t subsequence, uint64_t block, uint32_t *out) {
  const PhiloxWords r = philox(key, subsequence, block);
  memcpy(out, r.word, sizeof r.word);
}

extern "C" void st_generator_seed(st_generator *g, uint64_t seed) {
  g->seed = seed;
  g->words[0] = (uint32_t)seed;
  for (uint32_t j = 1; j < 624; j++) g->words[j] = 1812433253u * (g->words[j - 1] ^ (g->words[j - 1] >> 30)) + j;
  g->left = 1;
  g->next = 0;
  g->normal = 0;
  g->has_normal = false;
}

static inline void refill(st_generator *g) {
  ST_PICK(twist)(g->words);
  g->left = 625;
  g->next = 0;
}

extern "C" uint32_t st_random32(st_generator *g) {
  if (g->left == 1) refill(g);
  g->left--;
  uint32_t y = g->words[g->next++];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680u;
  y ^= (y << 15) & 0xefc60000u;
  return y ^ (y >> 18);
}

extern "C" uint64_t st_random64(st_generator *g) {
  uint64_t high = st_random32(g);
  return high << 32 | st_random32(g);
}

extern "C" double st_random_unit(st_generator *g) { return (double)(int64_t)(st_random64(g) & 0x1fffffffffffffull) * 0x1p-53; }

/// `n` tempered words.
static void draw(st_generator *g, uint32_t *out, int n) {
  auto temper = ST_PICK(temper);
  while (n > 0) {
    if (g->left == 1) refill(g);
    int take = g->left - 1 < n ? g->left - 1 : n;
    temper(out, g->words + g->next, take);
    g->next += take;
    g->left -= take;
    out += take;
    n -= take;
  }
}

constexpr int CHUNK = 2048;   // words drawn at a time: the buffers stay in the first cache

static void units_f32(st_generator *g, float *out, int64_t n) {
  uint32_t words[CHUNK];
  for (int64_t i = 0; i < n; i += CHUNK) {
    int k = n - i < CHUNK ? (int)(n - i) : CHUNK;
    draw(g, words, k);
    ST_PICK(unit_f32)(out + i, words, k);
  }
}

static void units_f64(st_generator *g, double *out, int64_t n) {
  uint32_t words[CHUNK];
  for (int64_t i = 0; i < n; i += CHUNK / 2) {
    int k = n - i < CHUNK / 2 ? (int)(n - i) : CHUNK / 2;
    draw(g, words, 2 * k);
    ST_PICK(unit_f64)(out + i, words, k);
  }
}

// MARK: element types

struct half { uint16_t bits; };
struct brain { uint16_t bits; };
struct boolean { uint8_t value; };

static inline uint32_t bits_of(float x) { uint32_t b; memcpy(&b, &x, 4); return b; }
static inline float float_of(uint32_t b) { float x; memcpy(&x, &b, 4); return x; }

/// float32 to float16, to nearest even.
static inline half to_half(float x) {
  uint32_t b = bits_of(x), sign = b >> 16 & 0x8000u, magnitude = b & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return {(uint16_t)(sign | 0x7e00u)};
  if (magnitude >= 0x477ff000u) return {(uint16_t)(sign | 0x7c00u)};        // 65520 and above round to infinity
  if (magnitude < 0x38800000u) {                                           // subnormal: let the addition round
    float shifted = float_of(magnitude) + 0.5f;
    return {(uint16_t)(sign | (bits_of(shifted) - 0x3f000000u))};
  }
  uint32_t rounded = magnitude + 0xfffu + (magnitude >> 13 & 1u);
  return {(uint16_t)(sign | ((rounded - 0x38000000u) >> 13))};
}
static inline float from_half(half h) {
  uint32_t sign = (uint32_t)(h.bits & 0x8000u) << 16, exponent = h.bits >> 10 & 31u, fraction = h.bits & 0x3ffu;
  if (exponent == 31) return float_of(sign | 0x7f800000u | fraction << 13);
  if (exponent == 0) return float_of(sign | bits_of((float)fraction * 0x1p-24f));
  return float_of(sign | (exponent + 112) << 23 | fraction << 13);
}
static inline brain to_brain(float x) {
  uint32_t b = bits_of(x);
  if ((b & 0x7fffffffu) > 0x7f800000u) return {0x7fc0};
  return {(uint16_t)((b + 0x7fffu + (b >> 16 & 1u)) >> 16)};
}
static inline float from_brain(brain h) { return float_of((uint32_t)h.bits << 16); }

// Conversions as C++ and PyTorch make them: the half types are always reached through float.
template <typename T> struct element {
  static T of(double x) { return (T)x; }
  static T of(float x) { return (T)x; }
  static T of(int64_t x) { return (T)x; }
  static double to(T x) { return (double)x; }
};
template <> struct element<half> {
  static half of(double x) { return to_half((float)x); }
  static half of(float x) { return to_half(x); }
  static half of(int64_t x) { return to_half((float)x); }
  static double to(half x) { return from_half(x); }
};
template <> struct element<brain> {
  static brain of(double x) { return to_brain((float)x); }
  static brain of(float x) { return to_brain(x); }
  static brain of(int64_t x) { return to_brain((float)x); }
  static double to(brain x) { return from_brain(x); }
};
template <> struct element<boolean> {
  static boolean of(double x) { return {x != 0}; }
  static boolean of(float x) { return {x != 0}; }
  static boolean of(int64_t x) { return {x != 0}; }
  static double to(boolean x) { return x.value; }
};

template <typename T> struct type { using Element = T; };

/// Calls body(type<T>) with the C++ type of `dtype`; false for types outside the family.
template <typename F> static bool with_floating(StDType dtype, F body) {
  switch (dtype) {
  case StDType_float16: body(type<half>()); return true;
  case StDType_bfloat16: body(type<brain>()); return true;
  case StDType_float32: body(type<float>()); return true;
  case StDType_float64: body(type<double>()); return true;
  default: return false;
  }
}
template <typename F> static bool with_real(StDType dtype, F body) {
  switch (dtype) {
  case StDType_bool: body(type<boolean>()); return true;
  case StDType_uint8: body(type<uint8_t>()); return true;
  case StDType_int8: body(type<int8_t>()); return true;
  case StDType_int16: body(type<int16_t>()); return true;
  case StDType_int32: body(type<int32_t>()); return true;
  case StDType_int64: body(type<int64_t>()); return true;
  case StDType_uint16: body(type<uint16_t>()); return true;
  case StDType_uint32: body(type<uint32_t>()); return true;
  case StDType_uint64: body(type<uint64_t>()); return true;
  default: return with_floating(dtype, body);
  }
}

// MARK: uniform and normal

template <typename T> static void uniform_half(st_generator *g, T *out, int64_t n, double from, double to) {
  float x[CHUNK];
  T low = element<T>::of(from), top = element<T>::of(to);
  float lowest = (float)from, range = (float)to - (float)from;
  for (int64_t i = 0; i < n; i += CHUNK) {
    int k = n - i < CHUNK ? (int)(n - i) : CHUNK;
    units_f32(g, x, k);
    ST_PICK(scale_f32)(x, k, lowest, range, NAN);   // the upper end is compared after rounding
    for (int j = 0; j < k; j++) {
      T v = element<T>::of(x[j]);
      out[i + j] = element<T>::to(v) == element<T>::to(top) ? low : v;
    }
  }
}

extern "C" bool st_random_uniform(st_generator *g, void *out, int64_t n, StDType dtype, double from, double to) {
  switch (dtype) {
  case StDType_float32: {
    float a = (float)from, b = (float)to, *x = (float *)out;
    for (int64_t i = 0; i < n; i += CHUNK) {
      int k = n - i < CHUNK ? (int)(n - i) : CHUNK;
      units_f32(g, x + i, k);
      if (a != 0 || b != 1) ST_PICK(scale_f32)(x + i, k, a, b - a, b);
    }
    return true;
  }
  case StDType_float64: {
    double *x = (double *)out;
    for (int64_t i = 0; i < n; i += CHUNK) {
      int k = n - i < CHUNK ? (int)(n - i) : CHUNK;
      units_f64(g, x + i, k);
      if (from != 0 || to != 1) ST_PICK(scale_f64)(x + i, k, from, to - from, to);
    }
    return true;
  }
  case StDType_float16: uniform_half(g, (half *)out, n, from, to); return true;
  case StDType_bfloat16: uniform_half(g, (brain *)out, n, from, to); return true;
  default: return false;
  }
}

extern "C" double st_random_normal_one(st_generator *g, double mean, double std) {
  if (g->has_normal) {
    g->has_normal = false;
    return fma(g->normal, std, mean);
  }
  double u1 = st_random_unit(g), u2 = st_random_unit(g);
  double radius = sqrt(-2.0 * log1p(-u2)), theta = 2.0 * M_PI * u1;
  g->normal = radius * sin(theta);
  g->has_normal = true;
  return fma(radius * cos(theta), std, mean);
}

static void normal_blocks_f64(double *x, int64_t blocks, double mean, double std) {
  for (int64_t k = 0; k < blocks; k++, x += 16)
    for (int j = 0; j < 8; j++) {
      double radius = sqrt(-2.0 * log(1.0 - x[j])), theta = 2.0 * M_PI * x[j + 8];
      x[j] = fma(radius * cos(theta), std, mean);
      x[j + 8] = fma(radius * sin(theta), std, mean);
    }
}

// Half types draw block by block into float32: unlike float32 they draw nothing for an unfinished last block before its own 16.
template <typename T> static void normal_half(st_generator *g, T *out, int64_t n, float mean, float std) {
  float x[CHUNK];
  int64_t full = n / 16 * 16;
  for (int64_t i = 0; i < full; i += CHUNK) {
    int k = full - i < CHUNK ? (int)(full - i) : CHUNK;
    units_f32(g, x, k);
    ST_PICK(normal_blocks)(x, k / 16, mean, std);
    for (int j = 0; j < k; j++) out[i + j] = element<T>::of(x[j]);
  }
  if (full < n) {
    units_f32(g, x, 16);
    ST_PICK(normal_blocks)(x, 1, mean, std);
    for (int j = 0; j < 16; j++) out[n - 16 + j] = element<T>::of(x[j]);
  }
}

extern "C" bool st_random_normal(st_generator *g, void *out, int64_t n, StDType dtype, double mean, double std, bool scalar) {
  if (n < 16 || scalar)
    return with_floating(dtype, [&](auto t) {
      using T = typename decltype(t)::Element;
      for (int64_t i = 0; i < n; i++) ((T *)out)[i] = element<T>::of(st_random_normal_one(g, mean, std));
    });
  // Chunks are whole blocks, so transforming one before the next is drawn gives the same numbers as drawing everything first.
  switch (dtype) {
  case StDType_float32: {
    float *x = (float *)out;
    for (int64_t i = 0; i < n; i += CHUNK) {
      int k = n - i < CHUNK ? (int)(n - i) : CHUNK;
      units_f32(g, x + i, k);
      ST_PICK(normal_blocks)(x + i, k / 16, (float)mean, (float)std);
    }
    if (n % 16) {
      units_f32(g, x + n - 16, 16);
      ST_PICK(normal_blocks)(x + n - 16, 1, (float)mean, (float)std);
    }
    return true;
  }
  case StDType_float64: {
    double *x = (double *)out;
    for (int64_t i = 0; i < n; i += CHUNK) {
      int k = n - i < CHUNK ? (int)(n - i) : CHUNK;
      units_f64(g, x + i, k);
      normal_blocks_f64(x + i, k / 16, mean, std);
    }
    if (n % 16) {
      units_f64(g, x + n - 16, 16);
      normal_blocks_f64(x + n - 16, 1, mean, std);
    }
    return true;
  }
  case StDType_float16: normal_half(g, (half *)out, n, (float)mean, (float)std); return true;
  case StDType_bfloat16: normal_half(g, (brain *)out, n, (float)mean, (float)std); return true;
  default: return false;
  }
}

// MARK: integers

extern "C" bool st_random_integers(st_generator *g, void *out, int64_t n, StDType dtype, int64_t from, uint64_t range) {
  return with_real(dtype, [&](auto t) {
    using T = typename decltype(t)::Element;
    T *x = (T *)out;
    uint32_t words[CHUNK];
    if (range != 0 && range < 1ull << 28) {
      uint32_t modulus = (uint32_t)range;
      for (int64_t i = 0; i < n; i += CHUNK) {
        int k = n - i < CHUNK ? (int)(n - i) : CHUNK;
        draw(g, words, k);
        for (int j = 0; j < k; j++) x[i + j] = element<T>::of((int64_t)((uint64_t)from + words[j] % modulus));
      }
    } else {
      for (int64_t i = 0; i < n; i += CHUNK / 2) {
        int k = n - i < CHUNK / 2 ? (int)(n - i) : CHUNK / 2;
        draw(g, words, 2 * k);
        for (int j = 0; j < k; j++) {
          uint64_t w = (uint64_t)words[2 * j] << 32 | words[2 * j + 1];
          x[i + j] = element<T>::of((int64_t)((uint64_t)from + (range ? w % range : w)));
        }
      }
    }
  });
}

template <typename T> struct any_modulus {   // the largest value plus one; 0 stands for 2^64
  static constexpr bool is_unsigned = (T)-1 > (T)0;
  static constexpr uint64_t value = 8 * sizeof(T) == 64 && is_unsigned ? 0 : 1ull << ((8 * sizeof(T) - !is_unsigned) & 63);
};
template <> struct any_modulus<boolean> { static constexpr uint64_t value = 2; };
template <> struct any_modulus<half> { static constexpr uint64_t value = (1 << 11) + 1; };
template <> struct any_modulus<brain> { static constexpr uint64_t value = (1 << 8) + 1; };
template <> struct any_modulus<float> { static constexpr uint64_t value = (1 << 24) + 1; };
template <> struct any_modulus<double> { static constexpr uint64_t value = (1ull << 53) + 1; };

extern "C" bool st_random_any(st_generator *g, void *out, int64_t n, StDType dtype) {
  return with_real(dtype, [&](auto t) {
    using T = typename decltype(t)::Element;
    constexpr uint64_t modulus = any_modulus<T>::value;
    bool wide = dtype == StDType_int64 || dtype == StDType_uint64 || dtype == StDType_float64;
    for (int64_t i = 0; i < n; i++) {
      uint64_t w = wide ? st_random64(g) : st_random32(g);
      if constexpr (modulus != 0) w %= modulus;
      ((T *)out)[i] = element<T>::of((int64_t)w);
    }
  });
}

extern "C" bool st_random_permutation(st_generator *g, void *out, int64_t n, StDType dtype) {
  return with_real(dtype, [&](auto t) {
    using T = typename decltype(t)::Element;
    T *x = (T *)out;
    if ((uint64_t)n < 0xffffffffull / 20) {
      for (int64_t i = 0; i < n; i++) x[i] = element<T>::of(i);
      for (int64_t i = 0; i + 1 < n; i++) {
        int64_t j = i + st_random32(g) % (uint32_t)(n - i);
        T a = x[i];
        x[i] = x[j];
        x[j] = a;
      }
      return;
    }
    // So long that 32 bits would be uneven: the inside-out shuffle with 64-bit draws.
    for (int64_t i = 0; i < n; i++) {
      int64_t j = (int64_t)(st_random64(g) % (uint64_t)(i + 1));
      x[i] = element<T>::of(i);
      x[i] = x[j];
      x[j] = element<T>::of(i);
    }
  });
}

// MARK: Bernoulli

extern "C" bool st_random_bernoulli(st_generator *g, void *out, int64_t n, StDType dtype, double p) {
  int64_t threshold = p >= 1 ? 1ll << 53 : p > 0 ? (int64_t)ceil(p * 0x1p53) : 0;   // exact: u < p on the integers below 2^53
  return with_real(dtype, [&](auto t) {
    using T = typename decltype(t)::Element;
    uint32_t words[CHUNK];
    float x[CHUNK / 2];
    for (int64_t i = 0; i < n; i += CHUNK / 2) {
      int k = n - i < CHUNK / 2 ? (int)(n - i) : CHUNK / 2;
      draw(g, words, 2 * k);
      ST_PICK(below_f32)(x, words, k, threshold);
      if (dtype == StDType_float32) memcpy((float *)out + i, x, sizeof(float) * (size_t)k);
      else for (int j = 0; j < k; j++) ((T *)out)[i + j] = element<T>::of(x[j]);
    }
  });
}

extern "C" bool st_random_bernoulli_each(st_generator *g, void *out, int64_t n, StDType dtype, const void *p, StDType p_dtype) {
  bool known = with_real(dtype, [](auto) {});
  return known && with_floating(p_dtype, [&](auto pt) {
    using P = typename decltype(pt)::Element;
    const P *q = (const P *)p;
    with_real(dtype, [&](auto t) {
      using T = typename decltype(t)::Element;
      for (int64_t i = 0; i < n; i++) {
        bool one;
        if (p_dtype == StDType_float64) one = st_random_unit(g) < element<P>::to(q[i]);
        else one = (double)((float)(st_random32(g) & 0xffffffu) * 0x1p-24f) < element<P>::to(q[i]);
        ((T *)out)[i] = element<T>::of((int64_t)one);
      }
    });
  });
}

// MARK: transformed uniforms

/// out = f(u) for 53-bit uniforms u, in double, rounded at the end.
template <typename T, typename F> static void transformed(st_generator *g, T *out, int64_t n, F f) {
  double u[CHUNK / 2];
  for (int64_t i = 0; i < n; i += CHUNK / 2) {
    int k = n - i < CHUNK / 2 ? (int)(n - i) : CHUNK / 2;
    units_f64(g, u, k);
    for (int j = 0; j < k; j++) out[i + j] = element<T>::of(f(u[j]));
  }
}

extern "C" bool st_random_exponential(st_generator *g, void *out, int64_t n, StDType dtype, double rate) {
  return with_floating(dtype, [&](auto t) {
    transformed(g, (typename decltype(t)::Element *)out, n, [=](double u) { return -1.0 / rate * log1p(-u); });
  });
}

extern "C" bool st_random_cauchy(st_generator *g, void *out, int64_t n, StDType dtype, double median, double sigma) {
  return with_floating(dtype, [&](auto t) {
    transformed(g, (typename decltype(t)::Element *)out, n, [=](double u) { return fma(sigma, tan(M_PI * (u - 0.5)), median); });
  });
}

extern "C" bool st_random_geometric(st_generator *g, void *out, int64_t n, StDType dtype, double p) {
  if (dtype == StDType_bool) return false;
  double failure = log1p(-p);
  return with_real(dtype, [&](auto t) {
    transformed(g, (typename decltype(t)::Element *)out, n, [=](double u) { return ceil(log(u) / failure); });
  });
}

extern "C" bool st_random_log_normal(st_generator *g, void *out, int64_t n, StDType dtype, double mean, double std) {
  return with_floating(dtype, [&](auto t) {
    using T = typename decltype(t)::Element;
    for (int64_t i = 0; i < n; i++) ((T *)out)[i] = element<T>::of(exp(st_random_normal_one(g, mean, std)));
  });
}

// MARK: rejection

static double poisson(st_generator *g, double rate) {
  if (rate == 0) return 0;
  if (!(rate < 10)) {
    // Hörmann's transformed rejection with squeeze.
    double root = sqrt(rate), log_rate = log(rate);
    double b = 0.931 + 2.53 * root, a = -0.059 + 0.02483 * b;
    double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4), vr = 0.9277 - 3.6224 / (b - 2);
    if (!(rate < INFINITY)) return rate;
    for (;;) {
      double u = st_random_unit(g) - 0.5, v = st_random_unit(g), us = 0.5 - fabs(u);
      double k = floor((2 * a / us + b) * u + rate + 0.43);
      if (us >= 0.07 && v <= vr) return k;
      if (k < 0 || (us < 0.013 && v > us)) continue;
      int sign;
      if (log(v) + log(inverse_alpha) - log(a / (us * us) + b) <= -rate + k * log_rate - lgamma_r(k + 1, &sign)) return k;
    }
  }
  double end = exp(-rate), product = 1, count = 0;
  for (;;) {
    product *= st_random_unit(g);
    if (!(product > end)) return count;
    count++;
  }
}

extern "C" bool st_random_poisson(st_generator *g, void *out, int64_t n, StDType dtype, const void *rate) {
  return with_floating(dtype, [&](auto t) {
    using T = typename decltype(t)::Element;
    for (int64_t i = 0; i < n; i++) ((T *)out)[i] = element<T>::of(poisson(g, element<T>::to(((const T *)rate)[i])));
  });
}

/// Marsaglia and Tsang's method. R is the precision of alpha; some constants are single precision for both.
template <typename R> static double gamma_sample(st_generator *g, R alpha) {
  double scale = 1;
  if (alpha < (R)1) {
    if (alpha == 0) return 0;
    scale *= pow(1 - st_random_unit(g), (double)((R)1 / alpha));
    alpha += (R)1;
  }
  double d = (double)(R)(alpha - (R)(1.0f / 3.0f)), c = 1.0 / sqrt(9.0 * d);
  if (!(d < INFINITY)) return d;
  for (;;) {
    double x, y;
    do {
      x = st_random_normal_one(g, 0, 1);
      y = 1.0 + c * x;
    } while (y <= 0);
    double v = y * y * y, u = 1 - st_random_unit(g), xx = x * x;
    if (u < 1.0 - (double)0.0331f * xx * xx) return scale * d * v;
    if (log(u) < 0.5 * xx + d * (1.0 - v + log(v))) return scale * d * v;
  }
}

/// Samples of shape `alpha`, kept above zero by the smallest normal number.
template <typename R> static void gammas(st_generator *g, R *out, int64_t n, const R *alpha, R tiny) {
  for (int64_t i = 0; i < n; i++) {
    R v = (R)gamma_sample<R>(g, alpha[i]);
    out[i] = v < tiny ? tiny : v;
  }
}

extern "C" bool st_random_gamma(st_generator *g, void *out, int64_t n, StDType dtype, const void *alpha) {
  if (dtype == StDType_float32) gammas<float>(g, (float *)out, n, (const float *)alpha, FLT_MIN);
  else if (dtype == StDType_float64) gammas<double>(g, (double *)out, n, (const double *)alpha, DBL_MIN);
  else return false;
  return true;
}

// MARK: multinomial

namespace {
struct Key { double value; int64_t index; };
}

/// Larger value first, then smaller index.
static int compare_keys(const void *a, const void *b) {
  const Key *x = (const Key *)a, *y = (const Key *)b;
  if (x->value != y->value) return x->value > y->value ? -1 : 1;
  return x->index < y->index ? -1 : 1;
}

/// Without replacement: the largest of weight / exponential.
template <typename T> static void multinomial_distinct(st_generator *g, int64_t *out, const T *w, int64_t rows, int64_t categories, int64_t samples) {
  Key *keys = (Key *)malloc(sizeof(Key) * (size_t)(categories ? categories : 1));
  if (!keys) abort();
  for (int64_t r = 0; r < rows; r++, w += categories, out += samples) {
    for (int64_t i = 0; i < categories; i++) {
      double q = element<T>::to(element<T>::of(-1.0 * log1p(-st_random_unit(g))));
      // A quotient of two floats is rounded the same through double.
      keys[i] = {element<T>::to(element<T>::of(element<T>::to(w[i]) / q)), i};
    }
    if (samples == 1) {
      Key best = keys[0];
      for (int64_t i = 1; i < categories; i++) if (keys[i].value > best.value) best = keys[i];
      out[0] = best.index;
    } else {
      qsort(keys, (size_t)categories, sizeof(Key), compare_keys);
      for (int64_t i = 0; i < samples; i++) out[i] = keys[i].index;
    }
  }
  free(keys);
}

/// With replacement: a search in the cumulative sums, kept in A.
template <typename T, typename A> static void multinomial_repeated(st_generator *g, int64_t *out, const T *w, int64_t rows, int64_t categories, int64_t samples) {
  A *sums = (A *)malloc(sizeof(A) * (size_t)(categories ? categories : 1));
  if (!sums) abort();
  for (int64_t r = 0; r < rows; r++, w += categories, out += samples) {
    A total = 0;
    for (int64_t i = 0; i < categories; i++) sums[i] = total += (A)element<T>::to(w[i]);
    for (int64_t i = 0; i < categories; i++) sums[i] /= total;
    sums[categories - 1] = 1;
    for (int64_t s = 0; s < samples; s++) {
      double u = st_random_unit(g);
      int64_t low = 0, high = categories;
      while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if ((double)sums[middle] < u) low = middle + 1; else high = middle;
      }
      out[s] = low;
    }
  }
  free(sums);
}

extern "C" bool st_random_multinomial(st_generator *g, int64_t *out, const void *weights, StDType dtype, int64_t rows, int64_t categories,
                                      int64_t samples, bool replacement) {
  return with_floating(dtype, [&](auto t) {
    using T = typename decltype(t)::Element;
    if (!replacement || samples == 1) multinomial_distinct(g, out, (const T *)weights, rows, categories, samples);
    else if (dtype == StDType_float64) multinomial_repeated<T, double>(g, out, (const T *)weights, rows, categories, samples);
    else multinomial_repeated<T, float>(g, out, (const T *)weights, rows, categories, samples);
  });
}
