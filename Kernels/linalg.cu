// Factorisations and triangular solves of batches of matrices: linalgCholesky_TYPE, linalgPanel_TYPE (LU), linalgExchange_TYPE, linalgSolve_TYPE, linalgHouseholder_TYPE,
// linalgReflect_TYPE, linalgDivideRows_TYPE (least squares), linalgJacobi_TYPE (eigenvalues, singular values), for ST_TYPE. The first four work on pieces of up to ST_LINALG_SIDE columns, which the host joins by products of matrices.
#include "block.cuh"

#ifndef ST_LINALG_KERNELS
constexpr uint32_t kSide = ST_LINALG_SIDE;
template <class S> using RealOf = typename Real<S>::Type;
template <class S> ST_DEVICE RealOf<S> real_part(S x) {
  if constexpr (is_complex<S>) return x.re;
  else return x;
}
template <class S> ST_DEVICE S times_real(S x, RealOf<S> by) {
  if constexpr (is_complex<S>) return by * x;
  else return by * x;
}
/// |x|, of a complex number |re| + |im| as LAPACK's pivoting has it; NaN is the largest.
template <class S> ST_DEVICE RealOf<S> pivot_size(S x) {
  RealOf<S> size;
  if constexpr (is_complex<S>) size = m_fabs(x.re) + m_fabs(x.im);
  else size = m_fabs(x);
  return size == size ? size : Limits<RealOf<S>>::inf();
}
/// Numbers above this have a reciprocal.
template <class R> constexpr R kLeast = R(4) / (sizeof(R) == 4 ? R(3.4e38) : R(1.79e308));
ST_DEVICE double squared(float x) { return (double)x * x; }
ST_DEVICE double squared(double x) { return x * x; }
template <class T> ST_DEVICE double squared(complex<T> x) { return squared(x.re) + squared(x.im); }
template <class T> ST_DEVICE T from_lane(T x, uint32_t lane) { return __shfl_sync(0xffffffffu, x, lane); }
template <class T> ST_DEVICE complex<T> from_lane(complex<T> x, uint32_t lane) { return make_complex<T>(from_lane(x.re, lane), from_lane(x.im, lane)); }
template <class T> ST_DEVICE T lanes_sum(T x) { return warp_reduce(x, Add()); }
template <class T> ST_DEVICE complex<T> lanes_sum(complex<T> x) { return make_complex<T>(lanes_sum(x.re), lanes_sum(x.im)); }

/// One matrix of the batch, and what belongs to it.
template <class S> struct Matrix {
  S *a;
  int64_t row, column;
  int32_t *info;
  ST_CALL Matrix(const st_linalg_args &args, uint32_t index) : a(pointer<S>(args.a) + index * args.a_batch), row(args.a_row), column(args.a_column), info(pointer<int32_t>(args.info) + index) {}
  ST_CALL S &at(uint32_t i, uint32_t j) const { return a[i * row + j * column]; }
};

