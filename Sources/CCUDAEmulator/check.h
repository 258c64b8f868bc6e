// Tools of the emulator's own tests: a device reached through the driver's functions, and a record of what came out.
#pragma once
#include "include/CCUDAEmulator.h"
#include "kernel_args.h"
#include <functional>
#include <stdint.h>
#include <string.h>
#include <string>
#include <vector>

namespace st_emulator {

/// What a failing check throws.
struct CheckFailure { std::string text; };
[[noreturn]] void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/// Numbers that repeat: splitmix64.
struct Numbers {
  uint64_t state;
  uint64_t bits();
  /// In [low, high).
  double uniform(double low, double high);
};

/// Device memory for the time of a check.
class Buffer {
 public:
  explicit Buffer(size_t bytes);
  Buffer(const void *from, size_t bytes);
  template <class T> explicit Buffer(const std::vector<T> &items) : Buffer(items.data(), items.size() * sizeof(T)) {}
  ~Buffer();
  Buffer(const Buffer &) = delete;
  st_address address = 0;
  size_t bytes;
  template <class T> std::vector<T> read() const {
    std::vector<T> items(bytes / sizeof(T));
    read(items.data());
    return items;
  }
  /// Zeros everywhere.
  void clear();

 private:
  void read(void *to) const;
};

/// All results of a check go through this: equal digests mean equal bits.
struct Digest {
  uint64_t value = 14695981039346656037u;
  void add(const void *data, size_t bytes);
  template <class T> void add(const std::vector<T> &items) { add(items.data(), items.size() * sizeof(T)); }
};

/// Compiles, loads and launches, and fails if one of these does. `defines` as in "ST_OP=add ST_TYPE=f32".
void launch_kernel(const char *file, const std::string &defines, const std::string &symbol, const void *args, const uint32_t (&grid)[3], const uint32_t (&block)[3]);
/// The same, but gives the result of the launch.
int32_t try_launch(const char *file, const std::string &defines, const std::string &symbol, const void *args, const uint32_t (&grid)[3], const uint32_t (&block)[3]);
template <class Args> void launch_kernel(const char *file, const std::string &defines, const std::string &symbol, const Args &args, uint32_t grid, uint32_t block = ST_KERNEL_BLOCK) {
  launch_kernel(file, defines, symbol, &args, {grid, 1, 1}, {block, 1, 1});
}

/// |a - b| within tolerance * max(1, |b|); NaN equals NaN, infinities themselves.
bool is_close(double a, double b, double tolerance);

struct Check {
  const char *name;
  void (*run)(Digest &digest);
};
struct CheckRegistration { CheckRegistration(const char *name, void (*run)(Digest &)); };
/// Defines a check.
#define ST_CHECK(name) \
  static void check_##name(Digest &digest); \
  static const CheckRegistration check_##name##_registration(#name, check_##name); \
  static void check_##name([[maybe_unused]] Digest &digest)

}  // namespace st_emulator
