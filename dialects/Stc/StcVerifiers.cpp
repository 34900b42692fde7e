//===- StcVerifiers.cpp - the stc dialect: numbered constraints -----------===//
//
// Each check cites the constraint of StcOps.td that it holds up.
//
//===----------------------------------------------------------------------===//

#include "dialects/Stc/Stc.h"

using namespace mlir;
using namespace stc;

namespace {
ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}
Type elementOf(Value value) { return cast<RankedTensorType>(value.getType()).getElementType(); }

LogicalResult verifySameElements(Operation *op, StringRef constraint, Value a, Value b) {
  if (elementOf(a) != elementOf(b))
    return op->emitOpError() << "(" << constraint << ") expected equal element types, found "
                             << elementOf(a) << " and " << elementOf(b);
  return success();
}

LogicalResult verifyIncreasing(Operation *op, ArrayRef<int64_t> dims, int64_t rank) {
  for (auto [index, dim] : llvm::enumerate(dims))
    if (dim < 0 || dim >= rank || (index && dims[index - 1] >= dim))
      return op->emitOpError() << "(C1) expected dims to be increasing and in [0, " << rank
                               << "), found [" << dims << "]";
  return success();
}

/// The sizes of an attention's tensors.
StringRef dimsOf(Layout layout) {
  return layout == Layout::HeadMajor ? "[batch, heads, positions, size]"
                                     : "[batch, positions, heads, size]";
}

LogicalResult verifyGroups(Operation *op, StringRef constraint, int64_t heads, int64_t keyHeads) {
  if (heads % keyHeads != 0)
    return op->emitOpError() << "(" << constraint << ") expected a multiple of the " << keyHeads
                             << " heads of keys as heads of queries, found " << heads;
  return success();
}

/// Shapes of query, key and value; as many queries as keys unless it says how many.
template <typename Op>
LogicalResult verifyAttention(Op op, std::optional<int64_t> queries = std::nullopt) {
  const Layout layout = op.getLayout();
  for (Value tensor : {op.getQuery(), op.getKey(), op.getValue()})
    if (shapeOf(tensor).size() != 4)
      return op.emitOpError("(C1) expected query, key and value of shape ") << dimsOf(layout);
  AttentionShape q(op.getQuery(), layout), k(op.getKey(), layout), v(op.getValue(), layout);
  AttentionShape expected = k;
  expected.positions = queries.value_or(k.positions);
  expected.heads = q.heads;
  if (ArrayRef<int64_t>(expected.dims(layout)) != shapeOf(op.getQuery()))
    return op.emitOpError("(C1) expected a query of shape [")
           << ArrayRef<int64_t>(expected.dims(layout)) << "] to match the key, found ["
           << shapeOf(op.getQuery()) << "]";
  if (k.batch != v.batch || k.positions != v.positions || k.heads != v.heads)
    return op.emitOpError(
               "(C1) expected key and value with equal batch, positions and heads, found [")
           << shapeOf(op.getKey()) << "] and [" << shapeOf(op.getValue()) << "]";
  if (failed(verifyGroups(op, "C1", q.heads, k.heads)))
    return failure();
  if constexpr (std::is_same_v<Op, AttentionRowOp>) // which checks its elements itself
    return success();
  return success(succeeded(verifySameElements(op, "C1", op.getQuery(), op.getKey())) &&
                 succeeded(verifySameElements(op, "C1", op.getKey(), op.getValue())));
}

/// The type of attention's output: as many heads and positions as queries, of a value's size.
template <typename Op> RankedTensorType outputType(Op op) {
  AttentionShape shape(op.getQuery(), op.getLayout());
  shape.size = AttentionShape(op.getValue(), op.getLayout()).size;
  return RankedTensorType::get(shape.dims(op.getLayout()), elementOf(op.getValue()));
}

