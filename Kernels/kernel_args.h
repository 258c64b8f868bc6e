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
/// The same in tiles of ST_TILE x ST_TILE along dims 0 and 1 (rank >= 2), for operands that are contiguous along one of these dims while others are along the other.
enum { ST_TILE = 32 };
#ifdef __cplusplus
struct st_tiled_args : st_strided_args {};
#endif

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
  uint32_t rows, columns, splits, reserved;
  double eps;
  int64_t ignore_index;
} st_rows_args;

/// gather: `count` positions of the index tensor (below 2^31; sizes `size`). Operand strides: of the tensor walked with the index (out), of the index, and of the one
/// that is indexed (in), whose stride along the indexed dim is given apart and is 0 in its list.
/// *fault (uint64, all ones beforehand) receives the smallest position whose index is outside [0, extent), and the index (fault.cuh); 0: not wanted.
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
  /// scatterSegments: the sorted lines; the index itself is not read.
  st_address keys, items;
} st_scatter_args;

/// takeRows: out[i] = in[index[i]], rows of `row_bytes` bytes. addRows: out[index[i]] += alpha * in[i], rows of `columns` elements. index int64.
typedef struct st_take_rows_args {
  st_address out, in, index, fault;
  uint64_t count, row_bytes, columns;
  int64_t out_stride, in_stride, extent, skip;
  double alpha;
  /// addSegments: the sorted index, which itself is not read.
  st_address keys, items;
} st_take_rows_args;

/// c = alpha * a b + beta * c, then + bias (by column). Strides in elements; a batch stride of 0 repeats the matrix.
typedef struct st_matmul_args {
  st_address a, b, c, bias;
  uint32_t m, n, k, batch;
  int64_t a_row, a_column, a_batch, b_row, b_column, b_batch, c_row, c_batch;
  double alpha, beta;
} st_matmul_args;

/// sgd, adam: `tensors` parameters of contiguous elements, each cut into chunks of `chunk` elements (a multiple of 4), a block each. The numbers are those of the CPU's st_optim.h.
typedef struct st_optim_entry {
  st_address parameter, gradient, state[3];
  uint64_t count;
  /// Number of the first chunk of this parameter.
  uint64_t first;
} st_optim_entry;
typedef struct st_optim_numbers {
  double scalar[8];
  /// Where the device has them, for steps that are replayed; 0: here.
  st_address scalars;
  uint32_t flags, tensors;
  uint64_t chunk;
} st_optim_numbers;
/// Below the 4 KiB of arguments that every driver takes, and below the 32,764 bytes that CUDA 12.1 and later take.
#define ST_OPTIM_FEW 70
#define ST_OPTIM_MANY 580
typedef struct st_optim_few_args { st_optim_numbers n; st_optim_entry entry[ST_OPTIM_FEW]; } st_optim_few_args;
typedef struct st_optim_many_args { st_optim_numbers n; st_optim_entry entry[ST_OPTIM_MANY]; } st_optim_many_args;

/// random: `count` contiguous elements. offset is a multiple of 4. place: 0, or where a seed stands and an offset to add, for draws that are replayed. a, b, base, range: the distribution's parameters; range 0 is all values of a draw. chances: probabilities for `each`.
typedef struct st_random_args {
  st_address out, chances, place;
  uint64_t count, seed, offset;
  double a, b;
  int64_t base;
  uint64_t range;
} st_random_args;

/// dropout: y = x scale with probability `keep`, else x 0; kept: where (bool), or 0. Contiguous. A thread has `neighbours` at a time, which divide count: PyTorch's, as many as fit 16 bytes,
/// halved while they do not divide it.
typedef struct st_dropout_args {
  st_address y, x, kept, place;
  uint64_t count, seed, offset, neighbours;
  double keep, scale;
} st_dropout_args;

