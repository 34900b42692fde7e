//===- TensorMaps.cpp - buffers seen by the copy engine through views -----===//

#include "compiler/Conversion/TileToCuda/TensorMaps.h"

using namespace mlir;
using namespace stc;

// Strides and offsets are multiples of 16 bytes.
bool stc::isAligned(const CudaTensor &tensor, tile::ViewAttr view) {
  if (tensor.strides[1].isDynamic())
    return tensor.alignment() == 16;
  int64_t bytes = tensor.elementBytes();
  for (const Extent &stride : ArrayRef(tensor.strides).drop_back())
    if (*stride.constant() * bytes % 16 != 0)
      return false;
  return (tensor.offset + view.getFirst() * *tensor.strides[1].constant()) * bytes % 16 == 0;
}

bool stc::fillsBoxes(tile::ViewAttr view, int64_t rows) {
  if (isPacked(view))
    return packedRows(view) <= rows;
  int64_t width = view.getWidth();
  return rows % width == 0 || width % rows == 0;
}

bool stc::endsExactly(const CudaTensor &tensor, tile::ViewAttr view) {
  return endsWithPeriod(tensor.positions(), view);
}

int64_t stc::copiedRows(tile::ViewAttr view, int64_t rows) {
  return isPacked(view) ? packedRows(view) : rows;
}

bool stc::bringsOnly(const CudaTensor &tensor, tile::ViewAttr view, int64_t rows) {
  return endsExactly(tensor, view) && copiedRows(view, rows) == rows;
}

unsigned TensorMaps::get(const CudaTensor &tensor, tile::ViewAttr view, int64_t rows,
                         int64_t columns) {
  int64_t bytes = tensor.elementBytes();
  int64_t period = view.getPeriod(), width = view.getWidth();
  auto constant = [&](int64_t value) { return getAffineConstantExpr(value, context); };
  AffineExpr position = tensor.strides[1].expr() * bytes;
  // The offset, the sizes, the strides.
  SmallVector<AffineExpr> numbers = {position * view.getFirst() + tensor.offset * bytes,
                                     constant(tensor.size())},
                          strides;
  SmallVector<int64_t> box = {columns};
  auto dimension = [&](AffineExpr size, AffineExpr stride, int64_t extent) {
    numbers.push_back(size), strides.push_back(stride), box.push_back(extent);
  };
  AffineExpr blocks =
      tensor.positions().isDynamic()
          ? tensor.positions().expr().floorDiv(period)
          : constant(std::max<int64_t>(
                llvm::divideCeil(*tensor.positions().constant() - view.getFirst(), period), 1));
  if (isPacked(view)) {
    dimension(constant(view.getRowsEach()), position * period, view.getRowsEach());
    dimension(constant(period), position, view.getTogether());
  } else if (width > 1) { // residues of blocks lie behind one another, and need no dimension
    dimension(constant(width * view.getResidues()), position, std::min(rows, width));
    dimension(blocks, position * period, std::max<int64_t>(rows / width, 1));
  } else {
    dimension(blocks, position * period, rows);
    if (view.getResidues() > 1)
      dimension(constant(view.getResidues()), position, 1);
  }
  dimension(tensor.heads().expr(), tensor.strides[2].expr() * bytes, 1);
  dimension(tensor.batch().expr(), tensor.strides[0].expr() * bytes, 1);
  llvm::append_range(numbers, strides);
  auto dynamic = AffineMap::get(0, examples.size(), numbers, context);
  const SmallVector<int64_t> found = tile::evaluate(dynamic, examples);
  const ArrayRef<int64_t> sizes = ArrayRef(found).slice(1, box.size());
  Attribute map = plan::TensorMapAttr::get(
      context, tensor.argument, found[0], tensor.type.getElementType(), sizes,
      ArrayRef(found).drop_front(1 + sizes.size()), box, columns * bytes,
      examples.empty() ? AffineMapAttr() : AffineMapAttr::get(dynamic));
  for (auto [k, other] : llvm::enumerate(maps))
    if (other == map)
      return k;
  maps.push_back(map);
  return maps.size() - 1;
}

CudaEmitter::Values stc::boxCoordinates(CudaEmitter &e, tile::ViewAttr view, Value row,
                                        int64_t column, Value residue, Value head, Value batch) {
  CudaEmitter::Values all = {e.i(column)};
  if (isPacked(view)) {
    all.push_back(e.i(0));
    all.push_back(e.mul(residue, view.getTogether()));
  } else if (const int64_t width = view.getWidth(); width > 1) {
    Value inBlock = e.rem(row, width);
    all.push_back(view.getResidues() == 1 ? inBlock : e.add(e.mul(residue, width), inBlock));
    all.push_back(e.div(row, width));
  } else {
    all.push_back(row);
    if (view.getResidues() > 1)
      all.push_back(residue);
  }
  all.push_back(head);
  all.push_back(batch);
  return all;
}
