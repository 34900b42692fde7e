//===- HostCode.cpp - from lowered kernels to code --------------------------===//

#include "compiler/Target/HostCode.h"
#include "compiler/Target/Linker.h"
#include "compiler/Target/Optimize.h"
#include "dialects/Plan/Plan.h"

#include <llvm/IR/Intrinsics.h>
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

/// A CPU that has instructions for what these functions of a library do.
static StringRef cpuWith(ArrayRef<std::string> functions) {
  auto roundsToBFloat16 = [](StringRef name) { return name.ends_with("bf2"); };
  return llvm::any_of(functions, roundsToBFloat16) ? "sapphirerapids" : "x86-64-v3";
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
             << llvm::join(*missing, ", ") << ", such as '" << cpuWith(*missing) << "'; found '"
             << target.cpu() << "'";
  }
  tl::expected<std::string, std::string> linked = linkShared(parts);
  if (!linked)
    return module.emitError() << linked.error();
  return std::move(*linked);
}