/// a = L L^H, lower triangle, zeros above; rows <= kSide. As L D L^H with one barrier a column, and scaled at the end. Of a matrix that failed before only the zeros are written.
template <class S> ST_DEVICE void cholesky(const st_linalg_args &args) {
  ST_SHARED(S, tile, kSide * (kSide + 1));
  constexpr uint32_t kPitch = kSide + 1;
  const uint32_t n = args.rows, lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
  for (uint32_t b = blockIdx.x; b < args.batch; b += gridDim.x) {
    const Matrix<S> m(args, b);
    __syncthreads();
    const bool failed = *m.info != 0, by_rows = args.a_column == 1;
    for (uint32_t k = warp; k < n; k += warps)
      if (lane < n) tile[by_rows ? k * kPitch + lane : lane * kPitch + k] = by_rows ? m.at(k, lane) : m.at(lane, k);
    uint32_t done = 0;
    for (; done < n && !failed; ++done) {
      __syncthreads();
      const RealOf<S> d = real_part(tile[done * kPitch + done]);
      if (!(d > 0)) break;
      const RealOf<S> inverse = RealOf<S>(1) / d;
      for (uint32_t k = done + 1 + warp; k < n; k += warps)
        if (lane >= k && lane < n) tile[lane * kPitch + k] = tile[lane * kPitch + k] - tile[lane * kPitch + done] * times_real(conjugate(tile[k * kPitch + done]), inverse);
    }
    for (uint32_t k = warp; k < n; k += warps) {
      const uint32_t i = by_rows ? k : lane, j = by_rows ? lane : k;
      if (lane >= n) continue;
      S x = zero_of<S>();
      if (j <= i) {
        x = tile[i * kPitch + j];
        if (j < done) {
          const RealOf<S> root = m_sqrt(real_part(tile[j * kPitch + j]));
          x = i == j ? times_real(one_of<S>(), root) : times_real(x, RealOf<S>(1) / root);
        }
      }
      m.at(i, j) = x;
    }
    // All have seen that this matrix had not failed.
    __syncthreads();
    if (threadIdx.x == 0 && done < n && !failed) *m.info = (int32_t)(args.first + done + 1);
  }
}

template <class R> struct Pivot { R size; uint32_t row; };
/// The larger one, of equal ones the upper.
template <class R> ST_DEVICE Pivot<R> better(const Pivot<R> &a, const Pivot<R> &b) { return b.size > a.size || (b.size == a.size && b.row < a.row) ? b : a; }

/// LU with partial pivoting of a panel: `columns` <= kSide, rows without limit; a lane a column, warps share the rows. pivots count from first + 1.
template <class S> ST_DEVICE void panel(const st_linalg_args &args) {
  typedef RealOf<S> R;
  constexpr uint32_t kFew = sizeof(S) > 8 ? 2 : 4;
  ST_SHARED(Pivot<R>, parts, 32);
  ST_SHARED(S, head, kSide);
  const uint32_t lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32, rows = args.rows, columns = args.columns;
  const Pivot<R> none = {R(-1), 0};
  for (uint32_t b = blockIdx.x; b < args.batch; b += gridDim.x) {
    const Matrix<S> m(args, b);
    int32_t *pivots = pointer<int32_t>(args.pivots) + b * args.vector_batch + args.first;
    const bool used = lane < columns;
    // The largest of the column that comes next, of the rows that this warp has.
    Pivot<R> mine = none;
    for (uint32_t i = warp; i < rows; i += warps)
      if (lane == 0) mine = better(mine, {pivot_size(m.at(i, 0)), i});
    int32_t failed = 0;
    for (uint32_t j = 0; j < columns && j < rows; ++j) {
      if (lane == j) parts[warp] = mine;
      __syncthreads();
      Pivot<R> best = lane < warps ? parts[lane] : none;
#pragma unroll
      for (int lanes = 16; lanes > 0; lanes /= 2) best = better(best, {__shfl_xor_sync(0xffffffffu, best.size, lanes), __shfl_xor_sync(0xffffffffu, best.row, lanes)});
      if (best.size == 0 && failed == 0) failed = (int32_t)(args.first + j + 1);
      if (warp == 0) {
        if (used) {
          const S x = m.at(best.row, lane), y = m.at(j, lane);
          m.at(best.row, lane) = y;
          m.at(j, lane) = x;
          head[lane] = x;
        }
        if (lane == 0) pivots[j] = (int32_t)(args.first + best.row + 1);
      }
      __syncthreads();
      const S pivot = head[j];
      // The reciprocal of a tiny pivot would overflow.
      const S inverse = one_of<S>() / pivot;
      const bool is_tiny = !(best.size > kLeast<R>);
      mine = none;
      for (uint32_t i0 = j + 1 + warp; i0 < rows; i0 += warps * kFew) {
        S x[kFew];
#pragma unroll
        for (uint32_t q = 0; q < kFew; ++q) {
          x[q] = zero_of<S>();
          if (used && i0 + q * warps < rows) x[q] = m.at(i0 + q * warps, lane);
        }
#pragma unroll
        for (uint32_t q = 0; q < kFew; ++q) {
          const uint32_t i = i0 + q * warps;
          const S low = from_lane(x[q], j);
          // A column of zeros stays as it is.
          const S factor = best.size == 0 ? zero_of<S>() : is_tiny ? low / pivot : low * inverse;
          if (!used || i >= rows || lane < j) continue;
          const S y = lane == j ? factor : x[q] - factor * head[lane];
          m.at(i, lane) = y;
          if (lane == j + 1) mine = better(mine, {pivot_size(y), i});
        }
      }
    }
    if (threadIdx.x == 0 && failed && *m.info == 0) *m.info = failed;
    __syncthreads();
  }
}

