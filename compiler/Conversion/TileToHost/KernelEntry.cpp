//===- KernelEntry.cpp - the function that the runtime calls ----------------===//

#include "compiler/Conversion/Passes.h"

#include <mlir/Dialect/LLVMIR/LLVMDialect.h>

namespace stc {
#define GEN_PASS_DEF_ADDKERNELENTRY
#include "compiler/Conversion/Passes.h.inc"
} // namespace stc

using namespace mlir;
using namespace stc;

namespace {
struct AddKernelEntryPass : stc::impl::AddKernelEntryBase<AddKernelEntryPass> {
  void runOnOperation() override {
    plan::KernelOp kernel = getOperation();
    ModuleOp code = kernel.getCode();
    auto body = code.lookupSymbol<LLVM::LLVMFuncOp>((kernel.getSymName() + ".body").str());
    if (!body) {
      kernel.emitError("expected a body in the LLVM dialect");
      return signalPassFailure();
    }
    body.setLinkage(LLVM::Linkage::Internal);
    body.setNoInline(true);

    ImplicitLocOpBuilder builder(kernel.getLoc(), body);
    Type pointer = LLVM::LLVMPointerType::get(&getContext()), integer = builder.getI64Type();
    auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(&getContext()),
                                            {pointer, pointer, integer, pointer});
    auto entry = LLVM::LLVMFuncOp::create(builder, kernel.getSymName(), type);
    Block *block = entry.addEntryBlock(builder);
    builder.setInsertionPointToStart(block);

    // Buffers come first, then sizes; the item and the scratch are the last two.
    SmallVector<Value> arguments;
    ArrayRef<Type> types = cast<LLVM::LLVMFunctionType>(body.getFunctionType()).getParams();
    int32_t buffers = 0, sizes = 0;
    for (Type argument : types.drop_back(2)) {
      bool isBuffer = argument == pointer;
      int32_t number = isBuffer ? buffers++ : sizes++;
      Value address =
          LLVM::GEPOp::create(builder, pointer, argument, block->getArgument(isBuffer ? 0 : 1),
                              ArrayRef<LLVM::GEPArg>{number});
      arguments.push_back(LLVM::LoadOp::create(builder, argument, address));
    }
    arguments.push_back(block->getArgument(2));
    arguments.push_back(block->getArgument(3));
    LLVM::CallOp::create(builder, body, arguments);
    LLVM::ReturnOp::create(builder, ValueRange());
  }
};
} // namespace
