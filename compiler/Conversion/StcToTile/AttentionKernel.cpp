//===- AttentionKernel.cpp - one attention kernel of a pattern ------------===//

#include "compiler/Conversion/StcToTile/AttentionKernel.h"

#include "compiler/Conversion/StcToTile/EmitExpr.h"

using namespace mlir;
using namespace stc;

namespace {
tile::ViewAttr viewAttr(MLIRContext *context, const pattern::View &view) {
  return tile::ViewAttr::get(context, view.period, view.first, view.width, view.residues,
                             view.together, view.rowsEach);
}

tile::ResidueMapAttr residuesAttr(MLIRContext *context, const pattern::ResidueMap &residues) {
  return residues.isIdentity()
             ? tile::ResidueMapAttr()
             : tile::ResidueMapAttr::get(context, residues.factor, residues.shift);
}

/// The numbers of a problem, as constants or over the sizes of a kernel.
struct Extents {
  MLIRContext *context;
  const AttentionProblem &problem;

  AffineExpr constant(int64_t value) const { return getAffineConstantExpr(value, context); }
  AffineExpr batch() const {
    return problem.dynamic ? problem.dynamic->batch() : constant(problem.batch);
  }
  AffineExpr queries() const {
    return problem.dynamic ? problem.dynamic->positions() : constant(problem.queries);
  }
  AffineExpr heads() const {
    return problem.dynamic ? problem.dynamic->heads() : constant(problem.heads);
  }
  /// Dynamic positions are whole periods of a view.
  AffineExpr tiles(const pattern::View &view) const {
    AffineExpr rows = problem.dynamic
                          ? problem.dynamic->positions().floorDiv(view.period) * view.width
                          : constant(view.maxRows(problem.tiled));
    return rows.ceilDiv(problem.schedule.rows);
  }
  /// How many items there are for a tile of a residue of a sequence.
  AffineExpr headItems() const {
    if (!problem.dynamic)
      return constant(problem.byKeyHeads ? problem.keyHeads : problem.headCount);
    if (problem.byKeyHeads)
      return problem.dynamic->keyHeads();
    return (problem.dynamic->heads() - problem.firstHead).ceilDiv(problem.headStep);
  }
  /// How many there are for a tile of a head.
  int64_t residueItems(const WalkForm &walk) const {
    return walk.classes > 1 && !problem.byKeyHeads ? 1 : walk.view.residues;
  }
};

/// Buffers as tensors [batch, positions, heads, size], and the item taken apart into batch, heads,
/// residue and tile.
struct Frame {
  KernelBuilder &b;
  const AttentionProblem &problem;

  Extents extents() const { return {b.getContext(), problem}; }

  /// The value of an expression over the kernel's sizes.
  Value value(AffineExpr expr) {
    if (auto constant = dyn_cast<AffineConstantExpr>(expr))
      return b.index(constant.getValue());
    if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
      return b.size(symbol.getPosition());
    auto binary = cast<AffineBinaryOpExpr>(expr);
    Value l = value(binary.getLHS()), r = value(binary.getRHS());
    switch (expr.getKind()) {
    case AffineExprKind::Add:
      return b.add(l, r);
    case AffineExprKind::Mul:
      return b.mul(l, r);
    case AffineExprKind::CeilDiv:
      return b.div(b.add(l, b.add(r, b.index(-1))), r);
    case AffineExprKind::FloorDiv:
      return b.div(l, r);
    default:
      return b.rem(l, r);
    }
  }

  Value tensor(const BufferView &view) {
    Value buffer = b.buffer(view.buffer);
    Type element = cast<MemRefType>(buffer.getType()).getElementType();
    SmallVector<int64_t> shape, strides;
    auto mixed = [&](ArrayRef<AffineExpr> exprs, SmallVector<int64_t> &numbers) {
      return llvm::map_to_vector(exprs, [&](AffineExpr expr) -> OpFoldResult {
        auto constant = dyn_cast<AffineConstantExpr>(expr);
        numbers.push_back(constant ? constant.getValue() : ShapedType::kDynamic);
        if (constant)
          return b.getIndexAttr(constant.getValue());
        return value(expr);
      });
    };
    auto mixedShape = mixed(view.shape, shape), mixedStrides = mixed(view.strides, strides);
    auto type = MemRefType::get(shape, element,
                                StridedLayoutAttr::get(b.getContext(), view.offset, strides));
    return memref::ReinterpretCastOp::create(b, type, buffer, b.getIndexAttr(view.offset),
                                             mixedShape, mixedStrides);
  }
  /// A buffer [batch, heads, positions] of a number for each query.
  Value rows(unsigned buffer) {
    if (!problem.dynamic)
      return b.buffer(buffer);
    const Extents e = extents();
    AffineExpr heads = e.heads(), positions = e.queries();
    return tensor(
        {buffer, 0, {e.batch(), heads, positions}, {heads * positions, positions, e.constant(1)}});
  }
  SmallVector<Value> tensors(ArrayRef<BufferView> views) {
    return llvm::map_to_vector(views, [&](const BufferView &view) { return tensor(view); });
  }

