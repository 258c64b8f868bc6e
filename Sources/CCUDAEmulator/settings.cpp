#include "settings.h"
#include "memory.h"
#include <map>
#include <stdio.h>
#include <stdlib.h>

namespace st_emulator {

Settings settings;

static std::map<std::string, std::string> &overrides() {
  static auto *m = new std::map<std::string, std::string>;
  return *m;
}
void set_variable(const std::string &name, const char *value) {
  if (value) overrides()[name] = value;
  else overrides().erase(name);
}
static const char *variable(const char *name) {
  auto found = overrides().find(name);
  if (found != overrides().end()) return found->second.c_str();
  const char *value = getenv((std::string("SWIFT_TORCH_EMULATOR_") + name).c_str());
  return value && *value ? value : nullptr;
}
bool parse_schedule(const char *text, Schedule &schedule) {
  if (strcmp(text, "forward") == 0) schedule = {Schedule::forward, 0};
  else if (strcmp(text, "reverse") == 0) schedule = {Schedule::reverse, 0};
  else if (strncmp(text, "shuffle:", 8) == 0) schedule = {Schedule::shuffled, strtoull(text + 8, nullptr, 10)};
  else return false;
  return true;
}
void read_settings() {
  Settings s;
  if (const char *v = variable("SCHEDULE")) {
    if (!parse_schedule(v, s.schedule)) fprintf(stderr, "SWIFT_TORCH_EMULATOR_SCHEDULE=%s: not forward, reverse or shuffle:SEED\n", v);
  }
  if (const char *v = variable("DEVICES")) s.devices = atoi(v);
  if (const char *v = variable("DRIVER")) s.driver = atoi(v);
  if (const char *v = variable("CAPABILITY")) s.capability = atoi(v);
  if (const char *v = variable("FAIL_LAUNCH")) s.fail_launch = v;
  if (const char *v = variable("MISSING")) s.missing = v;
  if (const char *v = variable("FAIL_COMPILE")) s.fail_compile = v;
  if (const char *v = variable("FAIL_BLASLT")) s.fail_blaslt = v;
  if (const char *v = variable("FAIL_FFT")) s.fail_fft = v;
  if (const char *v = variable("FAIL_DNN")) s.fail_dnn = v;
  if (const char *v = variable("FAIL_SOLVER")) s.fail_solver = v;
  if (const char *v = variable("DEFERRED")) s.deferred = strtoull(v, nullptr, 10);
  s.quiet = variable("QUIET");
  const char *aligned = variable("ALIGNMENT");
  set_alignment(aligned && atoi(aligned) > 0 ? (size_t)atoi(aligned) : 256);
  const char *memory = variable("MEMORY");
  set_memory_limit(memory ? strtoull(memory, nullptr, 10) : 4ull << 30);
  settings = s;
}

}  // namespace st_emulator
