//===- HostPipeline.h - from kernels to the LLVM dialect --------*- C++ -*-===//
#pragma once

#include "compiler/Schedule/HostSchedule.h"

#include <mlir/Pass/PassManager.h>

namespace stc {

/// Passes over a module that make its tile.kernel's plan.kernel's with LLVM inside.
void buildHostPipeline(mlir::OpPassManager &passes, const HostVectors &options = {});

/// Makes the passes above one pipeline by the name of `stc-host`.
void registerHostPipeline();

} // namespace stc
