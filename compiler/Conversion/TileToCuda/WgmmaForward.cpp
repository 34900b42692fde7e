//===- WgmmaForward.cpp - attention of query tiles on sm_90a -------------===//
//
// One warpgroup copies tiles of keys and values into a ring by the copy engine, the others compute,
// 64 queries each. In the inner loop the scores of the next tile are in the tensor cores while the
// softmax of this one runs, as in FlashAttention-3 (arXiv 2407.08608, Sec. 3.2). A block takes
// items in turn; copies of the next item, and its first scores where keys are few, start while
// the last one still computes. All walks of an
// item are one sequence of tiles and one online softmax; only tiles at the edges of a walk are
// masked.
//
//===----------------------------------------------------------------------===//

#include "compiler/Conversion/TileToCuda/FiniteItems.h"
#include "compiler/Conversion/TileToCuda/OnlineSoftmax.h"
#include "compiler/Conversion/TileToCuda/PairByPair.h"
#include "compiler/Conversion/TileToCuda/TileToCuda.h"
#include "compiler/Conversion/TileToCuda/WgmmaKernel.h"

using namespace mlir;
using namespace stc;

namespace {
using Values = CudaEmitter::Values;

/// Tiles of queries in flight: the next item's comes while this one's is in use.
constexpr int64_t kQueryStages = 2;

class Forward {
public:
  Forward(tile::KernelOp kernel, tile::AttentionOp op, const WgmmaSchedule &schedule)
      : op(op), schedule(schedule),
        overlaps(op.getShortKv() && schedule.overlapsItems(op.getValueSize())),
        kernel(kernel, op.getQuery().getType().getElementType()), e(this->kernel.emitter()),
        walks(op.getWalkOps()), query(op.getQuery()), key(op.getKey()), value(op.getValue()),
        output(op.getOutput()), queryTile{schedule.queryRows(), paddedHead(op.getQuerySize())},
        keyTile{schedule.keyRows, paddedHead(op.getQuerySize())}, valueTile{schedule.keyRows,
                                                                            paddedHead(
                                                                                op.getValueSize())},
        outputTile{64, paddedHead(op.getValueSize())},
        joins(op.getResume() && endsExactly(output, op.getView())) {}

  void run();

private:
  Value shared(int64_t offset) { return kernel.shared(offset); }
  Value slotted(int64_t offset, Value slot, int64_t bytes) {
    return kernel.slotted(offset, slot, bytes);
  }

  void produce();
  void consume();
  /// The slots of an item's queries and of its first tile of keys, and the scores of these where
  /// items overlap.
  struct Start {
    Ring keys, queries;
    Values scores;
  };
  /// Waits for the tiles, and starts the scores.
  Values startScores(Ring keys, Ring queries, Value exists);
  Start consumeItem(const CudaItem &item, Start start, const FiniteItems &finite);

  WgmmaPlace place;

  Values scores(Value querySlot, Value keySlot);
  /// Of this warpgroup: where its output is staged, and its first row of the item.
  Value staging() { return e.add(shared(outputs), e.mul(place.group, outputTile.bytes())); }
  Value firstRow(const CudaItem &item) {
    return e.add(e.mul(item.tile, schedule.queryRows()), e.mul(place.group, 64));
  }
  Value broughtBarrier(Value querySlot) {
    return e.add(shared(brought), e.mul(e.add(e.mul(querySlot, schedule.groups), place.group), 8));
  }
  void bringOutput(const CudaItem &item, Value barrier);
  void store(const CudaItem &item, OnlineSoftmax &softmax, const Values &output, Value isSpecial,
             const FiniteItems &finite);
  Value queryRow(const CudaItem &item, int64_t half) {
    return e.add(e.mul(item.tile, schedule.queryRows()), e.add(place.row, 8 * half));
  }

