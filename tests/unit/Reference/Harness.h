//===- Harness.h - modules as text, run by the reference --------*- C++ -*-===//
#pragma once

#include "compiler/Reference/Reference.h"
#include "compiler/Transforms/Passes.h"

#include <mlir/IR/OwningOpRef.h>
#include <mlir/Pass/PassManager.h>

#include <gtest/gtest.h>

#include <random>

namespace stc::reference::test {

using Module = mlir::OwningOpRef<mlir::ModuleOp>;
using Random = std::mt19937_64;

/// With the dialects and the gradients of arith and math.
mlir::MLIRContext &context();

/// Aborts the test program on text that does not parse.
Module parse(const std::string &text);

/// Adds passes to a manager; `addDifferentiate` and the like below are such functions.
using AddPasses = std::function<void(mlir::OpPassManager &)>;
mlir::LogicalResult runPasses(mlir::ModuleOp module, std::initializer_list<AddPasses> passes);
void addDifferentiate(mlir::OpPassManager &manager);
void addFuseSoftmax(mlir::OpPassManager &manager);
void addFuseRows(mlir::OpPassManager &manager);
AddPasses addRecompute(std::string policy, int64_t drop = 0);

/// The results of the module's function @f; empty, with a failed expectation, where it has none.
std::vector<Tensor> callF(const std::string &text, llvm::ArrayRef<Tensor> inputs);

/// What `body` makes %y, of type `result`, from %x0, %x1, ... of types `types`.
struct Expression {
  std::vector<std::string> types;
  std::string body, result;

  Tensor operator()(llvm::ArrayRef<Tensor> inputs) const;
  /// func.func @f(%x0: .., %x1: .., and) -> (results) { body ending }
  std::string function(const std::string &moreArguments, const std::string &results,
                       const std::string &ending) const;
};

/// The errors that are reported while `run` runs, one a line, each with the name of its op's
/// location in front where that is a file's line.
std::string errorsIn(llvm::function_ref<void()> run);

Tensor uniform(std::vector<int64_t> shape, Random &random, double low = -1, double high = 1);
/// Of the shape of a tensor type written as text: "tensor<2x3xf32>".
Tensor uniform(const std::string &type, Random &random, double low = -1, double high = 1);

/// |found - expected| <= tolerance * max(1, |expected|) everywhere, and equal shapes.
void expectNear(const Tensor &found, const Tensor &expected, double tolerance);

} // namespace stc::reference::test
