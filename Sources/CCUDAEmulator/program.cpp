#include "program.h"
#include <string.h>

namespace st_emulator {

static const char kMagic[] = "STEMU1\n";

std::string Program::image() const { return kMagic + file + "\n" + defines + "\n" + std::string(1, '\0'); }
bool Program::parse(const void *image, Program &program) {
  const char *text = (const char *)image;
  if (strncmp(text, kMagic, sizeof kMagic - 1) != 0) return false;
  std::string rest = text + sizeof kMagic - 1;
  size_t line = rest.find('\n'), end = rest.find('\n', line + 1);
  if (line == std::string::npos || end == std::string::npos) return false;
  program.file = rest.substr(0, line);
  program.defines = rest.substr(line + 1, end - line - 1);
  return true;
}
bool Program::defines_symbol(const std::string &symbol) const {
  const std::string padded = "_" + symbol + "_";
  for (size_t at = 0; (at = defines.find(" ST_", at)) != std::string::npos;) {
    size_t equals = defines.find('=', at), end = defines.find(' ', at + 1);
    if (end == std::string::npos) end = defines.size();
    // Which of the file's kernels are made (Kernels/preamble.cuh).
    if (defines.compare(at, 8, " ST_ONE ") == 0) {
      if ((defines + " ").find(" ST_MAKE_" + symbol + "=~,1 ") == std::string::npos) return false;
      at = end;
      continue;
    }
    if (defines.compare(at, 9, " ST_MAKE_") == 0) {
      at = end;
      continue;
    }
    if (equals == std::string::npos || equals > end) return false;
    if (padded.find("_" + defines.substr(equals + 1, end - equals - 1) + "_") == std::string::npos) return false;
    at = end;
  }
  return true;
}

}  // namespace st_emulator
