//===- Markup.cpp - text and files inside a page ------------------------------------------===//
#include "runtime/Report/Markup.h"
#include "runtime/Support/Text.h"

#include <algorithm>
#include <cstdint>

namespace stc::runtime {

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
