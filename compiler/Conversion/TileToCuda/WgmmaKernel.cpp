//===- WgmmaKernel.cpp - what forward and backward kernels share ---------===//

#include "compiler/Conversion/TileToCuda/WgmmaKernel.h"

using namespace mlir;
using namespace stc;

void WgmmaKernel::split(int64_t threads, int64_t copyRegisters, int64_t computeRegisters,
                        ArrayRef<RingBarriers> rings, WgmmaPlace &place,
                        function_ref<void(Value)> copy, function_ref<void()> compute) {
  Value thread = e->threadId(threads), group = e->uniform(e->div(thread, 128));
  e->ifThen(e->equal(thread, 0), [&] {
    for (const RingBarriers &ring : rings)
      for (int64_t k = 0; k < ring.stages; ++k) {
        e->initBarrier(shared(ring.full + 8 * k), ring.fills);
        if (ring.empties)
          e->initBarrier(shared(ring.empty + 8 * k), ring.empties);
      }
    e->fenceInit();
  });
  e->syncAll();
  place = WgmmaPlace(*e, thread, group);
  e->ifElse(
      e->equal(group, 0),
      [&] {
        e->setRegisters(copyRegisters, /*increase=*/false);
        copy(e->uniform(e->div(thread, 32)));
      },
      [&] {
        e->setRegisters(computeRegisters, /*increase=*/true);
        compute();
      });
}

void WgmmaKernel::copy(Value target, const SharedTile &tile, const CudaTensor &tensor,
                       tile::ViewAttr view, Value row, const CudaItem &item, Value barrier) {
  unsigned number = maps.get(tensor, view, tile.rows, tile.panel());
  for (int64_t p = 0; p < tile.panels(); ++p)
    e->copyTile(
        e->add(target, p * tile.panelBytes()), map(number), barrier,
        boxCoordinates(*e, view, row, p * tile.panel(), item.residue, item.head, item.batch));
}

Ring WgmmaKernel::copyTiles(const WalkTiles &tiles, const CudaItem &item, Ring ring, int64_t stages,
                            ArrayRef<TileRing> rings) {
  auto behind = e->loop(
      e->i(0), tiles.count, e->i(1), {ring.slot, ring.parity}, [&](Value t, ValueRange carried) {
        Ring at{carried[0], carried[1]};
        for (const TileRing &one : rings) {
          Value full = slotted(one.full, at.slot, 8);
          e->wait(slotted(one.empty, at.slot, 8), e->bxor(at.parity, 1));
          tiles.byWalk(t, [&](unsigned walk, Value row) {
            e->expectBytes(full, e->i(one.tile.copiedBytes(tiles.view(walk))));
            copy(slotted(one.slots, at.slot, one.tile.bytes()), one.tile, one.tensor,
                 tiles.view(walk), row, item.in(tiles.residueOf(walk)), full);
          });
        }
        Ring after = next(*e, at, stages);
        return CudaEmitter::Values{after.slot, after.parity};
      });
  return {behind[0], behind[1]};
}

void WgmmaKernel::store(Value source, const SharedTile &tile, const CudaTensor &tensor,
                        tile::ViewAttr view, Value row, const CudaItem &item, bool add) {
  unsigned number = maps.get(tensor, view, 64, tile.panel());
  for (int64_t p = 0; p < tile.panels(); ++p) {
    Value from = e->add(source, p * tile.panelBytes());
    auto at = boxCoordinates(*e, view, row, p * tile.panel(), item.residue, item.head, item.batch);
    add ? e->addTile(map(number), from, at) : e->storeTile(map(number), from, at);
  }
}

FiniteItems WgmmaKernel::finiteItems(const WgmmaPlace &place, int64_t words, bool resumes) {
  FiniteItems items(*this, e->add(shared(words), e->mul(place.group, FiniteItems::bytes)), resumes);
  items.begin();
  e->syncThreads(e->add(place.group, 1), 128);
  return items;
}

void WgmmaKernel::settleStores(const WgmmaPlace &place) {
  e->ifThen(e->equal(place.thread, 0), [&] { e->waitStores(0, /*arrived=*/true); });
  e->syncThreads(e->add(place.group, 1), 128);
}

void WgmmaKernel::clearMissing(const WalkTiles &tiles, Value number, const CudaTensor &tensor,
                               const SharedTile &tile, Value address, Value thread, int64_t threads,
                               function_ref<void()> synchronize) {
  auto exact = [&](unsigned walk) { return bringsOnly(tensor, tiles.view(walk), tile.rows); };
  if (llvm::all_of(llvm::seq(tiles.size()), exact))
    return;
  tiles.byWalk(number, [&](unsigned walk, Value row) {
    if (exact(walk))
      return;
    Value existing =
        e->sub(rowCount(*e, tiles.view(walk), tiles.residueOf(walk), tensor.positions()), row);
    existing = e->max(existing, e->i(0));
    e->ifThen(e->less(existing, e->i(tile.rows)), [&] {
      tile.clear(*e, address, existing, thread, threads);
      synchronize();
    });
  });
}

