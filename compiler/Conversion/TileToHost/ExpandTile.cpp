//===- ExpandTile.cpp - tile ops in kernels as vector code ------------------===//

#include "compiler/Conversion/Passes.h"
#include "compiler/Conversion/TileToHost/Emitter.h"

#include <mlir/Dialect/LLVMIR/LLVMDialect.h>

namespace stc {
#define GEN_PASS_DEF_EXPANDTILEONHOST
#include "compiler/Conversion/Passes.h.inc"
} // namespace stc

using namespace mlir;
using namespace stc;

/// Replaces all ops of one kind in the kernel.
template <typename OpType>
static LogicalResult lowerAll(tile::KernelOp kernel, const HostVectors &options,
                              LogicalResult (*lower)(OpType, const HostVectors &)) {
  SmallVector<OpType> ops;
  kernel.walk([&](OpType op) { ops.push_back(op); });
  for (OpType op : ops)
    if (failed(lower(op, options)))
      return failure();
  return success();
}

namespace {
struct ExpandTileOnHostPass : stc::impl::ExpandTileOnHostBase<ExpandTileOnHostPass> {
  using ExpandTileOnHostBase::ExpandTileOnHostBase;

  void runOnOperation() override {
    tile::KernelOp kernel = getOperation();
    HostVectors options{lanes, accumulators};
    if (failed(lowerAll(kernel, options, lowerAttention)) ||
        failed(lowerAll(kernel, options, lowerAttentionGrad)) ||
        failed(lowerAll(kernel, options, lowerAttentionRow)) ||
        failed(lowerAll(kernel, options, lowerSweep)))
      signalPassFailure();
  }
};
} // namespace
