//===- RowKernel.cpp - the body of a row kernel ---------------------------===//
//
// An item does a range of rows, or a block of columns of them. Outputs that are combined over rows
// are accumulated by each item for itself: row by row in its own part of a buffer of partial
// results, or, where they have no columns, in a value that the loop over rows carries: in double,
// as a long sum of like numbers is rounded the same way each time.
//
//   for kept rows {                     only if some row dimensions are not combined
//     for combined rows {
//       scalars of the row; sweep 0; scalars that need its sums; sweep 1; ...
//     }
//   }
//
//===----------------------------------------------------------------------===//

#include "compiler/Conversion/StcToTile/RowKernel.h"

#include "compiler/Conversion/StcToTile/Divide.h"
#include "compiler/Conversion/StcToTile/Philox.h"

#include <llvm/ADT/bit.h>

using namespace mlir;
using namespace stc;

Type stc::accumulatorType(Type element) {
  return element.isF64() ? element : Float32Type::get(element.getContext());
}

namespace {
constexpr int64_t dynamic = ShapedType::kDynamic;

class RowKernel {
public:
  RowKernel(const RowProgram &program, const RowSchedule &schedule, KernelBuilder &b,
            ArrayRef<Value> buffers)
      : program(program), schedule(schedule), b(b), buffers(buffers), values(program.steps.size()),
        keys(program.steps.size()), randomBases(program.steps.size()),
        offsets(program.outputs.size()), totals(program.outputs.size()) {}

  void build() {
    readSizes();
    for (unsigned step : schedule.scratch)
      scratch[step] = tile::ScratchOp::create(
          b, MemRefType::get({program.dims.back()}, memoryType(program.steps[step].element)));
    computeScalars([&](const RowStep &step) { return step.mask == 0 && step.sweep == 0; });
    for (auto [number, step] : llvm::enumerate(program.steps))
      if (step.kind == RowStep::Random)
        prepareKeys(number);
    Mask reduced = program.reducedRows(), kept = program.rows() & ~reduced;
    if (!kept)
      return buildCombined(reduced);
    forRows(firstRow, lastRow, {}, [&](Value row, ValueRange) {
      setCoordinates(row, kept);
      if (!reduced)
        rowIndices[kept] = row;
      keptRow = row;
      buildCombined(reduced);
      return SmallVector<Value>();
    });
  }

  /// A row, whose result goes where one row is.
  void buildOneRow(Value row) {
    isOneRow = true;
    firstColumn = b.index(0);
    columns = lastColumn = b.index(program.dims.back());
    setRow(row);
    computeScalars([&](const RowStep &step) { return step.mask == 0 && step.sweep == 0; });
    buildRow();
  }

  /// An element, with the value of one input. What widens it takes it as it is.
  void buildElement(Value row, Value column, unsigned input, Value given) {
    setRow(row);
    prepareIndices();
    auto isGiven = [&](const RowStep &step) {
      return step.kind == RowStep::Load && step.number == input;
    };
    for (auto [number, step] : llvm::enumerate(program.steps)) {
      bool widens = isa_and_nonnull<arith::ExtFOp>(step.op) && step.element == given.getType() &&
                    isGiven(program.steps[step.operands[0]]);
      values[number] = widens          ? given
                       : isGiven(step) ? narrow(given, step.element)
                                       : compute(number, values, column);
    }
    for (auto [number, output] : llvm::enumerate(program.outputs))
      store(values[output.step], this->output(number), indices(output.kept, column));
  }

private:
  void setRow(Value row) {
    setCoordinates(row, program.rows());
    if (program.rows())
      rowIndices[program.rows()] = row;
  }

  //===--- loops ----------------------------------------------------------===//

