//===- MmaSyncKeyGrad.cpp - gradients of keys and values by tiles of keys and mma.sync -===//
//
// A block keeps a tile of keys and values, each warp some of its rows; tiles of queries and output
// gradients pass by in a ring, with their log-sum-exps and deltas. Scores are computed transposed,
// S^T = K Q^T and dP^T = V dO^T, so that P^T and dS^T stand in registers as operands of dV += P^T
// dO and dK += dS^T Q. Where queries are summed here too, dS goes through shared memory for dQ = dS
// K, which is added to the sums in memory a tile later, so that there is one barrier for each tile.
//
//===----------------------------------------------------------------------===//

#include "compiler/Conversion/TileToCuda/MmaSyncKernel.h"
#include "compiler/Conversion/TileToCuda/TileToCuda.h"
#include "compiler/Conversion/TileToCuda/WalkTiles.h"

#include <numbers>

using namespace mlir;
using namespace stc;

namespace {
using Values = CudaEmitter::Values;
constexpr auto Left = WarpProduct::Left, Right = WarpProduct::Right;
constexpr auto AlongColumns = WarpProduct::AlongColumns, AlongRows = WarpProduct::AlongRows;

class KeyGrad {
public:
  KeyGrad(tile::KernelOp kernel, tile::AttentionKeyGradOp op,
          const MmaSyncKeyGradSchedule &schedule)
      : op(op), schedule(schedule),
        kernel(kernel, op.getQuery().getType().getElementType(), schedule.threads()),
        e(this->kernel.emitter()), place(this->kernel.place), walks(op.getWalkOps()),
        query(op.getQuery()), key(op.getKey()), value(op.getValue()),
        outputGrad(op.getOutputGrad()), logsumexp(op.getLogsumexp()), delta(op.getDelta()),
        keyGrad(op.getKeyGrad()), valueGrad(op.getValueGrad()),
        queryTile(this->kernel.tile(schedule.queryRows, op.getQuerySize())),
        gradTile(this->kernel.tile(schedule.queryRows, op.getValueSize())),
        keyTile(this->kernel.tile(schedule.keyRows(), op.getQuerySize())),
        valueTile(this->kernel.tile(schedule.keyRows(), op.getValueSize())),
        scoreTile(this->kernel.tile(schedule.keyRows(), schedule.queryRows)) {
    if (op.getQuerySum())
      querySum.emplace(op.getQuerySum());
  }

  void run();

private:
  /// Key and value gradients of a warp's keys.
  struct Sums {
    Parts key, value;
  };
  using Own = SmallVector<WalkTiles::Own>; // of the parts
  void computeItem(const CudaItem &item, const FiniteItems &finite);
  /// Starts the copies of a tile of queries, if there is one of that number, as one group.
  void start(const WalkTiles &tiles, const CudaItem &item, Value number);
  void computeTile(const CudaItem &item, const WalkTiles &tiles, const Own &own, Value number,
                   Value hasSpecialKey, Sums &sums);
  /// Goes over some queries of a tile, from `first` on.
  void computeScores(const WalkTiles &tiles, const Own &own, Value number, Value slot,
                     int64_t first, Sums &sums);
  void writeScoreGrads(const Parts &scoreGrads, Value slot, int64_t first);
  void addQueryGrads(const CudaItem &item, const WalkTiles &tiles, Value number);

  Value slotOf(int64_t offset, Value slot, const PaddedTile &tile) {
    return kernel.slotted(offset, slot, tile.bytes());
  }
  /// Log-sum-exps of a tile of queries, and behind them its deltas.
  Value floatsOf(Value slot) { return kernel.slotted(floats, slot, 2 * schedule.queryRows * 4); }
  /// This warp's rows of a tile of keys.
  Value ownRows(Value address, const PaddedTile &tile) {
    return e.add(address, e.mul(place.warp, 16 * schedule.parts * tile.rowBytes()));
  }

  tile::AttentionKeyGradOp op;
  const MmaSyncKeyGradSchedule schedule;
  MmaSyncKernel kernel;
  CudaEmitter &e;
  const MmaSyncPlace &place;
  SmallVector<tile::WalkOp> walks;
  CudaTensor query, key, value, outputGrad, logsumexp, delta, keyGrad, valueGrad;
  std::optional<CudaTensor> querySum; // queries are summed here too
  PaddedTile queryTile, gradTile, keyTile, valueTile;
  PaddedTile scoreTile; // rows are keys
  // In shared memory.
  int64_t keys = 0, values = 0, queries = 0, grads = 0, scores = 0, floats = 0;
};
} // namespace

