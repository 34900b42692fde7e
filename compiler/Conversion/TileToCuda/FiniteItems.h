//===- FiniteItems.h - items whose results are all finite -------*- C++ -*-===//
//
// Products are of whole tiles: a pair that is not the pattern's has weight 0, and 0 times an
// infinity or NaN is NaN, in rows whose pattern does not have it. Kernels therefore look at their
// results, and behind the last item they compute those once more, pair by pair, among which there
// is an infinity or NaN: slow, and rare. There nothing of the fast loop is live, so that it keeps
// all registers for itself. What is added to results of other parts has to be right the first time:
// from the first item on that is not finite nothing is stored.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Conversion/TileToCuda/CudaKernel.h"

namespace stc {

/// Whether an infinity or NaN is among results of a product: values 4j + 2h + k are of row h of
/// two, which counts if it exists.
mlir::Value haveSpecial(CudaEmitter &e, mlir::ValueRange results,
                        std::array<mlir::Value, 2> exists);

/// Rows of elements in shared memory, `rowBytes` from one to the next.
struct SharedRows {
  mlir::Value address;
  int64_t rows, columns, rowBytes;
};
/// The same for this thread's share of such rows, thread `thread` of so many.
mlir::Value haveSpecial(CudaEmitter &e, const SharedRows &tile, mlir::Value thread,
                        int64_t threads);

/// Of a group of threads that compute a part of each item's rows together: a warp or several. In
/// shared memory they have the round of the first item that has to be computed again.
class FiniteItems {
public:
  using Value = mlir::Value;
  /// Whether a condition holds in any thread of the group, which all come to it.
  using Any = llvm::function_ref<Value(Value condition)>;

  /// In shared memory for each group.
  static constexpr int64_t bytes = 4;

  /// `word` is the group's address in shared memory; `resumes` says that results are added to those
  /// of other parts.
  FiniteItems(CudaKernel &kernel, Value word, bool resumes)
      : kernel(kernel), e(kernel.emitter()), word(word), resumes(resumes) {}

  /// Before the first item, and before a barrier of the group.
  void begin() const;
  /// Within the body of `eachItem`: whether the item's results are to be stored. `isSpecial` says
  /// that a result of this thread is an infinity or NaN.
  Value stores(Value isSpecial, Any any) const;
  /// Behind the last item: runs the body for those that have to be computed again. `settle` makes
  /// the group wait for each other and for what it stored.
  void again(llvm::function_ref<void()> settle,
             llvm::function_ref<void(mlir::IRMapping &mapping)> body) const;

private:
  CudaKernel &kernel;
  CudaEmitter &e;
  const Value word;
  const bool resumes;
};

} // namespace stc
