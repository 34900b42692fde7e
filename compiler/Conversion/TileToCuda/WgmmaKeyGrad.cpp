//===- WgmmaKeyGrad.cpp - gradients of keys and values by tiles of keys on sm_90a ----===//
//
// A block keeps a tile of keys and values; one warp copies the tiles of queries and output
// gradients that meet it, another their log-sum-exps and deltas, head by head where several heads
// of queries share the keys. Each computing warpgroup has 64
// keys. Scores are computed transposed, S^T = K Q^T and dP^T = V dO^T, so that P^T and dS^T stand
// in registers as operands of dV += P^T dO and dK += dS^T Q.
//
// Where queries are summed here too, dS goes through shared memory, so that the warpgroups share
// the work of dQ = dS K, which is added to the sums in memory by the copy engine. The order of the
// five products is FlashAttention-3's (arXiv 2407.08608, Appendix B.1).
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

class KeyGrad {
public:
  KeyGrad(tile::KernelOp kernel, tile::AttentionKeyGradOp op, const WgmmaKeyGradSchedule &schedule)
      : op(op), schedule(schedule), kernel(kernel, op.getQuery().getType().getElementType()),
        e(this->kernel.emitter()), walks(op.getWalkOps()), query(op.getQuery()), key(op.getKey()),
        value(op.getValue()), outputGrad(op.getOutputGrad()), logsumexp(op.getLogsumexp()),
        delta(op.getDelta()), keyGrad(op.getKeyGrad()),
        valueGrad(op.getValueGrad()), queryTile{schedule.queryRows, paddedHead(op.getQuerySize())},
        gradTile{schedule.queryRows, paddedHead(op.getValueSize())},
        keyTile{schedule.keyRows(), paddedHead(op.getQuerySize())},
        valueTile{schedule.keyRows(), paddedHead(op.getValueSize())}, scoreTile{
                                                                          schedule.queryRows,
                                                                          schedule.keyRows()} {
    if (op.getQuerySum())
      querySum.emplace(op.getQuerySum());
  }

  void run();

private:
  WalkTiles tilesOf(const CudaItem &item) {
    return {e, walks, item.residue, item.tile, schedule.queryRows};
  }
  /// Runs the body for all tiles of the item's heads; values are carried from one to the next.
  Values eachTile(const CudaItem &item, const WalkTiles &tiles, ValueRange carried,
                  function_ref<Values(const CudaItem &, Value number, ValueRange)> body);
  Value shared(int64_t offset) { return kernel.shared(offset); }
  Value slotted(int64_t offset, Value slot, int64_t bytes) {
    return kernel.slotted(offset, slot, bytes);
  }
  Value keyRow(const CudaItem &item, int64_t half) {
    return e.add(e.mul(item.tile, schedule.keyRows()), e.add(place.row, 8 * half));
  }
  /// This warpgroup's 64 rows of a tile of keys.
  Value ownRows(int64_t offset, const SharedTile &tile, Value slot) {
    return e.add(slotted(offset, slot, tile.bytes()), e.mul(place.group, 64 * tile.rowBytes()));
  }
  void syncGroup() { e.syncThreads(e.add(place.group, 1), 128); }
  void syncAllGroups() { e.syncThreads(e.i(1 + schedule.groups), 128 * schedule.groups); }
  void ifLeader(function_ref<void()> body) { e.ifThen(e.equal(place.thread, 0), body); }
  void release(int64_t barrier, Value slot) {
    ifLeader([&] { e.arrive(slotted(barrier, slot, 8)); });
  }

  void produceTiles();
  void produceRows();
  void consume();
  Ring consumeItem(const CudaItem &item, Ring ring, Ring keyRing, const FiniteItems &finite);

  /// Key and value gradients of 64 keys.
  struct Sums {
    Values key, value;
  };
  Values probabilities(const Values &scores, Value slot);
  Values scoreGrads(const Values &probabilities, const Values &grads, Value slot);
  void writeScoreGrads(const CudaEmitter::Fragments &fragments, Value slot);
  Values queryProducts(Value slot, Value keySlot);
  void addQueryGrads(const CudaItem &item, const WalkTiles &tiles, Value number,
                     const Values &sums);
  void end(const CudaItem &item, Value keySlot, Sums sums, Value hasSpecialKey,
           const FiniteItems &finite);

