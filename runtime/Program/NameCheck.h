//===- NameCheck.h - which names a program may have --------------*- C++ -*-===//
#pragma once

#include "runtime/Support/Error.h"

#include <string_view>

namespace stc::runtime {

/// What is wrong with the name of an entry, input, output or variable. Names become parts of paths
/// (`call -o q/`), names of tensors in safetensors files, and text on a terminal.
Result<void> checkName(std::string_view name);

/// What is wrong with a name that another program gives a tensor in a safetensors file.
Result<void> checkTensorName(std::string_view name);

} // namespace stc::runtime
