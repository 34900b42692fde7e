//===- Text.cpp - bytes as text that people see --------------------------------------------===//
#include "runtime/Support/Text.h"

#include <array>
#include <cstdint>

namespace stc::runtime {

size_t utf8Length(std::string_view text) {
  auto at = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : 0u; };
  uint32_t lead = at(0);
  size_t length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (length < 2)
    return length;
  uint32_t code = lead & (0xff >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xc0) != 0x80)
      return 0;
    code = code << 6 | (at(i) & 0x3f);
  }
  constexpr std::array<uint32_t, 5> least = {0, 0, 0x80, 0x800, 0x10000};
  bool good = code >= least[length] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) &&
              code != 0xfffe && code != 0xffff;
  return good ? length : 0;
}

// U+0080 to U+009F are controls too; others that a terminal acts on are longer than one of these.
static bool isControl(std::string_view sequence) {
  auto c = static_cast<uint8_t>(sequence[0]);
  return c < 0x20 || c == 0x7f ||
         (c == 0xc2 && sequence.size() == 2 && static_cast<uint8_t>(sequence[1]) < 0xa0);
}

std::string forTerminal(std::string_view text, bool lines) {
  std::string result;
  for (size_t at = 0; at < text.size();) {
    size_t length = utf8Length(text.substr(at));
    std::string_view sequence = text.substr(at, length);
    bool stays = lines && (text[at] == '\n' || text[at] == '\t');
    if (length == 0 || (isControl(sequence) && !stays))
      result += '?';
    else
      result += sequence;
    at += length == 0 ? 1 : length;
  }
  return result;
}

size_t wholeUtf8(std::string_view text) {
  constexpr size_t longest = 4;
  for (size_t back = 1; back < longest && back <= text.size(); ++back) {
    auto c = static_cast<uint8_t>(text[text.size() - back]);
    if (c < 0x80)
      break;
    if (c >= 0xc2) // it begins a character
      return back < (c < 0xe0 ? 2u : c < 0xf0 ? 3u : 4u) ? text.size() - back : text.size();
  }
  return text.size();
}

} // namespace stc::runtime
