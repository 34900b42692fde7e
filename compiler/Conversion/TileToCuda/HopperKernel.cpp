//===- HopperKernel.cpp - what forward and backward kernels share ---------===//

#include "compiler/Conversion/TileToCuda/HopperKernel.h"

using namespace mlir;
using namespace stc;

static constexpr llvm::StringLiteral kShared = "dynamic_shared";

HopperKernel::HopperKernel(tile::KernelOp kernel, Type element)
    : maps(kernel.getContext()), kernel(kernel), outer(kernel) {
  Location loc = kernel.getLoc();
  result = plan::KernelOp::create(outer, loc, kernel.getSymName(), kernel.getKind(), /*scratch=*/0,
                                  plan::GridAttr());
  OpBuilder::InsertionGuard guard(outer);
  outer.createBlock(&result.getBody());
  module = ModuleOp::create(outer, loc);
  b = std::make_unique<ImplicitLocOpBuilder>(loc, module.getBodyRegion());
  b->setInsertionPointToStart(module.getBody());
  auto bytes = LLVM::LLVMArrayType::get(b->getI8Type(), 0);
  LLVM::GlobalOp::create(*b, bytes, /*isConstant=*/false, LLVM::Linkage::External, kShared,
                         Attribute(), /*alignment=*/1024, /*addrSpace=*/3);
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b->getContext()), {});
  function = LLVM::LLVMFuncOp::create(*b, kernel.getSymName(), type);
  Block *block = b->createBlock(&function.getBody());
  auto global = LLVM::LLVMPointerType::get(b->getContext(), 1);
  for (unsigned k = 0; k < kernel.getBuffers().size(); ++k)
    bufferParameters.push_back(block->addArgument(global, loc));
  items = block->addArgument(b->getI32Type(), loc);
  e = std::make_unique<CudaEmitter>(*b, element);
  auto shared = LLVM::LLVMPointerType::get(b->getContext(), 3);
  Value base = LLVM::AddressOfOp::create(*b, shared, kShared);
  sharedBase = LLVM::PtrToIntOp::create(*b, b->getI32Type(), base);
}

// Column 8j + 2c + k: chunk 2c + (j / 2) mod 2 of four floats, 2 (j mod 2) + k within it.
Value stc::sumColumn(CudaEmitter &e, Value column) {
  Value j = e.div(column, 8), pair = e.div(e.band(column, 7), 2);
  Value chunk = e.add(e.mul(pair, 2), e.band(e.div(j, 2), 1));
  Value within = e.add(e.mul(e.band(j, 1), 2), e.band(column, 1));
  return e.add(e.mul(e.div(column, 32), 32), e.add(e.mul(chunk, 4), within));
}

Value HopperKernel::map(unsigned number) {
  Block &block = function.getBody().front();
  while (mapParameters.size() <= number)
    mapParameters.push_back(block.insertArgument(
        mapParameters.size(), LLVM::LLVMPointerType::get(b->getContext()), kernel.getLoc()));
  return mapParameters[number];
}

Value HopperKernel::buffer(unsigned argument) { return bufferParameters[argument]; }

Value HopperKernel::address(const CudaTensor &tensor, Value batch, Value position, Value head,
                            int64_t column) {
  int64_t bytes = tensor.type.getElementTypeBitWidth() / 8;
  auto wide = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(*b, b->getI64IntegerAttr(value));
  };
  Value offset = wide((tensor.offset + column) * bytes);
  for (auto [value, stride] :
       llvm::zip(SmallVector<Value>{batch, position, head}, tensor.strides)) {
    Value index = arith::ExtSIOp::create(*b, e->i64, value);
    offset = arith::AddIOp::create(*b, offset,
                                   Value(arith::MulIOp::create(*b, index, wide(stride * bytes))));
  }
  return LLVM::GEPOp::create(*b, LLVM::LLVMPointerType::get(b->getContext(), 1), b->getI8Type(),
                             buffer(tensor.argument), ArrayRef<LLVM::GEPArg>{offset});
}

void HopperKernel::copy(Value target, const SharedTile &tile, const CudaTensor &tensor,
                        tile::ViewAttr view, Value row, const HopperItem &item, Value barrier) {
  unsigned number = maps.get(tensor, view, tile.rows, tile.panel());
  for (int64_t p = 0; p < tile.panels(); ++p)
    e->copyTile(
        e->add(target, p * tile.panelBytes()), map(number), barrier,
        boxCoordinates(*e, view, row, p * tile.panel(), item.residue, item.head, item.batch));
}

