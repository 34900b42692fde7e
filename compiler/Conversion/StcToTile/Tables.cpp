//===- Tables.cpp - launches that copy or add rows ------------------------===//
//
// Gather, scatter-add, the insertion of a row, and the parts and joins of rows. All are loops over
// rows with sweeps over the columns.
//
//===----------------------------------------------------------------------===//

#include "compiler/Conversion/StcToTile/CombineParts.h"
#include "compiler/Conversion/StcToTile/StcToTile.h"

#include <llvm/Support/MathExtras.h>

#include <map>

using namespace mlir;
using namespace stc;

namespace {

RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }
/// A scalar is one column.
int64_t columnsOf(Value value) {
  auto shape = typeOf(value).getShape();
  return shape.empty() ? 1 : shape.back();
}
int64_t rowsOf(Value value) { return typeOf(value).getNumElements() / columnsOf(value); }

/// Rows of a tensor as a kernel sees them.
MemRefType rowsBuffer(Value value) {
  return bufferType({ShapedType::kDynamic, columnsOf(value)}, typeOf(value).getElementType());
}

void forRows(KernelBuilder &b, Value from, Value to, function_ref<void(Value)> body,
             int64_t step = 1) {
  auto loop = scf::ForOp::create(b, from, to, b.index(step));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

/// The rows of an item; sizes 0 and 1 are the number of all rows and of those that an item does.
void forItemRows(KernelBuilder &b, function_ref<void(Value)> body) {
  Value first = b.mul(b.item(), b.size(1));
  forRows(b, first, b.min(b.add(first, b.size(1)), b.size(0)), body);
}

void sweep(KernelBuilder &b, Value from, Value to, function_ref<void(Value)> element) {
  auto op = tile::SweepOp::create(b, TypeRange(), from, to);
  Block &body = op.getBody().emplaceBlock();
  Value column = body.addArgument(b.getIndexType(), b.getLoc());
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&body);
  element(column);
  tile::CombineOp::create(b, b.getDenseI32ArrayAttr({}), ValueRange());
}

/// Copies `count` columns of a row, from and to an offset.
void copyRow(KernelBuilder &b, Value source, Value sourceRow, int64_t sourceOffset, Value target,
             Value targetRow, int64_t targetOffset, int64_t count) {
  Value from = b.index(sourceOffset), to = b.index(targetOffset);
  sweep(b, b.index(0), b.index(count), [&](Value column) {
    Value value = memref::LoadOp::create(b, source, ValueRange{sourceRow, b.add(column, from)});
    memref::StoreOp::create(b, value, target, ValueRange{targetRow, b.add(column, to)});
  });
}

/// An index brought into [0, size).
Value clampIndex(KernelBuilder &b, Value index, Value size) {
  Value wide = arith::IndexCastOp::create(b, b.getIndexType(), index);
  Value last = b.add(size, b.index(-1));
  return arith::MinSIOp::create(b, arith::MaxSIOp::create(b, wide, b.index(0)), last);
}

/// Launches a kernel over ranges of rows.
tile::LaunchOp launchRows(Operation *op, tile::KernelOp kernel, TypeRange results,
                          ValueRange operands, int64_t rows, int64_t columns, const RowWork &work,
                          ArrayRef<int64_t> moreSizes = {}) {
  OpBuilder builder(op);
  int64_t rowsAnItem = std::clamp<int64_t>(work.itemElements / columns, 1, rows);
  SmallVector<int64_t> sizes{rows, rowsAnItem};
  llvm::append_range(sizes, moreSizes);
  return createLaunch(builder, op->getLoc(), kernel, results, operands,
                      llvm::divideCeil(rows, rowsAnItem), sizes);
}

/// For a kernel that touches some rows of a large operand or result.
void setBytes(tile::LaunchOp launch, int64_t bytes) {
  launch.setWorkAttr(tile::WorkAttr::get(launch.getContext(), /*flops=*/0, bytes));
}

