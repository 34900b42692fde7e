//===- TileRowOps.cpp - sweeps over columns -------------------------------===//

#include "dialects/Tile/Tile.h"

using namespace mlir;
using namespace stc::tile;

CombineOp SweepOp::getCombine() { return cast<CombineOp>(getBody().front().getTerminator()); }

bool SweepOp::isUniform(Value value) { return value.getParentRegion() != &getBody(); }

std::optional<Value> SweepOp::getOffset(Value index) {
  if (index == getColumn())
    return Value();
  auto sum = index.getDefiningOp<arith::AddIOp>();
  if (!sum)
    return std::nullopt;
  if (sum.getLhs() == getColumn() && isUniform(sum.getRhs()))
    return sum.getRhs();
  if (sum.getRhs() == getColumn() && isUniform(sum.getLhs()))
    return sum.getLhs();
  return std::nullopt;
}

static LogicalResult verifyIndices(SweepOp sweep, Operation *op, ValueRange indices, bool store) {
  bool columnLast = !indices.empty() && sweep.getOffset(indices.back());
  ValueRange others = columnLast ? indices.drop_back() : indices;
  bool uniform = llvm::all_of(others, [&](Value index) { return sweep.isUniform(index); });
  if (!uniform || (store && !columnLast))
    return op->emitOpError("(C4) expected indices from outside the sweep, with the column, or the "
                           "column plus a "
                           "value from outside, as the last ")
           << (store ? "index" : "index or not at all");
  return success();
}

LogicalResult SweepOp::verify() {
  if (getBody().getNumArguments() != 1 || !getColumn().getType().isIndex())
    return emitOpError("(C1) expected one argument of type index, the column");
  if (getBody().front().empty() || !isa<CombineOp>(getBody().front().back()))
    return emitOpError("(C2) expected the region to end in tile.combine");
  if (getCombine().getValues().getTypes() != getResultTypes())
    return emitOpError("(C2) expected results of the types that tile.combine yields");
  for (Operation &op : getBody().front().without_terminator()) {
    auto load = dyn_cast<memref::LoadOp>(op);
    auto store = dyn_cast<memref::StoreOp>(op);
    if (!load && !store && (op.getNumRegions() || !isMemoryEffectFree(&op)))
      return op.emitOpError("(C3) is neither a load, a store nor free of regions and side effects");
    if (load && failed(verifyIndices(*this, load, load.getIndices(), false)))
      return failure();
    if (store && failed(verifyIndices(*this, store, store.getIndices(), true)))
      return failure();
  }
  return success();
}

// tile.sweep %column = %lower to %upper -> (types) { body }
void SweepOp::print(OpAsmPrinter &printer) {
  printer << ' ' << getColumn() << " = " << getLower() << " to " << getUpper() << ' ';
  if (getNumResults())
    printer << "-> (" << getResultTypes() << ") ";
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false);
  printer.printOptionalAttrDict((*this)->getAttrs());
}

ParseResult SweepOp::parse(OpAsmParser &parser, OperationState &result) {
  OpAsmParser::Argument column;
  OpAsmParser::UnresolvedOperand lower, upper;
  column.type = parser.getBuilder().getIndexType();
  if (parser.parseArgument(column) || parser.parseEqual() || parser.parseOperand(lower) ||
      parser.parseKeyword("to") || parser.parseOperand(upper) ||
      parser.resolveOperand(lower, column.type, result.operands) ||
      parser.resolveOperand(upper, column.type, result.operands))
    return failure();
  if (succeeded(parser.parseOptionalArrow()) &&
      (parser.parseLParen() || parser.parseTypeList(result.types) || parser.parseRParen()))
    return failure();
  return failure(parser.parseRegion(*result.addRegion(), column) ||
                 parser.parseOptionalAttrDict(result.attributes));
}

LogicalResult CombineOp::verify() {
  if (getCombiners().size() != getValues().size())
    return emitOpError("(C1) expected ")
           << getValues().size() << " combiners, found " << getCombiners().size();
  for (int32_t combiner : getCombiners())
    if (!symbolizeCombiner(combiner))
      return emitOpError("(C1) found unknown combiner ") << combiner;
  return success();
}

