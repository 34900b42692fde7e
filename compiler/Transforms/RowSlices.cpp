//===- RowSlices.cpp - what computes a root -------------------------------===//
//
// A slice is found from its root backward. On the way each value's dimensions are named by those of
// the space: a broadcast drops some, a reduction of each row adds the columns.
//
//===----------------------------------------------------------------------===//

#include "compiler/Transforms/RowFusion.h"

#include <set>

using namespace mlir;
using namespace stc;
using namespace stc::rows;

namespace {
using Dims = SmallVector<int>;

class Slicer {
public:
  Slicer(rows::Block &block, int root, SmallVectorImpl<int> &roots) : block(block), roots(roots) {
    slice.root = root;
  }

  Slice run() {
    Operation *op = block.op(slice.root);
    auto reduce = dyn_cast<ReduceOp>(op);
    bool accumulates = reduce && !reduce.isRowReduction();
    Value start = accumulates ? op->getOperand(0) : op->getResult(0);
    slice.space = llvm::to_vector(cast<RankedTensorType>(start.getType()).getShape());
    rank = slice.space.size();
    Dims all = llvm::to_vector(llvm::seq<int>(0, rank));
    ops.insert(slice.root);
    if (accumulates) {
      slice.reduced.assign(reduce.getDims().begin(), reduce.getDims().end());
      visit(start, all);
    } else {
      visitOperands(slice.root, all);
    }
    while (!pending.empty()) {
      auto [position, dims] = pending.pop_back_val();
      visitOperands(position, dims);
    }
    slice.ops.assign(ops.begin(), ops.end());
    return std::move(slice);
  }

private:
  void visit(Value value, const Dims &dims) {
    int position = block.inlined(value);
    if (position >= 0) {
      auto reduce = dyn_cast<ReduceOp>(block.op(position));
      if (!reduce || fits(reduce, dims)) {
        ops.insert(position);
        if (seen.insert({position, dims}).second)
          pending.push_back({position, dims});
        return;
      }
      block.keep[position] = Keep::Needed;
      roots.push_back(position);
    }
    auto same = [&](const Access &access) { return access.value == value && access.dims == dims; };
    if (llvm::none_of(slice.accesses, same))
      slice.accesses.push_back({value, dims});
  }

  void visitOperands(int position, const Dims &dims) {
    Operation *op = block.op(position);
    if (auto broadcast = dyn_cast<BroadcastOp>(op))
      return visit(broadcast.getInput(), llvm::map_to_vector(broadcast.getDims(), [&](int64_t dim) {
                     return dims[dim];
                   }));
    if (auto reduce = dyn_cast<ReduceOp>(op)) {
      if (!fits(reduce, dims)) // only a root that is itself the reduction of each row
        llvm_unreachable("expected the rows of a reduction to be the space's");
      Dims inner = dims;
      inner.push_back(dims.size());
      return visit(reduce.getInput(), inner);
    }
    if (isa<RandomOp>(op)) {
      for (Value scalar : op->getOperands())
        visit(scalar, {});
      return;
    }
    for (Value operand : op->getOperands())
      visit(operand, dims);
  }

  /// Whether the rows of a reduction are those of the space. The first one over a value that has no
  /// columns yet gives the space its columns.
  bool fits(ReduceOp reduce, const Dims &dims) {
    int64_t columns = cast<RankedTensorType>(reduce.getInput().getType()).getShape().back();
    for (auto [index, dim] : llvm::enumerate(dims))
      if (static_cast<int>(index) != dim)
        return false;
    int rows = dims.size();
    if (!hasColumns && rows == rank)
      slice.space.push_back(columns);
    bool same = rows + 1 == static_cast<int>(slice.space.size()) && slice.space.back() == columns;
    hasColumns |= same;
    return same;
  }

  rows::Block &block;
  SmallVectorImpl<int> &roots;
  Slice slice;
  int rank = 0;            // of the start
  bool hasColumns = false; // whether a reduction has said what the columns are
  std::set<int> ops;
  std::set<std::pair<int, Dims>> seen;
  SmallVector<std::pair<int, Dims>> pending;
};
} // namespace

Slice rows::sliceOf(rows::Block &block, int root, SmallVectorImpl<int> &roots) {
  return Slicer(block, root, roots).run();
}
