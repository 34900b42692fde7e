//===- Environment.h - what a function's values are, op by op ---*- C++ -*-===//
#pragma once

#include "compiler/Reference/Reference.h"
#include "dialects/Stc/Stc.h"

#include <mlir/Dialect/Func/IR/FuncOps.h>

namespace stc::reference {

class Environment {
public:
  Environment(PatternTable &patterns, std::map<std::string, Tensor> &variables, Rounding rounding)
      : variables(variables), patterns(patterns), rounding(rounding) {}

  /// The tensor of a defined value.
  Tensor &operator[](mlir::Value value) { return *values.find(value)->second; }

  /// The values that the block's terminator hands on, for these values of its arguments.
  mlir::FailureOr<std::vector<Tensor>> run(mlir::Block &block, llvm::ArrayRef<Tensor> inputs);

  /// The same in steps, so that several devices can take each together: the arguments; of each op
  /// but the terminator its results, and then that what nothing reads any more goes; the results.
  mlir::LogicalResult begin(mlir::Block &block, llvm::ArrayRef<Tensor> inputs);
  mlir::LogicalResult compute(mlir::Operation *op);
  void settle(mlir::Operation *op);
  std::vector<Tensor> finish(mlir::Block &block);

  /// Makes this the environment of one of several devices, which all are in `all`.
  void placeOn(const Devices &devices, int64_t device, llvm::ArrayRef<Environment *> all);
  /// Its place on an axis.
  int64_t rank(llvm::StringRef axis) const;
  /// Those that meet in an op, by their places on the op's axis; an error where the axis has
  /// another number of devices.
  mlir::FailureOr<llvm::SmallVector<Environment *>> along(mlir::Operation *op, llvm::StringRef axis,
                                                          int64_t count);

  /// Calls visit(batch, head, query, keys) for each query of each head, which take patterns in
  /// turn.
  using Visit = llvm::function_ref<void(int64_t, int64_t, int64_t, llvm::ArrayRef<int64_t>)>;
  mlir::LogicalResult forEachQuery(mlir::Operation *user, PatternAttr pattern, int64_t batch,
                                   int64_t heads, int64_t n, Visit visit);

  /// A number that attention multiplies a tensor's elements by, as it is rounded within: in this
  /// unit.
  double roundInside(double number, mlir::Value tensor, double unit = 1) const;

  std::map<std::string, Tensor> &variables;

private:
  mlir::LogicalResult clearOffPattern(mlir::Operation *user, mlir::Value value);
  void round(mlir::Value value) const;
  void release(mlir::Operation *user);

  const Devices *devices = nullptr;
  int64_t device = 0;
  llvm::SmallVector<Environment *> all;
  PatternTable &patterns;
  Rounding rounding;
  llvm::DenseMap<mlir::Value, std::unique_ptr<Tensor>> values;
  llvm::DenseMap<mlir::Value, size_t> usesLeft;
};

inline mlir::RankedTensorType typeOf(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType());
}

// Each fills the op's results, which are zeros of their types, from its operands.
using Result = mlir::LogicalResult;

Result evaluate(ReadOp op, Environment &env);
Result evaluate(WriteOp op, Environment &env);
Result evaluate(mlir::arith::ConstantOp op, Environment &env);
Result evaluate(IotaOp op, Environment &env);
Result evaluate(RandomOp op, Environment &env);

Result evaluate(BroadcastOp op, Environment &env);
Result evaluate(ReduceOp op, Environment &env);
Result evaluate(ReshapeOp op, Environment &env);
Result evaluate(SplitOp op, Environment &env);
Result evaluate(ConcatOp op, Environment &env);
Result evaluate(PinOp op, Environment &env);
Result evaluate(StopGradientOp op, Environment &env);

Result evaluate(MatmulOp op, Environment &env);
Result evaluate(GatherOp op, Environment &env);
Result evaluate(ScatterAddOp op, Environment &env);
Result evaluate(InsertRowOp op, Environment &env);

Result evaluate(ScoresOp op, Environment &env);
Result evaluate(SoftmaxOp op, Environment &env);
Result evaluate(SoftmaxGradOp op, Environment &env);
Result evaluate(AggregateOp op, Environment &env);
Result evaluate(AttentionOp op, Environment &env);
Result evaluate(AttentionGradOp op, Environment &env);
Result evaluate(AttentionChunkOp op, Environment &env);
Result evaluate(AttentionChunkGradOp op, Environment &env);
Result evaluate(AttentionRowOp op, Environment &env);

Result evaluate(RankOp op, Environment &env);
Result evaluate(AllSliceOp op, Environment &env);
Result evaluate(AllGatherOp op, Environment &env);
Result evaluate(AllReduceOp op, Environment &env);
Result evaluate(AllToAllOp op, Environment &env);
Result evaluate(ReduceScatterOp op, Environment &env);

Result evaluate(FusedOp op, Environment &env);
Result evaluate(FusedProductOp op, Environment &env);
Result evaluate(GradientOp op, Environment &env);
Result evaluate(mlir::func::CallOp op, Environment &env);

/// Any op of arith and math; an error at those that it does not know.
Result evaluateElementwise(mlir::Operation *op, Environment &env);

} // namespace stc::reference
