//===- Compilation.h - from a file to what the phases run on ----*- C++ -*-===//
//
// What stc-compile and the C interface share: reading a specification or a module, and the options
// that follow from it.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Pipeline/Compile.h"
#include "compiler/Spec/Spec.h"

#include <llvm/Support/SourceMgr.h>
#include <mlir/IR/Diagnostics.h>
#include <mlir/IR/MLIRContext.h>
#include <mlir/IR/OwningOpRef.h>

#include <array>
#include <memory>
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

/// Where kernels run: CompileOptions::device.
constexpr std::array<const char *, 3> kernelDevices = {"host", "sm_80", "sm_90a"};

/// An input that was read, and the options to compile it with. What is wrong with it, now or in a
/// phase, is written to a stream, which has to outlive this.
class Compilation {
public:
  /// Reads a specification (.toml) or IR (.mlir); null after an error.
  static std::unique_ptr<Compilation> ofFile(const std::string &path, const HostTarget &target,
                                             const std::string &device, llvm::raw_ostream &errors);
  /// The same for the text of one, whose file has this name.
  static std::unique_ptr<Compilation> ofText(const std::string &text, const std::string &name,
                                             const HostTarget &target, const std::string &device,
                                             llvm::raw_ostream &errors);

private:
  mlir::MLIRContext context;
  llvm::SourceMgr sources;
  mlir::SourceMgrDiagnosticHandler diagnostics;
  llvm::raw_ostream &errors;

public:
  CompileOptions options;
  Input input;

private:
  Compilation(const HostTarget &target, const std::string &device, llvm::raw_ostream &errors);
  mlir::LogicalResult take(tl::expected<spec::Spec, std::vector<spec::SpecError>> spec);
  mlir::LogicalResult readModule(const std::string &path);
  mlir::LogicalResult takeModule(std::string text, const std::string &path);
};

} // namespace stc