  tile::AttentionKeyGradOp op;
  const WgmmaKeyGradSchedule schedule;
  WgmmaKernel kernel;
  CudaEmitter &e;
  SmallVector<tile::WalkOp> walks;
  CudaTensor query, key, value, outputGrad, logsumexp, delta, keyGrad, valueGrad;
  SharedTile queryTile, gradTile, keyTile, valueTile, scoreTile;
  /// Queries are summed here too.
  std::optional<CudaTensor> querySum;
  WgmmaPlace place;

  /// A warpgroup's part of dQ: 64 of 128 queries, or all 64 and some of the columns. `first` is the
  /// second warpgroup's first column.
  struct QueryPart {
    int64_t columns, first;
    bool byRows;
  } part;

  // Shared memory: tiles, then barriers.
  int64_t keys = 0, values = 0, queries = 0, grads = 0, scores = 0, sumTiles = 0;
  int64_t logsumexps = 0, deltas = 0;
  int64_t keysFull = 0, keysEmpty = 0, queryFull = 0, queryEmpty = 0, gradFull = 0, gradEmpty = 0,
          rowsFull = 0, rowsEmpty = 0;
  int64_t words = 0; // of items that are finite
};
} // namespace

void KeyGrad::run() {
  const int64_t stages = schedule.stages;
  part.byRows = schedule.queryRows == 128 || schedule.groups == 1;
  part.columns =
      part.byRows ? queryTile.columns : llvm::alignTo(queryTile.columns / 2, queryTile.panel());
  part.first = queryTile.columns - part.columns;

  SharedMemoryAllocator plan;
  keys = plan.add(schedule.itemStages * keyTile.bytes());
  values = plan.add(schedule.itemStages * valueTile.bytes());
  queries = plan.add(stages * queryTile.bytes());
  grads = plan.add(stages * gradTile.bytes());
  if (querySum) {
    scores = plan.add(stages * scoreTile.bytes());
    sumTiles = plan.add(schedule.groups * 64 * part.columns * 4);
  }
  logsumexps = plan.add(stages * schedule.queryRows * 4);
  deltas = plan.add(stages * schedule.queryRows * 4);
  const int64_t barrierBytes = (2 * schedule.itemStages + 6 * stages) * 8;
  int64_t barriers = plan.add(barrierBytes + schedule.groups * FiniteItems::bytes);
  words = barriers + barrierBytes;
  keysFull = barriers, keysEmpty = keysFull + 8 * schedule.itemStages;
  queryFull = keysEmpty + 8 * schedule.itemStages, queryEmpty = queryFull + 8 * stages;
  gradFull = queryEmpty + 8 * stages, gradEmpty = gradFull + 8 * stages;
  rowsFull = gradEmpty + 8 * stages, rowsEmpty = rowsFull + 8 * stages;

  const int64_t groups = schedule.groups;
  kernel.split(
      schedule,
      {{keysFull, keysEmpty, schedule.itemStages, 1, groups},
       {queryFull, queryEmpty, stages, 1, groups},
       {gradFull, gradEmpty, stages, 1, groups},
       {rowsFull, rowsEmpty, stages, 32, 128 * groups}}, // lanes that write, that read
      place,
      [&](Value warp) {
        if (haveNoTiles(walks))
          return;
        e.ifThen(e.equal(warp, 0), [&] { e.ifThen(e.electOne(), [&] { produceTiles(); }); });
        e.ifThen(e.equal(warp, 1), [&] { produceRows(); });
      },
      [&] { consume(); });
  kernel.finish(schedule.threads(), plan.bytes(), schedule.blocks);
}

