//===- StcToTile.cpp - from ops on tensors to launches of kernels ---------===//

#include "compiler/Conversion/StcToTile/StcToTile.h"
#include "compiler/Schedule/HostSchedule.h"
#include "compiler/Schedule/MmaSyncSchedule.h"
#include "compiler/Schedule/WgmmaSchedule.h"

#include "compiler/Conversion/StcToTile/AttentionToTile.h"

#include <llvm/ADT/TypeSwitch.h>
#include <mlir/Dialect/Func/IR/FuncOps.h>

namespace stc {
#define GEN_PASS_DEF_CONVERTSTCTOTILE
#include "compiler/Conversion/StcToTile/Passes.h.inc"
} // namespace stc

using namespace mlir;
using namespace stc;

int64_t stc::bytesOf(Type tensor) {
  auto type = cast<RankedTensorType>(tensor);
  return type.getNumElements() * llvm::divideCeil(type.getElementTypeBitWidth(), 8);
}

tile::LaunchOp stc::createLaunch(OpBuilder &builder, Location loc, tile::KernelOp kernel,
                                 TypeRange results, ValueRange operands, int64_t items,
                                 ArrayRef<int64_t> sizes) {
  SmallVector<int64_t> none(results.size(), -1);
  int64_t bytes = 0;
  for (TypeRange types : {TypeRange(operands), results})
    for (Type type : types)
      bytes += bytesOf(type);
  return tile::LaunchOp::create(builder, loc, results, kernel.getSymName(), operands, items, sizes,
                                none, none,
                                tile::WorkAttr::get(builder.getContext(), /*flops=*/0, bytes),
                                /*dynamic=*/AffineMapAttr());
}

namespace {
/// The ops of some kinds, in their order.
template <typename... Ops> SmallVector<Operation *> opsOf(func::FuncOp function) {
  SmallVector<Operation *> ops;
  function.walk([&](Operation *op) {
    if (isa<Ops...>(op))
      ops.push_back(op);
  });
  return ops;
}

/// Whether kernels of attention take the op's elements and sizes.
template <typename Op> LogicalResult verifyHeads(Op op) {
  constexpr int64_t longest = 1 << 16; // kernels keep rows of heads on the stack or in registers
  for (Value tensor : {op.getQuery(), op.getKey(), op.getValue()}) {
    auto type = cast<RankedTensorType>(tensor.getType());
    if (!isa<Float32Type, BFloat16Type, Float16Type>(type.getElementType()))
      return op.emitOpError("expected elements of f32, bf16 or f16, found ")
             << type.getElementType();
    if (type.getDimSize(3) > longest)
      return op.emitOpError("expected heads of at most ")
             << longest << " elements, found " << type.getDimSize(3);
  }
  return success();
}

/// Attention, tables and insertions go first: they read and write parts of wider tensors where they
/// lie, so that the ops that take them apart are not needed. Attention takes insertions along.
LogicalResult convertWhatReadsParts(func::FuncOp function, AttentionConverter &attention,
                                    KernelOutliner &outliner, const RowWork &work) {
  for (Operation *op :
       opsOf<AttentionOp, AttentionGradOp, AttentionChunkOp, AttentionChunkGradOp, AttentionRowOp>(
           function))
    if (failed(TypeSwitch<Operation *, LogicalResult>(op)
                   .Case<AttentionOp, AttentionGradOp, AttentionChunkOp, AttentionChunkGradOp,
                         AttentionRowOp>([&](auto op) {
                     return failed(verifyHeads(op)) ? failure() : attention.convert(op);
                   })))
      return failure();
  for (Operation *op : opsOf<GatherOp>(function))
    if (failed(convertGather(cast<GatherOp>(op), outliner, work)))
      return failure();
  for (Operation *op : opsOf<InsertRowOp>(function))
    if (failed(convertInsertRow(cast<InsertRowOp>(op), outliner, work)))
      return failure();
  for (Block &block : function.getBody())
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
      if (isa<ReshapeOp, SplitOp>(op) && op.use_empty())
        op.erase();
  return success();
}

/// Converts the ops that run in kernels, and leaves the others alone.
LogicalResult convert(Operation *op, KernelOutliner &outliner, const RowWork &work) {
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](FusedOp op) { return convertFused(op, outliner, work); })
      .Case([&](FusedProductOp op) { return convertFusedProduct(op, outliner, work); })
      .Case([&](ScatterAddOp op) { return convertScatterAdd(op, outliner, work); })
      .Case([&](SplitOp op) { return convertSplit(op, outliner, work); })
      .Case([&](ConcatOp op) { return convertConcat(op, outliner, work); })
      .Default(success());
}

struct ConvertStcToTilePass : stc::impl::ConvertStcToTileBase<ConvertStcToTilePass> {
  using ConvertStcToTileBase::ConvertStcToTileBase;

  void runOnOperation() override {
    if (target != "host" && target != "sm_80" && target != "sm_90a") {
      getOperation().emitError("expected the target host, sm_80 or sm_90a, found ") << target;
      return signalPassFailure();
    }
    if (querySums != "auto" && querySums != "always" && querySums != "never") {
      getOperation().emitError("expected query-sums auto, always or never, found ") << querySums;
      return signalPassFailure();
    }
    KernelOutliner outliner(getOperation());
    const RowWork &work = target == "host" ? kHostRows : kCudaRows;
    HostVectors vectors{lanes, accumulators};
    AttentionTiles tiles{[&](const pattern::Walk &walk, int64_t n, int64_t) {
                           return chooseSchedule(walk, n, vectors);
                         },
                         nullptr,
                         nullptr,
                         nullptr,
                         0,
                         nullptr};
    if (target != "host") {
      const bool isHopper = target == "sm_90a";
      auto sumsQueries = [this, isHopper](const QuerySumWork &work) {
        return querySums == "auto" ? !isHopper || wgmmaSumsQueries(work) : querySums == "always";
      };
      auto mostRows = [isHopper](int64_t querySize, int64_t valueSize, Type element) {
        MmaSyncShape shape{querySize, valueSize};
        shape.sharedBytes = isHopper ? kSharedBytesOfSm90 : kSharedBytesOfSm80;
        shape.elementBytes = element.getIntOrFloatBitWidth() / 8;
        return MostRows{mmaSyncMostQueries(shape), mmaSyncMostKeys(shape)};
      };
      tiles = {chooseQueryTiles,         chooseKeyTiles, mostRows, sumsQueries, 0, nullptr,
               /*residueByResidue=*/true};
      if (isHopper) {
        tiles.packedRows = kWgmmaPackedRows;
        tiles.tallKeyRows = wgmmaTallKeyRows;
      }
    }
    AttentionConverter attention(outliner, std::move(tiles));
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (failed(convertWhatReadsParts(function, attention, outliner, work)))
        return signalPassFailure();
      for (Block &block : function.getBody())
        for (Operation &op : llvm::make_early_inc_range(block))
          if (failed(convert(&op, outliner, work)))
            return signalPassFailure();
    }
  }
};
} // namespace