// tile.combine sum %a, max %b : f32, f32
void CombineOp::print(OpAsmPrinter &printer) {
  auto values = getValues();
  for (auto [index, value] : llvm::enumerate(values))
    printer << (index ? ", " : " ") << stringifyCombiner(getCombiner(index)) << ' ' << value;
  if (!values.empty())
    printer << " : " << values.getTypes();
  printer.printOptionalAttrDict((*this)->getAttrs(), {"combiners"});
}

ParseResult CombineOp::parse(OpAsmParser &parser, OperationState &result) {
  SmallVector<int32_t> combiners;
  SmallVector<OpAsmParser::UnresolvedOperand> values;
  SmallVector<Type> types;
  StringRef keyword;
  SMLoc location = parser.getCurrentLocation();
  while (succeeded(parser.parseOptionalKeyword(&keyword))) {
    auto combiner = symbolizeCombiner(keyword);
    if (!combiner)
      return parser.emitError(location, "expected sum or max, found ") << keyword;
    combiners.push_back(static_cast<int32_t>(*combiner));
    if (parser.parseOperand(values.emplace_back()))
      return failure();
    if (failed(parser.parseOptionalComma()))
      break;
    location = parser.getCurrentLocation();
  }
  if (!values.empty() && (parser.parseColonTypeList(types) ||
                          parser.resolveOperands(values, types, location, result.operands)))
    return failure();
  result.addAttribute("combiners", parser.getBuilder().getDenseI32ArrayAttr(combiners));
  return parser.parseOptionalAttrDict(result.attributes);
}

Type RowProductOp::getElement() {
  Value lhs = getLhs() ? Value(getLhs()) : getBefore().getArgument(1);
  return cast<MemRefType>(lhs.getType()).getElementType();
}

LogicalResult RowProductOp::verify() {
  auto weights = cast<MemRefType>(getWeights().getType());
  if (!weights.hasStaticShape() || weights.getRank() != 2)
    return emitOpError("(C2) expected weights [n, k], found ") << weights;
  auto endsWell = [](Region &region) {
    return !region.front().empty() && isa<ReturnOp>(region.front().back());
  };
  if (bool(getLhs()) != getBefore().empty())
    return emitOpError("(C1) expected a left operand in memory or a region before, one of the two");
  MemRefType lhs;
  if (getLhs()) {
    lhs = cast<MemRefType>(getLhs().getType());
  } else {
    auto arguments = getBefore().getArguments();
    if (!getBefore().hasOneBlock() || arguments.size() != 2 || !arguments[0].getType().isIndex() ||
        !isa<MemRefType>(arguments[1].getType()))
      return emitOpError("(C1) expected an index and a memref as arguments of the region before");
    lhs = cast<MemRefType>(arguments[1].getType());
    if (!endsWell(getBefore()))
      return emitOpError("(C4) expected the region before to end in tile.return");
  }
  if (lhs.getRank() < 1 || lhs.getRank() > (getLhs() ? 2 : 1) ||
      lhs.getShape().back() != getDepth())
    return emitOpError("(C1) expected rows of ") << getDepth() << " elements, found " << lhs;
  Type element = getElement();
  if (!(element.isBF16() || element.isF16()) ||
      !(weights.getElementType() == element || weights.getElementType().isF32()))
    return emitOpError("(C2) expected bf16 or f16 by that or f32, found ")
           << lhs << " by " << weights;
  auto arguments = getAfter().getArguments();
  if (arguments.size() != 3 || !arguments[0].getType().isIndex() ||
      !arguments[1].getType().isIndex() || !arguments[2].getType().isF32())
    return emitOpError("(C3) expected two indices and a f32 as arguments of the region after");
  if (!endsWell(getAfter()))
    return emitOpError("(C4) expected the region after to end in tile.return");
  for (Operation &op : getAfter().front().without_terminator())
    if (!isa<memref::LoadOp, memref::StoreOp>(op) &&
        (op.getNumRegions() || !isMemoryEffectFree(&op)))
      return op.emitOpError("(C3) is neither a load, a store nor free of regions and side effects");
  if (!llvm::is_contained({8, 16, 32}, int64_t(getWidth())))
    return emitOpError("(C5) expected a width of 8, 16 or 32, found ") << getWidth();
  return success();
}
