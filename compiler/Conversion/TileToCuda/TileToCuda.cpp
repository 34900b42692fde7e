//===- TileToCuda.cpp - kernels for NVIDIA GPUs ---------------------------===//

#include "compiler/Conversion/TileToCuda/TileToCuda.h"

#include "compiler/Conversion/Passes.h"
#include "compiler/Conversion/TileToCuda/TensorMaps.h"

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

static LogicalResult lowerForward(tile::KernelOp kernel, tile::AttentionOp op) {
  Type element = op.getQuery().getType().getElementType();
  if (!element.isBF16() && !element.isF16())
    return op.emitOpError("expected operands of type bf16 or f16 on this GPU, found ") << element;
  if (op.getQuerySize() > 128 || op.getValueSize() > 128)
    return op.emitOpError("expected heads of at most 128 elements on this GPU, found ")
           << std::max(op.getQuerySize(), op.getValueSize());
  if (op.getWalkOps().empty())
    return op.emitOpError("expected keys for some query on this GPU, found none for any");
  HopperShape shape{op.getQuerySize(), op.getValueSize(), static_cast<int64_t>(op.getRows()), {}};
  for (tile::WalkOp walk : op.getWalkOps())
    shape.keyWidths.push_back(walk.getView().getWidth());
  auto schedule = chooseHopperSchedule(shape);
  if (!schedule)
    return op.emitOpError("expected views whose rows fill tiles on this GPU");
  for (tile::WalkOp walk : op.getWalkOps())
    for (Value operand : {op.getKey(), op.getValue()})
      if (!fitsTensorMap(CudaTensor(operand), walk.getView(), schedule->keyRows))
        return op.emitOpError("expected rows at multiples of 16 bytes on this GPU");
  return lowerHopperForward(kernel, op, *schedule);
}

namespace {
struct ConvertTileToCudaPass : stc::impl::ConvertTileToCudaBase<ConvertTileToCudaPass> {
  void runOnOperation() override {
    for (auto kernel : llvm::make_early_inc_range(getOperation().getOps<tile::KernelOp>())) {
      auto attention = kernel.getBody().front().getOps<tile::AttentionOp>();
      if (attention.empty()) {
        kernel.emitError("expected a kernel of attention; others run on the host alone so far");
        return signalPassFailure();
      }
      if (failed(lowerForward(kernel, *attention.begin())))
        return signalPassFailure();
    }
  }
};
} // namespace

void stc::buildCudaPipeline(OpPassManager &passes) {
  passes.addPass(createConvertTileToCuda());
  OpPassManager &code = passes.nest<plan::KernelOp>().nest<ModuleOp>();
  code.addPass(createCanonicalizerPass());
  code.addPass(createCSEPass());
  code.addPass(createSCFToControlFlowPass());
  code.addPass(createConvertControlFlowToLLVMPass());
  code.addPass(createArithToLLVMConversionPass());
  code.addPass(createConvertNVVMToLLVMPass());
  code.addPass(createReconcileUnrealizedCastsPass());
  code.addPass(createCanonicalizerPass());
  code.addPass(createCSEPass());
}

void stc::registerCudaPipeline() {
  PassPipelineRegistration<>("stc-cuda", "Lower kernels to the LLVM dialect for an NVIDIA GPU",
                             [](OpPassManager &passes) { buildCudaPipeline(passes); });
}
