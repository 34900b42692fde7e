//===- HopperBackward.cpp - the gradient of attention by tiles of keys on sm_90a ------===//
//
// A block keeps a tile of keys and values; one warp copies the tiles of queries and output
// gradients that meet it, another their log-sum-exps and deltas. Each computing warpgroup has 64
// keys. Scores are computed transposed, S^T = K Q^T and dP^T = V dO^T, so that P^T and dS^T stand
// in registers as operands of dV += P^T dO and dK += dS^T Q. dS goes through shared memory for dQ =
// dS K, which is added to the sums in memory. The order of the five products is FlashAttention-3's
// (arXiv 2407.08608, Appendix B.1).
//
//===----------------------------------------------------------------------===//

#include "compiler/Conversion/TileToCuda/HopperKernel.h"
#include "compiler/Conversion/TileToCuda/TileToCuda.h"

#include <numbers>

using namespace mlir;
using namespace stc;

namespace {
using Values = CudaEmitter::Values;

/// The log-sum-exp of a row that does not exist: its probabilities are 0.
constexpr float kMissingRow = 1e30f;

class Backward {
public:
  Backward(tile::KernelOp kernel, tile::AttentionKeyGradOp op, const HopperGradSchedule &schedule)
      : op(op), schedule(schedule), kernel(kernel, op.getQuery().getType().getElementType()),
        e(this->kernel.emitter()), walks(op.getWalkOps()), query(op.getQuery()), key(op.getKey()),
        value(op.getValue()), outputGrad(op.getOutputGrad()), logsumexp(op.getLogsumexp()),
        delta(op.getDelta()), querySum(op.getQuerySum()), keyGrad(op.getKeyGrad()),
        valueGrad(op.getValueGrad()), queryTile{schedule.queryRows, paddedHead(op.getQuerySize())},
        gradTile{schedule.queryRows, paddedHead(op.getValueSize())},
        keyTile{schedule.keyRows(), paddedHead(op.getQuerySize())},
        valueTile{schedule.keyRows(), paddedHead(op.getValueSize())}, scoreTile{
                                                                          schedule.queryRows,
                                                                          schedule.keyRows()} {}

  void run();

private:
  WalkTiles tilesOf(const HopperItem &item) {
    return {e, walks, item.residue, item.tile, schedule.queryRows};
  }
  Value shared(int64_t offset) { return kernel.shared(offset); }
  Value slotted(int64_t offset, Value slot, int64_t bytes) {
    return kernel.slotted(offset, slot, bytes);
  }
  Value keyRow(const HopperItem &item, int64_t half) {
    return e.add(e.mul(item.tile, schedule.keyRows()), e.add(place.row, 8 * half));
  }
  /// This warpgroup's 64 rows of a tile of keys.
  Value ownRows(int64_t offset, const SharedTile &tile) {
    return e.add(shared(offset), e.mul(place.group, 64 * tile.rowBytes()));
  }
  void syncGroup() { e.syncThreads(e.add(place.group, 1), 128); }
  void syncAllGroups() { e.syncThreads(e.i(1 + schedule.groups), 128 * schedule.groups); }
  void ifLeader(function_ref<void()> body) { e.ifThen(e.equal(place.thread, 0), body); }
  void release(int64_t barrier) {
    ifLeader([&] { e.arrive(shared(barrier)); });
  }
  void release(int64_t barrier, Value slot) {
    ifLeader([&] { e.arrive(slotted(barrier, slot, 8)); });
  }

  void produceTiles();
  void produceRows();
  void consume();
  Ring consumeItem(const HopperItem &item, Ring ring, Value keyParity);

  /// Key and value gradients of 64 keys.
  struct Sums {
    Values key, value;
  };
  void consumeTile(const HopperItem &item, const WalkTiles &tiles, const WalkTiles::Own &own,
                   Value number, Ring at, Sums &sums);
  Values probabilities(const Values &scores, Value slot);
  Values scoreGrads(const Values &probabilities, const Values &grads, Value slot);
  void writeScoreGrads(const CudaEmitter::Fragments &fragments, Value slot);
  void addQueryGrads(const HopperItem &item, const WalkTiles &tiles, Value number,
                     const Values &sums);
  void end(const HopperItem &item, Sums sums);
  void write(const HopperItem &item, const CudaTensor &tensor, int64_t staging,
             const SharedTile &tile, Values sums, float scale);

