//===- HopperForward.cpp - attention of query tiles on sm_90a -------------===//
//
// One warpgroup copies tiles of keys and values into a ring by the copy engine, the others compute,
// 64 queries each. In the inner loop the scores of the next tile are in the tensor cores while the
// softmax of this one runs, as in FlashAttention-3 (arXiv 2407.08608, Sec. 3.2). A block takes
// items in turn; copies of the next item start while the last one still computes. All walks of an
// item are one sequence of tiles and one online softmax; only tiles at the edges of a walk are
// masked.
//
//===----------------------------------------------------------------------===//

#include "compiler/Conversion/TileToCuda/HopperKernel.h"
#include "compiler/Conversion/TileToCuda/TileToCuda.h"

#include <cmath>
#include <numbers>

using namespace mlir;
using namespace stc;

namespace {
using Values = CudaEmitter::Values;

/// Tiles of queries in flight: the next item's comes while this one's is in use.
constexpr int64_t kQueryStages = 2;

class Forward {
public:
  Forward(tile::KernelOp kernel, tile::AttentionOp op, const HopperSchedule &schedule)
      : op(op), schedule(schedule), kernel(kernel, op.getQuery().getType().getElementType()),
        e(this->kernel.emitter()), walks(op.getWalkOps()), query(op.getQuery()), key(op.getKey()),
        value(op.getValue()),
        output(op.getOutput()), queryTile{schedule.queryRows(), paddedHead(op.getQuerySize())},
        keyTile{schedule.keyRows, paddedHead(op.getQuerySize())}, valueTile{schedule.keyRows,
                                                                            paddedHead(
                                                                                op.getValueSize())},
        outputTile{64, paddedHead(op.getValueSize())} {}

  void run();

private:
  Value shared(int64_t offset) { return kernel.shared(offset); }
  Value slotted(int64_t offset, Value slot, int64_t bytes) {
    return kernel.slotted(offset, slot, bytes);
  }

  void produce();
  void consume();
  Ring consumeItem(const HopperItem &item, Ring keys, Ring queries);

  HopperPlace place;

  Values scores(Value querySlot, Value keySlot);
  struct Softmax {
    Values maximum, sum; // of two rows
  };
  /// P for the scores; rescale factors of the rows into `rescale`.
  Values probabilities(const Values &scores, Softmax &state, Values &rescale);
  Values rescaled(const Values &sums, const Values &factors);
  void begin(const HopperItem &item, Softmax &state, Values &sums);
  void end(const HopperItem &item, const Softmax &state, Values sums);
  Value queryRow(const HopperItem &item, int64_t half) {
    return e.add(e.mul(item.tile, schedule.queryRows()), e.add(place.row, 8 * half));
  }

  tile::AttentionOp op;
  const HopperSchedule schedule;
  HopperKernel kernel;
  CudaEmitter &e;
  SmallVector<tile::WalkOp> walks;
  CudaTensor query, key, value, output;
  SharedTile queryTile, keyTile, valueTile, outputTile;

  // Shared memory: tiles, then barriers.
  int64_t queries = 0, keys = 0, values = 0, outputs = 0;
  int64_t queryFull = 0, queryEmpty = 0, keyFull = 0, keyEmpty = 0, valueFull = 0, valueEmpty = 0;
};
} // namespace