void WgmmaKernel::writeGradient(const GradientPlace &to, const WgmmaPlace &place,
                                const SharedTile &tile, Value staging, CudaEmitter::Values sums,
                                Value stores) {
  const CudaTensor &tensor = to.tensor;
  Value count = rowCount(*e, to.view, to.item.residue, tensor.positions());
  Value tileRow = e->mul(to.item.tile, tile.rows);
  auto row = [&](int h) { return e->add(tileRow, e->add(place.row, 8 * h)); };
  auto position = [&](int h) { return rowPosition(*e, to.view, to.item.residue, row(h)); };
  if (to.scale != 1)
    for (Value &sum : sums)
      sum = e->mulf(sum, e->f(to.scale));
  // The copy engine adds where it stores, so that nobody waits for what stands there.
  const bool boxes = endsExactly(tensor, to.view);
  if (to.resume && !boxes)
    for (int h = 0; h < 2; ++h) {
      CudaEmitter::Values before = e->choose(
          e->less(row(h), count), SmallVector<Type>(sums.size() / 2, e->f32),
          [&] { return loadRow(tensor, position(h), to.item, place.column, tile.columns); },
          [&] { return CudaEmitter::Values(sums.size() / 2, e->f(0)); });
      for (size_t k = 0; k < before.size(); ++k) {
        Value &sum = sums[k / 2 * 4 + 2 * h + k % 2];
        sum = e->addf(sum, before[k]);
      }
    }
  if (!boxes) {
    // A box would write rows that are not the view's.
    for (int h = 0; h < 2; ++h)
      e->ifThen(e->both(stores, e->less(row(h), count)),
                [&] { storeRow(tensor, position(h), to.item, place.column, sums, h); });
    return;
  }
  Value barrier = e->add(place.group, 1);
  e->syncThreads(barrier, 128);
  tile.write(*e, staging, place, e->fragments(sums));
  e->fenceShared();
  e->syncThreads(barrier, 128);
  e->ifThen(e->both(stores, e->equal(place.thread, 0)), [&] {
    store(staging, tile, tensor, to.view, e->add(tileRow, e->mul(place.group, 64)), to.item,
          to.resume);
    e->commitStores();
  });
}

// Panels of columns stand one after the other; within one, eight rows are a block of the swizzle.
CudaEmitter::SharedOperand SharedTile::operand(CudaEmitter &e, Value address,
                                               bool transposed) const {
  CudaEmitter::SharedOperand operand;
  operand.transposed = transposed;
  int64_t leading = transposed ? panelBytes() : 16;
  operand.descriptor = e.descriptor(address, leading, 8 * rowBytes(), rowBytes());
  int64_t extent = transposed ? rows : columns, inPanel = panel() / 16;
  for (int64_t k = 0; k < extent / 16; ++k)
    operand.steps.push_back(
        (transposed ? k * 16 * rowBytes() : k / inPanel * panelBytes() + k % inPanel * 32) / 16);
  return operand;
}

void SharedTile::clear(CudaEmitter &e, Value address, Value begin, Value thread,
                       int64_t threads) const {
  auto quad = VectorType::get({4}, e.i32);
  Value zeros = arith::ConstantOp::create(e.b, DenseElementsAttr::get(quad, int32_t(0)));
  const int64_t chunks = rowBytes() / 16;
  for (int64_t p = 0; p < panels(); ++p)
    e.loop(e.add(e.mul(begin, chunks), thread), e.i(rows * chunks), e.i(threads), {},
           [&](Value chunk, ValueRange) {
             e.storeShared(zeros, e.add(e.add(address, p * panelBytes()), e.mul(chunk, 16)));
             return CudaEmitter::Values();
           });
  e.fenceShared();
}

// Rows of 16 bytes by lane, where the swizzle wants them: it takes the chunk's number against bits
// 7 and up of the address.
CudaEmitter::Values SharedTile::places(CudaEmitter &e, Value address,
                                       const WgmmaPlace &place) const {
  Value row = e.add(e.mul(place.warp, 16), e.band(place.lane, 15)), half = e.div(place.lane, 16);
  const int64_t chunks = rowBytes() / 16, perPanel = panel() / 16;
  Value swizzle = chunks == 8 ? e.band(row, 7) : e.band(e.div(row, 2), 3);
  Value rowBase = e.add(address, e.mul(row, rowBytes()));
  CudaEmitter::Values all;
  for (int64_t k = 0; k < columns / 16; ++k) {
    Value chunk = e.bxor(e.add(half, 2 * (k % perPanel)), swizzle);
    all.push_back(e.add(e.add(rowBase, e.mul(chunk, 16)), k / perPanel * panelBytes()));
  }
  return all;
}

void SharedTile::write(CudaEmitter &e, Value address, const WgmmaPlace &place,
                       const CudaEmitter::Fragments &fragments) const {
  for (auto [at, fragment] : llvm::zip_equal(places(e, address, place), fragments))
    e.storeMatrix(at, fragment, /*transposed=*/false);
}

CudaEmitter::Values SharedTile::read(CudaEmitter &e, Value address, const WgmmaPlace &place) const {
  CudaEmitter::Values values;
  for (Value at : places(e, address, place))
    for (Value pair : e.loadMatrix(e.shared(at), 0, /*transposed=*/false)) {
      auto [low, high] = e.unpack(pair);
      values.append({low, high});
    }
  return values;
}

WgmmaPlace::WgmmaPlace(CudaEmitter &e, Value threadOfBlock, Value groupOfBlock)
    : group(e.sub(groupOfBlock, 1)), thread(e.band(threadOfBlock, 127)),
      lane(e.band(threadOfBlock, 31)), warp(e.div(thread, 32)),
      row(e.add(e.add(e.mul(group, 64), e.mul(warp, 16)), e.div(lane, 4))),
      column(e.mul(e.band(lane, 3), 2)) {}

Ring stc::next(CudaEmitter &e, Ring ring, int64_t stages) {
  Value slot = e.add(ring.slot, 1), wraps = e.equal(slot, stages);
  return {e.select(wraps, e.i(0), slot), e.select(wraps, e.bxor(ring.parity, 1), ring.parity)};
}