  tile::AttentionKeyGradOp op;
  const HopperGradSchedule schedule;
  HopperKernel kernel;
  CudaEmitter &e;
  SmallVector<tile::WalkOp> walks;
  CudaTensor query, key, value, outputGrad, logsumexp, delta, querySum, keyGrad, valueGrad;
  SharedTile queryTile, gradTile, keyTile, valueTile, scoreTile;
  HopperPlace place;

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
};
} // namespace

void Backward::run() {
  const int64_t stages = schedule.stages;
  part.byRows = schedule.queryRows == 128 || schedule.groups == 1;
  part.columns =
      part.byRows ? queryTile.columns : llvm::alignTo(queryTile.columns / 2, queryTile.panel());
  part.first = queryTile.columns - part.columns;

  SharedPlan plan;
  keys = plan.add(keyTile.bytes());
  values = plan.add(valueTile.bytes());
  queries = plan.add(stages * queryTile.bytes());
  grads = plan.add(stages * gradTile.bytes());
  scores = plan.add(stages * scoreTile.bytes());
  sumTiles = plan.add(schedule.groups * 64 * part.columns * 4);
  logsumexps = plan.add(stages * schedule.queryRows * 4);
  deltas = plan.add(stages * schedule.queryRows * 4);
  int64_t barriers = plan.add((2 + 6 * stages) * 8);
  keysFull = barriers, keysEmpty = barriers + 8;
  queryFull = barriers + 16, queryEmpty = queryFull + 8 * stages;
  gradFull = queryEmpty + 8 * stages, gradEmpty = gradFull + 8 * stages;
  rowsFull = gradEmpty + 8 * stages, rowsEmpty = rowsFull + 8 * stages;

  Value thread = e.threadId(schedule.threads());
  Value group = e.uniform(e.div(thread, 128));
  e.ifThen(e.equal(thread, 0), [&] {
    e.initBarrier(shared(keysFull), 1);
    e.initBarrier(shared(keysEmpty), schedule.groups);
    for (int64_t k = 0; k < stages; ++k) {
      for (int64_t barrier : {queryFull, gradFull})
        e.initBarrier(shared(barrier + 8 * k), 1);
      e.initBarrier(shared(rowsFull + 8 * k), 32);
      for (int64_t barrier : {queryEmpty, gradEmpty, rowsEmpty})
        e.initBarrier(shared(barrier + 8 * k), schedule.groups);
    }
    e.fenceInit();
  });
  e.syncAll();
  place = HopperPlace(e, thread, group);
  e.ifElse(
      e.equal(group, 0),
      [&] {
        e.setRegisters(schedule.copyRegisters(), /*increase=*/false);
        Value warp = e.uniform(e.div(thread, 32));
        e.ifThen(e.equal(warp, 0), [&] { e.ifThen(e.electOne(), [&] { produceTiles(); }); });
        e.ifThen(e.equal(warp, 1), [&] { produceRows(); });
      },
      [&] {
        e.setRegisters(schedule.computeRegisters(), /*increase=*/true);
        consume();
      });
  kernel.finish(schedule.threads(), plan.bytes());
}

void Backward::produceTiles() {
  Value zero = e.i(0);
  kernel.eachItem({zero, zero, zero}, [&](IRMapping &mapping, ValueRange carried) {
    HopperItem item(op, mapping);
    Value keyParity = carried[2], firstKey = e.mul(item.tile, schedule.keyRows());
    e.wait(shared(keysEmpty), e.bxor(keyParity, 1));
    e.expectBytes(shared(keysFull), e.i(keyTile.bytes() + valueTile.bytes()));
    kernel.copy(shared(keys), keyTile, key, op.getView(), firstKey, item, shared(keysFull));
    kernel.copy(shared(values), valueTile, value, op.getView(), firstKey, item, shared(keysFull));
    WalkTiles tiles = tilesOf(item);
    Ring ring = kernel.copyTiles(tiles, item, {carried[0], carried[1]}, schedule.stages,
                                 {{query, queryTile, queries, queryFull, queryEmpty},
                                  {outputGrad, gradTile, grads, gradFull, gradEmpty}});
    return Values{ring.slot, ring.parity, e.bxor(keyParity, 1)};
  });
}

