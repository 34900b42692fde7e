//===- OneLine.h - messages that show what a file holds -------------------===//
#pragma once

#include <string>

namespace stc {

/// The message as one line that a terminal can show: dots for control characters, and "..." for
/// what goes past a few hundred bytes.
std::string oneLine(std::string message);

} // namespace stc
