//===- LowerRowProduct.cpp - products of few rows for a GPU ---------------===//
//
// A block does 16 rows and some columns, and all that it takes is time to wait for memory. So it
// waits once: weights, what computes the left operand, and what is read after the product are all
// under way before any of it is used, weights even before the launches ahead have ended. Then each
// warp computes one row of the left operand in shared memory; each takes every sixteenth step of 16
// along the sum, by mma.sync from registers; the warps' sums are added in their order, and each
// thread does what comes after for one element.
//
// Lanes have four neighbours along the sum where an operand of mma.sync has two pairs eight apart:
// both operands in the same way, so that the sum is the same, and each lane has one access.
//
//===----------------------------------------------------------------------===//

#include "compiler/Conversion/TileToCuda/RowEmitter.h"
#include "compiler/Conversion/TileToCuda/TileToCuda.h"
#include "compiler/Schedule/ProductSchedule.h"

using namespace mlir;
using namespace stc;

namespace {
using Values = RowEmitter::Values;
constexpr int64_t kThreads = kProductWarps * kWarpLanes;
/// Elements along the sum that a product takes, and those of a lane.
constexpr int64_t kStep = 16, kOfLane = 4;
/// Registers of a lane for weights that are under way at once.
constexpr int64_t kWeightRegisters = 32;
/// Registers of a lane for a row that is computed, beside them; and of what is loaded, so few that
/// a multiprocessor has room for two blocks.
constexpr int64_t kRowRegisters = 64, kFewRegisters = 32;

class RowProduct {
public:
  RowProduct(tile::KernelOp source, tile::RowProductOp op, const RowLanes &lanes, bool waits)
      : source(source), op(op), waits(waits && op.getInvariant()), kernel(source, op.getElement()),
        rows(kernel, lanes), e(rows.e), b(rows.b), m(op.getRows()), n(op.getColumns()),
        k(op.getDepth()), width(op.getWidth()), tiles(width / 8),
        steps(llvm::divideCeil(k, kStep)) {
    const int64_t ofWarp = llvm::divideCeil(steps, kProductWarps);
    const int64_t most = kWeightRegisters / (kOfLane * tiles);
    atOnce = ofWarp <= most ? ofWarp : std::max<int64_t>(most / 2, 1); // beside the next round's
    rounds = llvm::divideCeil(steps, kProductWarps * atOnce);
  }

  LogicalResult run();

private:
  /// A lane's elements for the steps of a round: of each step, those of every tile's column of
  /// weights, and those of two rows of the left operand, if that stands in memory.
  Values loadWeights(Value round);
  Values loadLhs(Value round);
  /// Adds the products of a round's steps.
  Values multiply(ValueRange loaded, Value round, ValueRange sums);

  /// A lane's elements of a step, from the first of them in its row on.
  Value loadElements(Value buffer, Type element, Value row, Value first);
  /// Two pairs of elements for a product; zeros behind the end of the sum.
  Values pairsOf(Value elements, Value first);
  Value firstOf(Value round, int64_t step) {
    Value number = e.add(e.mul(e.add(e.mul(round, atOnce), step), kProductWarps), warp);
    return e.add(e.mul(number, kStep), e.mul(e.band(lane, 3), kOfLane));
  }
  bool isWhole() const { return k == rounds * atOnce * kProductWarps * kStep; }

  LogicalResult emitBefore();
  void storeSums(ValueRange sums);
  void loadAfter();
  void emitAfter();

  //===--- shared memory: rows of the left operand, then sums of warps ----===//

  /// Elements of four rows are in different banks.
  int64_t rowBytes() { return op.getLhs() ? 0 : llvm::alignTo(steps * kStep * 2, 128) + 32; }
  Value rowAddress(Value row) { return e.add(kernel.shared(0), e.mul(row, rowBytes())); }
  int64_t sumBytes() const { return kProductRows * width * 4; }
  Value sumAddress(Value warp, Value element) {
    return e.add(e.add(kernel.shared(kProductRows * rowBytes()), e.mul(warp, sumBytes())),
                 e.mul(element, 4));
  }
  int64_t summingWarps() const { return std::min(steps, kProductWarps); }