void Forward::run() {
  SharedPlan plan;
  const int64_t stages = schedule.stages;
  queries = plan.add(kQueryStages * queryTile.bytes());
  keys = plan.add(stages * keyTile.bytes());
  values = plan.add(stages * valueTile.bytes());
  outputs = plan.add(schedule.groups * outputTile.bytes());
  int64_t barriers = plan.add((2 * kQueryStages + 4 * stages) * 8);
  queryFull = barriers, queryEmpty = queryFull + 8 * kQueryStages;
  keyFull = queryEmpty + 8 * kQueryStages, keyEmpty = keyFull + 8 * stages;
  valueFull = keyEmpty + 8 * stages, valueEmpty = valueFull + 8 * stages;

  Value thread = e.threadId(schedule.threads());
  Value group = e.uniform(e.div(thread, 128));
  e.ifThen(e.equal(thread, 0), [&] {
    for (int64_t k = 0; k < kQueryStages; ++k) {
      e.initBarrier(shared(queryFull + 8 * k), 1);
      e.initBarrier(shared(queryEmpty + 8 * k), schedule.groups);
    }
    for (int64_t k = 0; k < stages; ++k)
      for (auto [full, empty] : {std::pair(keyFull, keyEmpty), std::pair(valueFull, valueEmpty)}) {
        e.initBarrier(shared(full + 8 * k), 1);
        e.initBarrier(shared(empty + 8 * k), schedule.groups);
      }
    e.fenceInit();
  });
  e.syncAll();
  place = HopperPlace(e, thread, group);
  e.ifElse(
      e.equal(group, 0),
      [&] {
        e.setRegisters(schedule.copyRegisters(), /*increase=*/false);
        e.ifThen(e.equal(e.uniform(e.div(thread, 32)), 0),
                 [&] { e.ifThen(e.electOne(), [&] { produce(); }); });
      },
      [&] {
        e.setRegisters(schedule.computeRegisters(), /*increase=*/true);
        consume();
      });
  kernel.finish(schedule.threads(), plan.bytes(), schedule.blocks());
}