Values KeyGrad::eachTile(const CudaItem &item, const WalkTiles &tiles, ValueRange carried,
                         function_ref<Values(const CudaItem &, Value number, ValueRange)> body) {
  return eachHead(e, op, item, carried, [&](const CudaItem &one, ValueRange carried) {
    return e.loop(e.i(0), tiles.count, e.i(1), carried,
                  [&](Value t, ValueRange all) { return body(one, t, all); });
  });
}

void KeyGrad::produceTiles() {
  Value zero = e.i(0);
  kernel.eachItem({zero, zero, zero, zero}, [&](IRMapping &mapping, ValueRange carried) {
    CudaItem item(op, mapping);
    Ring at{carried[2], carried[3]};
    Value firstKey = e.mul(item.tile, schedule.keyRows()), full = slotted(keysFull, at.slot, 8);
    e.wait(slotted(keysEmpty, at.slot, 8), e.bxor(at.parity, 1));
    e.expectBytes(full,
                  e.i(keyTile.copiedBytes(op.getView()) + valueTile.copiedBytes(op.getView())));
    kernel.copy(slotted(keys, at.slot, keyTile.bytes()), keyTile, key, op.getView(), firstKey,
                item.ofKeys(), full);
    kernel.copy(slotted(values, at.slot, valueTile.bytes()), valueTile, value, op.getView(),
                firstKey, item.ofKeys(), full);
    WalkTiles tiles = tilesOf(item);
    Values ring =
        eachHead(e, op, item, carried.take_front(2), [&](const CudaItem &item, ValueRange carried) {
          Ring ring = kernel.copyTiles(tiles, item, {carried[0], carried[1]}, schedule.stages,
                                       {{query, queryTile, queries, queryFull, queryEmpty},
                                        {outputGrad, gradTile, grads, gradFull, gradEmpty}});
          return Values{ring.slot, ring.parity};
        });
    Ring after = next(e, at, schedule.itemStages);
    return Values{ring[0], ring[1], after.slot, after.parity};
  });
}

// Rows of a view lie anywhere, so that these few numbers go through registers.
void KeyGrad::produceRows() {
  Value zero = e.i(0);
  kernel.eachItem({zero, zero}, [&](IRMapping &mapping, ValueRange carried) {
    CudaItem own(op, mapping);
    WalkTiles tiles = tilesOf(own);
    return eachTile(own, tiles, carried, [&](const CudaItem &item, Value t, ValueRange r) {
      Ring at{r[0], r[1]};
      e.wait(slotted(rowsEmpty, at.slot, 8), e.bxor(at.parity, 1));
      tiles.byWalk(t, [&](unsigned walk, Value first) {
        tile::ViewAttr view = tiles.view(walk);
        Value residue = tiles.residueOf(walk);
        Value count = rowCount(e, view, residue, query.positions());
        auto rowsFrom = [&](int64_t k) {
          Value row = e.add(e.add(first, k), place.lane);
          auto both = e.choose(
              e.less(row, count), {e.f32, e.f32},
              [&] {
                Value position = rowPosition(e, view, residue, row);
                auto load = [&](const CudaTensor &tensor) -> Value {
                  return LLVM::LoadOp::create(
                      e.b, e.f32, kernel.address(tensor, item.batch, item.head, position));
                };
                return Values{e.mulf(load(logsumexp), e.f(-std::numbers::log2e_v<float>)),
                              load(delta)};
              },
              [&] {
                return Values{e.f(-kCudaMissingRow), e.f(0)};
              });
          Value at4 = e.mul(e.add(place.lane, k), 4);
          e.storeShared(both[0], e.add(slotted(logsumexps, at.slot, schedule.queryRows * 4), at4));
          e.storeShared(both[1], e.add(slotted(deltas, at.slot, schedule.queryRows * 4), at4));
        };
        for (int64_t k = 0, left = schedule.queryRows; left > 0; k += 32, left -= 32)
          left < 32 ? e.ifThen(
                          e.less(place.lane, e.i(left)), [&] { rowsFrom(k); })
                    : rowsFrom(k);
      });
      e.arrive(slotted(rowsFull, at.slot, 8));
      Ring after = next(e, at, schedule.stages);
      return Values{after.slot, after.parity};
    });
  });
}

