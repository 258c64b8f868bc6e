// Look-alike of NVRTC: checks what it is asked for and names it; the kernels were compiled with the emulator.
#include "program.h"
#include "registry.h"
#include "settings.h"

using namespace st_emulator;

enum { kSuccess = 0, kOutOfMemory = 1, kProgramCreation = 2, kInvalidInput = 3, kInvalidProgram = 4, kInvalidOption = 5, kCompilation = 6 };

struct EmulatedProgram {
  Program program;
  std::string source, log, image;
};

#define API extern "C" __attribute__((visibility("default"))) int32_t
API nvrtcVersion(int32_t *major, int32_t *minor) {
  if (!major || !minor) return kInvalidInput;
  *major = 13;
  *minor = 0;
  return kSuccess;
}
API nvrtcCreateProgram(EmulatedProgram **program, const char *source, const char *name, int32_t header_count, const char *const *headers, const char *const *header_names) {
  if (!program || !source || header_count < 0 || (header_count && (!headers || !header_names))) return kInvalidInput;
  EmulatedProgram *p = new EmulatedProgram;
  p->source = source;
  const char *file = name ? name : "default_program";
  if (const char *slash = strrchr(file, '/')) file = slash + 1;
  p->program.file = file;
  // As with the real one, a header that is included must have been handed over.
  for (size_t at = 0; (at = p->source.find("\n#include \"", at)) != std::string::npos;) {
    at += 11;
    std::string wanted = p->source.substr(at, p->source.find('"', at) - at);
    bool found = false;
    for (int32_t k = 0; k < header_count; ++k) found |= wanted == header_names[k];
    if (!found) p->log += std::string(file) + ": catastrophic error: cannot open source file \"" + wanted + "\"\n";
  }
  *program = p;
  return kSuccess;
}
API nvrtcDestroyProgram(EmulatedProgram **program) {
  if (!program || !*program) return kInvalidProgram;
  delete *program;
  *program = nullptr;
  return kSuccess;
}
API nvrtcCompileProgram(EmulatedProgram *p, int32_t count, const char *const *options) {
  if (!p) return kInvalidProgram;
  p->program.defines.clear();
  for (int32_t k = 0; k < count; ++k) {
    std::string option = options[k];
    if (option == "-D" || option == "--define-macro") {
      if (++k == count) return kInvalidOption;
      p->program.defines += " " + std::string(options[k]);
    } else if (option.rfind("-D", 0) == 0) p->program.defines += " " + option.substr(2);
    else if (option.rfind("--define-macro=", 0) == 0) p->program.defines += " " + option.substr(15);
    else if (option.empty() || option[0] != '-') return kInvalidOption;
  }
  if (!p->log.empty()) return kCompilation;
  if (p->program.file == settings.fail_compile) {
    p->log = p->program.file + "(1): error: the emulator was asked to fail here (SWIFT_TORCH_EMULATOR_FAIL_COMPILE)\n\n1 error detected in the compilation of \"" + p->program.file + "\".\n";
    return kCompilation;
  }
  bool any = false;
  for (int32_t k = 0; k < kernel_count() && !any; ++k) any = kernel_at(k)->file == p->program.file && p->program.defines_symbol(kernel_at(k)->symbol);
  if (!any) {
    p->log = "the emulator has no kernel of " + p->program.file + " with" + (p->program.defines.empty() ? std::string(" no defines") : p->program.defines) + "\n";
    return kCompilation;
  }
  p->image = p->program.image();
  return kSuccess;
}
API nvrtcGetProgramLogSize(EmulatedProgram *p, size_t *bytes) {
  if (!p || !bytes) return kInvalidProgram;
  *bytes = p->log.size() + 1;
  return kSuccess;
}
API nvrtcGetProgramLog(EmulatedProgram *p, char *log) {
  if (!p || !log) return kInvalidProgram;
  memcpy(log, p->log.c_str(), p->log.size() + 1);
  return kSuccess;
}
API nvrtcGetCUBINSize(EmulatedProgram *p, size_t *bytes) {
  if (!p || !bytes) return kInvalidProgram;
  *bytes = p->image.size();
  return kSuccess;
}
API nvrtcGetCUBIN(EmulatedProgram *p, char *image) {
  if (!p || !image || p->image.empty()) return kInvalidProgram;
  memcpy(image, p->image.data(), p->image.size());
  return kSuccess;
}
extern "C" __attribute__((visibility("default"))) const char *nvrtcGetErrorString(int32_t error) {
  switch (error) {
    case kSuccess: return "NVRTC_SUCCESS";
    case kInvalidInput: return "NVRTC_ERROR_INVALID_INPUT";
    case kInvalidProgram: return "NVRTC_ERROR_INVALID_PROGRAM";
    case kInvalidOption: return "NVRTC_ERROR_INVALID_OPTION";
    case kCompilation: return "NVRTC_ERROR_COMPILATION";
    default: return "NVRTC_ERROR unknown";
  }
}
