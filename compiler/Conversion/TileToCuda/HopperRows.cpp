//===- HopperRows.cpp - what each query needs for itself in the gradient --------------===//
//
// A few lanes take a row [size] of one query of one head, 8 elements each: neighbours in memory are
// neighbours in a warp. Both kernels run as fast as memory does.
//
//===----------------------------------------------------------------------===//

#include "compiler/Conversion/TileToCuda/HopperKernel.h"
#include "compiler/Conversion/TileToCuda/TileToCuda.h"

using namespace mlir;
using namespace stc;

namespace {
using Values = CudaEmitter::Values;
constexpr int64_t kThreads = 256, kChunk = 8;

/// A kernel over all queries of all heads.
class RowKernel {
public:
  RowKernel(tile::KernelOp kernel, Value tile, int64_t rows, Type element)
      : kernel(kernel, element), e(this->kernel.emitter()), tile(tile), rows(rows) {}

  /// Runs the body for each query that exists, in `lanes` lanes that do the chunks of its row.
  void run(const CudaTensor &shape, int64_t lanes, function_ref<void()> body) {
    Value thread = e.threadId(kThreads);
    chunk = e.band(thread, lanes - 1);
    const int64_t heads = shape.heads(), positions = shape.positions();
    kernel.eachItem({}, [&](IRMapping &mapping, ValueRange) {
      Value first = e.add(e.mul(mapping.lookup(tile), rows), e.div(thread, lanes));
      for (int64_t k = 0; k < rows; k += kThreads / lanes) {
        Value row = e.add(first, k);
        item.head = e.rem(row, heads);
        row = e.div(row, heads);
        position = e.rem(row, positions);
        item.batch = e.div(row, positions);
        e.ifThen(e.less(item.batch, e.i(shape.type.getDimSize(0))), body);
      }
      return Values();
    });
    kernel.finish(kThreads, /*sharedBytes=*/0);
  }

  Value inRow(const CudaTensor &tensor) { return e.less(chunk, e.i(tensor.size() / kChunk)); }
  Value address(const CudaTensor &tensor) {
    return kernel.elementAddress(tensor, position, item, e.mul(chunk, kChunk));
  }
  Value behind(Value address, int64_t bytes) {
    return LLVM::GEPOp::create(e.b, address.getType(), e.b.getI8Type(), address,
                               ArrayRef<LLVM::GEPArg>{int32_t(bytes)});
  }
  /// Eight elements of a row as floats.
  Values load(const CudaTensor &tensor) {
    Value quad = LLVM::LoadOp::create(e.b, VectorType::get({4}, e.i32), address(tensor), 16);
    Values all;
    for (int64_t k = 0; k < 4; ++k) {
      auto [low, high] = e.unpack(LLVM::ExtractElementOp::create(e.b, quad, e.i(k)));
      all.append({low, high});
    }
    return all;
  }

  HopperKernel kernel;
  CudaEmitter &e;
  HopperItem item;
  Value position, chunk;

private:
  Value tile;
  int64_t rows;
};

int64_t lanesFor(int64_t size) { return llvm::PowerOf2Ceil(llvm::divideCeil(size, kChunk)); }
} // namespace

LogicalResult stc::lowerAttentionDelta(tile::KernelOp kernel, tile::AttentionDeltaOp op) {
  CudaTensor output(op.getOutput()), grad(op.getOutputGrad()), delta(op.getDelta());
  std::optional<CudaTensor> sum;
  if (op.getQuerySum())
    sum.emplace(op.getQuerySum());
  RowKernel rows(kernel, op.getTile(), op.getRows(), output.type.getElementType());
  CudaEmitter &e = rows.e;
  const int64_t lanes = lanesFor(std::max(output.size(), sum ? sum->size() : 0));
  rows.run(output, lanes, [&] {
    Value part = e.choose(
        rows.inRow(output), e.f32,
        [&] {
          Value total = e.f(0);
          for (auto [l, r] : llvm::zip(rows.load(output), rows.load(grad)))
            total = e.fma(l, r, total);
          return Values{total};
        },
        [&] { return Values{e.f(0)}; })[0];
    for (int64_t mask = 1; mask < lanes; mask *= 2)
      part = e.addf(part, e.shuffle(part, mask));
    e.ifThen(e.equal(rows.chunk, 0), [&] {
      LLVM::StoreOp::create(
          e.b, part, rows.kernel.address(delta, rows.item.batch, rows.item.head, rows.position));
    });
    if (!sum)
      return;
    e.ifThen(rows.inRow(*sum), [&] {
      auto quad = VectorType::get({4}, e.f32);
      Value zeros = arith::ConstantOp::create(e.b, DenseElementsAttr::get(quad, 0.0f));
      Value at = rows.address(*sum);
      for (int32_t byte : {0, 16})
        LLVM::StoreOp::create(e.b, zeros, rows.behind(at, byte), 16);
    });
  });
  return success();
}

// Eight columns of a row are pairs in the sum's order, 8 bytes each.
LogicalResult stc::lowerAttentionQuerySum(tile::KernelOp kernel, tile::AttentionQuerySumOp op) {
  CudaTensor sum(op.getQuerySum()), grad(op.getQueryGrad());
  RowKernel rows(kernel, op.getTile(), op.getRows(), grad.type.getElementType());
  CudaEmitter &e = rows.e;
  rows.run(grad, lanesFor(grad.size()), [&] {
    e.ifThen(rows.inRow(grad), [&] {
      Value factor = e.f(op.getScale().convertToFloat());
      Value packed = LLVM::PoisonOp::create(e.b, VectorType::get({4}, e.i32));
      Value first = rows.kernel.elementAddress(sum, rows.position, rows.item,
                                               sumColumn(e, e.mul(rows.chunk, kChunk)));
      for (int64_t pair = 0; pair < 4; ++pair) {
        Value both = LLVM::LoadOp::create(e.b, VectorType::get({2}, e.f32),
                                          rows.behind(first, 4 * kSumPairStride * pair), 8);
        auto scaled = [&](int64_t k) {
          return e.mulf(LLVM::ExtractElementOp::create(e.b, both, e.i(k)), factor);
        };
        packed =
            LLVM::InsertElementOp::create(e.b, packed, e.pack(scaled(0), scaled(1)), e.i(pair));
      }
      LLVM::StoreOp::create(e.b, packed, rows.address(grad), 16);
    });
  });
  return success();
}
