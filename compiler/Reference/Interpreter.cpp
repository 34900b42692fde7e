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

FailureOr<Block *> Interpreter::findBody(StringRef name, ArrayRef<Tensor> inputs) {
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
  return &function.getBody().front();
}

FailureOr<std::vector<Tensor>> Interpreter::call(StringRef name, ArrayRef<Tensor> inputs,
                                                 Rounding rounding) {
  auto body = findBody(name, inputs);
  if (failed(body))
    return failure();
  return Environment(patterns, variables, rounding).run(**body, inputs);
}

FailureOr<std::vector<std::vector<Tensor>>>
Interpreter::callOnAll(const Devices &devices, StringRef name, ArrayRef<std::vector<Tensor>> inputs,
                       Rounding rounding) {
  if (int64_t(inputs.size()) != devices.count())
    return module.emitError() << "expected inputs of " << devices.count() << " devices, found "
                              << inputs.size();
  variablesOf.resize(inputs.size(), variables);
  Block *body = nullptr;
  for (const std::vector<Tensor> &own : inputs) {
    auto found = findBody(name, own);
    if (failed(found))
      return failure();
    body = *found;
  }
  std::vector<std::unique_ptr<Environment>> environments;
  SmallVector<Environment *> all;
  for (auto &own : variablesOf) {
    environments.push_back(std::make_unique<Environment>(patterns, own, rounding));
    all.push_back(environments.back().get());
  }
  for (auto [number, environment] : llvm::enumerate(all)) {
    environment->placeOn(devices, number, all);
    if (failed(environment->begin(*body, inputs[number])))
      return failure();
  }
  for (Operation &op : body->without_terminator()) {
    for (Environment *environment : all)
      if (failed(environment->compute(&op)))
        return failure();
    for (Environment *environment : all)
      environment->settle(&op);
  }
  std::vector<std::vector<Tensor>> results;
  for (Environment *environment : all)
    results.push_back(environment->finish(*body));
  return results;
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
