//===- Casts.h - values in another type of floats ---------------*- C++ -*-===//
#pragma once

#include "dialects/Stc/Stc.h"

namespace stc {

/// Makes casts between types of floats. A reshaped value, or a range of columns of one, is made
/// from the cast of the whole, so that what reads parts where they lie still can. Each value is
/// cast once for each type; a caster serves ops of one block in their order.
class Caster {
public:
  /// The value with elements of `element`, made just before `user`, whose marks new ops get.
  mlir::Value cast(mlir::Value value, mlir::Type element, mlir::Operation *user);

private:
  llvm::DenseMap<std::pair<mlir::Value, mlir::Type>, mlir::Value> known;
};

/// Puts a cast of the value, made just before `at`, whose marks it gets.
mlir::Value createCast(mlir::OpBuilder &builder, mlir::Value value, mlir::Type element);

} // namespace stc
