//===- MmaSyncQueryGrad.cpp - gradients of queries by tiles of queries and mma.sync ----===//
//
// Shaped as the forward kernel: a tile of queries and output gradients stays, each warp has some of
// its rows; tiles of keys and values pass by in a ring. S = Q K^T and dP = dO V^T give dS, which
// stays in registers as the operand of dQ += dS K.
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

class QueryGrad {
public:
  QueryGrad(tile::KernelOp kernel, tile::AttentionQueryGradOp op, const MmaSyncSchedule &schedule)
      : op(op), schedule(schedule),
        kernel(kernel, op.getQuery().getType().getElementType(), schedule.threads()),
        e(this->kernel.emitter()), place(this->kernel.place), walks(op.getWalkOps()),
        query(op.getQuery()), key(op.getKey()), value(op.getValue()),
        outputGrad(op.getOutputGrad()), queryGrad(op.getQueryGrad()),
        queryTile(this->kernel.tile(schedule.queryRows(), op.getQuerySize())),
        gradTile(this->kernel.tile(schedule.queryRows(), op.getValueSize())),
        keyTile(this->kernel.tile(schedule.keyRows, op.getQuerySize())),
        valueTile(this->kernel.tile(schedule.keyRows, op.getValueSize())) {}

  void run();

private:
  void computeItem(const CudaItem &item, const FiniteItems &finite);
  /// Starts the copies of a tile of keys and values, if there is one of that number, as one group.
  void start(const WalkTiles &tiles, const CudaItem &item, Value number);
  Value keysAt(Value slot) { return kernel.slotted(keys, slot, keyTile.bytes()); }
  Value valuesAt(Value slot) { return kernel.slotted(values, slot, valueTile.bytes()); }

  /// This warp's rows of a tile of queries.
  WarpOperand ownRows(int64_t offset, const PaddedTile &tile) {
    Value at = e.mul(place.warp, 16 * schedule.parts * tile.rowBytes());
    return kernel.operand(tile, e.add(kernel.shared(offset), at), Left, AlongColumns);
  }

  /// Of two rows: minus the log-sum-exp, to base 2, and the delta.
  struct Rows {
    Values logsumexp, delta;
  };
  Rows loadRows(const CudaItem &item, const WalkTiles::Own &own);
  Values scoreGrads(const Values &scores, const Values &grads, const Rows &rows);

  tile::AttentionQueryGradOp op;
  const MmaSyncSchedule schedule;
  MmaSyncKernel kernel;
  CudaEmitter &e;
  const MmaSyncPlace &place;
  SmallVector<tile::WalkOp> walks;
  CudaTensor query, key, value, outputGrad, queryGrad;
  PaddedTile queryTile, gradTile, keyTile, valueTile;
  int64_t queries = 0, grads = 0, keys = 0, values = 0; // in shared memory
};
} // namespace

void QueryGrad::run() {
  SharedMemoryAllocator plan(/*alignment=*/16);
  queries = plan.add(queryTile.bytes());
  grads = plan.add(gradTile.bytes());
  keys = plan.add(schedule.stages * keyTile.bytes());
  values = plan.add(schedule.stages * valueTile.bytes());
  const FiniteItems finite = kernel.finiteItems(queries, queryTile, schedule.parts, op.getResume());
  kernel.eachItem({}, [&](IRMapping &mapping, ValueRange) {
    computeItem(CudaItem(op, mapping), finite);
    return Values();
  });
  kernel.again(finite, op, walks, schedule.queryRows(), schedule.keyRows, schedule.parts,
               addQueryGradsByPairs);
  kernel.finish(schedule.threads(), plan.bytes(), schedule.blocks);
}

void QueryGrad::start(const WalkTiles &tiles, const CudaItem &item, Value number) {
  kernel.copyTiles(tiles, number, item.ofKeys(), schedule.stages,
                   {{key, keyTile, keys}, {value, valueTile, values}});
}

QueryGrad::Rows QueryGrad::loadRows(const CudaItem &item, const WalkTiles::Own &own) {
  Rows rows;
  for (Value row : own.rows) {
    auto both = e.choose(
        e.less(row, own.existing), {e.f32, e.f32},
        [&] {
          Value position = rowPosition(e, op.getView(), item.residue, row);
          auto load = [&](Value tensor) -> Value {
            Value at = kernel.address(CudaTensor(tensor), item.batch, item.head, position);
            return LLVM::LoadOp::create(e.b, e.f32, at);
          };
          return Values{e.mulf(load(op.getLogsumexp()), e.f(-std::numbers::log2e_v<float>)),
                        load(op.getDelta())};
        },
        [&] {
          return Values{e.f(-kCudaMissingRow), e.f(0)};
        });
    rows.logsumexp.push_back(both[0]);
    rows.delta.push_back(both[1]);
  }
  return rows;
}

