//===- Emitter.cpp - what all attention kernels of the host emit ----------===//

#include "compiler/Conversion/TileToHost/Emitter.h"

#include "compiler/Pattern/Pattern.h"

#include <mlir/Dialect/LLVMIR/LLVMDialect.h>
#include <mlir/IR/IRMapping.h>

#include <numeric>

using namespace mlir;
using namespace stc;

Emitter::Emitter(Operation *at, RegisterTile tile)
    : b(at->getLoc(), at), tile(tile), vectorType(VectorType::get({tile.lanes}, b.getF32Type())),
      intVectorType(VectorType::get({tile.lanes}, b.getI32Type())), zeroVector(splat(0.0f)) {}

//===--- scalars ----------------------------------------------------------===//

Value Emitter::index(int64_t value) { return arith::ConstantIndexOp::create(b, value); }
Value Emitter::add(Value l, Value r) { return arith::AddIOp::create(b, l, r); }
Value Emitter::add(Value l, int64_t r) { return r ? add(l, index(r)) : l; }
Value Emitter::sub(Value l, Value r) { return arith::SubIOp::create(b, l, r); }
Value Emitter::mul(Value l, int64_t r) {
  return r == 1 ? l : Value(arith::MulIOp::create(b, l, index(r)));
}
Value Emitter::min(Value l, Value r) { return arith::MinSIOp::create(b, l, r); }
Value Emitter::max(Value l, Value r) { return arith::MaxSIOp::create(b, l, r); }
Value Emitter::floorDiv(Value l, int64_t r) {
  return r == 1 ? l : Value(arith::DivUIOp::create(b, l, index(r)));
}
Value Emitter::remainder(Value l, int64_t r) { return arith::RemUIOp::create(b, l, index(r)); }
Value Emitter::less(Value l, Value r) {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::slt, l, r);
}
Value Emitter::lessEqual(Value l, Value r) {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::sle, l, r);
}

//===--- control ----------------------------------------------------------===//

Emitter::Values Emitter::loop(Value lo, Value hi, int64_t step, ValueRange carried,
                              function_ref<Values(Value, ValueRange)> body) {
  auto loop = scf::ForOp::create(b, lo, hi, index(step), carried);
  OpBuilder::InsertionGuard guard(b);
  if (carried.empty())
    b.setInsertionPoint(loop.getBody()->getTerminator());
  else
    b.setInsertionPointToStart(loop.getBody());
  Values results = body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!carried.empty())
    scf::YieldOp::create(b, results);
  return Values(loop.getResults());
}

void Emitter::loop(Value lo, Value hi, int64_t step, function_ref<void(Value)> body) {
  loop(lo, hi, step, ValueRange(), [&](Value iv, ValueRange) {
    body(iv);
    return Values();
  });
}

Emitter::Values Emitter::eachStep(int64_t size, int64_t step, ValueRange carried,
                                  function_ref<Values(Value, int64_t, ValueRange)> body) {
  Values values(carried);
  int64_t column = 0;
  if (isLong(size)) {
    column = size / step * step;
    values = loop(index(0), index(column), step, values,
                  [&](Value iv, ValueRange running) { return body(iv, step, running); });
  }
  for (; column < size; column += step)
    values = body(index(column), size - column, values);
  return values;
}

void Emitter::eachVector(int64_t size, function_ref<void(Value, int64_t)> body) {
  eachStep(size, tile.lanes, {}, [&](Value column, int64_t left, ValueRange) {
    body(column, left);
    return Values();
  });
}

