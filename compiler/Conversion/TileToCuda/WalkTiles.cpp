//===- WalkTiles.cpp - the tiles of an item's walks -----------------------===//

#include "compiler/Conversion/TileToCuda/WalkTiles.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace stc;

bool stc::haveNoTiles(ArrayRef<tile::WalkOp> walks) {
  return llvm::all_of(walks, [](tile::WalkOp walk) {
    auto bounds = walk.getBounds().front().getTerminator()->getOperands();
    llvm::APInt lo, hi;
    return matchPattern(bounds[0], m_ConstantInt(&lo)) &&
           matchPattern(bounds[3], m_ConstantInt(&hi)) && lo.sge(hi);
  });
}

static WalkRange walkRange(CudaEmitter &e, tile::WalkOp walk, Value residue, Value tile,
                           int64_t rows) {
  auto bounds = e.inlineNarrow(walk.getBounds(), {residue, tile});
  Value lo = bounds[0], hi = bounds[3], none = e.i(0);
  WalkRange range;
  range.fullLo = bounds[1];
  range.fullHi = bounds[2];
  range.hi = hi;
  range.first = e.div(e.max(lo, none), rows);
  Value count = e.sub(e.div(e.add(hi, rows - 1), rows), range.first);
  range.count = e.select(e.less(lo, hi), count, none);
  return range;
}

WalkTiles::WalkTiles(CudaEmitter &e, ArrayRef<tile::WalkOp> walks, Value residue, Value tile,
                     int64_t rows)
    : e(e), walks(walks), residue(residue), tileRows(rows) {
  Value end;
  for (tile::WalkOp walk : walks) {
    ranges.push_back(walkRange(e, walk, residue, tile, rows));
    end = end ? e.add(end, ranges.back().count) : ranges.back().count;
    ends.push_back(end);
  }
  count = e.max(end ? end : e.i(0), e.i(1));
}

void WalkTiles::byWalk(Value number, function_ref<void(unsigned, Value)> body) const {
  std::function<void(unsigned)> from = [&](unsigned walk) {
    Value row = e.max(
        e.mul(e.sub(e.add(ranges[walk].first, ends[walk]), e.add(number, 1)), tileRows), e.i(0));
    if (walk + 1 == ranges.size())
      return body(walk, row);
    e.ifElse(
        e.less(number, ends[walk]), [&] { body(walk, row); }, [&] { from(walk + 1); });
  };
  from(0);
}

CudaEmitter::Values
WalkTiles::chooseByWalk(Value number, TypeRange types,
                        function_ref<CudaEmitter::Values(unsigned, Value)> body) const {
  std::function<CudaEmitter::Values(unsigned)> from = [&](unsigned walk) {
    Value row = e.max(
        e.mul(e.sub(e.add(ranges[walk].first, ends[walk]), e.add(number, 1)), tileRows), e.i(0));
    if (walk + 1 == ranges.size())
      return body(walk, row);
    return e.choose(
        e.less(number, ends[walk]), types, [&] { return body(walk, row); },
        [&] { return from(walk + 1); });
  };
  return from(0);
}

Value WalkTiles::isPair(unsigned walk, const Own &own, int half, Value other) const {
  Value mine = own.rows[half];
  SmallVector<Value> pair = {residue, mine, other};
  if (own.areKeys)
    std::swap(pair[1], pair[2]);
  Value in = e.inlineNarrow(tile::WalkOp(walks[walk]).getMask(), pair)[0];
  in = e.both(in, e.less(other, ranges[walk].hi));
  return own.existing ? e.both(in, e.less(mine, own.existing)) : in;
}

CudaEmitter::Values
WalkTiles::eachRow(ValueRange carried,
                   function_ref<CudaEmitter::Values(unsigned, Value, ValueRange)> body,
                   int64_t step) const {
  CudaEmitter::Values values(carried);
  for (auto [walk, range] : llvm::enumerate(ranges)) {
    Value end = e.select(e.less(e.i(0), range.count), range.hi, e.i(0));
    values = e.loop(e.mul(range.first, tileRows), end, e.i(step), values,
                    [&](Value row, ValueRange all) { return body(walk, row, all); });
  }
  return values;
}

CudaEmitter::Values WalkTiles::masked(Value number, const Own &own, Value lane,
                                      const CudaEmitter::Values &scores, float masked) const {
  SmallVector<Type> types(scores.size(), e.f32);
  return chooseByWalk(number, types, [&](unsigned walk, Value row) {
    Value full =
        e.both(e.compare(arith::CmpIPredicate::sle, ranges[walk].fullLo, row),
               e.compare(arith::CmpIPredicate::sle, e.add(row, tileRows), ranges[walk].fullHi));
    if (own.existing) // the last tile
      full = e.both(full, own.wholeTile);
    return e.choose(
        full, types, [&] { return scores; },
        [&] {
          CudaEmitter::Values result;
          Value none = e.f(masked);
          Value base = e.add(row, lane);
          for (auto [k, score] : llvm::enumerate(scores)) {
            Value other = e.add(base, 8 * int64_t(k / 4) + int64_t(k % 2));
            result.push_back(e.select(isPair(walk, own, k / 2 % 2, other), score, none));
          }
          return result;
        });
  });
}