/// Exchanges row i of b with row pivots[i] for i in [first, first + rows), or in the opposite order (flag 1). A thread a column.
template <class S> ST_DEVICE void exchange(const st_linalg_args &args) {
  const uint32_t c = blockIdx.x * blockDim.x + threadIdx.x;
  if (c >= args.others) return;
  for (uint32_t k = blockIdx.y; k < args.batch; k += gridDim.y) {
    const int32_t *pivots = pointer<const int32_t>(args.pivots) + k * args.vector_batch;
    S *b = pointer<S>(args.b) + k * args.b_batch + c * args.b_column;
    for (uint32_t s = 0; s < args.rows; ++s) {
      const uint32_t i = args.first + (args.flags & 1 ? args.rows - 1 - s : s), p = (uint32_t)pivots[i] - 1;
      // What is no row is left alone.
      if (p == i || p >= args.columns) continue;
      const S x = b[i * args.b_row], y = b[p * args.b_row];
      b[i * args.b_row] = y;
      b[p * args.b_row] = x;
    }
  }
}

/// b = a^-1 b for a lower triangular a of up to kSide rows (an upper one is lower when read from its end), flag 1: with ones on the diagonal. A thread a column of b, which is in registers.
template <class S> ST_DEVICE void solve(const st_linalg_args &args) {
  ST_SHARED(S, tile, kSide * kSide);
  const uint32_t n = args.rows, c = blockIdx.x * blockDim.x + threadIdx.x, lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
  for (uint32_t k = blockIdx.y; k < args.batch; k += gridDim.y) {
    const Matrix<S> m(args, k);
    __syncthreads();
    // By columns, so that a step reads neighbours; with the inverses of the diagonal.
    const bool by_rows = args.a_column == 1 || args.a_column == -1;
    for (uint32_t l = warp; l < n; l += warps) {
      const uint32_t i = by_rows ? l : lane, j = by_rows ? lane : l;
      if (lane >= n || j > i) continue;
      S x = one_of<S>();
      if (i != j || !(args.flags & 1)) x = m.at(i, j);
      tile[j * kSide + i] = i == j ? one_of<S>() / x : x;
    }
    __syncthreads();
    if (c >= args.others) continue;
    S *b = pointer<S>(args.b) + k * args.b_batch + c * args.b_column;
    S x[kSide];
#pragma unroll
    for (uint32_t i = 0; i < kSide; ++i)
      if (i < n) x[i] = b[i * args.b_row];
#pragma unroll
    for (uint32_t j = 0; j < kSide; ++j) {
      if (j >= n) break;
      x[j] = x[j] * tile[j * kSide + j];
      b[j * args.b_row] = x[j];
#pragma unroll
      for (uint32_t i = j + 1; i < kSide; ++i)
        if (i < n) x[i] = x[i] - tile[j * kSide + i] * x[j];
    }
  }
}

