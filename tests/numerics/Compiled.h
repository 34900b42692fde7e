//===- Compiled.h - a module both compiled and interpreted ------*- C++ -*-===//
#pragma once

#include "compiler/Pipeline/Compile.h"
#include "compiler/Reference/Reference.h"
#include "runtime/Device/Host/Executor.h"

#include <mlir/IR/OwningOpRef.h>

#include <memory>
#include <string>

namespace stc::test {

/// A module of the stc dialect, given as text, with the gradient of each function as a second one:
/// compiled for the machine at hand and run by the runtime, and interpreted in float64.
class Compiled {
public:
  /// Null, with a failed expectation, for a module that does not compile.
  static std::unique_ptr<Compiled> create(const std::string &text);

  /// The largest error of any result of a function, relative to that result's largest element, for
  /// random inputs in [-2, 2]. The gradients of queries and keys where each query has but one key are
  /// zero, by differences of larger numbers: these are held against the largest of all results.
  double worstError(const std::string &function, uint64_t seed);

private:
  Compiled() : pool(2) {}

  mlir::OwningOpRef<mlir::ModuleOp> definition;
  std::unique_ptr<reference::Interpreter> interpreter;
  std::vector<std::byte> program;
  runtime::ThreadPool pool;
  std::unique_ptr<runtime::Executor> executor;
};

} // namespace stc::test
