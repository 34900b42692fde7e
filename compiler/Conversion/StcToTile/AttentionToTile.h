//===- AttentionToTile.h - attention ops become kernels ---------*- C++ -*-===//
#pragma once

#include "compiler/Conversion/StcToTile/AttentionKernel.h"
#include "compiler/Conversion/StcToTile/StcToTile.h"

#include <map>

namespace stc {

/// Turns attention ops into launches. One object serves a module, so that the sets of a pattern are
/// worked out once.
class AttentionConverter {
public:
  /// Chooses the tiles of a walk over n positions.
  using Chooser = std::function<AttentionSchedule(const pattern::Walk &, int64_t n)>;
  AttentionConverter(KernelOutliner &outliner, Chooser choose)
      : outliner(outliner), choose(std::move(choose)) {}

  /// Replaces the op, and with the gradient a concatenation of its results where there is one.
  mlir::LogicalResult convert(AttentionOp op);
  mlir::LogicalResult convert(AttentionGradOp op);
  mlir::LogicalResult convert(AttentionRowOp op);

private:
  /// The pattern of a text; the first time, a warning names the rows that have no key.
  mlir::FailureOr<pattern::Pattern> patternOf(mlir::Operation *op, llvm::StringRef text, int64_t n);
  /// The walks of a pattern; the first reaches every query position. With `rowByRow` their ranges
  /// are those of single queries, not of strips.
  mlir::FailureOr<llvm::ArrayRef<WalkForm>> walksOf(mlir::Operation *op, llvm::StringRef text,
                                                    int64_t n, bool rowByRow);

  /// Fills the kernel of some walks.
  using Fill = void(KernelBuilder &, const AttentionProblem &, llvm::ArrayRef<WalkForm>);
  /// How the walks of a pattern become launches: what the kernels are called, all that their code
  /// depends on beyond problem and pattern, and whether all walks are one kernel.
  struct Recipe {
    llvm::StringRef name;
    llvm::ArrayRef<BufferView> views;
    bool oneKernel;
    llvm::function_ref<Fill> fill;
    llvm::function_ref<int64_t(const AttentionProblem &, const pattern::View &)> items;
  };
  /// Launches the kernels of all heads' patterns, each going on from the results of the one before.
  template <typename Op>
  mlir::FailureOr<llvm::SmallVector<mlir::Value>>
  launchWalks(Op op, mlir::ValueRange inputs, mlir::TypeRange resultTypes, const Recipe &recipe);

  KernelOutliner &outliner;
  Chooser choose;
  std::map<std::tuple<std::string, int64_t, bool>, std::vector<WalkForm>> forms;
  std::map<std::pair<std::string, int64_t>, pattern::Pattern> patterns;
};

} // namespace stc
