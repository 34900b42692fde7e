//===- Number.h - a number as a person writes it ------------------------------------------===//
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace stc::cli {

/// Both ends belong to it.
template <class T> struct Range {
  T least = std::numeric_limits<T>::lowest(), most = std::numeric_limits<T>::max();
};

template <class T> struct NumberOfType { using Type = T; };
template <class T> struct NumberOfType<std::optional<T>> { using Type = T; };
template <class T> using NumberOf = typename NumberOfType<T>::Type;

/// The number that the whole text is, in decimal: "12", "-3", for double also "0.5" and "1e-4".
/// The error says what was expected: no number, NaN, infinity, one outside the range, or one that
/// the type does not hold. For int, int64_t, uint64_t and double.
template <class T>
tl::expected<T, std::string> parseNumber(std::string_view text, Range<T> range = {});

} // namespace stc::cli
