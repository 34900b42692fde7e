//===- Optimize.h - LLVM's passes over a kernel -----------------*- C++ -*-===//
#pragma once

namespace llvm {
class Module;
class TargetMachine;
} // namespace llvm

namespace stc {

/// The default pipeline of LLVM's third level for a machine.
void optimize(llvm::Module &module, llvm::TargetMachine &machine);

} // namespace stc
