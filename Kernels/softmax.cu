// Softmax of rows and cross-entropy, with their gradients, a block a row: softmax_TYPE, logSoftmax_TYPE, softmaxBackward_TYPE, logSoftmaxBackward_TYPE, crossEntropy_TYPE,
// crossEntropyBackward_TYPE, for ST_TYPE.
#include "block.cuh"
#include "fault.cuh"

#ifndef ST_SOFTMAX_KERNELS
/// The greatest element of a row and the sum of e^(x - greatest).
template <class C> struct Scale { C greatest, total; };
template <class S> ST_DEVICE Scale<Compute<S>> scale_of(const HeldRow<S> &x) {
  typedef Compute<S> C;
  C greatest = -Limits<C>::inf(), total = C(0);
  x.each([&](uint32_t, C v) { greatest = Greater()(greatest, v); });
  greatest = block_reduce(greatest, Greater());
  x.each([&](uint32_t, C v) { total += m_exp_negative(v - greatest); });
  return {greatest, block_reduce(total, Add())};
}
template <class S, bool Logarithm> ST_DEVICE void softmax_rows(const st_rows_args &args) {
  typedef Compute<S> C;
  for (uint32_t r = blockIdx.x; r < args.rows; r += gridDim.x) {
    const uint64_t at = (uint64_t)r * args.columns;
    S *y = pointer<S>(args.address[0]) + at;
    const HeldRow<S> x(pointer<const S>(args.address[1]) + at, args.columns);
    const Scale<C> scale = scale_of(x);
    const C inverse = C(1) / scale.total, shift = Logarithm ? m_log(scale.total) : C(0);
    x.each([&](uint32_t i, C v) { y[i] = Element<S>::store(Logarithm ? v - scale.greatest - shift : m_exp_negative(v - scale.greatest) * inverse); });
  }
}
template <class S, bool Logarithm> ST_DEVICE void softmax_backward_rows(const st_rows_args &args) {
  typedef Compute<S> C;
  for (uint32_t r = blockIdx.x; r < args.rows; r += gridDim.x) {
    const uint64_t at = (uint64_t)r * args.columns;
    S *dx = pointer<S>(args.address[0]) + at;
    const S *y = pointer<const S>(args.address[2]) + at;
    const HeldRow<S> dy(pointer<const S>(args.address[1]) + at, args.columns);
    C total = C(0);
    dy.each([&](uint32_t i, C g) { total += Logarithm ? g : g * load_as(y + i); });
    total = block_reduce(total, Add());
    dy.each([&](uint32_t i, C g) {
      const C v = load_as(y + i);
      dx[i] = Element<S>::store(Logarithm ? g - m_exp(v) * total : v * (g - total));
    });
  }
}
/// loss, x, target (int64), logarithm of the sum of e^x, fault (the least row whose target is no class).
template <class S> ST_DEVICE void cross_entropy_rows(const st_rows_args &args) {
  typedef Compute<S> C;
  for (uint32_t r = blockIdx.x; r < args.rows; r += gridDim.x) {
    const S *row = pointer<const S>(args.address[1]) + (uint64_t)r * args.columns;
    const Scale<C> scale = scale_of(HeldRow<S>(row, args.columns));
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
  for (uint32_t r = blockIdx.x; r < args.rows; r += gridDim.x) {
    const uint64_t at = (uint64_t)r * args.columns;
    S *dx = pointer<S>(args.address[0]) + at;
    const S *x = pointer<const S>(args.address[1]) + at;
    const int64_t target = pointer<const int64_t>(args.address[2])[r];
    const C lse = load_as(pointer<const S>(args.address[3]) + r), scale = target == args.ignore_index ? C(0) : load_as(pointer<const S>(args.address[4]) + r);
    for (uint32_t i = threadIdx.x; i < args.columns; i += blockDim.x) {
      const C p = m_exp(load_as(x + i) - lse) - (i == target ? C(1) : C(0));
      dx[i] = Element<S>::store(target == args.ignore_index ? C(0) : scale * p);
    }
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
