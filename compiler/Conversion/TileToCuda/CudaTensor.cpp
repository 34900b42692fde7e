//===- CudaTensor.cpp - tensors in the buffers of a kernel ----------------===//

#include "compiler/Conversion/TileToCuda/CudaTensor.h"

#include "compiler/Pattern/Pattern.h"

#include <mlir/Dialect/MemRef/IR/MemRef.h>
#include <numeric>

using namespace mlir;
using namespace stc;

std::optional<int64_t> Extent::constant() const {
  auto constant = dyn_cast<AffineConstantExpr>(number);
  return constant ? std::optional(constant.getValue()) : std::nullopt;
}

/// The value of an expression, of what symbols and constants are and what is made of two values.
static Value emit(AffineExpr expr, function_ref<Value(AffineExpr)> leaf,
                  function_ref<Value(AffineExprKind, Value, AffineExpr)> combine) {
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  return binary ? combine(expr.getKind(), emit(binary.getLHS(), leaf, combine), binary.getRHS())
                : leaf(expr);
}

Value Extent::narrow(CudaEmitter &e) const {
  auto leaf = [&](AffineExpr expr) -> Value {
    if (auto constant = dyn_cast<AffineConstantExpr>(expr))
      return e.i(constant.getValue());
    return e.narrowSize(cast<AffineSymbolExpr>(expr).getPosition());
  };
  return emit(number, leaf, [&](AffineExprKind kind, Value left, AffineExpr right) {
    if (kind == AffineExprKind::FloorDiv) // by a period
      return e.div(left, cast<AffineConstantExpr>(right).getValue());
    assert(kind == AffineExprKind::Mul && "a number of things");
    return e.mul(left, Extent(right).narrow(e));
  });
}

Value Extent::wide(CudaEmitter &e, int64_t factor) const {
  auto leaf = [&](AffineExpr expr) -> Value {
    if (auto constant = dyn_cast<AffineConstantExpr>(expr))
      return arith::ConstantOp::create(e.b, e.b.getI64IntegerAttr(constant.getValue()));
    return e.sizes[cast<AffineSymbolExpr>(expr).getPosition()];
  };
  return emit(number * factor, leaf, [&](AffineExprKind kind, Value left, AffineExpr right) {
    assert(kind == AffineExprKind::Mul && "a distance in memory");
    return Value(arith::MulIOp::create(e.b, left, Extent(right).wide(e, 1)));
  });
}

/// A value in a kernel as an expression over the kernel's sizes: a product of them; null for
/// others.
static AffineExpr exprOf(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto kernel = dyn_cast<tile::KernelOp>(argument.getOwner()->getParentOp());
    if (!kernel || argument == kernel.getItem())
      return {};
    return getAffineSymbolExpr(argument.getArgNumber() - kernel.getBuffers().size(),
                               value.getContext());
  }
  if (auto constant = getConstantIntValue(value))
    return getAffineConstantExpr(*constant, value.getContext());
  auto product = value.getDefiningOp<arith::MulIOp>();
  AffineExpr left = product ? exprOf(product.getLhs()) : AffineExpr(),
             right = left ? exprOf(product.getRhs()) : AffineExpr();
  return right ? left * right : AffineExpr();
}

bool CudaTensor::isReadable(Value operand) {
  auto cast = operand.getDefiningOp<memref::ReinterpretCastOp>();
  auto isProduct = [](Value value) { return bool(exprOf(value)); };
  if (!cast)
    return llvm::cast<MemRefType>(operand.getType()).hasStaticShape();
  return llvm::all_of(cast.getSizes(), isProduct) && llvm::all_of(cast.getStrides(), isProduct) &&
         cast.getOffsets().empty();
}

static SmallVector<Extent> extentsOf(ArrayRef<OpFoldResult> numbers, MLIRContext *context) {
  return llvm::map_to_vector(numbers, [&](OpFoldResult number) {
    auto value = dyn_cast<Value>(number);
    return value ? Extent(exprOf(value)) : Extent::of(*getConstantIntValue(number), context);
  });
}

CudaTensor::CudaTensor(Value operand) : type(cast<MemRefType>(operand.getType())) {
  MLIRContext *context = operand.getContext();
  auto constants = [&](ArrayRef<int64_t> numbers) {
    return llvm::map_to_vector(numbers, [&](int64_t one) { return Extent::of(one, context); });
  };
  SmallVector<int64_t> distances;
  (void)type.getStridesAndOffset(distances, offset);
  if (auto cast = operand.getDefiningOp<memref::ReinterpretCastOp>()) {
    operand = cast.getSource();
    shape = extentsOf(cast.getMixedSizes(), context);
    strides = extentsOf(cast.getMixedStrides(), context);
  } else {
    shape = constants(type.getShape());
    strides = constants(distances);
  }
  argument = llvm::cast<BlockArgument>(operand).getArgNumber();
}

int64_t CudaTensor::alignment() const {
  int64_t bytes = std::gcd<int64_t>(16, std::gcd(offset, size()) * elementBytes());
  for (const Extent &stride : ArrayRef(strides).drop_back())
    bytes = std::gcd(bytes, stride.constant().value_or(size()) * elementBytes());
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

Value stc::rowCount(CudaEmitter &e, tile::ViewAttr view, Value residue, const Extent &all) {
  if (isPacked(view))
    return e.i(packedRows(view));
  if (all.isDynamic())
    return rowsOfWholePeriods(all, view).narrow(e);
  const int64_t positions = *all.constant();
  const int64_t period = view.getPeriod(), width = view.getWidth(), first = view.getFirst();
  if (width == 1 && view.getResidues() > 1)
    return e.div(e.sub(e.i(positions - first + period - 1), residue), period);
  const pattern::View rows{period, first, width, view.getResidues()};
  if (rows.rows(positions, rows.residues - 1) == rows.maxRows(positions))
    return e.i(rows.maxRows(positions));
  Value left = e.max(e.sub(e.i(positions - first), e.mul(residue, width)), e.i(0));
  return e.add(e.mul(e.div(left, period), width), e.min(e.rem(left, period), e.i(width)));
}
