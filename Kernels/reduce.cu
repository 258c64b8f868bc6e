// Reductions: reduce_OP_TYPE_inner, reduce_OP_TYPE_outer and reduce_OP_TYPE_finish, for ST_OP and ST_TYPE.
// inner: threads (x, y), x a power of two, x y <= 256: x threads an output, y outputs a block; they walk neighbouring elements of an output together.
// outer: threads (32, 8): 32 neighbouring outputs, each reduced by 8 threads. finish: threads (32, 8), a warp
// an output, join the parts of a split reduction.
#include "reduce.cuh"

#ifndef ST_REDUCE_KERNELS
ST_DEVICE int64_t reduced_offset(const st_reduce_args &args, uint32_t i) {
  if (args.reduced_rank <= 1) return (int64_t)i * (args.reduced_rank ? args.reduced_stride[0] : 0);
  int64_t offset;
  offsets_of<1>(i, args.reduced_rank, args.reduced_size, &args.reduced_stride, &offset);
  return offset;
}
ST_DEVICE int64_t kept_offset(const st_reduce_args &args, const int64_t (&stride)[ST_KERNEL_DIMS], uint32_t o) {
  if (args.kept_rank == 0) return 0;
  int64_t offset;
  offsets_of<1>(o, args.kept_rank, args.kept_size, &stride, &offset);
  return offset;
}
/// Folds elements begin, begin + step, ... of the output whose elements start at `base`.
template <class Op, class S> ST_DEVICE void fold(typename Op::State &state, const char *base, uint32_t begin, uint32_t end, uint32_t step, const st_reduce_args &args) {
  uint32_t i = begin;
  // Four loads are under way before the first is needed.
  for (; i < end && end - i > 3 * step; i += 4 * step) {
    Compute<S> x[4];
#pragma unroll
    for (int k = 0; k < 4; ++k) x[k] = load_as((const S *)(base + reduced_offset(args, i + k * step)));
#pragma unroll
    for (int k = 0; k < 4; ++k) Op::add(state, x[k], i + k * step, args.params);
  }
  for (; i < end; i += step) Op::add(state, load_as((const S *)(base + reduced_offset(args, i))), i, args.params);
}
/// The same for contiguous elements: packs of 16 bytes, then the rest.
template <class Op, class S> ST_DEVICE void fold_contiguous(typename Op::State &state, const char *base, uint32_t begin, uint32_t end, uint32_t thread, uint32_t step, const st_reduce_args &args) {
  constexpr int V = 16 / sizeof(S);
  const S *p = (const S *)base;
  const Pack<S, V> *pack = (const Pack<S, V> *)(p + begin);
  const uint32_t packs = (end - begin) / V;
  const auto add = [&](const Pack<S, V> &x, uint32_t k) {
#pragma unroll
    for (int v = 0; v < V; ++v) Op::add(state, load_as(x.element + v), begin + k * V + v, args.params);
  };
  uint32_t k = thread;
  for (; k < packs && packs - k > 3 * step; k += 4 * step) {
    const Pack<S, V> x[4] = {pack[k], pack[k + step], pack[k + 2 * step], pack[k + 3 * step]};
#pragma unroll
    for (int j = 0; j < 4; ++j) add(x[j], k + j * step);
  }
  for (; k < packs; k += step) add(pack[k], k);
  for (uint32_t i = begin + packs * V + thread; i < end; i += step) Op::add(state, load_as(p + i), i, args.params);
}
template <class Op> ST_DEVICE void deliver(const st_reduce_args &args, uint32_t output, uint32_t split, const typename Op::State &state) {
  if (args.splits > 1) *pointer<typename Op::State>(args.workspace + ((uint64_t)output * args.splits + split) * ST_REDUCE_STATE_BYTES) = state;
  else *(typename Op::Result *)(pointer<char>(args.out) + kept_offset(args, args.kept_out_stride, output)) = Op::finish(state, args.reduced, args.params);
}
struct Range { uint32_t begin, end; };
ST_DEVICE Range range_of(const st_reduce_args &args, uint32_t split) {
  const uint32_t part = (args.reduced + args.splits - 1) / args.splits, begin = split * part;
  const uint32_t end = begin + part < args.reduced ? begin + part : args.reduced;
  return {begin, begin < end ? end : begin};
}

