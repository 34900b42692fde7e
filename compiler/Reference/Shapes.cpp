//===- Shapes.cpp - broadcast, reductions and rearrangements --------------===//

#include "compiler/Reference/Environment.h"
#include "compiler/Reference/Steps.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace stc;
using namespace stc::reference;

/// For each dimension of the large shape, the step in the small one; 0 where that lacks it.
static std::vector<int64_t> stepsInto(const Tensor &small, const Tensor &large,
                                      ArrayRef<int64_t> dims) {
  std::vector<int64_t> steps(large.shape.size()), own = rowMajorSteps(small.shape);
  for (auto [step, dim] : llvm::zip_equal(own, dims))
    steps[dim] = step;
  return steps;
}

LogicalResult reference::evaluate(BroadcastOp op, Environment &env) {
  const Tensor &input = env[op.getInput()];
  Tensor &result = env[op.getResult()];
  std::vector<int64_t> steps = stepsInto(input, result, op.getDims());
  forEachElement(result.shape, steps, [&](int64_t element, int64_t place) {
    if (input.integers.empty())
      result.floats[element] = input.floats[place];
    else
      result.integers[element] = input.integers[place];
  });
  return success();
}

LogicalResult reference::evaluate(ReduceOp op, Environment &env) {
  const Tensor &input = env[op.getInput()];
  Tensor &result = env[op.getResult()];
  SmallVector<int64_t> kept;
  for (int64_t dim = 0; dim < int64_t(input.shape.size()); ++dim)
    if (!llvm::is_contained(op.getDims(), dim))
      kept.push_back(dim);
  bool isMax = op.getKind() == Reduction::Max;
  if (isMax)
    llvm::fill(result.floats, -std::numeric_limits<double>::infinity());
  std::vector<int64_t> steps = stepsInto(result, input, kept);
  forEachElement(input.shape, steps, [&](int64_t element, int64_t place) {
    double value = input.floats[element], &sum = result.floats[place];
    // What is no number stays none.
    bool isLarger = value > sum || std::isnan(value);
    sum = !isMax ? sum + value : isLarger ? value : sum;
  });
  return success();
}

/// Moves the elements, whatever their type, to the result's shape.
static LogicalResult copyElements(Value from, Value to, Environment &env) {
  env[to].floats = env[from].floats;
  env[to].integers = env[from].integers;
  return success();
}

LogicalResult reference::evaluate(ReshapeOp op, Environment &env) {
  return copyElements(op.getInput(), op.getResult(), env);
}

LogicalResult reference::evaluate(PinOp op, Environment &env) {
  return copyElements(op.getInput(), op.getResult(), env);
}

LogicalResult reference::evaluate(StopGradientOp op, Environment &env) {
  return copyElements(op.getInput(), op.getResult(), env);
}

/// Copies columns [first, first + part's columns) of the whole to the part, or back.
static void moveColumns(Tensor &whole, Tensor &part, int64_t first, bool toPart) {
  int64_t columns = part.shape.back(), wholeColumns = whole.shape.back();
  auto move = [&](auto &wide, auto &narrow) {
    for (size_t element = 0; element < narrow.size(); ++element) {
      auto &other = wide[element / columns * wholeColumns + first + element % columns];
      toPart ? narrow[element] = other : other = narrow[element];
    }
  };
  move(whole.floats, part.floats);
  move(whole.integers, part.integers);
}

LogicalResult reference::evaluate(SplitOp op, Environment &env) {
  int64_t first = 0;
  for (Value part : op.getResults()) {
    moveColumns(env[op.getInput()], env[part], first, /*toPart=*/true);
    first += env[part].shape.back();
  }
  return success();
}

LogicalResult reference::evaluate(ConcatOp op, Environment &env) {
  int64_t first = 0;
  for (Value part : op.getInputs()) {
    moveColumns(env[op.getResult()], env[part], first, /*toPart=*/false);
    first += env[part].shape.back();
  }
  return success();
}
