//===- CudaTensor.cpp - tensors in the buffers of a kernel ----------------===//

#include "compiler/Conversion/TileToCuda/CudaTensor.h"

#include "compiler/Pattern/Pattern.h"

#include <mlir/Dialect/MemRef/IR/MemRef.h>
#include <numeric>

using namespace mlir;
using namespace stc;

CudaTensor::CudaTensor(Value operand) : type(cast<MemRefType>(operand.getType())) {
  if (auto cast = operand.getDefiningOp<memref::ReinterpretCastOp>())
    operand = cast.getSource();
  argument = llvm::cast<BlockArgument>(operand).getArgNumber();
  (void)type.getStridesAndOffset(strides, offset);
}

int64_t CudaTensor::alignment() const {
  int64_t bytes = std::gcd<int64_t>(16, std::gcd(offset, size()) * elementBytes());
  for (int64_t stride : ArrayRef(strides).drop_back())
    bytes = std::gcd(bytes, stride * elementBytes());
  return bytes;
}

Value stc::walkResidue(CudaEmitter &e, tile::WalkOp walk, Value residue) {
  tile::ResidueMapAttr map = walk.getResidueAttr();
  if (!map)
    return residue;
  Value moved = e.add(e.mul(residue, map.getFactor()), map.getShift());
  return e.rem(moved, walk.getView().getResidues());
}

Value stc::rowPosition(CudaEmitter &e, tile::ViewAttr view, Value residue, Value row) {
  int64_t width = view.getWidth();
  if (isPacked(view)) {
    Value stride = e.add(e.mul(residue, view.getTogether()), e.div(row, view.getRowsEach()));
    return e.add(e.mul(e.rem(row, view.getRowsEach()), view.getPeriod()), stride);
  }
  Value position = width == 1
                       ? e.mul(row, view.getPeriod())
                       : e.add(e.mul(e.div(row, width), view.getPeriod()), e.rem(row, width));
  position = e.add(position, view.getFirst());
  return view.getResidues() == 1 ? position : e.add(position, e.mul(residue, width));
}

Value stc::rowCount(CudaEmitter &e, tile::ViewAttr view, Value residue, int64_t positions) {
  if (isPacked(view))
    return e.i(packedRows(view));
  const int64_t period = view.getPeriod(), width = view.getWidth(), first = view.getFirst();
  if (width == 1 && view.getResidues() > 1)
    return e.div(e.sub(e.i(positions - first + period - 1), residue), period);
  const pattern::View rows{period, first, width, view.getResidues()};
  if (rows.rows(positions, rows.residues - 1) == rows.maxRows(positions))
    return e.i(rows.maxRows(positions));
  Value left = e.max(e.sub(e.i(positions - first), e.mul(residue, width)), e.i(0));
  return e.add(e.mul(e.div(left, period), width), e.min(e.rem(left, period), e.i(width)));
}
