//===- Tile.h - the tile dialect --------------------------------*- C++ -*-===//
//
// How an op walks its tiles: kernels, their launches, and what stands in them. See Tile.td.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <mlir/Bytecode/BytecodeOpInterface.h>
#include <mlir/Dialect/Arith/IR/Arith.h>
#include <mlir/Dialect/Math/IR/Math.h>
#include <mlir/Dialect/MemRef/IR/MemRef.h>
#include <mlir/Dialect/SCF/IR/SCF.h>
#include <mlir/IR/Builders.h>
#include <mlir/IR/BuiltinOps.h>
#include <mlir/IR/ImplicitLocOpBuilder.h>
#include <mlir/IR/OpImplementation.h>
#include <mlir/IR/SymbolTable.h>
#include <mlir/Interfaces/SideEffectInterfaces.h>
#include <mlir/Interfaces/ViewLikeInterface.h>

#include "dialects/Tile/TileDialect.h.inc"
#include "dialects/Tile/TileEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/Tile/TileAttrs.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/Tile/TileTypes.h.inc"
#define GET_OP_CLASSES
#include "dialects/Tile/TileOps.h.inc"

namespace stc::tile {

/// The type of elements in memory: that of the tensor, but a byte for an i1.
mlir::Type memoryType(mlir::Type element);

/// Whether an op of the kernel writes the buffer or a view of it, or may do so for all that is
/// known of the op.
bool isWritten(mlir::Value buffer);

/// What a map of `dynamic` gives for the sizes of a launch, as many as it has symbols.
llvm::SmallVector<int64_t> evaluate(mlir::AffineMap map, llvm::ArrayRef<int64_t> sizes);
/// Whether it is one of a launch of these sizes, and gives these items and bytes of results there.
mlir::LogicalResult verifyDynamic(mlir::Operation *op, llvm::StringRef constraint,
                                  mlir::AffineMap map, llvm::ArrayRef<int64_t> sizes, int64_t items,
                                  llvm::ArrayRef<int64_t> bytes);

/// Constraints C1 to C3 of `tile.exchange`, of tensors that collectives read and write.
mlir::LogicalResult verifyCollectives(mlir::Operation *op, mlir::ArrayAttr collectives,
                                      mlir::TypeRange from, mlir::TypeRange to);

/// On a function of dynamic sizes: its parameters (#tile.parameter), which are the sizes of its
/// launches. On a `tile.kernel` of one: the parameters' examples.
inline constexpr llvm::StringLiteral kParameters = "tile.parameters";
inline constexpr llvm::StringLiteral kExamples = "tile.examples";

/// On a `tile.kernel`: several launches of it are one, so that an item's buffers and sizes are
/// found at run time.
inline constexpr llvm::StringLiteral kBatchedKernel = "tile.batched";
/// So many launches at most.
inline constexpr int64_t kMaxBatch = 1024;

} // namespace stc::tile
