//===- EmitExpr.cpp - pattern expressions as index arithmetic -------------===//

#include "compiler/Conversion/StcToTile/EmitExpr.h"

#include "dialects/Tile/Tile.h"

#include <llvm/Support/MathExtras.h>
#include <mlir/Dialect/Arith/IR/Arith.h>

using namespace mlir;
using namespace stc;
using pattern::Expr;

static Value asIndex(ImplicitLocOpBuilder &b, Value value) {
  if (value.getType().isIndex())
    return value;
  Value one = arith::ConstantIndexOp::create(b, 1), zero = arith::ConstantIndexOp::create(b, 0);
  return arith::SelectOp::create(b, value, one, zero);
}

Value stc::emitExpr(ImplicitLocOpBuilder &b, const Expr &expr, ValueRange variables) {
  auto index = [&](int64_t value) -> Value { return arith::ConstantIndexOp::create(b, value); };
  auto operand = [&](unsigned k) { return asIndex(b, emitExpr(b, expr.operands()[k], variables)); };
  auto condition = [&](unsigned k) { return emitCondition(b, expr.operands()[k], variables); };
  switch (expr.kind()) {
  case Expr::Kind::Constant:
    return index(expr.value());
  case Expr::Kind::Variable:
    return variables[expr.value()];
  case Expr::Kind::Add:
    return arith::AddIOp::create(b, operand(0), operand(1));
  case Expr::Kind::Multiply:
    return arith::MulIOp::create(b, operand(0), index(expr.value()));
  case Expr::Kind::FloorDiv:
    // An arithmetic shift rounds down, as floor does.
    if (llvm::isPowerOf2_64(expr.value()))
      return arith::ShRSIOp::create(b, operand(0), index(llvm::Log2_64(expr.value())));
    return arith::FloorDivSIOp::create(b, operand(0), index(expr.value()));
  case Expr::Kind::Min:
    return arith::MinSIOp::create(b, operand(0), operand(1));
  case Expr::Kind::Max:
    return arith::MaxSIOp::create(b, operand(0), operand(1));
  case Expr::Kind::Select:
    return arith::SelectOp::create(b, condition(0), operand(1), operand(2));
  case Expr::Kind::GreaterEqual0:
    return arith::CmpIOp::create(b, arith::CmpIPredicate::sge, operand(0), index(0));
  case Expr::Kind::Equal0:
    return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, operand(0), index(0));
  case Expr::Kind::And:
    return arith::AndIOp::create(b, condition(0), condition(1));
  case Expr::Kind::Or:
    return arith::OrIOp::create(b, condition(0), condition(1));
  case Expr::Kind::Lookup:
    return tile::LookupOp::create(b, b.getIndexType(), operand(0), *expr.table());
  }
  llvm_unreachable("covered switch");
}

Value stc::emitCondition(ImplicitLocOpBuilder &b, const Expr &expr, ValueRange variables) {
  Value value = emitExpr(b, expr, variables);
  if (!value.getType().isIndex())
    return value;
  return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, value,
                               arith::ConstantIndexOp::create(b, 0));
}
