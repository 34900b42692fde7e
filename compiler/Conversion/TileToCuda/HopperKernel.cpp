//===- HopperKernel.cpp - what forward and backward kernels share ---------===//

#include "compiler/Conversion/TileToCuda/HopperKernel.h"

#include <mlir/IR/IRMapping.h>

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

CudaEmitter::Values
HopperKernel::eachItem(ValueRange carried,
                       function_ref<CudaEmitter::Values(IRMapping &, ValueRange)> body) {
  Value first = NVVM::BlockIdXOp::create(*b, e->i32), step = NVVM::GridDimXOp::create(*b, e->i32);
  return e->loop(first, items, step, carried, [&](Value item, ValueRange values) {
    IRMapping mapping;
    mapping.map(kernel.getItem(), item);
    e->cloneNarrow(kernel.getBody().front(), mapping);
    return body(mapping, values);
  });
}

void HopperKernel::finish(int64_t threads, int64_t sharedBytes) {
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
  function->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(), b->getI32IntegerAttr(1));
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

WalkRange stc::walkRange(CudaEmitter &e, tile::WalkOp walk, Value residue, Value tile,
                         int64_t keyRows) {
  auto bounds = e.inlineNarrow(walk.getBounds(), {residue, tile});
  Value lo = bounds[0], hi = bounds[3], none = e.i(0);
  WalkRange range;
  range.fullLo = bounds[1];
  range.fullHi = bounds[2];
  range.hi = hi;
  range.first = e.div(e.max(lo, none), keyRows);
  Value count = e.sub(e.div(e.add(hi, keyRows - 1), keyRows), range.first);
  range.count = e.select(e.less(lo, hi), count, none);
  return range;
}

KeyTiles::KeyTiles(CudaEmitter &e, ArrayRef<tile::WalkOp> walks, Value residue, Value tile,
                   int64_t keyRows)
    : e(e), keyRows(keyRows) {
  Value end;
  for (tile::WalkOp walk : walks) {
    ranges.push_back(walkRange(e, walk, residue, tile, keyRows));
    end = end ? e.add(end, ranges.back().count) : ranges.back().count;
    ends.push_back(end);
  }
  count = e.max(end ? end : e.i(0), e.i(1));
}

void KeyTiles::byWalk(Value number, function_ref<void(unsigned, Value)> body) const {
  std::function<void(unsigned)> from = [&](unsigned walk) {
    Value row = e.max(
        e.mul(e.sub(e.add(ranges[walk].first, ends[walk]), e.add(number, 1)), keyRows), e.i(0));
    if (walk + 1 == ranges.size())
      return body(walk, row);
    e.ifElse(
        e.less(number, ends[walk]), [&] { body(walk, row); }, [&] { from(walk + 1); });
  };
  from(0);
}

CudaEmitter::Values
KeyTiles::chooseByWalk(Value number, TypeRange types,
                       function_ref<CudaEmitter::Values(unsigned, Value)> body) const {
  std::function<CudaEmitter::Values(unsigned)> from = [&](unsigned walk) {
    Value row = e.max(
        e.mul(e.sub(e.add(ranges[walk].first, ends[walk]), e.add(number, 1)), keyRows), e.i(0));
    if (walk + 1 == ranges.size())
      return body(walk, row);
    return e.choose(
        e.less(number, ends[walk]), types, [&] { return body(walk, row); },
        [&] { return from(walk + 1); });
  };
  return from(0);
}

Ring stc::next(CudaEmitter &e, Ring ring, int64_t stages) {
  Value slot = e.add(ring.slot, 1), wraps = e.equal(slot, stages);
  return {e.select(wraps, e.i(0), slot), e.select(wraps, e.bxor(ring.parity, 1), ring.parity)};
}
