// Random numbers in the streams of PyTorch's CUDA generator: random_OP_TYPE for ST_OP and ST_TYPE.
//
// Note [Random streams on the device]
// The key is the seed, the subsequence the number of the thread in the grid, and a thread's k-th draw block offset / 4 + k, which gives N numbers: 4 of 32 bits or 2 of 64. They go
// to elements that are a whole grid apart, so that neighbouring threads write neighbours. Which number an element gets thus depends on the grid, which the host makes from the number
// of elements and of multiprocessors as PyTorch does. Logarithm, exponential, sine, cosine and tangent of float are the fast ones, as there.
#include "draw.cuh"
#include "scalar/convert.h"

#ifndef ST_RANDOM_KERNELS
namespace drawing {
#ifdef ST_EMULATOR
inline float quick_log(float x) { return logf(x); }
inline float quick_exp(float x) { return expf(x); }
inline float quick_tan(float x) { return tanf(x); }
inline void quick_sincos(float x, float *s, float *c) { *s = sinf(x); *c = cosf(x); }
inline void sincos_of_turns(double x, double *s, double *c) { *s = ::sin(3.14159265358979323846 * x); *c = ::cos(3.14159265358979323846 * x); }
#else
ST_DEVICE float quick_log(float x) { return __logf(x); }
ST_DEVICE float quick_exp(float x) { return __expf(x); }
ST_DEVICE float quick_tan(float x) { return __tanf(x); }
ST_DEVICE void quick_sincos(float x, float *s, float *c) { __sincosf(x, s, c); }
ST_DEVICE void sincos_of_turns(double x, double *s, double *c) { ::sincospi(x, s, c); }
#endif
ST_DEVICE double quick_log(double x) { return ::log(x); }
ST_DEVICE double quick_exp(double x) { return ::exp(x); }
ST_DEVICE double quick_tan(double x) { return ::tan(x); }
ST_DEVICE float multiply_add(float a, float b, float c) { return ::fmaf(a, b, c); }
ST_DEVICE double multiply_add(double a, double b, double c) { return ::fma(a, b, c); }

/// 53 bits of two words.
ST_DEVICE uint64_t wide(uint32_t low, uint32_t high) { return (uint64_t)low ^ (uint64_t)high << 21; }
// Numbers of a block of words: N of type R.
template <class C> struct Uniform;
template <> struct Uniform<float> {
  typedef float R;
  static constexpr int N = 4;
  ST_FN void draw(const PhiloxWords &w, R *r) {
#pragma unroll
    for (int k = 0; k < 4; ++k) r[k] = unit(w.word[k]);
  }
};
template <> struct Uniform<double> {
  typedef double R;
  static constexpr int N = 2;
  ST_FN void draw(const PhiloxWords &w, R *r) {
    r[0] = unit(wide(w.word[0], w.word[1]));
    r[1] = unit(wide(w.word[2], w.word[3]));
  }
};
/// Pairs by Box and Muller (1958): the sine comes first.
template <class C> struct Normal;
template <> struct Normal<float> {
  typedef float R;
  static constexpr int N = 4;
  ST_FN void draw(const PhiloxWords &w, R *r) {
#pragma unroll
    for (int k = 0; k < 4; k += 2) {
      const float turn = multiply_add((float)w.word[k + 1], 0x1p-32f * 6.2831855f, 0x1p-33f * 6.2831855f), radius = ::sqrtf(-2.0f * ::logf(unit(w.word[k])));
      quick_sincos(turn, r + k, r + k + 1);
      r[k] *= radius;
      r[k + 1] *= radius;
    }
  }
};
template <> struct Normal<double> {
  typedef double R;
  static constexpr int N = 2;
  ST_FN void draw(const PhiloxWords &w, R *r) {
    const double radius = ::sqrt(-2.0 * ::log(unit(wide(w.word[0], w.word[1]))));
    sincos_of_turns(multiply_add((double)wide(w.word[2], w.word[3]), 0x1p-52, 0x1p-53), r, r + 1);
    r[0] *= radius;
    r[1] *= radius;
  }
};
struct Words {
  typedef uint32_t R;
  static constexpr int N = 4;
  ST_FN void draw(const PhiloxWords &w, R *r) {
#pragma unroll
    for (int k = 0; k < 4; ++k) r[k] = w.word[k];
  }
};
struct WideWords {
  typedef uint64_t R;
  static constexpr int N = 2;
  ST_FN void draw(const PhiloxWords &w, R *r) {
    r[0] = (uint64_t)w.word[0] << 32 | w.word[1];
    r[1] = (uint64_t)w.word[2] << 32 | w.word[3];
  }
};
/// Discrete distributions draw float for all types but double.
template <class S> struct Chance { typedef float Type; };
template <> struct Chance<double> { typedef double Type; };

// The distributions: where their numbers come from, and an element of type S from one. Parameters p: a, b; base and range for integers.
template <class S> struct uniform : Uniform<Compute<S>> {
  typedef Compute<S> C;
  /// The upper end, which a draw of 1 or rounding may give, becomes the lower one.
  ST_FN S of(C u, const st_random_args &p) {
    const C low = load_rounded(p.a), high = load_rounded(p.b);
    const S value = Element<S>::store(multiply_add(u, load_rounded((double)(high - low)), low));
    return Element<S>::load(value) == high ? Element<S>::store(low) : value;
  }
  ST_FN C load_rounded(double x) { return Element<S>::load(Element<S>::store((C)x)); }
};
template <class S> struct normal : Normal<Compute<S>> {
  ST_FN S of(Compute<S> z, const st_random_args &p) { return Element<S>::store(multiply_add(z, (Compute<S>)p.b, (Compute<S>)p.a)); }
};
template <class S> struct logNormal : Normal<Compute<S>> {
  ST_FN S of(Compute<S> z, const st_random_args &p) { return Element<S>::store(quick_exp(multiply_add(z, (Compute<S>)p.b, (Compute<S>)p.a))); }
};
template <class C> struct Precision { static constexpr C epsilon = (C)0x1p-23; };
template <> struct Precision<double> { static constexpr double epsilon = 0x1p-52; };
template <class S> struct exponential : Uniform<Compute<S>> {
  typedef Compute<S> C;
  /// The logarithm of what is nearly 1 is kept away from 0, which is no such number.
  ST_FN S of(C u, const st_random_args &p) {
    const C half_step = Precision<C>::epsilon / C(2), l = u >= C(1) - half_step ? -half_step : quick_log(u);
    return Element<S>::store(C(-1) / (C)p.a * l);
  }
};
template <class S> struct cauchy : Uniform<Compute<S>> {
  typedef Compute<S> C;
  ST_FN S of(C u, const st_random_args &p) {
    // The fast tangent overflows near its poles.
    if (is_same<C, float>) u = m_least(m_greatest(u, Precision<C>::epsilon), C(1) - Precision<C>::epsilon);
    return Element<S>::store(multiply_add((C)p.b, quick_tan((C)3.14159265358979323846 * (u - C(0.5))), (C)p.a));
  }
};
/// a is the logarithm of the probability of failure.
template <class S> struct geometric : Uniform<typename Chance<S>::Type> {
  typedef typename Chance<S>::Type C;
  ST_FN S of(C u, const st_random_args &p) { return To<S>::from(m_ceil(quick_log(u) / (C)p.a)); }
};
template <class S> struct bernoulli : Uniform<typename Chance<S>::Type> {
  typedef typename Chance<S>::Type C;
  ST_FN S of(C u, const st_random_args &p) { return To<S>::from((int64_t)(u < (C)p.a)); }
};
template <class S> struct integers : Words {
  ST_FN S of(uint32_t w, const st_random_args &p) { return To<S>::from((int64_t)((p.range ? w % (uint32_t)p.range : w) + (uint64_t)p.base)); }
};
template <class S> struct wideIntegers : WideWords {
  ST_FN S of(uint64_t w, const st_random_args &p) { return To<S>::from((int64_t)((p.range ? w % p.range : w) + (uint64_t)p.base)); }
};
/// 1 with the probability that stands at the same place.
template <class S> struct each { static constexpr int N = 0; };
}  // namespace drawing

