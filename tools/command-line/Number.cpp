//===- Number.cpp - a number as a person writes it ----------------------------------------===//
#include "tools/command-line/Number.h"

#include "runtime/Support/File.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <fmt/format.h>

namespace stc::cli {

template <class T> static std::string describe(Range<T> range) {
  constexpr Range<T> all;
  std::string text = std::is_integral_v<T> ? "an integer" : "a number";
  if (range.most < all.most)
    return fmt::format("{} of {} to {}", text, range.least, range.most);
  if (std::is_unsigned_v<T> || range.least > all.least)
    return fmt::format("{} of at least {}", text, range.least);
  return text;
}

template <class T> tl::expected<T, std::string> parseNumber(std::string_view text, Range<T> range) {
  T value{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  auto refuse = [&](const char *why) {
    return tl::unexpected(
        fmt::format("expected {}, found '{}'{}", describe(range), runtime::printable(text), why));
  };
  if (error == std::errc::result_out_of_range && end == text.data() + text.size())
    return refuse(std::is_integral_v<T> ? ", which is too large to hold"
                                        : ", which is beyond what 64 bits hold");
  // Not a number is in no range either.
  if (error != std::errc() || end != text.data() + text.size() || !(value >= range.least) ||
      !(value <= range.most))
    return refuse("");
  return value;
}

template tl::expected<int, std::string> parseNumber(std::string_view, Range<int>);
template tl::expected<int64_t, std::string> parseNumber(std::string_view, Range<int64_t>);
template tl::expected<uint64_t, std::string> parseNumber(std::string_view, Range<uint64_t>);
template tl::expected<double, std::string> parseNumber(std::string_view, Range<double>);

} // namespace stc::cli
