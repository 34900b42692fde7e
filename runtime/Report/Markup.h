//===- Markup.h - text and files inside a page --------------------------------------------===//
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace stc::runtime {

/// Any bytes as text of an HTML or XML element or attribute: the markup's own characters are
/// escaped, bytes that are no UTF-8 become U+FFFD, control characters the pictures of Unicode for
/// these (U+2400 and on), but for tabs and line feeds.
std::string escapeMarkup(std::string_view bytes);

/// "data:image/png;base64,...", RFC 2397 and RFC 4648.
std::string dataUri(std::string_view mediaType, std::span<const std::byte> bytes);

} // namespace stc::runtime
