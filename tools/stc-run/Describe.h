//===- Describe.h - what a program is and what it needs --------------------------------===//
#pragma once

#include "runtime/Program/Program_generated.h"

#include <string>

namespace stc::run {

/// What `stc-run info` prints of a checked program that is to run on so many threads: lines for
/// people, or JSON.
std::string describeAsText(const program::Program &program, int threads);
std::string describeAsJson(const program::Program &program, int threads);

} // namespace stc::run
