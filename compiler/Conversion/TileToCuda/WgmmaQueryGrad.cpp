//===- WgmmaQueryGrad.cpp - gradients of queries by tiles of queries on sm_90a -------===//
//
// Shaped as the forward kernel: one warp copies the tiles of keys and values that meet a tile of
// queries and output gradients, each computing warpgroup has 64 queries. S = Q K^T and dP = dO V^T
// give dS, which stays in registers as the operand of dQ += dS K. The first two of the next tile
// run while dS of this one is computed.
//
//===----------------------------------------------------------------------===//

#include "compiler/Conversion/TileToCuda/FiniteItems.h"
#include "compiler/Conversion/TileToCuda/PairByPair.h"
#include "compiler/Conversion/TileToCuda/TileToCuda.h"
#include "compiler/Conversion/TileToCuda/WgmmaKernel.h"

#include <numbers>

using namespace mlir;
using namespace stc;

namespace {
using Values = CudaEmitter::Values;

class QueryGrad {
public:
  QueryGrad(tile::KernelOp kernel, tile::AttentionQueryGradOp op,
            const WgmmaQueryGradSchedule &schedule)
      : op(op), schedule(schedule), kernel(kernel, op.getQuery().getType().getElementType()),
        e(this->kernel.emitter()), walks(op.getWalkOps()), query(op.getQuery()), key(op.getKey()),
        value(op.getValue()), outputGrad(op.getOutputGrad()), logsumexp(op.getLogsumexp()),
        delta(op.getDelta()),
        queryGrad(op.getQueryGrad()), queryTile{schedule.queryRows(),
                                                paddedHead(op.getQuerySize())},
        gradTile{schedule.queryRows(), paddedHead(op.getValueSize())},
        keyTile{schedule.keyRows, paddedHead(op.getQuerySize())},
        valueTile{schedule.keyRows, paddedHead(op.getValueSize())} {}

  void run();

private:
  Value shared(int64_t offset) { return kernel.shared(offset); }
  Value slotted(int64_t offset, Value slot, int64_t bytes) {
    return kernel.slotted(offset, slot, bytes);
  }
  /// This warpgroup's 64 rows of a tile of queries.
  Value ownRows(int64_t offset, const SharedTile &tile, Value slot) {
    return e.add(slotted(offset, slot, tile.bytes()), e.mul(place.group, 64 * tile.rowBytes()));
  }
  Value queryRow(const CudaItem &item, int64_t half) {
    return e.add(e.mul(item.tile, schedule.queryRows()), e.add(place.row, 8 * half));
  }
  void syncGroup() { e.syncThreads(e.add(place.group, 1), 128); }
  void ifLeader(function_ref<void()> body) { e.ifThen(e.equal(place.thread, 0), body); }
  void release(int64_t barrier, Value slot) {
    ifLeader([&] { e.arrive(slotted(barrier, slot, 8)); });
  }

  void produce();
  void consume();
  Ring consumeItem(const CudaItem &item, Ring keys, Ring queries, const FiniteItems &finite);

  /// What two rows of a lane have: minus the log-sum-exp, to base 2, and the delta.
  struct Rows {
    Values logsumexp, delta;
  };
  Rows loadRows(const CudaItem &item);
  Values probabilities(const Values &scores, const Rows &rows);
  Values scoreGrads(const Values &probabilities, const Values &grads, const Rows &rows);
  void end(const CudaItem &item, Value querySlot, Values sums, const FiniteItems &finite);

  tile::AttentionQueryGradOp op;
  const WgmmaQueryGradSchedule schedule;
  WgmmaKernel kernel;
  CudaEmitter &e;
  SmallVector<tile::WalkOp> walks;
  CudaTensor query, key, value, outputGrad, logsumexp, delta, queryGrad;
  SharedTile queryTile, gradTile, keyTile, valueTile;
  WgmmaPlace place;

  // Shared memory: tiles, then barriers.
  int64_t queries = 0, grads = 0, keys = 0, values = 0;
  int64_t queryFull = 0, queryEmpty = 0, keyFull = 0, keyEmpty = 0, valueFull = 0, valueEmpty = 0;
  int64_t words = 0; // of items that are finite
};
} // namespace

void QueryGrad::run() {
  SharedMemoryAllocator plan;
  const int64_t stages = schedule.stages, itemStages = schedule.itemStages;
  queries = plan.add(itemStages * queryTile.bytes());
  grads = plan.add(itemStages * gradTile.bytes());
  keys = plan.add(stages * keyTile.bytes());
  values = plan.add(stages * valueTile.bytes());
  const int64_t barrierBytes = (2 * itemStages + 4 * stages) * 8;
  int64_t barriers = plan.add(barrierBytes + schedule.groups * FiniteItems::bytes);
  words = barriers + barrierBytes;
  queryFull = barriers, queryEmpty = queryFull + 8 * itemStages;
  keyFull = queryEmpty + 8 * itemStages, keyEmpty = keyFull + 8 * stages;
  valueFull = keyEmpty + 8 * stages, valueEmpty = valueFull + 8 * stages;

  kernel.split(
      schedule,
      {{queryFull, queryEmpty, itemStages, 1, schedule.groups},
       {keyFull, keyEmpty, stages, 1, schedule.groups},
       {valueFull, valueEmpty, stages, 1, schedule.groups}},
      place,
      [&](Value warp) {
        e.ifThen(e.equal(warp, 0), [&] { e.ifThen(e.electOne(), [&] { produce(); }); });
      },
      [&] { consume(); });
  kernel.finish(schedule.threads(), plan.bytes(), schedule.blocks);
}

