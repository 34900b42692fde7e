//===- AttentionKernel.cpp - one attention kernel of a pattern ------------===//

#include "compiler/Conversion/StcToTile/AttentionKernel.h"

#include "compiler/Conversion/StcToTile/EmitExpr.h"

using namespace mlir;
using namespace stc;

namespace {
tile::ViewAttr viewAttr(MLIRContext *context, const pattern::View &view) {
  return tile::ViewAttr::get(context, view.period, view.first, view.width, view.residues);
}

int64_t tileCount(const AttentionProblem &problem, const pattern::View &query) {
  return llvm::divideCeil(query.maxRows(problem.positions), problem.schedule.rows);
}

/// Builds the frame of a kernel: its buffers as tensors [batch, positions, heads, size], and the item
/// taken apart into batch, head, residue and tile.
struct KernelFrame {
  ImplicitLocOpBuilder b;
  const AttentionProblem &problem;
  tile::KernelOp kernel;

  KernelFrame(OpBuilder &builder, Location loc, StringRef name, StringRef kind, const AttentionProblem &problem,
              TypeRange buffers)
      : b(loc, builder), problem(problem) {
    b.setInsertionPoint(builder.getInsertionBlock(), builder.getInsertionPoint());
    kernel = tile::KernelOp::create(b, name, kind);
    Block *body = &kernel.getBody().emplaceBlock();
    for (Type type : buffers)
      body->addArgument(type, loc);
    body->addArgument(b.getIndexType(), loc);
    b.setInsertionPointToStart(body);
    tile::ReturnOp::create(b);
    b.setInsertionPointToStart(body);
  }

  Value index(int64_t value) { return arith::ConstantIndexOp::create(b, value); }
  Value quotient(Value l, int64_t r) { return r == 1 ? l : Value(arith::DivUIOp::create(b, l, index(r))); }
  Value remainder(Value l, int64_t r) { return r == 1 ? index(0) : Value(arith::RemUIOp::create(b, l, index(r))); }

  Value tensor(const BufferView &view, int64_t size) { return tensor(view, problem.positions, size); }

  Value tensor(const BufferView &view, int64_t positions, int64_t size) {
    Value buffer = kernel.getBody().getArgument(view.buffer);
    Type element = cast<MemRefType>(buffer.getType()).getElementType();
    SmallVector<int64_t> shape = {problem.batch, positions, problem.heads, size};
    SmallVector<int64_t> strides = {positions * view.positionStride, view.positionStride, size, 1};
    auto type = MemRefType::get(shape, element, StridedLayoutAttr::get(b.getContext(), view.offset, strides));
    return memref::ReinterpretCastOp::create(b, type, buffer, view.offset, shape, strides);
  }

  struct Item {
    Value batch, head, residue, tile;
  };
  /// Later tiles have more keys in a causal pattern, and lower items start first.
  Item takeApart(const pattern::View &query, int64_t tiles) {
    Value rest = kernel.getItem();
    int64_t inner = problem.headCount * problem.batch * query.residues;
    Item item;
    item.tile = tiles == 1 ? index(0) : Value(arith::SubIOp::create(b, index(tiles - 1), quotient(rest, inner)));
    rest = tiles == 1 ? rest : remainder(rest, inner);
    Value head = remainder(rest, problem.headCount);
    head = arith::MulIOp::create(b, head, index(problem.headStep));
    item.head = arith::AddIOp::create(b, head, index(problem.firstHead));
    rest = quotient(rest, problem.headCount);
    item.batch = remainder(rest, problem.batch);
    item.residue = quotient(rest, problem.batch);
    return item;
  }

  void walks(Region &region, ArrayRef<SegmentForm> segments) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&region.emplaceBlock());
    for (const SegmentForm &segment : segments)
      walk(segment);
  }

  void walk(const SegmentForm &segment) {
    auto op = tile::WalkOp::create(b, viewAttr(b.getContext(), segment.key));
    OpBuilder::InsertionGuard guard(b);
    auto enter = [&](Region &region, unsigned arguments) {
      Block &block = region.emplaceBlock();
      block.addArguments(SmallVector<Type>(arguments, b.getIndexType()), SmallVector<Location>(arguments, b.getLoc()));
      b.setInsertionPointToStart(&block);
      return ValueRange(block.getArguments());
    };
    ValueRange variables = enter(op.getBounds(), 2);
    SmallVector<Value> bounds;
    for (const pattern::Expr *expr : {&segment.range.lo, &segment.range.fullLo, &segment.range.fullHi, &segment.range.hi})
      bounds.push_back(emitExpr(b, *expr, variables));
    tile::YieldOp::create(b, bounds);
    variables = enter(op.getMask(), 3);
    Value in = emitCondition(b, segment.predicate, variables);
    tile::YieldOp::create(b, in);
  }
};
} // namespace

