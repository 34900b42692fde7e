//===- StcOps.cpp - the stc dialect: syntax, folders, symbol uses ---------===//

#include "dialects/Stc/Stc.h"

using namespace mlir;
using namespace stc;

#define GET_OP_CLASSES
#include "dialects/Stc/StcOps.cpp.inc"

Operation *StcDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type,
                                           Location loc) {
  return arith::ConstantOp::materialize(builder, value, type, loc);
}

/// A constant with one value everywhere, under another shape.
static OpFoldResult resizeSplat(Attribute constant, Type type) {
  auto splat = dyn_cast_if_present<SplatElementsAttr>(constant);
  return splat ? splat.resizeSplat(cast<ShapedType>(type)) : OpFoldResult();
}

OpFoldResult BroadcastOp::fold(FoldAdaptor adaptor) {
  if (getInput().getType() == getType())
    return getInput();
  return resizeSplat(adaptor.getInput(), getType());
}

OpFoldResult ReshapeOp::fold(FoldAdaptor adaptor) {
  if (getInput().getType() == getType())
    return getInput();
  if (auto inner = getInput().getDefiningOp<ReshapeOp>()) {
    getInputMutable().assign(inner.getInput());
    return getResult();
  }
  return resizeSplat(adaptor.getInput(), getType());
}

bool ReduceOp::isRowReduction() {
  int64_t rank = cast<RankedTensorType>(getInput().getType()).getRank();
  return rank > 1 && getDims().size() == 1 && getDims()[0] == rank - 1;
}

static LogicalResult verifyVariable(Operation *op, FlatSymbolRefAttr symbol, Type type,
                                    SymbolTableCollection &symbols) {
  auto variable = symbols.lookupNearestSymbolFrom<VariableOp>(op, symbol);
  if (!variable)
    return op->emitOpError() << "(C1) expected a variable named " << symbol;
  if (variable.getType() != type)
    return op->emitOpError() << "(C1) expected the type of the variable " << symbol << ", "
                             << variable.getType() << ", found " << type;
  return success();
}

LogicalResult ReadOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyVariable(*this, getVariableAttr(), getType(), symbols);
}

LogicalResult WriteOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyVariable(*this, getVariableAttr(), getValue().getType(), symbols);
}

// (%arg = %operand : type, ...) -> (types) { body }
static void printRegion(OpAsmPrinter &printer, Region &body, ValueRange inputs, TypeRange results) {
  printer << " (";
  llvm::interleaveComma(llvm::zip(body.getArguments(), inputs), printer, [&](auto pair) {
    auto [argument, input] = pair;
    printer << argument << " = " << input << " : " << input.getType();
  });
  printer << ") -> (";
  llvm::interleaveComma(results, printer);
  printer << ") ";
  printer.printRegion(body, /*printEntryBlockArgs=*/false);
}

static ParseResult parseRegion(OpAsmParser &parser, OperationState &result) {
  SmallVector<OpAsmParser::Argument> arguments;
  auto parseInput = [&]() -> ParseResult {
    OpAsmParser::UnresolvedOperand operand;
    if (parser.parseArgument(arguments.emplace_back()) || parser.parseEqual() ||
        parser.parseOperand(operand) || parser.parseColonType(arguments.back().type))
      return failure();
    return parser.resolveOperand(operand, arguments.back().type, result.operands);
  };
  return failure(parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Paren, parseInput) ||
                 parser.parseArrowTypeList(result.types) ||
                 parser.parseRegion(*result.addRegion(), arguments) ||
                 parser.parseOptionalAttrDict(result.attributes));
}

// stc.fused space [rows.., columns] (%arg = %operand : type, ...) -> (types) { body }
void FusedOp::print(OpAsmPrinter &printer) {
  printer << " space [";
  llvm::interleaveComma(getSpace(), printer);
  printer << "]";
  printRegion(printer, getBody(), getInputs(), getResultTypes());
  printer.printOptionalAttrDict((*this)->getAttrs(), {"space"});
}

ParseResult FusedOp::parse(OpAsmParser &parser, OperationState &result) {
  SmallVector<int64_t> space;
  if (parser.parseKeyword("space") ||
      parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Square,
                                     [&] { return parser.parseInteger(space.emplace_back()); }))
    return failure();
  result.addAttribute("space", parser.getBuilder().getDenseI64ArrayAttr(space));
  return parseRegion(parser, result);
}

void FusedProductOp::print(OpAsmPrinter &printer) {
  printRegion(printer, getBody(), getInputs(), getResultTypes());
  printer.printOptionalAttrDict((*this)->getAttrs());
}

ParseResult FusedProductOp::parse(OpAsmParser &parser, OperationState &result) {
  return parseRegion(parser, result);
}

MatmulOp FusedProductOp::getProduct() { return *getBody().getOps<MatmulOp>().begin(); }
FusedOp FusedProductOp::getBefore() { return getProduct().getLhs().getDefiningOp<FusedOp>(); }
FusedOp FusedProductOp::getAfter() {
  return cast<FusedOp>(getBody().front().getTerminator()->getPrevNode());
}
BlockArgument FusedProductOp::getWeights() {
  Value rhs = getProduct().getRhs();
  if (auto narrow = rhs.getDefiningOp<arith::TruncFOp>())
    rhs = narrow.getIn();
  return cast<BlockArgument>(rhs);
}
