//===- TextOutput.h - sampled text on standard output --------------------------------------===//
#pragma once

#include "runtime/Processes/Environment.h"
#include "runtime/Support/Text.h"

#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

namespace stc::run {

/// Shows bytes as they come. What a model makes up must not steer a terminal, so that one gets '?'
/// for control characters and for what is no UTF-8; a pipe or a file gets the bytes.
class TextOutput {
public:
  void write(std::string_view bytes) {
    if (!terminal)
      return put(bytes);
    pending += bytes;
    size_t whole = runtime::wholeUtf8(pending);
    put(runtime::forTerminal(std::string_view(pending).substr(0, whole), /*lines=*/true));
    pending.erase(0, whole);
  }
  /// Ends the last line.
  void finish() { put(runtime::forTerminal(std::exchange(pending, ""), true) + "\n"); }

private:
  static void put(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  }

  bool terminal = runtime::writesToTerminal();
  std::string pending; // the start of a character
};

} // namespace stc::run
