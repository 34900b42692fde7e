//===- Output.h - words for whoever watches -----------------------------------------===//
#pragma once

#include <cstdio>
#include <fmt/format.h>
#include <string>
#include <utility>

namespace stc::runtime {

/// Prints to a stream. Where the stream takes nothing any more (its reader is gone, its disk is
/// full) work goes on: std::ferror() then says so at the end. fmt::print would throw.
template <class... Args>
void say(std::FILE *stream, fmt::format_string<Args...> format, Args &&...args) {
  std::string text = fmt::format(format, std::forward<Args>(args)...);
  (void)std::fwrite(text.data(), 1, text.size(), stream);
}

template <class... Args> void say(fmt::format_string<Args...> format, Args &&...args) {
  say(stdout, format, std::forward<Args>(args)...);
}

} // namespace stc::runtime
