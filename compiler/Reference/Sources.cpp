//===- Sources.cpp - variables, constants, iota and random ----------------===//

#include "compiler/Reference/Environment.h"
#include "compiler/Reference/Steps.h"
#include "runtime/Support/Philox.h"

#include <cmath>
#include <numbers>

using namespace mlir;
using namespace stc;
using namespace stc::reference;

LogicalResult reference::evaluate(ReadOp op, Environment &env) {
  Tensor &result = env[op.getValue()];
  const Tensor &variable = env.variables[op.getVariable().str()];
  if (variable.shape != result.shape || variable.floats.size() != result.floats.size() ||
      variable.integers.size() != result.integers.size())
    return op.emitOpError("expected the variable's value to be a ")
           << op.getType() << ", found a tensor of shape [" << ArrayRef(variable.shape) << "] with "
           << variable.floats.size() << " floats and " << variable.integers.size() << " integers";
  result = variable;
  return success();
}

LogicalResult reference::evaluate(WriteOp op, Environment &env) {
  env.variables[op.getVariable().str()] = env[op.getValue()];
  return success();
}

LogicalResult reference::evaluate(arith::ConstantOp op, Environment &env) {
  auto elements = dyn_cast<DenseElementsAttr>(op.getValue());
  if (!elements)
    return op.emitOpError("expected dense elements, found ") << op.getValue();
  Tensor &result = env[op.getResult()];
  auto fill = [&](auto &to, auto values, auto convert) {
    if (elements.isSplat())
      std::fill(to.begin(), to.end(), convert(*values.begin()));
    else
      llvm::transform(values, to.begin(), convert);
  };
  if (isa<FloatType>(elements.getElementType()))
    fill(result.floats, elements.getValues<APFloat>(),
         [](const APFloat &value) { return value.convertToDouble(); });
  else
    fill(result.integers, elements.getValues<APInt>(), [](const APInt &value) {
      return value.getBitWidth() == 1 ? int64_t(value.getZExtValue()) : value.getSExtValue();
    });
  return success();
}

LogicalResult reference::evaluate(IotaOp op, Environment &env) {
  Tensor &result = env[op.getResult()];
  std::vector<int64_t> steps(result.shape.size());
  steps[op.getDim()] = 1;
  forEachElement(result.shape, steps,
                 [&](int64_t element, int64_t index) { result.integers[element] = index; });
  return success();
}

LogicalResult reference::evaluate(RandomOp op, Environment &env) {
  Tensor &result = env[op.getResult()];
  auto seed = static_cast<uint64_t>(env[op.getSeed()].integers[0]);
  auto step = static_cast<uint32_t>(env[op.getStep()].integers[0]);
  auto stream = static_cast<uint32_t>(op.getStream());
  for (uint64_t place = 0; place < result.floats.size(); ++place) {
    uint64_t element = place;
    for (size_t k = op.getParts().size(); k-- > 0;) { // a part of a part ...
      const uint64_t number = env[op.getParts()[k]].integers[0], count = op.getCounts()[k],
                     run = op.getRuns()[k];
      element = (element / run * count + number) * run + element % run;
    }
    auto words = runtime::philox({uint32_t(element), uint32_t(element >> 32), step, stream}, seed);
    if (op.getDistribution() == Distribution::Uniform) {
      result.floats[place] = (words[0] >> 8) * 0x1p-24;
      continue;
    }
    double u = (words[0] + 0.5) * 0x1p-32, v = words[1] * 0x1p-32;
    result.floats[place] = std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
  }
  return success();
}
