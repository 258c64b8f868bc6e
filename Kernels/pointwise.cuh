// The three ways through memory of all pointwise kernels: contiguous in packs of 16 bytes, any strides, and in tiles where operands are contiguous along different dims.
//
// Note [Pointwise kernels]
// A call F has R operator()(S0, S, S): the element of the result from those of up to three operands (the first may be of another type; unused ones are not read).
// All loops stride over the grid, so that any grid is right and a large one costs no tail. Functions that are long themselves (F::Operator::special) take one element at a time: copies of
// them side by side would only cost registers.
#ifndef ST_POINTWISE
#define ST_POINTWISE
#include "preamble.cuh"

template <class F> concept IsLong = requires { requires F::Operator::special; };

template <class T, int V> ST_DEVICE Pack<T, V> filled(T x) {
  Pack<T, V> p;
#pragma unroll
  for (int v = 0; v < V; ++v) p.element[v] = x;
  return p;
}

/// Contiguous operands; those in args.scalars are one element. K inputs.
template <class R, class S0, class S, int K, class F> ST_DEVICE void pointwise(const st_run_args &args, const F &call) {
  constexpr int V = IsLong<F> ? 1 : 16 / greatest(sizeof(R), greatest(sizeof(S0), K > 1 ? (int)sizeof(S) : 1));
  R *out = pointer<R>(args.address[0]);
  const S0 *a = pointer<const S0>(args.address[1]);
  const S *b = pointer<const S>(args.address[2]), *c = pointer<const S>(args.address[3]);
  const bool a_one = args.scalars & 2, b_one = args.scalars & 4, c_one = args.scalars & 8;
  const uint64_t count = args.count, step = (uint64_t)gridDim.x * blockDim.x, first = (uint64_t)blockIdx.x * blockDim.x + threadIdx.x;
  st_address low = args.address[0];
  if (!a_one) low |= args.address[1];
  if (K > 1 && !b_one) low |= args.address[2];
  if (K > 2 && !c_one) low |= args.address[3];
  const uint64_t packs = (low & 15) == 0 ? count / V : 0;
  S0 x = {};
  S y = {}, z = {};
  if (a_one) x = a[0];
  if (K > 1 && b_one) y = b[0];
  if (K > 2 && c_one) z = c[0];
  // What is one for all elements is spread before the loop, which then does not choose.
  Pack<S0, V> p = filled<S0, V>(x);
  Pack<S, V> q = filled<S, V>(y), r = filled<S, V>(z);
  for (uint64_t i = first; i < packs; i += step) {
    if (!a_one) p = ((const Pack<S0, V> *)a)[i];
    if (K > 1 && !b_one) q = ((const Pack<S, V> *)b)[i];
    if (K > 2 && !c_one) r = ((const Pack<S, V> *)c)[i];
    Pack<R, V> result;
#pragma unroll
    for (int v = 0; v < V; ++v) result.element[v] = call(p.element[v], q.element[v], r.element[v]);
    ((Pack<R, V> *)out)[i] = result;
  }
  for (uint64_t i = packs * V + first; i < count; i += step)
    out[i] = call(a_one ? x : a[i], K < 2 || b_one ? y : b[i], K < 3 || c_one ? z : c[i]);
}

/// Byte offsets of element `i` in K operands. Sizes and strides from the innermost dim.
template <int K> ST_DEVICE void offsets_of(uint32_t i, uint32_t rank, const st_divisor *size, const int64_t (*stride)[ST_KERNEL_DIMS], int64_t *offset) {
#pragma unroll
  for (int k = 0; k < K; ++k) offset[k] = 0;
#pragma unroll
  for (int d = 0; d < ST_KERNEL_DIMS; ++d) {
    // The outermost dim is what is left: no division.
    const bool last = d + 1 >= (int)rank;
    const uint32_t quotient = last ? 0 : divide(i, size[d]), digit = last ? i : i - quotient * size[d].divisor;
#pragma unroll
    for (int k = 0; k < K; ++k) offset[k] += digit * stride[k][d];
    if (last) break;
    i = quotient;
  }
}

template <class R, class S0, class S, int K, class F> ST_DEVICE void pointwise(const st_strided_args &args, const F &call) {
  char *out = pointer<char>(args.address[0]);
  const char *a = pointer<const char>(args.address[1]), *b = pointer<const char>(args.address[2]), *c = pointer<const char>(args.address[3]);
  const uint32_t count = args.count, step = gridDim.x * blockDim.x;
  for (uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += step) {
    int64_t offset[K + 1];
    offsets_of<K + 1>(i, args.rank, args.size, args.stride, offset);
    S y = {}, z = {};
    if constexpr (K > 1) y = *(const S *)(b + offset[2]);
    if constexpr (K > 2) z = *(const S *)(c + offset[3]);
    *(R *)(out + offset[0]) = call(*(const S0 *)(a + offset[1]), y, z);
  }
}

/// A tile: where it begins along dims 0 and 1, and which of those along the other dims it is.
struct Tile {
  uint32_t column, row, rest;

