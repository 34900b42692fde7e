//===- RowProgram.cpp - a fused region as scalar steps --------------------===//

#include "compiler/Conversion/StcToTile/RowProgram.h"

#include <llvm/ADT/bit.h>

#include <map>

using namespace mlir;
using namespace stc;

bool RowProgram::reducesRows() const {
  return llvm::any_of(steps, [](const RowStep &step) { return step.kind == RowStep::Reduce; });
}

bool RowProgram::accumulates() const {
  return llvm::any_of(outputs, [](const RowOutput &output) { return output.accumulates(); });
}

Mask RowProgram::reducedRows() const {
  for (const RowOutput &output : outputs)
    if (output.accumulates())
      return rows() & ~output.kept;
  return 0;
}

int64_t RowProgram::extent(Mask mask) const {
  int64_t extent = 1;
  for (auto [dim, size] : llvm::enumerate(dims))
    if (mask >> dim & 1)
      extent *= size;
  return extent;
}

namespace {
ReduceOp accumulation(Value yielded) {
  auto reduce = yielded.getDefiningOp<ReduceOp>();
  return reduce && !reduce.isRowReduction() ? reduce : ReduceOp();
}

/// The bits of `mask` that stand at the places `dims` among its set bits.
Mask select(Mask mask, ArrayRef<int64_t> dims) {
  Mask result = 0;
  int64_t place = 0;
  for (Mask rest = mask; rest; rest &= rest - 1, ++place)
    if (llvm::is_contained(dims, place))
      result |= rest & -rest;
  return result;
}

class Analysis {
public:
  Analysis(FusedOp fused, bool ownColumns)
      : fused(fused), space(fused.getSpace()), body(fused.getBody().front()),
        ownColumns(ownColumns && !space.empty()) {}

  FailureOr<RowProgram> run() {
    if (space.size() >= RowProgram::maxRank)
      return fused.emitOpError("expected fewer than ") << RowProgram::maxRank << " dimensions";
    auto yield = cast<YieldOp>(body.getTerminator());
    for (Value value : yield.getValues())
      if (failed(require(value)))
        return failure();
    for (Operation &op : llvm::reverse(body.without_terminator()))
      for (Mask mask : needed.lookup(op.getResult(0)))
        if (failed(requireOperands(&op, mask)))
          return failure();
    mergeDims();
    for (BlockArgument argument : body.getArguments())
      for (Mask mask : needed.lookup(argument))
        addLoad(argument, mask);
    for (Operation &op : body.without_terminator())
      for (Mask mask : needed.lookup(op.getResult(0)))
        addOp(&op, mask);
    for (Value value : yield.getValues())
      addOutput(value);
    return std::move(program);
  }

private:
  Mask full() const { return (Mask(1) << space.size()) - 1; }

  void require(Value value, Mask mask) {
    auto &masks = needed[value];
    if (!llvm::is_contained(masks, mask))
      masks.push_back(mask);
  }

  /// A yielded value is over the whole space, or over its rows.
  FailureOr<Mask> maskOf(Value value) {
    auto shape = cast<RankedTensorType>(value.getType()).getShape();
    if (shape == space)
      return full();
    if (!space.empty() && shape == space.drop_back())
      return full() >> 1;
    return fused.emitOpError("expected a value over the space or its rows, found ")
           << value.getType();
  }

  LogicalResult require(Value yielded) {
    ReduceOp reduce = accumulation(yielded);
    Value value = reduce ? Value(reduce.getInput()) : yielded;
    FailureOr<Mask> mask = maskOf(value);
    if (failed(mask))
      return failure();
    require(value, *mask);
    used.push_back(*mask);
    if (reduce)
      used.push_back(select(*mask, reduce.getDims()));
    return success();
  }

  LogicalResult requireOperands(Operation *op, Mask mask) {
    if (auto broadcast = dyn_cast<BroadcastOp>(op)) {
      require(broadcast.getInput(), select(mask, broadcast.getDims()));
    } else if (auto reduce = dyn_cast<ReduceOp>(op)) {
      if (!reduce.isRowReduction() || mask != full() >> 1 ||
          cast<RankedTensorType>(reduce.getInput().getType()).getShape() != space)
        return reduce.emitOpError("expected a reduction of the rows of the space");
      require(reduce.getInput(), full());
      used.append({full(), mask});
    } else if (isa<RandomOp>(op)) {
      for (Value operand : op->getOperands())
        require(operand, 0);
      used.push_back(mask);
    } else {
      if (auto iota = dyn_cast<IotaOp>(op))
        alone |= select(mask, iota.getDim());
      for (Value operand : op->getOperands())
        require(operand, mask);
    }
    return success();
  }

  /// Drops dimensions of size 1, and merges neighbours that every value has both or neither of.
  void mergeDims() {
    for (BlockArgument argument : body.getArguments())
      llvm::append_range(used, needed.lookup(argument));
    int64_t last = -1;
    for (auto [dim, size] : llvm::enumerate(space)) {
      target.push_back(0);
      const bool isOwn = ownColumns && dim + 1 == space.size();
      if (size == 1 && !isOwn)
        continue;
      bool together =
          last >= 0 && !isOwn && !((alone >> last | alone >> dim) & 1) &&
          llvm::all_of(used, [&](Mask mask) { return (mask >> last & 1) == (mask >> dim & 1); });
      if (together)
        program.dims.back() *= size;
      else
        program.dims.push_back(size);
      target.back() = Mask(1) << (program.dims.size() - 1);
      last = dim;
    }
  }

