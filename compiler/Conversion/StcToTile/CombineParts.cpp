//===- CombineParts.cpp - sums of what items have summed ------------------===//

#include "compiler/Conversion/StcToTile/CombineParts.h"

#include "compiler/Conversion/StcToTile/StcToTile.h"

#include <llvm/Support/MathExtras.h>

using namespace mlir;
using namespace stc;

/// Elements of an item.
static constexpr int64_t block = 1024;

namespace {
/// Goes over columns [from, to): `body` gets a column and gives what is combined over them, or
/// null.
tile::SweepOp sweep(KernelBuilder &b, Value from, Value to, Reduction reduction, Type result,
                    function_ref<Value(Value)> element) {
  auto op = tile::SweepOp::create(b, result ? TypeRange(result) : TypeRange(), from, to);
  Block &body = op.getBody().emplaceBlock();
  Value column = body.addArgument(b.getIndexType(), b.getLoc());
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&body);
  Value value = element(column);
  SmallVector<int32_t> combiners;
  if (value)
    combiners.push_back(static_cast<int32_t>(reduction == Reduction::Sum ? tile::Combiner::Sum
                                                                         : tile::Combiner::Max));
  tile::CombineOp::create(b, b.getDenseI32ArrayAttr(combiners),
                          value ? ValueRange(value) : ValueRange());
  return op;
}

Value narrow(KernelBuilder &b, Value value, Type type) {
  return value.getType() == type ? value : arith::TruncFOp::create(b, type, value).getResult();
}

void buildScalar(KernelBuilder &b, Reduction reduction, Type accumulator, Type element) {
  auto sum = sweep(b, b.index(0), b.size(0), reduction, accumulator, [&](Value part) -> Value {
    return memref::LoadOp::create(b, b.buffer(0), part);
  });
  memref::StoreOp::create(b, narrow(b, sum.getResult(0), element), b.buffer(1), b.index(0));
}

/// An item does a block of columns, in scratch.
void buildColumns(KernelBuilder &b, Reduction reduction, Type accumulator, Type element) {
  Value parts = b.buffer(0), result = b.buffer(1), count = b.size(0), columns = b.size(1);
  Value sums = tile::ScratchOp::create(b, MemRefType::get({block}, accumulator));
  Value first = b.mul(b.item(), b.index(block)), zero = b.index(0);
  Value width = b.min(b.index(block), arith::SubIOp::create(b, columns, first));
  auto none = [&](function_ref<void(Value)> body) {
    sweep(b, zero, width, reduction, Type(), [&](Value column) {
      body(column);
      return Value();
    });
  };
  auto part = [&](Value offset, Value column) -> Value {
    return memref::LoadOp::create(b, parts, b.add(offset, column));
  };
  none([&](Value column) { memref::StoreOp::create(b, part(first, column), sums, column); });
  auto loop = scf::ForOp::create(b, b.index(1), count, b.index(1));
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value offset = b.add(b.mul(loop.getInductionVar(), columns), first);
    none([&](Value column) {
      Value sum = memref::LoadOp::create(b, sums, column), next = part(offset, column);
      Value both = reduction == Reduction::Sum
                       ? arith::AddFOp::create(b, sum, next).getResult()
                       : arith::MaximumFOp::create(b, sum, next).getResult();
      memref::StoreOp::create(b, both, sums, column);
    });
  }
  none([&](Value column) {
    Value sum = memref::LoadOp::create(b, sums, column);
    memref::StoreOp::create(b, narrow(b, sum, element), result, b.add(first, column));
  });
}
} // namespace

Value stc::combineParts(OpBuilder &builder, KernelOutliner &outliner, Value parts, int64_t count,
                        Reduction reduction, RankedTensorType type) {
  Type accumulator = cast<RankedTensorType>(parts.getType()).getElementType();
  Type element = type.getElementType();
  int64_t columns = type.getNumElements();
  bool scalar = columns == 1;
  KernelKey key("combine");
  key.add(static_cast<int64_t>(scalar));
  key.add(static_cast<int64_t>(reduction));
  key.add(accumulator);
  key.add(element);
  SmallVector<Type> buffers{bufferType(ShapedType::kDynamic, accumulator),
                            bufferType(ShapedType::kDynamic, element)};
  std::string name = "combine_" + stringifyReduction(reduction).str();
  auto kernel =
      outliner.get(key, name, "rows", parts.getLoc(), buffers, /*sizes=*/2, [&](KernelBuilder &b) {
        (scalar ? buildScalar : buildColumns)(b, reduction, accumulator, element);
      });
  return createLaunch(builder, parts.getLoc(), kernel, type, parts,
                      llvm::divideCeil(columns, block), {count, columns})
      .getResult(0);
}
