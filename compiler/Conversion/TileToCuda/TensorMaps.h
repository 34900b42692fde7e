//===- TensorMaps.h - buffers seen by the copy engine through views -*- C++ -*-===//
//
// A view is an affine change of coordinates, and so is a tensor map: tiles of rows of any view that
// fits are one copy instruction, whatever the distance of the rows in memory.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Conversion/TileToCuda/CudaTensor.h"
#include "compiler/Schedule/WgmmaSchedule.h"
#include "dialects/Plan/Plan.h"

namespace stc {

/// How many rows lie side by side in a tile's row of shared memory: columns of one swizzled panel.
inline int64_t panelColumns(int64_t paddedSize) { return paddedSize % 64 == 0 ? 64 : 32; }

/// Whether the rows of a view stand where a tensor map can reach them, and whether tiles of so many
/// of them are its boxes.
bool isAligned(const CudaTensor &tensor, tile::ViewAttr view);
bool fillsBoxes(tile::ViewAttr view, int64_t rows);
/// Whether the view's rows end where the map's boxes are cut off: no box has rows that do not
/// exist.
bool endsExactly(const CudaTensor &tensor, tile::ViewAttr view);

/// Whether a copied tile of so many rows has the view's alone, but for zeros behind the last.
bool bringsOnly(const CudaTensor &tensor, tile::ViewAttr view, int64_t rows);
/// How many rows a copied tile gets.
int64_t copiedRows(tile::ViewAttr view, int64_t rows);

/// The maps of one kernel, in the order of its parameters.
class TensorMaps {
public:
  /// Of a kernel of dynamic sizes, with these examples of them.
  TensorMaps(mlir::MLIRContext *context, llvm::ArrayRef<int64_t> examples)
      : context(context), examples(examples) {}

  /// The number of the map for boxes of `rows` rows and a panel of columns.
  unsigned get(const CudaTensor &tensor, tile::ViewAttr view, int64_t rows, int64_t columns);

  llvm::ArrayRef<mlir::Attribute> all() const { return maps; }

private:
  mlir::MLIRContext *context;
  llvm::SmallVector<int64_t> examples;
  llvm::SmallVector<mlir::Attribute> maps;
};

/// The coordinates of the box at a row, a multiple of the box's rows.
CudaEmitter::Values boxCoordinates(CudaEmitter &e, tile::ViewAttr view, mlir::Value row,
                                   int64_t column, mlir::Value residue, mlir::Value head,
                                   mlir::Value batch);

} // namespace stc
