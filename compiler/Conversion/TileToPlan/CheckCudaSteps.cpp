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
    WalkResult walked = getOperation().walk([&](Operation *op) {
      std::string found;
      if (isa<MatmulOp>(op))
        found = "a dense product";
      else if (auto launch = dyn_cast<tile::LaunchOp>(op))
        if (auto kind = symbols.lookup<tile::KernelOp>(launch.getKernel()).getKind();
            kind != "attention")
          found = ("a kernel of kind '" + kind + "'").str();
      if (found.empty())
        return WalkResult::advance();
      // What folding made has no place of its own.
      Location place = isa<UnknownLoc>(op->getLoc()) ? getOperation().getLoc() : op->getLoc();
      emitError(place, "expected attention alone on a GPU so far, found ")
          << found << ": compile it for the host";
      return WalkResult::interrupt();
    });
    if (walked.wasInterrupted())
      signalPassFailure();
  }
};
} // namespace