void Emitter::ifThen(Value condition, function_ref<void()> body) {
  auto branch = scf::IfOp::create(b, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  body();
}

void Emitter::ifElse(Value condition, function_ref<void()> yes, function_ref<void()> no) {
  auto branch = scf::IfOp::create(b, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  yes();
  b.setInsertionPointToStart(branch.elseBlock());
  no();
}

//===--- memory -----------------------------------------------------------===//

Value Emitter::scratch(ArrayRef<int64_t> shape, Type element) {
  return tile::ScratchOp::create(b, MemRefType::get(shape, element));
}
Value Emitter::load(Value memory, Indices at) { return memref::LoadOp::create(b, memory, at); }
Value Emitter::loadVector(Value memory, Indices at) {
  return vector::LoadOp::create(b, vectorType, memory, at);
}

Value Emitter::laneMask(int64_t count) {
  SmallVector<bool> lanes(tile.lanes);
  std::fill(lanes.begin(), lanes.begin() + count, true);
  auto type = VectorType::get({tile.lanes}, b.getI1Type());
  return arith::ConstantOp::create(b, DenseElementsAttr::get(type, ArrayRef<bool>(lanes)));
}

Value Emitter::loadVector(Value memory, Indices at, int64_t count) {
  if (count >= tile.lanes)
    return loadVector(memory, at);
  return vector::MaskedLoadOp::create(b, vectorType, memory, at, laneMask(count), zeroVector);
}

void Emitter::store(Value value, Value memory, Indices at) {
  if (isa<VectorType>(value.getType()))
    vector::StoreOp::create(b, value, memory, at);
  else
    memref::StoreOp::create(b, value, memory, at);
}

void Emitter::storeVector(Value vector, Value memory, Indices at, int64_t count) {
  if (count >= tile.lanes)
    return store(vector, memory, at);
  vector::MaskedStoreOp::create(b, memory, at, laneMask(count), vector);
}

Value Emitter::address(Value memory, Indices at) {
  auto type = cast<MemRefType>(memory.getType());
  Value offset = at.front();
  for (auto [dimension, i] : llvm::enumerate(at.drop_front()))
    offset = add(mul(offset, type.getDimSize(dimension + 1)), i);
  Value bytes = mul(offset, type.getElementTypeBitWidth() / 8);
  Value start = memref::ExtractAlignedPointerAsIndexOp::create(b, memory);
  Value number = arith::IndexCastOp::create(b, b.getI64Type(), add(start, bytes));
  return LLVM::IntToPtrOp::create(b, LLVM::LLVMPointerType::get(b.getContext()), number);
}

Value Emitter::pinned(Value pointer) {
  return LLVM::InlineAsmOp::create(b, pointer.getType(), pointer, /*asm_string=*/"",
                                   /*constraints=*/"=r,0", /*has_side_effects=*/false,
                                   /*is_align_stack=*/false, LLVM::TailCallKind::None,
                                   /*asm_dialect=*/{}, /*operand_attrs=*/{})
      .getResult(0);
}

Value Emitter::loadSplat(Value memory, Indices at) { return splat(load(memory, at)); }

//===--- vectors ----------------------------------------------------------===//

Value Emitter::splat(float value) {
  return arith::ConstantOp::create(b, DenseElementsAttr::get(vectorType, value));
}
Value Emitter::splat(Value scalar) {
  return vector::BroadcastOp::create(b, VectorType::get({tile.lanes}, scalar.getType()), scalar);
}
Value Emitter::addf(Value l, Value r) { return arith::AddFOp::create(b, l, r); }
Value Emitter::subf(Value l, Value r) { return arith::SubFOp::create(b, l, r); }
Value Emitter::mulf(Value l, Value r) { return arith::MulFOp::create(b, l, r); }
Value Emitter::fma(Value l, Value r, Value accumulator) {
  return vector::FMAOp::create(b, l, r, accumulator);
}

// One maxps, where arith.maximumf would take six instructions for NaN and signed zero.
Value Emitter::maxf(Value l, Value r) {
  return arith::SelectOp::create(b, arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, l, r), l,
                                 r);
}

Value Emitter::compare(arith::CmpFPredicate predicate, Value value, float number) {
  bool isVector = isa<VectorType>(value.getType());
  Value other =
      isVector ? splat(number) : Value(arith::ConstantOp::create(b, b.getF32FloatAttr(number)));
  return arith::CmpFOp::create(b, predicate, value, other);
}

Value Emitter::select(Value condition, Value yes, Value no) {
  return arith::SelectOp::create(b, condition, yes, no);
}

Value Emitter::conjunction(Value l, Value r) { return arith::AndIOp::create(b, l, r); }

Value Emitter::anyLane(Value condition) {
  return vector::ReductionOp::create(b, vector::CombiningKind::OR, condition);
}

// Nothing that is not finite becomes zero times zero.
Value Emitter::watch(Value vector, Value watched) { return fma(vector, zeroVector, watched); }

Value Emitter::allFinite(Indices watched) {
  Value sum = watched.front();
  for (Value other : watched.drop_front())
    sum = addf(sum, other);
  Value any = anyLane(compare(arith::CmpFPredicate::UNE, sum, 0));
  Value yes = arith::ConstantOp::create(b, b.getBoolAttr(true));
  return arith::XOrIOp::create(b, any, yes);
}

//===--- building blocks --------------------------------------------------===//

Value Emitter::walkResidue(tile::WalkOp walk, Value residue) {
  tile::ResidueMapAttr map = walk.getResidueAttr();
  if (!map)
    return residue;
  Value moved = add(mul(residue, map.getFactor()), map.getShift());
  return remainder(moved, walk.getView().getResidues());
}

Value Emitter::position(tile::ViewAttr view, Value residue, Value row) {
  Value block = view.getWidth() == 1 ? mul(row, view.getPeriod())
                                     : add(mul(floorDiv(row, view.getWidth()), view.getPeriod()),
                                           remainder(row, view.getWidth()));
  block = add(block, view.getFirst());
  return view.getResidues() == 1 ? block : add(block, mul(residue, view.getWidth()));
}

Value Emitter::rowCount(tile::ViewAttr view, Value residue, int64_t n) {
  pattern::View v{view.getPeriod(), view.getFirst(), view.getWidth(), view.getResidues()};
  if (v.rows(n, v.residues - 1) == v.maxRows(n))
    return index(v.maxRows(n));
  return rowsBelow(view, residue, index(n));
}

Value Emitter::rowsBelow(tile::ViewAttr view, Value residue, Value end) {
  Value left = add(end, -view.getFirst());
  if (view.getResidues() > 1)
    left = sub(left, mul(residue, view.getWidth()));
  left = max(left, index(0));
  const int64_t period = view.getPeriod(), width = view.getWidth();
  if (width == 1)
    return floorDiv(add(left, period - 1), period);
  return add(mul(floorDiv(left, period), width), min(remainder(left, period), index(width)));
}

Value Emitter::packRows(Value source, Value batch, Value head, tile::ViewAttr view, Value residue,
                        Value row, Value count, Value total, Value target) {
  int64_t size = cast<MemRefType>(source.getType()).getDimSize(3);
  int64_t columns = cast<MemRefType>(target.getType()).getDimSize(1);
  Values none(isLong(size) ? 1 : columns / tile.lanes, zeroVector);
  Values watched = loop(index(0), count, 1, none, [&](Value i, ValueRange before) {
    Value at = position(view, residue, add(row, i));
    auto pack = [&](Value c, int64_t left, Value sum) {
      Value part = loadVector(source, {batch, at, head, c}, left);
      store(part, target, {i, c});
      return watch(part, sum);
    };
    if (isLong(size))
      return eachStep(size, tile.lanes, before, [&](Value c, int64_t left, ValueRange sum) {
        return Values{pack(c, left, sum[0])};
      });
    Values next;
    for (int64_t c = 0; c < columns; c += tile.lanes)
      next.push_back(pack(index(c), size - c, before[c / tile.lanes]));
    return next;
  });
  loop(count, total, 1, [&](Value i) {
    eachVector(columns, [&](Value c, int64_t) { store(zeroVector, target, {i, c}); });
  });
  return allFinite(watched);
}

void Emitter::prefetchRow(Value memory, Value batch, Value head, tile::ViewAttr view, Value residue,
                          Value row, bool toWrite) {
  constexpr int64_t lineFloats = 16, secondLevel = 2;
  auto type = cast<MemRefType>(memory.getType());
  Value at = min(position(view, residue, row), index(type.getDimSize(1) - 1));
  eachStep(type.getDimSize(3), lineFloats, {}, [&](Value c, int64_t, ValueRange) {
    memref::PrefetchOp::create(b, memory, ValueRange{batch, at, head, c}, toWrite, secondLevel,
                               /*isDataCache=*/true);
    return Values();
  });
}

void Emitter::unpackRows(Value source, Value target, Value batch, Value head, tile::ViewAttr view,
                         Value residue, Value row, Value count, float scale, bool accumulate) {
  int64_t size = cast<MemRefType>(target.getType()).getDimSize(3);
  loop(index(0), count, 1, [&](Value i) {
    Value at = position(view, residue, add(row, i));
    eachVector(size, [&](Value c, int64_t left) {
      Value value = loadVector(source, {i, c});
      if (accumulate)
        value = fma(value, splat(scale), loadVector(target, {batch, at, head, c}, left));
      else if (scale != 1.0f)
        value = mulf(value, splat(scale));
      storeVector(value, target, {batch, at, head, c}, left);
    });
  });
}

// Blocks of lanes x lanes, transposed in registers.
static Value transposeBlock(ImplicitLocOpBuilder &b, Value source, ValueRange at, int64_t lanes,
                            Value scale) {
  auto type = VectorType::get({lanes, lanes}, b.getF32Type());
  Value zero = arith::ConstantOp::create(b, b.getF32FloatAttr(0));
  SmallVector<int64_t> last = {cast<MemRefType>(source.getType()).getRank() - 2,
                               cast<MemRefType>(source.getType()).getRank() - 1};
  auto map =
      AffineMap::getMultiDimMapWithTargets(cast<MemRefType>(source.getType()).getRank(),
                                           {unsigned(last[0]), unsigned(last[1])}, b.getContext());
  SmallVector<bool> inBounds = {true, true};
  Value block = vector::TransferReadOp::create(b, type, source, at, std::optional<Value>(zero), map,
                                               ArrayRef<bool>(inBounds));
  if (scale)
    block = arith::MulFOp::create(b, block, vector::BroadcastOp::create(b, type, scale));
  return vector::TransposeOp::create(b, block, ArrayRef<int64_t>{1, 0});
}

static void storeBlock(ImplicitLocOpBuilder &b, Value block, Value target, ValueRange at) {
  unsigned rank = cast<MemRefType>(target.getType()).getRank();
  auto map = AffineMap::getMultiDimMapWithTargets(rank, {rank - 2, rank - 1}, b.getContext());
  SmallVector<bool> inBounds = {true, true};
  vector::TransferWriteOp::create(b, block, target, at, map, ArrayRef<bool>(inBounds));
}

void Emitter::transposeStrip(Value source, Value row, Value target, Value strip, float scale) {
  int64_t columns = cast<MemRefType>(source.getType()).getDimSize(1);
  Value factor =
      scale == 1.0f ? Value() : Value(arith::ConstantOp::create(b, b.getF32FloatAttr(scale)));
  loop(index(0), index(columns), tile.lanes, [&](Value c) {
    for (int64_t v = 0; v < tile.vectors; ++v) {
      Value block = transposeBlock(b, source, {add(row, v * tile.lanes), c}, tile.lanes, factor);
      storeBlock(b, block, target, {strip, c, index(v * tile.lanes)});
    }
  });
}

void Emitter::transposeBack(Value source, Value strip, Value target, Value row) {
  int64_t columns = cast<MemRefType>(target.getType()).getDimSize(1);
  loop(index(0), index(columns), tile.lanes, [&](Value c) {
    for (int64_t v = 0; v < tile.vectors; ++v) {
      Value block =
          transposeBlock(b, source, {strip, c, index(v * tile.lanes)}, tile.lanes, Value());
      storeBlock(b, block, target, {add(row, v * tile.lanes), c});
    }
  });
}

// With one vector, elements on the left are read as the operand in memory of their multiplications,
// repeated in all lanes, where a CPU has that. An Intel CPU takes two steps for such an instruction
// if its address has an index, and then cannot issue two a cycle; so addresses are a pointer plus a
// constant. LLVM would make an index of what the loop adds, did it know of it.
Emitter::Values Emitter::registerTile(int64_t rows, int64_t vectors, Value lo, Value hi,
                                      const Left &left, function_ref<Value(Value, int64_t)> right,
                                      Values init) {
  auto type = cast<MemRefType>(left.memory.getType());
  Type element = type.getElementType();
  int64_t columns = type.getDimSize(1), rowStep = left.inColumns ? 1 : columns,
          step = left.inColumns ? columns : 1;
  auto moved = [&](Value pointer, int64_t elements) -> Value {
    Value offset = arith::ConstantIntOp::create(b, elements, 64);
    return LLVM::GEPOp::create(b, pointer.getType(), element, pointer, ValueRange{offset});
  };
  init.push_back(left.inColumns ? address(left.memory, {lo, left.first})
                                : address(left.memory, {left.first, lo}));
  Values results = loop(lo, hi, 1, init, [&](Value k, ValueRange before) {
    Value pointer = pinned(before.back());
    Values factors, next;
    for (int64_t v = 0; v < vectors; ++v)
      factors.push_back(right(k, v));
    for (int64_t r = 0; r < rows; ++r) {
      Value value = splat(LLVM::LoadOp::create(b, element, moved(pointer, r * rowStep)));
      for (int64_t v = 0; v < vectors; ++v)
        next.push_back(fma(value, factors[v], before[r * vectors + v]));
    }
    next.push_back(moved(pointer, step));
    return next;
  });
  results.pop_back();
  return results;
}

/// Clones a region's ops and gives what it yields.
static SmallVector<Value> inlineRegion(OpBuilder &b, Region &region, ValueRange arguments) {
  IRMapping mapping;
  mapping.map(region.getArguments(), arguments);
  for (Operation &op : region.front().without_terminator())
    b.clone(op, mapping);
  SmallVector<Value> results;
  for (Value value : region.front().getTerminator()->getOperands())
    results.push_back(mapping.lookupOrDefault(value));
  return results;
}

Emitter::Values Emitter::eachRange(tile::WalkOp walk, Value residue, Value strip, Value end,
                                   ValueRange carried,
                                   function_ref<Values(const HostRange &, ValueRange)> body) {
  if (!walk.hasRanges())
    return body({walk, residue, {}}, carried);
  const int64_t huge = int64_t(1) << 40;
  Values numbers =
      loop(strip, end, 1, {index(huge), index(-huge)}, [&](Value one, ValueRange before) {
        Values own = inlineRegion(b, walk.getRanges(), {residue, one});
        Value any = less(own[0], own[1]);
        return Values{select(any, min(own[0], before[0]), before[0]),
                      select(any, max(own[1], before[1]), before[1])};
      });
  return loop(numbers[0], numbers[1], 1, carried, [&](Value number, ValueRange all) {
    return body({walk, residue, number}, all);
  });
}

Emitter::Values Emitter::bounds(const HostRange &range, Value strip) {
  tile::WalkOp walk = range.walk;
  Values bounds = inlineRegion(b, walk.getBounds(), range.with({range.residue, strip}));
  if (!range.number)
    return bounds;
  Values numbers = inlineRegion(b, walk.getRanges(), {range.residue, strip});
  Value isMet = conjunction(lessEqual(numbers[0], range.number), less(range.number, numbers[1]));
  for (Value &bound : bounds)
    bound = select(isMet, bound, index(0));
  return bounds;
}

Value Emitter::inMask(const HostRange &range, Value queryRow, Value keyRow) {
  tile::WalkOp walk = range.walk;
  return inlineRegion(b, walk.getMask(), range.with({range.residue, queryRow, keyRow}))[0];
}

Value stc::repeated(ImplicitLocOpBuilder &b, Value value, int64_t lanes) {
  if (isa<VectorType>(value.getType()))
    return value;
  return vector::BroadcastOp::create(b, VectorType::get({lanes}, value.getType()), value);
}

Operation *stc::cloneInLanes(ImplicitLocOpBuilder &b, Operation &op, ValueRange operands,
                             int64_t lanes, function_ref<Type(Type)> convert) {
  SmallVector<Value> values(operands);
  SmallVector<Type> types = llvm::map_to_vector(op.getResultTypes(), convert);
  if (llvm::any_of(values, [](Value value) { return isa<VectorType>(value.getType()); })) {
    for (Value &value : values)
      value = repeated(b, value, lanes);
    for (Type &type : types)
      type = VectorType::get({lanes}, type);
  }
  OperationState state(b.getLoc(), op.getName(), values, types, op.getAttrs());
  return static_cast<OpBuilder &>(b).create(state);
}

/// Clones a region over index as i32, with vectors where an operand is one.
static Value inlineVectorized(Emitter &e, Region &region, ArrayRef<Value> arguments) {
  DenseMap<Value, Value> mapping;
  for (auto [formal, actual] : llvm::zip(region.getArguments(), arguments))
    mapping[formal] = actual;
  auto convert = [&](Type type) -> Type { return type.isIndex() ? e.b.getI32Type() : type; };
  for (Operation &op : region.front().without_terminator()) {
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      auto value = cast<IntegerAttr>(constant.getValue()).getValue().getSExtValue();
      mapping[constant] =
          arith::ConstantOp::create(e.b, e.b.getIntegerAttr(convert(constant.getType()), value));
      continue;
    }
    auto operands = llvm::map_to_vector(op.getOperands(),
                                        [&](Value operand) { return mapping.lookup(operand); });
    // A table is asked for the class of a head, which all lanes share.
    if (auto lookup = dyn_cast<tile::LookupOp>(op)) {
      Value at = arith::IndexCastOp::create(e.b, e.b.getIndexType(), operands[0]);
      Value found = tile::LookupOp::create(e.b, at.getType(), at, lookup.getTable());
      mapping[lookup] = arith::IndexCastOp::create(e.b, e.b.getI32Type(), found);
      continue;
    }
    mapping[op.getResult(0)] = cloneInLanes(e.b, op, operands, e.tile.lanes, convert)->getResult(0);
  }
  return repeated(e.b, mapping.lookup(region.front().getTerminator()->getOperand(0)), e.tile.lanes);
}