void KeyGrad::consume() {
  Value zero = e.i(0);
  const FiniteItems finite = kernel.finiteItems(place, words, op.getResume());
  kernel.eachItem({zero, zero, zero, zero}, [&](IRMapping &mapping, ValueRange carried) {
    Ring at{carried[2], carried[3]}, after = next(e, at, schedule.itemStages);
    Ring ring = consumeItem(CudaItem(op, mapping), {carried[0], carried[1]}, at, finite);
    return Values{ring.slot, ring.parity, after.slot, after.parity};
  });
  finite.again([&] { kernel.settleStores(place); },
               [&](IRMapping &mapping) {
                 const CudaItem item(op, mapping);
                 const WalkTiles tiles = tilesOf(item);
                 addKeyGradsByPairs(kernel, op, item, tiles, {keyRow(item, 0), 2, place.column});
                 if (!querySum)
                   return;
                 Value warp = e.add(e.mul(place.group, 4), place.warp);
                 Value number = e.add(e.mul(warp, 8), e.div(place.lane, 4));
                 addSpecialKeysByPairs(kernel, op, item, tiles,
                                       {number, 32 * schedule.groups, place.column});
               });
}

Ring KeyGrad::consumeItem(const CudaItem &item, Ring ring, Ring keyRing,
                          const FiniteItems &finite) {
  const size_t nKey = keyTile.columns / 2, nValue = valueTile.columns / 2;
  if (haveNoTiles(walks)) {
    end(item, keyRing.slot, {Values(nKey, e.f(0)), Values(nValue, e.f(0))}, e.no(), finite);
    return ring;
  }
  WalkTiles tiles = tilesOf(item);
  Value zero = e.i(0), firstKey = e.mul(item.tile, schedule.keyRows());
  WalkTiles::Own own{{keyRow(item, 0), keyRow(item, 1)}, true, {}, {}};
  Value keyCount = rowCount(e, op.getView(), item.residue, key.positions());
  own.existing = keyCount;
  own.wholeTile =
      e.compare(arith::CmpIPredicate::sle, e.add(firstKey, schedule.keyRows()), keyCount);

  e.wait(slotted(keysFull, keyRing.slot, 8), keyRing.parity);
  if (!bringsOnly(key, op.getView(), schedule.keyRows())) {
    Value existing = e.max(e.sub(keyCount, firstKey), zero);
    e.ifThen(e.less(existing, e.i(schedule.keyRows())), [&] {
      Value thread = e.add(e.mul(place.group, 128), place.thread);
      keyTile.clear(e, slotted(keys, keyRing.slot, keyTile.bytes()), existing, thread,
                    128 * schedule.groups);
      valueTile.clear(e, slotted(values, keyRing.slot, valueTile.bytes()), existing, thread,
                      128 * schedule.groups);
      syncAllGroups();
    });
  }

  // Queries that do not meet a key have 0 times it in their sums.
  Value hasSpecialKey = e.no();
  if (querySum) {
    Value thread = e.add(e.mul(place.group, 128), place.thread);
    const SharedRows all{slotted(keys, keyRing.slot, keyTile.bytes()), 1,
                         keyTile.bytes() / e.elementBytes(), keyTile.bytes()};
    hasSpecialKey = e.syncAny(e.i(1 + schedule.groups), 128 * schedule.groups,
                              haveSpecial(e, all, thread, 128 * schedule.groups));
  }

  auto clear = [&](Value number, const CudaTensor &tensor, const SharedTile &tile, Value address) {
    Value thread = e.add(e.mul(place.group, 128), place.thread);
    kernel.clearMissing(tiles, number, tensor, tile, address, thread, 128 * schedule.groups,
                        [&] { syncAllGroups(); });
  };
  auto consumeTile = [&](const CudaItem &item, Value number, Ring at, Sums &sums) {
    Value queryAt = slotted(queries, at.slot, queryTile.bytes());
    Value gradAt = slotted(grads, at.slot, gradTile.bytes());
    e.wait(slotted(queryFull, at.slot, 8), at.parity);
    clear(number, query, queryTile, queryAt);
    Values score = e.product(schedule.queryRows,
                             keyTile.operand(e, ownRows(keys, keyTile, keyRing.slot), false),
                             queryTile.operand(e, queryAt, false));
    e.wait(slotted(gradFull, at.slot, 8), at.parity);
    clear(number, outputGrad, gradTile, gradAt);
    Values grad = e.product(schedule.queryRows,
                            valueTile.operand(e, ownRows(values, valueTile, keyRing.slot), false),
                            gradTile.operand(e, gradAt, false));
    e.wait(slotted(rowsFull, at.slot, 8), at.parity);
    score = e.waitProducts(1, score);
    Values weights = probabilities(tiles.masked(number, own, {place.column}, score), at.slot);
    sums.value = e.product(gradTile.columns, e.fragments(weights),
                           gradTile.operand(e, gradAt, true), sums.value);
    grad = e.waitProducts(1, grad);
    Values gradients = scoreGrads(weights, grad, at.slot);
    if (querySum) // are added up tile by tile, and nobody looks at them then
      gradients = tiles.masked(number, own, {place.column}, gradients, 0);
    auto gradFragments = e.fragments(gradients);
    if (querySum)
      writeScoreGrads(gradFragments, at.slot);
    e.arrive(slotted(rowsEmpty, at.slot, 8));
    Values querySums;
    if (querySum) {
      e.fenceShared();
      syncAllGroups();
      querySums = queryProducts(at.slot, keyRing.slot);
    }
    sums.key =
        e.product(queryTile.columns, gradFragments, queryTile.operand(e, queryAt, true), sums.key);
    sums.value = e.waitProducts(querySum ? 2 : 1, sums.value);
    release(gradEmpty, at.slot);
    if (querySum) {
      querySums = e.waitProducts(1, querySums);
      e.ifElse(
          hasSpecialKey, [] {}, [&] { addQueryGrads(item, tiles, number, querySums); });
    }
    sums.key = e.waitProducts(0, sums.key);
    release(queryEmpty, at.slot);
  };

  auto sumsOf = [&](ValueRange all) {
    return Sums{Values(all.take_front(nKey)), Values(all.slice(nKey, nValue))};
  };
  Values carried(nKey + nValue, e.f(0));
  carried.append({ring.slot, ring.parity});
  auto consumeOne = [&](const CudaItem &item, Value t, ValueRange all) {
    Ring at{all[all.size() - 2], all.back()}, after = next(e, at, schedule.stages);
    Sums sums = sumsOf(all);
    consumeTile(item, t, at, sums);
    Values result = sums.key;
    result.append(sums.value);
    result.append({after.slot, after.parity});
    return result;
  };
  Values done = eachTile(item, tiles, carried, consumeOne);
  end(item, keyRing.slot, sumsOf(done), hasSpecialKey, finite);
  return {done[done.size() - 2], done.back()};
}