LogicalResult replace(Operation *op, tile::LaunchOp launch) {
  op->replaceAllUsesWith(launch);
  op->erase();
  return success();
}
} // namespace

LogicalResult stc::convertGather(GatherOp op, KernelOutliner &outliner, const RowWork &work) {
  const Columns table = columnsOfWhole(op.getTable());
  Value indices = op.getIndices();
  int64_t columns = columnsOf(op.getTable());
  Type element = typeOf(table.whole).getElementType();
  SmallVector<Type> buffers{rowsBuffer(table.whole),
                            bufferType(ShapedType::kDynamic, typeOf(indices).getElementType()),
                            bufferType({ShapedType::kDynamic, columns}, element)};
  auto kernel = outliner.get("gather", "table", op.getLoc(), buffers,
                             /*sizes=*/3, [&](KernelBuilder &b) {
                               forItemRows(b, [&](Value row) {
                                 Value index = memref::LoadOp::create(b, b.buffer(1), row);
                                 copyRow(b, b.buffer(0), clampIndex(b, index, b.size(2)),
                                         table.first, b.buffer(2), row, 0, columns);
                               });
                             });
  int64_t rows = typeOf(indices).getNumElements(), tableRows = rowsOf(table.whole);
  auto launch =
      launchRows(op, kernel, op.getType(), {table.whole, indices}, rows, columns, work, tableRows);
  setBytes(launch, bytesOf(op.getTable().getType()) / tableRows * std::min(rows, tableRows) +
                       bytesOf(indices.getType()) + bytesOf(op.getType()));
  return replace(op, launch);
}

