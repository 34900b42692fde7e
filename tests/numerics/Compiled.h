//===- Compiled.h - a module both compiled and interpreted ------*- C++ -*-===//
#pragma once

#include "compiler/Pipeline/Compile.h"
#include "compiler/Reference/Reference.h"
#include "runtime/Device/Host/Executor.h"

#include <mlir/IR/OwningOpRef.h>

#include <map>
#include <memory>
#include <string>

namespace stc::test {

using Tensors = std::vector<reference::Tensor>;

/// With all that a compilation needs.
mlir::MLIRContext &context();

/// For the machine at hand, or the CPU that the environment's STC_CPU names.
CompileOptions optionsForHost();

/// Each result of a function as the compiled program found it, and as it is by definition.
struct Results {
  Tensors found, expected;

  /// The largest error of a result relative to its largest element. Results that are zero by
  /// definition, but are computed as differences of larger numbers (the gradient of queries where
  /// each has but one key), are held against the largest element of all results.
  double worstError() const;
  /// The largest error relative to the largest element of all results: they are taken for one
  /// vector, such as a gradient, of which some parts may be small by cancellation.
  double jointError() const;
  /// Where a result is finite and its definition is not, or the other way round, and where finite
  /// ones differ by more than `tolerance` of the largest or of 1: "result 0, element 7: found nan,
  /// expected 1.5", or nothing. With `orNan` what is not a number is right everywhere.
  std::string mismatch(double tolerance, bool orNan = false) const;
};

/// A module of the stc dialect: compiled and run by the runtime, and interpreted in float64.
class Compiled {
public:
  /// Null, with a failed expectation, for a module that does not compile.
  static std::unique_ptr<Compiled> create(mlir::ModuleOp module, const CompileOptions &options);
  static std::unique_ptr<Compiled> parse(const std::string &text, const CompileOptions &options);

  /// In [-2, 2], integers in [-2, 40].
  Tensors randomInputs(const std::string &function, uint64_t seed);
  Results call(const std::string &function, const Tensors &inputs);
  /// The same for random inputs.
  Results callAtRandom(const std::string &function, uint64_t seed);
  /// A call's results, and behind them all variables that it leaves, in the program's order. The
  /// definition begins with the variables that the program has.
  Results callWithVariables(const std::string &function, const Tensors &inputs);
  /// As the last call with these inputs was by definition, and by rounding that to float32 op by
  /// op.
  Results roundedWithVariables(const std::string &function, const Tensors &inputs);
  /// As callAtRandom, but found by rounding the definition to float32 op by op.
  Results roundedAtRandom(const std::string &function, uint64_t seed);

  /// Sets a variable in both.
  void set(const std::string &variable, const reference::Tensor &value);
  /// A variable of both.
  Results variable(const std::string &name);
  /// In the program's order.
  std::vector<std::string> variablesOf(program::Role role);

private:
  Compiled() : pool(2) {}

  /// The function's results and behind them the variables by definition.
  Tensors defineWithVariables(const std::string &function, const Tensors &inputs,
                              reference::Rounding rounding);
  /// The function's results by definition; none, with a failed expectation, if it has no value.
  Tensors define(const std::string &function, const Tensors &inputs, reference::Rounding rounding);

  mlir::OwningOpRef<mlir::ModuleOp> definition;
  /// Before the last call with variables.
  std::map<std::string, reference::Tensor> before;
  std::unique_ptr<reference::Interpreter> interpreter;
  std::vector<std::byte> program;
  runtime::ThreadPool pool;
  std::unique_ptr<runtime::HostExecutor> executor;
};

} // namespace stc::test
