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

template <typename Op> static tile::WgmmaAttr wgmma(Op op) {
  return dyn_cast_or_null<tile::WgmmaAttr>(op.getScheduleAttr());
}
template <typename Op> static tile::MmaSyncAttr mmaSync(Op op) {
  return cast<tile::MmaSyncAttr>(op.getScheduleAttr());
}

std::optional<WgmmaSchedule> stc::wgmmaSchedule(tile::AttentionOp op) {
  if (auto schedule = wgmma(op))
    return WgmmaSchedule{
        {schedule.getGroups(), schedule.getBlocks()}, schedule.getRows(), schedule.getStages()};
  return std::nullopt;
}

std::optional<WgmmaKeyGradSchedule> stc::wgmmaSchedule(tile::AttentionKeyGradOp op) {
  if (auto schedule = wgmma(op))
    return WgmmaKeyGradSchedule{{schedule.getGroups(), schedule.getBlocks()},
                                schedule.getRows(),
                                schedule.getStages(),
                                schedule.getItems()};
  return std::nullopt;
}

std::optional<WgmmaQueryGradSchedule> stc::wgmmaSchedule(tile::AttentionQueryGradOp op) {
  if (auto schedule = wgmma(op))
    return WgmmaQueryGradSchedule{{schedule.getGroups(), schedule.getBlocks()},
                                  schedule.getRows(),
                                  schedule.getStages(),
                                  schedule.getItems()};
  return std::nullopt;
}

template <typename Op> static MmaSyncSchedule byQueries(Op op) {
  const tile::MmaSyncAttr schedule = mmaSync(op);
  return {schedule.getWarps(), schedule.getParts(), schedule.getRows(), schedule.getStages(),
          schedule.getBlocks()};
}
MmaSyncSchedule stc::mmaSyncSchedule(tile::AttentionOp op) { return byQueries(op); }
MmaSyncSchedule stc::mmaSyncSchedule(tile::AttentionQueryGradOp op) { return byQueries(op); }

MmaSyncKeyGradSchedule stc::mmaSyncSchedule(tile::AttentionKeyGradOp op) {
  const tile::MmaSyncAttr schedule = mmaSync(op);
  return {schedule.getWarps(), schedule.getParts(), schedule.getRows(), schedule.getScores(),
          schedule.getBlocks()};
}

namespace {
struct ConvertTileToCudaPass : stc::impl::ConvertTileToCudaBase<ConvertTileToCudaPass> {
  using ConvertTileToCudaBase::ConvertTileToCudaBase;

  void runOnOperation() override {
    if (failed(checkTarget(getOperation(), target)))
      return signalPassFailure();
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

  bool isHopper() { return target == "sm_90a"; }

  template <typename Op>
  LogicalResult lowerBy(tile::KernelOp kernel, Op op, auto lowerWgmma, auto lowerMmaSync) {
    if (!op.getScheduleAttr())
      return op.emitOpError("expected a schedule, which schedule-attention gives it, found none");
    auto schedule = wgmmaSchedule(op);
    if (!schedule)
      return lowerMmaSync(kernel, op, mmaSyncSchedule(op));
    if (!isHopper())
      return op.emitOpError("expected a schedule of single warps on this GPU, found ")
             << op.getScheduleAttr();
    return lowerWgmma(kernel, op, *schedule);
  }

  LogicalResult lower(tile::KernelOp kernel) {
    for (Operation &op : kernel.getBody().front()) {
      if (isa<tile::AttentionOp, tile::AttentionKeyGradOp, tile::AttentionQueryGradOp,
              tile::AttentionDeltaOp, tile::AttentionQuerySumOp, tile::AttentionRowOp>(op))
        if (failed(checkBuffers(&op)))
          return failure();
      if (auto attention = dyn_cast<tile::AttentionOp>(op))
        return lowerBy(kernel, attention, lowerWgmmaForward, lowerMmaSyncForward);
      if (auto grad = dyn_cast<tile::AttentionKeyGradOp>(op))
        return lowerBy(kernel, grad, lowerWgmmaKeyGrad, lowerMmaSyncKeyGrad);
      if (auto delta = dyn_cast<tile::AttentionDeltaOp>(op))
        return lowerAttentionDelta(kernel, delta);
      if (auto grad = dyn_cast<tile::AttentionQueryGradOp>(op))
        return lowerBy(kernel, grad, lowerWgmmaQueryGrad, lowerMmaSyncQueryGrad);
      if (auto sum = dyn_cast<tile::AttentionQuerySumOp>(op))
        return lowerAttentionQuerySum(kernel, sum);
      if (auto product = dyn_cast<tile::RowProductOp>(op))
        return lowerRowProduct(kernel, product, isHopper());
      if (auto row = dyn_cast<tile::AttentionRowOp>(op))
        return failure(failed(checkElements(row, row.getQuery())) ||
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