void KeyGrad::run() {
  SharedMemoryAllocator plan(/*alignment=*/16);
  const int64_t stages = schedule.stages;
  keys = plan.add(keyTile.bytes());
  values = plan.add(valueTile.bytes());
  queries = plan.add(stages * queryTile.bytes());
  grads = plan.add(stages * gradTile.bytes());
  if (querySum)
    scores = plan.add(stages * scoreTile.bytes());
  floats = plan.add(stages * 2 * schedule.queryRows * 4);
  const FiniteItems finite = kernel.finiteItems(keys, keyTile, schedule.parts, op.getResume());
  kernel.eachItem({}, [&](IRMapping &mapping, ValueRange) {
    computeItem(CudaItem(op, mapping), finite);
    return Values();
  });
  auto addByPairs = [&](CudaKernel &kernel, tile::AttentionKeyGradOp op, const CudaItem &item,
                        const WalkTiles &tiles, const LaneRows &rows) {
    addKeyGradsByPairs(kernel, op, item, tiles, rows);
    if (!querySum)
      return;
    Value number = e.add(e.mul(place.warp, 8), place.row);
    addSpecialKeysByPairs(kernel, op, item, tiles, {number, schedule.threads() / 4, place.column});
  };
  kernel.again(finite, op, walks, schedule.keyRows(), schedule.queryRows, schedule.parts,
               addByPairs);
  kernel.finish(schedule.threads(), plan.bytes(), schedule.blocks);
}

void KeyGrad::start(const WalkTiles &tiles, const CudaItem &item, Value number) {
  kernel.copyTiles(tiles, number, item, schedule.stages,
                   {{query, queryTile, queries}, {outputGrad, gradTile, grads}},
                   [&](Value slot, tile::ViewAttr view, Value row, const CudaItem &met) {
                     // Rows that do not exist get zeros, which do no harm where query and gradient
                     // are zero, too.
                     kernel.copyFloats(floatsOf(slot), schedule.queryRows, logsumexp, delta, view,
                                       row, met);
                   });
}

void KeyGrad::computeItem(const CudaItem &item, const FiniteItems &finite) {
  WalkTiles tiles(e, walks, item.residue, item.tile, schedule.queryRows);
  Value firstKey = e.mul(item.tile, schedule.keyRows());
  Value count = rowCount(e, op.getView(), item.residue, key.positions());
  Value whole = e.compare(arith::CmpIPredicate::sle, e.add(firstKey, schedule.keyRows()), count);
  Own own;
  for (int64_t part = 0; part < schedule.parts; ++part) {
    Value row = e.add(e.add(firstKey, e.mul(place.warp, 16 * schedule.parts)), place.row);
    row = e.add(row, 16 * part);
    own.push_back({{row, e.add(row, 8)}, true, count, whole});
  }

  e.syncAll(); // nobody reads the tiles of the last item any more
  kernel.copy(kernel.shared(keys), keyTile, key, op.getView(), firstKey, item.ofKeys());
  kernel.copy(kernel.shared(values), valueTile, value, op.getView(), firstKey, item.ofKeys());
  const size_t keyValues = schedule.parts * keyTile.columns / 2,
               sumValues = keyValues + schedule.parts * valueTile.columns / 2;
  auto sumsOf = [&](ValueRange all) {
    return Sums{inParts(all.take_front(keyValues), schedule.parts),
                inParts(all.slice(keyValues, sumValues - keyValues), schedule.parts)};
  };
  // Queries that do not meet a key have 0 times it in their sums.
  auto findSpecialKey = [&] {
    e.waitCopies(schedule.stages - 2);
    e.syncAll(); // all threads' copies of keys are there
    const SharedRows all{kernel.shared(keys), keyTile.rows, keyTile.columns, keyTile.rowBytes()};
    return e.syncAny(e.i(0), schedule.threads(),
                     haveSpecial(e, all, place.thread, schedule.threads()));
  };
  auto computeHead = [&](const CudaItem &item, ValueRange carried) {
    for (int64_t k = 0; k + 1 < schedule.stages; ++k)
      start(tiles, item, e.i(k));
    Value hasSpecialKey = querySum ? findSpecialKey() : e.no();
    Values done = e.loop(e.i(0), tiles.count, e.i(1), carried.take_front(sumValues),
                         [&](Value t, ValueRange all) {
                           Sums sums = sumsOf(all);
                           computeTile(item, tiles, own, t, hasSpecialKey, sums);
                           Values result = flat(sums.key);
                           result.append(flat(sums.value));
                           return result;
                         });
    e.syncAll(); // nobody reads the last tile any more, and the gradients of its scores are there
    if (querySum)
      e.ifElse(
          hasSpecialKey, [] {}, [&] { addQueryGrads(item, tiles, e.sub(tiles.count, 1)); });
    done.push_back(hasSpecialKey);
    return done;
  };
  Values carried(sumValues, e.f(0));
  carried.push_back(e.no());
  const Values done = eachHead(e, op, item, carried, computeHead);
  Sums sums = sumsOf(done);
  Value isSpecial = done.back();
  for (int64_t part = 0; part < schedule.parts; ++part) {
    const std::array exist = {e.less(own[part].rows[0], count), e.less(own[part].rows[1], count)};
    for (const Parts *all : {&sums.key, &sums.value})
      isSpecial = e.either(isSpecial, haveSpecial(e, (*all)[part], exist));
  }
  Value stores = finite.stores(isSpecial, [&](Value is) { return e.anyLane(is); });
  e.ifThen(stores, [&] {
    for (int64_t part = 0; part < schedule.parts; ++part) {
      auto write = [&](const CudaTensor &tensor, Parts &all, float scale) {
        kernel.writeGradient({tensor, op.getView(), item.ofKeys(), scale, op.getResume()},
                             own[part].rows, std::move(all[part]));
      };
      write(valueGrad, sums.value, 1);
      write(keyGrad, sums.key, op.getScale().convertToFloat());
    }
  });
}

