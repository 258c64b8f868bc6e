// What every kernel starts with: the differences between NVRTC and the emulator's host compiler, the scalar functions that the CPU kernels use too, and names for types.
//
// Note [Kernels for two compilers]
// A kernel is compiled by NVRTC for the device, and by the host's C++ compiler for the emulator (Sources/CCUDAEmulator), where tests run it without a GPU. So kernels say
//   ST_KERNEL(symbol, arguments struct, threads)   instead of extern "C" __global__,
//   ST_SHARED(type, name, count)                   instead of __shared__ (the emulator poisons it and finds overruns),
//   ST_DEVICE                                      for functions,
// inline PTX appears in this file, in mma.cuh and in scalar/types.h only, each with a form for the host beside it, and no CUDA header is included. In the emulator all of this, the kernels
// included, lies in an unnamed namespace, after the C headers.
#ifndef ST_PREAMBLE
#define ST_PREAMBLE
#include "kernel_args.h"

#define ST_HOST 0
#ifdef ST_EMULATOR
// The emulator brings ST_KERNEL and ST_SHARED.
#define ST_DEVICE static inline
#define ST_CALL inline
#define ST_FN static inline
#define ST_NOINLINE static __attribute__((noinline))
#else
#define ST_DEVICE static __device__ __forceinline__
#define ST_CALL __device__ __forceinline__
#define ST_FN static __device__ __forceinline__
#define ST_NOINLINE static __device__ __noinline__
// With ST_ONE only the kernels with an ST_MAKE_symbol of `~, 1` are made, so that the first use of one does not wait for the others of its file: they are templates that nobody calls,
// which are read and no more.
#ifdef ST_ONE
#define ST_SECOND_NOW(a, b, ...) b
#define ST_SECOND(...) ST_SECOND_NOW(__VA_ARGS__)
#define ST_IS_MADE(symbol) ST_SECOND(ST_MAKE_##symbol, 0, 0)
#else
#define ST_IS_MADE(symbol) 1
#endif
#define ST_KERNEL_0(symbol, Args, threads, blocks) template <int> __device__ void symbol(const Args &args)
#define ST_KERNEL_1(symbol, Args, threads, blocks) extern "C" __global__ void __launch_bounds__(threads, blocks) symbol(const __grid_constant__ Args args)
#define ST_KERNEL_NOW(made, ...) ST_KERNEL_##made(__VA_ARGS__)
#define ST_KERNEL_IF(made, ...) ST_KERNEL_NOW(made, __VA_ARGS__)
// With registers so few that `blocks` of them fit a multiprocessor.
#define ST_KERNEL_RESIDENT(symbol, Args, threads, blocks) ST_KERNEL_IF(ST_IS_MADE(symbol), symbol, Args, threads, blocks)
// One block a multiprocessor is promised only: left alone, the assembler spills a few registers to fit one block more.
#define ST_KERNEL(symbol, Args, threads) ST_KERNEL_RESIDENT(symbol, Args, threads, 1)
#define ST_SHARED(T, name, count) __shared__ T name[count]
// The scalar functions are written for clang.
#define __builtin_memcpy memcpy
#define __builtin_inff() __int_as_float(0x7f800000)
#define __builtin_inf() __longlong_as_double(0x7ff0000000000000ll)
#define __builtin_nanf(text) __int_as_float(0x7fc00000)
#define __builtin_nan(text) __longlong_as_double(0x7ff8000000000000ll)
#endif

typedef st_kernel_params st_params;
#include "scalar/types.h"
#include "scalar/math.h"
#include "scalar/complex.h"
#include "scalar/special.h"
#include "scalar/unary.h"
#include "scalar/binary.h"
#include "scalar/ternary.h"

// Types by the names that symbols and defines use.
typedef bool dtype_bool;
typedef uint8_t dtype_u8;
typedef int8_t dtype_i8;
typedef int16_t dtype_i16;
typedef int32_t dtype_i32;
typedef int64_t dtype_i64;
typedef half dtype_f16;
typedef bfloat16 dtype_bf16;
typedef float dtype_f32;
typedef double dtype_f64;
typedef complex64 dtype_c64;
typedef complex128 dtype_c128;
typedef uint16_t dtype_u16;
typedef uint32_t dtype_u32;
typedef uint64_t dtype_u64;
template <class S> using Compute = typename Element<S>::Compute;

/// Neighbours that are read and written at once.
template <class T, int N> struct alignas(sizeof(T) * N) Pack { T element[N]; };
/// Numbers of 16 bytes that are only moved.
struct alignas(16) Bits128 { uint64_t low, high; };
template <int Bytes> struct BitsOf;
template <> struct BitsOf<1> { typedef uint8_t Type; };
template <> struct BitsOf<2> { typedef uint16_t Type; };
template <> struct BitsOf<4> { typedef uint32_t Type; };
template <> struct BitsOf<8> { typedef uint64_t Type; };
/// Complex numbers of 16 bytes are aligned to 8.
template <> struct BitsOf<16> { typedef complex128 Type; };

ST_DEVICE uint32_t divide(uint32_t n, const st_divisor &d) { return (__umulhi(n, d.magic) + n) >> d.shift; }
template <class T> ST_DEVICE T *pointer(st_address address) { return (T *)address; }
/// The lanes of the warp that agree with this one in a bit of x.
ST_DEVICE uint32_t same_bit(uint32_t x, uint32_t bit) {
#ifdef ST_EMULATOR
  const uint32_t ones = __ballot_sync(0xffffffffu, (x & bit) != 0);
  return x & bit ? ones : ~ones;
#else
  // The compiler would shift and test the bit anew for the vote.
  uint32_t lanes;
  asm volatile("{ .reg .pred p; .reg .b32 t; and.b32 t, %1, %2; setp.ne.u32 p, t, 0; vote.sync.ballot.b32 %0, p, 0xffffffff; @!p not.b32 %0, %0; }" : "=r"(lanes) : "r"(x), "r"(bit));
  return lanes;
#endif
}
/// Keeps the compiler from computing x later, where it is used, and holding in its place what it comes from.
ST_DEVICE void compute_now(uint32_t &x) {
#ifndef ST_EMULATOR
  asm volatile("" : "+r"(x));
#endif
}
constexpr int greatest(int a, int b) { return a > b ? a : b; }

// Names of a kernel's parts: ST_JOIN(unary_, gelu) after expansion of both.
#define ST_JOIN_NOW(a, b) a##b
#define ST_JOIN(a, b) ST_JOIN_NOW(a, b)
#endif
