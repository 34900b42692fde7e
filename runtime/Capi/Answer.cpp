//===- Answer.cpp - memory that crosses the border ----------------------------------------===//
#include "runtime/Capi/Answer.h"

#include <cstdlib>
#include <cstring>

char *stc::capi::copyOut(std::string_view bytes) {
  char *copy = static_cast<char *>(std::malloc(bytes.size() + 1));
  if (copy) {
    std::memcpy(copy, bytes.data(), bytes.size());
    copy[bytes.size()] = 0;
  }
  return copy;
}

void stcFree(char *text) { std::free(text); }
