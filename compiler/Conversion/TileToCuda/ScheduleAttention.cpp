//===- ScheduleAttention.cpp - how attention uses a GPU -------------------===//

#include "compiler/Conversion/Passes.h"
#include "compiler/Conversion/TileToCuda/CudaKernel.h"
#include "compiler/Conversion/TileToCuda/TileToCuda.h"

#include <llvm/ADT/TypeSwitch.h>

namespace stc {
#define GEN_PASS_DEF_SCHEDULEATTENTION
#include "compiler/Conversion/Passes.h.inc"
} // namespace stc

using namespace mlir;
using namespace stc;

LogicalResult stc::checkTarget(ModuleOp module, StringRef target) {
  if (target == "sm_80" || target == "sm_90a")
    return success();
  return module.emitError("expected the target sm_80 or sm_90a, found ") << target;
}

LogicalResult stc::checkBuffers(Operation *op) {
  for (Value operand : op->getOperands())
    if (isa<MemRefType>(operand.getType()) && !CudaTensor::isReadable(operand))
      return op->emitOpError("expected dynamic sizes and strides that are products of the "
                             "kernel's sizes, found others in a buffer of ")
             << operand.getType();
  return success();
}

LogicalResult stc::checkElements(Operation *op, Value query) {
  Type element = cast<MemRefType>(query.getType()).getElementType();
  if (element.isBF16() || element.isF16() || element.isF32())
    return success();
  return op->emitOpError("expected operands of type f32, bf16 or f16 on this GPU, found ")
         << element;
}

/// Whether products take these operands.
template <typename Op> static LogicalResult checkHeads(Op op) {
  if (failed(checkBuffers(op)) || failed(checkElements(op, op.getQuery())))
    return failure();
  if (op.getQuerySize() > 128 || op.getValueSize() > 128)
    return op.emitOpError("expected heads of at most 128 elements on this GPU, found ")
           << std::max(op.getQuerySize(), op.getValueSize());
  return success();
}

/// Whether warps of 16 rows have a tile: kernels for the host have others.
template <typename Op> static LogicalResult checkTile(Op op, int64_t mostRows) {
  const int64_t rows = op.getRows();
  if (rows >= 16 && rows % 16 == 0 && rows <= mostRows)
    return success();
  return op.emitOpError("expected tiles of a multiple of 16 rows, at most ")
         << mostRows << " on this GPU, found " << rows;
}

/// What tiles are made of: blocks of rows, or all residues that stand side by side where products
/// take so many. Sums of queries take tiles of 64.
template <typename Op> static std::vector<int64_t> widthsOf(Op op) {
  bool anyRows = true;
  if constexpr (std::is_same_v<Op, tile::AttentionKeyGradOp>)
    anyRows = !op.getQuerySum();
  std::vector<int64_t> widths;
  for (tile::WalkOp walk : op.getWalkOps()) {
    tile::ViewAttr view = walk.getView();
    int64_t packed = view.getTogether() * view.getRowsEach();
    bool is = anyRows && view.getTogether() > 1 && packed % 16 == 0 && packed >= 32;
    widths.push_back(is ? packed : view.getWidth());
  }
  return widths;
}

/// Whether products of warpgroups take the elements, the copy engine reaches the rows of a view,
/// and tiles of so many of them are its boxes.
static bool hasMaps(ValueRange operands, tile::ViewAttr view, int64_t rows) {
  return fillsBoxes(view, rows) && llvm::all_of(operands, [&](Value operand) {
           CudaTensor tensor(operand);
           return tensor.elementBytes() == 2 && isAligned(tensor, view);
         });
}

/// The same of all tiles of the keys that queries meet.
template <typename Op> static bool hasKeyMaps(Op op, int64_t rows) {
  return llvm::all_of(op.getWalkOps(), [&](tile::WalkOp walk) {
    return hasMaps({op.getKey(), op.getValue()}, walk.getView(), rows);
  });
}

/// By products of warpgroups; null where the copy engine does not reach all tiles.
static tile::WgmmaAttr wgmmaFor(tile::AttentionOp op) {
  auto schedule = chooseWgmmaSchedule(
      {op.getQuerySize(), op.getValueSize(), int64_t(op.getRows()), widthsOf(op)});
  if (!schedule || !hasMaps({op.getQuery(), op.getOutput()}, op.getView(), schedule->queryRows()) ||
      !hasKeyMaps(op, schedule->keyRows))
    return {};
  return tile::WgmmaAttr::get(op.getContext(), schedule->groups, schedule->blocks,
                              schedule->keyRows, schedule->stages, /*items=*/1);
}