  void readSizes() {
    unsigned size = 0;
    Value part = b.item(); // of the rows
    bool rows = program.rows();
    if (rows) {
      lastRow = b.size(size++);
      rowsAnItem = b.size(size++);
    }
    firstColumn = b.index(0);
    if (program.flat())
      columns = b.size(size++, schedule.unit);
    else
      columns = b.index(program.dims.empty() ? 1 : program.dims.back());
    lastColumn = columns;
    if (schedule.blocked) {
      Value block = schedule.blockColumns ? b.index(schedule.blockColumns) : b.size(size++);
      Value number = b.item();
      if (rows) {
        Value blocks = b.div(b.add(columns, b.add(block, b.index(-1))), block);
        number = b.rem(b.item(), blocks);
        part = b.div(b.item(), blocks);
      }
      firstColumn = b.mul(number, block);
      lastColumn = b.blockEnd(firstColumn, block, columns);
    }
    for (size_t stream = 0; stream < program.streams.size(); ++stream)
      streams.push_back(arith::IndexCastOp::create(b, b.getI32Type(), b.size(size++)));
    itemPart = part;
    if (rows) {
      firstRow = b.mul(part, rowsAnItem);
      lastRow = b.min(b.add(firstRow, rowsAnItem), lastRow);
    }
  }

  void forRows(Value from, Value to, ValueRange init,
               function_ref<SmallVector<Value>(Value, ValueRange)> body) {
    auto loop = scf::ForOp::create(b, from, to, b.index(1), init);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    SmallVector<Value> results = body(loop.getInductionVar(), loop.getRegionIterArgs());
    if (!init.empty())
      scf::YieldOp::create(b, results);
    carried.assign(loop->result_begin(), loop->result_end());
  }

  /// The rows that are combined, of one kept row if there are any.
  void buildCombined(Mask reduced) {
    SmallVector<unsigned> summed; // outputs that the loop carries
    SmallVector<Value> init;
    for (auto [number, output] : llvm::enumerate(program.outputs)) {
      if (!output.accumulates())
        continue;
      Value part = keptRow ? keptRow : itemPart;
      if (output.kept & program.column()) {
        offsets[number] = b.mul(part, columns);
        fill(number, neutralOf(output, accumulatorType(program.steps[output.step].element)));
      } else {
        offsets[number] = keptRow ? keptRow : b.item();
        totals[number] = neutralOf(output, b.getF64Type());
        summed.push_back(number);
        init.push_back(totals[number]);
      }
    }
    if (reduced) {
      Value from = keptRow ? b.index(0) : firstRow;
      Value to = keptRow ? b.index(program.extent(reduced)) : lastRow;
      forRows(from, to, init, [&](Value row, ValueRange sums) {
        setCoordinates(row, reduced);
        if (!keptRow)
          rowIndices[reduced] = row;
        for (auto [number, sum] : llvm::zip(summed, sums))
          totals[number] = sum;
        buildRow();
        return llvm::map_to_vector(summed, [&](unsigned number) { return totals[number]; });
      });
      for (auto [number, sum] : llvm::zip(summed, carried))
        totals[number] = sum;
    } else {
      buildRow();
    }
    for (unsigned number : summed) {
      Type element = cast<MemRefType>(output(number).getType()).getElementType();
      memref::StoreOp::create(b, narrow(totals[number], element), output(number), offsets[number]);
    }
  }

  //===--- indices --------------------------------------------------------===//

  /// Coordinates of the dimensions of a mask, from their common row-major number.
  void setCoordinates(Value number, Mask mask) {
    coordinateOf.push_back({number, mask});
    rowIndices.clear();
  }

  Value coordinate(unsigned dim) {
    for (auto [number, mask] : coordinateOf) {
      if (!(mask >> dim & 1))
        continue;
      Mask inner = mask & ~((Mask(2) << dim) - 1), outer = mask & ((Mask(1) << dim) - 1);
      Value result = inner ? b.div(number, b.index(program.extent(inner))) : number;
      return outer ? b.rem(result, b.index(program.dims[dim])) : result;
    }
    llvm_unreachable("expected a dimension of the rows");
  }

  /// The row-major number of the row among the dimensions of a mask.
  Value rowIndex(Mask mask) {
    Value &index = rowIndices[mask];
    if (index)
      return index;
    Value result;
    for (unsigned dim = 0; dim < program.dims.size(); ++dim)
      if (mask >> dim & 1)
        result = result ? b.add(b.mul(result, b.index(program.dims[dim])), coordinate(dim))
                        : coordinate(dim);
    return rowIndices[mask] = result ? result : b.index(0);
  }