/// QR by reflectors, a block a matrix, a warp a column at a time: R above, the vectors (their first element is 1) below, the factors in tau.
template <class S> ST_DEVICE void householder(const st_linalg_args &args) {
  typedef RealOf<S> R;
  const uint32_t lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32, rows = args.rows, columns = args.columns, least = rows < columns ? rows : columns;
  for (uint32_t b = blockIdx.x; b < args.batch; b += gridDim.x) {
    const Matrix<S> m(args, b);
    S *tau = pointer<S>(args.tau) + b * args.vector_batch;
    for (uint32_t j = 0; j < least; ++j) {
      __syncthreads();
      S *x = &m.at(0, j);
      double part = 0;
      for (uint32_t i = j + 1 + threadIdx.x; i < rows; i += blockDim.x) part += squared(x[i]);
      const S alpha = x[j];
      const double tail = block_reduce(part, Add());
      bool is_real = true;
      if constexpr (is_complex<S>) is_real = alpha.im == 0;
      if (tail == 0 && is_real) {
        if (threadIdx.x == 0) tau[j] = zero_of<S>();
        continue;
      }
      const R norm = (R)m_sqrt(tail + squared(alpha)), beta = real_part(alpha) >= 0 ? -norm : norm;
      const S whole = times_real(one_of<S>(), beta), factor = (whole - alpha) / whole, scale = one_of<S>() / (alpha - whole);
      for (uint32_t i = j + 1 + threadIdx.x; i < rows; i += blockDim.x) x[i] = x[i] * scale;
      if (threadIdx.x == 0) {
        tau[j] = factor;
        x[j] = whole;
      }
      __syncthreads();
      for (uint32_t c = j + 1 + warp; c < columns; c += warps) {
        S *y = &m.at(0, c), dot = zero_of<S>();
        for (uint32_t i = j + 1 + lane; i < rows; i += 32) dot = dot + conjugate(x[i]) * y[i];
        const S head = y[j];
        dot = (lanes_sum(dot) + head) * conjugate(factor);
        for (uint32_t i = j + 1 + lane; i < rows; i += 32) y[i] = y[i] - x[i] * dot;
        __syncwarp();
        if (lane == 0) y[j] = head - dot;
      }
    }
  }
}

