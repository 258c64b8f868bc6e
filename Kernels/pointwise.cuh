// The two ways through memory of all pointwise kernels: contiguous in packs of 16 bytes, and any strides.
//
// Note [Pointwise kernels]
// A call F has R operator()(S0, S, S): the element of the result from those of up to three operands (the first may be of another type; unused ones are not read).
// Both loops stride over the grid, so that any grid is right and a large one costs no tail. Functions that are long themselves (F::Operator::special) take one element at a time: copies of
// them side by side would only cost registers.
#ifndef ST_POINTWISE
#define ST_POINTWISE
#include "preamble.cuh"

template <class F> concept IsLong = requires { requires F::Operator::special; };

/// Contiguous operands; those in args.scalars are one element. K inputs.
template <class R, class S0, class S, int K, class F> ST_DEVICE void pointwise_run(const st_run_args &args, const F &call) {
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
  for (uint64_t i = first; i < packs; i += step) {
    Pack<S0, V> p;
    Pack<S, V> q, r;
    if (!a_one) p = ((const Pack<S0, V> *)a)[i];
    if (K > 1 && !b_one) q = ((const Pack<S, V> *)b)[i];
    if (K > 2 && !c_one) r = ((const Pack<S, V> *)c)[i];
    Pack<R, V> result;
#pragma unroll
    for (int v = 0; v < V; ++v) result.element[v] = call(a_one ? x : p.element[v], K < 2 || b_one ? y : q.element[v], K < 3 || c_one ? z : r.element[v]);
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

template <class R, class S0, class S, int K, class F> ST_DEVICE void pointwise_strided(const st_strided_args &args, const F &call) {
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