Emitter::Values Emitter::pairsOf(const HostRange &range, Value queryRow, Value keyRow,
                                 Value keyEnd) {
  auto toInt = [&](Value value) -> Value {
    return arith::IndexCastOp::create(b, b.getI32Type(), value);
  };
  SmallVector<int32_t> lanes(tile.lanes);
  std::iota(lanes.begin(), lanes.end(), 0);
  Value lane =
      arith::ConstantOp::create(b, DenseElementsAttr::get(intVectorType, ArrayRef<int32_t>(lanes)));
  Value inRange = splat(less(keyRow, keyEnd));
  Values result;
  for (int64_t v = 0; v < tile.vectors; ++v) {
    Value queries = arith::AddIOp::create(b, splat(toInt(add(queryRow, v * tile.lanes))), lane);
    SmallVector<Value> arguments = {toInt(range.residue), queries, toInt(keyRow)};
    if (range.number)
      arguments.push_back(toInt(range.number));
    Value in = inlineVectorized(*this, tile::WalkOp(range.walk).getMask(), arguments);
    result.push_back(conjunction(in, inRange));
  }
  return result;
}

Emitter::Values Emitter::maskScores(const HostRange &range, Values scores, Value queryRow,
                                    Value keyRow, Value keyEnd, Value fullLo, Value fullHi) {
  int64_t rows = tile.rows;
  Value full = conjunction(lessEqual(fullLo, keyRow), lessEqual(add(keyRow, rows), fullHi));
  auto branch = scf::IfOp::create(b, TypeRange(ValueRange(scores)), full, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  scf::YieldOp::create(b, scores);
  b.setInsertionPointToStart(branch.elseBlock());
  Value masked = splat(kMaskedScore);
  Values result;
  for (int64_t r = 0; r < rows; ++r)
    for (auto [v, in] : llvm::enumerate(pairsOf(range, queryRow, add(keyRow, r), keyEnd)))
      result.push_back(select(in, scores[r * tile.vectors + v], masked));
  scf::YieldOp::create(b, result);
  return Values(branch.getResults());
}
