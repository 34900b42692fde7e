//===- ApproximateMath.h - elementary functions by arithmetic ---*- C++ -*-===//
#pragma once

#include <mlir/IR/PatternMatch.h>

namespace stc {

/// Makes functions of f32 polynomials, except those whose name ("math.rsqrt") is one of the
/// target's own, and functions of narrower floats functions of f32.
void populateApproximateMath(mlir::RewritePatternSet &patterns,
                             llvm::function_ref<bool(llvm::StringRef)> isOwn);

/// The sine and the cosine among them.
void populateSineAndCosine(mlir::RewritePatternSet &patterns);

/// An error at an op of math that LLVM has no instruction for; `target` is what lacks the function.
mlir::LogicalResult checkMath(mlir::Operation *root, llvm::StringRef target);

} // namespace stc
