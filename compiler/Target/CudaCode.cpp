//===- CudaCode.cpp - from lowered kernels to code for a GPU --------------===//

#include "compiler/Target/CudaCode.h"
#include "compiler/Target/MemoryFile.h"
#include "compiler/Target/Optimize.h"
#include "dialects/Plan/Plan.h"

#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/Program.h>
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

static std::unique_ptr<llvm::TargetMachine> createMachine() {
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
      triple, "sm_90a", "+ptx90", llvm::TargetOptions(), llvm::Reloc::PIC_, std::nullopt,
      llvm::CodeGenOptLevel::Aggressive));
}

/// Products and barriers of a warp must not be cloned into branches that its lanes take apart.
static void markConvergent(llvm::Module &module) {
  for (llvm::Function &function : module)
    for (llvm::Instruction &instruction : llvm::instructions(function))
      if (auto *call = llvm::dyn_cast<llvm::CallInst>(&instruction); call && call->isInlineAsm())
        call->setConvergent();
}

static std::optional<std::string> findPtxas() {
  SmallVector<std::string> folders;
  if (const char *home = getenv("CUDA_HOME"))
    folders.push_back(std::string(home) + "/bin");
  for (const std::string &folder : folders)
    if (auto found = llvm::sys::findProgramByName("ptxas", {folder}))
      return *found;
  if (auto found = llvm::sys::findProgramByName("ptxas"))
    return *found;
  if (auto found = llvm::sys::findProgramByName("ptxas", {"/usr/local/cuda/bin"}))
    return *found;
  return std::nullopt;
}

static FailureOr<std::string> assemble(plan::KernelOp kernel, const std::string &ptxas,
                                       const std::string &ptx) {
  MemoryFile input("stc-ptx"), output("stc-cubin"), messages("stc-messages");
  if (!input.write(ptx))
    return kernel.emitError("cannot write a file in memory");
  std::string in = input.path(), out = output.path(), err = messages.path(), error;
  SmallVector<StringRef> arguments = {ptxas, "-arch=sm_90a", "--warn-on-spills", "-o", out, in};
  int status =
      llvm::sys::ExecuteAndWait(ptxas, arguments, std::nullopt, {{""}, {err}, {err}}, 0, 0, &error);
  std::string said = messages.read();
  if (status != 0)
    return kernel.emitError("ptxas failed: ") << (error.empty() ? said : error);
  // C75xx: products wait for each other.
  if (StringRef(said).contains("C75") || StringRef(said).contains("spill"))
    kernel.emitWarning("ptxas: ") << StringRef(said).trim();
  return output.read();
}

static FailureOr<std::string> compileKernel(plan::KernelOp kernel, CodeKind kind,
                                            const std::optional<std::string> &ptxas) {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module =
      translateModuleToLLVMIR(kernel.getCode(), context, kernel.getSymName());
  if (!module)
    return kernel.emitError("cannot be translated to LLVM");
  std::unique_ptr<llvm::TargetMachine> machine = createMachine();
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
    return kernel.emitError("cannot be compiled for sm_90a");
  passes.run(*module);
  text.assign(code.begin(), code.end());
  if (kind == CodeKind::Assembly || !ptxas)
    return text;
  return assemble(kernel, *ptxas, text);
}

FailureOr<std::vector<std::string>> stc::compileCuda(ModuleOp module, CodeKind kind) {
  SmallVector<plan::KernelOp> kernels(module.getOps<plan::KernelOp>());
  std::vector<std::string> parts(kernels.size());
  std::optional<std::string> ptxas = findPtxas();
  LogicalResult compiled = failableParallelForEachN(
      module.getContext(), 0, kernels.size(), [&](size_t index) -> LogicalResult {
        FailureOr<std::string> part = compileKernel(kernels[index], kind, ptxas);
        if (succeeded(part))
          parts[index] = std::move(*part);
        return part;
      });
  if (failed(compiled))
    return failure();
  return parts;
}