// A lane's values 4j + 2h + k are of its key h and the query 8j + column + k.
Values KeyGrad::probabilities(const Values &scores, Value slot) {
  Value factor = e.f(op.getScale().convertToFloat() * std::numbers::log2e_v<float>);
  Value rows = e.add(slotted(logsumexps, slot, schedule.queryRows * 4), e.mul(place.column, 4));
  Values result(scores.size());
  for (size_t k = 0; k < scores.size(); k += 4) {
    auto [low, high] = e.loadPair(e.add(rows, 8 * int64_t(k)));
    for (size_t j = 0; j < 4; ++j)
      result[k + j] = e.exp2(e.fma(scores[k + j], factor, j % 2 ? high : low));
  }
  return result;
}

Values KeyGrad::scoreGrads(const Values &probabilities, const Values &grads, Value slot) {
  Value rows = e.add(slotted(deltas, slot, schedule.queryRows * 4), e.mul(place.column, 4));
  Values result(grads.size());
  for (size_t k = 0; k < grads.size(); k += 4) {
    auto [low, high] = e.loadPair(e.add(rows, 8 * int64_t(k)));
    for (size_t j = 0; j < 4; ++j)
      result[k + j] = e.mulf(probabilities[k + j], e.subf(grads[k + j], j % 2 ? high : low));
  }
  return result;
}

