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
  return view.getResidues() == 1 ? position : e.add(position, residue);
}

Value stc::rowCount(CudaEmitter &e, tile::ViewAttr view, Value residue, int64_t positions) {
  if (isPacked(view))
    return e.i(packedRows(view));
  if (view.getResidues() == 1)
    return e.i(
        pattern::View{view.getPeriod(), view.getFirst(), view.getWidth(), 1}.rows(positions, 0));
  Value behind = e.sub(e.i(positions - view.getFirst() + view.getPeriod() - 1), residue);
  return e.div(behind, view.getPeriod());
}
