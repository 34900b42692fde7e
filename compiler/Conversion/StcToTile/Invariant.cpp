//===- Invariant.cpp - what does not change while an entry runs ---------------===//

#include "compiler/Conversion/StcToTile/Invariant.h"

using namespace mlir;
using namespace stc;

bool stc::isInvariant(Value value, Operation *op) {
  if (isa<BlockArgument>(value))
    return true;
  auto read = value.getDefiningOp<ReadOp>();
  return read && llvm::none_of(op->getBlock()->getOps<WriteOp>(), [&](WriteOp write) {
           return write.getVariable() == read.getVariable() && write->isBeforeInBlock(op);
         });
}
