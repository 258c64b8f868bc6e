// Running sums, products, extremes and log-sum-exps: scan_OP_TYPE_row, a block a line or a piece of one, and scan_OP_TYPE_lines, some threads a line, for ST_OP (a case of StScanOp) and ST_TYPE.
//
// Note [Long lines]
// A line that is too long for one block goes in pieces. scan_OP_TYPE_totals joins the elements of each; the block that scans a piece first joins the totals before it, in their order. So the
// line is read twice and written once, by all blocks at once, and the bits follow from its length alone.
#include "reduce.cuh"

#ifndef ST_SCAN_KERNELS
// What a scan joins: the neutral state, the state of an element, two neighbouring states, and the element that a state stands for.
namespace running {
template <class S> struct sum {
  typedef Wide<Compute<S>> State;
  ST_FN State start() { return zero_of<State>(); }
  ST_FN State of(Compute<S> x, uint32_t) { return widened(x); }
  ST_FN State join(const State &a, const State &b) { return a + b; }
  ST_FN S value(const State &s) { return stored<S>(s); }
};
template <class S> struct prod : sum<S> {
  typedef Wide<Compute<S>> State;
  ST_FN State start() { return one_of<State>(); }
  ST_FN State join(const State &a, const State &b) { return a * b; }
};
/// The last of equal ones; NaN from where it first appears, at the place of the latest.
template <class S, bool Greatest> struct Extreme {
  typedef Compute<S> C;
  struct State { C best; uint32_t at; };
  ST_FN State start() { return {Greatest ? lowest_of<C>() : highest_of<C>(), 0}; }
  ST_FN State of(C x, uint32_t i) { return {x, i}; }
  ST_FN State join(const State &a, const State &b) { return b.best != b.best || (a.best == a.best && (Greatest ? b.best >= a.best : b.best <= a.best)) ? b : a; }
  ST_FN S value(const State &s) { return Element<S>::store(s.best); }
};
template <class S> struct max : Extreme<S, true> {};
template <class S> struct min : Extreme<S, false> {};
template <class S> struct logSumExp {
  typedef Compute<S> C;
  typedef C State;
  ST_FN C start() { return -Limits<C>::inf(); }
  ST_FN C of(C x, uint32_t) { return x; }
  ST_FN C join(C a, C b) {
    if (a != a || b != b) return Limits<C>::nan();
    return binary::logaddexp::f(a, b, st_params());
  }
  ST_FN S value(C s) { return Element<S>::store(s); }
};
/// Only extremes have a place.
template <class State> ST_DEVICE auto place_in(const State &s, int) -> decltype(s.at) { return s.at; }
template <class State> ST_DEVICE uint32_t place_in(const State &, long) { return 0; }
}  // namespace running