template <class Op, class S> ST_DEVICE void reduce_inner(const st_reduce_args &args) {
  typedef typename Op::State State;
  static_assert(sizeof(State) <= ST_REDUCE_STATE_BYTES);
  ST_SHARED(State, parts, ST_KERNEL_BLOCK);
  const uint32_t output = blockIdx.x * blockDim.y + threadIdx.y, width = blockDim.x, place = threadIdx.y * width + threadIdx.x;
  State state = Op::start(args.params);
  if (output < args.outputs) {
    const Range range = range_of(args, blockIdx.y);
    const char *base = pointer<const char>(args.in) + kept_offset(args, args.kept_in_stride, output);
    const bool packed = args.reduced_rank == 1 && args.reduced_stride[0] == (int64_t)sizeof(S) && ((st_address)(base + range.begin * sizeof(S)) & 15) == 0;
    if (packed) fold_contiguous<Op, S>(state, base, range.begin, range.end, threadIdx.x, width, args);
    else fold<Op, S>(state, base, range.begin + threadIdx.x, range.end, width, args);
  }
  parts[place] = state;
  for (uint32_t half_width = width / 2; half_width > 0; half_width /= 2) {
    __syncthreads();
    if (threadIdx.x < half_width) Op::merge(parts[place], parts[place + half_width], args.params);
  }
  if (threadIdx.x == 0 && output < args.outputs) deliver<Op>(args, output, blockIdx.y, parts[place]);
}
template <class Op, class S> ST_DEVICE void reduce_outer(const st_reduce_args &args) {
  typedef typename Op::State State;
  ST_SHARED(State, parts, ST_KERNEL_BLOCK);
  const uint32_t output = blockIdx.x * 32 + threadIdx.x, place = threadIdx.y * 32 + threadIdx.x;
  State state = Op::start(args.params);
  if (output < args.outputs) {
    const Range range = range_of(args, blockIdx.y);
    fold<Op, S>(state, pointer<const char>(args.in) + kept_offset(args, args.kept_in_stride, output), range.begin + threadIdx.y, range.end, 8, args);
  }
  parts[place] = state;
  for (uint32_t rows = 4; rows > 0; rows /= 2) {
    __syncthreads();
    if (threadIdx.y < rows) Op::merge(parts[place], parts[place + rows * 32], args.params);
  }
  if (threadIdx.y == 0 && output < args.outputs) deliver<Op>(args, output, blockIdx.y, parts[place]);
}
template <class Op> ST_DEVICE void reduce_finish(const st_reduce_args &args) {
  typedef typename Op::State State;
  ST_SHARED(State, parts, ST_KERNEL_BLOCK);
  const uint32_t output = blockIdx.x * blockDim.y + threadIdx.y, place = threadIdx.y * 32 + threadIdx.x;
  State state = Op::start(args.params);
  if (output < args.outputs)
    for (uint32_t s = threadIdx.x; s < args.splits; s += 32)
      Op::merge(state, *pointer<const State>(args.workspace + ((uint64_t)output * args.splits + s) * ST_REDUCE_STATE_BYTES), args.params);
  parts[place] = state;
  for (uint32_t lanes = 16; lanes > 0; lanes /= 2) {
    __syncwarp();
    if (threadIdx.x < lanes) Op::merge(parts[place], parts[place + lanes], args.params);
  }
  if (threadIdx.x == 0 && output < args.outputs)
    *(typename Op::Result *)(pointer<char>(args.out) + kept_offset(args, args.kept_out_stride, output)) = Op::finish(parts[place], args.reduced, args.params);
}
#define ST_REDUCE_KERNELS(op, type) \
  ST_KERNEL(reduce_##op##_##type##_inner, st_reduce_args, ST_KERNEL_BLOCK) { reduce_inner<reduction::op<dtype_##type>, dtype_##type>(args); } \
  ST_KERNEL(reduce_##op##_##type##_outer, st_reduce_args, ST_KERNEL_BLOCK) { reduce_outer<reduction::op<dtype_##type>, dtype_##type>(args); } \
  ST_KERNEL(reduce_##op##_##type##_finish, st_reduce_args, ST_KERNEL_BLOCK) { reduce_finish<reduction::op<dtype_##type>>(args); }
#define ST_REDUCE_KERNELS_OF(op, type) ST_REDUCE_KERNELS(op, type)
#endif
#ifdef ST_OP
ST_REDUCE_KERNELS_OF(ST_OP, ST_TYPE)
#endif
