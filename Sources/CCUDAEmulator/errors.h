// Results of the driver's functions that the emulator gives.
#pragma once

namespace st_emulator {

enum Result {
  kSuccess = 0, kInvalidValue = 1, kOutOfMemory = 2, kNotInitialized = 3, kNoDevice = 100, kInvalidDevice = 101, kInvalidImage = 200, kInvalidContext = 201,
  kInvalidHandle = 400, kNotFound = 500, kNotReady = 600, kIllegalAddress = 700, kOutOfResources = 701, kLaunchFailed = 719,
  kCaptureUnsupported = 900, kCaptureInvalidated = 901,
};
/// NULL for those that are not known.
const char *error_name(int result);
const char *error_text(int result);

}  // namespace st_emulator