  /// Sweeps may use only what stands before them.
  void prepareIndices() {
    for (auto [number, step] : llvm::enumerate(program.steps)) {
      Mask rows = step.mask & program.rows();
      if (step.kind == RowStep::Random)
        randomBases[number] =
            program.inColumns(number) ? b.mul(rowIndex(rows), columns) : rowIndex(rows);
      else if (rows && (step.kind == RowStep::Load || step.kind == RowStep::Iota))
        rowIndex(rows);
    }
    for (const RowOutput &output : program.outputs)
      if (!output.accumulates() && (output.kept & program.rows()))
        rowIndex(output.kept & program.rows());
  }

  SmallVector<Value> indices(Mask mask, Value column) {
    SmallVector<Value> result;
    if (Mask rows = mask & program.rows())
      result.push_back(rowIndices.lookup(rows));
    if (mask & program.column())
      result.push_back(column);
    return result;
  }

  Value output(unsigned number) { return buffers[program.inputs.size() + number]; }
  SmallVector<Value> outputIndices(Mask mask, Value column) {
    return indices(isOneRow ? mask & program.column() : mask, column);
  }

  //===--- a row ----------------------------------------------------------===//

  void buildRow() {
    prepareIndices();
    for (auto [number, sweep] : llvm::enumerate(schedule.sweeps)) {
      unsigned level = number;
      computeScalars(
          [&](const RowStep &step) { return step.sweep == level && (step.mask || level); });
      if (!sweep.empty())
        buildSweep(sweep);
    }
    for (auto [number, output] : llvm::enumerate(program.outputs)) {
      if (output.domain & program.column())
        continue;
      Value value = values[output.step];
      if (output.accumulates())
        addToTotal(number, value);
      else
        store(value, this->output(number), indices(output.kept, Value()));
    }
  }

  void computeScalars(function_ref<bool(const RowStep &)> now) {
    for (auto [number, step] : llvm::enumerate(program.steps))
      if (!(step.mask & program.column()) && step.kind != RowStep::Reduce && now(step))
        values[number] = compute(number, values, Value());
  }

  void buildSweep(const RowSweep &sweep) {
    SmallVector<Type> types;
    for (unsigned step : sweep.reductions)
      types.push_back(accumulatorType(program.steps[step].element));
    SmallVector<unsigned> summed;
    for (unsigned number : sweep.outputs)
      if (const RowOutput &output = program.outputs[number]; !(output.kept & program.column())) {
        summed.push_back(number);
        types.push_back(accumulatorType(program.steps[output.step].element));
      }
    auto op = tile::SweepOp::create(b, types, firstColumn, lastColumn);
    Block &body = op.getBody().emplaceBlock();
    Value column = body.addArgument(b.getIndexType(), b.getLoc());
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(&body);
      buildColumn(sweep, summed, column);
    }
    auto results = op.getResults();
    for (auto [step, result] : llvm::zip(sweep.reductions, results))
      values[step] = narrow(result, program.steps[step].element);
    for (auto [number, result] : llvm::zip(summed, results.drop_front(sweep.reductions.size())))
      addToTotal(number, result);
  }

  void addToTotal(unsigned number, Value value) {
    Value &total = totals[number];
    if (value.getType() != total.getType())
      value = arith::ExtFOp::create(b, total.getType(), value);
    total = combine(program.outputs[number], total, value);
  }

  /// All loads of a column come before its stores, so that results may stand in the memory of
  /// operands.
  void buildColumn(const RowSweep &sweep, ArrayRef<unsigned> summed, Value column) {
    std::vector<Value> local = values;
    for (unsigned step : sweep.reload) {
      int number = RowSchedule::storedBy(program, step);
      Type element = program.steps[step].element;
      local[step] = number >= 0
                        ? load(output(number), outputIndices(program.all(), column), element)
                        : load(scratch.lookup(step), column, element);
    }
    for (unsigned step : sweep.compute)
      local[step] = compute(step, local, column);
    for (unsigned step : schedule.scratch)
      if (llvm::is_contained(sweep.compute, step))
        store(local[step], scratch.lookup(step), column);
    SmallVector<int32_t> combiners;
    SmallVector<Value> combined;
    auto yield = [&](Reduction reduction, unsigned step) {
      combiners.push_back(static_cast<int32_t>(reduction == Reduction::Sum ? tile::Combiner::Sum
                                                                           : tile::Combiner::Max));
      combined.push_back(widen(local[step]));
    };
    for (unsigned step : sweep.reductions)
      yield(cast<ReduceOp>(program.steps[step].op).getKind(), program.steps[step].operands[0]);
    for (unsigned number : sweep.outputs) {
      const RowOutput &output = program.outputs[number];
      if (llvm::is_contained(summed, number)) {
        yield(output.reduction, output.step);
      } else if (output.accumulates()) {
        Value buffer = this->output(number), index = b.add(offsets[number], column);
        Value sum = memref::LoadOp::create(b, buffer, index);
        memref::StoreOp::create(b, combine(output, sum, widen(local[output.step])), buffer, index);
      } else {
        store(local[output.step], this->output(number), outputIndices(output.kept, column));
      }
    }
    tile::CombineOp::create(b, b.getDenseI32ArrayAttr(combiners), combined);
  }

