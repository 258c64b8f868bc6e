// Layer norm of rows (RMS norm where there is no place for the mean) with its gradients: layerNorm_TYPE and layerNormBackward_TYPE, a block a row, and
// layerNormBackwardWeights_TYPE, 32 columns a block, for ST_TYPE.
#include "block.cuh"

#ifndef ST_LAYERNORM_KERNELS
/// Statistics are kept in the computing type.
template <class S> ST_DEVICE void layer_norm_rows(const st_rows_args &args) {
  typedef Compute<S> C;
  const S *weight = pointer<const S>(args.address[2]), *bias = pointer<const S>(args.address[3]);
  C *means = pointer<C>(args.address[4]), *rstds = pointer<C>(args.address[5]);
  const C n = (C)args.columns;
  for (uint32_t r = blockIdx.x; r < args.rows; r += gridDim.x) {
    const uint64_t at = (uint64_t)r * args.columns;
    S *y = pointer<S>(args.address[0]) + at;
    const HeldRow<S> x(pointer<const S>(args.address[1]) + at, args.columns);
    C mean = C(0), spread = C(0);
    if (means) {
      x.each([&](uint32_t, C v) { mean += v; });
      mean = block_reduce(mean, Add()) / n;
    }
    x.each([&](uint32_t, C v) { spread += (v - mean) * (v - mean); });
    const C rstd = C(1) / m_sqrt(block_reduce(spread, Add()) / n + (C)args.eps);
    x.each([&](uint32_t i, C v) {
      C z = (v - mean) * rstd;
      if (weight) z = z * load_as(weight + i);
      if (bias) z = z + load_as(bias + i);
      y[i] = Element<S>::store(z);
    });
    if (threadIdx.x == 0) {
      if (means) means[r] = mean;
      rstds[r] = rstd;
    }
  }
}
template <class S> ST_DEVICE void layer_norm_backward_rows(const st_rows_args &args) {
  typedef Compute<S> C;
  const S *weight = pointer<const S>(args.address[3]);
  const C *means = pointer<const C>(args.address[4]), *rstds = pointer<const C>(args.address[5]);
  const C n = (C)args.columns;
  for (uint32_t r = blockIdx.x; r < args.rows; r += gridDim.x) {
    const uint64_t at = (uint64_t)r * args.columns;
    S *dx = pointer<S>(args.address[0]) + at;
    const S *dy = pointer<const S>(args.address[1]) + at;
    const HeldRow<S> x(pointer<const S>(args.address[2]) + at, args.columns);
    const C mean = means ? means[r] : C(0), rstd = rstds[r];
    C first = C(0), second = C(0);
    x.each([&](uint32_t i, C v) {
      C g = load_as(dy + i);
      if (weight) g = g * load_as(weight + i);
      first += g;
      second += g * ((v - mean) * rstd);
    });
    first = means ? block_reduce(first, Add()) / n : C(0);
    second = block_reduce(second, Add()) / n;
    x.each([&](uint32_t i, C v) {
      C g = load_as(dy + i);
      if (weight) g = g * load_as(weight + i);
      dx[i] = Element<S>::store(rstd * (g - first - (v - mean) * rstd * second));
    });
  }
}
/// Columns of dy * normalised x and of dy, rows in a fixed order.
template <class S> ST_DEVICE void layer_norm_weights(const st_rows_args &args) {
  typedef Compute<S> C;
  ST_SHARED(double, parts, 2 * 256);
  S *dweight = pointer<S>(args.address[0]), *dbias = pointer<S>(args.address[1]);
  const S *dy = pointer<const S>(args.address[2]), *x = pointer<const S>(args.address[3]);
  const C *means = pointer<const C>(args.address[4]), *rstds = pointer<const C>(args.address[5]);
  const uint32_t column = blockIdx.x * 32 + threadIdx.x, place = threadIdx.y * 32 + threadIdx.x;
  double weight = 0.0, bias = 0.0;
  if (column < args.columns)
    for (uint32_t r = threadIdx.y; r < args.rows; r += 8) {
      const uint64_t at = (uint64_t)r * args.columns + column;
      const C g = load_as(dy + at), mean = means ? means[r] : C(0);
      weight += g * ((load_as(x + at) - mean) * rstds[r]);
      bias += g;
    }
  parts[place] = weight;
  parts[256 + place] = bias;
  __syncthreads();
  if (threadIdx.y != 0 || column >= args.columns) return;
  for (uint32_t k = 1; k < 8; ++k) {
    weight += parts[k * 32 + threadIdx.x];
    bias += parts[256 + k * 32 + threadIdx.x];
  }
  if (dweight) dweight[column] = Element<S>::store((C)weight);
  if (dbias) dbias[column] = Element<S>::store((C)bias);
}
#define ST_LAYERNORM_KERNELS(type) \
  ST_KERNEL(layerNorm_##type, st_rows_args, 1024) { layer_norm_rows<dtype_##type>(args); } \
  ST_KERNEL(layerNormBackward_##type, st_rows_args, 1024) { layer_norm_backward_rows<dtype_##type>(args); } \
  ST_KERNEL(layerNormBackwardWeights_##type, st_rows_args, 256) { layer_norm_weights<dtype_##type>(args); }
#define ST_LAYERNORM_KERNELS_OF(type) ST_LAYERNORM_KERNELS(type)
#endif
#ifdef ST_TYPE
ST_LAYERNORM_KERNELS_OF(ST_TYPE)
#endif