  tile::AttentionOp op;
  const WgmmaSchedule schedule;
  /// Whether the first scores of an item start before the output of the last one is stored.
  const bool overlaps;
  WgmmaKernel kernel;
  CudaEmitter &e;
  SmallVector<tile::WalkOp> walks;
  CudaTensor query, key, value, output;
  SharedTile queryTile, keyTile, valueTile, outputTile;
  /// Whether what other parts have come to is brought while the item is computed, and taken in at
  /// its end.
  const bool joins;

  // Shared memory: tiles, then barriers.
  int64_t queries = 0, keys = 0, values = 0, outputs = 0;
  int64_t queryFull = 0, queryEmpty = 0, keyFull = 0, keyEmpty = 0, valueFull = 0, valueEmpty = 0;
  int64_t brought = 0;
  int64_t words = 0; // of items that are finite
};
} // namespace

void Forward::run() {
  SharedMemoryAllocator plan;
  const int64_t stages = schedule.stages;
  queries = plan.add(kQueryStages * queryTile.bytes());
  keys = plan.add(stages * keyTile.bytes());
  values = plan.add(stages * valueTile.bytes());
  outputs = plan.add(schedule.groups * outputTile.bytes());
  const int64_t outputBarriers = joins ? kQueryStages * schedule.groups : 0;
  const int64_t barrierBytes = (2 * kQueryStages + 4 * stages + outputBarriers) * 8;
  int64_t barriers = plan.add(barrierBytes + schedule.groups * FiniteItems::bytes);
  words = barriers + barrierBytes;
  queryFull = barriers, queryEmpty = queryFull + 8 * kQueryStages;
  keyFull = queryEmpty + 8 * kQueryStages, keyEmpty = keyFull + 8 * stages;
  valueFull = keyEmpty + 8 * stages, valueEmpty = valueFull + 8 * stages;
  brought = valueEmpty + 8 * stages;

  kernel.split(
      schedule,
      {{queryFull, queryEmpty, kQueryStages, 1, schedule.groups},
       {keyFull, keyEmpty, stages, 1, schedule.groups},
       {valueFull, valueEmpty, stages, 1, schedule.groups},
       {brought, 0, outputBarriers, 1, 0}},
      place,
      [&](Value warp) {
        e.ifThen(e.equal(warp, 0), [&] { e.ifThen(e.electOne(), [&] { produce(); }); });
      },
      [&] { consume(); });
  kernel.finish(schedule.threads(), plan.bytes(), schedule.blocks);
}

void Forward::produce() {
  Value zero = e.i(0);
  kernel.eachItem({zero, zero, zero, zero}, [&](IRMapping &mapping, ValueRange carried) {
    CudaItem item(op, mapping);
    Ring at{carried[2], carried[3]};
    Value full = slotted(queryFull, at.slot, 8);
    e.wait(slotted(queryEmpty, at.slot, 8), e.bxor(at.parity, 1));
    e.expectBytes(full, e.i(queryTile.copiedBytes(op.getView())));
    kernel.copy(slotted(queries, at.slot, queryTile.bytes()), queryTile, query, op.getView(),
                e.mul(item.tile, schedule.queryRows()), item, full);
    WalkTiles tiles(e, walks, item.residue, item.tile, schedule.keyRows);
    Ring ring = kernel.copyTiles(tiles, item.ofKeys(), {carried[0], carried[1]}, schedule.stages,
                                 {{key, keyTile, keys, keyFull, keyEmpty},
                                  {value, valueTile, values, valueFull, valueEmpty}});
    Ring after = next(e, at, kQueryStages);
    return Values{ring.slot, ring.parity, after.slot, after.parity};
  });
}

