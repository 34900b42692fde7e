//===- Unlaunched.h - kernels that nobody launches --------------*- C++ -*-===//
#pragma once

#include "dialects/Plan/Plan.h"

namespace stc {

/// Erases the kernels of a module that no step launches.
void eraseUnlaunchedKernels(mlir::ModuleOp module);

} // namespace stc