  struct Item {
    Value batch, head, keyHead, residue, tile;
  };
  /// Lower items start first, and the longest should: in a causal pattern later tiles of queries
  /// have more keys, but earlier tiles of keys more queries. Tiles of one residue follow each other
  /// where they share a cache. Where tiles have no rows in common, a sequence is done before the
  /// next one begins.
  Item takeApart(const WalkForm &walk, AffineExpr tiles, bool lastFirst = true) {
    Value tile, head, batch, residue;
    struct Digit {
      Value *value;
      AffineExpr count;
    };
    const Extents e = extents();
    const int64_t residues = e.residueItems(walk);
    Digit ofTile{&tile, tiles}, ofHead{&head, e.headItems()}, ofBatch{&batch, e.batch()},
        ofResidue{&residue, e.constant(residues)};
    SmallVector<Digit> digits = {ofHead, ofBatch, ofResidue}; // the fastest first
    if (walk.isApart)
      std::swap(digits[1], digits[2]);
    digits.insert(problem.residueByResidue && residues > 1 ? digits.begin()
                  : walk.isApart                           ? digits.end() - 1
                                                           : digits.end(),
                  ofTile);
    const Digit slowest = digits.pop_back_val();
    AffineExpr below = e.constant(1);
    for (const Digit &digit : digits)
      below = below * digit.count;
    *slowest.value = b.div(b.item(), value(below));
    Value rest = b.rem(b.item(), value(below));
    for (const Digit &digit : ArrayRef(digits).drop_back()) {
      Value count = value(digit.count);
      *digit.value = b.rem(rest, count);
      rest = b.div(rest, count);
    }
    *digits.back().value = rest;
    Item item;
    item.tile = lastFirst ? Value(arith::SubIOp::create(b, value(tiles - 1), tile)) : tile;
    item.batch = batch;
    item.residue = walk.chunks > 1 ? chunk() : residue;
    setHeads(item, head, walk);
    return item;
  }

  /// A number from a buffer, of `count` from 0 on: none outside reads memory that is not there.
  Value numberIn(unsigned buffer, int64_t count) {
    Value number = memref::LoadOp::create(b, b.buffer(buffer), ValueRange());
    number = arith::IndexCastOp::create(b, b.getIndexType(), number);
    number = arith::MaxSIOp::create(b, number, b.index(0));
    return arith::MinSIOp::create(b, number, b.index(count - 1));
  }
  Value chunk() { return numberIn(problem.chunk.number, problem.chunk.count); }

  Value mapped(Value residue, const pattern::ResidueMap &map, int64_t residues) {
    Value moved = b.add(b.mul(residue, b.index(map.factor)), b.index(map.shift));
    return b.rem(moved, b.index(residues));
  }

  /// Where heads take patterns in turn.
  Value residueOfHead(const WalkForm &walk, Value head) {
    return mapped(b.rem(head, b.index(walk.classes)), walk.ofHead, walk.classes);
  }

  /// Of the item's number among the heads; `head` is the first where there are several.
  void setHeads(Item &item, Value number, const WalkForm &walk) {
    const int64_t first = problem.firstHead, step = problem.headStep, group = problem.group();
    if (!problem.byKeyHeads) {
      item.head = b.add(b.mul(number, b.index(step)), b.index(first));
      item.keyHead = group == 1 ? item.head : b.div(item.head, b.index(group));
      if (walk.classes > 1)
        item.residue = residueOfHead(walk, item.head);
      return;
    }
    item.keyHead = number;
    Value begin = b.mul(number, b.index(group));
    if (walk.classes > 1) {
      const pattern::ResidueMap back = walk.ofHead.inverse(walk.classes);
      item.head = b.add(begin, mapped(item.residue, back, walk.classes));
      return;
    }
    // The kernel's first head from the group's first on.
    Value behind = b.rem(begin, b.index(step));
    Value ahead = arith::SubIOp::create(b, b.index(first + step), behind);
    item.head = b.add(begin, b.rem(ahead, b.index(step)));
  }