LogicalResult stc::convertScatterAdd(ScatterAddOp op, KernelOutliner &outliner,
                                     const RowWork &work) {
  Value rows = op.getRows(), indices = op.getIndices();
  int64_t columns = columnsOf(op.getResult());
  Type element = typeOf(rows).getElementType();
  if (!element.isF32() && !element.isF64())
    return op.emitOpError("expected rows of f32 or f64 to add, found ") << element;
  MemRefType rowType = bufferType({ShapedType::kDynamic, columns}, element);
  SmallVector<Type> buffers{
      rowType, bufferType(ShapedType::kDynamic, typeOf(indices).getElementType()), rowType};
  int64_t count = typeOf(indices).getNumElements(), tableRows = rowsOf(op.getResult());
  int64_t width = std::min(work.scatterColumns, columns), blocks = llvm::divideCeil(columns, width);
  // Parts have sums of their own; these are at most as many elements as the rows are.
  int64_t parts = std::clamp<int64_t>(count / tableRows, 1, work.maxScatterParts);
  int64_t rowsAPart = llvm::divideCeil(count, parts);
  parts = llvm::divideCeil(count, rowsAPart);
  // An item owns a block of columns of a part's whole table, so that rows of one index are added in
  // order, some of them at a time.
  auto build = [&](KernelBuilder &b) {
    Value count = b.size(0), tableRows = b.size(1), block = b.item();
    Value from = b.index(0), to = count, table = b.index(0);
    if (parts > 1) {
      Value part = b.div(b.item(), b.index(blocks));
      block = b.rem(b.item(), b.index(blocks));
      from = b.mul(part, b.size(2));
      to = b.min(b.add(from, b.size(2)), count);
      table = b.mul(part, tableRows);
    }
    Value first = b.mul(block, b.index(work.scatterColumns));
    Value last = b.blockEnd(first, b.index(work.scatterColumns), b.index(columns));
    Value zero = arith::ConstantOp::create(b, b.getFloatAttr(element, 0));
    forRows(b, table, b.add(table, tableRows), [&](Value row) {
      sweep(b, first, last, [&](Value column) {
        memref::StoreOp::create(b, zero, b.buffer(2), ValueRange{row, column});
      });
    });
    auto addRows = [&](Value row, int64_t together) {
      SmallVector<Value> rows, targets;
      for (int64_t k = 0; k < together; ++k) {
        rows.push_back(b.add(row, b.index(k)));
        Value index = memref::LoadOp::create(b, b.buffer(1), rows.back());
        targets.push_back(b.add(table, clampIndex(b, index, tableRows)));
      }
      // The sums are loaded before any is stored: a row of the same index has a later one.
      std::map<std::pair<size_t, size_t>, Value> isSame;
      for (size_t k = 0; k < targets.size(); ++k)
        for (size_t before = 0; before < k; ++before)
          isSame[{before, k}] =
              arith::CmpIOp::create(b, arith::CmpIPredicate::eq, targets[before], targets[k]);
      sweep(b, first, last, [&](Value column) {
        auto load = [&](Value buffer, Value row) -> Value {
          return memref::LoadOp::create(b, buffer, ValueRange{row, column});
        };
        auto sums = llvm::map_to_vector(targets, [&](Value row) { return load(b.buffer(2), row); });
        auto terms = llvm::map_to_vector(rows, [&](Value row) { return load(b.buffer(0), row); });
        for (auto [k, target] : llvm::enumerate(targets)) {
          for (size_t before = 0; before < k; ++before)
            sums[k] = arith::SelectOp::create(b, isSame[{before, k}], sums[before], sums[k]);
          sums[k] = arith::AddFOp::create(b, sums[k], terms[k]);
          memref::StoreOp::create(b, sums[k], b.buffer(2), ValueRange{target, column});
        }
      });
    };
    Value whole = from;
    if (int64_t together = work.scatterRows; together > 1) {
      Value rows = arith::SubIOp::create(b, to, from);
      whole = b.add(from, b.mul(b.div(rows, b.index(together)), b.index(together)));
      forRows(
          b, from, whole, [&](Value row) { addRows(row, together); }, together);
    }
    forRows(b, whole, to, [&](Value row) { addRows(row, 1); });
  };
  auto kernel = outliner.get("scatter_add", "table", op.getLoc(), buffers,
                             /*sizes=*/parts > 1 ? 3 : 2, build);
  OpBuilder builder(op);
  SmallVector<int64_t> sizes{count, tableRows};
  if (parts == 1)
    return replace(op, createLaunch(builder, op.getLoc(), kernel, op.getType(), {rows, indices},
                                    blocks, sizes));
  sizes.push_back(rowsAPart);
  auto type = RankedTensorType::get({parts * tableRows * columns}, element);
  auto launch =
      createLaunch(builder, op.getLoc(), kernel, type, {rows, indices}, parts * blocks, sizes);
  op.replaceAllUsesWith(combineParts(builder, outliner, launch.getResult(0), parts, Reduction::Sum,
                                     op.getType(), work));
  op.erase();
  return success();
}

Columns stc::columnsOfWhole(Value rows) {
  Value part = rows;
  if (auto reshape = part.getDefiningOp<ReshapeOp>();
      reshape && columnsOf(reshape.getInput()) == columnsOf(rows))
    part = reshape.getInput();
  auto split = part.getDefiningOp<SplitOp>();
  if (!split)
    return {rows};
  Columns columns{split.getInput()};
  for (Value before : split.getResults().take_front(cast<OpResult>(part).getResultNumber()))
    columns.first += columnsOf(before);
  return columns;
}