template <class D, class S> ST_DEVICE void random_kernel(const st_random_args &args) {
  const uint64_t threads = (uint64_t)gridDim.x * blockDim.x, thread = (uint64_t)blockIdx.x * blockDim.x + threadIdx.x;
  S *out = pointer<S>(args.out);
  uint64_t seed, block;
  stream_of(args, seed, block);
  if constexpr (D::N == 0) {
    // Four neighbours a thread, one block each.
    const S *chance = pointer<const S>(args.chances);
    if (thread * 4 >= args.count) return;
    const PhiloxWords w = philox(seed, thread, block);
#pragma unroll
    for (int k = 0; k < 4; ++k)
      if (thread * 4 + k < args.count) out[thread * 4 + k] = To<S>::from((int64_t)(drawing::unit(w.word[k]) <= load_as(chance + thread * 4 + k)));
  } else {
    for (uint64_t i = thread; i < args.count; i += threads * D::N, ++block) {
      typename D::R r[D::N];
      D::draw(philox(seed, thread, block), r);
#pragma unroll
      for (int k = 0; k < D::N; ++k)
        if (i + k * threads < args.count) out[i + k * threads] = D::of(r[k], args);
    }
  }
}
// The grid is what fits a device with all its threads, so all blocks shall run at once.
#define ST_RANDOM_KERNELS(op, type) \
  ST_KERNEL_RESIDENT(random_##op##_##type, st_random_args, ST_KERNEL_BLOCK, (is_same<dtype_##type, double> ? 6 : 8)) { \
    random_kernel<drawing::op<dtype_##type>, dtype_##type>(args); \
  }
#define ST_RANDOM_KERNELS_OF(op, type) ST_RANDOM_KERNELS(op, type)
#endif
#ifdef ST_OP
ST_RANDOM_KERNELS_OF(ST_OP, ST_TYPE)
#endif