  void walks(Region &region, ArrayRef<SegmentForm> segments) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&region.emplaceBlock());
    for (const SegmentForm &segment : segments)
      walk(segment);
  }

  void walk(const SegmentForm &segment) {
    auto op = tile::WalkOp::create(b, viewAttr(b.getContext(), segment.view),
                                   residuesAttr(b.getContext(), segment.residues));
    OpBuilder::InsertionGuard guard(b);
    auto enter = [&](Region &region, unsigned arguments) {
      Block &block = region.emplaceBlock();
      block.addArguments(SmallVector<Type>(arguments, b.getIndexType()),
                         SmallVector<Location>(arguments, b.getLoc()));
      b.setInsertionPointToStart(&block);
      return ValueRange(block.getArguments());
    };
    auto yield = [&](ValueRange variables, ArrayRef<const pattern::Expr *> numbers) {
      tile::YieldOp::create(b, llvm::map_to_vector(numbers, [&](const pattern::Expr *expr) {
                              return emitExpr(b, *expr, variables);
                            }));
    };
    const pattern::Range &range = segment.range;
    const unsigned numbers = range.isSeveral ? 1 : 0;
    if (range.isSeveral)
      yield(enter(op.getRanges(), 2), {&range.begin, &range.end, &range.longest});
    yield(enter(op.getBounds(), 2 + numbers), {&range.lo, &range.fullLo, &range.fullHi, &range.hi});
    Value in = emitCondition(b, segment.predicate, enter(op.getMask(), 3 + numbers));
    tile::YieldOp::create(b, in);
  }
};
} // namespace

AffineExpr stc::attentionItems(MLIRContext *context, const AttentionProblem &problem,
                               const WalkForm &walk) {
  return Extents{context, problem}.tiles(walk.view) * attentionGradItems(context, problem, walk);
}

AffineExpr stc::attentionGradItems(MLIRContext *context, const AttentionProblem &problem,
                                   const WalkForm &walk) {
  const Extents extents{context, problem};
  return extents.headItems() * extents.batch() * extents.residueItems(walk);
}

AffineExpr stc::attentionRowItems(MLIRContext *context, const AttentionProblem &problem) {
  const Extents extents{context, problem};
  return extents.headItems() * extents.batch();
}

void stc::fillAttention(KernelBuilder &b, const AttentionProblem &problem, const WalkForm &walk,
                        ArrayRef<BufferView> views, unsigned logsumexp) {
  Frame frame{b, problem};
  SmallVector<Value> t = frame.tensors(views);
  auto item = frame.takeApart(walk, frame.extents().tiles(walk.view));
  auto op = tile::AttentionOp::create(
      b, t[0], t[1], t[2], t[3], frame.rows(logsumexp), item.batch, item.head, item.keyHead,
      item.residue, item.tile, viewAttr(b.getContext(), walk.view), problem.schedule.rows,
      problem.schedule.strip, APFloat(problem.scale), problem.resume, walk.isKvShort,
      problem.isNonempty, problem.groupAttr(b), /*schedule=*/nullptr);
  frame.walks(op.getWalks(), walk.segments);
}

void stc::fillAttentionGrad(KernelBuilder &b, const AttentionProblem &problem, const WalkForm &walk,
                            ArrayRef<BufferView> views, unsigned logsumexp) {
  Frame frame{b, problem};
  SmallVector<Value> t = frame.tensors(views);
  auto item = frame.takeApart(walk, frame.extents().constant(1));
  auto op = tile::AttentionGradOp::create(
      b, t[0], t[1], t[2], t[3], frame.rows(logsumexp), t[4], t[5], t[6], t[7], item.batch,
      item.head, item.keyHead, item.residue, problem.stepOf(walk),
      viewAttr(b.getContext(), walk.view), problem.schedule.rows, problem.schedule.strip,
      APFloat(problem.scale), problem.resume, problem.resumeKeys);
  frame.walks(op.getWalks(), walk.segments);
}

