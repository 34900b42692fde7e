//===- CombineParts.cpp - sums of what items have summed ------------------===//

#include "compiler/Conversion/StcToTile/CombineParts.h"

#include "compiler/Conversion/StcToTile/StcToTile.h"

#include <llvm/Support/MathExtras.h>

#include <limits>

using namespace mlir;
using namespace stc;

/// Columns of an item: of all parts in scratch, or of some whose loads are under way at once.
static constexpr int64_t block = 1024, groupBlock = 32;

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

Value combine(KernelBuilder &b, Reduction reduction, Value l, Value r) {
  return reduction == Reduction::Sum ? arith::AddFOp::create(b, l, r).getResult()
                                     : arith::MaximumFOp::create(b, l, r).getResult();
}

/// An item does a group of parts of a scalar; all of them if `group` is 0.
void buildScalar(KernelBuilder &b, Reduction reduction, Type accumulator, Type element,
                 int64_t group) {
  Value first = b.mul(b.item(), b.index(group)), last = b.size(0);
  if (group)
    last = b.min(b.add(first, b.index(group)), last);
  auto sum = sweep(b, first, last, reduction, accumulator, [&](Value part) -> Value {
    return memref::LoadOp::create(b, b.buffer(0), part);
  });
  memref::StoreOp::create(b, narrow(b, sum.getResult(0), element), b.buffer(1),
                          group ? b.item() : b.index(0));
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
      memref::StoreOp::create(b, combine(b, reduction, sum, next), sums, column);
    });
  }
  none([&](Value column) {
    Value sum = memref::LoadOp::create(b, sums, column);
    memref::StoreOp::create(b, narrow(b, sum, element), result, b.add(first, column));
  });
}

/// An item does a block of columns of a group of parts, as a tree. The last group is a whole one,
/// or what it lacks are parts that change nothing.
void buildGroup(KernelBuilder &b, Reduction reduction, Type accumulator, Type element,
                int64_t group, bool isWhole) {
  Value count = b.size(0), columns = b.size(1), length = b.index(groupBlock);
  Value blocks = b.div(b.add(columns, b.index(groupBlock - 1)), length);
  Value number = b.div(b.item(), blocks), part = b.mul(number, b.index(group));
  Value first = b.mul(b.rem(b.item(), blocks), length), last = b.blockEnd(first, length, columns);
  double neutral = reduction == Reduction::Sum ? 0 : -std::numeric_limits<double>::infinity();
  Value none = arith::ConstantOp::create(b, b.getFloatAttr(accumulator, neutral));
  SmallVector<Value> offsets{b.mul(part, columns)}, exist;
  for (int64_t k = 1; k < group; ++k) {
    Value next = b.add(offsets.back(), columns);
    if (!isWhole) {
      exist.push_back(
          arith::CmpIOp::create(b, arith::CmpIPredicate::ult, b.add(part, b.index(k)), count));
      next = arith::SelectOp::create(b, exist.back(), next, offsets.back());
    }
    offsets.push_back(next);
  }
  Value target = b.mul(number, columns);
  sweep(b, first, last, reduction, Type(), [&](Value column) {
    SmallVector<Value> values;
    for (Value offset : offsets)
      values.push_back(memref::LoadOp::create(b, b.buffer(0), b.add(offset, column)));
    for (auto [k, exists] : llvm::enumerate(exist))
      values[k + 1] = arith::SelectOp::create(b, exists, values[k + 1], none);
    for (; values.size() > 1; values.resize((values.size() + 1) / 2))
      for (size_t k = 0, half = (values.size() + 1) / 2; k + half < values.size(); ++k)
        values[k] = combine(b, reduction, values[k], values[k + half]);
    memref::StoreOp::create(b, narrow(b, values[0], element), b.buffer(1), b.add(target, column));
    return Value();
  });
}

/// A launch that leaves one part of each group of `group`; of all parts if it is 0.
Value combineGroups(OpBuilder &builder, KernelOutliner &outliner, Value parts, int64_t count,
                    Reduction reduction, RankedTensorType type, int64_t columns, int64_t group) {
  Type accumulator = cast<RankedTensorType>(parts.getType()).getElementType();
  Type element = type.getElementType();
  bool scalar = columns == 1, isWhole = group && count % group == 0;
  SmallVector<Type> buffers{bufferType(ShapedType::kDynamic, accumulator),
                            bufferType(ShapedType::kDynamic, element)};
  std::string name = "combine_" + stringifyReduction(reduction).str();
  auto kernel =
      outliner.get(name, "rows", parts.getLoc(), buffers, /*sizes=*/2, [&](KernelBuilder &b) {
        if (scalar)
          buildScalar(b, reduction, accumulator, element, group);
        else if (group)
          buildGroup(b, reduction, accumulator, element, group, isWhole);
        else
          buildColumns(b, reduction, accumulator, element);
      });
  int64_t groups = group ? llvm::divideCeil(count, group) : 1;
  int64_t blocks = scalar ? 1 : llvm::divideCeil(columns, group ? groupBlock : block);
  return createLaunch(builder, parts.getLoc(), kernel, type, parts, groups * blocks,
                      {count, columns})
      .getResult(0);
}
} // namespace

Value stc::combineParts(OpBuilder &builder, KernelOutliner &outliner, Value parts, int64_t count,
                        Reduction reduction, RankedTensorType type, const RowWork &work) {
  int64_t columns = type.getNumElements();
  int64_t group = columns == 1 ? work.scalarPartsAtOnce : work.partsAtOnce;
  Type accumulator = cast<RankedTensorType>(parts.getType()).getElementType();
  while (group && count > group) {
    int64_t groups = llvm::divideCeil(count, group);
    auto left = RankedTensorType::get({groups * columns}, accumulator);
    parts = combineGroups(builder, outliner, parts, count, reduction, left, columns, group);
    count = groups;
  }
  // Fewer loads where few parts are left; of a scalar they are a loop.
  if (group && columns > 1)
    group = std::min<int64_t>(group, llvm::PowerOf2Ceil(count));
  return combineGroups(builder, outliner, parts, count, reduction, type, columns, group);
}
