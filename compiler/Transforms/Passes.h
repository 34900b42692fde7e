//===- Passes.h - passes from stc to stc ------------------------*- C++ -*-===//
//
// One pass, one file, under the pass's name; Passes.td says what each does.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "dialects/Stc/Stc.h"

#include <mlir/Dialect/Func/IR/FuncOps.h>
#include <mlir/Pass/Pass.h>

namespace stc {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "compiler/Transforms/Passes.h.inc"
} // namespace stc