// Transposed: rows are queries, and each warpgroup's 64 keys are a panel.
void KeyGrad::writeScoreGrads(const CudaEmitter::Fragments &fragments, Value slot) {
  Value base =
      e.add(slotted(scores, slot, scoreTile.bytes()), e.mul(place.group, scoreTile.panelBytes()));
  Value low = e.band(place.lane, 7), eighth = e.div(place.lane, 8);
  Value row = e.add(low, e.mul(e.div(eighth, 2), 8));
  Value chunk = e.bxor(e.add(e.mul(place.warp, 2), e.band(eighth, 1)), low);
  Value at = e.add(e.add(base, e.mul(row, scoreTile.rowBytes())), e.mul(chunk, 16));
  for (auto [k, fragment] : llvm::enumerate(fragments))
    e.storeMatrix(e.add(at, 16 * int64_t(k) * scoreTile.rowBytes()), fragment, /*transposed=*/true);
}

Values KeyGrad::queryProducts(Value slot, Value keySlot) {
  Value scoresAt = slotted(scores, slot, scoreTile.bytes());
  Value keysAt = slotted(keys, keySlot, keyTile.bytes());
  if (part.byRows)
    scoresAt = e.add(scoresAt, e.mul(place.group, 64 * scoreTile.rowBytes()));
  else
    keysAt = e.add(keysAt, e.mul(place.group, part.first / keyTile.panel() * keyTile.panelBytes()));
  return e.product(part.columns, scoreTile.operand(e, scoresAt, false),
                   keyTile.operand(e, keysAt, true));
}

