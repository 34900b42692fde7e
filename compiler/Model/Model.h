//===- Model.h - a specification becomes functions of the stc dialect -----===//
//
// The network of arXiv 1904.10509 as a module: variables under the names that a PyTorch user
// expects, and the entries init, train_step, eval, sample_prefill and sample_step.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Spec/Spec.h"

#include <mlir/IR/BuiltinOps.h>
#include <mlir/IR/OwningOpRef.h>

namespace stc::model {

/// The whole model, attention unfused and gradients symbolic (`stc.gradient`).
mlir::OwningOpRef<mlir::ModuleOp> build(const spec::Spec &spec, mlir::MLIRContext *context);

} // namespace stc::model