void QueryGrad::produce() {
  Value zero = e.i(0);
  kernel.eachItem({zero, zero, zero, zero}, [&](IRMapping &mapping, ValueRange carried) {
    CudaItem item(op, mapping);
    Ring at{carried[2], carried[3]};
    Value first = e.mul(item.tile, schedule.queryRows()), full = slotted(queryFull, at.slot, 8);
    e.wait(slotted(queryEmpty, at.slot, 8), e.bxor(at.parity, 1));
    e.expectBytes(full,
                  e.i(queryTile.copiedBytes(op.getView()) + gradTile.copiedBytes(op.getView())));
    kernel.copy(slotted(queries, at.slot, queryTile.bytes()), queryTile, query, op.getView(), first,
                item, full);
    kernel.copy(slotted(grads, at.slot, gradTile.bytes()), gradTile, outputGrad, op.getView(),
                first, item, full);
    WalkTiles tiles(e, walks, item.residue, item.tile, schedule.keyRows);
    Ring ring = kernel.copyTiles(tiles, item.ofKeys(), {carried[0], carried[1]}, schedule.stages,
                                 {{key, keyTile, keys, keyFull, keyEmpty},
                                  {value, valueTile, values, valueFull, valueEmpty}});
    Ring after = next(e, at, schedule.itemStages);
    return Values{ring.slot, ring.parity, after.slot, after.parity};
  });
}

void QueryGrad::consume() {
  Value zero = e.i(0);
  const FiniteItems finite = kernel.finiteItems(place, words, op.getResume());
  kernel.eachItem({zero, zero, zero, zero}, [&](IRMapping &mapping, ValueRange carried) {
    Ring at{carried[2], carried[3]}, after = next(e, at, schedule.itemStages);
    Ring ring = consumeItem(CudaItem(op, mapping), {carried[0], carried[1]}, at, finite);
    return Values{ring.slot, ring.parity, after.slot, after.parity};
  });
  finite.again(
      [&] { kernel.settleStores(place); },
      [&](IRMapping &mapping) {
        const CudaItem item(op, mapping);
        WalkTiles tiles(e, walks, item.residue, item.tile, schedule.keyRows);
        addQueryGradsByPairs(kernel, op, item, tiles, {queryRow(item, 0), 2, place.column});
      });
}

