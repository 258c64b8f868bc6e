// Structs that are passed to kernels. The same text is read by Swift (through a C module), NVRTC and the host compiler of the emulator.
//
// Note [Kernel arguments]
// Every kernel takes exactly one of these structs, by value. Device addresses are plain 64-bit numbers, so that the layout does not depend on who reads it.
// Strides are in bytes. Dims are listed from the innermost: dim 0 changes fastest.
#pragma once
#ifdef __CUDACC_RTC__
typedef unsigned char uint8_t;
typedef signed char int8_t;
typedef unsigned short uint16_t;
typedef short int16_t;
typedef unsigned int uint32_t;
typedef int int32_t;
typedef unsigned long long uint64_t;
typedef long long int64_t;
#define ST_BOTH __host__ __device__
#else
#include <stdint.h>
#define ST_BOTH
#endif

#define ST_KERNEL_DIMS 8
#define ST_KERNEL_OPERANDS 4
/// Threads a block of every kernel whose geometry says nothing else.
#define ST_KERNEL_BLOCK 256

/// A device address; 0 is none.
typedef uint64_t st_address;

/// Scalar parameters of an operator: the same layout as st_params of the CPU kernels.
typedef struct st_kernel_params { double f[4]; int64_t i[4]; } st_kernel_params;

/// Division by a number that is known beforehand, as a multiplication. Right for dividends below 2^31. The size 0 of an empty dim, by which nothing is divided, counts as 1.
typedef struct st_divisor { uint32_t divisor, magic, shift; } st_divisor;
static inline ST_BOTH st_divisor st_make_divisor(uint32_t divisor) {
  st_divisor d;
  if (divisor == 0) divisor = 1;
  d.divisor = divisor;
  d.shift = 0;
  while (d.shift < 31u && (1u << d.shift) < divisor) ++d.shift;
  d.magic = (uint32_t)((((uint64_t)1 << 32) * (((uint64_t)1 << d.shift) - divisor)) / divisor + 1);
  return d;
}

/// unary, binary, ternary, select, convert: contiguous operands; address[0] is the output. Bit k of `scalars`: operand k is one element for all.
typedef struct st_run_args {
  st_address address[ST_KERNEL_OPERANDS];
  uint64_t count;
  uint32_t scalars, reserved;
  st_kernel_params params;
} st_run_args;

/// The same with strides (0 broadcasts). count = product of the sizes, below 2^31: larger work is split by the caller. 1 <= rank <= 8.
typedef struct st_strided_args {
  st_address address[ST_KERNEL_OPERANDS];
  uint32_t count, rank;
  st_divisor size[ST_KERNEL_DIMS];
  int64_t stride[ST_KERNEL_OPERANDS][ST_KERNEL_DIMS];
  st_kernel_params params;
} st_strided_args;

/// fill: the element's bytes come first in `value`. The contiguous kernel reads address, count and value only.
typedef struct st_fill_args {
  st_address address;
  uint64_t count;
  uint32_t rank, reserved;
  uint64_t value[2];
  st_divisor size[ST_KERNEL_DIMS];
  int64_t stride[ST_KERNEL_DIMS];
} st_fill_args;

/// arange: element k is start + k * step, in float64 for floating types and int64 (wrapping) for integers.
typedef struct st_arange_args {
  st_address address;
  uint64_t count;
  double start, step;
  int64_t integer_start, integer_step;
} st_arange_args;

/// Bytes of one partial result of a split reduction, whatever the operator and type.
#define ST_REDUCE_STATE_BYTES 64
/// reduce: `outputs` results, each over `reduced` elements (both below 2^31). Kept dims index the outputs, reduced dims the elements; a rank may be 0.
/// splits > 1: block (o, s) leaves a partial result in workspace[(o * splits + s) * ST_REDUCE_STATE_BYTES], which the _finish kernel combines.
typedef struct st_reduce_args {
  st_address in, out, workspace;
  uint32_t outputs, reduced, splits;
  uint32_t kept_rank, reduced_rank, reserved;
  st_divisor kept_size[ST_KERNEL_DIMS];
  int64_t kept_in_stride[ST_KERNEL_DIMS], kept_out_stride[ST_KERNEL_DIMS];
  st_divisor reduced_size[ST_KERNEL_DIMS];
  int64_t reduced_stride[ST_KERNEL_DIMS];
  st_kernel_params params;
} st_reduce_args;

