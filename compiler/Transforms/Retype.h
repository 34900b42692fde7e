//===- Retype.h - ops over another type of floats ---------------*- C++ -*-===//
#pragma once

#include "dialects/Stc/Stc.h"

namespace stc {

/// Gives new ops the marks of another: its residual block, and whether it is in the backward pass.
struct CopyMarks : mlir::OpBuilder::Listener {
  explicit CopyMarks(mlir::Operation *from) : marks(from->getDiscardableAttrDictionary()) {}
  void notifyOperationInserted(mlir::Operation *op, mlir::OpBuilder::InsertPoint) override {
    op->setDiscardableAttrs(marks);
  }
  mlir::DictionaryAttr marks;
};

/// Gives ops of one block, in their order, other types of floats.
class Retyper {
public:
  Retyper(mlir::Type from, mlir::Type to) : from(from), to(to) {}

  /// Replaces the op by one that has `to` where it has `from` in its operands and results, with
  /// casts around it. The log-sum-exp of attention stays. New ops get the marks of the old one.
  void retype(mlir::Operation *op);

  /// The value with elements of `to`, at the builder's place. Reshaped values and ranges of columns
  /// are taken from the cast of the whole, so that attention can still read them where they lie; a
  /// value is cast once.
  mlir::Value convert(mlir::Value value, mlir::OpBuilder &builder);

private:
  mlir::Type from, to;
  llvm::DenseMap<mlir::Value, mlir::Value> converted;
};

/// The type of a name that options have: f32, bf16 or f16. Null for others.
mlir::Type floatNamed(llvm::StringRef name, mlir::MLIRContext *context);

/// Erases casts and changes of shape that nothing uses.
void eraseDeadCasts(mlir::Block &block);

} // namespace stc
