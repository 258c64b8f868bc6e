// Swift reads its arguments from /proc, which a bare root folder does not have; the C library hands them to constructors.
#include "st_process.h"

static int32_t argument_count;
static char **arguments;

__attribute__((constructor)) static void remember(int count, char **values) {
  argument_count = count;
  arguments = values;
}

extern "C" int32_t st_argument_count(void) { return argument_count; }
extern "C" const char *st_argument(int32_t i) { return i >= 0 && i < argument_count ? arguments[i] : nullptr; }
