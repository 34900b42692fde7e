//===- Phases.cpp - the phases of a compilation ---------------------------===//

#include "compiler/Pipeline/Phases.h"

#include "compiler/Conversion/Passes.h"
#include "compiler/Conversion/StcToTile/StcToTile.h"
#include "compiler/Conversion/TileToCuda/TileToCuda.h"
#include "compiler/Conversion/TileToHost/HostPipeline.h"
#include "compiler/Pipeline/Budget.h"
#include "compiler/Transforms/Passes.h"

#include <mlir/Transforms/Passes.h>

using namespace mlir;
using namespace stc;

static void simplify(OpPassManager &passes) {
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
}

static constexpr Phase table[] = {
    {"attention", "softmax fused: attention as one op",
     [](OpPassManager &passes, const CompileOptions &) {
       passes.addPass(createCheckSizes());
       passes.addNestedPass<func::FuncOp>(createPinGradients());
       passes.addPass(createFuseSoftmax());
       simplify(passes);
     }},
    {"precision", "products in the type that they are computed in",
     [](OpPassManager &passes, const CompileOptions &options) {
       passes.addNestedPass<func::FuncOp>(createLowerPrecision({options.precision}));
       if (options.target != "host")
         passes.addPass(createNarrowCaches({options.precision}));
     }},
    {"gradient", "gradients as ops",
     [](OpPassManager &passes, const CompileOptions &options) {
       if (options.gradients)
         passes.addPass(createAddGradient());
       passes.addNestedPass<func::FuncOp>(createDifferentiate());
       if (options.target == "host") // which has no products of narrow floats
         passes.addNestedPass<func::FuncOp>(createWidenProducts());
       simplify(passes);
     }},
    {"devices", "what each of several devices does, with what they exchange",
     [](OpPassManager &passes, const CompileOptions &options) {
       for (const DeviceAxis &axis : options.devices)
         passes.addPass(createDistribute({axis.name, axis.count, /*shareState=*/true,
                                          options.gradientType, options.exchange, options.block}));
       if (!options.devices.empty()) {
         passes.addPass(createLowerRanks());
         simplify(passes);
       }
       passes.addNestedPass<func::FuncOp>(createCountFlops());
       passes.addNestedPass<func::FuncOp>(createBoundIndices());
     }},
    // Nothing may merge equal ops from here on: what is computed again is equal.
    {"recompute", "what is not kept for the backward pass is computed again",
     [](OpPassManager &passes, const CompileOptions &options) {
       passes.addNestedPass<func::FuncOp>(createInsertRecompute({options.recompute, options.drop}));
     },
     chooseRecomputation},
    {"rows", "elementwise work, reductions and products of few rows fused, an op for each kernel",
     [](OpPassManager &passes, const CompileOptions &options) {
       if (options.target != "host")
         passes.addNestedPass<func::FuncOp>(createFuseProducts());
       passes.addNestedPass<func::FuncOp>(createFuseRows());
     }},
    {"tile", "launches of kernels that walk tiles",
     [](OpPassManager &passes, const CompileOptions &options) {
       const HostVectors &vectors = options.cpu.vectors();
       passes.addPass(createConvertStcToTile(
           {options.target, vectors.lanes, vectors.accumulators, options.querySums}));
       if (options.target != "host")
         passes.addPass(createScheduleAttention({options.target}));
     }},
    {"plan", "steps over bytes of one arena",
     [](OpPassManager &passes, const CompileOptions &options) {
       if (!options.devices.empty())
         passes.addNestedPass<func::FuncOp>(createGroupExchanges({}));
       if (options.target != "host")
         passes.addNestedPass<func::FuncOp>(createGatherLaunches());
       if (options.target == "host")
         return passes.addPass(createConvertTileToPlan());
       passes.addPass(createConvertTileToPlan());
       passes.addPass(createBatchLaunches());
     }},
    {"kernels", "kernels in the LLVM dialect",
     [](OpPassManager &passes, const CompileOptions &options) {
       if (options.target != "host")
         return buildCudaPipeline(passes, options.target);
       buildHostPipeline(passes, options.cpu.vectors());
     }},
};

std::span<const Phase> stc::phases() { return table; }
