//===- Vocabulary.h - the symbols that a model knows ---------------------------------------===//
#pragma once

#include "runtime/Program/Settings.h"
#include "runtime/Support/Error.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>

namespace stc::runtime {

/// Symbols 0, 1, ..., size - 1, which are the values of bytes, or some of them, or more; and the
/// start symbol, which stands before the first byte and is never predicted.
class Vocabulary {
public:
  /// By the setting model.vocabulary; 256 where a program has none. Error: it is no size.
  static Result<Vocabulary> of(const Settings &settings);

  int64_t size() const { return symbols; }
  /// The last row of the embedding.
  int32_t startSymbol() const { return static_cast<int32_t>(symbols); }
  /// The values that a byte may have: all below this.
  int64_t byteValues() const { return std::min<int64_t>(symbols, 256); }
  bool hasAllBytes() const { return symbols >= 256; }

  /// Error: a byte that is no symbol. The message has its place: `offset` is that of the first of
  /// the bytes, in what `source` names.
  Result<void> check(std::span<const uint8_t> bytes, const std::string &source,
                     int64_t offset) const;

private:
  explicit Vocabulary(int64_t symbols) : symbols(symbols) {}

  int64_t symbols;
};

} // namespace stc::runtime
