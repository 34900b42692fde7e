//===- Settings.cpp - what the specification says to the runtime ------------------===//
#include "runtime/Program/Settings.h"
#include "runtime/Support/File.h"

#include <charconv>
#include <fmt/format.h>

namespace stc::runtime {

namespace {

template <class T>
Result<T> parse(std::string_view key, const flatbuffers::String *value, std::optional<T> otherwise,
                const char *what) {
  if (!value && otherwise)
    return *otherwise;
  if (!value)
    return fail(fmt::format("expected setting '{}' in the program, found none", key));
  T parsed{};
  auto [end, error] = std::from_chars(value->c_str(), value->c_str() + value->size(), parsed);
  if (error != std::errc() || end != value->c_str() + value->size())
    return fail(fmt::format("expected {} as setting '{}', found '{}'", what, key,
                            printable(value->string_view())));
  return parsed;
}

} // namespace

const flatbuffers::String *Settings::find(std::string_view key) const {
  for (const program::Setting *setting : *program.settings())
    if (setting->key()->string_view() == key)
      return setting->value();
  return nullptr;
}

Result<std::string> Settings::text(std::string_view key,
                                   std::optional<std::string> otherwise) const {
  if (const flatbuffers::String *value = find(key))
    return value->str();
  if (otherwise)
    return *otherwise;
  return fail(fmt::format("expected setting '{}' in the program, found none", key));
}

Result<int64_t> Settings::integer(std::string_view key, std::optional<int64_t> otherwise) const {
  return parse<int64_t>(key, find(key), otherwise, "an integer");
}

Result<double> Settings::number(std::string_view key, std::optional<double> otherwise) const {
  return parse<double>(key, find(key), otherwise, "a number");
}

Result<std::vector<double>> Settings::numbers(std::string_view key,
                                              std::vector<double> otherwise) const {
  const flatbuffers::String *value = find(key);
  if (!value)
    return otherwise;
  auto wrong = [&] {
    return fail(fmt::format("expected a list of numbers as setting '{}', found '{}'", key,
                            printable(value->string_view())));
  };
  std::string_view rest = value->string_view();
  if (rest.size() < 2 || rest.front() != '[' || rest.back() != ']')
    return wrong();
  rest = rest.substr(1, rest.size() - 2);
  std::vector<double> all;
  while (!rest.empty()) {
    auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), all.emplace_back());
    if (error != std::errc())
      return wrong();
    rest.remove_prefix(end - rest.data());
    if (rest.empty())
      break;
    size_t next = rest.find_first_not_of(", ");
    if (rest.front() != ',' || next == rest.npos)
      return wrong();
    rest.remove_prefix(next);
  }
  return all;
}

} // namespace stc::runtime
