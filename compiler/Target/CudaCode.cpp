//===- CudaCode.cpp - from lowered kernels to code for a GPU --------------===//

#include "compiler/Target/CudaCode.h"
#include "compiler/Target/Optimize.h"
#include "compiler/Target/Ptxas.h"
#include "dialects/Plan/Plan.h"

#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/Target/TargetOptions.h>
#include <mlir/IR/Threading.h>
#include <mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h>
#include <mlir/Target/LLVMIR/Export.h>

#include <mutex>

using namespace mlir;
using namespace stc;

void stc::registerCudaTranslations(DialectRegistry &registry) {
  registerNVVMDialectTranslation(registry);
}

// The oldest version of PTX that has the instructions, so that the driver that compiles it may be
// old; the first 4096 bytes of parameters are older than the others.
static StringRef ptxVersion(StringRef target, const llvm::Module &module) {
  if (target != "sm_80")
    return "+ptx90";
  bool hasMany = llvm::any_of(module, [](const llvm::Function &function) {
    return !function.isDeclaration() && function.arg_size() * 8 > 4096;
  });
  return hasMany ? "+ptx81" : "+ptx70";
}

static std::unique_ptr<llvm::TargetMachine> createMachine(StringRef cuda,
                                                          const llvm::Module &module) {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
  });
  llvm::Triple triple("nvptx64-nvidia-cuda");
  std::string error;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, cuda, ptxVersion(cuda, module), llvm::TargetOptions(), llvm::Reloc::PIC_,
      std::nullopt, llvm::CodeGenOptLevel::Aggressive));
}

/// Products and barriers of a warp must not be cloned into branches that its lanes take apart.
static void markConvergent(llvm::Module &module) {
  for (llvm::Function &function : module)
    for (llvm::Instruction &instruction : llvm::instructions(function))
      if (auto *call = llvm::dyn_cast<llvm::CallInst>(&instruction); call && call->isInlineAsm())
        call->setConvergent();
}

static FailureOr<std::string> assemble(plan::KernelOp kernel, StringRef target,
                                       const std::string &ptxas, const std::string &ptx) {
  auto assembled = assemblePtx(ptxas, target.str(), ptx);
  if (!assembled)
    return kernel.emitError(assembled.error());
  if (!assembled->report.isClean())
    kernel.emitWarning("ptxas: ") << assembled->report.str();
  return std::move(assembled->cubin);
}

static FailureOr<std::string> compileKernel(plan::KernelOp kernel, StringRef target, CodeKind kind,
                                            const std::optional<std::string> &ptxas) {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module =
      translateModuleToLLVMIR(kernel.getCode(), context, kernel.getSymName());
  if (!module)
    return kernel.emitError("cannot be translated to LLVM");
  std::unique_ptr<llvm::TargetMachine> machine = createMachine(target, *module);
  module->setTargetTriple(machine->getTargetTriple());
  module->setDataLayout(machine->createDataLayout());
  markConvergent(*module);
  optimize(*module, *machine);
  std::string text;
  if (kind == CodeKind::LLVM) {
    llvm::raw_string_ostream(text) << *module;
    return text;
  }
  llvm::SmallVector<char, 0> code;
  llvm::raw_svector_ostream stream(code);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::AssemblyFile))
    return kernel.emitError("cannot be compiled for ") << target;
  passes.run(*module);
  text.assign(code.begin(), code.end());
  if (kind == CodeKind::Assembly || !ptxas)
    return text;
  FailureOr<std::string> assembled = assemble(kernel, target, *ptxas, text);
  if (failed(assembled) || target == "sm_90a")
    return assembled;
  return text; // machine code would run on no later GPU
}

FailureOr<std::vector<std::string>> stc::compileCuda(ModuleOp module, StringRef target,
                                                     CodeKind kind) {
  SmallVector<plan::KernelOp> kernels(module.getOps<plan::KernelOp>());
  std::vector<std::string> parts(kernels.size());
  std::optional<std::string> ptxas = findPtxas();
  LogicalResult compiled = failableParallelForEachN(
      module.getContext(), 0, kernels.size(), [&](size_t index) -> LogicalResult {
        FailureOr<std::string> part = compileKernel(kernels[index], target, kind, ptxas);
        if (succeeded(part))
          parts[index] = std::move(*part);
        return part;
      });
  if (failed(compiled))
    return failure();
  return parts;
}
