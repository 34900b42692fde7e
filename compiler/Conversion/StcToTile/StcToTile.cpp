//===- StcToTile.cpp - from ops on tensors to launches of kernels ---------===//

#include "compiler/Conversion/StcToTile/StcToTile.h"

#include <llvm/ADT/TypeSwitch.h>
#include <mlir/Dialect/Func/IR/FuncOps.h>

namespace stc {
#define GEN_PASS_DEF_CONVERTSTCTOTILE
#include "compiler/Conversion/StcToTile/Passes.h.inc"
} // namespace stc

using namespace mlir;
using namespace stc;

tile::LaunchOp stc::createLaunch(OpBuilder &builder, Location loc, tile::KernelOp kernel, TypeRange results,
                                 ValueRange operands, int64_t items, ArrayRef<int64_t> sizes) {
  SmallVector<int64_t> none(results.size(), -1);
  return tile::LaunchOp::create(builder, loc, results, kernel.getSymName(), operands, items, sizes, none, none);
}

namespace {
/// Converts the ops that run in kernels, and leaves the others alone.
LogicalResult convert(Operation *op, KernelOutliner &outliner) {
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](FusedOp op) { return convertFused(op, outliner); })
      .Case([&](GatherOp op) { return convertGather(op, outliner); })
      .Case([&](ScatterAddOp op) { return convertScatterAdd(op, outliner); })
      .Case([&](InsertRowOp op) { return convertInsertRow(op, outliner); })
      .Case([&](SplitOp op) { return convertSplit(op, outliner); })
      .Case([&](ConcatOp op) { return convertConcat(op, outliner); })
      .Default(success());
}

struct ConvertStcToTilePass : stc::impl::ConvertStcToTileBase<ConvertStcToTilePass> {
  void runOnOperation() override {
    KernelOutliner outliner(getOperation());
    for (auto function : getOperation().getOps<func::FuncOp>())
      for (Block &block : function.getBody())
        for (Operation &op : llvm::make_early_inc_range(block))
          if (failed(convert(&op, outliner)))
            return signalPassFailure();
  }
};
} // namespace