// Rows of a view lie anywhere, so that these few numbers go through registers.
void Backward::produceRows() {
  Value zero = e.i(0);
  kernel.eachItem({zero, zero}, [&](IRMapping &mapping, ValueRange carried) {
    HopperItem item(op, mapping);
    WalkTiles tiles = tilesOf(item);
    return e.loop(zero, tiles.count, e.i(1), carried, [&](Value t, ValueRange r) {
      Ring at{r[0], r[1]};
      e.wait(slotted(rowsEmpty, at.slot, 8), e.bxor(at.parity, 1));
      tiles.byWalk(t, [&](unsigned walk, Value first) {
        tile::ViewAttr view = tiles.view(walk);
        Value count = rowCount(e, view, item.residue, query.positions());
        for (int64_t k = 0; k < schedule.queryRows; k += 32) {
          Value row = e.add(e.add(first, k), place.lane);
          auto both = e.choose(
              e.less(row, count), {e.f32, e.f32},
              [&] {
                Value position = rowPosition(e, view, item.residue, row);
                auto load = [&](const CudaTensor &tensor) -> Value {
                  return LLVM::LoadOp::create(
                      e.b, e.f32, kernel.address(tensor, item.batch, item.head, position));
                };
                return Values{e.mulf(load(logsumexp), e.f(-std::numbers::log2e_v<float>)),
                              load(delta)};
              },
              [&] {
                return Values{e.f(-kMissingRow), e.f(0)};
              });
          Value at4 = e.mul(e.add(place.lane, k), 4);
          e.storeShared(both[0], e.add(slotted(logsumexps, at.slot, schedule.queryRows * 4), at4));
          e.storeShared(both[1], e.add(slotted(deltas, at.slot, schedule.queryRows * 4), at4));
        }
      });
      e.arrive(slotted(rowsFull, at.slot, 8));
      Ring after = next(e, at, schedule.stages);
      return Values{after.slot, after.parity};
    });
  });
}

void Backward::consume() {
  Value zero = e.i(0);
  kernel.eachItem({zero, zero, zero}, [&](IRMapping &mapping, ValueRange carried) {
    Ring ring = consumeItem(HopperItem(op, mapping), {carried[0], carried[1]}, carried[2]);
    return Values{ring.slot, ring.parity, e.bxor(carried[2], 1)};
  });
  ifLeader([&] { e.waitStores(0); });
}

Ring Backward::consumeItem(const HopperItem &item, Ring ring, Value keyParity) {
  WalkTiles tiles = tilesOf(item);
  Value zero = e.i(0), firstKey = e.mul(item.tile, schedule.keyRows());
  WalkTiles::Own own{{keyRow(item, 0), keyRow(item, 1)}, true, {}, {}};
  Value keyCount = rowCount(e, op.getView(), item.residue, key.positions());
  own.existing = keyCount;
  own.wholeTile =
      e.compare(arith::CmpIPredicate::sle, e.add(firstKey, schedule.keyRows()), keyCount);

  e.wait(shared(keysFull), keyParity);
  if (!endsExactly(key, op.getView())) {
    Value existing = e.max(e.sub(keyCount, firstKey), zero);
    e.ifThen(e.less(existing, e.i(schedule.keyRows())), [&] {
      Value thread = e.add(e.mul(place.group, 128), place.thread);
      keyTile.clear(e, shared(keys), existing, thread, 128 * schedule.groups);
      valueTile.clear(e, shared(values), existing, thread, 128 * schedule.groups);
      syncAllGroups();
    });
  }

  Values carried(keyTile.columns / 2 + valueTile.columns / 2, e.f(0));
  carried.append({ring.slot, ring.parity});
  const size_t keyValues = keyTile.columns / 2, valueValues = valueTile.columns / 2;
  auto sumsOf = [&](ValueRange all) {
    return Sums{Values(all.take_front(keyValues)), Values(all.slice(keyValues, valueValues))};
  };
  Values done = e.loop(zero, tiles.count, e.i(1), carried, [&](Value t, ValueRange all) {
    Sums sums = sumsOf(all);
    Ring at{all[all.size() - 2], all.back()};
    consumeTile(item, tiles, own, t, at, sums);
    Ring after = next(e, at, schedule.stages);
    Values result = sums.key;
    result.append(sums.value);
    result.append({after.slot, after.parity});
    return result;
  });
  end(item, sumsOf(done));
  return {done[done.size() - 2], done.back()};
}