  /// A mask of the space as one of the program's dimensions.
  Mask merged(Mask mask) const {
    Mask result = 0;
    for (auto [dim, bit] : llvm::enumerate(target))
      if (mask >> dim & 1)
        result |= bit;
    return result;
  }

  unsigned stepOf(Value value, Mask mask) const {
    return stepOfValue.at({value.getAsOpaquePointer(), mask});
  }

  void alias(Value value, Mask mask, unsigned step) {
    stepOfValue[{value.getAsOpaquePointer(), mask}] = step;
  }

  void addStep(Value value, Mask mask, RowStep step) {
    step.element = cast<RankedTensorType>(value.getType()).getElementType();
    for (unsigned operand : step.operands)
      step.sweep = std::max(step.sweep, program.steps[operand].sweep);
    if (step.kind == RowStep::Reduce)
      ++step.sweep;
    alias(value, mask, program.steps.size());
    program.steps.push_back(std::move(step));
  }

  void addLoad(BlockArgument argument, Mask mask) {
    for (auto [number, step] : llvm::enumerate(program.steps))
      if (program.inputs[step.number] == argument.getArgNumber() && step.mask == merged(mask))
        return alias(argument, mask, number);
    unsigned number = program.inputs.size();
    program.inputs.push_back(argument.getArgNumber());
    addStep(argument, mask, {.kind = RowStep::Load, .number = number, .mask = merged(mask)});
  }

  void addOp(Operation *op, Mask mask) {
    Value value = op->getResult(0);
    if (auto broadcast = dyn_cast<BroadcastOp>(op))
      return alias(value, mask, stepOf(broadcast.getInput(), select(mask, broadcast.getDims())));
    if (auto reduce = dyn_cast<ReduceOp>(op)) {
      unsigned input = stepOf(reduce.getInput(), full());
      if (merged(full()) == merged(mask)) // over a dimension of size 1
        return alias(value, mask, input);
      Mask rows = program.steps[input].mask & program.rows();
      return addStep(value, mask,
                     {.kind = RowStep::Reduce, .op = op, .operands = {input}, .mask = rows});
    }
    if (auto iota = dyn_cast<IotaOp>(op)) {
      // Along a dimension of size 1 the index is zero; dims.size() stands for that.
      Mask bit = merged(select(mask, iota.getDim()));
      unsigned dim = bit ? llvm::countr_zero(bit) : program.dims.size();
      return addStep(value, mask, {.kind = RowStep::Iota, .op = op, .number = dim, .mask = bit});
    }
    if (auto random = dyn_cast<RandomOp>(op)) {
      unsigned stream = program.streams.size();
      program.streams.push_back(random.getStream());
      SmallVector<unsigned> operands;
      for (Value scalar : op->getOperands())
        operands.push_back(stepOf(scalar, 0));
      return addStep(value, mask,
                     {.kind = RowStep::Random,
                      .op = op,
                      .number = stream,
                      .operands = std::move(operands),
                      .mask = merged(mask)});
    }
    RowStep step{.kind = RowStep::Compute, .op = op};
    for (Value operand : op->getOperands()) {
      step.operands.push_back(stepOf(operand, mask));
      step.mask |= program.steps[step.operands.back()].mask;
    }
    addStep(value, mask, std::move(step));
  }

  void addOutput(Value yielded) {
    ReduceOp reduce = accumulation(yielded);
    Value value = reduce ? Value(reduce.getInput()) : yielded;
    Mask mask = *maskOf(value);
    RowOutput output{.step = stepOf(value, mask), .domain = merged(mask), .kept = merged(mask)};
    if (reduce) {
      output.kept &= ~merged(select(mask, reduce.getDims()));
      output.reduction = reduce.getKind();
    }
    program.outputs.push_back(output);
  }

  FusedOp fused;
  ArrayRef<int64_t> space;
  Block &body;
  bool ownColumns;
  RowProgram program;
  DenseMap<Value, SmallVector<Mask, 2>> needed;
  SmallVector<Mask> used; // by memory, reductions and random numbers
  Mask alone = 0;         // dimensions that an iota counts along
  SmallVector<Mask> target;
  std::map<std::pair<void *, Mask>, unsigned> stepOfValue;
};
} // namespace

FailureOr<RowProgram> stc::analyze(FusedOp fused, bool ownColumns) {
  return Analysis(fused, ownColumns).run();
}

std::string stc::tellingOps(const RowProgram &program) {
  SmallVector<StringRef> names;
  auto collect = [&](auto matches) {
    for (const RowStep &step : program.steps)
      if (step.op && matches(step) && names.size() < 3)
        if (StringRef name = step.op->getName().stripDialect(); !llvm::is_contained(names, name))
          names.push_back(name);
  };
  collect([](const RowStep &step) {
    return step.kind == RowStep::Random || isa<math::MathDialect>(step.op->getDialect());
  });
  collect([](const RowStep &step) { return step.kind == RowStep::Reduce; });
  collect([](const RowStep &step) { return !isa<arith::ConstantOp>(step.op); });
  std::string result;
  for (StringRef name : names)
    result += "_" + name.str();
  return result;
}
