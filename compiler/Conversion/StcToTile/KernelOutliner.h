//===- KernelOutliner.h - kernels of their own, each once -------*- C++ -*-===//
//
// Makes the kernels of a module. A kernel is asked for by a key that says all that its code depends
// on, and built on the first demand only, so that equal layers share one.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "dialects/Tile/Tile.h"

#include <map>
#include <vector>

namespace stc {

/// All that a kernel's code depends on.
class KernelKey {
public:
  explicit KernelKey(llvm::StringRef builder) { add(builder); }

  void add(int64_t number) { words.push_back(number); }
  void add(const void *unique) { words.push_back(reinterpret_cast<intptr_t>(unique)); }
  void add(mlir::Type type) { add(type.getAsOpaquePointer()); }
  void add(mlir::Attribute attribute) { add(attribute.getAsOpaquePointer()); }
  void add(mlir::OperationName name) { add(name.getAsOpaquePointer()); }
  void add(llvm::StringRef text);
  template <typename Range> void addAll(const Range &range) {
    add(static_cast<int64_t>(llvm::range_size(range)));
    for (const auto &element : range)
      add(element);
  }

  bool operator<(const KernelKey &other) const { return words < other.words; }

private:
  std::vector<int64_t> words;
};

/// Builds the body of a kernel.
class KernelBuilder : public mlir::ImplicitLocOpBuilder {
public:
  explicit KernelBuilder(tile::KernelOp kernel);

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
  llvm::SmallVector<mlir::BlockArgument> buffers, sizes;
  mlir::Value itemNumber;
};

class KernelOutliner {
public:
  explicit KernelOutliner(mlir::ModuleOp module) : module(module), symbols(module) {}

  /// The kernel of a key. `build` fills the body of a new one; the terminator is there already.
  tile::KernelOp get(const KernelKey &key, llvm::StringRef name, llvm::StringRef kind,
                     mlir::Location loc, mlir::TypeRange buffers, unsigned sizes,
                     llvm::function_ref<void(KernelBuilder &)> build);

private:
  mlir::ModuleOp module;
  mlir::SymbolTable symbols;
  std::map<KernelKey, tile::KernelOp> kernels;
};

using tile::memoryType;

/// A row-major buffer in a kernel; `mlir::ShapedType::kDynamic` is allowed as the first dimension.
mlir::MemRefType bufferType(llvm::ArrayRef<int64_t> shape, mlir::Type element);

} // namespace stc
