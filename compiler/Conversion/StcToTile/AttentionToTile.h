//===- AttentionToTile.h - attention ops become kernels ---------*- C++ -*-===//
#pragma once

#include "compiler/Conversion/StcToTile/AttentionKernel.h"
#include "dialects/Stc/Stc.h"

#include <map>

namespace stc {

/// Turns attention ops into launches. One object serves a module, so that the sets of a pattern are
/// worked out once.
class AttentionConverter {
public:
  /// `addKernel` takes a new kernel, keeps it or an equal one, and gives its name. `strip` is the
  /// number of queries that the target works on side by side.
  AttentionConverter(std::function<mlir::FlatSymbolRefAttr(tile::KernelOp)> addKernel, int64_t strip)
      : addKernel(std::move(addKernel)), strip(strip) {}

  /// Replaces the op, and with the gradient a concatenation of its results where there is one.
  mlir::LogicalResult convert(AttentionOp op);
  mlir::LogicalResult convert(AttentionGradOp op);
  mlir::LogicalResult convert(AttentionRowOp op);

private:
  /// One kernel's work: a query view and its segments with ranges for a strip size.
  struct WalkForm {
    pattern::View query;
    std::vector<SegmentForm> segments;
  };
  /// The walks of a pattern; the first reaches every query position.
  mlir::FailureOr<llvm::ArrayRef<WalkForm>> walksOf(mlir::Operation *op, llvm::StringRef text, int64_t n, int64_t strip);

  /// Builds the kernel of one walk over buffers of the given types.
  using KernelBuilder = tile::KernelOp(const AttentionProblem &, const WalkForm &, mlir::TypeRange);
  /// Launches the kernels of all heads' patterns, each going on from the results of the one before.
  template <typename Op>
  mlir::FailureOr<llvm::SmallVector<mlir::Value>>
  launchWalks(Op op, mlir::ValueRange inputs, mlir::TypeRange resultTypes, llvm::function_ref<KernelBuilder> build,
              llvm::function_ref<int64_t(const AttentionProblem &, const pattern::View &)> items);

  std::function<mlir::FlatSymbolRefAttr(tile::KernelOp)> addKernel;
  int64_t strip;
  std::map<std::tuple<std::string, int64_t, int64_t>, std::vector<WalkForm>> forms;
};

} // namespace stc