  /// Sets the item's part of an accumulated output.
  void fill(unsigned number, Value value) {
    auto op = tile::SweepOp::create(b, TypeRange(), firstColumn, lastColumn);
    Block &body = op.getBody().emplaceBlock();
    Value column = body.addArgument(b.getIndexType(), b.getLoc());
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&body);
    memref::StoreOp::create(b, value, output(number), b.add(offsets[number], column));
    tile::CombineOp::create(b, b.getDenseI32ArrayAttr({}), ValueRange());
  }

  //===--- an element -----------------------------------------------------===//

  Value compute(unsigned number, const std::vector<Value> &known, Value column) {
    const RowStep &step = program.steps[number];
    switch (step.kind) {
    case RowStep::Load:
      return load(buffers[step.number], indices(step.mask, column), step.element);
    case RowStep::Iota:
      return iota(step, column);
    case RowStep::Random: {
      prepareKeys(number);
      Value element = column && program.inColumns(number) ? b.add(randomBases[number], column)
                                                          : randomBases[number];
      if (!element)
        element = b.index(0);
      element = arith::IndexCastOp::create(b, b.getI64Type(), element);
      auto random = cast<RandomOp>(step.op);
      auto parts = llvm::map_to_vector(ArrayRef(step.operands).drop_front(2),
                                       [&](unsigned operand) { return known[operand]; });
      element = inWhole(random, element, parts);
      return philoxRandom(b, random.getDistribution(), keys[number], element,
                          known[step.operands[1]], streams[step.number]);
    }
    case RowStep::Compute: {
      if (auto constant = dyn_cast<arith::ConstantOp>(step.op)) {
        auto splat = cast<SplatElementsAttr>(constant.getValue()).getSplatValue<TypedAttr>();
        return arith::ConstantOp::create(b, splat);
      }
      auto operands =
          llvm::map_to_vector(step.operands, [&](unsigned operand) { return known[operand]; });
      OperationState state(b.getLoc(), step.op->getName(), operands, step.element);
      state.propertiesAttr = step.op->getPropertiesAsAttribute();
      return emitElementwise(b, state);
    }
    case RowStep::Reduce:
      break;
    }
    llvm_unreachable("expected a reduction to come from its sweep");
  }

  /// The index in the whole tensor of an element of a part: of a part of a part, and so on.
  Value inWhole(RandomOp random, Value element, ArrayRef<Value> parts) {
    int64_t elements = random.getType().getNumElements();
    auto constant = [&](int64_t number) -> Value {
      return arith::ConstantIntOp::create(b, b.getI64Type(), number);
    };
    for (auto [part, run, count] :
         llvm::reverse(llvm::zip_equal(parts, random.getRuns(), random.getCounts()))) {
      Value number = arith::ExtSIOp::create(b, b.getI64Type(), part), inRun = element;
      if (elements > run) {
        Value runs = arith::DivUIOp::create(b, element, constant(run));
        inRun = arith::RemUIOp::create(b, element, constant(run));
        number = b.add(number, b.mul(runs, constant(count)));
      }
      element = b.add(b.mul(number, constant(run)), inRun);
      elements *= count;
    }
    return element;
  }

  void prepareKeys(unsigned number) {
    if (!keys[number][0][0])
      keys[number] = philoxKeys(b, values[program.steps[number].operands[0]]);
  }

  Value iota(const RowStep &step, Value column) {
    Value index;
    if (step.number == program.dims.size())
      index = b.index(0);
    else if (step.mask & program.column())
      index = column;
    else
      index = rowIndices.lookup(step.mask);
    return arith::IndexCastOp::create(b, step.element, index);
  }

  Value load(Value buffer, ValueRange index, Type element) {
    Value value = memref::LoadOp::create(b, buffer, index);
    if (value.getType() == element)
      return value;
    Value zero = arith::ConstantOp::create(b, b.getIntegerAttr(value.getType(), 0));
    return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, value, zero);
  }

  void store(Value value, Value buffer, ValueRange index) {
    Type element = cast<MemRefType>(buffer.getType()).getElementType();
    if (value.getType() != element)
      value = arith::ExtUIOp::create(b, element, value);
    memref::StoreOp::create(b, value, buffer, index);
  }

  Value widen(Value value) {
    Type type = accumulatorType(value.getType());
    return type == value.getType() ? value : arith::ExtFOp::create(b, type, value).getResult();
  }

  Value narrow(Value value, Type type) {
    return type == value.getType() ? value : arith::TruncFOp::create(b, type, value).getResult();
  }

  Value neutralOf(const RowOutput &output, Type type) {
    double value =
        output.reduction == Reduction::Sum ? 0 : -std::numeric_limits<double>::infinity();
    return arith::ConstantOp::create(b, b.getFloatAttr(type, value));
  }

  Value combine(const RowOutput &output, Value a, Value c) {
    if (output.reduction == Reduction::Sum)
      return arith::AddFOp::create(b, a, c);
    return arith::MaximumFOp::create(b, a, c);
  }

  const RowProgram &program;
  const RowSchedule &schedule;
  KernelBuilder &b;
  SmallVector<Value> buffers; // of inputs, then of outputs
  bool isOneRow = false;

  Value firstRow, lastRow, rowsAnItem, firstColumn, lastColumn, columns, itemPart, keptRow;
  SmallVector<Value> streams, carried;
  std::vector<Value> values; // of steps without columns
  std::vector<std::array<std::array<Value, 2>, 10>> keys;
  std::vector<Value> randomBases;
  SmallVector<std::pair<Value, Mask>> coordinateOf;
  DenseMap<Mask, Value> rowIndices;
  DenseMap<unsigned, Value> scratch;
  std::vector<Value> offsets, totals; // of accumulated outputs
};
} // namespace

