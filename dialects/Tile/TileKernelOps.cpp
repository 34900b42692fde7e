//===- TileKernelOps.cpp - kernels and launches ---------------------------===//

#include "dialects/Tile/Tile.h"

using namespace mlir;
using namespace stc::tile;

SmallVector<BlockArgument> KernelOp::getBuffers() {
  return llvm::filter_to_vector(getBody().getArguments(), [](BlockArgument argument) {
    return isa<MemRefType>(argument.getType());
  });
}

SmallVector<BlockArgument> KernelOp::getSizes() {
  auto sizes = llvm::filter_to_vector(getBody().getArguments(), [](BlockArgument argument) {
    return argument.getType().isIndex();
  });
  sizes.pop_back();
  return sizes;
}

bool stc::tile::isWritten(Value buffer) {
  return llvm::any_of(buffer.getUsers(), [&](Operation *user) {
    if (isa<ViewLikeOpInterface>(user))
      return isWritten(user->getResult(0));
    auto effects = dyn_cast<MemoryEffectOpInterface>(user);
    return !effects || effects.getEffectOnValue<MemoryEffects::Write>(buffer);
  });
}

SmallVector<int64_t> stc::tile::evaluate(AffineMap map, ArrayRef<int64_t> sizes) {
  Builder builder(map.getContext());
  auto constants = llvm::map_to_vector(
      sizes, [&](int64_t size) -> Attribute { return builder.getIndexAttr(size); });
  SmallVector<Attribute> results;
  if (failed(map.constantFold(constants, results)))
    return {};
  return llvm::map_to_vector(results,
                             [](Attribute result) { return cast<IntegerAttr>(result).getInt(); });
}

LogicalResult stc::tile::verifyDynamic(Operation *op, StringRef constraint, AffineMap map,
                                       ArrayRef<int64_t> sizes, int64_t items,
                                       ArrayRef<int64_t> bytes) {
  if (map.getNumDims() != 0 || map.getNumSymbols() != sizes.size())
    return op->emitOpError() << constraint << " expected a dynamic map of " << sizes.size()
                             << " symbols, found " << AffineMapAttr::get(map);
  SmallVector<int64_t> expected = {items};
  llvm::append_range(expected, bytes);
  if (evaluate(map, sizes) != expected)
    return op->emitOpError() << constraint << " expected a dynamic map that gives " << items
                             << " items and the bytes of " << bytes.size() << " results, found "
                             << AffineMapAttr::get(map);
  return success();
}

void KernelOp::print(OpAsmPrinter &printer) {
  printer << ' ';
  printer.printSymbolName(getSymName());
  printer << " kind " << getKindAttr() << " (";
  llvm::interleaveComma(getBody().getArguments(), printer,
                        [&](BlockArgument argument) { printer.printRegionArgument(argument); });
  printer << ") ";
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false);
  printer.printOptionalAttrDict((*this)->getAttrs(), {"sym_name", "kind"});
}

ParseResult KernelOp::parse(OpAsmParser &parser, OperationState &result) {
  StringAttr name, kind;
  SmallVector<OpAsmParser::Argument> arguments;
  if (parser.parseSymbolName(name, "sym_name", result.attributes) || parser.parseKeyword("kind") ||
      parser.parseAttribute(kind, "kind", result.attributes) ||
      parser.parseArgumentList(arguments, OpAsmParser::Delimiter::Paren, /*allowType=*/true))
    return failure();
  return failure(parser.parseRegion(*result.addRegion(), arguments) ||
                 parser.parseOptionalAttrDict(result.attributes));
}

LogicalResult KernelOp::verify() {
  Block &body = getBody().front();
  if (body.empty() || !isa<ReturnOp>(body.back()))
    return emitOpError("(C2) expected the body to end in tile.return");
  auto arguments = getBody().getArguments();
  if (arguments.empty() || !arguments.back().getType().isIndex())
    return emitOpError("(C1) expected the last argument to be the item, of type index");
  bool sizes = false;
  for (BlockArgument argument : arguments) {
    auto memref = dyn_cast<MemRefType>(argument.getType());
    sizes |= !memref;
    if ((memref && (sizes || !memref.getLayout().isIdentity())) ||
        (!memref && !argument.getType().isIndex()))
      return emitOpError("(C1) expected row-major memrefs, then values of type index, found ")
             << argument.getType();
  }
  return success();
}

LogicalResult LaunchOp::verify() {
  if (getTied().size() != getNumResults() || getInplace().size() != getNumResults())
    return emitOpError("(C2) expected ") << getNumResults() << " entries in tied and inplace";
  for (auto [tied, inplace, result] : llvm::zip(getTied(), getInplace(), getResultTypes())) {
    for (int64_t operand : {tied, inplace})
      if (operand < -1 || operand >= static_cast<int64_t>(getNumOperands()))
        return emitOpError("(C2) expected the number of an operand or -1, found ") << operand;
    if (tied >= 0 && getOperand(tied).getType() != result)
      return emitOpError("(C2) expected a tied result of type ")
             << getOperand(tied).getType() << ", found " << result;
    if (tied >= 0 && llvm::count(getTied(), tied) > 1)
      return emitOpError("(C2) expected one result tied to operand ") << tied;
  }
  if (!getDynamic())
    return success();
  SmallVector<int64_t> bytes;
  for (auto [tied, type] : llvm::zip(getTied(), getResultTypes()))
    if (auto tensor = cast<RankedTensorType>(type); tied < 0)
      bytes.push_back(tensor.getNumElements() * (tensor.getElementTypeBitWidth() / 8));
  return verifyDynamic(*this, "(C5)", *getDynamic(), getSizes(), getItems(), bytes);
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  SmallVector<Type> buffers(getOperandTypes());
  for (auto [tied, result] : llvm::zip(getTied(), getResultTypes()))
    if (tied < 0)
      buffers.push_back(result);
  auto kernel = symbols.lookupNearestSymbolFrom<KernelOp>(*this, getKernelAttr());
  if (!kernel)
    return emitOpError("(C1) expected a kernel named ") << getKernelAttr();
  auto expected = kernel.getBuffers();
  if (expected.size() != buffers.size() || kernel.getSizes().size() != getSizes().size())
    return emitOpError("(C1) expected ")
           << expected.size() << " buffers and " << kernel.getSizes().size() << " sizes, found "
           << buffers.size() << " and " << getSizes().size();
  for (auto [buffer, argument] : llvm::zip(buffers, expected))
    if (memoryType(cast<RankedTensorType>(buffer).getElementType()) !=
        cast<MemRefType>(argument.getType()).getElementType())
      return emitOpError("(C3) expected a buffer of ")
             << argument.getType() << ", found " << buffer;
  for (unsigned operand = 0; operand < getNumOperands(); ++operand)
    if (!llvm::is_contained(getTied(), operand) && isWritten(expected[operand]))
      return emitOpError("(C4) expected a kernel that writes only results, found that it writes "
                         "operand ")
             << operand;
  return success();
}
