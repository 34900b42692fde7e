//===- HostCode.h - from lowered kernels to code ----------------*- C++ -*-===//
#pragma once

#include "compiler/Target/HostTarget.h"

#include <mlir/IR/BuiltinOps.h>
#include <mlir/IR/DialectRegistry.h>

#include <string>

namespace stc {

enum class CodeKind { LLVM, Assembly, SharedObject };

/// What translation to LLVM needs of a context.
void registerHostTranslations(mlir::DialectRegistry &registry);

/// Compiles the `plan.kernel`s of a module, each in a thread of the context's pool: optimized LLVM
/// IR or assembly as text, or one ELF shared object with the kernels' symbols that needs nothing
/// but the memory functions of a C library. Empty without a kernel.
mlir::FailureOr<std::string> compileHost(mlir::ModuleOp module, const HostTarget &target,
                                         CodeKind kind);

} // namespace stc
