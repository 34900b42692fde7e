//===- Weights.h - a program's parameters in a safetensors file -------------------------===//
#pragma once

#include "runtime/Device/Host/Executor.h"
#include "runtime/Support/Error.h"

#include <string>

namespace stc::runtime {

/// Writes the variables of role Parameter under their names. Writes nothing and fails (NonFinite)
/// if one of them holds a value that is not finite: the file keeps the last good weights.
Result<void> saveWeights(Executor &executor, const std::string &path);

/// Reads all of them. A file that lacks one, has another, or one of another shape or dtype is an
/// error that lists them, and changes nothing.
Result<void> loadWeights(Executor &executor, const std::string &path);

} // namespace stc::runtime