void Backward::consumeTile(const HopperItem &item, const WalkTiles &tiles,
                           const WalkTiles::Own &own, Value number, Ring at, Sums &sums) {
  const Value queryAt = slotted(queries, at.slot, queryTile.bytes());
  const Value gradAt = slotted(grads, at.slot, gradTile.bytes());
  const Value thread = e.add(e.mul(place.group, 128), place.thread);
  auto clear = [&](const CudaTensor &tensor, const SharedTile &tile, Value address) {
    tiles.clearMissing(number, tensor, tile, address, thread, 128 * schedule.groups,
                       [&] { syncAllGroups(); });
  };
  e.wait(slotted(queryFull, at.slot, 8), at.parity);
  clear(query, queryTile, queryAt);
  Values score = e.product(schedule.queryRows, keyTile.operand(e, ownRows(keys, keyTile), false),
                           queryTile.operand(e, queryAt, false));
  e.wait(slotted(gradFull, at.slot, 8), at.parity);
  clear(outputGrad, gradTile, gradAt);
  Values grad =
      e.product(schedule.queryRows, valueTile.operand(e, ownRows(values, valueTile), false),
                gradTile.operand(e, gradAt, false));
  e.wait(slotted(rowsFull, at.slot, 8), at.parity);
  score = e.waitProducts(1, score);
  Values weights = probabilities(tiles.masked(number, own, place.column, score), at.slot);
  auto weightFragments = e.fragments(weights);
  grad = e.waitProducts(0, grad);
  auto gradFragments = e.fragments(scoreGrads(weights, grad, at.slot));
  writeScoreGrads(gradFragments, at.slot);
  sums.value =
      e.product(gradTile.columns, weightFragments, gradTile.operand(e, gradAt, true), sums.value);
  e.fenceShared();
  syncAllGroups();
  release(rowsEmpty, at.slot); // only now all warps have read them

  Value scoresAt = slotted(scores, at.slot, scoreTile.bytes()), keysAt = shared(keys);
  if (part.byRows)
    scoresAt = e.add(scoresAt, e.mul(place.group, 64 * scoreTile.rowBytes()));
  else
    keysAt = e.add(keysAt, e.mul(place.group, part.first / keyTile.panel() * keyTile.panelBytes()));
  Values querySums = e.product(part.columns, scoreTile.operand(e, scoresAt, false),
                               keyTile.operand(e, keysAt, true));
  sums.value = e.waitProducts(1, sums.value);
  release(gradEmpty, at.slot);
  sums.key =
      e.product(queryTile.columns, gradFragments, queryTile.operand(e, queryAt, true), sums.key);
  querySums = e.waitProducts(1, querySums);
  addQueryGrads(item, tiles, number, querySums);
  sums.key = e.waitProducts(0, sums.key);
  release(queryEmpty, at.slot);
}

