// The machine code of the emulator: what its compiler hands out and its driver loads.
#pragma once
#include <string>

namespace st_emulator {

/// "STEMU1\n" file "\n" defines, each with a blank before it "\n\0".
struct Program {
  std::string file, defines;
  std::string image() const;
  static bool parse(const void *image, Program &program);
  /// Whether this program, compiled from `file`, would have `symbol`: the values of its ST_ defines are parts of the name, and with ST_ONE an ST_MAKE_ has it.
  bool defines_symbol(const std::string &symbol) const;
};

}  // namespace st_emulator
