// Device memory: pages of its own for each allocation, fenced, filled with 0xFF, and counted against a limit.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string>

namespace st_emulator {

/// 0 if the limit does not allow it.
uint64_t allocate(size_t bytes);
/// False if nothing begins there.
bool release(uint64_t address);
/// Whether [address, address + bytes) lies within one allocation.
bool is_allocated(uint64_t address, size_t bytes);
uint64_t allocated_bytes();
void set_memory_limit(uint64_t bytes);
uint64_t memory_limit();
/// What addresses are multiples of: 256, or less, so that less lies between the end of an allocation and the page behind it.
void set_alignment(size_t bytes);
/// What is wrong with an address that can not be accessed.
std::string describe(uint64_t address);
/// What was written outside of allocations since the last look, or "". Mends it, so that it is reported once.
std::string check_fences();

}  // namespace st_emulator
