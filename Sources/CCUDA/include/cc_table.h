// How a table of functions is made from a list with one row a function.
//
// Note [Function tables]
// A row is X(name, symbol, (parameters)). The lists make the struct of pointers, the list of symbols for dlsym, and (in the emulator and in checks against NVIDIA's
// headers) whatever else goes over all functions. `symbol` is the exact one, with its _v2 where CUDA's own header would have put it. Functions of a _REQUIRED list are
// never NULL in a table that loaded, so Swift calls them without asking; those of an _OPTIONAL list may be.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if !defined(__clang__)
#define _Nonnull
#define _Nullable
#endif

#define CC_REQUIRED_FIELD(name, symbol, parameters) int32_t (*_Nonnull name) parameters;
#define CC_OPTIONAL_FIELD(name, symbol, parameters) int32_t (*_Nullable name) parameters;
/// Of a required function that gives something else than a status.
#define CC_VALUE_FIELD(name, symbol, parameters, result) result (*_Nonnull name) parameters;

#ifdef __cplusplus
extern "C" {
#endif
/// The file of the library that `symbol` is in.
const char *_Nullable cc_file_of(const void *_Nonnull symbol);
#ifdef __cplusplus
}
#endif
