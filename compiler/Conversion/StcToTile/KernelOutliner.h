//===- KernelOutliner.h - kernels of their own, each once -------*- C++ -*-===//
//
// Makes the kernels of a module. Each is built where it is asked for; one that does the same as an
// earlier one is dropped for that, so that equal layers share one. Nothing but what was built says
// what is the same: no field of an op can be forgotten.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "dialects/Tile/Tile.h"

#include <llvm/ADT/DenseSet.h>

namespace stc {

/// Builds the body of a kernel.
class KernelBuilder : public mlir::ImplicitLocOpBuilder {
public:
  explicit KernelBuilder(tile::KernelOp kernel);

  tile::KernelOp getKernel() const { return kernel; }
  mlir::Value buffer(unsigned number) const { return buffers[number]; }
  mlir::Value size(unsigned number) const { return sizes[number]; }
  /// A size that the launch gives in units of so many.
  mlir::Value size(unsigned number, int64_t unit) { return mul(size(number), index(unit)); }
  mlir::Value item() const { return itemNumber; }

  mlir::Value index(int64_t value);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value min(mlir::Value a, mlir::Value b);
  /// Quotient and remainder of numbers that are not negative.
  mlir::Value div(mlir::Value a, mlir::Value b);
  mlir::Value rem(mlir::Value a, mlir::Value b);
  /// The end of a block that begins at a multiple of its length: no minimum where it divides all.
  mlir::Value blockEnd(mlir::Value first, mlir::Value block, mlir::Value end);

private:
  tile::KernelOp kernel;
  llvm::SmallVector<mlir::BlockArgument> buffers, sizes;
  mlir::Value itemNumber;
};

class KernelOutliner {
public:
  explicit KernelOutliner(mlir::ModuleOp module) : module(module), symbols(module) {}

  /// The kernel that `build` fills, whose terminator is there already, or an equal one. It stands
  /// in no module while it is built, and has the name then that is asked for.
  tile::KernelOp get(llvm::StringRef name, llvm::StringRef kind, mlir::Location loc,
                     mlir::TypeRange buffers, unsigned sizes,
                     llvm::function_ref<void(KernelBuilder &)> build);

private:
  /// Kernels are equal if all but their names and locations is.
  struct ByStructure : llvm::DenseMapInfo<mlir::Operation *> {
    static unsigned getHashValue(const mlir::Operation *kernel);
    static bool isEqual(const mlir::Operation *lhs, const mlir::Operation *rhs);
  };

  mlir::ModuleOp module;
  mlir::SymbolTable symbols;
  llvm::DenseSet<mlir::Operation *, ByStructure> kernels;
};

using tile::memoryType;

/// A row-major buffer in a kernel; `mlir::ShapedType::kDynamic` is allowed as the first dimension.
mlir::MemRefType bufferType(llvm::ArrayRef<int64_t> shape, mlir::Type element);

} // namespace stc
