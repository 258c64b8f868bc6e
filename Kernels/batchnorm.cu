// Batch norm over [n, c, inner] for ST_TYPE: batchNormStatistics_TYPE and batchNormSums_TYPE fold parts of channels, batchNormMoments_TYPE and batchNormConstants_TYPE, a thread a
// channel, put the parts together, batchNormApply_TYPE and batchNormBackward_TYPE write all elements.
#include "reduce.cuh"

#ifndef ST_BATCHNORM_KERNELS
/// Sums of dy and of dy * (x - mean).
struct GradientSums {
  double plain, along;
  ST_CALL void merge(const GradientSums &t) {
    plain += t.plain;
    along += t.along;
  }
};
/// Calls take(state, position, V) for the elements of this block's part, in packs where a plane is made of them, and leaves the block's states in the workspace. A tree over the
/// threads keeps the order; threads of different channels (lanes 32) never meet in it.
template <class S, class State, class F> ST_DEVICE void batch_fold(const st_batchnorm_args &args, const F &take) {
  constexpr uint32_t V = 16 / sizeof(S);
  ST_SHARED(State, states, ST_KERNEL_BLOCK);
  const uint32_t t = threadIdx.x, lanes = args.lanes, channel = blockIdx.x * lanes + t % lanes, step = ST_KERNEL_BLOCK / lanes;
  const uint32_t count = args.n * args.inner, begin = blockIdx.y * args.part, end = count - begin < args.part ? count : begin + args.part;
  State s = {};
  if (channel < args.c) {
    const auto at = [&](uint32_t e) {
      const uint32_t image = divide(e, args.inner_by);
      return ((uint64_t)image * args.c + channel) * args.inner + (e - image * args.inner);
    };
    if (args.inner % V == 0 && ((args.x | args.dy) & 15) == 0)
      for (uint32_t e = begin + t * V; e < end; e += ST_KERNEL_BLOCK * V) take(s, at(e), channel, Pack<S, V>());
    else
      for (uint32_t e = begin + t / lanes; e < end; e += step) take(s, at(e), channel, Pack<S, 1>());
  }
  states[t] = s;
  for (uint32_t half = ST_KERNEL_BLOCK / 2; half >= lanes; half /= 2) {
    __syncthreads();
    if (t < half) states[t].merge(states[t + half]);
  }
  if (t < lanes && channel < args.c) pointer<State>(args.workspace)[(uint64_t)blockIdx.y * args.c + channel] = states[t];
}
template <class State> ST_DEVICE State batch_joined(const st_batchnorm_args &args, uint32_t channel) {
  State s = {};
  for (uint32_t k = 0; k < args.splits; ++k) s.merge(pointer<const State>(args.workspace)[(uint64_t)k * args.c + channel]);
  return s;
}
template <class S> ST_DEVICE void batch_statistics(const st_batchnorm_args &args) {
  const S *x = pointer<const S>(args.x);
  batch_fold<S, reduction::Moments>(args, [&](reduction::Moments &s, uint64_t at, uint32_t, auto pack) {
    pack = *(const decltype(pack) *)(x + at);
    for (const S &v : pack.element) s.add(load_as(&v));
  });
}
template <class S> ST_DEVICE void batch_moments(const st_batchnorm_args &args) {
  typedef Compute<S> C;
  const uint32_t channel = blockIdx.x * blockDim.x + threadIdx.x;
  if (channel >= args.c) return;
  const reduction::Moments s = batch_joined<reduction::Moments>(args, channel);
  // Of nothing: NaN.
  pointer<C>(args.mean)[channel] = (C)(s.pivot + s.first / s.count);
  pointer<C>(args.variance)[channel] = (C)(s.spread() / s.count);
}
template <class S> ST_DEVICE void batch_sums(const st_batchnorm_args &args) {
  typedef Compute<S> C;
  const S *x = pointer<const S>(args.x), *dy = pointer<const S>(args.dy);
  batch_fold<S, GradientSums>(args, [&](GradientSums &s, uint64_t at, uint32_t channel, auto pack) {
    const C mean = pointer<const C>(args.mean)[channel];
    const auto g = *(const decltype(pack) *)(dy + at);
    pack = *(const decltype(pack) *)(x + at);
    for (uint32_t v = 0; v < sizeof pack / sizeof(S); ++v) {
      const C d = load_as(g.element + v);
      s.plain += d;
      s.along += d * (load_as(pack.element + v) - mean);
    }
  });
}
/// The gradients of weight and bias, and what dx = (dy - shift) * scale + (x - mean) * slope needs.
template <class S> ST_DEVICE void batch_constants(const st_batchnorm_args &args) {
  typedef Compute<S> C;
  const uint32_t channel = blockIdx.x * blockDim.x + threadIdx.x;
  if (channel >= args.c) return;
  GradientSums s = {};
  if (args.flags & 2) s = batch_joined<GradientSums>(args, channel);
  const double rstd = pointer<const C>(args.rstd)[channel], scale = args.weight ? rstd * load_as(pointer<const S>(args.weight) + channel) : rstd;
  const double count = (double)args.n * args.inner;
  if (args.dweight) pointer<S>(args.dweight)[channel] = Element<S>::store((C)(count > 0.0 ? s.along * rstd : 0.0));
  if (args.dbias) pointer<S>(args.dbias)[channel] = Element<S>::store((C)s.plain);
  const bool training = args.flags & 1;
  C *constants = pointer<C>(args.constants) + channel;
  constants[0] = (C)scale;
  constants[args.c] = (C)(training ? s.plain / count : 0.0);
  constants[2 * (uint64_t)args.c] = (C)(training ? -scale * rstd * rstd * s.along / count : 0.0);
}
/// Calls f(element of x, of dy, channel). Elements in packs; the channel is found anew where it may change.
template <class S, bool Two, class F> ST_DEVICE void batch_each(const st_batchnorm_args &args, const F &f) {
  constexpr uint32_t V = 16 / sizeof(S);
  S *y = pointer<S>(args.y);
  const S *x = pointer<const S>(args.x), *dy = pointer<const S>(args.dy);
  const uint32_t count = args.n * args.c * args.inner, first = blockIdx.x * blockDim.x + threadIdx.x, step = gridDim.x * blockDim.x;
  const uint32_t packs = ((args.x | args.y | (Two ? args.dy : 0)) & 15) == 0 ? count / V : 0;
  const bool whole = args.inner % V == 0;
  const auto channel_of = [&](uint32_t e) {
    const uint32_t plane = divide(e, args.inner_by);
    return plane - divide(plane, args.c_by) * args.c;
  };
  for (uint32_t i = first; i < packs; i += step) {
    Pack<S, V> p = ((const Pack<S, V> *)x)[i], q;
    if constexpr (Two) q = ((const Pack<S, V> *)dy)[i];
    uint32_t channel = channel_of(i * V);
#pragma unroll
    for (uint32_t v = 0; v < V; ++v) {
      if (!whole && v > 0) channel = channel_of(i * V + v);
      p.element[v] = Element<S>::store(f(load_as(p.element + v), Two ? load_as(q.element + v) : Compute<S>(0), channel));
    }
    ((Pack<S, V> *)y)[i] = p;
  }
  for (uint32_t e = packs * V + first; e < count; e += step) y[e] = Element<S>::store(f(load_as(x + e), Two ? load_as(dy + e) : Compute<S>(0), channel_of(e)));
}
template <class S> ST_DEVICE void batch_apply(const st_batchnorm_args &args) {
  typedef Compute<S> C;
  const C *mean = pointer<const C>(args.mean), *rstd = pointer<const C>(args.rstd);
  const S *weight = pointer<const S>(args.weight), *bias = pointer<const S>(args.bias);
  batch_each<S, false>(args, [&](C x, C, uint32_t channel) {
    const C scale = weight ? rstd[channel] * load_as(weight + channel) : rstd[channel];
    return (x - mean[channel]) * scale + (bias ? load_as(bias + channel) : C(0));
  });
}
template <class S> ST_DEVICE void batch_backward(const st_batchnorm_args &args) {
  typedef Compute<S> C;
  const C *mean = pointer<const C>(args.mean), *scale = pointer<const C>(args.constants), *shift = scale + args.c, *slope = shift + args.c;
  batch_each<S, true>(args, [&](C x, C dy, uint32_t channel) { return (dy - shift[channel]) * scale[channel] + (x - mean[channel]) * slope[channel]; });
}
#define ST_BATCHNORM_KERNELS(type) \
  ST_KERNEL(batchNormStatistics_##type, st_batchnorm_args, ST_KERNEL_BLOCK) { batch_statistics<dtype_##type>(args); } \
  ST_KERNEL(batchNormMoments_##type, st_batchnorm_args, ST_KERNEL_BLOCK) { batch_moments<dtype_##type>(args); } \
  ST_KERNEL(batchNormSums_##type, st_batchnorm_args, ST_KERNEL_BLOCK) { batch_sums<dtype_##type>(args); } \
  ST_KERNEL(batchNormConstants_##type, st_batchnorm_args, ST_KERNEL_BLOCK) { batch_constants<dtype_##type>(args); } \
  ST_KERNEL(batchNormApply_##type, st_batchnorm_args, ST_KERNEL_BLOCK) { batch_apply<dtype_##type>(args); } \
  ST_KERNEL(batchNormBackward_##type, st_batchnorm_args, ST_KERNEL_BLOCK) { batch_backward<dtype_##type>(args); }
#define ST_BATCHNORM_KERNELS_OF(type) ST_BATCHNORM_KERNELS(type)
#endif
#ifdef ST_TYPE
ST_BATCHNORM_KERNELS_OF(ST_TYPE)
#endif