SmallVector<Type> stc::rowBuffers(const RowProgram &program) {
  auto typeOf = [&](Mask mask, Type element) {
    SmallVector<int64_t> shape;
    if (mask & program.rows())
      shape.push_back(dynamic);
    if (mask & program.column())
      shape.push_back(program.flat() ? dynamic : program.dims.back());
    return bufferType(shape, element);
  };
  SmallVector<Type> result(program.inputs.size());
  for (const RowStep &step : program.steps)
    if (step.kind == RowStep::Load)
      result[step.number] = typeOf(step.mask, step.element);
  for (const RowOutput &output : program.outputs) {
    Type element = program.steps[output.step].element;
    result.push_back(output.accumulates() ? bufferType(dynamic, accumulatorType(element))
                                          : typeOf(output.kept, element));
  }
  return result;
}

void stc::buildRowKernel(const RowProgram &program, const RowSchedule &schedule,
                         KernelBuilder &builder) {
  SmallVector<Value> buffers;
  for (unsigned k = 0; k < program.inputs.size() + program.outputs.size(); ++k)
    buffers.push_back(builder.buffer(k));
  RowKernel(program, schedule, builder, buffers).build();
}

void stc::buildOneRow(const RowProgram &program, const RowSchedule &schedule,
                      KernelBuilder &builder, ArrayRef<Value> buffers, Value row) {
  RowKernel(program, schedule, builder, buffers).buildOneRow(row);
}

void stc::buildRowElement(const RowProgram &program, KernelBuilder &builder,
                          ArrayRef<Value> buffers, Value row, Value column, unsigned input,
                          Value given) {
  RowKernel(program, RowSchedule(), builder, buffers).buildElement(row, column, input, given);
}
