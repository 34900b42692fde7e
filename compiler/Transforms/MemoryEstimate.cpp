//===- MemoryEstimate.cpp - what a function will keep in memory -----------===//

#include "compiler/Transforms/MemoryEstimate.h"

#include "compiler/Transforms/Flops.h"

#include <llvm/ADT/TypeSwitch.h>

using namespace mlir;
using namespace stc;

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// Elements of a tensor in memory; other values count as none.
static int64_t elementsOf(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.hasStaticShape() && type.getElementType().isIntOrFloat()
             ? type.getNumElements()
             : 0;
}

int64_t stc::bytesOf(Value value) {
  if (elementsOf(value) == 0)
    return 0;
  auto type = typeOf(value);
  constexpr int64_t alignment = 128;
  return llvm::alignTo(type.getNumElements() * std::max(1u, type.getElementTypeBitWidth() / 8),
                       alignment);
}

double stc::flopsOf(Operation *op) {
  return llvm::TypeSwitch<Operation *, double>(op)
      .Case([](MatmulOp op) { return double(*modelFlops(op)); })
      .Case([](AttentionOp op) {
        AttentionShape query(op.getQuery(), op.getLayout());
        double size = query.size + AttentionShape(op.getValue(), op.getLayout()).size;
        double dense = 0.5 * query.positions * query.positions * query.heads * query.batch;
        std::optional<int64_t> flops = modelFlops(op);
        return flops ? double(*flops) : 2 * size * dense;
      })
      .Case<ReshapeOp, SplitOp, arith::ConstantOp, ReadOp, WriteOp>([](auto) { return 0.0; })
      .Default([](Operation *op) {
        double elements = 0;
        for (Value value : op->getOperands())
          elements = std::max<double>(elements, elementsOf(value));
        for (Value value : op->getResults())
          elements = std::max<double>(elements, elementsOf(value));
        return elements;
      });
}

/// The value whose memory another name stands for.
static Value storageOf(Value value) {
  while (Operation *op = value.getDefiningOp())
    if (isa<ReshapeOp, SplitOp>(op))
      value = op->getOperand(0);
    else
      break;
  return value;
}

int64_t stc::estimatePeak(Block &mlirBlock) {
  rows::Block block(mlirBlock);
  rows::chooseRoots(block);
  int size = block.size();
  auto inMemory = [&](Value value) {
    Operation *op = value.getDefiningOp();
    return op && !isa<ReadOp>(op) && block.inlined(value) < 0;
  };
  // When each value is read last: an inlined one is read when its readers are computed.
  std::vector<int> computedAt(size);
  DenseMap<Value, int> lastUse;
  for (int position = size - 1; position >= 0; --position) {
    Operation *op = block.op(position);
    int at = position;
    bool inlined = op->getNumResults() == 1 && block.inlined(op->getResult(0)) == position;
    if (inlined) {
      at = -1;
      for (Operation *user : op->getUsers())
        at = std::max(at, computedAt[block.positionOf(user)]);
    }
    computedAt[position] = at;
    if (at < 0)
      continue;
    for (Value operand : op->getOperands()) {
      Value storage = storageOf(operand);
      for (Value value : {operand, storage}) {
        auto [entry, added] = lastUse.try_emplace(value, at);
        entry->second = std::max(entry->second, at);
      }
    }
  }
  std::vector<int64_t> change(size + 1);
  for (int position = 0; position < size; ++position)
    for (Value result : block.op(position)->getResults()) {
      if (!inMemory(result) || storageOf(result) != result)
        continue;
      auto last = lastUse.find(result);
      int end = last == lastUse.end() ? position : last->second;
      change[position] += bytesOf(result);
      change[end + 1 > size ? size : end + 1] -= bytesOf(result);
    }
  int64_t live = 0, peak = 0;
  for (int64_t delta : change)
    peak = std::max(peak, live += delta);
  return peak;
}
