//===- Time.h - how long a planned entry is expected to take ----*- C++ -*-===//
#pragma once

#include <mlir/IR/BuiltinOps.h>
#include <string>

namespace stc {

/// What `compiler/Schedule/StepTime.h` expects of each entry of a module that is planned for
/// sm_90a, in words.
std::string explainTime(mlir::ModuleOp planned);

} // namespace stc
