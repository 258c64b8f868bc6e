// Which CPU level is in use: CPUID once, lowered by the environment or by tests.
#include "st_types.h"
#include <stdlib.h>
#include <string.h>

static StLevel detect() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd"))
    return StLevel_avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("f16c"))
    return StLevel_avx2;
#endif
  return StLevel_baseline;
}

static StLevel initial(StLevel best) {
  const char *wanted = getenv("SWIFT_TORCH_CPU_LEVEL");
  if (!wanted) return best;
  if (!strcmp(wanted, "baseline")) return StLevel_baseline;
  if (!strcmp(wanted, "avx2") && best > StLevel_avx2) return StLevel_avx2;
  return best;
}

static const StLevel best = detect();
static StLevel current = initial(best);

extern "C" StLevel st_level(void) { return __atomic_load_n(&current, __ATOMIC_RELAXED); }
extern "C" void st_set_level(StLevel level) { if (level <= best) __atomic_store_n(&current, level, __ATOMIC_RELAXED); }