/// Types of attention's output and log-sum-exp.
template <typename Op> LogicalResult verifyAttentionResults(Op op, StringRef constraint) {
  AttentionShape q(op.getQuery(), op.getLayout());
  if (op.getOutput().getType() != outputType(op) || !elementOf(op.getLogsumexp()).isF32() ||
      shapeOf(op.getLogsumexp()) != ArrayRef<int64_t>({q.batch, q.heads, q.positions}))
    return op.emitOpError("(") << constraint << ") expected an output of type " << outputType(op)
                               << " and a log-sum-exp [batch, heads, positions] of f32, found "
                               << op.getOutput().getType() << " and "
                               << op.getLogsumexp().getType();
  return success();
}
} // namespace

LogicalResult BroadcastOp::verify() {
  ArrayRef<int64_t> from = shapeOf(getInput()), to = shapeOf(getResult());
  if (getDims().size() != from.size())
    return emitOpError("(C1) expected ") << from.size() << " dims, found " << getDims().size();
  if (failed(verifyIncreasing(*this, getDims(), to.size())))
    return failure();
  for (auto [size, dim] : llvm::zip(from, getDims()))
    if (to[dim] != size)
      return emitOpError("(C2) expected size ")
             << to[dim] << " for result dimension " << dim << ", found " << size;
  return verifySameElements(*this, "C3", getInput(), getResult());
}

LogicalResult ReduceOp::verify() {
  ArrayRef<int64_t> from = shapeOf(getInput());
  if (getDims().empty())
    return emitOpError("(C1) expected at least one dimension to reduce");
  if (failed(verifyIncreasing(*this, getDims(), from.size())))
    return failure();
  SmallVector<int64_t> kept;
  for (auto [dim, size] : llvm::enumerate(from))
    if (!llvm::is_contained(getDims(), dim))
      kept.push_back(size);
  if (ArrayRef<int64_t>(kept) != shapeOf(getResult()))
    return emitOpError("(C2) expected a result of shape [")
           << ArrayRef<int64_t>(kept) << "], found [" << shapeOf(getResult()) << "]";
  return verifySameElements(*this, "C3", getInput(), getResult());
}

LogicalResult ReshapeOp::verify() {
  auto from = cast<RankedTensorType>(getInput().getType()), to = cast<RankedTensorType>(getType());
  if (from.getNumElements() != to.getNumElements())
    return emitOpError("(C1) expected ")
           << from.getNumElements() << " elements, found " << to.getNumElements();
  return verifySameElements(*this, "C1", getInput(), getResult());
}

/// `parts` stand side by side along the last dimension of `whole`.
static LogicalResult verifyColumns(Operation *op, Value whole, ValueRange parts) {
  ArrayRef<int64_t> to = shapeOf(whole);
  int64_t columns = 0;
  for (Value part : parts) {
    ArrayRef<int64_t> from = shapeOf(part);
    if (from.empty() || from.size() != to.size() || from.drop_back() != to.drop_back())
      return op->emitOpError("(C1) expected all dimensions but the last to be equal, found [")
             << from << "] and [" << to << "]";
    if (failed(verifySameElements(op, "C1", part, whole)))
      return failure();
    columns += from.back();
  }
  if (to.empty() || columns != to.back())
    return op->emitOpError("(C2) expected the last dimensions of the parts to add up to ")
           << (to.empty() ? 0 : to.back()) << ", found " << columns;
  return success();
}

LogicalResult SplitOp::verify() { return verifyColumns(*this, getInput(), getResults()); }
LogicalResult ConcatOp::verify() { return verifyColumns(*this, getResult(), getInputs()); }

LogicalResult IotaOp::verify() {
  int64_t rank = cast<RankedTensorType>(getType()).getRank(), dim = getDim();
  if (dim < 0 || dim >= rank)
    return emitOpError("(C1) expected a dimension in [0, ") << rank << "), found " << dim;
  return success();
}

LogicalResult RandomOp::verify() {
  if (!elementOf(getResult()).isF32())
    return emitOpError("(C1) expected element type f32, found ") << elementOf(getResult());
  const size_t parts = getParts().size();
  if (getRuns().size() != parts || getCounts().size() != parts)
    return emitOpError("(C2) expected a count and a run for each of ")
           << parts << " parts, found " << getCounts().size() << " and " << getRuns().size();
  int64_t elements = getType().getNumElements();
  for (auto [count, run] : llvm::reverse(llvm::zip_equal(getCounts(), getRuns()))) {
    int64_t whole = 0;
    if (count < 1 || run < 1 || elements % run != 0 ||
        __builtin_mul_overflow(elements, count, &whole))
      return emitOpError("(C2) expected a positive count and runs of which a part of ")
             << elements << " elements has whole ones, found " << count << " and runs of " << run;
    elements = whole;
  }
  return success();
}