// Rows 8 apart alternate in pairs: values 4j, 4j+1 are of the first, 4j+2, 4j+3 of the second.
Values QueryGrad::scoreGrads(const Values &scores, const Values &grads, const Rows &rows) {
  Value factor = e.f(op.getScale().convertToFloat() * std::numbers::log2e_v<float>);
  Values result;
  for (size_t k = 0; k < scores.size(); ++k) {
    Value weight = e.exp2(e.fma(scores[k], factor, rows.logsumexp[k / 2 % 2]));
    result.push_back(e.mulf(weight, e.subf(grads[k], rows.delta[k / 2 % 2])));
  }
  return result;
}

void QueryGrad::computeItem(const CudaItem &item, const FiniteItems &finite) {
  WalkTiles tiles(e, walks, item.residue, item.tile, schedule.keyRows);
  Value first = e.mul(item.tile, schedule.queryRows());
  Value count = rowCount(e, op.getView(), item.residue, query.positions());
  e.syncAll(); // nobody reads the tiles of the last item any more
  kernel.copy(kernel.shared(queries), queryTile, query, op.getView(), first, item);
  kernel.copy(kernel.shared(grads), gradTile, outputGrad, op.getView(), first, item);
  for (int64_t k = 0; k + 1 < schedule.stages; ++k)
    start(tiles, item, e.i(k));

  SmallVector<WalkTiles::Own> own;
  SmallVector<Rows> rows;
  for (int64_t part = 0; part < schedule.parts; ++part) {
    Value row = e.add(e.mul(place.warp, 16 * schedule.parts), e.add(place.row, 16 * part));
    row = e.add(first, row);
    own.push_back({{row, e.add(row, 8)}, false, {}, {}});
    WalkTiles::Own limited = own.back();
    limited.existing = count;
    rows.push_back(loadRows(item, limited));
  }
  const WarpOperand queryOperand = ownRows(queries, queryTile),
                    gradOperand = ownRows(grads, gradTile);

  Values zeros(schedule.parts * queryTile.columns / 2, e.f(0));
  Values done = e.loop(e.i(0), tiles.count, e.i(1), zeros, [&](Value t, ValueRange all) {
    Parts sums = inParts(all, schedule.parts);
    e.waitCopies(schedule.stages - 2);
    e.syncAll(); // the tile is there, and nobody reads the one before
    start(tiles, item, e.add(t, schedule.stages - 1));
    Value slot = e.rem(t, schedule.stages);
    auto scoresOf = [&](const WarpOperand &mine, const PaddedTile &other, Value at) {
      Parts scores(schedule.parts, Values(schedule.keyRows / 2, e.f(0)));
      product(
          *kernel.products, other.columns / 16,
          [&](int64_t part, int64_t k) { return mine.load(16 * k, 16 * part); },
          kernel.operand(other, at, Right, AlongColumns), scores);
      return scores;
    };
    Parts scores = scoresOf(queryOperand, keyTile, keysAt(slot));
    Parts grads = scoresOf(gradOperand, valueTile, valuesAt(slot));
    for (int64_t part = 0; part < schedule.parts; ++part)
      grads[part] = scoreGrads(tiles.masked(t, own[part], {place.column}, scores[part]),
                               grads[part], rows[part]);
    product(
        *kernel.products, schedule.keyRows / 16,
        [&](int64_t part, int64_t k) { return kernel.left(grads[part], k); },
        kernel.operand(keyTile, keysAt(slot), Right, AlongRows), sums);
    return flat(sums);
  });
  Parts sums = inParts(done, schedule.parts);
  Value isSpecial = e.no();
  for (auto [one, all] : llvm::zip_equal(own, sums))
    isSpecial = e.either(
        isSpecial, haveSpecial(e, all, {e.less(one.rows[0], count), e.less(one.rows[1], count)}));
  Value stores = finite.stores(isSpecial, [&](Value is) { return e.anyLane(is); });
  e.ifThen(stores, [&] {
    for (auto [one, all] : llvm::zip_equal(own, sums))
      kernel.writeGradient(
          {queryGrad, op.getView(), item, op.getScale().convertToFloat(), op.getResume()}, one.rows,
          std::move(all));
  });
}

LogicalResult stc::lowerMmaSyncQueryGrad(tile::KernelOp kernel, tile::AttentionQueryGradOp op,
                                         const MmaSyncSchedule &schedule) {
  QueryGrad(kernel, op, schedule).run();
  return success();
}
