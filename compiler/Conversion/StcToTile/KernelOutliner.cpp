//===- KernelOutliner.cpp - kernels of their own, each once ---------------===//

#include "compiler/Conversion/StcToTile/KernelOutliner.h"

using namespace mlir;
using namespace stc;

KernelBuilder::KernelBuilder(tile::KernelOp kernel)
    : ImplicitLocOpBuilder(kernel.getLoc(), kernel.getContext()), kernel(kernel),
      buffers(kernel.getBuffers()), sizes(kernel.getSizes()), itemNumber(kernel.getItem()) {
  setInsertionPointToStart(&kernel.getBody().front());
}

Value KernelBuilder::index(int64_t value) { return arith::ConstantIndexOp::create(*this, value); }
Value KernelBuilder::add(Value a, Value b) { return createOrFold<arith::AddIOp>(a, b); }
Value KernelBuilder::mul(Value a, Value b) { return createOrFold<arith::MulIOp>(a, b); }
Value KernelBuilder::min(Value a, Value b) { return createOrFold<arith::MinUIOp>(a, b); }
Value KernelBuilder::div(Value a, Value b) { return createOrFold<arith::DivUIOp>(a, b); }
Value KernelBuilder::rem(Value a, Value b) { return createOrFold<arith::RemUIOp>(a, b); }

Value KernelBuilder::blockEnd(Value first, Value block, Value end) {
  auto length = getConstantIntValue(block), all = getConstantIntValue(end);
  Value behind = add(first, block);
  return length && all && *all % *length == 0 ? behind : min(behind, end);
}

unsigned KernelOutliner::ByStructure::getHashValue(const Operation *kernel) {
  // How values are wired is left to the comparison.
  llvm::hash_code hash(0);
  const_cast<Operation *>(kernel)->getRegion(0).walk([&](Operation *op) {
    hash = llvm::hash_combine(
        hash, OperationEquivalence::computeHash(op, OperationEquivalence::ignoreHashValue,
                                                OperationEquivalence::ignoreHashValue,
                                                OperationEquivalence::IgnoreLocations));
  });
  return static_cast<unsigned>(static_cast<size_t>(hash));
}

bool KernelOutliner::ByStructure::isEqual(const Operation *lhs, const Operation *rhs) {
  auto isMark = [](const Operation *op) { return op == getEmptyKey() || op == getTombstoneKey(); };
  if (lhs == rhs || isMark(lhs) || isMark(rhs))
    return lhs == rhs;
  auto a = cast<tile::KernelOp>(const_cast<Operation *>(lhs)),
       b = cast<tile::KernelOp>(const_cast<Operation *>(rhs));
  return a.getKind() == b.getKind() &&
         a->getDiscardableAttrDictionary() == b->getDiscardableAttrDictionary() &&
         OperationEquivalence::isRegionEquivalentTo(&a.getBody(), &b.getBody(),
                                                    OperationEquivalence::IgnoreLocations);
}

tile::KernelOp KernelOutliner::get(StringRef name, StringRef kind, Location loc, TypeRange buffers,
                                   unsigned sizes, function_ref<void(KernelBuilder &)> build) {
  OpBuilder builder(module.getContext());
  OperationState state(loc, tile::KernelOp::getOperationName());
  Block &body = state.addRegion()->emplaceBlock();
  state.addAttribute("sym_name", builder.getStringAttr(name));
  state.addAttribute("kind", builder.getStringAttr(kind));
  for (Type buffer : buffers)
    body.addArgument(buffer, loc);
  for (unsigned index = 0; index < sizes + 1; ++index)
    body.addArgument(builder.getIndexType(), loc);
  OwningOpRef<tile::KernelOp> kernel = cast<tile::KernelOp>(Operation::create(state));
  builder.setInsertionPointToEnd(&body);
  tile::ReturnOp::create(builder, loc);
  KernelBuilder kernelBuilder(*kernel);
  build(kernelBuilder);
  auto [found, isNew] = kernels.insert(*kernel);
  if (isNew)
    symbols.insert(kernel.release()); // gives it a name of its own
  return cast<tile::KernelOp>(*found);
}

MemRefType stc::bufferType(ArrayRef<int64_t> shape, Type element) {
  return MemRefType::get(shape, memoryType(element));
}
