// Shared by the sources of this target: opened handles and how to look symbols up.
#pragma once
#include "cv_library.h"

extern void *cv_handles[CVLibrary_count];
extern cv_library cv_libraries[CVLibrary_count];
/// Fills addresses[i] with names[i]; false, with the reason noted, if one is missing.
bool cv_symbols(CVLibrary library, int count, const char *const *names, void **addresses);
/// Notes why a library is not used.
void cv_reject(CVLibrary library, const char *reason, const char *detail);
void cv_open_openblas(void);
void cv_open_dnnl(void);
void *cv_open_first(CVLibrary library, const char *const *paths);
void cv_note_path(CVLibrary library, void *symbol);