QueryGrad::Rows QueryGrad::loadRows(const CudaItem &item) {
  Value count = rowCount(e, op.getView(), item.residue, query.positions());
  Rows rows;
  for (int h = 0; h < 2; ++h) {
    Value row = queryRow(item, h);
    auto both = e.choose(
        e.less(row, count), {e.f32, e.f32},
        [&] {
          Value position = rowPosition(e, op.getView(), item.residue, row);
          auto load = [&](const CudaTensor &tensor) -> Value {
            return LLVM::LoadOp::create(e.b, e.f32,
                                        kernel.address(tensor, item.batch, item.head, position));
          };
          return Values{e.mulf(load(logsumexp), e.f(-std::numbers::log2e_v<float>)), load(delta)};
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
Values QueryGrad::probabilities(const Values &scores, const Rows &rows) {
  Value factor = e.f(op.getScale().convertToFloat() * std::numbers::log2e_v<float>);
  Values result;
  for (auto [k, score] : llvm::enumerate(scores))
    result.push_back(e.exp2(e.fma(score, factor, rows.logsumexp[k / 2 % 2])));
  return result;
}

Values QueryGrad::scoreGrads(const Values &probabilities, const Values &grads, const Rows &rows) {
  Values result;
  for (auto [k, grad] : llvm::enumerate(grads))
    result.push_back(e.mulf(probabilities[k], e.subf(grad, rows.delta[k / 2 % 2])));
  return result;
}

Ring QueryGrad::consumeItem(const CudaItem &item, Ring keyRing, Ring queryRing,
                            const FiniteItems &finite) {
  WalkTiles tiles(e, walks, item.residue, item.tile, schedule.keyRows);
  Value zero = e.i(0), one = e.i(1);
  const WalkTiles::Own own{{queryRow(item, 0), queryRow(item, 1)}, false, {}, {}};
  auto clear = [&](Value number, const CudaTensor &tensor, const SharedTile &tile, Value address) {
    kernel.clearMissing(tiles, number, tensor, tile, address, place.thread, 128,
                        [&] { syncGroup(); });
  };
  auto keysAt = [&](Value slot) { return slotted(keys, slot, keyTile.bytes()); };
  auto scores = [&](Value number, Ring at) {
    e.wait(slotted(keyFull, at.slot, 8), at.parity);
    clear(number, key, keyTile, keysAt(at.slot));
    return e.product(schedule.keyRows,
                     queryTile.operand(e, ownRows(queries, queryTile, queryRing.slot), false),
                     keyTile.operand(e, keysAt(at.slot), false));
  };
  auto grad = [&](Value number, Ring at) {
    Value address = slotted(values, at.slot, valueTile.bytes());
    e.wait(slotted(valueFull, at.slot, 8), at.parity);
    clear(number, value, valueTile, address);
    return e.product(schedule.keyRows,
                     gradTile.operand(e, ownRows(grads, gradTile, queryRing.slot), false),
                     valueTile.operand(e, address, false));
  };
  auto accumulate = [&](ArrayRef<Value> scoreGrads, Ring at, Values sums) {
    CudaEmitter::Fragments fragments;
    for (size_t k = 0; k < scoreGrads.size(); k += 4)
      fragments.push_back(SmallVector<Value, 4>(scoreGrads.slice(k, 4)));
    return e.product(queryTile.columns, fragments, keyTile.operand(e, keysAt(at.slot), true),
                     std::move(sums));
  };
  auto packed = [&](const Values &values) {
    Values flat;
    for (const auto &fragment : e.fragments(values))
      flat.append(fragment.begin(), fragment.end());
    return flat;
  };

  Rows rows = loadRows(item);
  e.wait(slotted(queryFull, queryRing.slot, 8), queryRing.parity);
  Values score = scores(zero, keyRing), gradient = grad(zero, keyRing);
  score = e.waitProducts(0, score);
  gradient = e.waitProducts(0, gradient);
  release(valueEmpty, keyRing.slot);

  // Carried: the sums, the products of the last tile and its slot.
  Values carried(queryTile.columns / 2, e.f(0));
  const size_t nSums = carried.size(), nScores = score.size();
  carried.append(score);
  carried.append(gradient);
  carried.append({keyRing.slot, keyRing.parity});
  auto scoreGradsOf = [&](Value number, ValueRange products) {
    Values score(products.take_front(nScores)), gradient(products.slice(nScores, nScores));
    Values weights = probabilities(tiles.masked(number, own, {place.column}, score), rows);
    return packed(scoreGrads(weights, gradient, rows));
  };
  Values done = e.loop(one, tiles.count, one, carried, [&](Value t, ValueRange all) {
    Ring last{all[all.size() - 2], all.back()}, at = next(e, last, schedule.stages);
    Values score = scores(t, at), gradient = grad(t, at);
    Values lastGrads = scoreGradsOf(e.sub(t, 1), all.drop_front(nSums));
    Values sums = accumulate(lastGrads, last, Values(all.take_front(nSums)));
    score = e.waitProducts(1, score);
    gradient = e.waitProducts(1, gradient);
    release(valueEmpty, at.slot);
    sums = e.waitProducts(0, sums);
    release(keyEmpty, last.slot);
    sums.append(score);
    sums.append(gradient);
    sums.append({at.slot, at.parity});
    return sums;
  });
  Ring last{done[done.size() - 2], done.back()};
  Values lastGrads = scoreGradsOf(e.sub(tiles.count, 1), ValueRange(done).drop_front(nSums));
  Values sums = accumulate(lastGrads, last, Values(ValueRange(done).take_front(nSums)));
  sums = e.waitProducts(0, sums);
  release(keyEmpty, last.slot);
  end(item, queryRing.slot, sums, finite);
  return next(e, last, schedule.stages);
}

// The result takes the place of the queries.
void QueryGrad::end(const CudaItem &item, Value querySlot, Values sums, const FiniteItems &finite) {
  Value count = rowCount(e, op.getView(), item.residue, query.positions());
  Value stores = finite.stores(
      haveSpecial(e, sums, {e.less(queryRow(item, 0), count), e.less(queryRow(item, 1), count)}),
      [&](Value is) { return e.syncAny(e.add(place.group, 1), 128, is); });
  kernel.writeGradient(
      {queryGrad, op.getView(), item, op.getScale().convertToFloat(), op.getResume()}, place,
      queryTile, ownRows(queries, queryTile, querySlot), std::move(sums), stores);
  ifLeader([&] { e.waitStores(0); });
  release(queryEmpty, querySlot);
}

LogicalResult stc::lowerWgmmaQueryGrad(tile::KernelOp kernel, tile::AttentionQueryGradOp op,
                                       const WgmmaQueryGradSchedule &schedule) {
  QueryGrad(kernel, op, schedule).run();
  return success();
}
