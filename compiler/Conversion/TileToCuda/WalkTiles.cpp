//===- WalkTiles.cpp - the tiles of an item's walks -----------------------===//

#include "compiler/Conversion/TileToCuda/WalkTiles.h"

#include "compiler/Conversion/TileToCuda/ColumnMask.h"
#include "compiler/Conversion/TileToCuda/CudaTensor.h"

#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

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

/// Which ops of two masks are constants that differ; no value if anything else does.
static std::optional<SmallVector<unsigned>> differencesOf(Block &left, Block &right) {
  if (left.getNumArguments() != right.getNumArguments() ||
      left.getOperations().size() != right.getOperations().size())
    return std::nullopt;
  IRMapping same;
  same.map(left.getArguments(), right.getArguments());
  SmallVector<unsigned> constants;
  for (auto [number, ops] : llvm::enumerate(llvm::zip(left, right))) {
    auto &[l, r] = ops;
    auto isMapped = [&](auto operands) {
      return same.lookupOrDefault(std::get<0>(operands)) == std::get<1>(operands);
    };
    if (l.getName() != r.getName() || l.getResultTypes() != r.getResultTypes() ||
        l.getNumOperands() != r.getNumOperands() ||
        !llvm::all_of(llvm::zip(l.getOperands(), r.getOperands()), isMapped))
      return std::nullopt;
    if (l.getAttrDictionary() != r.getAttrDictionary()) {
      if (!isa<arith::ConstantIndexOp>(l))
        return std::nullopt;
      constants.push_back(number);
    }
    same.map(l.getResults(), r.getResults());
  }
  return constants;
}

static SmallVector<MaskFamily> familiesOf(ArrayRef<tile::WalkOp> walks) {
  SmallVector<MaskFamily> families;
  auto join = [&](unsigned walk, MaskFamily &family) {
    tile::WalkOp first = walks[family.walks[0]], other = walks[walk];
    auto constants = differencesOf(first.getMask().front(), other.getMask().front());
    if (!constants)
      return false;
    for (unsigned constant : *constants)
      if (!llvm::is_contained(family.constants, constant))
        family.constants.push_back(constant);
    family.walks.push_back(walk);
    return true;
  };
  for (unsigned walk = 0; walk < walks.size(); ++walk)
    if (!llvm::any_of(families, [&](MaskFamily &family) { return join(walk, family); }))
      families.push_back({{walk}, {}});
  return families;
}

static arith::ConstantIndexOp constantOf(tile::WalkOp walk, unsigned number) {
  return cast<arith::ConstantIndexOp>(*std::next(walk.getMask().front().begin(), number));
}

WalkTiles::WalkTiles(CudaEmitter &e, ArrayRef<tile::WalkOp> walks, Value residue, Value tile,
                     int64_t rows)
    : e(e), walks(walks), residue(residue), tile(tile), tileRows(rows) {
  for (unsigned walk = 0; walk < walks.size(); ++walk) {
    all.push_back(allOf(walk, tile));
    Value own = all.back().count;
    all.back().numbers = walk ? e.add(all[walk - 1].numbers, own) : own;
    residues.push_back(walkResidue(e, walks[walk], residue));
  }
  count = e.max(walks.empty() ? e.i(0) : all.back().numbers, e.i(1));
  families = familiesOf(walks);
}

/// How many positions the other axis of a walk has, that of the rows that a tile meets.
static Extent othersOf(tile::WalkOp walk) {
  Value others = TypeSwitch<Operation *, Value>(walk->getParentOp())
                     .Case([](tile::AttentionKeyGradOp op) -> Value { return op.getQuery(); })
                     .Case<tile::AttentionOp, tile::AttentionQueryGradOp, tile::AttentionRowOp>(
                         [](auto op) -> Value { return op.getKey(); });
  return CudaTensor(others).positions();
}

// Bounds are those of the longest sequence that the kernel is for.
WalkRange WalkTiles::rangeOf(unsigned walk, Value tile, Value number) const {
  SmallVector<Value> arguments = {residue, tile};
  if (number)
    arguments.push_back(number);
  auto bounds = e.inlineNarrow(tile::WalkOp(walks[walk]).getBounds(), arguments);
  if (const Extent others = othersOf(walks[walk]); others.isDynamic()) {
    Value rows = rowCount(e, view(walk), residue, others);
    for (Value &bound : bounds)
      bound = e.min(bound, rows);
  }
  return {walk, number, bounds[0], bounds[1], bounds[2], bounds[3]};
}

WalkTiles::All WalkTiles::allOf(unsigned walk, Value tile) const {
  tile::WalkOp op = walks[walk];
  All found;
  Value none = e.i(0);
  if (op.hasRanges()) {
    auto numbers = e.inlineNarrow(op.getRanges(), {residue, tile});
    found.begin = numbers[0];
    found.end = numbers[1];
    found.each = e.div(e.add(e.max(numbers[2], e.i(1)), tileRows - 1), tileRows);
    found.count = e.mul(e.max(e.sub(found.end, found.begin), none), found.each);
    return found;
  }
  found.range = rangeOf(walk, tile, {});
  auto [lo, hi] = std::pair(found.range.lo, found.range.hi);
  found.range.lo = e.div(e.max(lo, none), tileRows);
  Value count = e.sub(e.div(e.add(hi, tileRows - 1), tileRows), found.range.lo);
  found.count = e.select(e.less(lo, hi), count, none);
  return found;
}