void KeyGrad::computeTile(const CudaItem &item, const WalkTiles &tiles, const Own &own,
                          Value number, Value hasSpecialKey, Sums &sums) {
  e.waitCopies(schedule.stages - 2);
  // The tile is there, nobody reads the one before, and the gradients of its scores are there.
  e.syncAll();
  start(tiles, item, e.add(number, schedule.stages - 1));
  if (querySum)
    e.ifThen(e.less(e.i(0), number), [&] {
      e.ifElse(
          hasSpecialKey, [] {}, [&] { addQueryGrads(item, tiles, e.sub(number, 1)); });
    });
  Value slot = e.rem(number, schedule.stages);
  for (int64_t first = 0; first < schedule.queryRows; first += schedule.scoreRows)
    computeScores(tiles, own, number, slot, first, sums);
}

// A lane's values 4j + 2h + k are of its key h and the query first + 8j + column + k.
void KeyGrad::computeScores(const WalkTiles &tiles, const Own &own, Value number, Value slot,
                            int64_t first, Sums &sums) {
  const Value queriesAt = slotOf(queries, slot, queryTile), gradsAt = slotOf(grads, slot, gradTile);
  auto transposed = [&](const PaddedTile &mine, int64_t offset, const PaddedTile &other,
                        Value otherAt) {
    auto left = kernel.operand(mine, ownRows(kernel.shared(offset), mine), Left, AlongColumns);
    auto right = kernel.operand(other, otherAt, Right, AlongColumns);
    Parts all(schedule.parts, Values(schedule.scoreRows / 2, e.f(0)));
    product(
        *kernel.products, mine.columns / 16,
        [&](int64_t part, int64_t k) { return left.load(16 * k, 16 * part); }, right, all, first);
    return all;
  };
  Parts weights = transposed(keyTile, keys, queryTile, queriesAt);
  Parts scoreGrads = transposed(valueTile, values, gradTile, gradsAt);
  Value factor = e.f(op.getScale().convertToFloat() * std::numbers::log2e_v<float>);
  auto pairAt = [&](size_t k, int64_t behind) {
    Value column = e.mul(e.add(place.column, behind + first + 2 * int64_t(k)), 4);
    auto [low, high] = e.loadPair(e.add(floatsOf(slot), column));
    return std::array{low, high};
  };
  for (int64_t part = 0; part < schedule.parts; ++part)
    weights[part] = tiles.masked(number, own[part], {place.column, first}, weights[part]);
  for (size_t k = 0; k < weights[0].size(); k += 4) {
    auto shift = pairAt(k, 0), deltaOf = pairAt(k, schedule.queryRows);
    for (Value &lse : shift)
      lse = e.mulf(lse, e.f(-std::numbers::log2e_v<float>));
    for (auto [weight, grad] : llvm::zip_equal(weights, scoreGrads))
      for (size_t j = k; j < k + 4; ++j) {
        weight[j] = e.exp2(e.fma(weight[j], factor, shift[j % 2]));
        grad[j] = e.mulf(weight[j], e.subf(grad[j], deltaOf[j % 2]));
      }
  }
  if (querySum) { // are added up tile by tile, and nobody looks at them then
    for (int64_t part = 0; part < schedule.parts; ++part)
      scoreGrads[part] =
          tiles.masked(number, own[part], {place.column, first}, scoreGrads[part], 0);
    writeScoreGrads(scoreGrads, slot, first);
  }
  auto sum = [&](const Parts &left, const PaddedTile &tile, Value tileAt, Parts &all) {
    product(
        *kernel.products, schedule.scoreRows / 16,
        [&](int64_t part, int64_t k) { return kernel.left(left[part], k); },
        kernel.operand(tile, tileAt, Right, AlongRows), all, 0, first);
  };
  sum(weights, gradTile, gradsAt, sums.value);
  sum(scoreGrads, queryTile, queriesAt, sums.key);
}

