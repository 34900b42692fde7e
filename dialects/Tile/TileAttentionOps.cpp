//===- TileAttentionOps.cpp - attention over tiles ------------------------===//

#include "dialects/Tile/Tile.h"

#include <numeric>

using namespace mlir;
using namespace stc::tile;

static LogicalResult verifyPositive(function_ref<InFlightDiagnostic()> emitError,
                                    ArrayRef<int64_t> numbers) {
  for (int64_t number : numbers)
    if (number <= 0)
      return emitError() << "(C1) expected positive numbers of a schedule, found " << number;
  return success();
}

LogicalResult WgmmaAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t groups,
                                int64_t blocks, int64_t rows, int64_t stages, int64_t items) {
  return verifyPositive(emitError, {groups, blocks, rows, stages, items});
}

LogicalResult MmaSyncAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t warps,
                                  int64_t parts, int64_t rows, int64_t scores, int64_t stages,
                                  int64_t blocks) {
  return verifyPositive(emitError, {warps, parts, rows, scores, stages, blocks});
}

LogicalResult WalkOp::verify() {
  auto yields = [](Region &region) {
    return cast<YieldOp>(region.front().getTerminator()).getValues();
  };
  auto allIndex = [](TypeRange types) {
    return llvm::all_of(types, [](Type type) { return type.isIndex(); });
  };
  for (Region *region : getRegions())
    if (!region->empty() && (region->front().empty() || !isa<YieldOp>(region->front().back())))
      return emitOpError("(C1) expected ranges, bounds and mask to end in tile.yield");
  auto isOfIndices = [&](Region &region, unsigned arguments, unsigned results) {
    return region.getNumArguments() == arguments && allIndex(region.getArgumentTypes()) &&
           yields(region).size() == results && allIndex(yields(region).getTypes());
  };
  const unsigned numbers = hasRanges() ? 1 : 0;
  const StringRef number = hasRanges() ? ", number of the range" : "";
  if (hasRanges() && !isOfIndices(getRanges(), 2, 3))
    return emitOpError("(C1) expected ranges from (residue, strip) to three values of type index");
  if (!isOfIndices(getBounds(), 2 + numbers, 4))
    return emitOpError("(C1) expected bounds from (residue, strip")
           << number << ") to four values of type index";
  if (getMask().getNumArguments() != 3 + numbers || !allIndex(getMask().getArgumentTypes()) ||
      yields(getMask()).size() != 1 || !yields(getMask())[0].getType().isInteger(1))
    return emitOpError("(C1) expected a mask from (residue, query row, key row")
           << number << ") to i1";
  ResidueMapAttr map = getResidueAttr();
  if (!map)
    return success();
  const int64_t residues = getView().getResidues(), factor = map.getFactor();
  if (factor < 1 || factor >= residues || std::gcd(factor, residues) != 1 || map.getShift() < 0 ||
      map.getShift() >= residues)
    return emitOpError("(C2) expected a factor that has an inverse modulo ")
           << residues << " and a shift below it, found " << factor << " and " << map.getShift();
  if (getView().getTogether() > 1)
    return emitOpError("(C2) expected no residues side by side where these are mapped");
  return success();
}

namespace {
template <typename Op>
LogicalResult verifyShapes(Op op, TypedValue<MemRefType> outputBuffer, bool oneQuery) {
  for (Operation &child : op.getWalks().front())
    if (!isa<WalkOp>(child))
      return op.emitOpError("(C1) expected only tile.walk in the body, found ") << child.getName();
  auto query = op.getQuery().getType(), key = op.getKey().getType(),
       value = op.getValue().getType(), output = outputBuffer.getType();
  if (query.getDimSize(3) != key.getDimSize(3) || value.getDimSize(3) != output.getDimSize(3))
    return op.emitOpError("(C2) expected equal sizes of query and key, and of value and output");
  const int64_t queries = oneQuery ? 1 : query.getDimSize(1);
  if (query.getDimSize(1) != queries || output.getDimSize(1) != queries)
    return op.emitOpError("(C2) expected ")
           << queries << " queries and outputs, found " << query.getDimSize(1) << " and "
           << output.getDimSize(1);
  if (value.getDimSize(1) != key.getDimSize(1))
    return op.emitOpError("(C2) expected as many values as keys, found ")
           << value.getDimSize(1) << " and " << key.getDimSize(1);
  int64_t heads = query.getDimSize(2), keyHeads = key.getDimSize(2);
  const bool areDynamic = ShapedType::isDynamic(heads) && heads == keyHeads;
  if (areDynamic && !op->hasAttr("dynamic_group"))
    return op.emitOpError("(C3) expected a group, as numbers of heads are dynamic");
  if (output.getDimSize(2) != heads || value.getDimSize(2) != keyHeads ||
      (!areDynamic && (keyHeads < 1 || heads < 1 || heads % keyHeads != 0)))
    return op.emitOpError(
               "(C3) expected as many heads of outputs as of queries and of values as of "
               "keys, and a multiple of these, found ")
           << output.getDimSize(2) << " and " << heads << ", " << value.getDimSize(2) << " and "
           << keyHeads;
  return success();
}

template <typename Op> LogicalResult verifyHeadStep(Op op) {
  if (op.getHeadStep() <= 0)
    return op.emitOpError("(C4) expected a positive head_step, found ") << op.getHeadStep();
  return success();
}

template <typename Op> LogicalResult verifyStrips(Op op) {
  if (op.getStrip() <= 0 || op.getRows() <= 0 || op.getRows() % op.getStrip() != 0)
    return op.emitOpError("(C1) expected rows to be a multiple of strip, found ")
           << op.getRows() << " and " << op.getStrip();
  return success();
}
} // namespace

