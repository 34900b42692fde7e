//===- Fuzz.h - what the fuzz targets share ----------------------------------------===//
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

/// Given by libFuzzer: mutates in place, returns the new size.
extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

namespace stc::fuzz {

/// Ends the process as a finding where the condition does not hold.
#define FUZZ_REQUIRE(condition, what)                                                              \
  do                                                                                               \
    if (!(condition)) {                                                                            \
      std::fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #condition,                      \
                   std::string(what).c_str());                                                     \
      std::abort();                                                                                \
    }                                                                                              \
  while (false)

/// A mistake in a file gets one line that fits a screen, whatever the file holds.
inline void requireOneLine(std::string_view message) {
  constexpr size_t screen = 2000;
  FUZZ_REQUIRE(!message.empty() && message.size() <= screen, message);
  for (char c : message)
    FUZZ_REQUIRE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, message);
}

inline std::span<const std::byte> asBytes(const uint8_t *data, size_t size) {
  return {reinterpret_cast<const std::byte *>(data), size};
}

/// The bytes up to the last '}' from `start` on: a header that grew or shrank under mutation.
inline size_t headerLength(const uint8_t *data, size_t size, size_t start) {
  for (size_t end = size; end > start; --end)
    if (data[end - 1] == '}')
      return end - start;
  return size - start;
}

} // namespace stc::fuzz
