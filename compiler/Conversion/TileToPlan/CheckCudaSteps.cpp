//===- CheckCudaSteps.cpp - what does not run on a GPU yet ----------------===//

#include "compiler/Conversion/Passes.h"

#include <mlir/Dialect/Func/IR/FuncOps.h>

namespace stc {
#define GEN_PASS_DEF_CHECKCUDASTEPS
#include "compiler/Conversion/Passes.h.inc"
} // namespace stc

using namespace mlir;
using namespace stc;

namespace {
struct CheckCudaStepsPass : stc::impl::CheckCudaStepsBase<CheckCudaStepsPass> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    WalkResult walked = getOperation().walk([&](tile::LaunchOp launch) {
      StringRef kind = symbols.lookup<tile::KernelOp>(launch.getKernel()).getKind();
      if (kind == "attention")
        return WalkResult::advance();
      // What folding made has no place of its own.
      Location place =
          isa<UnknownLoc>(launch->getLoc()) ? getOperation().getLoc() : launch->getLoc();
      emitError(place,
                "expected attention and dense products alone on a GPU so far, found a kernel "
                "of kind '")
          << kind << "': compile it for the host";
      return WalkResult::interrupt();
    });
    if (walked.wasInterrupted())
      signalPassFailure();
  }
};
} // namespace
