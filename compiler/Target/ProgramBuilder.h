//===- ProgramBuilder.h - the compiled program as bytes ---------*- C++ -*-===//
#pragma once

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

/// For which target a program is, with the code of its kernels: for the host, one object as
/// compileHost gives it; for a GPU, an image for each `plan.kernel` as compileCuda does.
struct ProgramCode {
  std::string target, cpu = "";
  std::vector<std::string> features = {};
  std::string object = "";
  std::vector<std::string> images = {};
  bool deterministic = false;
};

/// The payload of a program file (runtime/Program/Program.fbs): the plan of a module whose kernels
/// are lowered, with their code.
mlir::FailureOr<std::vector<std::byte>> buildProgram(mlir::ModuleOp module, const ProgramCode &code,
                                                     const ProgramOrigin &origin);

} // namespace stc
