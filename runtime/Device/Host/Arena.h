//===- Arena.h - the device's one piece of memory ---------------------------------===//
#pragma once

#include "runtime/Support/Error.h"

#include <cstddef>
#include <cstdint>

namespace stc::runtime {

/// Zeroed pages, aligned for huge pages, which become resident when they are first touched.
class Arena {
public:
  static Result<Arena> create(uint64_t bytes);
  Arena() = default;
  Arena(Arena &&other) noexcept;
  Arena &operator=(Arena &&other) noexcept;
  ~Arena();

  std::byte *data() const { return start; }
  uint64_t size() const { return bytes; }

private:
  std::byte *start = nullptr;
  uint64_t bytes = 0;
  void *mapping = nullptr;
  uint64_t mappedBytes = 0;
};

} // namespace stc::runtime