  /// Where an access of what comes after is.
  template <typename Access> Value placeOf(Access access) {
    auto indices = llvm::map_to_vector(access.getIndices(),
                                       [&](Value index) { return rows.mapping.lookup(index); });
    return rows.address(access.getMemRef(), indices);
  }
  Value index(Value value) { return arith::IndexCastUIOp::create(b, b.getIndexType(), value); }

  tile::KernelOp source;
  tile::RowProductOp op;
  bool waits;
  CudaKernel kernel;
  RowEmitter rows;
  CudaEmitter &e;
  ImplicitLocOpBuilder &b;
  const int64_t m, n, k, width, tiles, steps;
  int64_t atOnce, rounds; // steps of a warp whose operands are loaded together, and how often
  Value thread, warp, lane, group;
  Value firstRow, firstColumn; // of the item
  Value ownRow, ownColumn;     // of the thread's element of the result
};
} // namespace

LogicalResult RowProduct::run() {
  thread = e.threadId(kThreads);
  warp = e.uniform(e.div(thread, kWarpLanes));
  lane = e.band(thread, kWarpLanes - 1);
  group = e.div(lane, 4);
  rows.setLane(thread);
  for (auto [number, buffer] : llvm::enumerate(source.getBuffers()))
    rows.mapping.map(buffer, kernel.buffer(number));
  LogicalResult result = success();
  kernel.eachItem({}, [&](IRMapping &mapping, ValueRange) {
    firstRow = mapping.lookup(op.getRow());
    firstColumn = mapping.lookup(op.getColumn());
    Values loaded = loadWeights(e.i(0));
    if (waits)
      kernel.waitForLaunches();
    loaded.append(loadLhs(e.i(0)));
    loadAfter();
    if (!op.getBefore().empty())
      result = emitBefore();
    Values sums(4 * tiles, e.f(0));
    if (rounds > 1) {
      Values carried(sums);
      carried.append(loaded);
      carried = e.loop(e.i(1), e.i(rounds), e.i(1), carried, [&](Value round, ValueRange all) {
        Values next = loadWeights(round);
        next.append(loadLhs(round));
        Values some =
            multiply(all.drop_front(sums.size()), e.sub(round, 1), all.take_front(sums.size()));
        some.append(next);
        return some;
      });
      loaded.assign(carried.begin() + sums.size(), carried.end());
      carried.resize(sums.size());
      sums = carried;
    }
    storeSums(multiply(loaded, e.i(rounds - 1), sums));
    e.syncAll();
    emitAfter();
    e.syncAll(); // nobody reads what the next item writes
    return Values();
  });
  if (failed(result))
    return failure();
  // What is known never to change might be read ahead of the wait, too.
  if (!waits)
    kernel.setDistinctBuffers();
  // Blocks of the next launch find room where few registers are enough.
  const int64_t loaded = rows.lanes.registers + atOnce * kOfLane * (tiles + (op.getLhs() ? 1 : 0));
  const bool areFew = loaded <= kFewRegisters && rounds == 1 && k % kOfLane == 0;
  kernel.finish(kThreads, kProductRows * rowBytes() + summingWarps() * sumBytes(), areFew ? 2 : 1);
  return success();
}

LogicalResult RowProduct::emitBefore() {
  Block &block = op.getBefore().front();
  // A row that does not exist is another one's, and nobody asks for it.
  Value row = e.min(e.add(firstRow, warp), e.i(m - 1));
  rows.mapping.map(block.getArgument(0), index(row));
  rows.mapping.map(block.getArgument(1), e.shared(rowAddress(warp)));
  emitEarlyLoads(rows, block);
  if (failed(emitRows(rows, block)))
    return failure();
  if (const int64_t behind = steps * kStep - k)
    e.ifThen(e.less(lane, e.i(behind)), [&] {
      Value zero = arith::ConstantOp::create(b, b.getZeroAttr(e.element));
      e.storeShared(zero, e.add(rowAddress(warp), e.mul(e.add(lane, k), 2)));
    });
  e.syncAll();
  return success();
}

