//===- Canonicalize.h - the canonicalizer for kernels -----------*- C++ -*-===//
#pragma once

#include <mlir/Pass/Pass.h>
#include <mlir/Transforms/Passes.h>

namespace stc {

/// MLIR's canonicalizer without the pattern that compares all values that a loop carries with each
/// other. Kernels carry hundreds, so that it took a third of the time of all passes; LLVM merges
/// those that are equal.
inline std::unique_ptr<mlir::Pass> createCanonicalizeKernel() {
  // Otherwise as it is by default.
  mlir::GreedyRewriteConfig config;
  config.setUseTopDownTraversal(true).setRegionSimplificationLevel(
      mlir::GreedySimplifyRegionLevel::Normal);
  return mlir::createCanonicalizerPass(
      config, {"(anonymous namespace)::RemoveDuplicateSuccessorInputUses"});
}

} // namespace stc
