//===- Invariant.h - what does not change while an entry runs -------*- C++ -*-===//
#pragma once

#include "dialects/Stc/Stc.h"

namespace stc {

/// Whether a value is an input, or a variable that nothing in the entry writes before an op: what
/// the op reads of it is older than the run, and launches ahead need not have ended. A copy of it
/// that the plan makes has ended, as copies are not launches.
bool isInvariant(mlir::Value value, mlir::Operation *op);

} // namespace stc