std::pair<WalkRange, Value> WalkTiles::rangeAt(unsigned walk, Value number) const {
  // The bounds of many walks do not fit into registers: each walk's are found again in its tiles.
  constexpr size_t few = 3;
  const bool again = all.size() > few;
  const All &found = all[walk];
  if (found.each) {
    Value behind = e.max(e.sub(found.numbers, e.add(number, 1)), e.i(0));
    Value range = arith::DivUIOp::create(e.b, behind, found.each);
    Value before = arith::MulIOp::create(e.b, range, found.each);
    WalkRange one = rangeOf(walk, again ? e.opaque(tile) : tile, e.add(found.begin, range));
    Value row = e.add(one.lo, e.mul(e.sub(behind, before), tileRows));
    return {one, e.max(row, e.i(0))};
  }
  const WalkRange range = again ? allOf(walk, e.opaque(tile)).range : found.range;
  Value behind = e.sub(e.add(range.lo, found.numbers), e.add(number, 1));
  return {range, e.max(e.mul(behind, tileRows), e.i(0))};
}

// Walks of the same residues of one view share the code: only their rows differ.
void WalkTiles::byWalk(Value number, function_ref<void(unsigned, Value)> body) const {
  chooseByWalk(number, {}, [&](unsigned walk, Value row) {
    body(walk, row);
    return CudaEmitter::Values();
  });
}

CudaEmitter::Values
WalkTiles::chooseByWalk(Value number, TypeRange types,
                        function_ref<CudaEmitter::Values(unsigned, Value)> body) const {
  SmallVector<unsigned> firsts; // of the walks of each view
  auto familyOf = [&](unsigned walk) {
    tile::WalkOp op = walks[walk];
    auto isLike = [&](unsigned first) {
      tile::WalkOp other = walks[first];
      return other.getView() == op.getView() && other.getResidueAttr() == op.getResidueAttr();
    };
    return llvm::find_if(firsts, isLike) - firsts.begin();
  };
  for (unsigned walk = 0; walk < size(); ++walk)
    if (familyOf(walk) == std::ssize(firsts))
      firsts.push_back(walk);
  if (firsts.size() == size())
    return chooseRange(number, types,
                       [&](const WalkRange &range, Value row) { return body(range.walk, row); });
  CudaEmitter::Values at = chooseRange(
      number, {e.i32, e.i32}, [&](const WalkRange &range, Value row) -> CudaEmitter::Values {
        return {e.i(familyOf(range.walk)), row};
      });
  std::function<CudaEmitter::Values(unsigned)> from = [&](unsigned family) {
    auto run = [&] { return body(firsts[family], at[1]); };
    if (family + 1 == firsts.size())
      return run();
    return e.choose(e.equal(at[0], family), types, run, [&] { return from(family + 1); });
  };
  return from(0);
}

CudaEmitter::Values
WalkTiles::chooseRange(Value number, TypeRange types,
                       function_ref<CudaEmitter::Values(const WalkRange &, Value)> body) const {
  std::function<CudaEmitter::Values(unsigned)> from = [&](unsigned walk) {
    auto run = [&] {
      auto [range, row] = rangeAt(walk, number);
      return body(range, row);
    };
    if (walk + 1 == all.size())
      return run();
    return e.choose(e.less(number, all[walk].numbers), types, run, [&] { return from(walk + 1); });
  };
  return from(0);
}

Value WalkTiles::isPair(const WalkRange &range, const Own &own, int half, Value other) const {
  Value mine = own.rows[half];
  SmallVector<Value> pair = {residue, mine, other};
  if (own.areKeys)
    std::swap(pair[1], pair[2]);
  if (range.number)
    pair.push_back(range.number);
  Value in = e.inlineNarrow(tile::WalkOp(walks[range.walk]).getMask(), pair)[0];
  in = e.both(in, e.less(other, range.hi));
  return own.existing ? e.both(in, e.less(mine, own.existing)) : in;
}

CudaEmitter::Values
WalkTiles::eachRow(ValueRange carried,
                   function_ref<CudaEmitter::Values(const WalkRange &, Value, ValueRange)> body,
                   int64_t step) const {
  CudaEmitter::Values values(carried);
  for (auto [walk, found] : llvm::enumerate(all)) {
    auto rows = [&](const WalkRange &range, Value first, Value end, ValueRange carried) {
      return e.loop(first, end, e.i(step), carried,
                    [&](Value row, ValueRange carried) { return body(range, row, carried); });
    };
    if (!found.each) {
      Value end = e.select(e.less(e.i(0), found.count), found.range.hi, e.i(0));
      values = rows(found.range, e.mul(found.range.lo, tileRows), end, values);
      continue;
    }
    values = e.loop(found.begin, found.end, e.i(1), values, [&](Value number, ValueRange carried) {
      const WalkRange range = rangeOf(walk, tile, number);
      return rows(range, range.lo, range.hi, carried);
    });
  }
  return values;
}

