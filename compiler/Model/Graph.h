//===- Graph.h - short spellings for building stc functions -----*- C++ -*-===//
#pragma once

#include "compiler/Model/Parameters.h"
#include "dialects/Stc/Stc.h"

#include <mlir/Dialect/Func/IR/FuncOps.h>

namespace stc::model {

/// Builds one function of the module. Tensors are float32 unless said otherwise.
class Graph {
public:
  using Value = mlir::Value;

  struct Input {
    llvm::StringRef name;
    mlir::RankedTensorType type;
    /// What its elements are below, if they are indices and no op shows it; else 0.
    int64_t below = 0;
  };

  /// What `stc.dealt` says of tensors whose first dimension are the sequences of a batch, as all
  /// inputs and results have it that are no scalars.
  static mlir::DictionaryAttr bySequences(mlir::Builder &b);
  /// That sequences are dealt over "data", and their positions over "context".
  static mlir::DictionaryAttr byWindows(mlir::Builder &b);

  /// Starts a function; `finish` gives it its results and ends it.
  Graph(mlir::ModuleOp module, llvm::StringRef name, llvm::ArrayRef<Input> inputs);
  Value input(unsigned k) { return function.getArgument(k); }
  /// Inputs are dealt by sequences unless it is said how.
  void finish(llvm::ArrayRef<std::pair<llvm::StringRef, Value>> results,
              mlir::DictionaryAttr dealt = {});

  mlir::ImplicitLocOpBuilder b;

  mlir::RankedTensorType f32(llvm::ArrayRef<int64_t> shape) {
    return mlir::RankedTensorType::get(shape, b.getF32Type());
  }
  mlir::RankedTensorType i32(llvm::ArrayRef<int64_t> shape) {
    return mlir::RankedTensorType::get(shape, b.getI32Type());
  }
  static llvm::ArrayRef<int64_t> shape(Value value) {
    return mlir::cast<mlir::RankedTensorType>(value.getType()).getShape();
  }

  //===--- variables ---===//
  Value read(llvm::StringRef name);
  void write(llvm::StringRef name, Value value);

  //===--- elementwise, with a constant of the other operand's type ---===//
  Value constant(mlir::Type type, double value) { return splat(b, b.getLoc(), type, value); }
  Value like(Value value, double number) { return constant(value.getType(), number); }
  Value add(Value l, Value r) { return mlir::arith::AddFOp::create(b, l, r); }
  Value sub(Value l, Value r) { return mlir::arith::SubFOp::create(b, l, r); }
  Value mul(Value l, Value r) { return mlir::arith::MulFOp::create(b, l, r); }
  Value mul(Value l, double r) { return mul(l, like(l, r)); }
  Value div(Value l, Value r) { return mlir::arith::DivFOp::create(b, l, r); }
  Value min(Value l, Value r);
  Value max(Value l, Value r);

  //===--- shapes ---===//
  Value reshape(Value value, llvm::ArrayRef<int64_t> to);
  Value broadcast(Value value, llvm::ArrayRef<int64_t> to, llvm::ArrayRef<int64_t> dims);
  /// Along the last dimension of `to`, along all but the last, or a scalar everywhere.
  Value broadcastColumns(Value vector, Value to);
  Value broadcastRows(Value rows, Value to);
  Value broadcastScalar(Value scalar, Value to) { return broadcast(scalar, shape(to), {}); }
  Value reduce(Reduction kind, Value value, llvm::ArrayRef<int64_t> dims);
  Value sumRows(Value value) {
    return reduce(Reduction::Sum, value, {int64_t(shape(value).size()) - 1});
  }
  Value sumAll(Value value);

private:
  mlir::func::FuncOp function;
  llvm::SmallVector<Input> inputs;
};

} // namespace stc::model