LogicalResult MatmulOp::verify() {
  ArrayRef<int64_t> a = shapeOf(getLhs()), b = shapeOf(getRhs()), c = shapeOf(getResult());
  if (a.size() < 2 || (b.size() != 2 && (b.size() != a.size() || a.drop_back(2) != b.drop_back(2))))
    return emitOpError("(C1) expected operands of rank 2, or a batch of the same shape, found [")
           << a << "] and [" << b << "]";
  if (getTransposeLhs() && a.size() > 2 && b.size() == 2)
    return emitOpError("(C4) expected both operands to have the batch when lhs is transposed");
  int64_t rows = a[a.size() - (getTransposeLhs() ? 1 : 2)],
          inner = a[a.size() - (getTransposeLhs() ? 2 : 1)];
  int64_t innerB = b[b.size() - (getTransposeRhs() ? 1 : 2)],
          columns = b[b.size() - (getTransposeRhs() ? 2 : 1)];
  if (inner != innerB)
    return emitOpError("(C2) expected equal contracted dimensions, found ")
           << inner << " and " << innerB;
  SmallVector<int64_t> expected(a.drop_back(2));
  expected.append({rows, columns});
  if (ArrayRef<int64_t>(expected) != c)
    return emitOpError("(C3) expected a result of shape [")
           << ArrayRef<int64_t>(expected) << "], found [" << c << "]";
  return success(succeeded(verifySameElements(*this, "C5", getLhs(), getRhs())) &&
                 succeeded(verifySameElements(*this, "C5", getLhs(), getResult())));
}

static LogicalResult verifyTable(Operation *op, Value table, Value indices, Value rows) {
  ArrayRef<int64_t> shape = shapeOf(table);
  SmallVector<int64_t> expected(shapeOf(indices));
  if (shape.size() == 2)
    expected.push_back(shape[1]);
  if (shape.size() != 2 || ArrayRef<int64_t>(expected) != shapeOf(rows))
    return op->emitOpError(
               "(C1) expected a table of rank 2 and rows of the indices' shape and the table's "
               "columns, found [")
           << shape << "], [" << shapeOf(indices) << "] and [" << shapeOf(rows) << "]";
  return verifySameElements(op, "C1", table, rows);
}

LogicalResult GatherOp::verify() {
  return verifyTable(*this, getTable(), getIndices(), getResult());
}
LogicalResult ScatterAddOp::verify() {
  return verifyTable(*this, getResult(), getIndices(), getRows());
}

LogicalResult InsertRowOp::verify() {
  SmallVector<int64_t> expected(shapeOf(getSequence()));
  if (expected.size() > 1)
    expected[1] = 1;
  if (expected.size() < 2 || ArrayRef<int64_t>(expected) != shapeOf(getRow()))
    return emitOpError("(C1) expected a row of shape [")
           << ArrayRef<int64_t>(expected) << "], found [" << shapeOf(getRow()) << "]";
  return verifySameElements(*this, "C1", getRow(), getSequence());
}

LogicalResult ScoresOp::verify() {
  const Layout layout = getLayout();
  auto unfit = [&] {
    return emitOpError("(C1) expected query and key of shape ")
           << dimsOf(layout) << " with equal batch and size, found [" << shapeOf(getQuery())
           << "] and [" << shapeOf(getKey()) << "]";
  };
  if (shapeOf(getQuery()).size() != 4 || shapeOf(getKey()).size() != 4)
    return unfit();
  AttentionShape q(getQuery(), layout), k(getKey(), layout);
  if (q.batch != k.batch || q.size != k.size)
    return unfit();
  if (failed(verifyGroups(*this, "C1", q.heads, k.heads)))
    return failure();
  if (q.positions != k.positions)
    return emitOpError("(C3) expected as many queries as keys, found ")
           << q.positions << " and " << k.positions;
  SmallVector<int64_t> expected = {q.batch, q.heads, q.positions, k.positions};
  if (!patternOf(getType()) || shapeOf(getResult()) != ArrayRef<int64_t>(expected))
    return emitOpError("(C2) expected a result of shape [")
           << ArrayRef<int64_t>(expected) << "] with a pattern, found " << getType();
  return success(succeeded(verifySameElements(*this, "C4", getQuery(), getKey())) &&
                 succeeded(verifySameElements(*this, "C4", getQuery(), getResult())));
}

