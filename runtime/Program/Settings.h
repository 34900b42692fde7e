//===- Settings.h - what the specification says to the runtime --------------------===//
#pragma once

#include "runtime/Program/Program_generated.h"
#include "runtime/Support/Error.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stc::runtime {

/// Reads a program's settings by their dotted keys. A missing one is its default, or an error where
/// there is none; so is a value that does not parse.
class Settings {
public:
  explicit Settings(const program::Program &program) : program(program) {}

  Result<std::string> text(std::string_view key, std::optional<std::string> otherwise = {}) const;
  Result<int64_t> integer(std::string_view key, std::optional<int64_t> otherwise = {}) const;
  Result<double> number(std::string_view key, std::optional<double> otherwise = {}) const;
  /// A list: "[0.9, 0.05, 0.05]".
  Result<std::vector<double>> numbers(std::string_view key, std::vector<double> otherwise) const;

private:
  const flatbuffers::String *find(std::string_view key) const;

  const program::Program &program;
};

} // namespace stc::runtime