Ring HopperKernel::copyTiles(const WalkTiles &tiles, const HopperItem &item, Ring ring,
                             int64_t stages, ArrayRef<TileRing> rings) {
  auto behind = e->loop(e->i(0), tiles.count, e->i(1), {ring.slot, ring.parity},
                        [&](Value t, ValueRange carried) {
                          Ring at{carried[0], carried[1]};
                          for (const TileRing &one : rings) {
                            Value full = slotted(one.full, at.slot, 8);
                            e->wait(slotted(one.empty, at.slot, 8), e->bxor(at.parity, 1));
                            tiles.byWalk(t, [&](unsigned walk, Value row) {
                              e->expectBytes(full, e->i(one.tile.copiedBytes(tiles.view(walk))));
                              copy(slotted(one.slots, at.slot, one.tile.bytes()), one.tile,
                                   one.tensor, tiles.view(walk), row, item, full);
                            });
                          }
                          Ring after = next(*e, at, stages);
                          return CudaEmitter::Values{after.slot, after.parity};
                        });
  return {behind[0], behind[1]};
}

void HopperKernel::store(Value source, const SharedTile &tile, const CudaTensor &tensor,
                         tile::ViewAttr view, Value row, const HopperItem &item) {
  unsigned number = maps.get(tensor, view, 64, tile.panel());
  for (int64_t p = 0; p < tile.panels(); ++p)
    e->storeTile(
        map(number), e->add(source, p * tile.panelBytes()),
        boxCoordinates(*e, view, row, p * tile.panel(), item.residue, item.head, item.batch));
}

Value HopperKernel::elementAddress(const CudaTensor &tensor, Value position, const HopperItem &item,
                                   Value column) {
  Value base = address(tensor, item.batch, position, item.head);
  int64_t bytes = tensor.type.getElementTypeBitWidth() / 8;
  Value index = arith::ExtSIOp::create(*b, e->i64, e->mul(column, bytes));
  return LLVM::GEPOp::create(*b, base.getType(), b->getI8Type(), base,
                             ArrayRef<LLVM::GEPArg>{index});
}

CudaEmitter::Values HopperKernel::loadRow(const CudaTensor &tensor, Value position,
                                          const HopperItem &item, const HopperPlace &place,
                                          int64_t columns) {
  CudaEmitter::Values all;
  for (int64_t c = 0; c < columns; c += 8) {
    Value column = e->add(place.column, c);
    all.append(e->choose(
        e->less(column, e->i(tensor.size())), {e->f32, e->f32},
        [&] {
          Value at = elementAddress(tensor, position, item, column);
          auto [low, high] = e->unpack(LLVM::LoadOp::create(*b, e->i32, at));
          return CudaEmitter::Values{low, high};
        },
        [&] {
          return CudaEmitter::Values{e->f(0), e->f(0)};
        }));
  }
  return all;
}

void HopperKernel::storeRow(const CudaTensor &tensor, Value position, const HopperItem &item,
                            const HopperPlace &place, const CudaEmitter::Fragments &fragments,
                            int half) {
  for (auto [k, fragment] : llvm::enumerate(fragments))
    for (int j = 0; j < 2; ++j) {
      Value column = e->add(place.column, 16 * int64_t(k) + 8 * j);
      e->ifThen(e->less(column, e->i(tensor.size())), [&] {
        LLVM::StoreOp::create(*b, fragment[2 * j + half],
                              elementAddress(tensor, position, item, column));
      });
    }
}

void HopperKernel::writeGradient(const GradientPlace &to, const HopperPlace &place,
                                 const SharedTile &tile, Value staging, CudaEmitter::Values sums) {
  const CudaTensor &tensor = to.tensor;
  Value count = rowCount(*e, to.view, to.item.residue, tensor.positions());
  Value tileRow = e->mul(to.item.tile, tile.rows);
  auto row = [&](int h) { return e->add(tileRow, e->add(place.row, 8 * h)); };
  auto position = [&](int h) { return rowPosition(*e, to.view, to.item.residue, row(h)); };
  if (to.scale != 1)
    for (Value &sum : sums)
      sum = e->mulf(sum, e->f(to.scale));
  if (to.resume)
    for (int h = 0; h < 2; ++h) {
      CudaEmitter::Values before = e->choose(
          e->less(row(h), count), SmallVector<Type>(sums.size() / 2, e->f32),
          [&] { return loadRow(tensor, position(h), to.item, place, tile.columns); },
          [&] { return CudaEmitter::Values(sums.size() / 2, e->f(0)); });
      for (size_t k = 0; k < before.size(); ++k) {
        Value &sum = sums[k / 2 * 4 + 2 * h + k % 2];
        sum = e->addf(sum, before[k]);
      }
    }
  auto fragments = e->fragments(sums);
  if (!endsExactly(tensor, to.view)) {
    // A box would write rows that are not the view's.
    for (int h = 0; h < 2; ++h)
      e->ifThen(e->less(row(h), count),
                [&] { storeRow(tensor, position(h), to.item, place, fragments, h); });
    return;
  }
  Value barrier = e->add(place.group, 1);
  e->syncThreads(barrier, 128);
  tile.write(*e, staging, place, fragments);
  e->fenceShared();
  e->syncThreads(barrier, 128);
  e->ifThen(e->equal(place.thread, 0), [&] {
    store(staging, tile, tensor, to.view, e->add(tileRow, e->mul(place.group, 64)), to.item);
    e->commitStores();
  });
}

