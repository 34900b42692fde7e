//===- Text.h - bytes as text that people see ----------------------------------------------===//
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace stc::runtime {

/// Bytes of the UTF-8 sequence that begins the text, 0 if none does (RFC 3629: no overlong forms,
/// no surrogates, nothing beyond U+10FFFF). U+FFFE and U+FFFF, which XML does not allow, are none.
size_t utf8Length(std::string_view text);

/// Text for a terminal, whatever it came out of: a control character, with which a name could
/// rewrite the screen, and a byte that is no UTF-8 becomes '?'. Line feeds and tabs stay where
/// `lines` says so; one line has none.
std::string forTerminal(std::string_view text, bool lines = false);

/// How many of the bytes come before a character that they have only the beginning of.
size_t wholeUtf8(std::string_view text);

} // namespace stc::runtime
