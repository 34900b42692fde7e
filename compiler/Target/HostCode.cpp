//===- HostCode.cpp - from lowered kernels to code --------------------------===//

#include "compiler/Target/HostCode.h"
#include "compiler/Target/Linker.h"
#include "compiler/Target/Optimize.h"
#include "dialects/Plan/Plan.h"

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/Target/TargetMachine.h>
#include <mlir/IR/Threading.h>
#include <mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h>
#include <mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h>
#include <mlir/Target/LLVMIR/Export.h>

#include <numeric>

using namespace mlir;
using namespace stc;

void stc::registerHostTranslations(DialectRegistry &registry) {
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
}

/// Has sums of products rounded twice. For a CPU that cannot do with once LLVM would call a
/// library.
static void splitFma(llvm::Module &module) {
  for (llvm::Function &function : llvm::make_early_inc_range(module)) {
    if (function.getIntrinsicID() != llvm::Intrinsic::fma)
      continue;
    llvm::Function *apart = llvm::Intrinsic::getOrInsertDeclaration(
        &module, llvm::Intrinsic::fmuladd, function.getReturnType());
    function.replaceAllUsesWith(apart);
    function.eraseFromParent();
  }
}

/// The type with integers of 16 bits in place of bfloat16.
static llvm::Type *asIntegers(llvm::Type *type) {
  llvm::Type *integer = llvm::Type::getInt16Ty(type->getContext());
  auto *vector = llvm::dyn_cast<llvm::VectorType>(type);
  return vector ? llvm::VectorType::get(integer, vector->getElementCount()) : integer;
}

/// Has bfloat16 that are only chosen, or loaded or stored under a mask, be moved as the integers
/// that have their bits: LLVM would compute with them in float32 and round by a library.
static void moveAsIntegers(llvm::Module &module) {
  auto move = [](llvm::IRBuilder<> &b, llvm::Instruction &one) -> llvm::Value * {
    auto integers = [&](llvm::Value *x) { return b.CreateBitCast(x, asIntegers(x->getType())); };
    if (auto *select = llvm::dyn_cast<llvm::SelectInst>(&one))
      return b.CreateSelect(select->getCondition(), integers(select->getTrueValue()),
                            integers(select->getFalseValue()));
    auto *call = llvm::dyn_cast<llvm::IntrinsicInst>(&one);
    auto alignment = [&](unsigned pointer) { return call->getParamAlign(pointer).valueOrOne(); };
    if (call && call->getIntrinsicID() == llvm::Intrinsic::masked_load)
      return b.CreateMaskedLoad(asIntegers(call->getType()), call->getArgOperand(0), alignment(0),
                                call->getArgOperand(1), integers(call->getArgOperand(2)));
    if (call && call->getIntrinsicID() == llvm::Intrinsic::masked_store)
      return b.CreateMaskedStore(integers(call->getArgOperand(0)), call->getArgOperand(1),
                                 alignment(1), call->getArgOperand(2));
    return nullptr;
  };
  for (llvm::Function &function : module)
    for (llvm::Instruction &one : llvm::make_early_inc_range(llvm::instructions(function))) {
      const bool isStore = one.getType()->isVoidTy() && llvm::isa<llvm::IntrinsicInst>(one);
      llvm::Type *type = isStore && llvm::cast<llvm::CallBase>(one).arg_size() > 0
                             ? llvm::cast<llvm::CallBase>(one).getArgOperand(0)->getType()
                             : one.getType();
      if (!type->getScalarType()->isBFloatTy())
        continue;
      llvm::IRBuilder<> b(&one);
      llvm::Value *moved = move(b, one);
      if (!moved)
        continue;
      if (!isStore)
        one.replaceAllUsesWith(b.CreateBitCast(moved, one.getType()));
      one.eraseFromParent();
    }
}

static FailureOr<std::string> compileKernel(plan::KernelOp kernel, const HostTarget &target,
                                            CodeKind kind) {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module =
      translateModuleToLLVMIR(kernel.getCode(), context, kernel.getSymName());
  if (!module)
    return kernel.emitError("cannot be translated to LLVM");
  std::unique_ptr<llvm::TargetMachine> machine = target.createMachine();
  module->setTargetTriple(machine->getTargetTriple());
  module->setDataLayout(machine->createDataLayout());
  // Some CPUs are taken to prefer half of their longest vectors.
  for (llvm::Function &function : *module)
    if (!function.isDeclaration())
      function.addFnAttr("prefer-vector-width", "512");
  if (!target.hasFma())
    splitFma(*module);
  optimize(*module, *machine);
  moveAsIntegers(*module);

  std::string text;
  if (kind == CodeKind::LLVM) {
    llvm::raw_string_ostream(text) << *module;
    return text;
  }
  llvm::SmallVector<char, 0> code;
  llvm::raw_svector_ostream stream(code);
  llvm::legacy::PassManager passes;
  auto file = kind == CodeKind::Assembly ? llvm::CodeGenFileType::AssemblyFile
                                         : llvm::CodeGenFileType::ObjectFile;
  if (machine->addPassesToEmitFile(passes, stream, nullptr, file))
    return kernel.emitError("cannot be compiled for '") << target.cpu() << "'";
  passes.run(*module);
  return std::string(code.begin(), code.end());
}

/// ", such as" a CPU that has instructions for what these functions of a library do; none has any
/// that round float64 to bfloat16.
static std::string cpuWith(ArrayRef<std::string> functions) {
  auto roundsToBFloat16 = [](StringRef name) { return name.ends_with("bf2"); };
  return llvm::any_of(functions, roundsToBFloat16) ? "" : ", such as 'x86-64-v3'";
}

FailureOr<std::string> stc::compileHost(ModuleOp module, const HostTarget &target, CodeKind kind) {
  SmallVector<plan::KernelOp> kernels(module.getOps<plan::KernelOp>());
  if (kernels.empty())
    return std::string();
  // The longest first, so that no thread is left with one at the end.
  SmallVector<size_t> sizes, order(kernels.size());
  for (plan::KernelOp kernel : kernels) {
    size_t size = 0;
    kernel.walk([&](Operation *) { ++size; });
    sizes.push_back(size);
  }
  std::iota(order.begin(), order.end(), 0);
  llvm::sort(order, [&](size_t a, size_t b) {
    return sizes[a] != sizes[b] ? sizes[a] > sizes[b] : a < b;
  });
  std::vector<std::string> parts(kernels.size());
  LogicalResult compiled =
      failableParallelForEach(module.getContext(), order, [&](size_t index) -> LogicalResult {
        FailureOr<std::string> part = compileKernel(kernels[index], target, kind);
        if (succeeded(part))
          parts[index] = std::move(*part);
        return part;
      });
  if (failed(compiled))
    return failure();
  if (kind != CodeKind::SharedObject)
    return llvm::join(parts, "\n");

  for (auto [kernel, object] : llvm::zip(kernels, parts)) {
    tl::expected<std::vector<std::string>, std::string> missing = undefinedSymbols(object);
    if (!missing)
      return kernel.emitError("internal error: ") << missing.error();
    if (!missing->empty())
      return kernel.emitError("expected a CPU with instructions for ")
             << llvm::join(*missing, ", ") << cpuWith(*missing) << "; found '" << target.cpu()
             << "'";
  }
  tl::expected<std::string, std::string> linked = linkShared(parts);
  if (!linked)
    return module.emitError() << linked.error();
  return std::move(*linked);
}