  /// The addresses where it begins in K operands.
  template <int K> ST_CALL void find(const st_strided_args &args, char *(&at)[K]) const {
#pragma unroll
    for (int k = 0; k < K; ++k) at[k] = pointer<char>(args.address[k]) + column * args.stride[k][0] + row * args.stride[k][1];
    uint32_t left = rest;
#pragma unroll 1
    for (uint32_t d = 2; d < args.rank; ++d) {
      const uint32_t quotient = divide(left, args.size[d]), digit = left - quotient * args.size[d].divisor;
#pragma unroll
      for (int k = 0; k < K; ++k) at[k] += digit * args.stride[k][d];
      left = quotient;
    }
  }
};
/// Calls with the tiles of this block, of a grid (along dim 0, along dim 1, others): no division is needed to find them.
template <class Body> ST_DEVICE void each_tile(const st_strided_args &args, const Body &body) {
  const uint32_t columns = args.size[0].divisor, rows = args.size[1].divisor, others = args.rank > 2 ? args.count / (columns * rows) : 1;
  for (uint32_t rest = blockIdx.z; rest < others; rest += gridDim.z)
    for (uint32_t row = blockIdx.y * ST_TILE; row < rows; row += gridDim.y * ST_TILE)
      for (uint32_t column = blockIdx.x * ST_TILE; column < columns; column += gridDim.x * ST_TILE) body(Tile{column, row, rest});
}

/// A warp takes 8 x 4 elements at a time: an operand that is contiguous along either dim gives whole sectors of memory, and what is left of its lines comes from the cache.
template <class R, class S0, class S, int K, class F> ST_DEVICE void pointwise(const st_tiled_args &args, const F &call) {
  // Elements of a thread that are under way at a time, of its four.
  constexpr int N = IsLong<F> ? 1 : 4;
  const uint32_t lane = threadIdx.x % 32, warp = threadIdx.x / 32, column = warp % 4 * 8 + lane % 8, row = warp / 4 * 16 + lane / 8;
  each_tile(args, [&](const Tile &tile) {
    const uint32_t last_column = args.size[0].divisor - 1 - tile.column, last_row = args.size[1].divisor - 1 - tile.row;
    // All of the warp lies outside.
    if (warp % 4 * 8 > last_column || warp / 4 * 16 > last_row) return;
    char *at[K + 1];
    tile.find(args, at);
    // What else lies outside is read from the edge and not written.
    const uint32_t inside = column < last_column ? column : last_column;
#pragma unroll 1
    for (uint32_t first = row; first < row + 16; first += 4 * N) {
      S0 x[N];
      S y[N], z[N];
#pragma unroll
      for (uint32_t i = 0; i < N; ++i) {
        const uint32_t r = first + 4 * i < last_row ? first + 4 * i : last_row;
        x[i] = *(const S0 *)(at[1] + inside * args.stride[1][0] + r * args.stride[1][1]);
        if constexpr (K > 1) y[i] = *(const S *)(at[2] + inside * args.stride[2][0] + r * args.stride[2][1]);
        if constexpr (K > 2) z[i] = *(const S *)(at[3] + inside * args.stride[3][0] + r * args.stride[3][1]);
      }
#pragma unroll
      for (uint32_t i = 0; i < N; ++i)
        if (column <= last_column && first + 4 * i <= last_row) *(R *)(at[0] + column * args.stride[0][0] + (first + 4 * i) * args.stride[0][1]) = call(x[i], y[i], z[i]);
    }
  });
}

// An operator's kernels: the function that comes last, for the arguments of each way. `blocks` of the first have to fit a multiprocessor.
#define ST_POINTWISE_KERNELS(symbol, blocks, ...) \
  ST_KERNEL_RESIDENT(symbol##_run, st_run_args, ST_KERNEL_BLOCK, blocks) { __VA_ARGS__(args); } \
  ST_KERNEL(symbol##_strided, st_strided_args, ST_KERNEL_BLOCK) { __VA_ARGS__(args); } \
  ST_KERNEL(symbol##_tiled, st_tiled_args, ST_KERNEL_BLOCK) { __VA_ARGS__(args); }

// ---- results of the operators in the lists (st_unary.def and its fellows)

enum { ST_RESULT_SAME, ST_RESULT_BOOL, ST_RESULT_ABS, ST_RESULT_ANGLE, ST_RESULT_CPLX };
template <int Kind, class S> struct ResultOf { typedef S Type; };
template <class S> struct ResultOf<ST_RESULT_BOOL, S> { typedef bool Type; };
template <class S> struct ResultOf<ST_RESULT_ABS, S> { typedef typename Real<S>::Type Type; };
template <class S> struct AngleOf { typedef float Type; };
template <> struct AngleOf<half> { typedef half Type; };
template <> struct AngleOf<bfloat16> { typedef bfloat16 Type; };
template <> struct AngleOf<double> { typedef double Type; };
template <> struct AngleOf<complex128> { typedef double Type; };
template <class S> struct ResultOf<ST_RESULT_ANGLE, S> { typedef typename AngleOf<S>::Type Type; };
template <> struct ResultOf<ST_RESULT_CPLX, float> { typedef complex64 Type; };
template <> struct ResultOf<ST_RESULT_CPLX, double> { typedef complex128 Type; };
#endif
