//===- Input.h - what stc-compile reads -------------------------*- C++ -*-===//
#pragma once

#include "compiler/Spec/Spec.h"
#include "compiler/Target/ProgramBuilder.h"

#include <mlir/IR/OwningOpRef.h>

#include <optional>
#include <string>

namespace stc {

/// A module of the stc dialect and where it comes from.
struct Input {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  ProgramOrigin origin;
  /// Of a specification; nothing for IR.
  std::optional<spec::Spec> spec;
};

/// Reads a specification (.toml) or IR (.mlir); where a specification leaves the precision
/// to the target, it is `ofTarget`. What is wrong is reported, on standard error or through the
/// context's diagnostics, before this fails.
mlir::FailureOr<Input> readInput(const std::string &path, spec::Compute ofTarget,
                                 mlir::MLIRContext &context);

} // namespace stc
