//===- StepWriter.h - the steps of a plan as ops ----------------*- C++ -*-===//
#pragma once

#include "compiler/Conversion/TileToPlan/EntryProgram.h"
#include "dialects/Plan/Plan.h"

#include <map>

namespace stc {

/// Writes the steps of a plan as ops, with variants of kernels for results that take over the
/// memory of operands.
class StepWriter {
public:
  StepWriter(mlir::OpBuilder &builder, mlir::SymbolTable &symbols)
      : builder(builder), symbols(symbols) {}

  void write(const EntryProgram &entry, const planner::Plan &plan);

private:
  /// Of a kernel, the numbers of the buffers of a result and of the operand whose memory it has.
  using SharedBuffers = std::vector<std::pair<int64_t, int64_t>>;

  plan::BufferAttr buffer(const planner::Place &place, mlir::Type type) {
    return plan::BufferAttr::get(builder.getContext(), place.offset,
                                 mlir::cast<mlir::RankedTensorType>(type));
  }
  void launch(tile::LaunchOp op, const planner::PlannedStep &step);
  void gemm(MatmulOp op, const planner::PlannedStep &step);
  /// Its start, or the wait for it.
  void exchange(tile::ExchangeOp op, const planner::PlannedStep &step);
  mlir::FlatSymbolRefAttr sharingKernel(tile::KernelOp kernel, const SharedBuffers &shared);

  mlir::OpBuilder &builder;
  mlir::SymbolTable &symbols;
  /// Numbers of those that have started.
  llvm::DenseMap<mlir::Operation *, int64_t> exchanges;
  /// By all that a variant is made of.
  std::map<std::pair<mlir::Operation *, SharedBuffers>, mlir::FlatSymbolRefAttr> variants;
};

} // namespace stc
