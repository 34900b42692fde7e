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
#include <mlir/IR/IRMapping.h>
#include <numbers>

using namespace mlir;
using namespace stc;

namespace {
using Values = CudaEmitter::Values;

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
  /// The scalars of an item.
  struct Item {
    Value batch, head, residue, tile;
  };
  Item itemOf(IRMapping &mapping) {
    auto at = [&](Value value) { return mapping.lookup(value); };
    return {at(op.getBatch()), at(op.getHead()), at(op.getResidue()), at(op.getTile())};
  }
  Value shared(int64_t offset) { return e.add(kernel.sharedBase, offset); }
  Value slotted(int64_t offset, Value slot, int64_t bytes) {
    return e.add(shared(offset), e.mul(slot, bytes));
  }
  void copy(Value target, const SharedTile &tile, const CudaTensor &tensor, tile::ViewAttr view,
            Value row, const Item &item, Value barrier);

  void produce();
  void consume();
  Values consumeItem(const Item &item, Ring keys, Value queryParity);

  /// What a thread knows of its place: its warpgroup, lane and first row of the tile.
  struct Place {
    Value group, thread, lane, warp, row, column;
  } place;

  Values scores(Value slot);
  Values masked(const Item &item, const KeyTiles &tiles, Value number, Values scores);
  struct Softmax {
    Values maximum, sum; // of two rows
  };
  /// P for the scores; rescale factors of the rows into `rescale`.
  Values probabilities(const Values &scores, Softmax &state, Values &rescale);
  Values rescaled(const Values &sums, const Values &factors);
  void clearMissing(const KeyTiles &tiles, Value number, Value slot);
  void begin(const Item &item, Softmax &state, Values &sums);
  void end(const Item &item, const Softmax &state, Values sums);
  Value queryRow(const Item &item, int64_t half) {
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
  queries = plan.add(queryTile.bytes());
  keys = plan.add(stages * keyTile.bytes());
  values = plan.add(stages * valueTile.bytes());
  outputs = plan.add(schedule.groups * outputTile.bytes());
  int64_t barriers = plan.add((2 + 4 * stages) * 8);
  queryFull = barriers, queryEmpty = barriers + 8;
  keyFull = barriers + 16, keyEmpty = keyFull + 8 * stages;
  valueFull = keyEmpty + 8 * stages, valueEmpty = valueFull + 8 * stages;

  Value thread = e.threadId(schedule.threads());
  Value group = e.uniform(e.div(thread, 128));
  e.ifThen(e.equal(thread, 0), [&] {
    e.initBarrier(shared(queryFull), 1);
    e.initBarrier(shared(queryEmpty), schedule.groups);
    for (int64_t k = 0; k < stages; ++k)
      for (auto [full, empty] : {std::pair(keyFull, keyEmpty), std::pair(valueFull, valueEmpty)}) {
        e.initBarrier(shared(full + 8 * k), 1);
        e.initBarrier(shared(empty + 8 * k), schedule.groups);
      }
    e.fenceInit();
  });
  e.syncAll();
  place.group = e.sub(group, 1);
  place.thread = e.band(thread, 127);
  place.lane = e.band(thread, 31);
  place.warp = e.div(place.thread, 32);
  place.row = e.add(e.add(e.mul(place.group, 64), e.mul(place.warp, 16)), e.div(place.lane, 4));
  place.column = e.mul(e.band(place.lane, 3), 2);
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
  kernel.finish(schedule.threads(), plan.bytes());
}

void Forward::copy(Value target, const SharedTile &tile, const CudaTensor &tensor,
                   tile::ViewAttr view, Value row, const Item &item, Value barrier) {
  unsigned map = kernel.maps.get(tensor, view, tile.rows, tile.panel());
  for (int64_t p = 0; p < tile.panels(); ++p)
    e.copyTile(e.add(target, p * tile.panelBytes()), kernel.map(map), barrier,
               boxCoordinates(e, view, row, p * tile.panel(), item.residue, item.head, item.batch));
}

void Forward::produce() {
  Value zero = e.i(0);
  kernel.eachItem({zero, zero, zero}, [&](IRMapping &mapping, ValueRange carried) {
    Item item = itemOf(mapping);
    Value queryParity = carried[2];
    e.wait(shared(queryEmpty), e.bxor(queryParity, 1));
    e.expectBytes(shared(queryFull), e.i(queryTile.bytes()));
    copy(shared(queries), queryTile, query, op.getView(), e.mul(item.tile, schedule.queryRows()),
         item, shared(queryFull));
    KeyTiles tiles(e, walks, item.residue, item.tile, schedule.keyRows);
    auto ring =
        e.loop(zero, tiles.count, e.i(1), carried.take_front(2), [&](Value t, ValueRange r) {
          Ring at{r[0], r[1]};
          Value empty = e.bxor(at.parity, 1);
          auto load = [&](const CudaTensor &tensor, const SharedTile &tile, int64_t offset,
                          int64_t fullBarrier, int64_t emptyBarrier) {
            Value full = slotted(fullBarrier, at.slot, 8);
            e.wait(slotted(emptyBarrier, at.slot, 8), empty);
            e.expectBytes(full, e.i(tile.bytes()));
            tiles.byWalk(t, [&](unsigned walk, Value row) {
              copy(slotted(offset, at.slot, tile.bytes()), tile, tensor, walks[walk].getView(), row,
                   item, full);
            });
          };
          load(key, keyTile, keys, keyFull, keyEmpty);
          load(value, valueTile, values, valueFull, valueEmpty);
          Ring after = next(e, at, schedule.stages);
          return Values{after.slot, after.parity};
        });
    return Values{ring[0], ring[1], e.bxor(queryParity, 1)};
  });
}

void Forward::consume() {
  Value zero = e.i(0);
  kernel.eachItem({zero, zero, zero}, [&](IRMapping &mapping, ValueRange carried) {
    Values ring = consumeItem(itemOf(mapping), {carried[0], carried[1]}, carried[2]);
    ring.push_back(e.bxor(carried[2], 1));
    return ring;
  });
  e.ifThen(e.equal(place.thread, 0), [&] { e.waitStores(0); });
}

Values Forward::scores(Value slot) {
  auto a =
      queryTile.operand(e, e.add(shared(queries), e.mul(place.group, 64 * queryTile.rowBytes())),
                        /*transposed=*/false);
  auto b = keyTile.operand(e, slotted(keys, slot, keyTile.bytes()), /*transposed=*/false);
  return e.product(schedule.keyRows, a, b);
}

Values Forward::masked(const Item &item, const KeyTiles &tiles, Value number, Values scores) {
  SmallVector<Type> types(scores.size(), e.f32);
  return tiles.chooseByWalk(number, types, [&](unsigned walk, Value keyRow) {
    const WalkRange &range = tiles.range(walk);
    Value full =
        e.both(e.compare(arith::CmpIPredicate::sle, range.fullLo, keyRow),
               e.compare(arith::CmpIPredicate::sle, e.add(keyRow, schedule.keyRows), range.fullHi));
    return e.choose(
        full, types, [&] { return scores; },
        [&] {
          Values result;
          Value none = e.f(-std::numeric_limits<float>::infinity());
          Value rows[] = {queryRow(item, 0), queryRow(item, 1)};
          Value base = e.add(keyRow, place.column);
          for (auto [k, score] : llvm::enumerate(scores)) {
            Value column = e.add(base, 8 * int64_t(k / 4) + int64_t(k % 2));
            Value in =
                e.inlineNarrow(walks[walk].getMask(), {item.residue, rows[k / 2 % 2], column})[0];
            in = e.both(in, e.less(column, range.hi));
            result.push_back(e.select(in, score, none));
          }
          return result;
        });
  });
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

// In a view that does not end where its boxes do, the copy brought rows that are not the view's: of
// another batch, or never written. Their weights are 0, but 0 times NaN is NaN.
void Forward::clearMissing(const KeyTiles &tiles, Value number, Value slot) {
  bool exact =
      llvm::all_of(walks, [&](tile::WalkOp walk) { return endsExactly(value, walk.getView()); });
  if (exact)
    return;
  tiles.byWalk(number, [&](unsigned walk, Value keyRow) {
    if (endsExactly(value, walks[walk].getView()))
      return;
    Value begin = e.max(e.sub(tiles.range(walk).hi, keyRow), e.i(0)), rows = e.i(schedule.keyRows);
    e.ifThen(e.less(begin, rows), [&] {
      Value base = slotted(values, slot, valueTile.bytes());
      auto quad = VectorType::get({4}, e.i32);
      Value zeros = arith::ConstantOp::create(e.b, DenseElementsAttr::get(quad, int32_t(0)));
      const int64_t chunks = valueTile.rowBytes() / 16;
      for (int64_t p = 0; p < valueTile.panels(); ++p)
        e.loop(e.add(e.mul(begin, chunks), place.thread), e.mul(rows, chunks), e.i(128), {},
               [&](Value chunk, ValueRange) {
                 e.storeShared(zeros,
                               e.add(e.add(base, p * valueTile.panelBytes()), e.mul(chunk, 16)));
                 return Values();
               });
      e.fenceShared();
      e.syncThreads(e.add(place.group, 1), 128);
    });
  });
}

void Forward::begin(const Item &item, Softmax &state, Values &sums) {
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
          for (int64_t c = 0; c < outputTile.columns; c += 8) {
            Value column = e.add(place.column, c);
            auto pair = e.choose(
                e.less(column, e.i(output.size())), {e.f32, e.f32},
                [&] {
                  Value base = kernel.address(output, item.batch, position, item.head);
                  Value index = arith::ExtSIOp::create(e.b, e.i64, e.mul(column, 2));
                  Value p = LLVM::GEPOp::create(e.b, base.getType(), e.b.getI8Type(), base,
                                                ArrayRef<LLVM::GEPArg>{index});
                  auto [low, high] = e.unpack(LLVM::LoadOp::create(e.b, e.i32, p));
                  return Values{low, high};
                },
                [&] {
                  return Values{zero, zero};
                });
            result.append(pair);
          }
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

Values Forward::consumeItem(const Item &item, Ring keyRing, Value queryParity) {
  KeyTiles tiles(e, walks, item.residue, item.tile, schedule.keyRows);
  Value zero = e.i(0), one = e.i(1);
  Value leader = e.equal(place.thread, 0);
  auto release = [&](int64_t barrier, Value slot) {
    e.ifThen(leader, [&] { e.arrive(slotted(barrier, slot, 8)); });
  };
  auto accumulate = [&](ArrayRef<Value> weights, Value number, Ring at, Values sums) {
    e.wait(slotted(valueFull, at.slot, 8), at.parity);
    clearMissing(tiles, number, at.slot);
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

  Softmax state;
  Values sums, rescale;
  begin(item, state, sums);
  e.wait(shared(queryFull), queryParity);
  e.wait(slotted(keyFull, keyRing.slot, 8), keyRing.parity);
  Values score = e.waitProducts(0, scores(keyRing.slot));
  release(keyEmpty, keyRing.slot);
  Values weights = packed(probabilities(masked(item, tiles, zero, score), state, rescale));
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
    Values nextScore = scores(at.slot);
    sums = accumulate(weights, e.sub(t, 1), last, sums);
    nextScore = e.waitProducts(1, nextScore);
    release(keyEmpty, at.slot);
    weights = packed(probabilities(masked(item, tiles, t, nextScore), state, rescale));
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
  e.ifThen(leader, [&] { e.arrive(shared(queryEmpty)); });
  sums = e.waitProducts(0, accumulate(weights, e.sub(tiles.count, 1), last, sums));
  release(valueEmpty, last.slot);
  end(item, state, sums);
  Ring after = next(e, last, schedule.stages);
  return {after.slot, after.parity};
}

void Forward::end(const Item &item, const Softmax &state, Values sums) {
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
        Value position = rowPosition(e, op.getView(), item.residue, row);
        Value base = kernel.address(output, item.batch, position, item.head);
        for (auto [k, fragment] : llvm::enumerate(fragments))
          for (int j = 0; j < 2; ++j) {
            Value column = e.add(place.column, 16 * int64_t(k) + 8 * j);
            e.ifThen(e.less(column, e.i(output.size())), [&] {
              Value index = arith::ExtSIOp::create(e.b, e.i64, e.mul(column, 2));
              Value p = LLVM::GEPOp::create(e.b, base.getType(), e.b.getI8Type(), base,
                                            ArrayRef<LLVM::GEPArg>{index});
              LLVM::StoreOp::create(e.b, fragment[2 * j + h], p);
            });
          }
      });
    }
    return;
  }
  // Through shared memory: rows of 16 bytes by lane, where the swizzle wants them.
  Value leader = e.equal(place.thread, 0), barrier = e.add(place.group, 1);
  Value base = e.add(shared(outputs), e.mul(place.group, outputTile.bytes()));
  e.ifThen(leader, [&] { e.waitStores(0); });
  e.syncThreads(barrier, 128);
  Value row = e.add(e.mul(place.warp, 16), e.band(place.lane, 15)), half = e.div(place.lane, 16);
  const int64_t chunks = outputTile.rowBytes() / 16, perPanel = outputTile.panel() / 16;
  // The swizzle takes the chunk's number against bits 7 and up of the address.
  Value swizzle = chunks == 8 ? e.band(row, 7) : e.band(e.div(row, 2), 3);
  Value rowBase = e.add(base, e.mul(row, outputTile.rowBytes()));
  for (auto [k, fragment] : llvm::enumerate(fragments)) {
    Value chunk = e.bxor(e.add(half, 2 * int64_t(k % perPanel)), swizzle);
    Value at =
        e.add(e.add(rowBase, e.mul(chunk, 16)), int64_t(k / perPanel) * outputTile.panelBytes());
    e.storeMatrix(at, fragment, /*transposed=*/false);
  }
  e.fenceShared();
  e.syncThreads(barrier, 128);
  e.ifThen(leader, [&] {
    unsigned map = kernel.maps.get(output, op.getView(), outputTile.rows, outputTile.panel());
    Value first = e.add(e.mul(item.tile, schedule.queryRows()), e.mul(place.group, 64));
    for (int64_t p = 0; p < outputTile.panels(); ++p)
      e.storeTile(kernel.map(map), e.add(base, p * outputTile.panelBytes()),
                  boxCoordinates(e, op.getView(), first, p * outputTile.panel(), item.residue,
                                 item.head, item.batch));
    e.commitStores();
  });
}

LogicalResult stc::lowerHopperForward(tile::KernelOp kernel, tile::AttentionOp op,
                                      const HopperSchedule &schedule) {
  Forward(kernel, op, schedule).run();
  return success();
}
