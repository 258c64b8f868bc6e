// Layer norm of rows (RMS norm where there is no place for the mean) with its gradients: layerNorm_TYPE and layerNormBackward_TYPE, threads (x, y) for
// y rows, and layerNormBackwardWeights_TYPE, 32 columns and a part of the rows a block, with layerNormBackwardWeightsFinish_TYPE, which joins the parts, for ST_TYPE.
#include "block.cuh"

#ifndef ST_LAYERNORM_KERNELS
/// Statistics are kept in the computing type.
template <class S> ST_DEVICE void layer_norm_rows(const st_rows_args &args) {
  typedef Compute<S> C;
  typedef HeldRow<S> Row;
  const S *weight = pointer<const S>(args.address[2]), *bias = pointer<const S>(args.address[3]);
  C *means = pointer<C>(args.address[4]), *rstds = pointer<C>(args.address[5]);
  const C n = (C)args.columns;
  const bool packed = rows_are_packed<S>(args.columns, args.address[0], args.address[1], args.address[2], args.address[3]);
  for (uint32_t r = first_row(); r < args.rows; r += row_step()) {
    const uint64_t at = (uint64_t)r * args.columns;
    Row x(pointer<const S>(args.address[1]) + at, args.columns, packed);
    C mean = C(0), spread = C(0);
    if (means) {
      x.each([&](C v) { mean += v; });
      mean = block_reduce(mean, Add()) / n;
    }
    x.each([&](C v) { spread += (v - mean) * (v - mean); });
    const C rstd = C(1) / m_sqrt(block_reduce(spread, Add()) / n + (C)args.eps);
    x.each_pack([&](uint32_t first, const C (&v)[Row::kPack]) {
      C y[Row::kPack], other[Row::kPack];
#pragma unroll
      for (uint32_t i = 0; i < Row::kPack; ++i) y[i] = (v[i] - mean) * rstd;
      if (weight) {
        x.load(other, weight, first);
#pragma unroll
        for (uint32_t i = 0; i < Row::kPack; ++i) y[i] = y[i] * other[i];
      }
      if (bias) {
        x.load(other, bias, first);
#pragma unroll
        for (uint32_t i = 0; i < Row::kPack; ++i) y[i] = y[i] + other[i];
      }
      x.store(pointer<S>(args.address[0]) + at, first, y);
    });
    if (threadIdx.x == 0) {
      if (means) means[r] = mean;
      rstds[r] = rstd;
    }
  }
}
template <class S> ST_DEVICE void layer_norm_backward_rows(const st_rows_args &args) {
  typedef Compute<S> C;
  typedef HeldRow<S> Row;
  const S *weight = pointer<const S>(args.address[3]);
  const C *means = pointer<const C>(args.address[4]), *rstds = pointer<const C>(args.address[5]);
  const C n = (C)args.columns;
  const bool packed = rows_are_packed<S>(args.columns, args.address[0], args.address[1], args.address[2], args.address[3]);
  for (uint32_t r = first_row(); r < args.rows; r += row_step()) {
    const uint64_t at = (uint64_t)r * args.columns;
    const S *dy = pointer<const S>(args.address[1]) + at;
    Row x(pointer<const S>(args.address[2]) + at, args.columns, packed);
    const C mean = means ? means[r] : C(0), rstd = rstds[r];
    // The gradient of the normalised elements; 0 past the end.
    const auto gradient = [&](C (&g)[Row::kPack], uint32_t first) {
      x.load(g, dy, first);
      if (!weight) return;
      C w[Row::kPack];
      x.load(w, weight, first);
#pragma unroll
      for (uint32_t i = 0; i < Row::kPack; ++i) g[i] = g[i] * w[i];
    };
    C first_sum = C(0), second_sum = C(0);
    x.each_pack([&](uint32_t first, const C (&v)[Row::kPack]) {
      C g[Row::kPack];
      gradient(g, first);
#pragma unroll
      for (uint32_t i = 0; i < Row::kPack; ++i) {
        first_sum += g[i];
        second_sum += g[i] * ((v[i] - mean) * rstd);
      }
    });
    const C one = means ? block_reduce(first_sum, Add()) / n : C(0), two = block_reduce(second_sum, Add()) / n;
    x.each_pack([&](uint32_t first, const C (&v)[Row::kPack]) {
      C g[Row::kPack];
      gradient(g, first);
#pragma unroll
      for (uint32_t i = 0; i < Row::kPack; ++i) g[i] = rstd * (g[i] - one - (v[i] - mean) * rstd * two);
      x.store(pointer<S>(args.address[0]) + at, first, g);
    });
  }
}
/// Columns of dy * normalised x and of dy, 32 of them a block, one part of the rows (blockIdx.y of `splits`) in a fixed order, to parts [splits, 2, columns] of float64.
template <class S> ST_DEVICE void layer_norm_weights(const st_rows_args &args) {
  typedef Compute<S> C;
  ST_SHARED(double, parts, 2 * 256);
  const S *dy = pointer<const S>(args.address[2]), *x = pointer<const S>(args.address[3]);
  const C *means = pointer<const C>(args.address[4]), *rstds = pointer<const C>(args.address[5]);
  const uint32_t column = blockIdx.x * 32 + threadIdx.x, place = threadIdx.y * 32 + threadIdx.x, each = (args.rows + gridDim.y - 1) / gridDim.y;
  const uint32_t begin = blockIdx.y * each, end = args.rows - begin < each ? args.rows : begin + each;
  double weight = 0.0, bias = 0.0;
  if (column < args.columns)
#pragma unroll 4
    for (uint32_t r = begin + threadIdx.y; r < end; r += 8) {
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
  double *out = pointer<double>(args.address[6]) + (uint64_t)blockIdx.y * 2 * args.columns + column;
  out[0] = weight;
  out[args.columns] = bias;
}
/// Sums of the parts, a warp a column: dweight and dbias.
template <class S> ST_DEVICE void layer_norm_weights_finish(const st_rows_args &args) {
  typedef Compute<S> C;
  const double *parts = pointer<const double>(args.address[6]);
  for (uint32_t i = first_row(); i < 2 * args.columns; i += row_step()) {
    double sum = 0.0;
    for (uint32_t s = threadIdx.x; s < args.splits; s += 32) sum += parts[(uint64_t)s * 2 * args.columns + i];
    sum = warp_reduce(sum, Add());
    S *to = pointer<S>(args.address[i < args.columns ? 0 : 1]);
    if (threadIdx.x == 0 && to) to[i < args.columns ? i : i - args.columns] = Element<S>::store((C)sum);
  }
}
#define ST_LAYERNORM_KERNELS(type) \
  ST_KERNEL(layerNorm_##type, st_rows_args, 1024) { layer_norm_rows<dtype_##type>(args); } \
  ST_KERNEL(layerNormBackward_##type, st_rows_args, 1024) { layer_norm_backward_rows<dtype_##type>(args); } \
  ST_KERNEL(layerNormBackwardWeights_##type, st_rows_args, 256) { layer_norm_weights<dtype_##type>(args); } \
  ST_KERNEL(layerNormBackwardWeightsFinish_##type, st_rows_args, 256) { layer_norm_weights_finish<dtype_##type>(args); }
#define ST_LAYERNORM_KERNELS_OF(type) ST_LAYERNORM_KERNELS(type)
#endif
#ifdef ST_TYPE
ST_LAYERNORM_KERNELS_OF(ST_TYPE)
#endif