void KeyGrad::addQueryGrads(const CudaItem &item, const WalkTiles &tiles, Value number,
                            const Values &sums) {
  // Panels of 32 floats, 64 rows each.
  constexpr int64_t panel = 32, panelBytes = 64 * 128;
  Value firstColumn = part.byRows ? e.i(0) : e.mul(place.group, part.first);
  Value base = e.add(shared(sumTiles), e.mul(place.group, 64 * part.columns * 4));
  // Columns that both warpgroups computed are the first one's.
  auto isOwn = [&](Value column) {
    return e.b.createOrFold<arith::OrIOp>(
        e.equal(place.group, 0), e.compare(arith::CmpIPredicate::sge, column, e.i(part.columns)));
  };
  const bool overlap = !part.byRows && part.first < part.columns;
  auto firstRow = [&](Value row) {
    return part.byRows && schedule.groups == 2 ? e.add(row, e.mul(place.group, 64)) : row;
  };
  auto wholeRows = [&](tile::ViewAttr view) {
    return rowsOfWholePeriods(querySum->positions(), view);
  };
  auto hasWhole = [&](tile::WalkOp walk) {
    return wholeRows(walk.getView()).constant().value_or(1) > 0;
  };
  if (llvm::any_of(walks, hasWhole)) {
    ifLeader([&] { e.waitStores(0); });
    syncGroup();
    // Row and chunk of 16 bytes as the swizzle wants them; columns as in sumColumn.
    Value row = e.add(e.mul(place.warp, 16), e.div(place.lane, 4)), swizzle = e.div(place.lane, 4);
    Value at = e.add(base, e.mul(row, 128)), lanePair = e.mul(e.band(place.lane, 3), 2);
    for (size_t k = 0; k < sums.size(); k += 8) {
      int64_t column = 2 * int64_t(k);
      Value chunk = e.bxor(e.add(lanePair, column % panel / 16), swizzle);
      Value to = e.add(e.add(at, e.mul(chunk, 16)), column / panel * panelBytes);
      e.storeQuad({sums[k], sums[k + 1], sums[k + 4], sums[k + 5]}, to);
      e.storeQuad({sums[k + 2], sums[k + 3], sums[k + 6], sums[k + 7]}, e.add(to, 8 * 128));
    }
    e.fenceShared();
    syncGroup();
  }
  tiles.byWalk(number, [&](unsigned walk, Value first) {
    tile::ViewAttr view = tiles.view(walk);
    Value residue = tiles.residueOf(walk);
    auto addBoxes = [&] {
      ifLeader([&] {
        Value map = kernel.map(kernel.maps.get(*querySum, view, 64, panel));
        for (int64_t c = 0; c < part.columns; c += panel) {
          auto add = [&] {
            auto at = boxCoordinates(e, view, firstRow(first), 0, residue, item.head, item.batch);
            at[0] = e.add(firstColumn, c);
            Value from = e.add(base, c / panel * panelBytes);
            op.getBegin() ? e.storeTile(map, from, at) : e.addTile(map, from, at);
          };
          overlap ? e.ifThen(isOwn(e.add(firstColumn, c)), add) : add();
        }
        e.commitStores();
      });
    };
    auto addElements = [&] {
      Value count = rowCount(e, view, residue, querySum->positions());
      for (int h = 0; h < 2; ++h) {
        Value row = e.add(firstRow(first),
                          e.add(e.add(e.mul(place.warp, 16), e.div(place.lane, 4)), 8 * h));
        e.ifThen(e.less(row, count), [&] {
          Value position = rowPosition(e, view, residue, row);
          for (size_t k = 0; k < sums.size(); k += 4)
            for (int j = 0; j < 2; ++j) {
              Value column = e.add(e.add(firstColumn, place.column), 2 * int64_t(k) + j);
              auto add = [&] {
                Value to = kernel.elementAddress(*querySum, position, item, sumColumn(e, column));
                op.getBegin() ? void(LLVM::StoreOp::create(e.b, sums[k + 2 * h + j], to))
                              : e.addGlobal(to, sums[k + 2 * h + j]);
              };
              overlap ? e.ifThen(isOwn(column), add) : add();
            }
        });
      }
    };
    if (endsExactly(*querySum, view))
      return addBoxes();
    // In the period that is cut off a box would add to rows that are not the view's.
    Value isWhole =
        e.compare(arith::CmpIPredicate::sle, e.add(firstRow(first), 64), wholeRows(view).narrow(e));
    e.ifElse(isWhole, addBoxes, addElements);
  });
}

// The results take the places of the keys and values, which nobody reads any more.
void KeyGrad::end(const CudaItem &item, Value keySlot, Sums sums, Value hasSpecialKey,
                  const FiniteItems &finite) {
  if (querySum) // whose products take the keys of both warpgroups
    syncAllGroups();
  Value count = rowCount(e, op.getView(), item.residue, key.positions());
  const std::array exist = {e.less(keyRow(item, 0), count), e.less(keyRow(item, 1), count)};
  Value isSpecial = e.either(haveSpecial(e, sums.key, exist), haveSpecial(e, sums.value, exist));
  Value stores = finite.stores(e.either(hasSpecialKey, isSpecial),
                               [&](Value is) { return e.syncAny(e.add(place.group, 1), 128, is); });
  auto write = [&](const CudaTensor &tensor, const SharedTile &tile, int64_t place, Values sums,
                   float scale) {
    kernel.writeGradient({tensor, op.getView(), item.ofKeys(), scale, op.getResume()}, this->place,
                         tile, ownRows(place, tile, keySlot), std::move(sums), stores);
  };
  write(valueGrad, valueTile, values, std::move(sums.value), 1);
  write(keyGrad, keyTile, keys, std::move(sums.key), op.getScale().convertToFloat());
  ifLeader([&] { e.waitStores(0); });
  release(keysEmpty, keySlot);
}

LogicalResult stc::lowerWgmmaKeyGrad(tile::KernelOp kernel, tile::AttentionKeyGradOp op,
                                     const WgmmaKeyGradSchedule &schedule) {
  KeyGrad(kernel, op, schedule).run();
  return success();
}
