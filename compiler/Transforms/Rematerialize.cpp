//===- Rematerialize.cpp - computing forward values again -----------------===//

#include "compiler/Transforms/Rematerialize.h"

#include "compiler/Transforms/RowFusion.h"

using namespace mlir;
using namespace stc;

Operation *stc::findBackward(Block &block) {
  // Constants are moved to the start by whoever simplifies.
  for (Operation &op : block)
    if (op.hasAttr(kBackwardMark) && !op.hasTrait<OpTrait::ConstantLike>())
      return &op;
  return nullptr;
}

bool stc::hasBackward(func::FuncOp function) {
  return !function.isExternal() && findBackward(function.getBody().front());
}

std::vector<Operation *> stc::savedOps(Block &mlirBlock) {
  Operation *backward = findBackward(mlirBlock);
  if (!backward)
    return {};
  rows::Block block(mlirBlock);
  rows::chooseRoots(block);
  int split = block.positionOf(backward);
  // A value is needed later if a later op uses it, or an inlined or renaming op that is.
  std::vector<char> later(block.size());
  std::vector<Operation *> saved;
  for (int position = block.size() - 1; position >= 0; --position) {
    Operation *op = block.op(position);
    if (position >= split) {
      later[position] = true;
      continue;
    }
    bool used = llvm::any_of(op->getUsers(),
                             [&](Operation *user) { return later[block.positionOf(user)]; });
    bool inlined = op->getNumResults() == 1 && block.inlined(op->getResult(0)) == position;
    bool renames = isa<ReshapeOp, SplitOp>(op);
    later[position] = used && (inlined || renames);
    if (used && !inlined && !renames && !isa<ReadOp, arith::ConstantOp>(op))
      saved.push_back(op);
  }
  std::reverse(saved.begin(), saved.end());
  return saved;
}

namespace {
class Rematerializer {
public:
  Rematerializer(Block &block, const DenseSet<Operation *> &kept) : kept(kept) {
    Operation *backward = findBackward(block);
    rows::Block rowBlock(block);
    rows::chooseRoots(rowBlock);
    for (Operation &op : llvm::make_range(block.begin(), backward->getIterator())) {
      forward.insert(&op);
      if (rows::isFusible(&op) && rowBlock.inlined(op.getResult(0)) == rowBlock.positionOf(&op))
        inlined.insert(&op);
    }
    for (Operation &op : llvm::make_range(backward->getIterator(), block.end())) {
      builder = std::make_unique<OpBuilder>(&op);
      for (OpOperand &operand : op.getOpOperands())
        operand.set(demand(operand.get()));
      moveBefore(&op);
    }
  }

private:
  Value demand(Value value) {
    Operation *op = value.getDefiningOp();
    if (!op || !forward.contains(op) || isa<ReadOp, arith::ConstantOp>(op))
      return value;
    return demand(op)->getResult(cast<OpResult>(value).getResultNumber());
  }

  /// The op itself if it is kept, or if later kernels compute it anyway from what is; else its
  /// clone.
  Operation *demand(Operation *op) {
    auto [entry, added] = clones.try_emplace(op, op);
    if (!added || kept.contains(op))
      return entry->second;
    SmallVector<Value> operands =
        llvm::map_to_vector(op->getOperands(), [&](Value v) { return demand(v); });
    bool free = inlined.contains(op) || isa<ReshapeOp, SplitOp>(op);
    if (free && llvm::equal(operands, op->getOperands()))
      return op;
    Operation *clone = builder->clone(*op);
    clone->setOperands(operands);
    clone->setAttr(kBackwardMark, builder->getUnitAttr());
    made.push_back({op, clone});
    return clones[op] = clone;
  }

  /// In the order of the forward pass, which has exchanges start early.
  void moveBefore(Operation *user) {
    llvm::stable_sort(made, [](auto &l, auto &r) { return l.first->isBeforeInBlock(r.first); });
    for (auto &[op, clone] : made)
      clone->moveBefore(user);
    made.clear();
  }

  const DenseSet<Operation *> &kept;
  /// The forward pass, and of it what has no memory of its own: kernels that use it compute it.
  DenseSet<Operation *> forward, inlined;
  DenseMap<Operation *, Operation *> clones;
  /// What the op at hand demands, with what it was cloned from.
  std::vector<std::pair<Operation *, Operation *>> made;
  std::unique_ptr<OpBuilder> builder;
};
} // namespace

void stc::rematerialize(Block &block, const DenseSet<Operation *> &kept) {
  Rematerializer(block, kept);
}