/// x of another lane, whatever its type.
template <class T> ST_DEVICE T from_lane(const T &x, uint32_t lane) {
  uint32_t words[(sizeof(T) + 3) / 4] = {};
  memcpy(words, &x, sizeof x);
#pragma unroll
  for (uint32_t &w : words) w = __shfl_sync(0xffffffffu, w, lane & 31);
  T y = x;
  memcpy(&y, words, sizeof y);
  return y;
}
template <class S, class Op> struct Line {
  typedef typename Op::State State;
  const st_scan_args &args;
  const char *in;
  char *out, *indices;
  ST_CALL Line(const st_scan_args &a, uint32_t line) : args(a) {
    int64_t offset[3];
    offsets_of<3>(line, args.rank, args.size, args.stride, offset);
    in = pointer<const char>(args.in) + offset[0];
    out = pointer<char>(args.out) + offset[1];
    indices = args.indices ? pointer<char>(args.indices) + offset[2] : nullptr;
  }
  ST_CALL State read(uint32_t i) const { return Op::of(load_as((const S *)(in + i * args.along[0])), i); }
  ST_CALL void write(uint32_t i, const State &s) const {
    *(S *)(out + i * args.along[1]) = Op::value(s);
    if (indices) *(int64_t *)(indices + i * args.along[2]) = running::place_in(s, 0);
  }
};
/// Threads (x, y): x neighbouring lines, of which each thread takes a few elements that follow each other; the threads of a line then join what they have.
template <class S, class Op> ST_DEVICE void scan_lines(const st_scan_args &args) {
  typedef typename Op::State State;
  constexpr uint32_t kFew = 8;
  ST_SHARED(State, parts, ST_SCAN_BLOCK);
  const uint32_t x = threadIdx.x, y = threadIdx.y, width = blockDim.x, height = blockDim.y;
  for (uint32_t l = blockIdx.x * width; l < args.lines; l += gridDim.x * width) {
    // All threads have to come by the barriers.
    const bool is_line = args.lines - l > x;
    const Line<S, Op> line(args, is_line ? l + x : l);
    State carry = Op::start();
    for (uint32_t begin = 0; begin < args.n; begin += height * kFew) {
      const uint32_t first = begin + y * kFew;
      State held[kFew];
#pragma unroll
      for (uint32_t k = 0; k < kFew; ++k) held[k] = is_line && first + k < args.n ? line.read(first + k) : Op::start();
#pragma unroll
      for (uint32_t k = 1; k < kFew; ++k) held[k] = Op::join(held[k - 1], held[k]);
      parts[y * width + x] = held[kFew - 1];
      __syncthreads();
      State base = carry;
#pragma unroll 1
      for (uint32_t w = 0; w < height; ++w) {
        if (w == y) base = carry;
        carry = Op::join(carry, parts[w * width + x]);
      }
#pragma unroll
      for (uint32_t k = 0; k < kFew; ++k)
        if (is_line && first + k < args.n) line.write(first + k, Op::join(base, held[k]));
      // The parts have been read by all.
      __syncthreads();
    }
  }
}
/// Each thread takes a few neighbours; warps join what their threads have, then the block its warps, and the total goes on to the next ones of the line.
template <class S, class Op, bool Totals> ST_DEVICE void scan_row(const st_scan_args &args) {
  typedef typename Op::State State;
  static_assert(sizeof(State) <= ST_SCAN_STATE_BYTES, "");
  constexpr int kFew = 4;
  ST_SHARED(State, parts, 32);
  const uint32_t lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
  State *totals = pointer<State>(args.totals);
  for (uint32_t t = blockIdx.x; t < args.lines * args.pieces; t += gridDim.x) {
    const uint32_t l = t / args.pieces, piece = t - l * args.pieces, start = piece * args.each, end = args.n - start < args.each ? args.n : start + args.each;
    const Line<S, Op> line(args, l);
    State carry = Op::start();
    if (!Totals)
      for (uint32_t before = t - piece; before < t; ++before) carry = Op::join(carry, totals[before]);
    for (uint32_t begin = start; begin < end; begin += blockDim.x * kFew) {
      const uint32_t first = begin + threadIdx.x * kFew;
      State held[kFew], run = Op::start();
#pragma unroll
      for (int k = 0; k < kFew; ++k) {
        if (first + k < end) run = Op::join(run, line.read(first + k));
        held[k] = run;
      }
#pragma unroll
      for (uint32_t d = 1; d < 32; d *= 2) {
        const State other = from_lane(run, lane - d);
        if (lane >= d) run = Op::join(other, run);
      }
      const State left = from_lane(run, lane - 1);
      // The parts of the piece before have been read by all.
      __syncthreads();
      if (lane == 31) parts[warp] = run;
      __syncthreads();
      State base = carry;
#pragma unroll 1
      for (uint32_t w = 0; w < warps; ++w) {
        if (w == warp) base = carry;
        carry = Op::join(carry, parts[w]);
      }
      if (Totals) continue;
      if (lane > 0) base = Op::join(base, left);
#pragma unroll
      for (int k = 0; k < kFew; ++k)
        if (first + k < end) line.write(first + k, Op::join(base, held[k]));
    }
    if (Totals && threadIdx.x == 0) totals[t] = carry;
  }
}
#define ST_SCAN_KERNELS(op, type) \
  ST_KERNEL(scan_##op##_##type##_row, st_scan_args, ST_KERNEL_BLOCK) { scan_row<dtype_##type, running::op<dtype_##type>, false>(args); } \
  ST_KERNEL(scan_##op##_##type##_totals, st_scan_args, ST_KERNEL_BLOCK) { scan_row<dtype_##type, running::op<dtype_##type>, true>(args); } \
  ST_KERNEL(scan_##op##_##type##_lines, st_scan_args, ST_SCAN_BLOCK) { scan_lines<dtype_##type, running::op<dtype_##type>>(args); }
#define ST_SCAN_KERNELS_OF(op, type) ST_SCAN_KERNELS(op, type)
#endif
#ifdef ST_OP
ST_SCAN_KERNELS_OF(ST_OP, ST_TYPE)
#endif
