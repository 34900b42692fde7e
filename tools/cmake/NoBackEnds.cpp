//===- NoBackEnds.cpp - what a static link leaves out of LLVM ------------------------------===//
//
// lld registers every back end that LLVM has, and its link-time optimizer asks Polly for passes.
// The kernels that it links need neither: here are the same functions, empty, but for the back ends
// that the compiler uses. They keep 75 MB out of an executable.
//
//===----------------------------------------------------------------------------------------===//
#include <llvm/Plugins/PassPlugin.h>

// LLVM's lists name all back ends. Those of x86 and NVPTX have to be LLVM's own functions, so that
// the empty ones get other names.
#define LLVMInitializeX86TargetInfo emptyX86TargetInfo
#define LLVMInitializeX86Target emptyX86Target
#define LLVMInitializeX86TargetMC emptyX86TargetMC
#define LLVMInitializeX86AsmPrinter emptyX86AsmPrinter
#define LLVMInitializeX86AsmParser emptyX86AsmParser
#define LLVMInitializeNVPTXTargetInfo emptyNVPTXTargetInfo
#define LLVMInitializeNVPTXTarget emptyNVPTXTarget
#define LLVMInitializeNVPTXTargetMC emptyNVPTXTargetMC
#define LLVMInitializeNVPTXAsmPrinter emptyNVPTXAsmPrinter

extern "C" {
#define LLVM_TARGET(NAME)                                                                          \
  void LLVMInitialize##NAME##TargetInfo() {}                                                       \
  void LLVMInitialize##NAME##Target() {}                                                           \
  void LLVMInitialize##NAME##TargetMC() {}
#include <llvm/Config/Targets.def>
#define LLVM_ASM_PRINTER(NAME)                                                                     \
  void LLVMInitialize##NAME##AsmPrinter() {}
#include <llvm/Config/AsmPrinters.def>
#define LLVM_ASM_PARSER(NAME)                                                                      \
  void LLVMInitialize##NAME##AsmParser() {}
#include <llvm/Config/AsmParsers.def>
}

llvm::PassPluginLibraryInfo getPollyPluginInfo() { return {}; }
