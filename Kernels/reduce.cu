// Reductions: reduce_OP_TYPE_inner, reduce_OP_TYPE_outer and reduce_OP_TYPE_finish, for ST_OP and ST_TYPE.
// inner: threads (x, y), x a power of two, x y <= 256: x threads an output, y outputs a block; they walk neighbouring elements of an output together.
// outer: threads (32, 8): 32 neighbouring outputs, each reduced by 8 threads. finish: threads (32, 8), a warp
// an output, join the parts of a split reduction.
#include "reduce.cuh"

#ifndef ST_REDUCE_KERNELS
ST_DEVICE int64_t kept_offset(const st_reduce_args &args, const int64_t (&stride)[ST_KERNEL_DIMS], uint32_t o) {
  if (args.kept_rank == 0) return 0;
  int64_t offset;
  offsets_of<1>(o, args.kept_rank, args.kept_size, &stride, &offset);
  return offset;
}
/// Folds elements begin, begin + step, ... that stand at `offset` from `base`; N loads are under way before the first is needed.
template <class Op, class S, int N, class Offset> ST_DEVICE void fold_at(typename Op::State &state, const char *base, uint32_t begin, uint32_t end, uint32_t step, const st_params &params, const Offset &offset) {
  uint32_t i = begin;
  for (; i < end && end - i > (N - 1) * step; i += N * step) {
    Compute<S> x[N];
#pragma unroll
    for (int k = 0; k < N; ++k) x[k] = load_as((const S *)(base + offset(i + k * step)));
#pragma unroll
    for (int k = 0; k < N; ++k) Op::add(state, x[k], i + k * step, params);
  }
  for (; i < end; i += step) Op::add(state, load_as((const S *)(base + offset(i))), i, params);
}
/// The same for the output whose elements start at `base`.
template <class Op, class S, int N> ST_DEVICE void fold(typename Op::State &state, const char *base, uint32_t begin, uint32_t end, uint32_t step, const st_reduce_args &args) {
  if (args.reduced_rank <= 1) {
    const int64_t stride = args.reduced_rank ? args.reduced_stride[0] : 0;
    return fold_at<Op, S, N>(state, base, begin, end, step, args.params, [&](uint32_t i) { return i * stride; });
  }
  fold_at<Op, S, 4>(state, base, begin, end, step, args.params, [&](uint32_t i) {
    int64_t offset = 0;
    // Not unrolled, unlike offsets_of: for all loads that would be half of the kernel.
#pragma unroll 1
    for (uint32_t d = 0; d + 1 < args.reduced_rank; ++d) {
      const uint32_t quotient = divide(i, args.reduced_size[d]);
      offset += (i - quotient * args.reduced_size[d].divisor) * args.reduced_stride[d];
      i = quotient;
    }
    return offset + i * args.reduced_stride[args.reduced_rank - 1];
  });
}
/// Operators whose steps wait long for each other: packs that are under way together go to states of their own.
template <class Op> concept IsChain = requires { requires Op::kIsChain; };
/// The same for contiguous elements: packs of 16 bytes, then the rest.
template <class Op, class S> ST_DEVICE void fold_contiguous(typename Op::State &state, const char *base, uint32_t begin, uint32_t end, uint32_t thread, uint32_t step, const st_reduce_args &args) {
  constexpr int V = 16 / sizeof(S), kStates = IsChain<Op> ? 4 : 1;
  const S *p = (const S *)base;
  const Pack<S, V> *pack = (const Pack<S, V> *)(p + begin);
  const uint32_t packs = (end - begin) / V;
  typename Op::State states[kStates];
#pragma unroll
  for (typename Op::State &s : states) s = state;
  const auto add = [&](typename Op::State &s, const Pack<S, V> &x, uint32_t k) {
#pragma unroll
    for (int v = 0; v < V; ++v) Op::add(s, load_as(x.element + v), begin + k * V + v, args.params);
  };
  uint32_t k = thread;
  for (; k < packs && packs - k > 3 * step; k += 4 * step) {
    const Pack<S, V> x[4] = {pack[k], pack[k + step], pack[k + 2 * step], pack[k + 3 * step]};
#pragma unroll
    for (int j = 0; j < 4; ++j) add(states[j % kStates], x[j], k + j * step);
  }
  for (; k < packs; k += step) add(states[0], pack[k], k);
  for (uint32_t i = begin + packs * V + thread; i < end; i += step) Op::add(states[0], load_as(p + i), i, args.params);
  state = states[0];
#pragma unroll
  for (int j = 1; j < kStates; ++j) Op::merge(state, states[j], args.params);
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
    else fold<Op, S, 4>(state, base, range.begin + threadIdx.x, range.end, width, args);
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
    fold<Op, S, 8>(state, pointer<const char>(args.in) + kept_offset(args, args.kept_in_stride, output), range.begin + threadIdx.y, range.end, 8, args);
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
