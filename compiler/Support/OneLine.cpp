//===- OneLine.cpp - messages that show what a file holds -----------------===//
#include "compiler/Support/OneLine.h"

#include <algorithm>

std::string stc::oneLine(std::string message) {
  constexpr size_t longest = 500;
  if (message.size() > longest) {
    size_t end = longest;
    while (end > 0 && (message[end] & 0xC0) == 0x80) // within a character of UTF-8
      --end;
    message.resize(end);
    message += "...";
  }
  auto isControl = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  std::ranges::replace_if(message, isControl, '.');
  return message;
}
