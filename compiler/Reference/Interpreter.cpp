//===- Interpreter.cpp - calling functions of the stc dialect -------------===//

#include "compiler/Reference/Environment.h"

using namespace mlir;
using namespace stc;
using namespace stc::reference;

Tensor Tensor::of(std::vector<int64_t> shape, std::vector<double> floats) {
  return {std::move(shape), std::move(floats), {}};
}

Tensor Tensor::of(std::vector<int64_t> shape, std::vector<int64_t> integers) {
  return {std::move(shape), {}, std::move(integers)};
}

Tensor Tensor::zeros(RankedTensorType type) {
  size_t size = type.getNumElements();
  if (isa<FloatType>(type.getElementType()))
    return of(type.getShape().vec(), std::vector<double>(size));
  return of(type.getShape().vec(), std::vector<int64_t>(size));
}

Interpreter::Interpreter(ModuleOp module) : module(module) {
  for (auto variable : module.getOps<VariableOp>())
    variables[variable.getSymName().str()] =
        Tensor::zeros(cast<RankedTensorType>(variable.getType()));
}

/// Whether a caller's tensor has the type's shape and kind of elements.
static LogicalResult verifyInput(func::FuncOp function, unsigned index, const Tensor &input) {
  auto type = dyn_cast<RankedTensorType>(function.getArgumentTypes()[index]);
  bool fits = type && type.hasStaticShape() && type.getShape() == ArrayRef(input.shape);
  if (fits) {
    auto elements = static_cast<size_t>(type.getNumElements());
    bool isFloat = isa<FloatType>(type.getElementType());
    fits = input.floats.size() == (isFloat ? elements : 0) &&
           input.integers.size() == (isFloat ? 0 : elements);
  }
  if (!fits)
    return function.emitError() << "expected " << function.getArgumentTypes()[index] << " as input "
                                << index << ", found a tensor of shape [" << ArrayRef(input.shape)
                                << "] with " << input.floats.size() << " floats and "
                                << input.integers.size() << " integers";
  return success();
}

FailureOr<std::vector<Tensor>> Interpreter::call(StringRef name, ArrayRef<Tensor> inputs,
                                                 Rounding rounding) {
  auto function = module.lookupSymbol<func::FuncOp>(name);
  if (!function || !llvm::hasSingleElement(function.getBody()))
    return module.emitError() << "expected a function named '" << name
                              << "' of one block, found none";
  if (inputs.size() != function.getNumArguments())
    return function.emitError() << "expected " << function.getNumArguments() << " inputs, found "
                                << inputs.size();
  for (unsigned index = 0; index < inputs.size(); ++index)
    if (failed(verifyInput(function, index, inputs[index])))
      return failure();
  return Environment(patterns, variables, rounding).run(function.getBody().front(), inputs);
}

template <typename Op> static LogicalResult evaluateRegion(Op op, Environment &env) {
  std::vector<Tensor> inputs;
  for (Value input : op.getInputs())
    inputs.push_back(env[input]);
  auto results = env.run(op.getBody().front(), inputs);
  if (failed(results))
    return failure();
  for (auto [value, result] : llvm::zip_equal(op.getResults(), *results))
    env[value] = std::move(result);
  return success();
}

LogicalResult reference::evaluate(FusedOp op, Environment &env) { return evaluateRegion(op, env); }
LogicalResult reference::evaluate(FusedProductOp op, Environment &env) {
  return evaluateRegion(op, env);
}

LogicalResult reference::evaluate(GradientOp op, Environment &) {
  return op.emitOpError("has no value before the pass stc-differentiate has run");
}

LogicalResult reference::evaluate(func::CallOp op, Environment &) {
  return op.emitOpError("has no value here: expected a function without calls");
}
