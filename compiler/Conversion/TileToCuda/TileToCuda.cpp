//===- TileToCuda.cpp - kernels for NVIDIA GPUs ---------------------------===//

#include "compiler/Conversion/TileToCuda/TileToCuda.h"

#include "compiler/Conversion/Canonicalize.h"
#include "compiler/Conversion/Passes.h"
#include "compiler/Conversion/TileToCuda/CudaKernel.h"

#include <mlir/Conversion/Passes.h>
#include <mlir/Dialect/LLVMIR/NVVMDialect.h>
#include <mlir/Dialect/SCF/IR/SCF.h>
#include <mlir/Pass/PassRegistry.h>
#include <mlir/Transforms/Passes.h>

namespace stc {
#define GEN_PASS_DEF_CONVERTTILETOCUDA
#include "compiler/Conversion/Passes.h.inc"
} // namespace stc

using namespace mlir;
using namespace stc;

template <typename Op> static LogicalResult checkElements(Op op) {
  Type element = op.getQuery().getType().getElementType();
  if (element.isBF16() || element.isF16() || element.isF32())
    return success();
  return op.emitOpError("expected operands of type f32, bf16 or f16 on this GPU, found ")
         << element;
}

/// Whether products take these operands.
template <typename Op> static LogicalResult checkHeads(Op op) {
  if (failed(checkElements(op)))
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

std::optional<WgmmaSchedule> stc::wgmmaSchedule(tile::AttentionOp op) {
  auto schedule = chooseWgmmaSchedule(
      {op.getQuerySize(), op.getValueSize(), int64_t(op.getRows()), widthsOf(op)});
  if (!schedule || !hasMaps({op.getQuery(), op.getOutput()}, op.getView(), schedule->queryRows()))
    return std::nullopt;
  for (tile::WalkOp walk : op.getWalkOps())
    if (!hasMaps({op.getKey(), op.getValue()}, walk.getView(), schedule->keyRows))
      return std::nullopt;
  return schedule;
}

std::optional<WgmmaKeyGradSchedule> stc::wgmmaSchedule(tile::AttentionKeyGradOp op) {
  auto schedule =
      chooseWgmmaKeyGradSchedule({op.getQuerySize(), op.getValueSize(), int64_t(op.getRows()),
                                  widthsOf(op), bool(op.getQuerySum())});
  if (!schedule || !hasMaps({op.getKey(), op.getValue(), op.getKeyGrad(), op.getValueGrad()},
                            op.getView(), schedule->keyRows()))
    return std::nullopt;
  for (tile::WalkOp walk : op.getWalkOps())
    if (!hasMaps({op.getQuery(), op.getOutputGrad()}, walk.getView(), schedule->queryRows))
      return std::nullopt;
  return schedule;
}

std::optional<WgmmaQueryGradSchedule> stc::wgmmaSchedule(tile::AttentionQueryGradOp op) {
  auto schedule = chooseWgmmaQueryGradSchedule(
      {op.getQuerySize(), op.getValueSize(), int64_t(op.getRows()), widthsOf(op)});
  if (!schedule || !hasMaps({op.getQuery(), op.getOutputGrad(), op.getQueryGrad()}, op.getView(),
                            schedule->queryRows()))
    return std::nullopt;
  for (tile::WalkOp walk : op.getWalkOps())
    if (!hasMaps({op.getKey(), op.getValue()}, walk.getView(), schedule->keyRows))
      return std::nullopt;
  return schedule;
}

template <typename Op> static MmaSyncShape shapeOf(Op op, int64_t sharedBytes) {
  return {op.getQuerySize(), op.getValueSize(), int64_t(op.getRows()), sharedBytes,
          op.getQuery().getType().getElementTypeBitWidth() / 8};
}

MmaSyncSchedule stc::mmaSyncSchedule(tile::AttentionOp op, int64_t sharedBytes) {
  return chooseMmaSyncSchedule(shapeOf(op, sharedBytes));
}

MmaSyncKeyGradSchedule stc::mmaSyncSchedule(tile::AttentionKeyGradOp op, int64_t sharedBytes) {
  return chooseMmaSyncKeyGradSchedule(shapeOf(op, sharedBytes));
}

MmaSyncSchedule stc::mmaSyncSchedule(tile::AttentionQueryGradOp op, int64_t sharedBytes) {
  return chooseMmaSyncQueryGradSchedule(shapeOf(op, sharedBytes));
}

namespace {
struct ConvertTileToCudaPass : stc::impl::ConvertTileToCudaBase<ConvertTileToCudaPass> {
  using ConvertTileToCudaBase::ConvertTileToCudaBase;

  void runOnOperation() override {
    if (target != "sm_80" && target != "sm_90a") {
      getOperation().emitError("expected the target sm_80 or sm_90a, found ") << target;
      return signalPassFailure();
    }
    for (auto kernel : llvm::make_early_inc_range(getOperation().getOps<tile::KernelOp>()))
      if (failed(lower(kernel)))
        return signalPassFailure();
    if (isHopper())
      for (auto kernel : getOperation().getOps<plan::KernelOp>())
        if (failed(startEarly(kernel)))
          return signalPassFailure();
  }

  // Programmatic dependent launch: a block starts when those of the launch before have all started
  // and there is room, and waits for the end of that one, and so of all before it. This hides what
  // a launch takes. Blocks that the copy engine serves fill a multiprocessor and find no room, so
  // that their wait would only cost: 12 us of 1480 in five kernels of fixed(128, 32).
  LogicalResult startEarly(plan::KernelOp kernel) {
    plan::GridAttr grid = kernel.getGridAttr();
    if (!grid)
      return kernel.emitOpError("expected a grid, which each kernel of a GPU has, found none");
    if (!grid.getMaps().empty())
      return success();
    kernel.setGridAttr(plan::GridAttr::get(&getContext(), grid.getThreads(), grid.getShared(),
                                           grid.getMaps(), /*early=*/true));
    auto isWait = [](NVVM::GriddepcontrolOp) { return WalkResult::interrupt(); };
    if (kernel.walk(isWait).wasInterrupted())
      return success();
    kernel.walk([&](LLVM::LLVMFuncOp function) {
      if (function.isExternal())
        return;
      OpBuilder b(&getContext());
      b.setInsertionPointToStart(&function.getBody().front());
      createLaunchWait(b, kernel.getLoc());
    });
    return success();
  }

  int64_t sharedBytes() { return isHopper() ? kSharedBytesOfSm90 : kSharedBytesOfSm80; }
  bool isHopper() { return target == "sm_90a"; }
  /// On Hopper, tiles may be those of warpgroups, up to three.
  int64_t mostRows(int64_t ofWarps) { return isHopper() ? 192 : ofWarps; }

  LogicalResult lower(tile::KernelOp kernel, tile::AttentionOp op) {
    if (failed(checkHeads(op)))
      return failure();
    if (auto schedule = wgmmaSchedule(op); schedule && isHopper())
      return lowerWgmmaForward(kernel, op, *schedule);
    if (failed(checkTile(op, mostRows(mmaSyncMostQueries(shapeOf(op, sharedBytes()))))))
      return failure();
    return lowerMmaSyncForward(kernel, op, mmaSyncSchedule(op, sharedBytes()));
  }

  LogicalResult lower(tile::KernelOp kernel, tile::AttentionKeyGradOp op) {
    if (failed(checkHeads(op)))
      return failure();
    if (auto schedule = wgmmaSchedule(op); schedule && isHopper())
      return lowerWgmmaKeyGrad(kernel, op, *schedule);
    if (failed(checkTile(op, mostRows(mmaSyncMostKeys(shapeOf(op, sharedBytes()))))))
      return failure();
    return lowerMmaSyncKeyGrad(kernel, op, mmaSyncSchedule(op, sharedBytes()));
  }

  LogicalResult lower(tile::KernelOp kernel, tile::AttentionQueryGradOp op) {
    if (failed(checkHeads(op)))
      return failure();
    if (auto schedule = wgmmaSchedule(op); schedule && isHopper())
      return lowerWgmmaQueryGrad(kernel, op, *schedule);
    if (failed(checkTile(op, mostRows(mmaSyncMostQueries(shapeOf(op, sharedBytes()))))))
      return failure();
    return lowerMmaSyncQueryGrad(kernel, op, mmaSyncSchedule(op, sharedBytes()));
  }

  LogicalResult lower(tile::KernelOp kernel) {
    for (Operation &op : kernel.getBody().front()) {
      if (isa<tile::AttentionOp, tile::AttentionKeyGradOp, tile::AttentionQueryGradOp,
              tile::AttentionDeltaOp, tile::AttentionQuerySumOp, tile::AttentionRowOp>(op))
        for (Value operand : op.getOperands())
          if (isa<MemRefType>(operand.getType()) && !CudaTensor::isReadable(operand))
            return op.emitOpError("expected dynamic sizes and strides that are products of the "
                                  "kernel's sizes, found others in a buffer of ")
                   << operand.getType();
      if (auto attention = dyn_cast<tile::AttentionOp>(op))
        return lower(kernel, attention);
      if (auto grad = dyn_cast<tile::AttentionKeyGradOp>(op))
        return lower(kernel, grad);
      if (auto delta = dyn_cast<tile::AttentionDeltaOp>(op))
        return lowerAttentionDelta(kernel, delta);
      if (auto grad = dyn_cast<tile::AttentionQueryGradOp>(op))
        return lower(kernel, grad);
      if (auto sum = dyn_cast<tile::AttentionQuerySumOp>(op))
        return lowerAttentionQuerySum(kernel, sum);
      if (auto product = dyn_cast<tile::RowProductOp>(op))
        return lowerRowProduct(kernel, product, isHopper());
      if (auto row = dyn_cast<tile::AttentionRowOp>(op))
        return failure(failed(checkElements(row)) ||
                       failed(lowerAttentionRow(kernel, row, isHopper())));
    }
    return lowerRows(kernel);
  }
};
} // namespace

void stc::buildCudaPipeline(OpPassManager &passes, StringRef target) {
  passes.addPass(createConvertTileToCuda({target.str()}));
  OpPassManager &code = passes.nest<plan::KernelOp>().nest<ModuleOp>();
  code.addPass(createCanonicalizeKernel());
  code.addPass(createCSEPass());
  code.addPass(createApproximateMathOnCuda());
  code.addPass(createSCFToControlFlowPass());
  code.addPass(createConvertControlFlowToLLVMPass());
  code.addPass(createArithToLLVMConversionPass());
  code.addPass(createConvertMathToLLVMPass());
  code.addPass(createUBToLLVMConversionPass());
  code.addPass(createConvertNVVMToLLVMPass());
  code.addPass(createReconcileUnrealizedCastsPass());
  code.addPass(createCanonicalizerPass());
  code.addPass(createCSEPass());
}

void stc::registerCudaPipeline() {
  PassPipelineRegistration<>("stc-cuda", "Lower kernels to the LLVM dialect for an NVIDIA GPU",
                             [](OpPassManager &passes) { buildCudaPipeline(passes, "sm_90a"); });
}
