//===- NarrowCaches.cpp - keys and values that are kept for sampling, as in training ------===//
//
// What is kept of a sequence is most of the memory that a step of sampling reads. It has the type
// that training rounds it to, and only the query stays float32: products of keys and queries are of
// float32, whose range they do not leave (paper, Sec. 5.6).
//
//===----------------------------------------------------------------------===//

#include "compiler/Transforms/Passes.h"
#include "compiler/Transforms/Retype.h"

namespace stc {
#define GEN_PASS_DEF_NARROWCACHES
#include "compiler/Transforms/Passes.h.inc"
} // namespace stc

using namespace mlir;
using namespace stc;

namespace {
/// A variable's reads and writes, and the rows that are inserted into it.
struct Cache {
  VariableOp variable;
  SmallVector<ReadOp> reads;
  SmallVector<WriteOp> writes;
  SmallVector<InsertRowOp> insertions;

  /// Whether it is read as keys or values of one query's attention, and for nothing else.
  bool isForOneQuery() {
    if (variable.getRole() != Role::Scratch || reads.empty() ||
        !getElementTypeOrSelf(variable.getType()).isF32())
      return false;
    return llvm::all_of(reads, [&](ReadOp read) {
      return llvm::all_of(read->getUsers(), [&](Operation *user) {
        auto insertion = dyn_cast<InsertRowOp>(user);
        if (!insertion || insertion.getSequence() != read.getValue())
          return false;
        insertions.push_back(insertion);
        return llvm::all_of(insertion->getUses(), [&](OpOperand &use) { return isKept(use); });
      });
    });
  }

  /// What a value is taken from. Next to where it is made it is rounded by who makes it.
  static Value wholeOf(Value value) {
    while (isa_and_present<ReshapeOp, SplitOp>(value.getDefiningOp()))
      value = value.getDefiningOp()->getOperand(0);
    return value;
  }

  /// Whether an inserted row is read as it should be, or goes back to the variable.
  bool isKept(OpOperand &use) {
    if (auto row = dyn_cast<AttentionRowOp>(use.getOwner()))
      return &use != &row.getQueryMutable();
    auto write = dyn_cast<WriteOp>(use.getOwner());
    return write && write.getVariable() == variable.getSymName();
  }

  void narrow(Type element) {
    auto type = cast<RankedTensorType>(variable.getType()).clone(element);
    auto round = [&](OpOperand &operand) {
      CopyMarks marks(operand.getOwner());
      OpBuilder b(operand.getOwner(), &marks);
      b.setInsertionPointAfterValue(wholeOf(operand.get()));
      operand.set(Retyper(b.getF32Type(), element).convert(operand.get(), b));
    };
    variable.setType(type);
    for (ReadOp read : reads)
      read.getValue().setType(type);
    for (InsertRowOp insertion : insertions) {
      round(insertion.getRowMutable());
      insertion.getResult().setType(type);
    }
    for (WriteOp write : writes)
      if (write.getValue().getType() != type)
        round(write.getValueMutable());
  }
};

struct NarrowCachesPass : stc::impl::NarrowCachesBase<NarrowCachesPass> {
  using NarrowCachesBase::NarrowCachesBase;

  void runOnOperation() override {
    Type type = floatNamed(compute, &getContext());
    if (!type) {
      getOperation().emitError("expected the type of caches to be f32, bf16 or f16, found ")
          << compute;
      return signalPassFailure();
    }
    if (type.isF32())
      return;
    llvm::MapVector<StringRef, Cache> caches;
    getOperation().walk([&](Operation *op) {
      if (auto variable = dyn_cast<VariableOp>(op))
        caches[variable.getSymName()].variable = variable;
      else if (auto read = dyn_cast<ReadOp>(op))
        caches[read.getVariable()].reads.push_back(read);
      else if (auto write = dyn_cast<WriteOp>(op))
        caches[write.getVariable()].writes.push_back(write);
    });
    for (auto &[name, cache] : caches)
      if (cache.isForOneQuery())
        cache.narrow(type);
  }
};
} // namespace
