//===- Elementwise.cpp - ops of arith and math on tensors -----------------===//

#include "compiler/Reference/Environment.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace stc;
using namespace stc::reference;

namespace {
unsigned widthOf(Value value) { return typeOf(value).getElementTypeBitWidth(); }

/// The low bits of an integer as a tensor holds them.
int64_t wrap(uint64_t value, unsigned width) {
  return width == 1 ? int64_t(value & 1) : llvm::SignExtend64(value, width);
}

uint64_t asSigned(int64_t value, unsigned width) { return llvm::SignExtend64(value, width); }
uint64_t asUnsigned(int64_t value, unsigned width) {
  return uint64_t(value) & llvm::maskTrailingOnes<uint64_t>(width);
}

using UnaryFloat = double (*)(double);
const llvm::StringMap<UnaryFloat> unaryFloats = {
    {"arith.negf", [](double x) { return -x; }},
    {"arith.extf", [](double x) { return x; }},
    {"arith.truncf", [](double x) { return x; }},
    {"math.absf", [](double x) { return std::fabs(x); }},
    {"math.exp", [](double x) { return std::exp(x); }},
    {"math.log", [](double x) { return std::log(x); }},
    {"math.sqrt", [](double x) { return std::sqrt(x); }},
    {"math.rsqrt", [](double x) { return 1 / std::sqrt(x); }},
    {"math.tanh", [](double x) { return std::tanh(x); }},
    {"math.sin", [](double x) { return std::sin(x); }},
    {"math.cos", [](double x) { return std::cos(x); }},
};

double orNan(double x, double y, double value) {
  return std::isnan(x) || std::isnan(y) ? std::numeric_limits<double>::quiet_NaN() : value;
}

using BinaryFloat = double (*)(double, double);
const llvm::StringMap<BinaryFloat> binaryFloats = {
    {"arith.addf", [](double x, double y) { return x + y; }},
    {"arith.subf", [](double x, double y) { return x - y; }},
    {"arith.mulf", [](double x, double y) { return x * y; }},
    {"arith.divf", [](double x, double y) { return x / y; }},
    {"arith.maximumf", [](double x, double y) { return orNan(x, y, std::fmax(x, y)); }},
    {"arith.minimumf", [](double x, double y) { return orNan(x, y, std::fmin(x, y)); }},
    {"arith.maxnumf", [](double x, double y) { return std::fmax(x, y); }},
    {"arith.minnumf", [](double x, double y) { return std::fmin(x, y); }},
};

/// Operands are read as signed or unsigned numbers of their width; the result's low bits count.
struct BinaryInteger {
  uint64_t (*function)(uint64_t, uint64_t) = nullptr;
  bool isSigned = true;
};
const llvm::StringMap<BinaryInteger> binaryIntegers = {
    {"arith.addi", {[](uint64_t x, uint64_t y) { return x + y; }}},
    {"arith.subi", {[](uint64_t x, uint64_t y) { return x - y; }}},
    {"arith.muli", {[](uint64_t x, uint64_t y) { return x * y; }}},
    {"arith.andi", {[](uint64_t x, uint64_t y) { return x & y; }}},
    {"arith.ori", {[](uint64_t x, uint64_t y) { return x | y; }}},
    {"arith.xori", {[](uint64_t x, uint64_t y) { return x ^ y; }}},
    {"arith.maxsi", {[](uint64_t x, uint64_t y) { return int64_t(x) < int64_t(y) ? y : x; }}},
    {"arith.minsi", {[](uint64_t x, uint64_t y) { return int64_t(y) < int64_t(x) ? y : x; }}},
    // By zero as the dialect says; the least number has no opposite, so -1 is no divisor for C++.
    {"arith.divsi", {[](uint64_t x, uint64_t y) {
       return y + 1 > 1 ? static_cast<uint64_t>(int64_t(x) / int64_t(y)) : y ? 0 - x : ~y;
     }}},
    {"arith.remsi", {[](uint64_t x, uint64_t y) {
       return y + 1 > 1 ? static_cast<uint64_t>(int64_t(x) % int64_t(y)) : y ? uint64_t(0) : x;
     }}},
    {"arith.divui", {[](uint64_t x, uint64_t y) { return y ? x / y : ~y; }, false}},
    {"arith.remui", {[](uint64_t x, uint64_t y) { return y ? x % y : x; }, false}},
};

LogicalResult evaluateIntegers(Operation *op, const BinaryInteger &rule, Environment &env) {
  Value result = op->getResult(0);
  unsigned width = widthOf(result);
  auto read = rule.isSigned ? asSigned : asUnsigned;
  auto &to = env[result].integers;
  const auto &x = env[op->getOperand(0)].integers, &y = env[op->getOperand(1)].integers;
  for (size_t k = 0; k < to.size(); ++k)
    to[k] = wrap(rule.function(read(x[k], width), read(y[k], width)), width);
  return success();
}

LogicalResult evaluateSelect(arith::SelectOp op, Environment &env) {
  if (!isa<RankedTensorType>(op.getCondition().getType()))
    return op.emitOpError("expected a tensor of conditions, found ") << op.getCondition().getType();
  const auto &condition = env[op.getCondition()].integers;
  const Tensor &yes = env[op.getTrueValue()], &no = env[op.getFalseValue()];
  Tensor &result = env[op.getResult()];
  for (size_t k = 0; k < condition.size(); ++k)
    if (result.integers.empty())
      result.floats[k] = condition[k] ? yes.floats[k] : no.floats[k];
    else
      result.integers[k] = condition[k] ? yes.integers[k] : no.integers[k];
  return success();
}

LogicalResult evaluateCompare(arith::CmpFOp op, Environment &env) {
  const auto &x = env[op.getLhs()].floats, &y = env[op.getRhs()].floats;
  auto &to = env[op.getResult()].integers;
  for (size_t k = 0; k < to.size(); ++k)
    to[k] = arith::applyCmpPredicate(op.getPredicate(), APFloat(x[k]), APFloat(y[k]));
  return success();
}

LogicalResult evaluateCompare(arith::CmpIOp op, Environment &env) {
  const auto &x = env[op.getLhs()].integers, &y = env[op.getRhs()].integers;
  auto &to = env[op.getResult()].integers;
  unsigned width = widthOf(op.getLhs());
  auto number = [&](int64_t value) { return APInt(width, asUnsigned(value, width)); };
  for (size_t k = 0; k < to.size(); ++k)
    to[k] = arith::applyCmpPredicate(op.getPredicate(), number(x[k]), number(y[k]));
  return success();
}

/// From integers to integers of another width or to floats.
LogicalResult evaluateConversion(Operation *op, Environment &env) {
  const auto &from = env[op->getOperand(0)].integers;
  unsigned width = widthOf(op->getOperand(0));
  auto read = isa<arith::ExtUIOp, arith::UIToFPOp>(op) ? asUnsigned : asSigned;
  Tensor &result = env[op->getResult(0)];
  for (size_t k = 0; k < from.size(); ++k) {
    uint64_t value = read(from[k], width);
    if (isa<arith::SIToFPOp>(op))
      result.floats[k] = static_cast<double>(static_cast<int64_t>(value));
    else if (isa<arith::UIToFPOp>(op))
      result.floats[k] = static_cast<double>(value);
    else
      result.integers[k] = wrap(value, widthOf(op->getResult(0)));
  }
  return success();
}
} // namespace

