//===- MmaSyncKernel.cpp - what forward and backward kernels by mma.sync share ===//

#include "compiler/Conversion/TileToCuda/MmaSyncKernel.h"

using namespace mlir;
using namespace stc;
using Values = CudaEmitter::Values;

MmaSyncPlace::MmaSyncPlace(CudaEmitter &e, int64_t threads)
    : thread(e.threadId(threads)), lane(e.band(thread, 31)), warp(e.uniform(e.div(thread, 32))),
      row(e.div(lane, 4)), column(e.mul(e.band(lane, 3), 2)) {}

// Threads side by side have pieces of a row side by side, as long as all rows' alignment allows.
void MmaSyncKernel::copy(Value target, const PaddedTile &tile, const CudaTensor &tensor,
                         tile::ViewAttr view, Value row, const CudaItem &item) {
  const int64_t piece = tensor.alignment(), pieces = tile.elementBytes * tile.columns / piece;
  const int64_t lanes = std::min<int64_t>(llvm::PowerOf2Ceil(pieces), threads);
  const int64_t rowsAtOnce = threads / lanes;
  Value first = e->div(place.thread, lanes);
  Value count = rowCount(*e, view, item.residue, tensor.positions());
  auto copyPiece = [&](Value own, Value number, Value start, Value inRow) {
    Value other = e->add(row, own);
    Value from = advance(start, tensor, rowPosition(*e, view, item.residue, other));
    Value to = e->add(e->add(target, e->mul(own, tile.rowBytes())), e->mul(number, piece));
    Value exists = e->both(inRow, e->less(other, count));
    if (piece >= 4)
      return e->copyBytes(to, from, piece, exists);
    // Shorter than what is copied asynchronously.
    Type type = b->getI16Type();
    Value bits = e->choose(
        exists, type, [&]() -> Values { return {LLVM::LoadOp::create(*b, type, from)}; },
        [&]() -> Values { return {arith::ConstantOp::create(*b, b->getI16IntegerAttr(0))}; })[0];
    e->storeShared(bits, to);
  };
  for (int64_t begin = 0; begin < pieces; begin += lanes) {
    Value number = e->add(e->band(place.thread, lanes - 1), begin);
    Value column = e->mul(number, piece / tile.elementBytes);
    Value start = elementAddress(tensor, e->i(0), item, column);
    Value inRow = e->less(column, e->i(tensor.size())), isPiece = e->less(number, e->i(pieces));
    for (int64_t k = 0; k < tile.rows; k += rowsAtOnce) {
      Value own = e->add(first, k), is = isPiece;
      if (k + rowsAtOnce > tile.rows)
        is = e->both(is, e->less(own, e->i(tile.rows)));
      e->ifThen(is, [&] { copyPiece(own, number, start, inRow); });
    }
  }
}

void MmaSyncKernel::copyFloats(Value target, int64_t rows, const CudaTensor &one,
                               const CudaTensor &other, tile::ViewAttr view, Value row,
                               const CudaItem &item) {
  Value isOne = e->less(place.thread, e->i(rows));
  Value own = e->add(row, e->select(isOne, place.thread, e->sub(place.thread, rows)));
  Value count = rowCount(*e, view, item.residue, one.shape[2]);
  auto start = [&](const CudaTensor &tensor) {
    return address(tensor, item.batch, item.head, e->i(0));
  };
  e->ifThen(e->less(place.thread, e->i(2 * rows)), [&] {
    Value from = e->select(isOne, start(one), start(other));
    Value position = rowPosition(*e, view, item.residue, own);
    position = arith::ExtSIOp::create(*b, e->i64, position);
    from = LLVM::GEPOp::create(*b, from.getType(), e->f32, from, ArrayRef<LLVM::GEPArg>{position});
    e->copyBytes(e->add(target, e->mul(place.thread, 4)), from, 4, e->less(own, count));
  });
}

void MmaSyncKernel::copyTiles(
    const WalkTiles &tiles, Value number, const CudaItem &item, int64_t stages,
    ArrayRef<TileRing> rings,
    function_ref<void(Value, tile::ViewAttr, Value, const CudaItem &)> more) {
  e->ifThen(e->less(number, tiles.count), [&] {
    Value slot = e->rem(number, stages);
    tiles.byWalk(number, [&](unsigned walk, Value row) {
      const CudaItem met = item.in(tiles.residueOf(walk));
      for (const TileRing &ring : rings)
        copy(slotted(ring.slots, slot, ring.tile.bytes()), ring.tile, ring.tensor, tiles.view(walk),
             row, met);
      if (more)
        more(slot, tiles.view(walk), row, met);
    });
  });
  e->commitCopies();
}

void MmaSyncKernel::writeGradient(const GradientPlace &to, std::array<Value, 2> rows, Values sums) {
  if (to.scale != 1)
    for (Value &sum : sums)
      sum = e->mulf(sum, e->f(to.scale));
  Value count = rowCount(*e, to.view, to.item.residue, to.tensor.positions());
  for (int h = 0; h < 2; ++h)
    e->ifThen(e->less(rows[h], count), [&] {
      Value position = rowPosition(*e, to.view, to.item.residue, rows[h]);
      Values all = sums;
      if (to.resume) {
        Values before =
            loadRow(to.tensor, position, to.item, place.column, 2 * int64_t(sums.size()));
        for (size_t k = 0; k < before.size(); ++k) {
          Value &sum = all[k / 2 * 4 + 2 * h + k % 2];
          sum = e->addf(sum, before[k]);
        }
      }
      storeRow(to.tensor, position, to.item, place.column, all, h);
    });
}