void KeyGrad::writeScoreGrads(const Parts &scoreGrads, Value slot, int64_t first) {
  Value at = e.add(ownRows(slotOf(scores, slot, scoreTile), scoreTile),
                   e.mul(place.row, scoreTile.rowBytes()));
  at = e.add(at, e.mul(e.add(place.column, first), scoreTile.elementBytes));
  for (auto [part, grads] : llvm::enumerate(scoreGrads))
    for (size_t k = 0; k < grads.size(); k += 2) {
      int64_t row = 16 * int64_t(part) + 8 * int64_t(k / 2 % 2), column = 8 * int64_t(k / 4);
      e.storeShared(e.pack(grads[k], grads[k + 1]),
                    e.add(at, row * scoreTile.rowBytes() + column * scoreTile.elementBytes));
    }
}

// Each warp has 16 queries and a share of the columns: all, or a multiple of 32, of which each has
// an order of its own in a sum.
void KeyGrad::addQueryGrads(const CudaItem &item, const WalkTiles &tiles, Value number) {
  const int64_t parts = schedule.queryRows / 16, shares = schedule.warps / parts;
  const int64_t columns =
      shares == 1 ? keyTile.columns : llvm::alignTo(llvm::divideCeil(keyTile.columns, shares), 32);
  Value firstRow = e.mul(e.rem(place.warp, parts), 16);
  Value firstColumn = e.mul(e.div(place.warp, parts), columns);
  Value scoresAt = slotOf(scores, e.rem(number, schedule.stages), scoreTile);
  const int64_t bytes = keyTile.elementBytes;
  auto left = kernel.operand(scoreTile, e.add(scoresAt, e.mul(firstRow, bytes)), Left, AlongRows);
  auto right = kernel.operand(keyTile, e.add(kernel.shared(keys), e.mul(firstColumn, bytes)), Right,
                              AlongRows);
  Parts all = {Values(columns / 2, e.f(0))};
  product(
      *kernel.products, schedule.keyRows() / 16,
      [&](int64_t, int64_t k) { return left.load(16 * k, 0); }, right, all);
  Values &sums = all[0];

  // Lanes 16 apart exchange, so that each addition is of whole rows of 8 columns: of rows 0 to 3
  // mod 8 and 4 to 7.
  Value upper = e.equal(e.div(place.lane, 16), 1);
  for (size_t k = 0; k < sums.size(); k += 2) {
    Value &low = sums[k], &high = sums[k + 1];
    Value other = e.shuffle(e.select(upper, low, high), 16);
    low = e.select(upper, other, low);
    high = e.select(upper, high, other);
  }
  Value column = e.add(e.add(firstColumn, place.column), e.div(place.lane, 16));
  firstRow = e.add(firstRow, e.band(place.row, 3));
  tiles.byWalk(number, [&](unsigned walk, Value row) {
    tile::ViewAttr view = tiles.view(walk);
    Value residue = tiles.residueOf(walk);
    Value count = rowCount(e, view, residue, querySum->positions());
    Value start = kernel.elementAddress(*querySum, e.i(0), item, sumColumn(e, column));
    for (int64_t part = 0; part < 4; ++part) {
      Value own = e.add(e.add(row, firstRow), 8 * (part / 2) + 4 * (part % 2));
      e.ifThen(e.less(own, count), [&] {
        Value at = kernel.advance(start, *querySum, rowPosition(e, view, residue, own));
        for (int64_t k = part; k < int64_t(sums.size()); k += 4) {
          auto add = [&] {
            Value to = e.behind(at, 4 * sumColumnsBehind((k - part) / 4));
            op.getBegin() ? void(LLVM::StoreOp::create(e.b, sums[k], to))
                          : e.addGlobal(to, sums[k]);
          };
          if (shares * columns == query.size())
            add();
          else
            e.ifThen(e.less(column, e.i(query.size() - 2 * (k - part))), add);
        }
      });
    }
  });
}

LogicalResult stc::lowerMmaSyncKeyGrad(tile::KernelOp kernel, tile::AttentionKeyGradOp op,
                                       const MmaSyncKeyGradSchedule &schedule) {
  KeyGrad(kernel, op, schedule).run();
  return success();
}