// Long items come first, so that blocks take them forth and back: who had the longest of one round
// has the shortest of the next.
CudaEmitter::Values
HopperKernel::eachItem(ValueRange carried,
                       function_ref<CudaEmitter::Values(IRMapping &, ValueRange)> body) {
  Value block = NVVM::BlockIdXOp::create(*b, e->i32), blocks = NVVM::GridDimXOp::create(*b, e->i32);
  SmallVector<Value> start(carried);
  start.push_back(block);
  // Carried beside the values: the place in this round.
  auto results = e->loop(e->i(0), items, blocks, start, [&](Value first, ValueRange all) {
    Value place = all.back();
    ValueRange values = all.drop_back(1);
    Value item = e->add(first, place);
    auto done = e->choose(
        e->less(item, items), values.getTypes(),
        [&] {
          IRMapping mapping;
          mapping.map(kernel.getItem(), item);
          e->cloneNarrow(kernel.getBody().front(), mapping);
          return body(mapping, values);
        },
        [&] { return CudaEmitter::Values(values); });
    done.push_back(e->sub(e->sub(blocks, 1), place));
    return done;
  });
  results.pop_back();
  return results;
}

void HopperKernel::finish(int64_t threads, int64_t sharedBytes, int64_t blocks) {
  LLVM::ReturnOp::create(*b, ValueRange());
  MLIRContext *context = b->getContext();
  SmallVector<Type> types(function.getBody().getArgumentTypes());
  function.setFunctionType(LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), types));
  // A map is a parameter by value that the copy engine reads where it stands.
  auto mapType = LLVM::LLVMArrayType::get(b->getI8Type(), 128);
  for (unsigned k = 0; k < mapParameters.size(); ++k) {
    function.setArgAttr(k, LLVM::LLVMDialect::getByValAttrName(), TypeAttr::get(mapType));
    function.setArgAttr(k, LLVM::LLVMDialect::getAlignAttrName(), b->getI64IntegerAttr(64));
    function.setArgAttr(k, NVVM::NVVMDialect::getGridConstantAttrName(), b->getUnitAttr());
  }
  function->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(), b->getUnitAttr());
  function->setAttr(NVVM::NVVMDialect::getReqntidAttrName(),
                    b->getDenseI32ArrayAttr({static_cast<int32_t>(threads)}));
  function->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(),
                    b->getI32IntegerAttr(static_cast<int32_t>(blocks)));
  result.setGridAttr(
      plan::GridAttr::get(context, threads, sharedBytes, ArrayAttr::get(context, maps.all())));
  kernel.erase();
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
void SharedTile::write(CudaEmitter &e, Value address, const HopperPlace &place,
                       const CudaEmitter::Fragments &fragments) const {
  Value row = e.add(e.mul(place.warp, 16), e.band(place.lane, 15)), half = e.div(place.lane, 16);
  const int64_t chunks = rowBytes() / 16, perPanel = panel() / 16;
  Value swizzle = chunks == 8 ? e.band(row, 7) : e.band(e.div(row, 2), 3);
  Value rowBase = e.add(address, e.mul(row, rowBytes()));
  for (auto [k, fragment] : llvm::enumerate(fragments)) {
    Value chunk = e.bxor(e.add(half, 2 * int64_t(k % perPanel)), swizzle);
    Value at = e.add(e.add(rowBase, e.mul(chunk, 16)), int64_t(k / perPanel) * panelBytes());
    e.storeMatrix(at, fragment, /*transposed=*/false);
  }
}

HopperPlace::HopperPlace(CudaEmitter &e, Value threadOfBlock, Value groupOfBlock)
    : group(e.sub(groupOfBlock, 1)), thread(e.band(threadOfBlock, 127)),
      lane(e.band(threadOfBlock, 31)), warp(e.div(thread, 32)),
      row(e.add(e.add(e.mul(group, 64), e.mul(warp, 16)), e.div(lane, 4))),
      column(e.mul(e.band(lane, 3), 2)) {}

