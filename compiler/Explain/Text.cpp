//===- Text.cpp - numbers, lists and lines for a person -------------------===//
#include "compiler/Explain/Text.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace stc::text {

static constexpr size_t lineWidth = 100, labelWidth = 12;

std::string grouped(Count number) {
  std::string digits = fmt::format("{}", number);
  size_t first = number < 0 ? 1 : 0;
  for (size_t k = digits.size(); k > first + 3; k -= 3)
    digits.insert(k - 3, ",");
  return digits;
}

std::string ratio(double value) {
  if (value < 1.995)
    return fmt::format("{:.2f}", value);
  return value < 9.95 ? fmt::format("{:.1f}", value) : grouped(std::llround(value));
}

std::string counted(int64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", grouped(count), noun, count == 1 ? "" : "s");
}

std::string indices(std::span<const int64_t> found, int64_t count, std::string_view noun) {
  constexpr size_t few = 4;
  size_t size = found.size();
  if (int64_t(size) == count)
    return count == 1 ? fmt::format("the one {}", noun) : fmt::format("all {} {}s", count, noun);
  if (size == 1)
    return fmt::format("{} {} of {}", noun, found[0], count);
  bool isProgression = true;
  for (size_t k = 2; k < size; ++k)
    isProgression &= found[k] - found[k - 1] == found[1] - found[0];
  std::string list;
  if (size > few && isProgression)
    list = fmt::format("{}, {}, ..., {}", found[0], found[1], found[size - 1]);
  else
    list = fmt::format("{}", fmt::join(found, ", "));
  return fmt::format("{}s {} of {}", noun, list, count);
}

std::vector<std::string> wrapped(std::string_view text, size_t width) {
  std::vector<std::string> lines;
  bool startsLine = true;
  while (!text.empty()) {
    size_t end = std::min(text.find_first_of(" \n"), text.size());
    std::string_view word = text.substr(0, end);
    if (startsLine || lines.back().size() + 1 + word.size() > width)
      lines.emplace_back(word);
    else
      lines.back() += " " + std::string(word);
    startsLine = end < text.size() && text[end] == '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string field(std::string_view label, std::string_view value) {
  constexpr size_t hanging = 2;
  std::string result, indent = fmt::format("{:<{}}", label, labelWidth);
  for (const std::string &line : wrapped(value, lineWidth - labelWidth - hanging)) {
    result += indent + line + "\n";
    indent.assign(labelWidth + hanging, ' ');
  }
  return result;
}

std::string table(const std::vector<std::vector<std::string>> &rows) {
  std::vector<size_t> widths;
  for (const auto &row : rows)
    for (size_t k = 0; k < row.size(); ++k) {
      widths.resize(std::max(widths.size(), k + 1));
      widths[k] = std::max(widths[k], row[k].size());
    }
  std::string result;
  for (const auto &row : rows) {
    for (size_t k = 0; k < row.size(); ++k)
      result += fmt::format("  {:>{}}", row[k], widths[k]);
    result += "\n";
  }
  return result;
}

} // namespace stc::text
