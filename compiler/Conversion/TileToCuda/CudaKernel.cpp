//===- CudaKernel.cpp - the frame of a kernel for an NVIDIA GPU -----------===//

#include "compiler/Conversion/TileToCuda/CudaKernel.h"

using namespace mlir;
using namespace stc;

static constexpr llvm::StringLiteral kShared = "dynamic_shared";

static ArrayRef<int64_t> examplesOf(tile::KernelOp kernel) {
  auto examples = kernel->getAttrOfType<DenseI64ArrayAttr>(tile::kExamples);
  return examples ? examples.asArrayRef() : ArrayRef<int64_t>();
}

CudaKernel::CudaKernel(tile::KernelOp kernel, Type element)
    : maps(kernel.getContext(), examplesOf(kernel)), kernel(kernel), outer(kernel) {
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
  if (kernel->hasAttr(tile::kBatchedKernel)) {
    launchTable = block->addArgument(global, loc);
    launches = block->addArgument(b->getI32Type(), loc);
  } else {
    for (unsigned k = 0; k < kernel.getBuffers().size(); ++k)
      bufferParameters.push_back(block->addArgument(global, loc));
    for (unsigned k = 0; k < kernel.getSizes().size(); ++k)
      sizeParameters.push_back(block->addArgument(b->getI64Type(), loc));
  }
  items = block->addArgument(b->getI32Type(), loc);
  e = std::make_unique<CudaEmitter>(*b, element);
  e->sizes = sizeParameters;
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

Value CudaKernel::map(unsigned number) {
  Block &block = function.getBody().front();
  while (mapParameters.size() <= number)
    mapParameters.push_back(block.insertArgument(
        mapParameters.size(), LLVM::LLVMPointerType::get(b->getContext()), kernel.getLoc()));
  return mapParameters[number];
}

Value CudaKernel::buffer(unsigned argument) { return bufferParameters[argument]; }
Value CudaKernel::size(unsigned argument) { return sizeParameters[argument]; }

Value CudaKernel::address(const CudaTensor &tensor, Value batch, Value position, Value head,
                          int64_t column) {
  int64_t bytes = tensor.type.getElementTypeBitWidth() / 8;
  Value offset =
      arith::ConstantOp::create(*b, b->getI64IntegerAttr((tensor.offset + column) * bytes));
  for (auto [value, stride] :
       llvm::zip(SmallVector<Value>{batch, position, head}, tensor.strides)) {
    Value index = arith::ExtSIOp::create(*b, e->i64, value);
    offset = arith::AddIOp::create(*b, offset,
                                   Value(arith::MulIOp::create(*b, index, stride.wide(*e, bytes))));
  }
  return LLVM::GEPOp::create(*b, LLVM::LLVMPointerType::get(b->getContext(), 1), b->getI8Type(),
                             buffer(tensor.argument), ArrayRef<LLVM::GEPArg>{offset});
}

Value CudaKernel::elementAddress(const CudaTensor &tensor, Value position, const CudaItem &item,
                                 Value column) {
  Value base = address(tensor, item.batch, position, item.head);
  int64_t bytes = tensor.type.getElementTypeBitWidth() / 8;
  Value index = arith::ExtSIOp::create(*b, e->i64, e->mul(column, bytes));
  return LLVM::GEPOp::create(*b, base.getType(), b->getI8Type(), base,
                             ArrayRef<LLVM::GEPArg>{index});
}

Value CudaKernel::advance(Value address, const CudaTensor &tensor, Value positions) {
  Value stride = tensor.strides[1].wide(*e, tensor.elementBytes());
  Value bytes =
      arith::MulIOp::create(*b, Value(arith::ExtSIOp::create(*b, e->i64, positions)), stride);
  return LLVM::GEPOp::create(*b, address.getType(), b->getI8Type(), address,
                             ArrayRef<LLVM::GEPArg>{bytes});
}

static int64_t bytesOf(Type element) { return element.getIntOrFloatBitWidth() / 8; }

// At most 16 bytes at once.
CudaEmitter::Values CudaKernel::loadVectors(Type element, Value address, int64_t count) {
  const int64_t bytes = bytesOf(element), length = std::min(count, 16 / bytes);
  auto type = VectorType::get({length}, element);
  CudaEmitter::Values all;
  for (int64_t k = 0; k < count; k += length)
    all.push_back(LLVM::LoadOp::create(*b, type, e->behind(address, k * bytes), length * bytes));
  return all;
}

CudaEmitter::Values CudaKernel::elementsOf(ValueRange vectors) {
  CudaEmitter::Values all;
  for (Value some : vectors) {
    auto type = cast<VectorType>(some.getType());
    if (type.getElementType() != e->f32)
      some = arith::ExtFOp::create(*b, type.clone(e->f32), some);
    for (int64_t j = 0; j < type.getNumElements(); ++j)
      all.push_back(LLVM::ExtractElementOp::create(*b, some, e->i(j)));
  }
  return all;
}

void CudaKernel::storeElements(const CudaEmitter::Values &values, Type element, Value address) {
  auto type = VectorType::get({int64_t(values.size())}, element);
  Value all = LLVM::PoisonOp::create(*b, type.clone(e->f32));
  for (auto [k, value] : llvm::enumerate(values))
    all = LLVM::InsertElementOp::create(*b, all, value, e->i(k));
  if (element != e->f32)
    all = arith::TruncFOp::create(*b, type, all);
  LLVM::StoreOp::create(*b, all, address, type.getNumElements() * bytesOf(element));
}

// Where rows do not begin and end at pairs of elements, these are read and written one by one.
static bool hasPairs(const CudaTensor &tensor) {
  return tensor.alignment() % (2 * tensor.elementBytes()) == 0;
}

CudaEmitter::Values CudaKernel::loadRow(const CudaTensor &tensor, Value position,
                                        const CudaItem &item, Value first, int64_t columns) {
  auto ifColumn = [&](Value column, int64_t count, function_ref<CudaEmitter::Values(Value)> load) {
    return e->choose(
        e->less(column, e->i(tensor.size())), SmallVector<Type>(count, e->f32),
        [&] { return load(elementAddress(tensor, position, item, column)); },
        [&] { return CudaEmitter::Values(count, e->f(0)); });
  };
  CudaEmitter::Values all;
  for (int64_t c = 0; c < columns; c += 8) {
    Value column = e->add(first, c);
    if (hasPairs(tensor))
      all.append(ifColumn(column, 2, [&](Value at) -> CudaEmitter::Values {
        auto [low, high] = e->unpack(LLVM::LoadOp::create(*b, e->pair, at));
        return {low, high};
      }));
    else
      for (int64_t k : {0, 1})
        all.append(ifColumn(e->add(column, k), 1, [&](Value at) -> CudaEmitter::Values {
          Value element = LLVM::LoadOp::create(*b, e->element, at);
          return {e->element == e->f32 ? element : arith::ExtFOp::create(*b, e->f32, element)};
        }));
  }
  return all;
}

void CudaKernel::storeRow(const CudaTensor &tensor, Value position, const CudaItem &item,
                          Value first, const CudaEmitter::Values &results, int half) {
  auto store = [&](Value value, Value column) {
    e->ifThen(e->less(column, e->i(tensor.size())), [&] {
      LLVM::StoreOp::create(*b, value, elementAddress(tensor, position, item, column));
    });
  };
  for (size_t k = 0; k < results.size(); k += 4) {
    Value column = e->add(first, 2 * int64_t(k));
    Value pair = e->pack(results[k + 2 * half], results[k + 2 * half + 1]);
    if (hasPairs(tensor)) {
      store(pair, column);
      continue;
    }
    Value both = LLVM::BitcastOp::create(*b, VectorType::get({2}, e->element), pair);
    for (int64_t n : {0, 1})
      store(LLVM::ExtractElementOp::create(*b, both, e->i(n)), e->add(column, n));
  }
}

// A volatile load leaves nothing in the L1 cache that would be old later.
IRMapping CudaKernel::scalarsOf(Value item, bool mayChange) {
  IRMapping mapping;
  mapping.map(kernel.getItem(), item);
  for (auto [number, size] : llvm::enumerate(kernel.getSizes()))
    mapping.map(size, e->narrowSize(number));
  for (auto load : kernel.getBody().getOps<memref::LoadOp>()) {
    Value address = buffer(cast<BlockArgument>(load.getMemRef()).getArgNumber());
    mapping.map(load.getResult(), LLVM::LoadOp::create(*b, load.getType(), address,
                                                       /*alignment=*/0, mayChange));
  }
  e->cloneNarrow(kernel.getBody().front(), mapping);
  return mapping;
}

void stc::createLaunchWait(OpBuilder &b, Location loc) {
  for (auto kind : {NVVM::GridDepActionKind::wait, NVVM::GridDepActionKind::launch_dependents})
    NVVM::GriddepcontrolOp::create(b, loc, kind);
}

void CudaKernel::beforeWait(function_ref<void(IRMapping &)> body) {
  Value block = NVVM::BlockIdXOp::create(*b, e->i32);
  IRMapping mapping = scalarsOf(e->div(block, clusterBlocks), /*mayChange=*/true);
  body(mapping);
  waitForLaunches();
}

// LLVM takes the wait to have nothing to do with memory, and would move loads behind it.
void CudaKernel::waitForLaunches() {
  e->fenceMoves();
  createLaunchWait(*b, b->getLoc());
}

// Blocks of a cluster are neighbours.
Value CudaKernel::blockOfCluster() {
  if (clusterBlocks == 1)
    return e->i(0);
  return e->rem(NVVM::BlockIdXOp::create(*b, e->i32), clusterBlocks);
}

std::pair<Value, Value> CudaKernel::blockOfGrid() {
  Value block = NVVM::BlockIdXOp::create(*b, e->i32), blocks = NVVM::GridDimXOp::create(*b, e->i32);
  if (clusterBlocks == 1)
    return {block, blocks};
  return {e->div(block, clusterBlocks), e->div(blocks, clusterBlocks)};
}

// Long items come first, so that blocks take them forth and back: who had the longest of one round
// has the shortest of the next.
CudaEmitter::Values
CudaKernel::eachItemOf(Value firstRound, Value place, ValueRange carried,
                       function_ref<CudaEmitter::Values(IRMapping &, ValueRange)> body) {
  Value blocks = blockOfGrid().second;
  SmallVector<Value> start(carried);
  start.push_back(place); // of this round
  auto results = e->loop(firstRound, items, blocks, start, [&](Value first, ValueRange all) {
    Value place = all.back();
    ValueRange values = all.drop_back(1);
    Value item = e->add(first, place);
    auto done = e->choose(
        e->less(item, items), values.getTypes(),
        [&] {
          Value next = e->add(e->add(first, blocks), e->sub(e->sub(blocks, 1), place));
          hasNext = e->less(next, items);
          roundStart = first;
          IRMapping mapping = scalarsOf(item, /*mayChange=*/false);
          return body(mapping, values);
        },
        [&] { return CudaEmitter::Values(values); });
    done.push_back(e->sub(e->sub(blocks, 1), place));
    return done;
  });
  results.pop_back();
  return results;
}

CudaEmitter::Values
CudaKernel::eachItem(ValueRange carried,
                     function_ref<CudaEmitter::Values(IRMapping &, ValueRange)> body) {
  return eachItemOf(e->i(0), blockOfGrid().first, carried, body);
}

void CudaKernel::eachItemFrom(Value roundStart, function_ref<void(IRMapping &)> body) {
  auto [block, blocks] = blockOfGrid();
  Value round = arith::DivUIOp::create(*b, roundStart, blocks);
  Value place = e->select(e->equal(e->band(round, 1), 0), block, e->sub(e->sub(blocks, 1), block));
  eachItemOf(roundStart, place, {}, [&](IRMapping &mapping, ValueRange) {
    body(mapping);
    return CudaEmitter::Values();
  });
}

// Neighbouring items go to different blocks, so that few items are spread over the whole GPU.
void CudaKernel::eachItemOfWarp(int64_t threads, function_ref<void(Value)> body) {
  Value block = NVVM::BlockIdXOp::create(*b, e->i32), blocks = NVVM::GridDimXOp::create(*b, e->i32);
  Value first = e->add(e->mul(e->div(e->threadId(threads), 32), blocks), block);
  auto wide = [&](Value value) -> Value {
    return arith::IndexCastUIOp::create(*b, b->getIndexType(), value);
  };
  e->loop(wide(first), wide(items), wide(e->mul(blocks, threads / 32)), {},
          [&](Value item, ValueRange) {
            body(launches ? enterLaunch(item) : item);
            return CudaEmitter::Values();
          });
}

// The last launch whose first item is not behind the item: all lanes search together, by halves.
Value CudaKernel::enterLaunch(Value item) {
  const size_t buffers = kernel.getBuffers().size(), sizes = kernel.getSizes().size();
  const auto rowWords = int64_t(1 + buffers + sizes);
  Value wide = arith::IndexCastOp::create(*b, e->i64, item);
  auto word = [&](Value row, int64_t number) -> Value {
    Value at = LLVM::GEPOp::create(*b, launchTable.getType(), e->i64, launchTable,
                                   ArrayRef<LLVM::GEPArg>{e->add(e->mul(row, rowWords), number)});
    return LLVM::LoadOp::create(*b, e->i64, at);
  };
  Value found = e->i(0), last = e->sub(launches, 1);
  for (int64_t step = tile::kMaxBatch / 2; step > 0; step /= 2) {
    Value next = e->add(found, step), row = e->min(next, last);
    Value isAhead = e->compare(arith::CmpIPredicate::sle, word(row, 0), wide);
    found = e->select(isAhead, row, found);
  }
  bufferParameters.clear();
  sizeParameters.clear();
  for (size_t k = 0; k < buffers; ++k)
    bufferParameters.push_back(
        LLVM::IntToPtrOp::create(*b, launchTable.getType(), word(found, int64_t(1 + k))));
  for (size_t k = 0; k < sizes; ++k)
    sizeParameters.push_back(word(found, int64_t(1 + buffers + k)));
  Value first = arith::IndexCastOp::create(*b, b->getIndexType(), word(found, 0));
  return arith::SubIOp::create(*b, item, first);
}

void CudaKernel::finish(int64_t threads, int64_t sharedBytes, int64_t blocks) {
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
  if (areDistinct && !launches)
    for (Value buffer : bufferParameters)
      function.setArgAttr(cast<BlockArgument>(buffer).getArgNumber(),
                          LLVM::LLVMDialect::getNoAliasAttrName(), b->getUnitAttr());
  function->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(), b->getUnitAttr());
  function->setAttr(NVVM::NVVMDialect::getReqntidAttrName(),
                    b->getDenseI32ArrayAttr({static_cast<int32_t>(threads)}));
  function->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(),
                    b->getI32IntegerAttr(static_cast<int32_t>(blocks)));
  if (clusterBlocks > 1)
    function->setAttr(NVVM::NVVMDialect::getClusterDimAttrName(),
                      b->getDenseI32ArrayAttr({static_cast<int32_t>(clusterBlocks)}));
  result.setGridAttr(plan::GridAttr::get(context, threads, sharedBytes,
                                         ArrayAttr::get(context, maps.all()),
                                         /*early=*/false));
  kernel.erase();
}
