//===- Entries.h - the entries of a model's program -------------*- C++ -*-===//
#pragma once

#include "compiler/Spec/Spec.h"

#include <mlir/IR/BuiltinOps.h>

namespace stc::model {

/// Whether training multiplies the loss before it is differentiated, so that gradients in float16
/// do not vanish. The factor is then the variable `loss_scale`, and the steps since it last changed
/// `good_steps`.
inline bool scalesLoss(const spec::Spec &spec) {
  return spec.precision.compute == spec::Compute::Float16;
}

/// init(seed): gives all parameters their start and sets the counters to 0.
void buildInit(mlir::ModuleOp module, const spec::Spec &spec);
/// train_step(tokens, targets) -> (loss, grad_norm, learning_rate), and the step's loss_scale where
/// there is one.
void buildTrainStep(mlir::ModuleOp module, const spec::Spec &spec);
/// eval(tokens, targets) -> nll [batch, positions], in nats.
void buildEval(mlir::ModuleOp module, const spec::Spec &spec);
/// sample_prefill(tokens [batch, positions], last) -> logits [batch, vocabulary] of position
/// `last`, and the caches of all layers.
void buildSamplePrefill(mlir::ModuleOp module, const spec::Spec &spec);
/// sample_step(tokens [batch], position) -> logits [batch, vocabulary], and one more row of the
/// caches.
void buildSampleStep(mlir::ModuleOp module, const spec::Spec &spec);

} // namespace stc::model