/// b = the first columns of H0 H1 …, of as many reflectors as a has columns, from `householder`; flag 1: with the signs that make R's diagonal positive. A warp a column; each
/// lane has rows of its own.
template <class S> ST_DEVICE void reflect(const st_linalg_args &args) {
  const uint32_t lane = threadIdx.x % 32, c = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32, rows = args.rows;
  if (c >= args.others) return;
  for (uint32_t k = blockIdx.y; k < args.batch; k += gridDim.y) {
    const Matrix<S> m(args, k);
    const S *tau = pointer<const S>(args.tau) + k * args.vector_batch;
    S *y = pointer<S>(args.b) + k * args.b_batch + c * args.b_column;
    const S unit = args.flags & 1 && c < args.columns && real_part(m.at(c, c)) < 0 ? -one_of<S>() : one_of<S>();
    for (uint32_t i = lane; i < rows; i += 32) y[i] = i == c ? unit : zero_of<S>();
    // The later ones leave this unit vector alone.
    for (uint32_t j = args.columns < c + 1 ? args.columns : c + 1; j-- > 0;) {
      const S *x = &m.at(0, j);
      S dot = zero_of<S>();
      for (uint32_t i = j / 32 * 32 + lane; i < rows; i += 32)
        if (i >= j) dot = dot + (i == j ? y[i] : conjugate(x[i]) * y[i]);
      dot = lanes_sum(dot) * tau[j];
      for (uint32_t i = j / 32 * 32 + lane; i < rows; i += 32)
        if (i >= j) y[i] = y[i] - (i == j ? dot : x[i] * dot);
    }
  }
}
/// Eigenvalues or singular values by Jacobi's rotations, a block a matrix, a warp a pair of columns, which are at most kSide. a, by columns, becomes A V (up to a factor), b is V: rotated until the columns
/// of A V are orthogonal, whose lengths go to tau, descending; or (flag 1) until V^H A V is diagonal, ascending, for a Hermitian A, of which the lower triangle (flag 2: the upper one) is read.
template <class S> ST_DEVICE void jacobi(const st_linalg_args &args) {
  typedef RealOf<S> R;
  // About ten are enough for 32 columns.
  constexpr int kSweeps = 40;
  ST_SHARED(uint32_t, turned, 1);
  const uint32_t lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32, rows = args.rows, n = args.columns, even = (n + 1) / 2 * 2;
  const bool is_hermitian = args.flags & 1, is_upper = args.flags & 2;
  const R tolerance = (sizeof(R) == 4 ? R(1.2e-7) : R(2.3e-16)) * (R)(is_hermitian ? 1.5 : 4 + rows / 32);
  for (uint32_t k = blockIdx.x; k < args.batch; k += gridDim.x) {
    const Matrix<S> m(args, k);
    S *v = pointer<S>(args.b) + k * args.b_batch;
    R *values = pointer<R>(args.tau) + k * args.vector_batch;
    __syncthreads();
    for (uint32_t j = warp; j < n && is_hermitian; j += warps)
      for (uint32_t i = lane; i < n; i += 32) {
        if (i == j) m.at(i, i) = times_real(one_of<S>(), real_part(m.at(i, i)));
        else if (i < j) (is_upper ? m.at(j, i) : m.at(i, j)) = conjugate(is_upper ? m.at(i, j) : m.at(j, i));
      }
    __syncthreads();
    R most = 0;
    for (uint32_t j = warp; j < n; j += warps)
      for (uint32_t i = lane; i < rows; i += 32) most = Greater()(most, pivot_size(m.at(i, j)));
    most = block_reduce(most, Greater());
    // Squares of tiny or huge numbers would leave the range.
    const R scale = most > kLeast<R> ? most : R(1);
    double part = 0;
    for (uint32_t j = warp; j < n; j += warps) {
      for (uint32_t i = lane; i < rows; i += 32) {
        const S x = times_real(m.at(i, j), R(1) / scale);
        m.at(i, j) = x;
        part += squared(x);
      }
      for (uint32_t i = lane; i < n; i += 32) v[j * args.b_column + i] = i == j ? one_of<S>() : zero_of<S>();
    }
    const R norm = (R)m_sqrt(block_reduce(part, Add()));
    bool going = true;
    for (int sweep = 0; going && sweep < kSweeps; ++sweep) {
      __syncthreads();
      if (threadIdx.x == 0) *turned = 0;
      for (uint32_t round = 0; round + 1 < even; ++round) {
        __syncthreads();
        for (uint32_t pair = warp; pair < even / 2; pair += warps) {
          // A tournament: in even - 1 rounds everyone meets everyone.
          const uint32_t turn = even - 1, one = pair == 0 ? turn : (round + pair) % turn, other = (round + turn - pair) % turn;
          const uint32_t p = one < other ? one : other, q = one < other ? other : one;
          if (q >= n) continue;
          S *x = &m.at(0, p), *y = &m.at(0, q), *vx = v + p * args.b_column, *vy = v + q * args.b_column, gamma = zero_of<S>();
          const S *left = is_hermitian ? vx : x, *right = is_hermitian ? vy : y;
          R alpha = 0, beta = 0;
          for (uint32_t i = lane; i < rows; i += 32) {
            alpha += real_part(conjugate(left[i]) * x[i]);
            beta += real_part(conjugate(right[i]) * y[i]);
            gamma = gamma + conjugate(left[i]) * y[i];
          }
          alpha = lanes_sum(alpha), beta = lanes_sum(beta), gamma = lanes_sum(gamma);
          R size;
          if constexpr (is_complex<S>) size = m_hypot(gamma.re, gamma.im);
          else size = m_fabs(gamma);
          R c = 1, s = 0;
          S phase = one_of<S>();
          if (size > tolerance * (is_hermitian ? norm : m_sqrt(alpha) * m_sqrt(beta))) {
            const R theta = (beta - alpha) / (2 * size), t = (theta < 0 ? R(-1) : R(1)) / (m_fabs(theta) + m_sqrt(1 + theta * theta));
            c = 1 / m_sqrt(1 + t * t);
            s = t * c;
            phase = times_real(conjugate(gamma), 1 / size);
          }
          // The larger of the two keeps to its side: so the columns come to be sorted.
          const bool exchanged = is_hermitian ? alpha > beta : beta > alpha;
          if (s == 0 && !exchanged) continue;
          if (lane == 0) *turned = 1;
          auto turn_columns = [&](S *a, S *b, uint32_t count) {
            for (uint32_t i = lane; i < count; i += 32) {
              const S z = phase * b[i], one = times_real(a[i], c) - times_real(z, s), other = times_real(a[i], s) + times_real(z, c);
              a[i] = exchanged ? other : one;
              b[i] = exchanged ? one : other;
            }
          };
          turn_columns(x, y, rows);
          turn_columns(vx, vy, n);
        }
      }
      __syncthreads();
      going = *turned;
    }
    for (uint32_t j = warp; j < n; j += warps) {
      R sum = 0;
      for (uint32_t i = lane; i < rows; i += 32) sum += real_part(conjugate(is_hermitian ? v[j * args.b_column + i] : m.at(i, j)) * m.at(i, j));
      sum = lanes_sum(sum);
      if (lane == 0) values[j] = (is_hermitian ? sum : m_sqrt(sum)) * scale;
      if (lane == 0 && (going || !m_isfinite(sum))) *m.info = 1;
    }
  }
}

