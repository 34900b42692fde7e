//===- Collectives.cpp - what devices have of each other ------------------===//

#include "compiler/Reference/Environment.h"
#include "compiler/Reference/Steps.h"

#include <algorithm>

using namespace mlir;
using namespace stc;
using namespace stc::reference;

/// Copies between a part and the whole tensor along a dimension, from `first` on.
template <typename Copy>
static void forEachOfPart(const Tensor &part, const Tensor &whole, int64_t dim, int64_t rank,
                          Copy copy) {
  std::vector<int64_t> steps = rowMajorSteps(whole.shape);
  const int64_t first = rank * part.shape[dim] * steps[dim];
  forEachElement(part.shape, steps,
                 [&](int64_t element, int64_t place) { copy(element, first + place); });
}

LogicalResult reference::evaluate(RankOp op, Environment &env) {
  auto peers = env.along(op, op.getAxis(), op.getCount());
  if (failed(peers))
    return failure();
  env[op.getResult()].integers[0] = env.rank(op.getAxis());
  return success();
}

LogicalResult reference::evaluate(AllSliceOp op, Environment &env) {
  if (failed(env.along(op, op.getAxis(), op.getCount())))
    return failure();
  const Tensor &whole = env[op.getInput()];
  Tensor &part = env[op.getResult()];
  forEachOfPart(part, whole, op.getDim(), env.rank(op.getAxis()), [&](int64_t own, int64_t place) {
    if (whole.floats.empty())
      part.integers[own] = whole.integers[place];
    else
      part.floats[own] = whole.floats[place];
  });
  return success();
}

LogicalResult reference::evaluate(AllGatherOp op, Environment &env) {
  auto peers = env.along(op, op.getAxis(), op.getCount());
  if (failed(peers))
    return failure();
  Tensor &whole = env[op.getResult()];
  for (auto [rank, peer] : llvm::enumerate(*peers)) {
    const Tensor &part = (*peer)[op.getInput()];
    forEachOfPart(part, whole, op.getDim(), rank, [&](int64_t own, int64_t place) {
      if (part.floats.empty())
        whole.integers[place] = part.integers[own];
      else
        whole.floats[place] = part.floats[own];
    });
  }
  return success();
}

LogicalResult reference::evaluate(AllToAllOp op, Environment &env) {
  auto peers = env.along(op, op.getAxis(), op.getCount());
  if (failed(peers))
    return failure();
  Tensor &result = env[op.getResult()];
  Tensor part{op.getType().getShape().vec(), {}, {}};
  part.shape[op.getDim()] /= op.getCount();
  const std::vector<int64_t> steps = rowMajorSteps(result.shape);
  const int64_t step = part.shape[op.getDim()] * steps[op.getDim()];
  const int64_t own = env.rank(op.getAxis()) * step;
  for (auto [rank, peer] : llvm::enumerate(*peers)) {
    const Tensor &theirs = (*peer)[op.getInput()];
    const int64_t to = rank * step;
    forEachElement(part.shape, steps, [&](int64_t, int64_t place) {
      if (theirs.floats.empty())
        result.integers[to + place] = theirs.integers[own + place];
      else
        result.floats[to + place] = theirs.floats[own + place];
    });
  }
  return success();
}

/// Of all peers, element by element.
static Tensor combined(ArrayRef<Environment *> peers, Value input, Reduction kind) {
  Tensor result = (*peers.front())[input];
  for (Environment *peer : peers.drop_front())
    for (auto [sum, other] : llvm::zip_equal(result.floats, (*peer)[input].floats))
      sum = kind == Reduction::Sum ? sum + other : std::max(sum, other);
  return result;
}

LogicalResult reference::evaluate(AllReduceOp op, Environment &env) {
  auto peers = env.along(op, op.getAxis(), op.getCount());
  if (failed(peers))
    return failure();
  env[op.getResult()] = combined(*peers, op.getInput(), op.getKind());
  return success();
}

LogicalResult reference::evaluate(ReduceScatterOp op, Environment &env) {
  auto peers = env.along(op, op.getAxis(), op.getCount());
  if (failed(peers))
    return failure();
  const Tensor whole = combined(*peers, op.getInput(), Reduction::Sum);
  Tensor &part = env[op.getResult()];
  forEachOfPart(part, whole, op.getDim(), env.rank(op.getAxis()),
                [&](int64_t own, int64_t place) { part.floats[own] = whole.floats[place]; });
  return success();
}