//===--- the product ------------------------------------------------------===//

Value RowProduct::loadElements(Value buffer, Type type, Value row, Value first) {
  const int64_t bytes = type.getIntOrFloatBitWidth() / 8;
  auto at = [&](Value column) {
    Value wide = arith::MulIOp::create(b, Value(arith::ExtUIOp::create(b, e.i64, row)),
                                       Value(arith::ConstantOp::create(b, b.getI64IntegerAttr(k))));
    wide = arith::AddIOp::create(b, wide, Value(arith::ExtUIOp::create(b, e.i64, column)));
    return LLVM::GEPOp::create(b, buffer.getType(), type, buffer, ArrayRef<LLVM::GEPArg>{wide});
  };
  // Behind the end of the sum it is read again, and counts for nothing.
  auto inside = [&](Value column, int64_t last) {
    return isWhole() ? column : e.min(column, e.i(last));
  };
  auto vector = VectorType::get({kOfLane}, type);
  if (k % kOfLane == 0)
    return LLVM::LoadOp::create(b, vector, at(inside(first, k - kOfLane)), kOfLane * bytes);
  Value all = LLVM::PoisonOp::create(b, vector);
  for (int64_t j = 0; j < kOfLane; ++j)
    all = LLVM::InsertElementOp::create(
        b, all, LLVM::LoadOp::create(b, type, at(inside(e.add(first, j), k - 1))), e.i(j));
  return all;
}

Values RowProduct::pairsOf(Value elements, Value first) {
  auto type = cast<VectorType>(elements.getType());
  if (isWhole() && type.getElementType() != e.f32) {
    Value pairs = LLVM::BitcastOp::create(b, VectorType::get({2}, e.i32), elements);
    return {LLVM::ExtractElementOp::create(b, pairs, e.i(0)),
            LLVM::ExtractElementOp::create(b, pairs, e.i(1))};
  }
  Values some;
  for (int64_t j = 0; j < kOfLane; ++j) {
    Value one = LLVM::ExtractElementOp::create(b, elements, e.i(j));
    if (!isWhole())
      one = e.select(e.less(e.add(first, j), e.i(k)), one,
                     arith::ConstantOp::create(b, b.getZeroAttr(type.getElementType())));
    some.push_back(one);
  }
  auto pair = [&](Value low, Value high) -> Value {
    if (type.getElementType() == e.f32)
      return e.pack(low, high);
    Value both = LLVM::PoisonOp::create(b, VectorType::get({2}, e.element));
    both = LLVM::InsertElementOp::create(b, both, low, e.i(0));
    both = LLVM::InsertElementOp::create(b, both, high, e.i(1));
    return LLVM::BitcastOp::create(b, e.i32, both);
  };
  return {pair(some[0], some[1]), pair(some[2], some[3])};
}

Values RowProduct::loadWeights(Value round) {
  Values all;
  Type type = cast<MemRefType>(op.getWeights().getType()).getElementType();
  for (int64_t step = 0; step < atOnce; ++step)
    for (int64_t tile = 0; tile < tiles; ++tile) {
      Value column = e.min(e.add(e.add(firstColumn, group), 8 * tile), e.i(n - 1));
      all.push_back(
          loadElements(rows.mapping.lookup(op.getWeights()), type, column, firstOf(round, step)));
    }
  return all;
}

Values RowProduct::loadLhs(Value round) {
  Values all;
  if (op.getLhs())
    for (int64_t step = 0; step < atOnce; ++step)
      for (int64_t half : {0, 8}) {
        Value row = e.min(e.add(e.add(firstRow, group), half), e.i(m - 1));
        all.push_back(
            loadElements(rows.mapping.lookup(op.getLhs()), e.element, row, firstOf(round, step)));
      }
  return all;
}

