//===- Passes.h - passes from one level to the next -------------*- C++ -*-===//
//
// One folder for each edge between two levels; Passes.td says what each pass does.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "dialects/Plan/Plan.h"
#include "dialects/Stc/Stc.h"
#include "dialects/Tile/Tile.h"

#include <mlir/Dialect/Vector/IR/VectorOps.h>
#include <mlir/Pass/Pass.h>

namespace mlir {
namespace LLVM {
class LLVMDialect;
} // namespace LLVM
namespace NVVM {
class NVVMDialect;
} // namespace NVVM
namespace scf {
class SCFDialect;
} // namespace scf
} // namespace mlir

namespace stc {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "compiler/Conversion/Passes.h.inc"
} // namespace stc
