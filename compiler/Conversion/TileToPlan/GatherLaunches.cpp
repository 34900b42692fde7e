//===- GatherLaunches.cpp - launches of one kernel next to each other -----===//
//
// From the last op to the first: a launch is moved down to the next launch of its kernel, if nobody
// needs its results before, and if that takes next to no memory: its results have at least the
// bytes of the operands that live on only because it comes later. What only writes variables goes
// to the end first, out of the way, and what makes less of variables than they are (weights in a
// narrow type) to the start.
//
//===----------------------------------------------------------------------===//

#include "compiler/Conversion/Passes.h"
#include "dialects/Stc/Stc.h"
#include "dialects/Tile/Tile.h"

#include <mlir/Dialect/Func/IR/FuncOps.h>

namespace stc {
#define GEN_PASS_DEF_GATHERLAUNCHES
#include "compiler/Conversion/Passes.h.inc"
} // namespace stc

using namespace mlir;
using namespace stc;

/// Bytes that a launch may cost.
static constexpr int64_t slack = 64 << 10;

static int64_t bytesOf(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  return type.getNumElements() * llvm::divideCeil(type.getElementTypeBitWidth(), 8);
}

/// Whether a value is needed at an op or behind it.
static bool livesUntil(Value value, Operation *op) {
  if (isa<BlockArgument>(value) || isa<ReadOp>(value.getDefiningOp()))
    return true;
  return llvm::any_of(value.getUsers(),
                      [&](Operation *user) { return !user->isBeforeInBlock(op); });
}

/// Whether nothing but the variables and arguments before an op is needed, and the results have at
/// most their bytes, apart from them.
static bool canHoist(tile::LaunchOp launch, Operation *first) {
  if (llvm::any_of(launch.getTied(), [](int64_t operand) { return operand >= 0; }))
    return false;
  int64_t read = 0, made = 0;
  for (Value operand : launch.getOperands()) {
    auto variable = operand.getDefiningOp<ReadOp>();
    if (!isa<BlockArgument>(operand) && (!variable || !variable->isBeforeInBlock(first)))
      return false;
    read += bytesOf(operand);
  }
  for (Value result : launch.getResults())
    made += bytesOf(result);
  return made <= read;
}

/// Moves what can be done at the start to it, kernel by kernel.
static void hoistLaunches(Block &block) {
  Operation *first = &block.front();
  while (isa<ReadOp>(first))
    first = first->getNextNode();
  llvm::MapVector<Attribute, SmallVector<tile::LaunchOp>> byKernel;
  for (auto launch : block.getOps<tile::LaunchOp>())
    if (canHoist(launch, first))
      byKernel[launch.getKernelAttr()].push_back(launch);
  for (auto &[kernel, launches] : byKernel)
    for (tile::LaunchOp launch : launches)
      if (launch == first)
        first = first->getNextNode();
      else
        launch->moveBefore(first);
}

/// Whether a launch may stand before `next`, the first of those that it would join.
static bool canSink(tile::LaunchOp launch, tile::LaunchOp next) {
  for (Operation *user : launch->getUsers())
    if (user == next || user->isBeforeInBlock(next))
      return false;
  int64_t kept = 0, freed = 0;
  for (Value operand : llvm::SmallDenseSet<Value>(launch.operand_begin(), launch.operand_end()))
    if (!livesUntil(operand, next))
      kept += bytesOf(operand);
  for (Value result : launch.getResults())
    freed += bytesOf(result);
  return kept <= freed + slack;
}

/// Moves writes behind all that does not read what they write.
static void sinkWrites(Block &block) {
  llvm::DenseSet<Attribute> readBehind;
  Operation *last = block.getTerminator();
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block))) {
    if (auto read = dyn_cast<ReadOp>(op))
      readBehind.insert(read.getVariableAttr());
    auto write = dyn_cast<WriteOp>(op);
    if (!write || !readBehind.insert(write.getVariableAttr()).second)
      continue;
    write->moveBefore(last);
    last = write;
  }
}

namespace {
struct GatherLaunchesPass : stc::impl::GatherLaunchesBase<GatherLaunchesPass> {
  void runOnOperation() override {
    for (Block &block : getOperation().getBody()) {
      sinkWrites(block);
      hoistLaunches(block);
      // The first of the launches that stand together, by kernel.
      DenseMap<Attribute, tile::LaunchOp> next;
      for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block))) {
        auto launch = dyn_cast<tile::LaunchOp>(op);
        if (!launch)
          continue;
        tile::LaunchOp &first = next[launch.getKernelAttr()];
        if (first && canSink(launch, first))
          launch->moveBefore(first);
        first = launch;
      }
    }
  }
};
} // namespace