// A lane's values 4j + 2h + k are of its key h and the query 8j + column + k.
Values Backward::probabilities(const Values &scores, Value slot) {
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

Values Backward::scoreGrads(const Values &probabilities, const Values &grads, Value slot) {
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
void Backward::writeScoreGrads(const CudaEmitter::Fragments &fragments, Value slot) {
  Value base =
      e.add(slotted(scores, slot, scoreTile.bytes()), e.mul(place.group, scoreTile.panelBytes()));
  Value low = e.band(place.lane, 7), eighth = e.div(place.lane, 8);
  Value row = e.add(low, e.mul(e.div(eighth, 2), 8));
  Value chunk = e.bxor(e.add(e.mul(place.warp, 2), e.band(eighth, 1)), low);
  Value at = e.add(e.add(base, e.mul(row, scoreTile.rowBytes())), e.mul(chunk, 16));
  for (auto [k, fragment] : llvm::enumerate(fragments))
    e.storeMatrix(e.add(at, 16 * int64_t(k) * scoreTile.rowBytes()), fragment, /*transposed=*/true);
}

void Backward::addQueryGrads(const HopperItem &item, const WalkTiles &tiles, Value number,
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
  auto exact = [&](tile::WalkOp walk) { return endsExactly(querySum, walk.getView()); };
  if (llvm::any_of(walks, exact)) {
    ifLeader([&] { e.waitStores(0); });
    syncGroup();
    Value row = e.add(e.mul(place.warp, 16), e.div(place.lane, 4));
    Value swizzle = e.div(place.lane, 4), half = e.div(e.band(place.lane, 3), 2);
    Value at = e.add(e.add(base, e.mul(row, 128)), e.mul(e.band(place.lane, 1), 8));
    for (size_t k = 0; k < sums.size(); k += 4) {
      int64_t column = 2 * int64_t(k);
      Value chunk = e.bxor(e.add(half, column % panel / 4), swizzle);
      Value to = e.add(e.add(at, e.mul(chunk, 16)), column / panel * panelBytes);
      e.storePair(sums[k], sums[k + 1], to);
      e.storePair(sums[k + 2], sums[k + 3], e.add(to, 8 * 128));
    }
    e.fenceShared();
    syncGroup();
  }
  tiles.byWalk(number, [&](unsigned walk, Value first) {
    tile::ViewAttr view = tiles.view(walk);
    if (exact(walks[walk]))
      return ifLeader([&] {
        Value map = kernel.map(kernel.maps.get(querySum, view, 64, panel));
        for (int64_t c = 0; c < part.columns; c += panel) {
          auto add = [&] {
            auto at =
                boxCoordinates(e, view, firstRow(first), 0, item.residue, item.head, item.batch);
            at[0] = e.add(firstColumn, c);
            e.addTile(map, e.add(base, c / panel * panelBytes), at);
          };
          overlap ? e.ifThen(isOwn(e.add(firstColumn, c)), add) : add();
        }
        e.commitStores();
      });
    // A box would add to rows that are not the view's.
    Value count = rowCount(e, view, item.residue, querySum.positions());
    for (int h = 0; h < 2; ++h) {
      Value row =
          e.add(firstRow(first), e.add(e.add(e.mul(place.warp, 16), e.div(place.lane, 4)), 8 * h));
      e.ifThen(e.less(row, count), [&] {
        Value position = rowPosition(e, view, item.residue, row);
        for (size_t k = 0; k < sums.size(); k += 4)
          for (int j = 0; j < 2; ++j) {
            Value column = e.add(e.add(firstColumn, place.column), 2 * int64_t(k) + j);
            Value is = e.less(column, e.i(querySum.size()));
            if (overlap)
              is = e.both(is, isOwn(column));
            e.ifThen(is, [&] {
              e.addGlobal(kernel.elementAddress(querySum, position, item, column),
                          sums[k + 2 * h + j]);
            });
          }
      });
    }
  });
}

void Backward::end(const HopperItem &item, Sums sums) {
  syncAllGroups(); // nobody reads the keys and values any more, whose places take the results
  write(item, valueGrad, values, valueTile, std::move(sums.value), 1);
  write(item, keyGrad, keys, keyTile, std::move(sums.key), op.getScale().convertToFloat());
  ifLeader([&] { e.waitStores(0); });
  release(keysEmpty);
}

void Backward::write(const HopperItem &item, const CudaTensor &tensor, int64_t staging,
                     const SharedTile &tile, Values sums, float scale) {
  Value count = rowCount(e, op.getView(), item.residue, tensor.positions());
  auto position = [&](int h) {
    return rowPosition(e, op.getView(), item.residue, keyRow(item, h));
  };
  for (Value &sum : sums)
    sum = scale == 1 ? sum : e.mulf(sum, e.f(scale));
  if (op.getResume())
    for (int h = 0; h < 2; ++h) {
      Values before = e.choose(
          e.less(keyRow(item, h), count), SmallVector<Type>(sums.size() / 2, e.f32),
          [&] { return kernel.loadRow(tensor, position(h), item, place, tile.columns); },
          [&] { return Values(sums.size() / 2, e.f(0)); });
      for (size_t k = 0; k < before.size(); ++k) {
        Value &sum = sums[k / 2 * 4 + 2 * h + k % 2];
        sum = e.addf(sum, before[k]);
      }
    }
  auto fragments = e.fragments(sums);
  if (!endsExactly(tensor, op.getView())) {
    for (int h = 0; h < 2; ++h)
      e.ifThen(e.less(keyRow(item, h), count),
               [&] { kernel.storeRow(tensor, position(h), item, place, fragments, h); });
    return;
  }
  Value at = ownRows(staging, tile);
  tile.write(e, at, place, fragments);
  e.fenceShared();
  syncGroup();
  ifLeader([&] {
    Value first = e.add(e.mul(item.tile, schedule.keyRows()), e.mul(place.group, 64));
    kernel.store(at, tile, tensor, op.getView(), first, item);
    e.commitStores();
  });
}

LogicalResult stc::lowerHopperBackward(tile::KernelOp kernel, tile::AttentionKeyGradOp op,
                                       const HopperGradSchedule &schedule) {
  Backward(kernel, op, schedule).run();
  return success();
}