static LogicalResult verifyHasPattern(Operation *op, Type type) {
  if (!patternOf(type))
    return op->emitOpError("(C1) expected a tensor with a pattern, found ") << type;
  return success();
}

LogicalResult SoftmaxOp::verify() { return verifyHasPattern(*this, getType()); }
LogicalResult SoftmaxGradOp::verify() { return verifyHasPattern(*this, getType()); }

LogicalResult AggregateOp::verify() {
  const Layout layout = getLayout();
  ArrayRef<int64_t> p = shapeOf(getWeights());
  if (failed(verifyHasPattern(*this, getWeights().getType())))
    return failure();
  auto fits = [&](Value tensor) {
    if (shapeOf(tensor).size() != 4)
      return false;
    AttentionShape shape(tensor, layout);
    return shape.batch == p[0] && shape.positions == p[2] && p[2] == p[3];
  };
  for (auto [name, tensor] : {std::pair("values", getValue()), {"a result", getResult()}})
    if (!fits(tensor))
      return emitOpError("(C2) expected ")
             << name << " of shape " << dimsOf(layout) << " to match weights [" << p << "], found ["
             << shapeOf(tensor) << "]";
  AttentionShape from(getValue(), layout), to(getResult(), layout);
  if (from.size != to.size)
    return emitOpError("(C2) expected values and result of equal size, found ")
           << from.size << " and " << to.size;
  auto [heads, keyHeads] =
      getTranspose() ? std::pair(from.heads, to.heads) : std::pair(to.heads, from.heads);
  if (heads != p[1])
    return emitOpError("(C4) expected ")
           << p[1] << " heads of " << (getTranspose() ? "values" : "the result") << ", found "
           << heads;
  return success(succeeded(verifyGroups(*this, "C4", heads, keyHeads)) &&
                 succeeded(verifySameElements(*this, "C3", getWeights(), getValue())) &&
                 succeeded(verifySameElements(*this, "C3", getWeights(), getResult())));
}

LogicalResult AttentionOp::verify() {
  if (failed(verifyAttention(*this)))
    return failure();
  return verifyAttentionResults(*this, "C2");
}

/// Of the gradients of query, key and value, and what they come from.
template <typename Op> static LogicalResult verifyAttentionGradients(Op op) {
  if (failed(verifyAttentionResults(op, "C1")))
    return failure();
  if (op.getOutputGrad().getType() != op.getOutput().getType())
    return op.emitOpError("(C1) expected the output's gradient to have the output's type, found ")
           << op.getOutputGrad().getType() << " and " << op.getOutput().getType();
  if (op.getQueryGrad().getType() != op.getQuery().getType() ||
      op.getKeyGrad().getType() != op.getKey().getType() ||
      op.getValueGrad().getType() != op.getValue().getType())
    return op.emitOpError("(C2) expected the gradients to have the types of query, key and value");
  return success();
}

LogicalResult AttentionGradOp::verify() {
  return failure(failed(verifyAttention(*this)) || failed(verifyAttentionGradients(*this)));
}

LogicalResult PositionsAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t period,
                                    int64_t first, int64_t width) {
  if (first < 0 || width < 1 || first > period - width)
    return emitError() << "expected a width of at least 1 from a first position on, inside of a "
                          "period, found <"
                       << period << ", " << first << ", " << width << ">";
  return success();
}