#define ST_MASK_TILE 4096
/// masks: `count` elements (below 2^31; sizes `size`, 1 <= rank) in row-major order, in tiles of ST_MASK_TILE, a block each. tiles: uint32, one more than tiles; after the scan tiles[t] is
/// the number of true elements before tile t, the last one of all. packed: positions (int64 [true, rank]), or the elements that the true ones stand for.
typedef struct st_mask_args {
  st_address mask, data, packed, tiles;
  uint32_t count, rank;
  /// Bit 0: the mask is contiguous, bit 1: data is.
  uint32_t linear, reserved;
  uint64_t packed_count;
  st_divisor size[ST_KERNEL_DIMS];
  int64_t mask_stride[ST_KERNEL_DIMS], data_stride[ST_KERNEL_DIMS];
} st_mask_args;

/// Elements of a block that sorts short rows and of one that works on a part of a row; the most that are selected; the longest row that one block sorts.
#define ST_SORT_SHORT 2048
#define ST_SORT_TILE 4096
#define ST_SORT_SELECT 512
#define ST_SORT_ROW 8192
/// sort: contiguous rows [rows, n] to the first k of each in order; values, indices (int64): 0 where not wanted. Long rows: keys (as wide as CONTRACT.md says) and items (uint32 positions)
/// move from [0] to [1] in each pass; counts has 256 * rows * (tiles + 1) uint32. seed, offset, place (as in random), low: islands.
typedef struct st_sort_args {
  st_address in, values, indices, keys[2], items[2], counts;
  uint32_t rows, n, k, descending, tiles, shift, digits;
  /// Items of a row for sortSelect.
  uint32_t stride;
  uint64_t seed, offset, low;
  st_address place;
} st_sort_args;

/// searchSorted: where each of `count` values goes among n sorted boundaries; out int64.
typedef struct st_search_args {
  st_address boundaries, values, out;
  uint64_t n, count;
  uint32_t right, reserved;
} st_search_args;

/// Tensors of attention, in the order of the arrays below.
enum { ST_QUERY, ST_KEY, ST_VALUE, ST_OUT, ST_DOUT, ST_DQUERY, ST_DKEY, ST_DVALUE, ST_ATTENTION_TENSORS };
/// Threads of a block of attention and rows that it owns (queries, or keys for their gradients): on tensor cores, where gradients of heads wider than 64 have fewer rows, and with FMA.
#define ST_ATTENTION_THREADS 128
#define ST_ATTENTION_ROWS 128
#define ST_ATTENTION_WIDE_GRADIENT_ROWS 64
#define ST_ATTENTION_FMA_THREADS 256
#define ST_ATTENTION_FMA_ROWS 64
/// attention: query, out and their gradients [batch, heads, queries, width], key and value [batch, heads, keys, width]. Strides in elements, of batch, head and row; the numbers of
/// a row are neighbours. lse (logarithm of the sum of e^score) and delta (row sums of dout * out) float32 [batch, heads, queries], contiguous. causal: query i sees keys up to i.
typedef struct st_attention_args {
  st_address address[ST_ATTENTION_TENSORS], lse, delta;
  int64_t stride[ST_ATTENTION_TENSORS][3];
  uint32_t batch, heads, queries, keys, width, causal;
  double scale;
} st_attention_args;

/// batch norm: contiguous [n, c, inner], all sizes and products below 2^31. A channel's n * inner elements are folded in `splits` parts of `part` (a multiple of 8); a block takes
/// `lanes` channels: 1, or 32 where inner is 1. workspace: partial results [splits][c] of ST_BATCHNORM_STATE_BYTES, then (backward) three constants [3][c] in the computing type.
#define ST_BATCHNORM_STATE_BYTES 32
typedef struct st_batchnorm_args {
  /// y: output or dx. variance: output of the statistics. mean, rstd, variance: computing type.
  st_address y, x, dy, mean, variance, rstd, weight, bias, dweight, dbias, workspace, constants;
  uint32_t n, c, inner, splits, part, lanes;
  /// Bit 0: training, bit 1: there are sums in the workspace.
  uint32_t flags, reserved;
  st_divisor inner_by, c_by;
} st_batchnorm_args;

