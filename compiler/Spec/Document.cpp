//===- Document.cpp - places and mistakes while a specification is read ---===//
#include "compiler/Spec/Document.h"
#include "compiler/Support/OneLine.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace stc::spec {
namespace {

bool startsCharacter(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }

} // namespace

std::string SpecError::str() const {
  return line == 0 ? fmt::format("{}: {}", file, message)
                   : fmt::format("{}:{}:{}: {}", file, line, column, message);
}

void Document::error(Place place, std::string message) {
  errors.push_back({std::string(file), place.line, place.column, oneLine(std::move(message))});
}

std::vector<SpecError> Document::takeErrors() {
  std::ranges::sort(errors, {}, [](const SpecError &error) {
    return std::tie(error.line, error.column, error.message);
  });
  return std::move(errors);
}

bool Document::good(std::initializer_list<std::string_view> keys) const {
  return std::ranges::none_of(keys, [&](std::string_view key) { return bad.contains(key); });
}

Place Document::placeOf(std::string_view key) const {
  if (auto value = values.find(key); value != values.end())
    return value->second;
  auto section = sections.find(key.substr(0, key.find('.')));
  return section == sections.end() ? Place{1, 1} : section->second;
}

Place Document::inside(Place string, std::string_view value, size_t offset) const {
  size_t at = 0;
  for (int line = 1; line < string.line && at != std::string_view::npos; ++line)
    at = text.find('\n', at) + 1;
  for (int column = 1; column < string.column && at < text.size(); ++column)
    do
      ++at;
    while (at < text.size() && !startsCharacter(text[at]));
  if (at >= text.size())
    return string;

  // Steps over the opening quotes, then over the value; TOML drops carriage returns, and the
  // newline that follows three quotes.
  bool isTriple = text.substr(at, 3) == std::string(3, text[at]) && !value.empty();
  at += isTriple ? 3 : 1;
  auto skip = [&](char byte) {
    at += text.substr(std::min(at, text.size()), 1) == std::string(1, byte);
  };
  if (isTriple) {
    skip('\r');
    skip('\n');
  }
  size_t target = at;
  for (size_t k = 0; k < value.size(); ++k, ++at) {
    if (value[k] == '\n')
      skip('\r');
    if (at >= text.size() || text[at] != value[k])
      return string;
    if (k < offset)
      target = at + 1;
  }

  Place place{1, 1};
  for (size_t k = 0; k < target; ++k) {
    if (text[k] == '\n')
      place = {place.line + 1, 1};
    else if (startsCharacter(text[k]))
      ++place.column;
  }
  return place;
}

} // namespace stc::spec
