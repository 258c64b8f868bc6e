// Softmax of rows and cross-entropy, with their gradients, threads (x, y) for y rows: softmax_TYPE, logSoftmax_TYPE, softmaxBackward_TYPE, logSoftmaxBackward_TYPE, crossEntropy_TYPE,
// crossEntropyBackward_TYPE, for ST_TYPE.
#include "block.cuh"
#include "fault.cuh"

#ifndef ST_SOFTMAX_KERNELS
/// The greatest element of a row and the sum of e^(x - greatest).
template <class C> struct Scale { C greatest, total; };
template <class S> ST_DEVICE Scale<Compute<S>> scale_of(HeldRow<S> &x) {
  typedef Compute<S> C;
  C greatest = -Limits<C>::inf(), total = C(0);
  // NaN gets into the total anyway.
  x.each([&](C v) { greatest = Max()(greatest, v); });
  greatest = block_reduce(greatest, Max());
  x.each([&](C v) { total += m_exp_negative(v - greatest); });
  return {greatest, block_reduce(total, Add())};
}
template <class S, bool Logarithm> ST_DEVICE void softmax_rows(const st_rows_args &args) {
  typedef Compute<S> C;
  const bool packed = rows_are_packed<S>(args.columns, args.address[0], args.address[1]);
  for (uint32_t r = first_row(); r < args.rows; r += row_step()) {
    const uint64_t at = (uint64_t)r * args.columns;
    HeldRow<S> x(pointer<const S>(args.address[1]) + at, args.columns, packed);
    const Scale<C> scale = scale_of(x);
    const C inverse = C(1) / scale.total, shift = Logarithm ? m_log(scale.total) : C(0);
    x.write(pointer<S>(args.address[0]) + at, [&](C v) { return Logarithm ? v - scale.greatest - shift : m_exp_negative(v - scale.greatest) * inverse; });
  }
}
template <class S, bool Logarithm> ST_DEVICE void softmax_backward_rows(const st_rows_args &args) {
  typedef Compute<S> C;
  typedef HeldRow<S> Row;
  const bool packed = rows_are_packed<S>(args.columns, args.address[0], args.address[1], args.address[2]);
  for (uint32_t r = first_row(); r < args.rows; r += row_step()) {
    const uint64_t at = (uint64_t)r * args.columns;
    S *dx = pointer<S>(args.address[0]) + at;
    const S *y = pointer<const S>(args.address[2]) + at;
    Row dy(pointer<const S>(args.address[1]) + at, args.columns, packed);
    C total = C(0);
    if constexpr (Logarithm) dy.each([&](C g) { total += g; });
    else
      dy.each_pack([&](uint32_t first, const C (&g)[Row::kPack]) {
        C v[Row::kPack];
        dy.load(v, y, first);
        // Past the end both are zeros.
#pragma unroll
        for (uint32_t i = 0; i < Row::kPack; ++i) total += g[i] * v[i];
      });
    total = block_reduce(total, Add());
    dy.each_pack([&](uint32_t first, const C (&g)[Row::kPack]) {
      C v[Row::kPack];
      dy.load(v, y, first);
#pragma unroll
      for (uint32_t i = 0; i < Row::kPack; ++i) v[i] = Logarithm ? g[i] - m_exp(v[i]) * total : v[i] * (g[i] - total);
      dy.store(dx, first, v);
    });
  }
}
/// loss, x, target (int64), logarithm of the sum of e^x, fault (the least row whose target is no class).
template <class S> ST_DEVICE void cross_entropy_rows(const st_rows_args &args) {
  typedef Compute<S> C;
  const bool packed = rows_are_packed<S>(args.columns, args.address[1]);
  for (uint32_t r = first_row(); r < args.rows; r += row_step()) {
    const S *row = pointer<const S>(args.address[1]) + (uint64_t)r * args.columns;
    HeldRow<S> x(row, args.columns, packed);
    const Scale<C> scale = scale_of(x);
    if (threadIdx.x != 0) continue;
    const C lse = scale.greatest + m_log(scale.total);
    const int64_t target = pointer<const int64_t>(args.address[2])[r];
    const bool ignored = target == args.ignore_index, good = target >= 0 && target < (int64_t)args.columns;
    if (!ignored && !good) record_fault(args.address[4], r, target);
    pointer<S>(args.address[0])[r] = Element<S>::store(ignored || !good ? C(0) : lse - load_as(row + target));
    pointer<S>(args.address[3])[r] = Element<S>::store(lse);
  }
}
/// dx, x, target, lse, scale of each row.
template <class S> ST_DEVICE void cross_entropy_backward_rows(const st_rows_args &args) {
  typedef Compute<S> C;
  typedef HeldRow<S> Row;
  const bool packed = rows_are_packed<S>(args.columns, args.address[0], args.address[1]);
  for (uint32_t r = first_row(); r < args.rows; r += row_step()) {
    const uint64_t at = (uint64_t)r * args.columns;
    const int64_t target = pointer<const int64_t>(args.address[2])[r];
    const bool ignored = target == args.ignore_index;
    const C lse = load_as(pointer<const S>(args.address[3]) + r), scale = ignored ? C(0) : load_as(pointer<const S>(args.address[4]) + r);
    Row x(pointer<const S>(args.address[1]) + at, args.columns, packed);
    x.each_pack([&](uint32_t first, const C (&v)[Row::kPack]) {
      C d[Row::kPack];
#pragma unroll
      for (uint32_t i = 0; i < Row::kPack; ++i) {
        const C p = m_exp(v[i] - lse) - (first + i == target ? C(1) : C(0));
        d[i] = ignored ? C(0) : scale * p;
      }
      x.store(pointer<S>(args.address[0]) + at, first, d);
    });
  }
}
#define ST_SOFTMAX_KERNELS(type) \
  ST_KERNEL(softmax_##type, st_rows_args, 1024) { softmax_rows<dtype_##type, false>(args); } \
  ST_KERNEL(logSoftmax_##type, st_rows_args, 1024) { softmax_rows<dtype_##type, true>(args); } \
  ST_KERNEL(softmaxBackward_##type, st_rows_args, 1024) { softmax_backward_rows<dtype_##type, false>(args); } \
  ST_KERNEL(logSoftmaxBackward_##type, st_rows_args, 1024) { softmax_backward_rows<dtype_##type, true>(args); } \
  ST_KERNEL(crossEntropy_##type, st_rows_args, 1024) { cross_entropy_rows<dtype_##type>(args); } \
  ST_KERNEL(crossEntropyBackward_##type, st_rows_args, 1024) { cross_entropy_backward_rows<dtype_##type>(args); }
#define ST_SOFTMAX_KERNELS_OF(type) ST_SOFTMAX_KERNELS(type)
#endif
#ifdef ST_TYPE
ST_SOFTMAX_KERNELS_OF(ST_TYPE)
#endif