Value WalkTiles::isFull(const WalkRange &range, Value row, const Own &own) const {
  Value full = e.both(e.compare(arith::CmpIPredicate::sle, range.fullLo, row),
                      e.compare(arith::CmpIPredicate::sle, e.add(row, tileRows), range.fullHi));
  return own.existing ? e.both(full, own.wholeTile) : full; // the last tile may not be whole
}

// Every residue has so many whole tiles of rows. Or positions are dynamic, so that the pattern is
// causal: then no query meets a key that does not exist, and queries that do not exist have weights
// of 0.
bool WalkTiles::areTilesWhole(unsigned walk) const {
  if (all[walk].each)
    return false;
  const Extent positions = othersOf(walks[walk]);
  if (positions.isDynamic())
    return true;
  return endsWithPeriod(positions, view(walk)) &&
         *rowsOfWholePeriods(positions, view(walk)).constant() % tileRows == 0;
}

CudaEmitter::Values WalkTiles::maskedBy(const IRMapping &constants, const Tile &tile) const {
  const Own &own = tile.own;
  const WalkRange &range = tile.range;
  const unsigned walk = range.walk;
  auto maskOf = [&](Value row) {
    return ColumnMask(e, walks[walk], residue, range.number, row, own.areKeys, constants);
  };
  std::array masks = {maskOf(own.rows[0]), maskOf(own.rows[1])};
  // Several ranges begin anywhere.
  MaskColumn column{tile.row, tile.columns.lane, 0, range.number ? 1 : tileRows & -tileRows};
  const bool isWhole = areTilesWhole(walk);
  CudaEmitter::Values result;
  for (auto [k, score] : llvm::enumerate(tile.scores)) {
    const unsigned half = k / 2 % 2;
    column.constant = tile.columns.first + 8 * int64_t(k / 4) + int64_t(k % 2);
    Value is = masks[half].at(column, range.hi, isWhole);
    if (own.existing)
      is = e.both(is, e.less(own.rows[half], own.existing));
    result.push_back(e.select(is, score, tile.none));
  }
  return result;
}

CudaEmitter::Values WalkTiles::masked(Value number, const Own &own, Columns columns,
                                      const CudaEmitter::Values &scores, float masked) const {
  SmallVector<Type> types(scores.size(), e.f32);
  if (families.size() < walks.size())
    return maskedByFamily(number, {own, {}, {}, columns, scores, e.f(masked)});
  return chooseRange(number, types, [&](const WalkRange &range, Value row) {
    return e.choose(
        isFull(range, row, own), types, [&] { return scores; },
        [&] {
          return maskedBy({}, {own, range, row, columns, scores, e.f(masked)});
        });
  });
}

// Masks of all of a tile's scores are long, and with code for each walk kernels get slow: a tile
// brings its constants along, and walks that differ in nothing else share the rest.
CudaEmitter::Values WalkTiles::maskedByFamily(Value number, Tile tile) const {
  SmallVector<Type> types(tile.scores.size(), e.f32);
  size_t most = 0;
  for (const MaskFamily &family : families)
    most = std::max(most, family.constants.size());
  const bool areNumbered = llvm::any_of(all, [](const All &one) { return bool(one.each); });
  SmallVector<Type> found = {e.b.getI1Type()};
  found.append(3 + most + areNumbered, e.i32);
  CudaEmitter::Values at = chooseRange(number, found, [&](const WalkRange &range, Value row) {
    const auto *family = llvm::find_if(families, [&](const MaskFamily &family) {
      return llvm::is_contained(family.walks, range.walk);
    });
    CudaEmitter::Values values = {isFull(range, row, tile.own), e.i(family - families.begin()), row,
                                  range.hi};
    for (unsigned constant : family->constants)
      values.push_back(e.i(constantOf(walks[range.walk], constant).value()));
    values.resize(found.size(), e.i(0));
    if (range.number)
      values.back() = range.number;
    return values;
  });
  tile.row = at[2];
  std::function<CudaEmitter::Values(unsigned)> from = [&](unsigned number) {
    const MaskFamily &family = families[number];
    auto run = [&] {
      IRMapping constants;
      const unsigned walk = family.walks[0];
      for (auto [k, constant] : llvm::enumerate(family.constants))
        constants.map(constantOf(walks[walk], constant).getResult(), at[4 + k]);
      tile.range = {walk, all[walk].each ? at.back() : Value(), {}, {}, {}, at[3]};
      return maskedBy(constants, tile);
    };
    if (number + 1 == families.size())
      return run();
    return e.choose(e.equal(at[1], number), types, run, [&] { return from(number + 1); });
  };
  return e.choose(
      at[0], types, [&] { return tile.scores; }, [&] { return from(0); });
}
