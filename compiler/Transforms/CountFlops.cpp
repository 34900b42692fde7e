//===- CountFlops.cpp - what a function's model costs ---------------------===//

#include "compiler/Transforms/Flops.h"
#include "compiler/Transforms/Passes.h"

namespace stc {
#define GEN_PASS_DEF_COUNTFLOPS
#include "compiler/Transforms/Passes.h.inc"
} // namespace stc

using namespace mlir;
using namespace stc;

namespace {
struct CountFlopsPass : stc::impl::CountFlopsBase<CountFlopsPass> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    int64_t sum = 0;
    bool isCounted = true;
    function.walk([&](Operation *op) {
      std::optional<int64_t> flops = modelFlops(op);
      isCounted &= flops && !__builtin_add_overflow(sum, *flops, &sum);
    });
    if (isCounted && sum > 0)
      function->setAttr(kModelFlops, Builder(&getContext()).getI64IntegerAttr(sum));
  }
};
} // namespace
