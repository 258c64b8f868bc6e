// Includes ST_LEVEL_FILE once per CPU level, each time in a namespace of its own. See Note [CPU levels].
//
// Note [CPU levels]
// One binary must serve every x86-64 and be fast on the newest, so each vectorised kernel is compiled several times and the best copy is chosen once by
// CPUID. The copies come from the target attribute, not from compiler flags: flags would bar the package from versioned use and tie it to one CPU.
// Each copy sits in its own namespace, and nothing inside may use the C++ standard library: an inline function or template of it would be emitted as one weak
// symbol for all levels, and the linker might keep the AVX-512 copy for everybody. Include headers (math.h, string.h) before this file, never inside.
// Inside, ST_VECTOR_BYTES is the level's register width. The .inc file may include scalar/*.h, which therefore have no include guards.
// A table per level is exported as NAME::table(); pick with ST_PICK(NAME-of-function). A file that defines ST_HIGHEST_LEVEL as 0 or 1 before including this is
// compiled up to that level only, for code that wider registers do not help; ST_PICK then takes the highest there is.
#ifndef ST_HIGHEST_LEVEL
#define ST_HIGHEST_LEVEL 2
#endif
#pragma STDC FP_CONTRACT ON
#define ST_FN static inline __attribute__((always_inline))
#define ST_HOST 1

#define ST_VECTOR_BYTES 16
#define ST_LEVEL 0
// On x86-64 the copy for CPUs of before 2013 is made small rather than fast: the binary is that much smaller for everybody.
#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((minsize)), apply_to = function)
#endif
namespace st_baseline {
#include ST_LEVEL_FILE
}
#if defined(__x86_64__)
#pragma clang attribute pop
#endif
#undef ST_VECTOR_BYTES
#undef ST_LEVEL

#if defined(__x86_64__) && ST_HIGHEST_LEVEL >= 1
#define ST_VECTOR_BYTES 32
#define ST_LEVEL 1
#pragma clang attribute push(__attribute__((target("avx2,fma,bmi,bmi2,f16c,lzcnt,popcnt"))), apply_to = function)
namespace st_avx2 {
#include ST_LEVEL_FILE
}
#pragma clang attribute pop
#undef ST_VECTOR_BYTES
#undef ST_LEVEL
#endif
#if defined(__x86_64__) && ST_HIGHEST_LEVEL >= 2
#define ST_VECTOR_BYTES 64
#define ST_LEVEL 2
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512cd,avx2,fma,bmi,bmi2,f16c,lzcnt,popcnt"))), apply_to = function)
namespace st_avx512 {
#include ST_LEVEL_FILE
}
#pragma clang attribute pop
#undef ST_VECTOR_BYTES
#undef ST_LEVEL
#endif
/// The copy of `function` for the level in use.
#if defined(__x86_64__) && ST_HIGHEST_LEVEL >= 2
#define ST_PICK(function) (st_level() == StLevel_avx512 ? st_avx512::function : st_level() == StLevel_avx2 ? st_avx2::function : st_baseline::function)
#elif defined(__x86_64__) && ST_HIGHEST_LEVEL == 1
#define ST_PICK(function) (st_level() >= StLevel_avx2 ? st_avx2::function : st_baseline::function)
#else
#define ST_PICK(function) (st_baseline::function)
#endif