void Forward::consume() {
  Value zero = e.i(0);
  Ring first{zero, zero};
  Values carried;
  if (overlaps)
    carried = e.waitProducts(0, startScores(first, first, {}));
  carried.append({zero, zero, zero, zero});
  const FiniteItems finite = kernel.finiteItems(place, words, op.getResume());
  kernel.eachItem(carried, [&](IRMapping &mapping, ValueRange carried) {
    ValueRange rings = carried.take_back(4);
    const Start start{{rings[0], rings[1]}, {rings[2], rings[3]}, Values(carried.drop_back(4))};
    Start next = consumeItem(CudaItem(op, mapping), start, finite);
    Values result = std::move(next.scores);
    result.append({next.keys.slot, next.keys.parity, next.queries.slot, next.queries.parity});
    return result;
  });
  finite.again([&] { kernel.settleStores(place); },
               [&](IRMapping &mapping) {
                 const CudaItem item(op, mapping);
                 WalkTiles tiles(e, walks, item.residue, item.tile, schedule.keyRows);
                 attendByPairs(kernel, op, item, tiles, {queryRow(item, 0), 2, place.column});
               });
}

// Without another item these are products of what is left in the slots, and nobody's.
Values Forward::startScores(Ring keys, Ring queries, Value exists) {
  auto wait = [&] {
    e.wait(slotted(queryFull, queries.slot, 8), queries.parity);
    e.wait(slotted(keyFull, keys.slot, 8), keys.parity);
  };
  exists ? e.ifThen(exists, wait) : wait();
  return scores(queries.slot, keys.slot);
}

Values Forward::scores(Value querySlot, Value keySlot) {
  Value at = slotted(queries, querySlot, queryTile.bytes());
  auto a = queryTile.operand(e, e.add(at, e.mul(place.group, 64 * queryTile.rowBytes())),
                             /*transposed=*/false);
  auto b = keyTile.operand(e, slotted(keys, keySlot, keyTile.bytes()), /*transposed=*/false);
  return e.product(schedule.keyRows, a, b);
}

Forward::Start Forward::consumeItem(const CudaItem &item, Start start, const FiniteItems &finite) {
  const Ring keyRing = start.keys, queryRing = start.queries;
  WalkTiles tiles(e, walks, item.residue, item.tile, schedule.keyRows);
  Value zero = e.i(0), one = e.i(1);
  Value leader = e.equal(place.thread, 0);
  auto release = [&](int64_t barrier, Value slot) {
    e.ifThen(leader, [&] { e.arrive(slotted(barrier, slot, 8)); });
  };
  auto accumulate = [&](ArrayRef<Value> weights, Value number, Ring at, Values sums) {
    e.wait(slotted(valueFull, at.slot, 8), at.parity);
    kernel.clearMissing(tiles, number, value, valueTile,
                        slotted(values, at.slot, valueTile.bytes()), place.thread, 128,
                        [&] { e.syncThreads(e.add(place.group, 1), 128); });
    CudaEmitter::Fragments fragments;
    for (size_t k = 0; k < weights.size(); k += 4)
      fragments.push_back(SmallVector<Value, 4>(weights.slice(k, 4)));
    auto b = valueTile.operand(e, slotted(values, at.slot, valueTile.bytes()), /*transposed=*/true);
    return e.product(outputTile.columns, fragments, b, std::move(sums));
  };
  auto packed = [&](const Values &weights) {
    Values flat;
    for (const auto &fragment : e.fragments(weights))
      flat.append(fragment.begin(), fragment.end());
    return flat;
  };

  const WalkTiles::Own own{{queryRow(item, 0), queryRow(item, 1)}, false, {}, {}};
  OnlineSoftmax softmax(kernel, op, item, own.rows, place.column, outputTile.columns);
  Values sums = softmax.begin(/*resumes=*/op.getResume() && !joins), rescale, before;
  if (joins)
    before = softmax.before();
  if (!overlaps)
    start.scores = e.waitProducts(0, startScores(keyRing, queryRing, {}));
  release(keyEmpty, keyRing.slot);
  const Value broughtHere = broughtBarrier(queryRing.slot);
  if (joins)
    bringOutput(item, broughtHere);
  Values weights =
      packed(softmax.next(tiles.masked(zero, own, {place.column}, start.scores), rescale));
  if (op.getResume() && !joins)
    sums = softmax.rescaled(sums, rescale);

  // Carried: outputs, weights, the softmax, and the slot of the last tile.
  Values carried = sums;
  carried.append(weights);
  carried.append(softmax.state());
  carried.append({keyRing.slot, keyRing.parity});
  const size_t nSums = sums.size(), nWeights = weights.size();
  auto take = [&](ValueRange all) {
    sums = Values(all.take_front(nSums));
    weights = Values(all.slice(nSums, nWeights));
    ValueRange rest = all.drop_front(nSums + nWeights);
    softmax.setState(rest.take_front(OnlineSoftmax::stateSize));
    return Ring{rest[rest.size() - 2], rest.back()};
  };
  Values done = e.loop(one, tiles.count, one, carried, [&](Value t, ValueRange all) {
    Ring last = take(all), at = next(e, last, schedule.stages);
    e.wait(slotted(keyFull, at.slot, 8), at.parity);
    Values nextScore = scores(queryRing.slot, at.slot);
    sums = accumulate(weights, e.sub(t, 1), last, sums);
    nextScore = e.waitProducts(1, nextScore);
    release(keyEmpty, at.slot);
    weights = packed(softmax.next(tiles.masked(t, own, {place.column}, nextScore), rescale));
    sums = e.waitProducts(0, sums);
    release(valueEmpty, last.slot);
    Values result = softmax.rescaled(sums, rescale);
    result.append(weights);
    result.append(softmax.state());
    result.append({at.slot, at.parity});
    return result;
  });
  Ring last = take(done);
  release(queryEmpty, queryRing.slot);
  sums = e.waitProducts(0, accumulate(weights, e.sub(tiles.count, 1), last, sums));
  release(valueEmpty, last.slot);
  if (joins) {
    e.wait(broughtHere, queryRing.parity);
    sums = softmax.join(sums, before, outputTile.read(e, staging(), place));
  }
  Values output = softmax.end(sums);
  Value isSpecial = softmax.isSpecial(sums);
  softmax.storeLogsumexps();
  start.keys = next(e, last, schedule.stages);
  start.queries = next(e, queryRing, kQueryStages);
  start.scores.clear();
  if (overlaps)
    start.scores = startScores(start.keys, start.queries, kernel.hasNext);
  store(item, softmax, output, isSpecial, finite);
  if (overlaps)
    start.scores = e.waitProducts(0, start.scores);
  return start;
}

