//===- ColumnMask.cpp - the mask of one of a lane's columns ---------------===//

#include "compiler/Conversion/TileToCuda/ColumnMask.h"

#include <limits>

using namespace mlir;
using namespace stc;

Value ColumnMask::at(const MaskColumn &column, Value end, bool isWhole) {
  numbers.clear();
  conditions.clear();
  const Value first = e.add(column.tile, column.lane);
  const Number other{first, column.constant, &column}, own{row};
  numbers[mask.getArgument(0)] = {residue};
  numbers[mask.getArgument(1)] = isRowOfKeys ? other : own;
  numbers[mask.getArgument(2)] = isRowOfKeys ? own : other;
  if (number)
    numbers[mask.getArgument(3)] = {number};
  for (Operation &op : mask.without_terminator()) {
    if (op.getResult(0).getType().isIndex())
      numbers[op.getResult(0)] = numberOf(op);
    else
      conditions[op.getResult(0)] = conditionOf(op);
  }
  Condition isPair = conditions.lookup(mask.getTerminator()->getOperand(0));
  const Number left{e.sub(end, e.add(first, 1)), -column.constant};
  auto isLikeLeft = [&](const Number &number) { return number.constant == left.constant; };
  if (!isWhole || isPair.numbers.empty() || llvm::any_of(isPair.numbers, isLikeLeft))
    return whole(both({{left}, {}}, isPair));
  // No comparison of its own: in tiles behind the end, one of the numbers is too little.
  Value &least = isPair.numbers[0].value;
  least = e.select(e.less(column.tile, end), least, e.i(std::numeric_limits<int32_t>::min()));
  return whole(isPair);
}

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

ColumnMask::Number ColumnMask::numberOf(Operation &op) {
  if (Value other = constants.lookupOrNull(op.getResult(0)))
    return {other};
  if (auto constant = dyn_cast<arith::ConstantIndexOp>(op))
    return {{}, constant.value()};
  if (!isa<arith::AddIOp, arith::MulIOp, arith::ShRSIOp>(op))
    return {cloned(op)};
  const Number left = numbers.lookup(op.getOperand(0)), right = numbers.lookup(op.getOperand(1));
  if (isa<arith::AddIOp>(op)) {
    Value sum = !left.value    ? right.value
                : !right.value ? left.value
                               : e.add(left.value, right.value);
    return {sum, left.constant + right.constant};
  }
  if (right.value)
    return {cloned(op)};
  if (isa<arith::MulIOp>(op))
    return {left.value ? e.mul(left.value, right.constant) : Value(),
            left.constant * right.constant};
  Number quotient = left.column ? shifted(*left.column, right.constant) : Number();
  return quotient.value ? quotient : Number{cloned(op)};
}

// The tile is a multiple of the divisor, and the lane with a constant's last bit stays below 8.
ColumnMask::Number ColumnMask::shifted(const MaskColumn &column, int64_t bits) {
  constexpr int64_t lanes = 8;
  const int64_t divisor = int64_t(1) << bits, rest = column.constant % lanes;
  if (divisor > column.alignment || rest > 1)
    return {};
  Value value = e.div(column.tile, divisor);
  if (divisor < lanes)
    value = e.add(value, e.div(e.add(column.lane, rest), divisor));
  return {value, (column.constant - rest) / divisor};
}

Value ColumnMask::whole(Value operand) {
  if (!operand.getType().isIndex())
    return whole(conditions.lookup(operand));
  Number number = numbers.lookup(operand);
  return number.value ? e.add(number.value, number.constant) : e.i(number.constant);
}

Value ColumnMask::cloned(Operation &op) {
  if (auto lookup = dyn_cast<tile::LookupOp>(op))
    return e.elementOf(lookup.getTableAttr(), whole(lookup.getIndex()));
  IRMapping mapping;
  for (Value operand : op.getOperands())
    mapping.map(operand, whole(operand));
  Value result = e.b.clone(op, mapping)->getResult(0);
  if (result.getType().isIndex())
    result.setType(e.i32);
  return result;
}

//===----------------------------------------------------------------------===//
// Conditions
//===----------------------------------------------------------------------===//

ColumnMask::Condition ColumnMask::conditionOf(Operation &op) {
  if (isa<arith::AndIOp>(op))
    return both(conditions.lookup(op.getOperand(0)), conditions.lookup(op.getOperand(1)));
  auto compare = dyn_cast<arith::CmpIOp>(op);
  if (!compare)
    return {{}, cloned(op)};
  const Number left = numbers.lookup(compare.getLhs()), right = numbers.lookup(compare.getRhs());
  if (!left.value || right.value)
    return {{}, cloned(op)};
  const int64_t constant = left.constant - right.constant;
  if (compare.getPredicate() == arith::CmpIPredicate::sge)
    return {{{left.value, constant}}, {}};
  return {{}, e.compare(compare.getPredicate(), left.value, e.i(-constant))};
}

ColumnMask::Condition ColumnMask::both(Condition left, const Condition &right) {
  left.numbers.append(right.numbers);
  if (right.rest)
    left.rest = left.rest ? e.both(left.rest, right.rest) : right.rest;
  return left;
}

// Of numbers with the same constant the least decides.
Value ColumnMask::whole(const Condition &condition) {
  SmallVector<Number, 4> least;
  for (const Number &number : condition.numbers) {
    auto *same = llvm::find_if(
        least, [&](const Number &other) { return other.constant == number.constant; });
    if (same == least.end())
      least.push_back(number);
    else
      same->value = e.min(same->value, number.value);
  }
  Value all = condition.rest;
  for (const Number &number : least) {
    Value is = e.compare(arith::CmpIPredicate::sge, number.value, e.i(-number.constant));
    all = all ? e.both(all, is) : is;
  }
  return all ? all : e.yes();
}
