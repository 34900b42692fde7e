//===- FuseRows.cpp - one op for each row kernel --------------------------===//
//
// Chooses roots, finds their slices, groups them (RowFusion.h), then moves each group into a
// stc.fused.
//
//===----------------------------------------------------------------------===//

#include "compiler/Transforms/Passes.h"
#include "compiler/Transforms/RowFusion.h"

#include <mlir/IR/IRMapping.h>

namespace stc {
#define GEN_PASS_DEF_FUSEROWS
#include "compiler/Transforms/Passes.h.inc"
} // namespace stc

using namespace mlir;
using namespace stc;
using namespace stc::rows;

FusedOp rows::fuseOps(OpBuilder &builder, const rows::Block &block, const std::set<int> &ops,
                      ArrayRef<Value> outputs, ArrayRef<int64_t> space,
                      function_ref<Value(Value)> operandOf) {
  SetVector<Value> inputs;
  auto read = [&](Value value) {
    if (int inner = block.computed(value); inner < 0 || !ops.contains(inner))
      inputs.insert(value);
  };
  for (int position : ops)
    llvm::for_each(block.op(position)->getOperands(), read);
  llvm::for_each(outputs, read);
  auto locations = llvm::map_to_vector(outputs, [](Value output) { return output.getLoc(); });
  Location loc = builder.getFusedLoc(locations);
  auto fused =
      FusedOp::create(builder, loc, ValueRange(outputs).getTypes(),
                      llvm::map_to_vector(inputs, operandOf), builder.getDenseI64ArrayAttr(space));
  mlir::Block &body = fused.getBody().emplaceBlock();
  IRMapping map;
  for (Value input : inputs)
    map.map(input, body.addArgument(input.getType(), input.getLoc()));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(&body);
  for (int position : ops)
    builder.clone(*block.op(position), map);
  YieldOp::create(builder, loc,
                  llvm::map_to_vector(outputs, [&](Value output) { return map.lookup(output); }));
  return fused;
}

namespace {
/// Reads stand first where no write to their variable comes before them, so that they are in
/// nobody's way.
void hoistReads(mlir::Block &block) {
  DenseSet<StringAttr> written;
  Operation *last = nullptr;
  for (Operation &op : llvm::make_early_inc_range(block)) {
    if (auto write = dyn_cast<WriteOp>(op))
      written.insert(write.getVariableAttr().getAttr());
    auto read = dyn_cast<ReadOp>(op);
    if (!read || written.contains(read.getVariableAttr().getAttr()))
      continue;
    if (last)
      read->moveAfter(last);
    else
      read->moveBefore(&block, block.begin());
    last = read;
  }
}

class Fuser {
public:
  Fuser(rows::Block &block, ArrayRef<Slice> slices, std::vector<Group> groups)
      : block(block), slices(slices), groups(std::move(groups)) {
    for (auto [number, group] : llvm::enumerate(this->groups))
      for (int slice : group.slices)
        for (const Access &access : slices[slice].accesses)
          readers[access.value].insert(number);
  }

  void run() {
    for (size_t group = 0; group < groups.size(); ++group)
      fuse(group);
    for (int position = block.size() - 1; position >= 0; --position)
      if (block.fusible(position))
        block.op(position)->erase();
  }

private:
  void fuse(size_t number) {
    const Group &group = groups[number];
    std::set<int> ops(group.ops.begin(), group.ops.end());
    SmallVector<Value> outputs;
    for (int slice : group.slices) {
      Value value = block.op(slices[slice].root)->getResult(0);
      if (neededOutside(value, number))
        outputs.push_back(value);
    }

    if (outputs.empty())
      return;

    Operation *at = block.op(group.position);
    OpBuilder builder(at);
    auto fused =
        fuseOps(builder, block, ops, outputs, slices[group.slices.front()].space, [&](Value input) {
          auto found = replacements.find(input);
          return found == replacements.end() ? input : found->second;
        });

    for (auto [output, result] : llvm::zip(outputs, fused.getResults())) {
      replacements[output] = result;
      output.replaceUsesWithIf(result, [&](OpOperand &use) { return !isFusible(use.getOwner()); });
    }
    for (Operation *user : llvm::make_early_inc_range(fused->getUsers()))
      if (user->getBlock() == fused->getBlock() && user->isBeforeInBlock(fused))
        user->moveAfter(fused); // a write that no later op minds
  }

  bool isFusible(Operation *op) const {
    return op->getNumResults() == 1 && block.computed(op->getResult(0)) >= 0;
  }

  bool neededOutside(Value value, size_t group) const {
    if (llvm::any_of(value.getUsers(), [&](Operation *user) { return !isFusible(user); }))
      return true;
    auto found = readers.find(value);
    return found != readers.end() &&
           llvm::any_of(found->second, [&](size_t reader) { return reader != group; });
  }

  rows::Block &block;
  ArrayRef<Slice> slices;
  std::vector<Group> groups;
  DenseMap<Value, std::set<size_t>> readers;
  DenseMap<Value, Value> replacements; // of roots by results of stc.fused
};

struct FuseRowsPass : stc::impl::FuseRowsBase<FuseRowsPass> {
  void runOnOperation() override {
    for (mlir::Block &block : getOperation().getBody())
      fuseBlock(block);
  }

  void fuseBlock(mlir::Block &ops) {
    hoistReads(ops);
    rows::Block block(ops);
    chooseRoots(block);
    SmallVector<int> roots;
    for (int position = 0; position < block.size(); ++position)
      if (block.keep[position] != Keep::No)
        roots.push_back(position);
    std::vector<Slice> slices;
    for (size_t index = 0; index < roots.size(); ++index) // sliceOf appends
      slices.push_back(sliceOf(block, roots[index], roots));
    llvm::sort(slices, [](const Slice &a, const Slice &b) { return a.root < b.root; });
    auto groups = groupSlices(block, slices);
    Fuser(block, slices, std::move(groups)).run();
  }
};
} // namespace
