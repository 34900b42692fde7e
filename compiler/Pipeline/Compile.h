//===- Compile.h - from a module of the stc dialect to a program -*- C++ -*-===//
#pragma once

#include "compiler/Pipeline/Phases.h"
#include "compiler/Target/ProgramBuilder.h"

#include <mlir/IR/BuiltinOps.h>
#include <mlir/IR/DialectRegistry.h>

#include <functional>

namespace stc {

/// All dialects that a compilation goes through, with what its passes need of them.
void registerCompiler(mlir::DialectRegistry &registry);

/// Runs the phases one by one, up to the one named `last` or all of them where it is empty, and
/// calls `after` behind each with its number, from 1. `after` may fail too.
mlir::LogicalResult
runPhases(mlir::ModuleOp module, const CompileOptions &options, llvm::StringRef last = {},
          llvm::function_ref<mlir::LogicalResult(unsigned, const Phase &)> after = {});

/// The program of a module that all phases went over, with the same options, as the payload of a
/// program file.
mlir::FailureOr<std::vector<std::byte>>
finishProgram(mlir::ModuleOp module, const CompileOptions &options, const ProgramOrigin &origin);

} // namespace stc
