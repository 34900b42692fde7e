//===- OpCost.cpp - what an op costs and what its results take ------------===//

#include "compiler/Transforms/OpCost.h"

#include "compiler/Transforms/Flops.h"

#include <llvm/ADT/TypeSwitch.h>

using namespace mlir;
using namespace stc;

/// Elements of a tensor in memory; other values count as none.
static double elementsOf(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !type.hasStaticShape() || !type.getElementType().isIntOrFloat())
    return 0;
  double elements = 1;
  for (int64_t size : type.getShape())
    elements *= double(size);
  return elements;
}

double stc::bytesOf(Value value) {
  double elements = elementsOf(value);
  if (elements == 0)
    return 0;
  unsigned bits = cast<RankedTensorType>(value.getType()).getElementTypeBitWidth();
  return elements * llvm::divideCeil(bits, 8);
}

double stc::flopsOf(Operation *op) {
  if (isa<MatmulOp, AttentionOp>(op))
    if (std::optional<int64_t> flops = modelFlops(op))
      return double(*flops);
  return llvm::TypeSwitch<Operation *, double>(op)
      .Case([](MatmulOp op) {
        ArrayRef<int64_t> lhs = op.getLhs().getType().getShape();
        double inner = lhs[lhs.size() - (op.getTransposeLhs() ? 2 : 1)];
        return 2 * inner * elementsOf(op.getResult());
      })
      .Case([](AttentionOp op) {
        AttentionShape query(op.getQuery(), op.getLayout());
        double size = query.size + AttentionShape(op.getValue(), op.getLayout()).size;
        double dense = 0.5 * query.positions * query.positions * query.heads * query.batch;
        return 2 * size * dense;
      })
      .Case<ReshapeOp, SplitOp, arith::ConstantOp, ReadOp, WriteOp>([](auto) { return 0.0; })
      .Default([](Operation *op) {
        double elements = 0;
        for (Value value : op->getOperands())
          elements = std::max(elements, elementsOf(value));
        for (Value value : op->getResults())
          elements = std::max(elements, elementsOf(value));
        return elements;
      });
}