LogicalResult AttentionOp::verify() {
  return failure(failed(verifyStrips(*this)) ||
                 failed(verifyShapes(*this, getOutput(), /*oneQuery=*/false)));
}

LogicalResult AttentionGradOp::verify() {
  if (getView().getResidues() > 1 &&
      !llvm::all_equal(llvm::map_range(
          getWalkOps(), [](WalkOp walk) -> Attribute { return walk.getResidueAttr(); })))
    return emitOpError("(C5) expected walks of one map of residues");
  return failure(failed(verifyStrips(*this)) || failed(verifyHeadStep(*this)) ||
                 failed(verifyShapes(*this, getOutput(), /*oneQuery=*/false)));
}

template <typename Op> static LogicalResult verifyTile(Op op) {
  if (op.getRows() <= 0)
    return op.emitOpError("(C1) expected rows, found ") << op.getRows();
  return verifyShapes(op, op.getOutputGrad(), /*oneQuery=*/false);
}

LogicalResult AttentionKeyGradOp::verify() {
  return failure(failed(verifyHeadStep(*this)) || failed(verifyTile(*this)));
}
LogicalResult AttentionQueryGradOp::verify() { return verifyTile(*this); }

LogicalResult AttentionDeltaOp::verify() {
  auto output = getOutput().getType(), grad = getOutputGrad().getType();
  if (output.getShape() != grad.getShape())
    return emitOpError("(C1) expected output and output_grad of one shape, found ")
           << output << " and " << grad;
  return success();
}

LogicalResult AttentionQuerySumOp::verify() {
  auto sum = getQuerySum().getType(), grad = getQueryGrad().getType();
  if (sum.getShape().drop_back() != grad.getShape().drop_back())
    return emitOpError(
               "(C1) expected query_sum and query_grad of equal positions and heads, found ")
           << sum << " and " << grad;
  return success();
}

LogicalResult AttentionRowOp::verify() {
  if (getViews().size() != static_cast<size_t>(llvm::range_size(getWalkOps())))
    return emitOpError("(C1) expected a query view for each walk, found ") << getViews().size();
  if (!getInserted().empty() && getInserted().size() != 2)
    return emitOpError("(C4) expected none or two rows to insert, found ") << getInserted().size();
  for (auto [row, rows] : llvm::zip(getInserted(), SmallVector<Value>{getKey(), getValue()})) {
    auto found = cast<MemRefType>(row.getType()), whole = cast<MemRefType>(rows.getType());
    SmallVector<int64_t> expected(whole.getShape());
    expected[1] = 1;
    if (found.getShape() != ArrayRef<int64_t>(expected) ||
        found.getElementType() != whole.getElementType())
      return emitOpError("(C4) expected a row of one position to insert into ")
             << whole << ", found " << found;
  }
  return failure(failed(verifyHeadStep(*this)) ||
                 failed(verifyShapes(*this, getOutput(), /*oneQuery=*/true)));
}

void AttentionRowOp::getEffects(SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  auto add = [&](MemoryEffects::Effect *effect, OpOperand &buffer) {
    effects.emplace_back(effect, &buffer);
  };
  for (OpOperand *buffer : {&getQueryMutable(), &getKeyMutable(), &getValueMutable()})
    add(MemoryEffects::Read::get(), *buffer);
  for (OpOperand &row : getInsertedMutable())
    add(MemoryEffects::Read::get(), row);
  add(MemoryEffects::Write::get(), getOutputMutable());
  if (!getInserted().empty())
    for (OpOperand *sequence : {&getKeyMutable(), &getValueMutable()})
      add(MemoryEffects::Write::get(), *sequence);
}
