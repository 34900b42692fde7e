//===- HostPipeline.cpp - from kernels to the LLVM dialect ------------------===//

#include "compiler/Conversion/TileToHost/HostPipeline.h"
#include "compiler/Conversion/Canonicalize.h"
#include "compiler/Conversion/Passes.h"

#include <mlir/Conversion/AffineToStandard/AffineToStandard.h>
#include <mlir/Conversion/ArithToLLVM/ArithToLLVM.h>
#include <mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h>
#include <mlir/Conversion/FuncToLLVM/ConvertFuncToLLVMPass.h>
#include <mlir/Conversion/MathToLLVM/MathToLLVM.h>
#include <mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h>
#include <mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h>
#include <mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h>
#include <mlir/Conversion/UBToLLVM/UBToLLVM.h>
#include <mlir/Conversion/VectorToLLVM/ConvertVectorToLLVMPass.h>
#include <mlir/Conversion/VectorToSCF/VectorToSCF.h>
#include <mlir/Dialect/MemRef/Transforms/Passes.h>
#include <mlir/Pass/PassRegistry.h>
#include <mlir/Transforms/Passes.h>

using namespace mlir;
using namespace stc;

void stc::buildHostPipeline(OpPassManager &passes, const HostVectors &options) {
  passes.nest<tile::KernelOp>().addPass(
      createExpandTileOnHost({options.lanes, options.accumulators}));
  passes.addPass(createConvertTileToHost());

  OpPassManager &kernels = passes.nest<plan::KernelOp>();
  OpPassManager &code = kernels.nest<ModuleOp>();
  code.addPass(createCanonicalizeKernel());
  code.addPass(createCSEPass());
  code.addPass(createApproximateMathOnHost());
  code.addPass(createConvertVectorToSCFPass(VectorTransferToSCFOptions().enableFullUnroll()));
  code.addPass(memref::createExpandStridedMetadataPass());
  code.addPass(createLowerAffinePass());
  code.addPass(createSCFToControlFlowPass());
  // The default lowering of contractions, by dot products, is slow.
  ConvertVectorToLLVMPassOptions vectors;
  vectors.vectorContractLowering = vector::VectorContractLowering::OuterProduct;
  vectors.vectorTransposeLowering = vector::VectorTransposeLowering::Shuffle16x16;
  code.addPass(createConvertVectorToLLVMPass(vectors));
  code.addPass(createFinalizeMemRefToLLVMConversionPass());
  code.addPass(createArithToLLVMConversionPass());
  code.addPass(createConvertMathToLLVMPass());
  ConvertFuncToLLVMPassOptions functions;
  functions.useBarePtrCallConv = true;
  code.addPass(createConvertFuncToLLVMPass(functions));
  code.addPass(createConvertControlFlowToLLVMPass());
  code.addPass(createUBToLLVMConversionPass());
  code.addPass(createReconcileUnrealizedCastsPass());
  code.addPass(createCanonicalizerPass());
  code.addPass(createCSEPass());
  kernels.addPass(createAddKernelEntry());
}

void stc::registerHostPipeline() {
  PassPipelineRegistration<>("stc-host", "Lower kernels to the LLVM dialect for the host",
                             [](OpPassManager &passes) { buildHostPipeline(passes); });
}