// Behind the store of the last item, which has to have left the place.
void Forward::bringOutput(const CudaItem &item, Value barrier) {
  e.ifThen(e.equal(place.thread, 0), [&] {
    e.waitStores(0);
    e.expectBytes(barrier, e.i(outputTile.copiedBytes(op.getView())));
    kernel.copy(staging(), outputTile, output, op.getView(), firstRow(item), item, barrier);
  });
}

void Forward::store(const CudaItem &item, OnlineSoftmax &softmax, const Values &output,
                    Value isSpecial, const FiniteItems &finite) {
  Value leader = e.equal(place.thread, 0), barrier = e.add(place.group, 1);
  Value base = staging();
  // A box would write rows that are not the view's.
  const bool boxes = endsExactly(this->output, op.getView());
  if (boxes) {
    e.ifThen(leader, [&] { e.waitStores(0); });
    e.syncThreads(barrier, 128);
    outputTile.write(e, base, place, e.fragments(output));
    e.fenceShared();
    if (!op.getResume()) // else they meet to find whether they store
      e.syncThreads(barrier, 128);
  }
  Value stores = finite.stores(isSpecial, [&](Value is) { return e.syncAny(barrier, 128, is); });
  if (!boxes)
    e.ifThen(stores, [&] { softmax.store(output); });
  else
    e.ifThen(e.both(stores, leader), [&] {
      kernel.store(base, outputTile, this->output, op.getView(), firstRow(item), item);
      e.commitStores();
    });
  if (op.getResume())
    e.ifElse(
        stores, [] {}, [&] { softmax.restoreLogsumexps(); });
}

LogicalResult stc::lowerWgmmaForward(tile::KernelOp kernel, tile::AttentionOp op,
                                     const WgmmaSchedule &schedule) {
  Forward(kernel, op, schedule).run();
  return success();
}
