//===- MmaSyncForward.cpp - attention of query tiles by mma.sync -----------===//
//
// Each warp has some queries of a tile; tiles of keys and values pass by in a ring that all warps
// fill while they compute. All walks of an item are one sequence of tiles and one online softmax;
// only tiles at the edges of a walk are masked. Weights go from the first product's results to the
// second one's operand in registers, as in FlashAttention-2 (arXiv 2307.08691).
//
//===----------------------------------------------------------------------===//

#include "compiler/Conversion/TileToCuda/MmaSyncKernel.h"
#include "compiler/Conversion/TileToCuda/OnlineSoftmax.h"
#include "compiler/Conversion/TileToCuda/TileToCuda.h"
#include "compiler/Conversion/TileToCuda/WalkTiles.h"

using namespace mlir;
using namespace stc;

namespace {
using Values = CudaEmitter::Values;

class Forward {
public:
  Forward(tile::KernelOp kernel, tile::AttentionOp op, const MmaSyncSchedule &schedule)
      : op(op), schedule(schedule),
        kernel(kernel, op.getQuery().getType().getElementType(), schedule.threads()),
        e(this->kernel.emitter()), place(this->kernel.place), walks(op.getWalkOps()),
        query(op.getQuery()), key(op.getKey()), value(op.getValue()),
        queryTile(this->kernel.tile(schedule.queryRows(), op.getQuerySize())),
        keyTile(this->kernel.tile(schedule.keyRows, op.getQuerySize())),
        valueTile(this->kernel.tile(schedule.keyRows, op.getValueSize())) {}

  void run();

private:
  void computeItem(const CudaItem &item, const FiniteItems &finite);
  /// Starts the copies of a tile of keys and values, if there is one of that number, as one group.
  void start(const WalkTiles &tiles, const CudaItem &item, Value number);
  Value keysAt(Value slot) { return kernel.slotted(keys, slot, keyTile.bytes()); }
  Value valuesAt(Value slot) { return kernel.slotted(values, slot, valueTile.bytes()); }

  tile::AttentionOp op;
  const MmaSyncSchedule schedule;
  MmaSyncKernel kernel;
  CudaEmitter &e;
  const MmaSyncPlace &place;
  SmallVector<tile::WalkOp> walks;
  CudaTensor query, key, value;
  PaddedTile queryTile, keyTile, valueTile;
  int64_t queries = 0, keys = 0, values = 0; // in shared memory
};
} // namespace

void Forward::run() {
  SharedMemoryAllocator plan(/*alignment=*/16);
  queries = plan.add(queryTile.bytes());
  keys = plan.add(schedule.stages * keyTile.bytes());
  values = plan.add(schedule.stages * valueTile.bytes());
  const FiniteItems finite = kernel.finiteItems(queries, queryTile, schedule.parts, op.getResume());
  kernel.eachItem({}, [&](IRMapping &mapping, ValueRange) {
    computeItem(CudaItem(op, mapping), finite);
    return Values();
  });
  kernel.again(finite, op, walks, schedule.queryRows(), schedule.keyRows, schedule.parts,
               attendByPairs);
  kernel.finish(schedule.threads(), plan.bytes(), schedule.blocks);
}

void Forward::start(const WalkTiles &tiles, const CudaItem &item, Value number) {
  kernel.copyTiles(tiles, number, item.ofKeys(), schedule.stages,
                   {{key, keyTile, keys}, {value, valueTile, values}});
}

void Forward::computeItem(const CudaItem &item, const FiniteItems &finite) {
  WalkTiles tiles(e, walks, item.residue, item.tile, schedule.keyRows);
  Value firstQuery = e.mul(item.tile, schedule.queryRows());
  Value firstOfWarp = e.mul(place.warp, 16 * schedule.parts);
  e.syncAll(); // nobody reads the tiles of the last item any more
  kernel.copy(kernel.shared(queries), queryTile, query, op.getView(), firstQuery, item);
  for (int64_t k = 0; k + 1 < schedule.stages; ++k)
    start(tiles, item, e.i(k));

  SmallVector<WalkTiles::Own> own;
  std::vector<OnlineSoftmax> softmax;
  Parts sums;
  Values states;
  for (int64_t part = 0; part < schedule.parts; ++part) {
    Value row = e.add(e.add(e.add(firstQuery, firstOfWarp), place.row), 16 * part);
    own.push_back({{row, e.add(row, 8)}, false, {}, {}});
    softmax.emplace_back(kernel, op, item, own[part].rows, place.column, valueTile.columns);
    sums.push_back(softmax[part].begin(op.getResume()));
    states.append(softmax[part].state());
  }
  Values carried = flat(sums);
  carried.append(states);
  auto take = [&](ValueRange all) {
    ValueRange ends = all.take_back(states.size());
    for (int64_t part = 0; part < schedule.parts; ++part)
      softmax[part].setState(ends.slice(part * OnlineSoftmax::stateSize, OnlineSoftmax::stateSize));
    return inParts(all.drop_back(states.size()), schedule.parts);
  };
  const WarpOperand queryOperand = kernel.operand(
      queryTile, e.add(kernel.shared(queries), e.mul(firstOfWarp, queryTile.rowBytes())),
      WarpProduct::Left, WarpProduct::AlongColumns);

  Values done = e.loop(e.i(0), tiles.count, e.i(1), carried, [&](Value t, ValueRange all) {
    Parts sums = take(all);
    e.waitCopies(schedule.stages - 2);
    e.syncAll(); // the tile is there, and nobody reads the one before
    start(tiles, item, e.add(t, schedule.stages - 1));
    Value slot = e.rem(t, schedule.stages);
    const WarpOperand keyOperand =
        kernel.operand(keyTile, keysAt(slot), WarpProduct::Right, WarpProduct::AlongColumns);
    const WarpOperand valueOperand =
        kernel.operand(valueTile, valuesAt(slot), WarpProduct::Right, WarpProduct::AlongRows);
    Parts scores(schedule.parts, Values(schedule.keyRows / 2, e.f(0)));
    product(
        *kernel.products, keyTile.columns / 16,
        [&](int64_t part, int64_t k) { return queryOperand.load(16 * k, 16 * part); }, keyOperand,
        scores);
    Parts weights;
    for (int64_t part = 0; part < schedule.parts; ++part) {
      Values rescale;
      weights.push_back(
          softmax[part].next(tiles.masked(t, own[part], {place.column}, scores[part]), rescale));
      sums[part] = softmax[part].rescaled(sums[part], rescale);
    }
    product(
        *kernel.products, schedule.keyRows / 16,
        [&](int64_t part, int64_t k) { return kernel.left(weights[part], k); }, valueOperand, sums);
    Values result = flat(sums);
    for (const OnlineSoftmax &one : softmax)
      result.append(one.state());
    return result;
  });
  Parts outputs;
  Value isSpecial = e.no();
  for (auto [one, sum] : llvm::zip_equal(softmax, take(done))) {
    outputs.push_back(one.end(sum));
    isSpecial = e.either(isSpecial, one.isSpecial(outputs.back()));
  }
  Value stores = finite.stores(isSpecial, [&](Value is) { return e.anyLane(is); });
  for (auto [one, output] : llvm::zip_equal(softmax, outputs))
    e.ifThen(stores, [&] {
      one.storeLogsumexps();
      one.store(output);
    });
}

LogicalResult stc::lowerMmaSyncForward(tile::KernelOp kernel, tile::AttentionOp op,
                                       const MmaSyncSchedule &schedule) {
  Forward(kernel, op, schedule).run();
  return success();
}