int64_t stc::attentionItems(const AttentionProblem &problem, const pattern::View &query) {
  return tileCount(problem, query) * attentionGradItems(problem, query);
}

int64_t stc::attentionGradItems(const AttentionProblem &problem, const pattern::View &query) {
  return problem.headCount * problem.batch * query.residues;
}

int64_t stc::attentionRowItems(const AttentionProblem &problem) { return problem.headCount * problem.batch; }

tile::KernelOp stc::buildAttention(OpBuilder &builder, Location loc, StringRef name, const AttentionProblem &problem,
                                   const pattern::View &query, ArrayRef<SegmentForm> segments, TypeRange buffers,
                                   ArrayRef<BufferView> views, unsigned logsumexp) {
  KernelFrame frame(builder, loc, name, "attention", problem, buffers);
  SmallVector<Value> tensors;
  for (auto [k, view] : llvm::enumerate(views))
    tensors.push_back(frame.tensor(view, k < 2 ? problem.querySize : problem.valueSize));
  auto item = frame.takeApart(query, tileCount(problem, query));
  auto op = tile::AttentionOp::create(
      frame.b, tensors[0], tensors[1], tensors[2], tensors[3], frame.kernel.getBody().getArgument(logsumexp), item.batch,
      item.head, item.residue, item.tile, viewAttr(builder.getContext(), query), problem.schedule.rows,
      problem.schedule.strip, APFloat(problem.scale), problem.resume);
  frame.walks(op.getWalks(), segments);
  return frame.kernel;
}

tile::KernelOp stc::buildAttentionGrad(OpBuilder &builder, Location loc, StringRef name, const AttentionProblem &problem,
                                       const pattern::View &query, ArrayRef<SegmentForm> segments, TypeRange buffers,
                                       ArrayRef<BufferView> views, unsigned logsumexp) {
  KernelFrame frame(builder, loc, name, "attention", problem, buffers);
  SmallVector<Value> t;
  for (auto [k, view] : llvm::enumerate(views))
    t.push_back(frame.tensor(view, llvm::is_contained({0, 1, 5, 6}, int(k)) ? problem.querySize : problem.valueSize));
  auto item = frame.takeApart(query, 1);
  auto op = tile::AttentionGradOp::create(
      frame.b, t[0], t[1], t[2], t[3], frame.kernel.getBody().getArgument(logsumexp), t[4], t[5], t[6], t[7], item.batch,
      item.head, item.residue, viewAttr(builder.getContext(), query), problem.schedule.rows, problem.schedule.strip,
      APFloat(problem.scale), problem.resume);
  frame.walks(op.getWalks(), segments);
  return frame.kernel;
}

tile::KernelOp stc::buildAttentionRow(OpBuilder &builder, Location loc, StringRef name, const AttentionProblem &problem,
                                      ArrayRef<pattern::View> queries, ArrayRef<SegmentForm> segments, TypeRange buffers,
                                      ArrayRef<BufferView> views, unsigned position) {
  KernelFrame frame(builder, loc, name, "attention", problem, buffers);
  ImplicitLocOpBuilder &b = frame.b;
  Value query = frame.tensor(views[0], 1, problem.querySize), key = frame.tensor(views[1], problem.querySize);
  Value value = frame.tensor(views[2], problem.valueSize), output = frame.tensor(views[3], 1, problem.valueSize);
  auto item = frame.takeApart(pattern::View(), 1);
  Value at = memref::LoadOp::create(b, frame.kernel.getBody().getArgument(position), ValueRange());
  at = arith::IndexCastOp::create(b, b.getIndexType(), at);
  // A position outside the sequence reads no memory that is not there.
  at = arith::MaxSIOp::create(b, at, frame.index(0));
  at = arith::MinSIOp::create(b, at, frame.index(problem.positions - 1));
  SmallVector<Attribute> viewAttrs =
      llvm::map_to_vector(queries, [&](const pattern::View &view) -> Attribute { return viewAttr(b.getContext(), view); });
  auto op = tile::AttentionRowOp::create(b, query, key, value, output, item.batch, item.head, at,
                                         b.getArrayAttr(viewAttrs), APFloat(problem.scale));
  frame.walks(op.getWalks(), segments);
  return frame.kernel;
}
