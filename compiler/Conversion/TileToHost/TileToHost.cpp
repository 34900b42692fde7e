//===- TileToHost.cpp - kernels as functions over pointers ------------------===//

#include "compiler/Conversion/Passes.h"

#include <mlir/Dialect/Func/IR/FuncOps.h>
#include <mlir/Dialect/LLVMIR/LLVMDialect.h>

#include <limits>

namespace stc {
#define GEN_PASS_DEF_CONVERTTILETOHOST
#include "compiler/Conversion/Passes.h.inc"
} // namespace stc

using namespace mlir;
using namespace stc;

/// Buffers and scratch begin at a multiple of a cache line.
static constexpr int64_t alignment = 64;

/// The type of an argument that is lowered to a bare pointer, which only static shapes are.
static MemRefType pointerTo(MemRefType type) {
  if (type.hasStaticShape())
    return type;
  SmallVector<int64_t> shape(type.getRank(), 1);
  return MemRefType::get(shape, type.getElementType());
}

/// The buffer in the kernel's own type. A row-major address does not depend on the first size; no
/// kernel asks for it.
static Value castBuffer(OpBuilder &builder, Location loc, Value pointer, MemRefType type) {
  SmallVector<OpFoldResult> sizes, strides;
  auto [typeStrides, offset] = type.getStridesAndOffset();
  for (auto [size, stride] : llvm::zip(type.getShape(), typeStrides)) {
    sizes.push_back(builder.getIndexAttr(size));
    strides.push_back(builder.getIndexAttr(stride));
    if (ShapedType::isDynamic(size))
      sizes.back() =
          arith::ConstantIndexOp::create(builder, loc, std::numeric_limits<int64_t>::max())
              .getResult();
  }
  return memref::ReinterpretCastOp::create(builder, loc, type, pointer, builder.getIndexAttr(0),
                                           sizes, strides);
}

/// Replaces tile.scratch by views of the thread's memory; its size in bytes.
static int64_t placeScratch(func::FuncOp body, OpBuilder &builder) {
  SmallVector<tile::ScratchOp> ops;
  body.walk([&](tile::ScratchOp op) { ops.push_back(op); });
  SmallVector<int64_t> offsets;
  int64_t total = 0;
  for (tile::ScratchOp op : ops) {
    offsets.push_back(total);
    total += llvm::alignTo(plan::bytesOf(op.getType()), alignment);
  }
  auto type = MemRefType::get({total}, builder.getI8Type());
  unsigned number = body.getNumArguments();
  auto attributes = builder.getDictionaryAttr(
      {builder.getNamedAttr(LLVM::LLVMDialect::getNoAliasAttrName(), builder.getUnitAttr()),
       builder.getNamedAttr(LLVM::LLVMDialect::getAlignAttrName(),
                            builder.getI64IntegerAttr(alignment))});
  (void)body.insertArgument(number, type, attributes, body.getLoc());
  for (auto [op, offset] : llvm::zip(ops, offsets)) {
    builder.setInsertionPoint(op);
    Value shift = arith::ConstantIndexOp::create(builder, op.getLoc(), offset);
    Value view = memref::ViewOp::create(builder, op.getLoc(), op.getType(),
                                        body.getArgument(number), shift, ValueRange());
    op.replaceAllUsesWith(view);
    op.erase();
  }
  return total;
}

/// Replaces tile.lookup by reads of the module's memory.
static void placeTables(ModuleOp module, func::FuncOp body, OpBuilder &builder) {
  DenseMap<Attribute, memref::GlobalOp> tables;
  SmallVector<tile::LookupOp> ops;
  body.walk([&](tile::LookupOp op) { ops.push_back(op); });
  for (tile::LookupOp op : ops) {
    const Location loc = op.getLoc();
    const int64_t size = op.getTable().size();
    memref::GlobalOp &memory = tables[op.getTableAttr()];
    if (!memory) {
      auto elements = DenseElementsAttr::get(RankedTensorType::get({size}, builder.getI32Type()),
                                             op.getTable());
      builder.setInsertionPointToStart(module.getBody());
      memory = memref::GlobalOp::create(
          builder, loc, "table" + std::to_string(tables.size()), builder.getStringAttr("private"),
          MemRefType::get({size}, builder.getI32Type()), elements, /*constant=*/true,
          /*alignment=*/IntegerAttr());
    }
    builder.setInsertionPoint(op);
    auto index = [&](int64_t value) { return arith::ConstantIndexOp::create(builder, loc, value); };
    Value inside = arith::MaxSIOp::create(builder, loc, op.getIndex(), index(0));
    inside = arith::MinSIOp::create(builder, loc, inside, index(size - 1));
    Value table = memref::GetGlobalOp::create(builder, loc, memory.getType(), memory.getSymName());
    Value element = memref::LoadOp::create(builder, loc, table, inside);
    op.replaceAllUsesWith(
        arith::IndexCastOp::create(builder, loc, builder.getIndexType(), element).getResult());
    op.erase();
  }
}

static LogicalResult convertKernel(tile::KernelOp kernel) {
  for (BlockArgument buffer : kernel.getBuffers()) {
    auto type = cast<MemRefType>(buffer.getType());
    if (type.getRank() > 1 && llvm::any_of(type.getShape().drop_front(), ShapedType::isDynamic))
      return kernel.emitError("expected buffers whose sizes but the first are static, found ")
             << type;
  }
  OpBuilder builder(kernel);
  Location loc = kernel.getLoc();
  auto planKernel = plan::KernelOp::create(builder, loc, kernel.getSymName(), kernel.getKind(),
                                           /*scratch=*/0, plan::GridAttr());
  builder.createBlock(&planKernel.getBody());
  auto module = ModuleOp::create(builder, loc);
  builder.setInsertionPointToStart(module.getBody());

  SmallVector<Type> types;
  for (Type type : kernel.getBody().getArgumentTypes()) {
    auto memref = dyn_cast<MemRefType>(type);
    types.push_back(memref ? pointerTo(memref) : type);
  }
  auto body = func::FuncOp::create(builder, loc, (kernel.getSymName() + ".body").str(),
                                   builder.getFunctionType(types, {}));
  for (unsigned index = 0; index < kernel.getBuffers().size(); ++index) {
    body.setArgAttr(index, LLVM::LLVMDialect::getNoAliasAttrName(), builder.getUnitAttr());
    body.setArgAttr(index, LLVM::LLVMDialect::getAlignAttrName(),
                    builder.getI64IntegerAttr(alignment));
  }
  body.getBody().takeBody(kernel.getBody());
  Block &block = body.getBody().front();
  builder.setInsertionPointToStart(&block);
  for (BlockArgument argument : block.getArguments()) {
    auto type = dyn_cast<MemRefType>(argument.getType());
    if (!type || type.hasStaticShape())
      continue;
    argument.setType(pointerTo(type));
    Value cast = castBuffer(builder, loc, argument, type);
    argument.replaceAllUsesExcept(cast, cast.getDefiningOp());
  }
  Operation *end = block.getTerminator();
  builder.setInsertionPoint(end);
  func::ReturnOp::create(builder, end->getLoc());
  end->erase();
  planKernel.setScratch(placeScratch(body, builder));
  placeTables(module, body, builder);
  kernel.erase();
  return success();
}

namespace {
struct ConvertTileToHostPass : stc::impl::ConvertTileToHostBase<ConvertTileToHostPass> {
  void runOnOperation() override {
    for (auto kernel : llvm::make_early_inc_range(getOperation().getOps<tile::KernelOp>()))
      if (failed(convertKernel(kernel)))
        return signalPassFailure();
  }
};
} // namespace