/// pooling: contiguous [planes, in…] and [planes, out…], three dims, the innermost first (missing ones have size 1). count: elements that are written, below 2^31.
/// divisor: 0 for the window's size. maxBackward reads planes, in_plane, out_plane (elements of a plane) only.
typedef struct st_pool_args {
  st_address x, y, indices;
  uint32_t count, planes, in_plane, out_plane;
  int32_t in[3], kernel[3], stride[3], pad[3], dilation[3];
  uint32_t include_pad;
  int64_t divisor;
  /// Sizes of the output, or (averageBackward) of the input; strides of windows.
  st_divisor size[3], stride_by[3];
  int32_t out[3], reserved;
} st_pool_args;

/// scan: `lines` lines of n elements (both below 2^31). Sizes and strides (bytes) are those of the dims other than the scanned one; indices: int64, 0 where not wanted. A long line goes in
/// `pieces` pieces of `each` elements (1 and n otherwise): totals writes their states, up to ST_SCAN_STATE_BYTES each, to totals [lines, pieces], row starts a piece from those before it.
#define ST_SCAN_STATE_BYTES 16
#define ST_SCAN_PIECES 256
/// Most threads of a block of scan_…_lines.
#define ST_SCAN_BLOCK 512
typedef struct st_scan_args {
  st_address in, out, indices, totals;
  uint32_t lines, n, rank, pieces, each, reserved;
  st_divisor size[ST_KERNEL_DIMS];
  /// Of in, out, indices.
  int64_t stride[3][ST_KERNEL_DIMS];
  int64_t along[3];
} st_scan_args;

/// A spatial dim of a convolution, innermost first; unused ones have size 1. Tap j of a phase meets pixel i of it at position i * along + base + j * move of `in`, of `extent` positions, where
/// base * phases = start + phase - (first tap) * dilation; the pixel is position i * phases + phase of `out`, the tap is first + j * step of the weights. Forward: phases = step = 1, along = stride,
/// start = -pad, move = dilation. Gradient of the data, g = gcd(stride, dilation): phases = stride, step = stride / g, along = 1, start = pad, move = -dilation / g.
typedef struct st_conv_dim {
  st_divisor kernel, phases, pixels;
  uint32_t along, step, extent, out_extent;
  int32_t move, start, dilation;
  uint32_t in_stride, out_stride, weight_stride;
} st_conv_dim;
/// convolution: out = weight times what is gathered from `in`, + bias. Strides in elements, offsets and counts below 2^31, positions within 2^29. pixels: batch times the dims' pixels; rows: channels
/// of `out` in a group; channels: those of `in`; taps: channels times the kernel's; planes: groups times phases. Gradient of the weights: of the forward convolution, dy in place of
/// `out`, `weight` written; the pixels are split into parts of `each`, their sums go to workspace [splits, groups, rows, taps] (of 32 bits for smaller numbers) if splits > 1.
/// packed: 1 if the weights of a row lie in the order of the steps, in whole chunks of 16 bytes: not in the gradient of the data.
typedef struct st_conv_args {
  st_address out, in, weight, bias, workspace;
  uint32_t pixels, rows, channels, taps, groups, planes, splits, each;
  uint32_t in_batch, in_channel, in_group, out_batch, out_row, out_group, weight_row, weight_channel, weight_group, bias_stride, packed;
  st_conv_dim dim[3];
} st_conv_args;

/// Columns of the pieces that kernels of linalg factor and solve.
#define ST_LINALG_SIDE 32
/// linalg: of a batch, a [rows, columns] and b [rows, others]; strides in elements, vector_batch that of pivots (int32) or tau. info: int32, one a matrix, 0
/// beforehand. What each kernel reads stands in CONTRACT.md.
typedef struct st_linalg_args {
  st_address a, b, tau, pivots, info;
  int64_t a_row, a_column, a_batch, b_row, b_column, b_batch, vector_batch;
  uint32_t rows, columns, others, batch, first, flags;
  double limit;
} st_linalg_args;