/// A chunk's queries, and keys of all chunks.
template <typename Op> static LogicalResult verifyChunk(Op op) {
  const Layout layout = op.getLayout();
  for (Value tensor : {op.getQuery(), op.getKey()})
    if (shapeOf(tensor).size() != 4)
      return op.emitOpError("(C1) expected query, key and value of shape ") << dimsOf(layout);
  const int64_t queries = AttentionShape(op.getQuery(), layout).positions,
                keys = AttentionShape(op.getKey(), layout).positions;
  int64_t all = 0;
  if (op.getCount() < 1 || op.getBlock() < 1 || queries % op.getBlock() != 0 ||
      __builtin_mul_overflow(queries, op.getCount(), &all) || all % op.getKeys().getPeriod() != 0 ||
      keys != op.getKeys().below(all))
    return op.emitOpError("(C3) expected at least one chunk of whole blocks, and as many keys as ")
           << op.getKeys() << " are in all chunks, found " << op.getCount() << " of " << queries
           << " queries in blocks of " << op.getBlock() << " and " << keys << " keys";
  return verifyAttention(op, queries);
}

LogicalResult AttentionChunkOp::verify() {
  if (failed(verifyChunk(*this)) || failed(verifyAttentionResults(*this, "C2")))
    return failure();
  if (!getFromOutput() != !getFromLogsumexp() ||
      (getFromOutput() && (getFromOutput().getType() != getOutput().getType() ||
                           getFromLogsumexp().getType() != getLogsumexp().getType())))
    return emitOpError("(C2) expected to go on from values of the types of the results");
  return success();
}

LogicalResult AttentionChunkGradOp::verify() {
  return failure(failed(verifyChunk(*this)) || failed(verifyAttentionGradients(*this)));
}

LogicalResult AttentionRowOp::verify() {
  if (failed(verifyAttention(*this, /*queries=*/1)))
    return failure();
  ArrayRef<int64_t> expected = outputType(*this).getShape();
  if (expected != shapeOf(getOutput()))
    return emitOpError("(C2) expected an output of shape [")
           << expected << "], found [" << shapeOf(getOutput()) << "]";
  auto checkElements = [&](StringRef constraint, Value tensor) -> LogicalResult {
    if (elementOf(tensor).getIntOrFloatBitWidth() < elementOf(getQuery()).getIntOrFloatBitWidth())
      return success();
    return verifySameElements(*this, constraint, getQuery(), tensor);
  };
  return failure(failed(checkElements("C1", getKey())) || failed(checkElements("C1", getValue())) ||
                 failed(checkElements("C2", getOutput())));
}

LogicalResult GradientOp::verify() {
  if (getOf().empty() || getWrt().empty())
    return emitOpError(
        "(C3) expected at least one value to differentiate and one to differentiate by");
  if (TypeRange(getWrt()) != getGradients().getTypes())
    return emitOpError(
        "(C1) expected the gradients to have the types of the values differentiated by");
  if (getSeeds().empty() && getOf().size() == 1 && shapeOf(getOf()[0]).empty())
    return success();
  if (TypeRange(getSeeds()) != TypeRange(getOf()))
    return emitOpError("(C2) expected a seed for each value, or one scalar value without a seed");
  return success();
}

static LogicalResult verifyTypes(Operation *op, Block &body) {
  auto yield = body.empty() ? YieldOp() : dyn_cast<YieldOp>(body.back());
  if (!yield)
    return op->emitOpError("(C1) expected the region to end in stc.yield");
  if (op->getOperandTypes() != TypeRange(body.getArgumentTypes()) ||
      TypeRange(yield.getValues()) != op->getResultTypes())
    return op->emitOpError("(C1) expected equal types outside and inside the region");
  return success();
}

LogicalResult FusedOp::verify() {
  Block &body = getBody().front();
  if (failed(verifyTypes(*this, body)))
    return failure();
  for (Operation &op : body.without_terminator()) {
    bool elementwise = OpTrait::hasElementwiseMappableTraits(&op) || isa<arith::ConstantOp>(op);
    if (!elementwise && !isa<BroadcastOp, ReduceOp, IotaOp, RandomOp>(op))
      return op.emitOpError("(C2) is not elementwise, a broadcast, a reduction, iota or random");
  }
  return success();
}