void stc::fillAttentionKeyGrad(KernelBuilder &b, const AttentionProblem &problem,
                               const WalkForm &walk, ArrayRef<BufferView> views, unsigned logsumexp,
                               unsigned delta) {
  Frame frame{b, problem};
  SmallVector<Value> t = frame.tensors(views);
  auto item = frame.takeApart(walk, frame.extents().tiles(walk.view), /*lastFirst=*/false);
  Value sum = t.size() > 6 ? t[6] : Value();
  auto op = tile::AttentionKeyGradOp::create(
      b, t[0], t[1], t[2], t[3], frame.rows(logsumexp), frame.rows(delta), t[4], t[5], sum,
      item.batch, item.head, item.keyHead, item.residue, item.tile, problem.stepOf(walk),
      viewAttr(b.getContext(), walk.view), problem.schedule.rows, APFloat(problem.scale),
      problem.resume || problem.resumeKeys, sum && walk.meetsAllOnce && !problem.resume,
      problem.groupAttr(b), /*schedule=*/nullptr);
  frame.walks(op.getWalks(), walk.segments);
}

void stc::fillAttentionQueryGrad(KernelBuilder &b, const AttentionProblem &problem,
                                 const WalkForm &walk, ArrayRef<BufferView> views,
                                 unsigned logsumexp, unsigned delta) {
  Frame frame{b, problem};
  SmallVector<Value> t = frame.tensors(views);
  auto item = frame.takeApart(walk, frame.extents().tiles(walk.view));
  auto op = tile::AttentionQueryGradOp::create(
      b, t[0], t[1], t[2], t[3], frame.rows(logsumexp), frame.rows(delta), t[4], item.batch,
      item.head, item.keyHead, item.residue, item.tile, viewAttr(b.getContext(), walk.view),
      problem.schedule.rows, APFloat(problem.scale), problem.resume, problem.groupAttr(b),
      /*schedule=*/nullptr);
  frame.walks(op.getWalks(), walk.segments);
}

void stc::fillAttentionDelta(KernelBuilder &b, const AttentionProblem &problem, int64_t rows,
                             ArrayRef<BufferView> views, unsigned delta) {
  Frame frame{b, problem};
  tile::AttentionDeltaOp::create(
      b, frame.tensor(views[0]), frame.tensor(views[1]), frame.rows(delta),
      views.size() > 2 ? frame.tensor(views[2]) : Value(), b.item(), rows);
}

void stc::fillAttentionQuerySum(KernelBuilder &b, const AttentionProblem &problem, int64_t rows,
                                ArrayRef<BufferView> views) {
  Frame frame{b, problem};
  tile::AttentionQuerySumOp::create(b, frame.tensor(views[0]), frame.tensor(views[1]), b.item(),
                                    rows, APFloat(problem.scale));
}

/// Measured on an H100: up to so many keys, to take a query by several blocks costs more than it
/// brings.
static constexpr int64_t kShortKv = 256;

void stc::fillAttentionRow(KernelBuilder &b, const AttentionProblem &problem,
                           ArrayRef<WalkForm> walks, ArrayRef<BufferView> views,
                           unsigned position) {
  Frame frame{b, problem};
  SmallVector<Value> t = frame.tensors(views);
  auto item = frame.takeApart(WalkForm(), frame.extents().constant(1));
  const WalkForm *byHead = llvm::find_if(walks, [](auto &walk) { return walk.classes > 1; });
  Value residue =
      byHead != walks.end() ? frame.residueOfHead(*byHead, item.head) : Value(b.index(0));
  Value at = frame.numberIn(position, problem.positions);
  SmallVector<Attribute> queries;
  SmallVector<SegmentForm> segments;
  int64_t met = 0; // by the last queries
  for (const WalkForm &walk : walks)
    for (const SegmentForm &segment : walk.segments) {
      queries.push_back(viewAttr(b.getContext(), walk.view));
      segments.push_back(segment);
      const int64_t last = std::max<int64_t>(walk.view.maxRows(problem.positions) - 1, 0);
      met += segment.range.rowsComputed(0, last, 1);
    }
  auto op = tile::AttentionRowOp::create(
      b, t[0], t[1], t[2], t[3], ValueRange(t).drop_front(4), item.batch, item.head, item.keyHead,
      residue, at, problem.headStep, b.getArrayAttr(queries), APFloat(problem.scale),
      problem.isInvariant, met <= kShortKv, problem.isNonempty);
  frame.walks(op.getWalks(), segments);
}