Values RowProduct::multiply(ValueRange loaded, Value round, ValueRange sums) {
  Values all(sums);
  ValueRange weights = loaded.take_front(atOnce * tiles), lhs = loaded.drop_front(atOnce * tiles);
  for (int64_t step = 0; step < atOnce; ++step) {
    Value first = firstOf(round, step);
    Values halves[2];
    for (int64_t half : {0, 1}) {
      Value elements;
      if (op.getLhs()) {
        elements = lhs[2 * step + half];
      } else {
        Value inside = isWhole() ? first : e.min(first, e.i(steps * kStep - kOfLane));
        Value at = e.add(rowAddress(e.add(group, 8 * half)), e.mul(inside, 2));
        elements = LLVM::LoadOp::create(b, VectorType::get({kOfLane}, e.element), e.shared(at),
                                        kOfLane * 2);
      }
      halves[half] = pairsOf(elements, first);
    }
    for (int64_t tile = 0; tile < tiles; ++tile) {
      Values results = e.multiply({halves[0][0], halves[1][0], halves[0][1], halves[1][1]},
                                  pairsOf(weights[step * tiles + tile], first),
                                  ArrayRef(all).slice(4 * tile, 4));
      llvm::copy(results, all.begin() + 4 * tile);
    }
  }
  return all;
}

//===--- after the product ------------------------------------------------===//

void RowProduct::storeSums(ValueRange sums) {
  auto store = [&] {
    for (int64_t tile = 0; tile < tiles; ++tile)
      for (int64_t half : {0, 1}) {
        Value place =
            e.add(e.mul(e.add(group, 8 * half), width), e.add(e.mul(e.band(lane, 3), 2), 8 * tile));
        Value both = LLVM::PoisonOp::create(b, VectorType::get({2}, e.f32));
        for (int64_t j : {0, 1})
          both = LLVM::InsertElementOp::create(b, both, sums[4 * tile + 2 * half + j], e.i(j));
        e.storeShared(both, sumAddress(warp, place));
      }
  };
  if (summingWarps() < kProductWarps)
    e.ifThen(e.less(warp, e.i(summingWarps())), store);
  else
    store();
}

/// What is read for the thread's element, or for one that exists.
void RowProduct::loadAfter() {
  ownRow = e.add(firstRow, e.div(thread, width));
  ownColumn = e.add(firstColumn, e.rem(thread, width));
  Block &block = op.getAfter().front();
  rows.mapping.map(block.getArgument(0), index(e.min(ownRow, e.i(m - 1))));
  rows.mapping.map(block.getArgument(1), index(e.min(ownColumn, e.i(n - 1))));
  for (Operation &inner : block.without_terminator()) {
    if (auto load = dyn_cast<memref::LoadOp>(inner))
      rows.mapping.map(load.getResult(),
                       LLVM::LoadOp::create(b, load.getType(), placeOf(load)).getResult());
    else if (inner.getNumResults() == 1 && inner.getResult(0).getType().isIndex())
      rows.clone(inner, rows.mapping);
  }
}

void RowProduct::emitAfter() {
  Value exists = e.both(e.less(ownRow, e.i(m)), e.less(ownColumn, e.i(n)));
  exists = e.both(exists, e.less(thread, e.i(kProductRows * width)));
  e.ifThen(exists, [&] {
    Value sum = e.loadShared(sumAddress(e.i(0), thread), e.f32);
    for (int64_t other = 1; other < summingWarps(); ++other)
      sum = e.addf(sum, e.loadShared(sumAddress(e.i(other), thread), e.f32));
    Block &block = op.getAfter().front();
    rows.mapping.map(block.getArgument(2), sum);
    for (Operation &inner : block.without_terminator()) {
      if (auto store = dyn_cast<memref::StoreOp>(inner))
        LLVM::StoreOp::create(b, rows.mapping.lookup(store.getValueToStore()), placeOf(store));
      else if (!rows.mapping.contains(inner.getResult(0)))
        rows.clone(inner, rows.mapping);
    }
  });
}

LogicalResult stc::lowerRowProduct(tile::KernelOp kernel, tile::RowProductOp op, bool waits) {
  FailureOr<RowLanes> lanes = chooseLanes(kernel);
  if (failed(lanes))
    return failure();
  lanes->unrolls &= lanes->registers <= kRowRegisters;
  return RowProduct(kernel, op, *lanes, waits).run();
}
