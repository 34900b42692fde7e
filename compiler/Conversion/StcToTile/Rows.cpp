//===- Rows.cpp - launches of row kernels ---------------------------------===//
//
// How the rows of a fused region are divided into items, and the second launch that adds the parts
// of what was combined over items. The division depends on shapes alone, not on the number of
// threads, so that results have the same bits everywhere.
//
//===----------------------------------------------------------------------===//

#include "compiler/Conversion/StcToTile/CombineParts.h"
#include "compiler/Conversion/StcToTile/RowKernel.h"
#include "compiler/Conversion/StcToTile/StcToTile.h"

#include <llvm/Support/MathExtras.h>

using namespace mlir;
using namespace stc;

namespace {
/// How a launch is divided. `parts` is the number of items along the rows (or, flat, the columns).
struct Division {
  SmallVector<int64_t> sizes;
  int64_t parts = 1, items = 1;
};

Division divide(const RowProgram &program, const RowSchedule &schedule, const RowWork &work) {
  Division result;
  if (program.dims.empty()) {
    llvm::append_range(result.sizes, program.streams);
    return result;
  }
  int64_t columns = program.dims.back();
  bool limited = program.accumulates();
  if (program.flat()) {
    int64_t block = schedule.blockColumns;
    if (!block) {
      block = limited ? llvm::divideCeil(columns, work.maxParts) : 0;
      block = llvm::alignTo(std::max(block, work.itemElements), 64);
    }
    result.parts = result.items = llvm::divideCeil(columns, block);
    result.sizes = {columns / schedule.unit};
    if (!schedule.blockColumns)
      result.sizes.push_back(block);
  } else {
    Mask reduced = program.reducedRows(), kept = program.rows() & ~reduced;
    int64_t rows = program.extent(kept ? kept : reduced);
    int64_t width = schedule.blocked ? work.blockColumns : columns;
    int64_t blocks = schedule.blocked ? llvm::divideCeil(columns, width) : 1;
    int64_t rowsAnItem = work.itemElements / (width * (kept ? program.extent(reduced) : 1));
    if (limited && !kept)
      rowsAnItem = std::max<int64_t>(
          rowsAnItem, llvm::divideCeil(rows, llvm::divideCeil(work.maxParts, blocks)));
    rowsAnItem = std::clamp<int64_t>(rowsAnItem, 1, rows);
    result.parts = llvm::divideCeil(rows, rowsAnItem);
    result.items = result.parts * blocks;
    if (program.rows())
      result.sizes = {rows, rowsAnItem};
    if (schedule.blocked && !schedule.blockColumns)
      result.sizes.push_back(width);
  }
  llvm::append_range(result.sizes, program.streams);
  return result;
}

std::string nameOf(const RowProgram &program) {
  std::string kind = program.dims.empty() ? "scalars" : program.flat() ? "flat" : "rows";
  return kind + tellingOps(program);
}

/// The operand whose memory a result takes over best: the variable that it is written to, or a
/// value that nobody needs after this.
int64_t placeOf(FusedOp op, const RowProgram &program, const RowSchedule &schedule, unsigned output,
                ArrayRef<int64_t> taken) {
  auto variableOf = [&]() -> StringRef {
    for (Operation *user : op.getResult(output).getUsers())
      if (auto write = dyn_cast<WriteOp>(user))
        return write.getVariable();
    return {};
  };
  StringRef variable = variableOf();
  int64_t place = -1;
  for (unsigned input = 0; input < program.inputs.size(); ++input) {
    Value value = op.getInputs()[program.inputs[input]];
    if (llvm::is_contained(taken, input) || !canOverwrite(program, schedule, output, input))
      continue;
    auto read = value.getDefiningOp<ReadOp>();
    if (read && read.getVariable() == variable)
      return input;
    bool last = llvm::all_of(value.getUsers(), [&](Operation *user) {
      return user == op || (user->getBlock() == op->getBlock() && user->isBeforeInBlock(op));
    });
    if (place < 0 && last && !read)
      place = input;
  }
  return place;
}
} // namespace

LogicalResult stc::convertFused(FusedOp op, KernelOutliner &outliner, const RowWork &work) {
  FailureOr<RowProgram> program = analyze(op);
  if (failed(program))
    return failure();
  RowSchedule plan = schedule(*program, work);
  Division division = divide(*program, plan, work);
  SmallVector<Type> buffers = rowBuffers(*program);
  auto kernel = outliner.get(nameOf(*program), "rows", op.getLoc(), buffers, division.sizes.size(),
                             [&](KernelBuilder &b) { buildRowKernel(*program, plan, b); });

  OpBuilder builder(op);
  auto operands =
      llvm::map_to_vector(program->inputs, [&](unsigned input) { return op.getInputs()[input]; });
  SmallVector<Type> types;
  SmallVector<int64_t> inplace, partsOf;
  for (auto [number, output] : llvm::enumerate(program->outputs)) {
    auto type = cast<RankedTensorType>(op.getResult(number).getType());
    Type accumulator = accumulatorType(type.getElementType());
    // Rows that are kept are whole in one item, unless their columns are cut.
    bool whole = (program->rows() & output.kept) || division.parts == 1;
    int64_t parts = !output.accumulates() || whole ? 1 : division.parts;
    bool direct = !output.accumulates() || (parts == 1 && accumulator == type.getElementType());
    partsOf.push_back(direct ? 0 : parts);
    types.push_back(direct ? type
                           : RankedTensorType::get({parts * type.getNumElements()}, accumulator));
    inplace.push_back(direct ? placeOf(op, *program, plan, number, inplace) : -1);
  }
  auto launch =
      createLaunch(builder, op.getLoc(), kernel, types, operands, division.items, division.sizes);
  launch.setInplace(inplace);
  for (auto [number, parts] : llvm::enumerate(partsOf)) {
    auto type = cast<RankedTensorType>(op.getResult(number).getType());
    Value result = launch.getResult(number);
    if (parts)
      result = combineParts(builder, outliner, result, parts, program->outputs[number].reduction,
                            type, work);
    op.getResult(number).replaceAllUsesWith(result);
  }
  op.erase();
  return success();
}
