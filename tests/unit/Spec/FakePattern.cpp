// Stands in for compiler/Pattern until that library is there.
#include "compiler/Pattern/Pattern.h"

#include <regex>

namespace stc::pattern {
struct Pattern::Impl {
  std::string text;
  int64_t n;
};

std::optional<ParseError> Pattern::check(std::string_view text) {
  if (text.starts_with("{"))
    return std::nullopt;
  static const std::regex word("([a-z]+)");
  std::string s(text);
  for (std::sregex_iterator it(s.begin(), s.end(), word), end; it != end; ++it) {
    static const std::regex known("dense|local|stride|strided|block|summary|fixed|sinks");
    if (!std::regex_match(it->str(), known))
      return ParseError{"expected a pattern, found '" + it->str() + "'", size_t(it->position())};
  }
  return std::nullopt;
}
tl::expected<Pattern, ParseError> Pattern::parse(std::string_view text, int64_t n) {
  if (auto error = check(text))
    return tl::make_unexpected(*error);
  return Pattern(std::make_shared<Impl>(Impl{std::string(text), n}));
}
Proof Pattern::causal() const {
  if (impl->text.find("j > i") != std::string::npos)
    return {Proof::Answer::False, std::pair<int64_t, int64_t>(0, 1), ""};
  return {Proof::Answer::True, std::nullopt, ""};
}
int64_t Pattern::alignment(std::string_view text) {
  size_t open = text.find('(');
  return open == text.npos ? 0 : std::atoll(std::string(text.substr(open + 1)).c_str());
}
std::vector<std::string> Pattern::factors(std::string_view text) {
  std::string s(text);
  if (s.starts_with("strided(") && s.find('|') == s.npos)
    return {"local" + s.substr(7), "stride" + s.substr(7)};
  if (s.starts_with("fixed(") && s.find('|') == s.npos)
    return {"block" + s.substr(5, s.find(',') - 5) + ")", "summary" + s.substr(5)};
  return {s};
}
} // namespace stc::pattern
