//===- KernelOutliner.cpp - kernels of their own, each once ---------------===//

#include "compiler/Conversion/StcToTile/KernelOutliner.h"

using namespace mlir;
using namespace stc;

void KernelKey::add(StringRef text) {
  add(static_cast<int64_t>(text.size()));
  for (char c : text)
    add(static_cast<int64_t>(c));
}

KernelBuilder::KernelBuilder(tile::KernelOp kernel)
    : ImplicitLocOpBuilder(kernel.getLoc(), kernel.getContext()), buffers(kernel.getBuffers()),
      sizes(kernel.getSizes()), itemNumber(kernel.getItem()) {
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

tile::KernelOp KernelOutliner::get(const KernelKey &key, StringRef name, StringRef kind,
                                   Location loc, TypeRange buffers, unsigned sizes,
                                   function_ref<void(KernelBuilder &)> build) {
  auto [found, isNew] = kernels.try_emplace(key);
  if (!isNew)
    return found->second;
  OpBuilder builder(module.getContext());
  OperationState state(loc, tile::KernelOp::getOperationName());
  Block &body = state.addRegion()->emplaceBlock();
  state.addAttribute("sym_name", builder.getStringAttr(name));
  state.addAttribute("kind", builder.getStringAttr(kind));
  for (Type buffer : buffers)
    body.addArgument(buffer, loc);
  for (unsigned index = 0; index < sizes + 1; ++index)
    body.addArgument(builder.getIndexType(), loc);
  auto kernel = cast<tile::KernelOp>(Operation::create(state));
  builder.setInsertionPointToEnd(&body);
  tile::ReturnOp::create(builder, loc);
  symbols.insert(kernel); // gives it a name of its own
  KernelBuilder kernelBuilder(kernel);
  build(kernelBuilder);
  return found->second = kernel;
}

MemRefType stc::bufferType(ArrayRef<int64_t> shape, Type element) {
  return MemRefType::get(shape, memoryType(element));
}