/// Divides row i of b by value i of tau (real, descending), or clears it if that is not above `limit` times the first; pivots: how many are (int64). A thread a column.
template <class S> ST_DEVICE void divide_rows(const st_linalg_args &args) {
  typedef RealOf<S> R;
  const uint32_t c = blockIdx.x * blockDim.x + threadIdx.x;
  for (uint32_t k = blockIdx.y; k < args.batch; k += gridDim.y) {
    const R *values = pointer<const R>(args.tau) + k * args.vector_batch, limit = (R)args.limit * values[0];
    uint32_t rank = 0;
    while (rank < args.rows && values[rank] > limit) ++rank;
    if (c == 0) pointer<int64_t>(args.pivots)[k] = rank;
    if (c >= args.others) continue;
    S *b = pointer<S>(args.b) + k * args.b_batch + c * args.b_column;
    for (uint32_t i = 0; i < args.rows; ++i) b[i * args.b_row] = i < rank ? times_real(b[i * args.b_row], R(1) / values[i]) : zero_of<S>();
  }
}
#define ST_LINALG_KERNELS(type) \
  ST_KERNEL(linalgCholesky_##type, st_linalg_args, 256) { cholesky<dtype_##type>(args); } \
  ST_KERNEL(linalgPanel_##type, st_linalg_args, 1024) { panel<dtype_##type>(args); } \
  ST_KERNEL(linalgExchange_##type, st_linalg_args, 256) { exchange<dtype_##type>(args); } \
  ST_KERNEL(linalgSolve_##type, st_linalg_args, 128) { solve<dtype_##type>(args); } \
  ST_KERNEL(linalgHouseholder_##type, st_linalg_args, 1024) { householder<dtype_##type>(args); } \
  ST_KERNEL(linalgReflect_##type, st_linalg_args, 256) { reflect<dtype_##type>(args); } \
  ST_KERNEL(linalgDivideRows_##type, st_linalg_args, 256) { divide_rows<dtype_##type>(args); } \
  ST_KERNEL(linalgJacobi_##type, st_linalg_args, 512) { jacobi<dtype_##type>(args); }
#define ST_LINALG_KERNELS_OF(type) ST_LINALG_KERNELS(type)
#endif
#ifdef ST_TYPE
ST_LINALG_KERNELS_OF(ST_TYPE)
#endif
