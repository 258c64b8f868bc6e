// What tests ask the emulator beyond CUDA's own functions. The library is opened by dlopen, as the driver would be; nothing links it.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
#define ST_EMULATOR_API __attribute__((visibility("default")))

/// Text of the last fault that a kernel was stopped for (barrier, out of bounds, deadlock), or "".
ST_EMULATOR_API const char *emulator_fault(void);
/// Makes a context that a fault has broken usable again.
ST_EMULATOR_API void emulator_reset(void);
/// Sets what the environment variable SWIFT_TORCH_EMULATOR_`name` would, at once and for this copy of the library only; NULL: as the environment has it.
ST_EMULATOR_API void emulator_set(const char *name, const char *value);
/// Kernels that are compiled in, and the symbol of each.
ST_EMULATOR_API int32_t emulator_kernel_count(void);
ST_EMULATOR_API const char *emulator_kernel_symbol(int32_t index);
/// Bytes allocated on the device now, and launches since the library was opened: all, and those of one kernel.
ST_EMULATOR_API uint64_t emulator_allocated(void);
ST_EMULATOR_API uint64_t emulator_launches(void);
ST_EMULATOR_API uint64_t emulator_launches_of(const char *symbol);
/// Products that the look-alike of cuBLASLt made.
ST_EMULATOR_API uint64_t emulator_blaslt_products(void);
/// Transforms that the look-alike of cuFFT made, and plans: those that exist, or all that were made.
ST_EMULATOR_API uint64_t emulator_fft_transforms(void);
ST_EMULATOR_API uint64_t emulator_fft_plans(bool alive);
/// Factorisations that the look-alike of cuSOLVER was asked for, and its handles and parameters that exist.
ST_EMULATOR_API uint64_t emulator_solver_calls(void);
ST_EMULATOR_API uint64_t emulator_solver_objects(void);
/// Convolutions that the look-alike of cuDNN made, plans that it made so far, and descriptors that exist.
ST_EMULATOR_API uint64_t emulator_dnn_convolutions(void);
ST_EMULATOR_API uint64_t emulator_dnn_plans(void);
ST_EMULATOR_API uint64_t emulator_dnn_descriptors(void);

/// The library's own tests: each runs kernels through the driver's functions and compares with plain loops. `digest` gets a hash of all results, which must not depend on the
/// schedule. Returns NULL if all is right, else what is not.
ST_EMULATOR_API int32_t emulator_check_count(void);
ST_EMULATOR_API const char *emulator_check_name(int32_t index);
ST_EMULATOR_API const char *emulator_check_run(int32_t index, uint64_t *digest);

#ifdef __cplusplus
}
#endif
