//===- Markup.cpp - text and files inside a page ------------------------------------------===//
#include "runtime/Report/Markup.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace stc::runtime {

// Bytes of the UTF-8 sequence that begins the text, 0 if none does (RFC 3629: no overlong forms, no
// surrogates, nothing beyond U+10FFFF). U+FFFE and U+FFFF, which XML does not allow, are none.
static size_t utf8Length(std::string_view text) {
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

std::string escapeMarkup(std::string_view bytes) {
  std::string text;
  for (size_t at = 0; at < bytes.size();) {
    size_t length = utf8Length(bytes.substr(at));
    auto c = static_cast<uint8_t>(bytes[at]);
    if (length == 0) {
      text += "\uFFFD";
      ++at;
      continue;
    }
    if (c == '&')
      text += "&amp;";
    else if (c == '<')
      text += "&lt;";
    else if (c == '>')
      text += "&gt;";
    else if (c == '"')
      text += "&quot;";
    else if (c == '\'')
      text += "&#39;";
    else if (c < 0x20 && c != '\n' && c != '\t')
      (text += "\xe2\x90") += static_cast<char>(0x80 + c); // U+2400 + c
    else if (c == 0x7f)
      text += "\u2421";
    else
      text += bytes.substr(at, length);
    at += length;
  }
  return text;
}

std::string dataUri(std::string_view mediaType, std::span<const std::byte> bytes) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text = "data:" + std::string(mediaType) + ";base64,";
  text.reserve(text.size() + (bytes.size() + 2) / 3 * 4);
  for (size_t at = 0; at < bytes.size(); at += 3) {
    uint32_t word = 0;
    size_t count = std::min<size_t>(3, bytes.size() - at);
    for (size_t i = 0; i < 3; ++i)
      word = word << 8 | (i < count ? std::to_integer<uint32_t>(bytes[at + i]) : 0);
    for (size_t i = 0; i < 4; ++i)
      text += i <= count ? digits[word >> (18 - 6 * i) & 63] : '=';
  }
  return text;
}

} // namespace stc::runtime
