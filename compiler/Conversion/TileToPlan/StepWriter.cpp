//===- StepWriter.cpp - the steps of a plan as ops ------------------------===//

#include "compiler/Conversion/TileToPlan/StepWriter.h"

using namespace mlir;
using namespace stc;

/// The kernel with each result's buffer replaced by the operand's.
FlatSymbolRefAttr StepWriter::sharingKernel(tile::KernelOp kernel, const SharedBuffers &shared) {
  FlatSymbolRefAttr &variant = variants[{kernel, shared}];
  if (variant)
    return variant;
  auto clone = cast<tile::KernelOp>(kernel->clone());
  Block &body = clone.getBody().front();
  llvm::BitVector erased(body.getNumArguments());
  std::string name = (kernel.getSymName() + "_inplace").str();
  for (auto [result, operand] : shared) {
    body.getArgument(result).replaceAllUsesWith(body.getArgument(operand));
    erased.set(result);
    name += "_" + std::to_string(operand);
  }
  body.eraseArguments(erased);
  clone.setSymName(name);
  symbols.insert(clone, std::next(kernel->getIterator())); // gives it a name of its own
  return variant = FlatSymbolRefAttr::get(clone.getSymNameAttr());
}

void StepWriter::launch(tile::LaunchOp op, const planner::PlannedStep &step) {
  SmallVector<Attribute> buffers;
  for (auto [place, operand] : llvm::zip(step.operands, op.getOperands()))
    buffers.push_back(buffer(place, operand.getType()));
  SharedBuffers shared;
  SmallVector<int64_t> ofResult = resultBuffers(op);
  for (auto [index, result] : llvm::enumerate(op.getResults())) {
    if (ofResult[index] < 0)
      continue;
    const planner::Place &place = step.results[index];
    int64_t inplace = op.getInplace()[index];
    if (inplace >= 0 && place.bytes > 0 && place.offset == step.operands[inplace].offset)
      shared.push_back({ofResult[index], inplace});
    else
      buffers.push_back(buffer(place, result.getType()));
  }
  FlatSymbolRefAttr kernel = op.getKernelAttr();
  if (!shared.empty())
    kernel = sharingKernel(symbols.lookup<tile::KernelOp>(kernel.getAttr()), shared);
  plan::LaunchOp::create(builder, op.getLoc(), kernel, op.getItemsAttr(), op.getSizesAttr(),
                         builder.getArrayAttr(buffers), op.getWorkAttr(), op.getDynamicAttr());
}

void StepWriter::gemm(MatmulOp op, const planner::PlannedStep &step) {
  auto shapeOf = [](Value value) { return cast<RankedTensorType>(value.getType()).getShape(); };
  ArrayRef<int64_t> a = shapeOf(op.getLhs()), b = shapeOf(op.getRhs()), c = shapeOf(op.getResult());
  int64_t batch = 1, m = c[c.size() - 2], n = c.back();
  for (int64_t size : c.drop_back(2))
    batch *= size;
  // All rows meet the same matrix: one product.
  if (b.size() == 2) {
    m *= batch;
    batch = 1;
  }
  auto matrix = [&](const planner::Place &place, ArrayRef<int64_t> shape) {
    int64_t columns = shape.back(), rows = shape[shape.size() - 2];
    return plan::MatrixAttr::get(builder.getContext(), place.offset, columns,
                                 batch > 1 ? rows * columns : 0);
  };
  int64_t k = a[a.size() - (op.getTransposeLhs() ? 2 : 1)];
  plan::GemmOp::create(builder, op.getLoc(), op.getType().getElementType(), m, n, k, batch,
                       matrix(step.operands[0], a), op.getTransposeLhs(),
                       matrix(step.operands[1], b), op.getTransposeRhs(),
                       matrix(step.results[0], c));
}

void StepWriter::exchange(tile::ExchangeOp op, const planner::PlannedStep &step) {
  auto [entry, isStart] = exchanges.try_emplace(op, exchanges.size());
  if (!isStart) {
    plan::WaitOp::create(builder, op.getLoc(), entry->second);
    return;
  }
  auto buffersOf = [&](ArrayRef<planner::Place> places, TypeRange types) {
    SmallVector<Attribute> buffers;
    for (auto [place, type] : llvm::zip_equal(places, types))
      buffers.push_back(buffer(place, type));
    return builder.getArrayAttr(buffers);
  };
  plan::ExchangeOp::create(builder, op.getLoc(), entry->second, op.getCollectives(),
                           buffersOf(step.operands, op.getOperandTypes()),
                           buffersOf(step.results, op.getResultTypes()));
}

void StepWriter::write(const EntryProgram &entry, const planner::Plan &plan) {
  for (const planner::PlannedStep &step : plan.steps) {
    const planner::Place &result = step.results.empty() ? planner::Place() : step.results[0];
    if (step.source < 0) {
      plan::CopyOp::create(builder, builder.getUnknownLoc(), step.operands[0].offset, result.offset,
                           result.bytes);
      continue;
    }
    Operation *op = entry.ops[step.source];
    if (auto launchOp = dyn_cast<tile::LaunchOp>(op))
      launch(launchOp, step);
    else if (auto matmul = dyn_cast<MatmulOp>(op))
      gemm(matmul, step);
    else if (auto exchanged = dyn_cast<tile::ExchangeOp>(op))
      exchange(exchanged, step);
    else
      plan::ZeroOp::create(builder, op->getLoc(), result.offset, result.bytes);
  }
}
