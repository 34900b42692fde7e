//===- LowerSweep.cpp - work over columns as vector code ------------------===//
//
// Columns stand in the lanes. Whole vectors come first; what is left of the row is one vector under
// a mask, so that no element is computed by other code than its neighbours. Long rows are combined
// block by block: a lane that adds thousands of like numbers rounds each time the same way.
//
//===----------------------------------------------------------------------===//

#include "compiler/Conversion/TileToHost/Emitter.h"

#include <limits>
#include <numeric>

using namespace mlir;
using namespace stc;

namespace {
struct Sweep {
  tile::SweepOp op;
  Emitter e;
  int64_t lanes;

  Sweep(tile::SweepOp op, const HostVectors &options)
      : op(op), e(op, options.tile(options.lanes)), lanes(options.lanes) {}

  VectorType vectorOf(Type element) { return VectorType::get({lanes}, element); }

  Value constant(Type element, double value) {
    VectorType type = vectorOf(element);
    return arith::ConstantOp::create(
        e.b, DenseElementsAttr::get(type, e.b.getFloatAttr(element, value)));
  }

  void run() {
    Emitter::Values start;
    tile::CombineOp combine = op.getCombine();
    for (auto [k, type] : llvm::enumerate(op.getResultTypes())) {
      bool sum = combine.getCombiner(k) == tile::Combiner::Sum;
      start.push_back(constant(type, sum ? 0 : -std::numeric_limits<double>::infinity()));
    }
    Value whole = e.roundDown(e.sub(op.getUpper(), op.getLower()), lanes),
          end = e.add(op.getLower(), whole);
    auto sums = sumOf(op.getLower(), end, start);
    auto rest = scf::IfOp::create(
        e.b, op.getResultTypes().empty() ? TypeRange() : TypeRange(ValueRange(sums)),
        e.less(end, op.getUpper()), /*withElseRegion=*/!sums.empty());
    {
      OpBuilder::InsertionGuard guard(e.b);
      e.b.setInsertionPointToStart(rest.thenBlock());
      Value count = e.sub(op.getUpper(), end);
      Value mask = vector::CreateMaskOp::create(e.b, vectorOf(e.b.getI1Type()), count);
      auto last = step(end, mask, sums);
      if (!sums.empty()) {
        scf::YieldOp::create(e.b, last);
        e.b.setInsertionPointToStart(rest.elseBlock());
        scf::YieldOp::create(e.b, sums);
      }
    }
    for (auto [k, result] : llvm::enumerate(op.getResults())) {
      bool sum = combine.getCombiner(k) == tile::Combiner::Sum;
      auto kind = sum ? vector::CombiningKind::ADD : vector::CombiningKind::MAXIMUMF;
      // The order of these additions is the target's: a tree.
      auto flags = sum ? arith::FastMathFlags::reassoc : arith::FastMathFlags::none;
      result.replaceAllUsesWith(vector::ReductionOp::create(e.b, kind, rest.getResult(k), flags));
    }
  }

  /// Of whole vectors.
  Emitter::Values sumOf(Value lower, Value upper, const Emitter::Values &start) {
    auto vectors = [&](Value from, Value to) {
      return e.loop(from, to, lanes, start, [&](Value column, ValueRange carried) {
        return step(column, Value(), carried);
      });
    };
    int64_t block = 64 * lanes;
    auto from = getConstantIntValue(op.getLower()), to = getConstantIntValue(op.getUpper());
    if (start.empty() || (from && to && *to - *from < 2 * block))
      return vectors(lower, upper);
    return e.loop(lower, upper, block, start, [&](Value first, ValueRange carried) {
      Emitter::Values sums = vectors(first, e.min(e.add(first, block), upper));
      for (auto [k, sum] : llvm::enumerate(sums))
        sum = combine(k, carried[k], sum);
      return sums;
    });
  }

  Value combine(unsigned k, Value a, Value c) {
    if (op.getCombine().getCombiner(k) == tile::Combiner::Sum)
      return arith::AddFOp::create(e.b, a, c);
    return arith::MaximumFOp::create(e.b, a, c);
  }

  /// The columns from `column` on, those of the mask where there is one. Gives the combined values.
  Emitter::Values step(Value column, Value mask, ValueRange carried) {
    DenseMap<Value, Value> mapping;
    SmallVector<int64_t> numbers(lanes);
    std::iota(numbers.begin(), numbers.end(), 0);
    Value lane = arith::ConstantOp::create(e.b, e.b.getIndexVectorAttr(numbers));
    mapping[op.getColumn()] = arith::AddIOp::create(e.b, repeated(e.b, column, lanes), lane);
    auto lookup = [&](Value value) { return mapping.lookup_or(value, value); };
    auto sameType = [](Type type) { return type; };
    for (Operation &inner : op.getBody().front().without_terminator()) {
      if (auto load = dyn_cast<memref::LoadOp>(inner)) {
        mapping[load] = this->load(load, column, mask, lookup);
      } else if (auto store = dyn_cast<memref::StoreOp>(inner)) {
        this->store(store, column, mask, lookup(store.getValueToStore()), lookup);
      } else {
        auto operands = llvm::map_to_vector(inner.getOperands(), lookup);
        Operation *clone = cloneInLanes(e.b, inner, operands, lanes, sameType);
        for (auto [from, to] : llvm::zip(inner.getResults(), clone->getResults()))
          mapping[from] = to;
      }
    }
    Emitter::Values combined;
    for (auto [k, value] : llvm::enumerate(op.getCombine().getValues())) {
      Value next = combine(k, carried[k], repeated(e.b, lookup(value), lanes));
      combined.push_back(mask ? arith::SelectOp::create(e.b, mask, next, carried[k]).getResult()
                              : next);
    }
    return combined;
  }

  /// The indices of an access with `column` in place of the sweep's column; nothing if the access
  /// does not depend on it.
  std::optional<SmallVector<Value>> indicesAt(ValueRange indices, Value column,
                                              function_ref<Value(Value)> lookup) {
    if (indices.empty())
      return std::nullopt;
    std::optional<Value> offset = op.getOffset(indices.back());
    if (!offset)
      return std::nullopt;
    auto result = llvm::map_to_vector(indices.drop_back(), lookup);
    result.push_back(*offset ? e.add(lookup(*offset), column) : column);
    return result;
  }

  Value load(memref::LoadOp load, Value column, Value mask, function_ref<Value(Value)> lookup) {
    auto at = indicesAt(load.getIndices(), column, lookup);
    if (!at)
      return memref::LoadOp::create(e.b, load.getMemref(),
                                    llvm::map_to_vector(load.getIndices(), lookup));
    Type element = load.getMemRefType().getElementType();
    VectorType type = vectorOf(element);
    if (!mask)
      return vector::LoadOp::create(e.b, type, load.getMemref(), *at);
    Value zero = arith::ConstantOp::create(e.b, e.b.getZeroAttr(type));
    return vector::MaskedLoadOp::create(e.b, type, load.getMemref(), *at, mask, zero);
  }

  void store(memref::StoreOp store, Value column, Value mask, Value value,
             function_ref<Value(Value)> lookup) {
    auto at = *indicesAt(store.getIndices(), column, lookup); // C4: a store is at the column
    value = repeated(e.b, value, lanes);
    if (mask)
      vector::MaskedStoreOp::create(e.b, store.getMemref(), at, mask, value);
    else
      vector::StoreOp::create(e.b, value, store.getMemref(), at);
  }
};
} // namespace

LogicalResult stc::lowerSweep(tile::SweepOp op, const HostVectors &options) {
  Sweep(op, options).run();
  op.erase();
  return success();
}