void Forward::produce() {
  Value zero = e.i(0);
  kernel.eachItem({zero, zero, zero, zero}, [&](IRMapping &mapping, ValueRange carried) {
    HopperItem item(op, mapping);
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
  kernel.eachItem({zero, zero, zero, zero}, [&](IRMapping &mapping, ValueRange carried) {
    Ring at{carried[2], carried[3]}, after = next(e, at, kQueryStages);
    Ring ring = consumeItem(HopperItem(op, mapping), {carried[0], carried[1]}, at);
    return Values{ring.slot, ring.parity, after.slot, after.parity};
  });
  e.ifThen(e.equal(place.thread, 0), [&] { e.waitStores(0); });
}

Values Forward::scores(Value querySlot, Value keySlot) {
  Value at = slotted(queries, querySlot, queryTile.bytes());
  auto a = queryTile.operand(e, e.add(at, e.mul(place.group, 64 * queryTile.rowBytes())),
                             /*transposed=*/false);
  auto b = keyTile.operand(e, slotted(keys, keySlot, keyTile.bytes()), /*transposed=*/false);
  return e.product(schedule.keyRows, a, b);
}

// Rows 8 apart alternate in pairs: values 4j, 4j+1 are of the first, 4j+2, 4j+3 of the second.
Values Forward::probabilities(const Values &scores, Softmax &state, Values &rescale) {
  Value factor = e.f(op.getScale().convertToFloat() * std::numbers::log2e_v<float>);
  Value none = e.f(-std::numeric_limits<float>::infinity());
  Values shift(2);
  rescale.resize(2);
  for (int h = 0; h < 2; ++h) {
    Values row;
    for (auto [k, score] : llvm::enumerate(scores))
      if (int(k / 2 % 2) == h)
        row.push_back(score);
    while (row.size() > 1) { // as a tree
      Values half;
      for (size_t k = 0; k + 1 < row.size(); k += 2)
        half.push_back(e.maxf(row[k], row[k + 1]));
      if (row.size() % 2)
        half.push_back(row.back());
      row = half;
    }
    Value most = e.maxf(row[0], e.shuffle(row[0], 1));
    most = e.maxf(state.maximum[h], e.maxf(most, e.shuffle(most, 2)));
    // A row without a key so far: no difference of infinities.
    Value empty = arith::CmpFOp::create(e.b, arith::CmpFPredicate::OEQ, most, none);
    shift[h] = e.select(empty, e.f(0), e.negf(e.mulf(most, factor)));
    rescale[h] = e.exp2(e.fma(state.maximum[h], factor, shift[h]));
    state.maximum[h] = most;
  }
  Values result;
  for (auto [k, score] : llvm::enumerate(scores))
    result.push_back(e.exp2(e.fma(score, factor, shift[k / 2 % 2])));
  for (int h = 0; h < 2; ++h) {
    Value sum = e.mulf(state.sum[h], rescale[h]);
    for (auto [k, weight] : llvm::enumerate(result))
      if (int(k / 2 % 2) == h)
        sum = e.addf(sum, weight);
    state.sum[h] = sum;
  }
  return result;
}

Values Forward::rescaled(const Values &sums, const Values &factors) {
  Values result;
  for (auto [k, sum] : llvm::enumerate(sums))
    result.push_back(e.mulf(sum, factors[k / 2 % 2]));
  return result;
}

void Forward::begin(const HopperItem &item, Softmax &state, Values &sums) {
  Value none = e.f(-std::numeric_limits<float>::infinity()), zero = e.f(0);
  state = {{none, none}, {zero, zero}};
  sums.assign(outputTile.columns / 2, zero);
  if (!op.getResume())
    return;
  // The state after other parts: their log-sum-exp as maximum, a sum of 1, and their output.
  Value rows = rowCount(e, op.getView(), item.residue, query.positions());
  Value first = e.equal(e.band(place.lane, 3), 0); // four lanes add up one row
  for (int h = 0; h < 2; ++h) {
    Value row = queryRow(item, h), position = rowPosition(e, op.getView(), item.residue, row);
    SmallVector<Type> types(outputTile.columns / 4 + 2, e.f32);
    auto loaded = e.choose(
        e.less(row, rows), types,
        [&] {
          Value at = kernel.address(CudaTensor(op.getLogsumexp()), item.batch, item.head, position);
          Value lse = LLVM::LoadOp::create(e.b, e.f32, at);
          Value has = e.greater(lse, kCudaNoKeyBound);
          Values result = {
              e.select(has, e.mulf(lse, e.f(1 / op.getScale().convertToFloat())), none),
              e.select(e.both(has, first), e.f(1), zero)};
          result.append(kernel.loadRow(output, position, item, place, outputTile.columns));
          return result;
        },
        [&] {
          Values result = {none, zero};
          result.append(outputTile.columns / 4, zero);
          return result;
        });
    state.maximum[h] = loaded[0];
    state.sum[h] = loaded[1];
    for (int64_t c = 0; c < outputTile.columns / 8; ++c)
      for (int k = 0; k < 2; ++k)
        sums[4 * c + 2 * h + k] = loaded[2 + 2 * c + k];
  }
}

Ring Forward::consumeItem(const HopperItem &item, Ring keyRing, Ring queryRing) {
  WalkTiles tiles(e, walks, item.residue, item.tile, schedule.keyRows);
  Value zero = e.i(0), one = e.i(1);
  Value leader = e.equal(place.thread, 0);
  auto release = [&](int64_t barrier, Value slot) {
    e.ifThen(leader, [&] { e.arrive(slotted(barrier, slot, 8)); });
  };
  auto accumulate = [&](ArrayRef<Value> weights, Value number, Ring at, Values sums) {
    e.wait(slotted(valueFull, at.slot, 8), at.parity);
    tiles.clearMissing(number, value, valueTile, slotted(values, at.slot, valueTile.bytes()),
                       place.thread, 128, [&] { e.syncThreads(e.add(place.group, 1), 128); });
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
  Softmax state;
  Values sums, rescale;
  begin(item, state, sums);
  e.wait(slotted(queryFull, queryRing.slot, 8), queryRing.parity);
  e.wait(slotted(keyFull, keyRing.slot, 8), keyRing.parity);
  Values score = e.waitProducts(0, scores(queryRing.slot, keyRing.slot));
  release(keyEmpty, keyRing.slot);
  Values weights =
      packed(probabilities(tiles.masked(zero, own, place.column, score), state, rescale));
  if (op.getResume())
    sums = rescaled(sums, rescale);

  // Carried: outputs, weights, maxima and sums, and the slot of the last tile.
  Values carried = sums;
  carried.append(weights);
  carried.append(state.maximum);
  carried.append(state.sum);
  carried.append({keyRing.slot, keyRing.parity});
  const size_t nSums = sums.size(), nWeights = weights.size();
  auto take = [&](ValueRange all) {
    sums = Values(all.take_front(nSums));
    weights = Values(all.slice(nSums, nWeights));
    ValueRange rest = all.drop_front(nSums + nWeights);
    state = {{rest[0], rest[1]}, {rest[2], rest[3]}};
    return Ring{rest[4], rest[5]};
  };
  Values done = e.loop(one, tiles.count, one, carried, [&](Value t, ValueRange all) {
    Ring last = take(all), at = next(e, last, schedule.stages);
    e.wait(slotted(keyFull, at.slot, 8), at.parity);
    Values nextScore = scores(queryRing.slot, at.slot);
    sums = accumulate(weights, e.sub(t, 1), last, sums);
    nextScore = e.waitProducts(1, nextScore);
    release(keyEmpty, at.slot);
    weights = packed(probabilities(tiles.masked(t, own, place.column, nextScore), state, rescale));
    sums = e.waitProducts(0, sums);
    release(valueEmpty, last.slot);
    Values result = rescaled(sums, rescale);
    result.append(weights);
    result.append(state.maximum);
    result.append(state.sum);
    result.append({at.slot, at.parity});
    return result;
  });
  Ring last = take(done);
  release(queryEmpty, queryRing.slot);
  sums = e.waitProducts(0, accumulate(weights, e.sub(tiles.count, 1), last, sums));
  release(valueEmpty, last.slot);
  end(item, state, sums);
  return next(e, last, schedule.stages);
}

void Forward::end(const HopperItem &item, const Softmax &state, Values sums) {
  Value rows = rowCount(e, op.getView(), item.residue, query.positions());
  Value factor = e.f(op.getScale().convertToFloat());
  Values inverse;
  for (int h = 0; h < 2; ++h) {
    Value sum = e.addf(state.sum[h], e.shuffle(state.sum[h], 1));
    sum = e.addf(sum, e.shuffle(sum, 2));
    Value has = e.greater(sum, 0);
    inverse.push_back(e.select(has, e.reciprocal(sum), e.f(0)));
    Value row = queryRow(item, h);
    e.ifThen(e.both(e.equal(e.band(place.lane, 3), 0), e.less(row, rows)), [&] {
      Value natural =
          e.fma(state.maximum[h], factor, e.mulf(e.log2(sum), e.f(std::numbers::ln2_v<float>)));
      Value position = rowPosition(e, op.getView(), item.residue, row);
      LLVM::StoreOp::create(
          e.b, e.select(has, natural, e.f(kCudaNoKey)),
          kernel.address(CudaTensor(op.getLogsumexp()), item.batch, item.head, position));
    });
  }
  sums = rescaled(sums, inverse);
  auto fragments = e.fragments(sums);

  if (!endsExactly(output, op.getView())) {
    // A box would write rows that are not the view's.
    for (int h = 0; h < 2; ++h) {
      Value row = queryRow(item, h);
      e.ifThen(e.less(row, rows), [&] {
        kernel.storeRow(output, rowPosition(e, op.getView(), item.residue, row), item, place,
                        fragments, h);
      });
    }
    return;
  }
  Value leader = e.equal(place.thread, 0), barrier = e.add(place.group, 1);
  Value base = e.add(shared(outputs), e.mul(place.group, outputTile.bytes()));
  e.ifThen(leader, [&] { e.waitStores(0); });
  e.syncThreads(barrier, 128);
  outputTile.write(e, base, place, fragments);
  e.fenceShared();
  e.syncThreads(barrier, 128);
  e.ifThen(leader, [&] {
    Value first = e.add(e.mul(item.tile, schedule.queryRows()), e.mul(place.group, 64));
    kernel.store(base, outputTile, output, op.getView(), first, item);
    e.commitStores();
  });
}

LogicalResult stc::lowerHopperForward(tile::KernelOp kernel, tile::AttentionOp op,
                                      const HopperSchedule &schedule) {
  Forward(kernel, op, schedule).run();
  return success();
}