static tile::WgmmaAttr wgmmaFor(tile::AttentionKeyGradOp op) {
  auto schedule =
      chooseWgmmaKeyGradSchedule({op.getQuerySize(), op.getValueSize(), int64_t(op.getRows()),
                                  widthsOf(op), bool(op.getQuerySum())});
  if (!schedule || !hasMaps({op.getKey(), op.getValue(), op.getKeyGrad(), op.getValueGrad()},
                            op.getView(), schedule->keyRows()))
    return {};
  for (tile::WalkOp walk : op.getWalkOps())
    if (!hasMaps({op.getQuery(), op.getOutputGrad()}, walk.getView(), schedule->queryRows))
      return {};
  return tile::WgmmaAttr::get(op.getContext(), schedule->groups, schedule->blocks,
                              schedule->queryRows, schedule->stages, schedule->itemStages);
}

static tile::WgmmaAttr wgmmaFor(tile::AttentionQueryGradOp op) {
  auto schedule = chooseWgmmaQueryGradSchedule(
      {op.getQuerySize(), op.getValueSize(), int64_t(op.getRows()), widthsOf(op)});
  if (!schedule ||
      !hasMaps({op.getQuery(), op.getOutputGrad(), op.getQueryGrad()}, op.getView(),
               schedule->queryRows()) ||
      !hasKeyMaps(op, schedule->keyRows))
    return {};
  return tile::WgmmaAttr::get(op.getContext(), schedule->groups, schedule->blocks,
                              schedule->keyRows, schedule->stages, schedule->itemStages);
}

static tile::MmaSyncAttr attributeOf(MLIRContext *context, const MmaSyncSchedule &schedule) {
  return tile::MmaSyncAttr::get(context, schedule.warps, schedule.parts, schedule.keyRows,
                                /*scores=*/schedule.keyRows, schedule.stages, schedule.blocks);
}

static tile::MmaSyncAttr mmaSyncFor(tile::AttentionOp op, const MmaSyncShape &shape) {
  return attributeOf(op.getContext(), chooseMmaSyncSchedule(shape));
}

static tile::MmaSyncAttr mmaSyncFor(tile::AttentionQueryGradOp op, const MmaSyncShape &shape) {
  return attributeOf(op.getContext(), chooseMmaSyncQueryGradSchedule(shape));
}

static tile::MmaSyncAttr mmaSyncFor(tile::AttentionKeyGradOp op, const MmaSyncShape &shape) {
  const MmaSyncKeyGradSchedule schedule = chooseMmaSyncKeyGradSchedule(shape);
  return tile::MmaSyncAttr::get(op.getContext(), schedule.warps, schedule.parts, schedule.queryRows,
                                schedule.scoreRows, schedule.stages, schedule.blocks);
}

namespace {
struct ScheduleAttentionPass : stc::impl::ScheduleAttentionBase<ScheduleAttentionPass> {
  using ScheduleAttentionBase::ScheduleAttentionBase;

  void runOnOperation() override {
    if (failed(checkTarget(getOperation(), target)))
      return signalPassFailure();
    auto scheduled = getOperation().walk([&](Operation *op) {
      return llvm::TypeSwitch<Operation *, WalkResult>(op)
          .Case<tile::AttentionOp, tile::AttentionKeyGradOp, tile::AttentionQueryGradOp>(
              [&](auto attention) { return WalkResult(schedule(attention)); })
          .Default(WalkResult::advance());
    });
    if (scheduled.wasInterrupted())
      signalPassFailure();
  }

  template <typename Op> LogicalResult schedule(Op op) {
    if (failed(checkHeads(op)))
      return failure();
    const bool isHopper = target == "sm_90a";
    if (auto schedule = isHopper ? wgmmaFor(op) : tile::WgmmaAttr()) {
      op.setScheduleAttr(schedule);
      return success();
    }
    const MmaSyncShape shape{op.getQuerySize(), op.getValueSize(), int64_t(op.getRows()),
                             isHopper ? kSharedBytesOfSm90 : kSharedBytesOfSm80,
                             op.getQuery().getType().getElementTypeBitWidth() / 8};
    constexpr bool byKeys = std::is_same_v<Op, tile::AttentionKeyGradOp>;
    // On Hopper, tiles may be those of warpgroups, up to three.
    const int64_t mostRows = isHopper ? 192
                             : byKeys ? mmaSyncMostKeys(shape)
                                      : mmaSyncMostQueries(shape);
    if (failed(checkTile(op, mostRows)))
      return failure();
    op.setScheduleAttr(mmaSyncFor(op, shape));
    return success();
  }
};
} // namespace
