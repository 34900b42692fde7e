//===- RowEmitter.cpp - columns and memory of kernels of rows -------------===//

#include "compiler/Conversion/TileToCuda/RowEmitter.h"

using namespace mlir;
using namespace stc;

using Values = RowEmitter::Values;

void RowEmitter::setLane(Value thread) {
  lane = e.band(thread, kWarpLanes - 1);
  laneColumn = arith::IndexCastUIOp::create(b, b.getIndexType(), e.mul(lane, lanes.vector));
}

Operation *RowEmitter::clone(Operation &op, IRMapping &operands) {
  Operation *clone = b.clone(op, operands);
  if (auto arithmetic = dyn_cast<arith::ArithFastMathInterface>(clone)) {
    arith::FastMathFlagsAttr given = arithmetic.getFastMathFlagsAttr();
    auto flags = given ? given.getValue() : arith::FastMathFlags::none;
    clone->setAttr(
        arithmetic.getFastMathAttrName(),
        arith::FastMathFlagsAttr::get(b.getContext(), flags | arith::FastMathFlags::contract));
  }
  return clone;
}

LaneColumns RowEmitter::columnsOf(tile::SweepOp sweep, Value first, int64_t step, bool isGuarded) {
  Value column = arith::AddIOp::create(b, first, laneColumn);
  if (step)
    column = arith::AddIOp::create(b, column, index(step * lanes.stepColumns()));
  if (!isGuarded)
    return {column, Value()};
  Value exist = e.compare(arith::CmpIPredicate::ult, column, mapping.lookup(sweep.getUpper()));
  return {e.select(exist, column, mapping.lookup(sweep.getLower())), exist};
}

Value RowEmitter::address(Value memory, ValueRange indices) {
  auto type = cast<MemRefType>(memory.getType());
  Value place;
  for (auto [k, at] : llvm::enumerate(indices)) {
    if (place)
      place = arith::MulIOp::create(b, place, index(type.getDimSize(k)));
    place = place ? Value(arith::AddIOp::create(b, place, at)) : at;
  }
  Value buffer = mapping.lookup(memory);
  if (!place)
    return buffer;
  Value wide = arith::IndexCastOp::create(b, e.i64, place);
  return LLVM::GEPOp::create(b, buffer.getType(), type.getElementType(), buffer,
                             ArrayRef<LLVM::GEPArg>{wide});
}

Values RowEmitter::indicesAt(ValueRange indices, tile::SweepOp sweep, Value column) {
  auto result =
      llvm::map_to_vector(indices.drop_back(), [&](Value index) { return mapping.lookup(index); });
  Value offset = *sweep.getOffset(indices.back());
  result.push_back(offset ? e.add(mapping.lookup(offset), column) : column);
  return result;
}

int64_t RowEmitter::together(Type element) const {
  return std::min<int64_t>(lanes.vector, 16 / llvm::divideCeil(element.getIntOrFloatBitWidth(), 8));
}

Values RowEmitter::load(memref::LoadOp load, tile::SweepOp sweep, const LaneColumns &columns) {
  Value at = address(load.getMemRef(), indicesAt(load.getIndices(), sweep, columns.first));
  Type element = load.getMemRefType().getElementType();
  const int64_t length = together(element), bytes = length * element.getIntOrFloatBitWidth() / 8;
  if (length == 1)
    return {LLVM::LoadOp::create(b, element, at)};
  Values all;
  for (int64_t k = 0; k < lanes.vector; k += length) {
    Value some = LLVM::LoadOp::create(b, VectorType::get({length}, element),
                                      e.behind(at, k / length * bytes), bytes);
    for (int64_t j = 0; j < length; ++j)
      all.push_back(LLVM::ExtractElementOp::create(b, some, e.i(j)));
  }
  return all;
}

void RowEmitter::store(ValueRange values, Value memory, ValueRange indices, tile::SweepOp sweep,
                       const LaneColumns &columns) {
  auto write = [&] {
    Value at = address(memory, indicesAt(indices, sweep, columns.first));
    Type element = values[0].getType();
    const int64_t length = together(element), bytes = length * element.getIntOrFloatBitWidth() / 8;
    if (length == 1) {
      LLVM::StoreOp::create(b, values[0], at);
      return;
    }
    for (int64_t k = 0; k < lanes.vector; k += length) {
      Value some = LLVM::PoisonOp::create(b, VectorType::get({length}, element));
      for (int64_t j = 0; j < length; ++j)
        some = LLVM::InsertElementOp::create(b, some, values[k + j], e.i(j));
      LLVM::StoreOp::create(b, some, e.behind(at, k / length * bytes), bytes);
    }
  };
  if (columns.exist)
    e.ifThen(columns.exist, write);
  else
    write();
}