LogicalResult FusedProductOp::verify() {
  Block &body = getBody().front();
  if (failed(verifyTypes(*this, body)))
    return failure();
  Block::iterator next = body.begin();
  auto take = [&]<typename Op>(Op &op) {
    op = dyn_cast<Op>(*next);
    if (op)
      ++next;
  };
  FusedOp before, after;
  arith::TruncFOp narrow;
  MatmulOp product;
  take(before);
  take(narrow);
  take(product);
  if (product)
    take(after);
  if (!after || !isa<YieldOp>(*next) || next->getOperands() != ValueRange(after.getResults()) ||
      !llvm::is_contained(after.getInputs(), product.getResult()) ||
      (before && (before.getNumResults() != 1 || product.getLhs() != before.getResult(0))) ||
      (narrow && product.getRhs() != narrow.getResult()))
    return emitOpError(
        "(C2) expected stc.fused and arith.truncf of its operands or not, stc.matmul, "
        "and stc.fused of its product whose results are yielded");
  auto element = cast<RankedTensorType>(product.getType()).getElementType();
  if (!(element.isF16() || element.isBF16()) || product.getTransposeLhs() ||
      !product.getTransposeRhs() ||
      cast<RankedTensorType>(product.getRhs().getType()).getRank() != 2)
    return product.emitOpError(
               "(C3) expected a product of f16 or bf16 with a transposed rhs of rank "
               "2, found ")
           << product.getLhs().getType() << " and " << product.getRhs().getType();
  if (!isa<BlockArgument>(narrow ? narrow.getIn() : product.getRhs()) ||
      !(before || isa<BlockArgument>(product.getLhs())))
    return emitOpError("(C4) expected arguments as the operands of the product");
  if (after.getSpace() != shapeOf(product.getResult()) ||
      !after.getBody().getOps<ReduceOp>().empty())
    return after.emitOpError("(C5) expected the space [")
           << shapeOf(product.getResult()) << "], and no reduction";
  return success();
}

//===----------------------------------------------------------------------===//
// Collectives
//===----------------------------------------------------------------------===//

template <typename Op> static LogicalResult verifyAxis(Op op) {
  if (op.getAxis().empty() || op.getCount() < 1)
    return op.emitOpError("(C1) expected an axis with a name and at least one device, found \"")
           << op.getAxis() << "\" of " << op.getCount();
  return success();
}

/// That a tensor can be cut into a part for each device.
template <typename Op> static LogicalResult verifyCut(Op op, Value whole) {
  if (failed(verifyAxis(op)))
    return failure();
  ArrayRef<int64_t> shape = shapeOf(whole);
  const int64_t rank = shape.size(), dim = op.getDim(), count = op.getCount();
  if (dim < 0 || dim >= rank)
    return op.emitOpError("(C2) expected a dimension in [0, ") << rank << "), found " << dim;
  if (shape[dim] % count != 0)
    return op.emitOpError("(C2) expected a size that ")
           << count << " devices divide as dimension " << dim << ", found " << shape[dim];
  return success();
}

/// Of a whole tensor and its part on one device.
template <typename Op> static LogicalResult verifyParts(Op op, Value whole, Value part) {
  if (failed(verifyCut(op, whole)))
    return failure();
  SmallVector<int64_t> expected(shapeOf(whole));
  expected[op.getDim()] /= op.getCount();
  if (ArrayRef<int64_t>(expected) != shapeOf(part))
    return op.emitOpError("(C2) expected a part of shape [")
           << ArrayRef<int64_t>(expected) << "], found [" << shapeOf(part) << "]";
  return verifySameElements(op, "C3", whole, part);
}

LogicalResult RankOp::verify() { return verifyAxis(*this); }
LogicalResult AllReduceOp::verify() { return verifyAxis(*this); }
LogicalResult AllSliceOp::verify() { return verifyParts(*this, getInput(), getResult()); }
LogicalResult AllGatherOp::verify() { return verifyParts(*this, getResult(), getInput()); }
LogicalResult AllToAllOp::verify() { return verifyCut(*this, getInput()); }
LogicalResult ReduceScatterOp::verify() { return verifyParts(*this, getInput(), getResult()); }
