//===- ProgramBuilder.h - the compiled program as bytes ---------*- C++ -*-===//
#pragma once

#include "compiler/Target/HostTarget.h"

#include <mlir/IR/BuiltinOps.h>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace stc {

/// What a program file says about where it comes from.
struct ProgramOrigin {
  std::string name;
  /// What the runtime needs of the specification, by dotted key ("data.kind"), and its whole text.
  std::vector<std::pair<std::string, std::string>> settings;
  std::string specification;
  /// Its patterns as a drawing (SVG), or empty.
  std::string picture;
};

/// The payload of a program file (runtime/Program/Program.fbs): the plan of a module whose kernels
/// are lowered, with their code as compileHost gives it.
mlir::FailureOr<std::vector<std::byte>> buildProgram(mlir::ModuleOp module,
                                                     const HostTarget &target,
                                                     const std::string &code,
                                                     const ProgramOrigin &origin);

} // namespace stc
