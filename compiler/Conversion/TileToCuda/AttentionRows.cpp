//===- AttentionRows.cpp - what each query needs for itself in the gradient -----------===//
//
// A few lanes take a row [size] of one query of one head, up to 8 elements each at once: neighbours
// in memory are neighbours in a warp. Both kernels run as fast as memory does.
//
//===----------------------------------------------------------------------===//

#include "compiler/Conversion/TileToCuda/CudaKernel.h"
#include "compiler/Conversion/TileToCuda/TileToCuda.h"

using namespace mlir;
using namespace stc;

namespace {
using Values = CudaEmitter::Values;
constexpr int64_t kThreads = 256;

/// Elements that a lane takes at once, as many as the alignment of rows allows.
int64_t chunkOf(const CudaTensor &tensor) {
  return std::min<int64_t>(8, tensor.alignment() / tensor.elementBytes());
}
int64_t lanesFor(int64_t size) { return llvm::PowerOf2Ceil(llvm::divideCeil(size, 8)); }

/// A kernel over all queries of all heads.
class RowKernel {
public:
  RowKernel(tile::KernelOp kernel, Value tile, int64_t rows, Type element)
      : kernel(kernel, element), e(this->kernel.emitter()), tile(tile), rows(rows) {}

  /// Runs the body for each query that exists, in `lanes` lanes that do the chunks of its row.
  void run(const CudaTensor &shape, int64_t lanesOfRow, function_ref<void()> body) {
    lanes = lanesOfRow;
    Value thread = e.threadId(kThreads);
    lane = e.band(thread, lanes - 1);
    kernel.eachItem({}, [&](IRMapping &mapping, ValueRange) {
      Value first = e.add(e.mul(mapping.lookup(tile), rows), e.div(thread, lanes));
      for (int64_t k = 0; k < rows; k += kThreads / lanes) {
        Value row = e.add(first, k);
        std::tie(row, item.head) = divided(row, shape.heads());
        std::tie(item.batch, position) = divided(row, shape.positions());
        e.ifThen(e.less(item.batch, shape.batch().narrow(e)), body);
      }
      return Values();
    });
    kernel.finish(kThreads, /*sharedBytes=*/0);
  }

  /// Runs the body for the first element of each of this lane's chunks of a row, with values
  /// carried from one to the next.
  Values eachChunk(const CudaTensor &tensor, int64_t chunk, Values carried,
                   function_ref<Values(Value column, const Values &carried)> body) {
    const int64_t chunks = tensor.size() / chunk;
    for (int64_t k = 0; k < chunks; k += lanes) {
      Value number = e.add(lane, k);
      carried = e.choose(
          e.less(number, e.i(chunks)), ValueRange(carried).getTypes(),
          [&] { return body(e.mul(number, chunk), carried); }, [&] { return carried; });
    }
    return carried;
  }

  Value address(const CudaTensor &tensor, Value column) {
    return kernel.elementAddress(tensor, position, item, column);
  }
  /// Elements of a row as floats.
  Values load(const CudaTensor &tensor, Value column, int64_t count) {
    return kernel.loadElements(tensor.type.getElementType(), address(tensor, column), count);
  }
  void store(const CudaTensor &tensor, Value column, const Values &values) {
    kernel.storeElements(values, tensor.type.getElementType(), address(tensor, column));
  }

  CudaKernel kernel;
  CudaEmitter &e;
  CudaItem item;
  Value position, lane;

private:
  /// Quotient and remainder.
  std::pair<Value, Value> divided(Value value, const Extent &by) {
    if (auto constant = by.constant())
      return {e.div(value, *constant), e.rem(value, *constant)};
    Value divisor = by.narrow(e);
    return {arith::DivUIOp::create(e.b, value, divisor),
            arith::RemUIOp::create(e.b, value, divisor)};
  }

  Value tile;
  int64_t rows, lanes = 1;
};
} // namespace

LogicalResult stc::lowerAttentionDelta(tile::KernelOp kernel, tile::AttentionDeltaOp op) {
  CudaTensor output(op.getOutput()), grad(op.getOutputGrad()), delta(op.getDelta());
  RowKernel rows(kernel, op.getTile(), op.getRows(), output.type.getElementType());
  CudaEmitter &e = rows.e;
  const int64_t lanes = lanesFor(output.size());
  rows.run(output, lanes, [&] {
    const int64_t chunk = std::min(chunkOf(output), chunkOf(grad));
    Value part = rows.eachChunk(output, chunk, {e.f(0)}, [&](Value column, const Values &before) {
      Value total = before[0];
      for (auto [l, r] :
           llvm::zip(rows.load(output, column, chunk), rows.load(grad, column, chunk)))
        total = e.fma(l, r, total);
      return Values{total};
    })[0];
    for (int64_t mask = 1; mask < lanes; mask *= 2)
      part = e.addf(part, e.shuffle(part, mask));
    e.ifThen(e.equal(rows.lane, 0), [&] {
      LLVM::StoreOp::create(
          e.b, part, rows.kernel.address(delta, rows.item.batch, rows.item.head, rows.position));
    });
    if (!op.getQuerySum())
      return;
    CudaTensor sum(op.getQuerySum());
    rows.eachChunk(sum, chunkOf(sum), {}, [&](Value column, const Values &) {
      rows.store(sum, column, Values(chunkOf(sum), e.f(0)));
      return Values();
    });
  });
  return success();
}

// Eight columns of a row are four pairs in the sum's order, of which a chunk is some.
LogicalResult stc::lowerAttentionQuerySum(tile::KernelOp kernel, tile::AttentionQuerySumOp op) {
  CudaTensor sum(op.getQuerySum()), grad(op.getQueryGrad());
  RowKernel rows(kernel, op.getTile(), op.getRows(), grad.type.getElementType());
  CudaEmitter &e = rows.e;
  const int64_t chunk = chunkOf(grad), pair = std::min<int64_t>(chunk, 2);
  rows.run(grad, lanesFor(grad.size()), [&] {
    rows.eachChunk(grad, chunk, {}, [&](Value column, const Values &) {
      Values values;
      for (int64_t k = 0; k < chunk; k += pair)
        for (Value value :
             rows.load(sum, e.add(sumColumn(e, column), k / 2 * kSumPairStride), pair))
          values.push_back(e.mulf(value, e.f(op.getScale().convertToFloat())));
      rows.store(grad, column, values);
      return Values();
    });
  });
  return success();
}