static WalkRange walkRange(CudaEmitter &e, tile::WalkOp walk, Value residue, Value tile,
                           int64_t rows) {
  auto bounds = e.inlineNarrow(walk.getBounds(), {residue, tile});
  Value lo = bounds[0], hi = bounds[3], none = e.i(0);
  WalkRange range;
  range.fullLo = bounds[1];
  range.fullHi = bounds[2];
  range.hi = hi;
  range.first = e.div(e.max(lo, none), rows);
  Value count = e.sub(e.div(e.add(hi, rows - 1), rows), range.first);
  range.count = e.select(e.less(lo, hi), count, none);
  return range;
}

WalkTiles::WalkTiles(CudaEmitter &e, ArrayRef<tile::WalkOp> walks, Value residue, Value tile,
                     int64_t rows)
    : e(e), walks(walks), residue(residue), tileRows(rows) {
  Value end;
  for (tile::WalkOp walk : walks) {
    ranges.push_back(walkRange(e, walk, residue, tile, rows));
    end = end ? e.add(end, ranges.back().count) : ranges.back().count;
    ends.push_back(end);
  }
  count = e.max(end ? end : e.i(0), e.i(1));
}

void WalkTiles::byWalk(Value number, function_ref<void(unsigned, Value)> body) const {
  std::function<void(unsigned)> from = [&](unsigned walk) {
    Value row = e.max(
        e.mul(e.sub(e.add(ranges[walk].first, ends[walk]), e.add(number, 1)), tileRows), e.i(0));
    if (walk + 1 == ranges.size())
      return body(walk, row);
    e.ifElse(
        e.less(number, ends[walk]), [&] { body(walk, row); }, [&] { from(walk + 1); });
  };
  from(0);
}

CudaEmitter::Values
WalkTiles::chooseByWalk(Value number, TypeRange types,
                        function_ref<CudaEmitter::Values(unsigned, Value)> body) const {
  std::function<CudaEmitter::Values(unsigned)> from = [&](unsigned walk) {
    Value row = e.max(
        e.mul(e.sub(e.add(ranges[walk].first, ends[walk]), e.add(number, 1)), tileRows), e.i(0));
    if (walk + 1 == ranges.size())
      return body(walk, row);
    return e.choose(
        e.less(number, ends[walk]), types, [&] { return body(walk, row); },
        [&] { return from(walk + 1); });
  };
  return from(0);
}

CudaEmitter::Values WalkTiles::masked(Value number, const Own &own, Value lane,
                                      const CudaEmitter::Values &scores) const {
  SmallVector<Type> types(scores.size(), e.f32);
  return chooseByWalk(number, types, [&](unsigned walk, Value row) {
    tile::WalkOp op = walks[walk];
    Value full =
        e.both(e.compare(arith::CmpIPredicate::sle, ranges[walk].fullLo, row),
               e.compare(arith::CmpIPredicate::sle, e.add(row, tileRows), ranges[walk].fullHi));
    if (own.existing) // the last tile
      full = e.both(full, own.wholeTile);
    return e.choose(
        full, types, [&] { return scores; },
        [&] {
          CudaEmitter::Values result;
          Value none = e.f(-std::numeric_limits<float>::infinity());
          Value base = e.add(row, lane);
          for (auto [k, score] : llvm::enumerate(scores)) {
            Value other = e.add(base, 8 * int64_t(k / 4) + int64_t(k % 2));
            Value mine = own.rows[k / 2 % 2];
            SmallVector<Value> pair = {residue, mine, other};
            if (own.areKeys)
              std::swap(pair[1], pair[2]);
            Value in = e.inlineNarrow(op.getMask(), pair)[0];
            in = e.both(in, e.less(other, ranges[walk].hi));
            if (own.existing)
              in = e.both(in, e.less(mine, own.existing));
            result.push_back(e.select(in, score, none));
          }
          return result;
        });
  });
}

void WalkTiles::clearMissing(Value number, const CudaTensor &tensor, const SharedTile &tile,
                             Value address, Value thread, int64_t threads,
                             function_ref<void()> synchronize) const {
  auto exact = [&](tile::WalkOp walk) { return bringsOnly(tensor, walk.getView(), tile.rows); };
  if (llvm::all_of(walks, exact))
    return;
  byWalk(number, [&](unsigned walk, Value row) {
    tile::WalkOp op = walks[walk];
    if (exact(op))
      return;
    Value existing = e.sub(rowCount(e, op.getView(), residue, tensor.positions()), row);
    existing = e.max(existing, e.i(0));
    e.ifThen(e.less(existing, e.i(tile.rows)), [&] {
      tile.clear(e, address, existing, thread, threads);
      synchronize();
    });
  });
}

Ring stc::next(CudaEmitter &e, Ring ring, int64_t stages) {
  Value slot = e.add(ring.slot, 1), wraps = e.equal(slot, stages);
  return {e.select(wraps, e.i(0), slot), e.select(wraps, e.bxor(ring.parity, 1), ring.parity)};
}