LogicalResult reference::evaluateElementwise(Operation *op, Environment &env) {
  if (auto select = dyn_cast<arith::SelectOp>(op))
    return evaluateSelect(select, env);
  if (auto compare = dyn_cast<arith::CmpFOp>(op))
    return evaluateCompare(compare, env);
  if (auto compare = dyn_cast<arith::CmpIOp>(op))
    return evaluateCompare(compare, env);
  if (isa<arith::SIToFPOp, arith::UIToFPOp, arith::ExtSIOp, arith::ExtUIOp, arith::TruncIOp>(op))
    return evaluateConversion(op, env);

  StringRef name = op->getName().getStringRef();
  auto operand = [&](unsigned k) -> const std::vector<double> & {
    return env[op->getOperand(k)].floats;
  };
  if (UnaryFloat function = unaryFloats.lookup(name)) {
    llvm::transform(operand(0), env[op->getResult(0)].floats.begin(), function);
    return success();
  }
  if (BinaryFloat function = binaryFloats.lookup(name)) {
    std::transform(operand(0).begin(), operand(0).end(), operand(1).begin(),
                   env[op->getResult(0)].floats.begin(), function);
    return success();
  }
  if (auto rule = binaryIntegers.find(name); rule != binaryIntegers.end())
    return evaluateIntegers(op, rule->second, env);
  return op->emitOpError("is not an op that the reference knows");
}