// A row that is a range of columns of a wider one is read where it lies.
LogicalResult stc::convertInsertRow(InsertRowOp op, KernelOutliner &outliner, const RowWork &work) {
  auto shape = typeOf(op.getSequence()).getShape();
  int64_t batch = shape[0], positions = shape[1];
  int64_t columns = typeOf(op.getSequence()).getNumElements() / (batch * positions);
  Type element = typeOf(op.getSequence()).getElementType();
  Columns row{op.getRow()};
  if (auto reshape = op.getRow().getDefiningOp<ReshapeOp>();
      reshape && columnsOf(reshape.getInput()) == columns)
    row = columnsOfWhole(reshape.getInput());
  const bool isPart = row.whole != op.getRow();
  SmallVector<Type> buffers{
      bufferType({ShapedType::kDynamic, isPart ? columnsOf(row.whole) : columns}, element),
      bufferType({ShapedType::kDynamic, columns}, element),
      bufferType({}, typeOf(op.getPosition()).getElementType())};
  auto build = [&](KernelBuilder &b) {
    Value position = clampIndex(b, memref::LoadOp::create(b, b.buffer(2), ValueRange()), b.size(2));
    forItemRows(b, [&](Value item) {
      copyRow(b, b.buffer(0), item, row.first, b.buffer(1), b.add(b.mul(item, b.size(2)), position),
              0, columns);
    });
  };
  auto kernel = outliner.get("insert_row", "table", op.getLoc(), buffers, /*sizes=*/3, build);
  auto launch =
      launchRows(op, kernel, op.getType(), {row.whole, op.getSequence(), op.getPosition()}, batch,
                 columns, work, positions);
  launch.setTied({1});
  setBytes(launch, 2 * bytesOf(op.getRow().getType()) + bytesOf(op.getPosition().getType()));
  return replace(op, launch);
}

/// Copies the columns of `whole` to `parts` side by side, or back; parts that nobody reads are left
/// out.
static tile::LaunchOp copyParts(Operation *op, StringRef name, Value whole, ValueRange parts,
                                bool join, KernelOutliner &outliner, const RowWork &work) {
  struct Part {
    Value value;
    int64_t first; ///< of its columns in the whole
  };
  SmallVector<Part> read;
  int64_t columns = 0;
  for (Value part : parts) {
    if (!part.use_empty())
      read.push_back({part, columns});
    columns += columnsOf(part);
  }
  SmallVector<Type> buffers, results;
  for (const Part &part : read) {
    buffers.push_back(rowsBuffer(part.value));
    results.push_back(part.value.getType());
  }
  const unsigned wholeNumber = join ? read.size() : 0;
  buffers.insert(buffers.begin() + wholeNumber, rowsBuffer(whole));
  auto build = [&](KernelBuilder &b) {
    Value wholeBuffer = b.buffer(wholeNumber);
    forItemRows(b, [&](Value row) {
      for (auto [number, part] : llvm::enumerate(read)) {
        Value partBuffer = b.buffer(join ? number : number + 1);
        if (join)
          copyRow(b, partBuffer, row, 0, wholeBuffer, row, part.first, columnsOf(part.value));
        else
          copyRow(b, wholeBuffer, row, part.first, partBuffer, row, 0, columnsOf(part.value));
      }
    });
  };
  auto kernel = outliner.get(name, "table", op->getLoc(), buffers, /*sizes=*/2, build);
  auto launch = launchRows(op, kernel, join ? TypeRange(whole.getType()) : TypeRange(results),
                           op->getOperands(), rowsOf(whole), columns, work);
  if (join)
    return launch;
  int64_t bytes = 0;
  for (auto [part, result] : llvm::zip_equal(read, launch.getResults())) {
    bytes += 2 * bytesOf(result.getType());
    part.value.replaceAllUsesWith(result);
  }
  setBytes(launch, bytes);
  return launch;
}

LogicalResult stc::convertSplit(SplitOp op, KernelOutliner &outliner, const RowWork &work) {
  copyParts(op, "split", op.getInput(), op.getResults(), /*join=*/false, outliner, work);
  op.erase();
  return success();
}

LogicalResult stc::convertConcat(ConcatOp op, KernelOutliner &outliner, const RowWork &work) {
  return replace(
      op, copyParts(op, "concat", op.getResult(), op.getInputs(), /*join=*/true, outliner, work));
}