/// softmax family, normalisations, cross-entropy: contiguous [rows, columns]; what each address means stands in CONTRACT.md.
typedef struct st_rows_args {
  st_address address[8];
  uint32_t rows, columns;
  double eps;
  int64_t ignore_index;
} st_rows_args;

/// gather: `count` positions of the index tensor (below 2^31; sizes `size`). Operand strides: of the tensor walked with the index (out), of the index, and of the one
/// that is indexed (in), whose stride along the indexed dim is given apart and is 0 in its list.
/// *fault (uint32, set to 0xffffffff beforehand) receives the smallest position whose index is outside [0, extent); 0: not wanted.
typedef struct st_gather_args {
  st_address walked, index, indexed, fault;
  uint32_t count, rank;
  st_divisor size[ST_KERNEL_DIMS];
  int64_t walked_stride[ST_KERNEL_DIMS], index_stride[ST_KERNEL_DIMS], indexed_stride[ST_KERNEL_DIMS];
  int64_t dim_stride, extent;
} st_gather_args;

/// scatter: out[.., index[i], ..] op= source[i], in the order of i along each of `count` lines (below 2^31). Sizes and strides are those of the dims other than the indexed one,
/// along which a line has `along` elements; strides along it are given apart. *fault as for gather; the position is line * along + i.
typedef struct st_scatter_args {
  st_address out, index, source, fault;
  uint32_t count, rank, along, reserved;
  st_divisor size[ST_KERNEL_DIMS];
  int64_t out_stride[ST_KERNEL_DIMS], index_stride[ST_KERNEL_DIMS], source_stride[ST_KERNEL_DIMS];
  int64_t out_along, index_along, source_along, extent;
} st_scatter_args;

/// takeRows: out[i] = in[index[i]], rows of `row_bytes` bytes. addRows: out[index[i]] += alpha * in[i], rows of `columns` elements. index int64.
typedef struct st_take_rows_args {
  st_address out, in, index, fault;
  uint64_t count, row_bytes, columns;
  int64_t out_stride, in_stride, extent, skip;
  double alpha;
} st_take_rows_args;

/// c = alpha * a b + beta * c, then + bias (by column). Strides in elements; a batch stride of 0 repeats the matrix.
typedef struct st_matmul_args {
  st_address a, b, c, bias;
  uint32_t m, n, k, batch;
  int64_t a_row, a_column, a_batch, b_row, b_column, b_batch, c_row, c_batch;
  double alpha, beta;
} st_matmul_args;

/// sgd, adam: one parameter of `count` contiguous elements. The numbers are those of the CPU's st_optim.h.
typedef struct st_optim_args {
  st_address parameter, gradient, state[3];
  uint64_t count;
  double scalar[8];
  uint32_t flags, reserved;
} st_optim_args;

/// Tensors of attention, in the order of the arrays below.
enum { ST_QUERY, ST_KEY, ST_VALUE, ST_OUT, ST_DOUT, ST_DQUERY, ST_DKEY, ST_DVALUE, ST_ATTENTION_TENSORS };
/// attention: query, out and their gradients [batch, heads, queries, width], key and value [batch, heads, keys, width]. Strides in elements, of batch, head and row; the numbers of
/// a row are neighbours. lse (logarithm of the sum of e^score) and delta (row sums of dout * out) float32 [batch, heads, queries], contiguous. causal: query i sees keys up to i.
typedef struct st_attention_args {
  st_address address[ST_ATTENTION_TENSORS], lse, delta;
  int64_t stride[ST_ATTENTION_TENSORS][3];
  uint32_t batch, heads, queries, keys, width, causal;
  double scale;
} st_attention_args;
