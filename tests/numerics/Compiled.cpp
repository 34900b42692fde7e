//===- Compiled.cpp - a module both compiled and interpreted --------------===//

#include "tests/numerics/Compiled.h"

#include "compiler/Transforms/Passes.h"
#include "runtime/Program/NarrowFloat.h"
#include "runtime/Program/Signature.h"

#include <mlir/Parser/Parser.h>
#include <mlir/Pass/PassManager.h>

#include <gtest/gtest.h>
#include <llvm/Support/FormatVariadic.h>

#include <random>

using namespace mlir;
using namespace stc;
using namespace stc::test;
using reference::Tensor;

MLIRContext &stc::test::context() {
  static MLIRContext context([] {
    DialectRegistry registry;
    registerCompiler(registry);
    return registry;
  }());
  return context;
}

CompileOptions stc::test::optionsForHost() {
  return {HostTarget::create(HostTarget::defaultCpu()).value()};
}

//===--- tensors of the program -------------------------------------------===//

/// The elements as they are, or as float in the case of narrow ones.
template <typename T>
static auto copyOf(runtime::HostExecutor &executor, const program::Tensor &tensor) {
  std::span<T> elements = executor.elements<T>(tensor);
  return std::vector<std::conditional_t<std::is_floating_point_v<T>, double, int64_t>>(
      elements.begin(), elements.end());
}

static Tensor read(runtime::HostExecutor &executor, const program::Tensor &tensor) {
  std::vector<int64_t> shape(tensor.shape()->begin(), tensor.shape()->end());
  switch (tensor.dtype()) {
  case program::DType::BF16:
  case program::DType::F16: {
    std::vector<double> wide;
    for (uint16_t bits : executor.elements<uint16_t>(tensor))
      wide.push_back(runtime::widen(tensor.dtype(), bits));
    return Tensor::of(shape, wide);
  }
  case program::DType::F32:
    return Tensor::of(shape, copyOf<float>(executor, tensor));
  case program::DType::F64:
    return Tensor::of(shape, copyOf<double>(executor, tensor));
  case program::DType::I1:
    return Tensor::of(shape, copyOf<uint8_t>(executor, tensor));
  case program::DType::I32:
    return Tensor::of(shape, copyOf<int32_t>(executor, tensor));
  case program::DType::I64:
    return Tensor::of(shape, copyOf<int64_t>(executor, tensor));
  default:
    llvm::report_fatal_error("expected a tensor of a type that the tests have");
  }
}

static void write(runtime::HostExecutor &executor, const program::Tensor &tensor,
                  const Tensor &value) {
  switch (tensor.dtype()) {
  case program::DType::BF16:
  case program::DType::F16:
    for (auto [bits, element] : llvm::zip_equal(executor.elements<uint16_t>(tensor), value.floats))
      bits = runtime::narrow(tensor.dtype(), static_cast<float>(element));
    return;
  case program::DType::F32:
    llvm::copy(value.floats, executor.elements<float>(tensor).begin());
    return;
  case program::DType::F64:
    llvm::copy(value.floats, executor.elements<double>(tensor).begin());
    return;
  case program::DType::I32:
    llvm::copy(value.integers, executor.elements<int32_t>(tensor).begin());
    return;
  case program::DType::I64:
    llvm::copy(value.integers, executor.elements<int64_t>(tensor).begin());
    return;
  default:
    llvm::report_fatal_error("expected a tensor of a type that the tests have");
  }
}

static const program::Tensor &variableOf(const program::Program &program, const std::string &name) {
  for (const program::Variable *variable : *program.variables())
    if (variable->tensor()->name()->str() == name)
      return *variable->tensor();
  llvm::report_fatal_error("expected a variable of this name");
}

//===--- both ways --------------------------------------------------------===//

std::unique_ptr<Compiled> Compiled::create(ModuleOp module, const CompileOptions &options) {
  std::unique_ptr<Compiled> result(new Compiled);
  result->definition = module.clone();
  OwningOpRef<ModuleOp> compiled(module.clone());
  PassManager gradients(&context());
  // Where two gradients are one value, a gradient of one is not that of both.
  gradients.addNestedPass<func::FuncOp>(createPinGradients());
  if (options.gradients)
    gradients.addPass(createAddGradient());
  gradients.addNestedPass<func::FuncOp>(createDifferentiate());
  if (failed(gradients.run(*result->definition)) || failed(runPhases(*compiled, options))) {
    ADD_FAILURE() << "expected a module that compiles";
    return nullptr;
  }
  auto program = finishProgram(*compiled, options, {"test", {}, "", {}});
  if (failed(program)) {
    ADD_FAILURE() << "expected a program";
    return nullptr;
  }
  result->program = std::move(*program);
  auto executor = runtime::HostExecutor::create(
      *flatbuffers::GetRoot<program::Program>(result->program.data()), result->pool);
  if (!executor) {
    ADD_FAILURE() << executor.error().message;
    return nullptr;
  }
  result->executor = std::move(*executor);
  result->interpreter = std::make_unique<reference::Interpreter>(*result->definition);
  return result;
}

std::unique_ptr<Compiled> Compiled::parse(const std::string &text, const CompileOptions &options) {
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context());
  if (module)
    return create(*module, options);
  ADD_FAILURE() << "expected a module, found\n" << text;
  return nullptr;
}

Results Compiled::call(const std::string &function, const Tensors &inputs) {
  int index = runtime::findEntry(executor->program(), function.c_str());
  const program::Entry &entry = *executor->program().entries()->Get(index);
  for (auto [tensor, value] : llvm::zip_equal(*entry.inputs(), inputs))
    write(*executor, *tensor, value);
  executor->run(index);
  Results results;
  for (const program::Tensor *output : *entry.outputs())
    results.found.push_back(read(*executor, *output));
  results.expected = define(function, inputs, reference::Rounding::None);
  return results;
}

Tensors Compiled::define(const std::string &function, const Tensors &inputs,
                         reference::Rounding rounding) {
  auto results = interpreter->call(function, inputs, rounding);
  if (succeeded(results))
    return std::move(*results);
  ADD_FAILURE() << "expected the reference to know " << function;
  return {};
}

Tensors Compiled::randomInputs(const std::string &function, uint64_t seed) {
  int index = runtime::findEntry(executor->program(), function.c_str());
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<float> uniform(-2, 2);
  Tensors inputs;
  for (const program::Tensor *input : *executor->program().entries()->Get(index)->inputs()) {
    inputs.push_back(read(*executor, *input));
    program::DType dtype = input->dtype();
    llvm::for_each(inputs.back().floats, [&](double &value) {
      float drawn = uniform(random);
      value =
          runtime::isNarrow(dtype) ? runtime::widen(dtype, runtime::narrow(dtype, drawn)) : drawn;
    });
    std::uniform_int_distribution<int64_t> small(-2, 40);
    llvm::for_each(inputs.back().integers, [&](int64_t &value) { value = small(random); });
  }
  return inputs;
}

Results Compiled::callAtRandom(const std::string &function, uint64_t seed) {
  return call(function, randomInputs(function, seed));
}

Tensors Compiled::defineWithVariables(const std::string &function, const Tensors &inputs,
                                      reference::Rounding rounding) {
  interpreter->variables = before;
  Tensors results = define(function, inputs, rounding);
  for (const program::Variable *variable : *executor->program().variables())
    results.push_back(interpreter->variables.at(variable->tensor()->name()->str()));
  return results;
}

Results Compiled::callWithVariables(const std::string &function, const Tensors &inputs) {
  for (const program::Variable *variable : *executor->program().variables())
    interpreter->variables[variable->tensor()->name()->str()] =
        read(*executor, *variable->tensor());
  before = interpreter->variables;
  Results results = call(function, inputs);
  for (const program::Variable *variable : *executor->program().variables())
    results.found.push_back(read(*executor, *variable->tensor()));
  results.expected = defineWithVariables(function, inputs, reference::Rounding::None);
  return results;
}

Results Compiled::roundedWithVariables(const std::string &function, const Tensors &inputs) {
  return {defineWithVariables(function, inputs, reference::Rounding::Float32),
          defineWithVariables(function, inputs, reference::Rounding::None)};
}

Results Compiled::roundedAtRandom(const std::string &function, uint64_t seed) {
  Tensors inputs = randomInputs(function, seed);
  return {define(function, inputs, reference::Rounding::Float32),
          define(function, inputs, reference::Rounding::None)};
}

void Compiled::set(const std::string &variable, const Tensor &value) {
  write(*executor, variableOf(executor->program(), variable), value);
  interpreter->variables[variable] = value;
}

Results Compiled::variable(const std::string &name) {
  return {{read(*executor, variableOf(executor->program(), name))},
          {interpreter->variables.at(name)}};
}

std::vector<std::string> Compiled::variablesOf(program::Role role) {
  std::vector<std::string> names;
  for (const program::Variable *variable : *executor->program().variables())
    if (variable->role() == role)
      names.push_back(variable->tensor()->name()->str());
  return names;
}

//===--- errors -----------------------------------------------------------===//

static double largestOf(const std::vector<double> &values) {
  double largest = 0;
  for (double value : values)
    largest = std::max(largest, std::abs(value));
  return largest;
}

/// The largest difference; infinite if shapes or integers differ or something is not finite.
static double errorOf(const Tensor &found, const Tensor &expected) {
  if (found.shape != expected.shape || found.integers != expected.integers)
    return INFINITY;
  double error = 0;
  for (auto [x, y] : llvm::zip_equal(found.floats, expected.floats))
    error = std::isfinite(x) ? std::max(error, std::abs(x - y)) : INFINITY;
  return error;
}

static double largestOf(const Tensors &tensors) {
  double largest = 0;
  for (const Tensor &tensor : tensors)
    largest = std::max(largest, largestOf(tensor.floats));
  return largest;
}

static double ratio(double error, double size) { return error == 0 ? 0 : error / size; }

double Results::worstError() const {
  double worst = 0, all = largestOf(expected);
  for (auto [have, want] : llvm::zip_equal(found, expected)) {
    double largest = largestOf(want.floats);
    worst = std::max(worst, ratio(errorOf(have, want), largest < 1e-12 * all ? all : largest));
  }
  return worst;
}

std::string Results::mismatch(double tolerance, bool orNan) const {
  double largest = 1; // what is finite may be zero by cancellation
  for (const Tensor &tensor : expected)
    for (double value : tensor.floats)
      largest = std::max(largest, std::isfinite(value) ? std::abs(value) : 0);
  for (auto [number, have, want] : llvm::enumerate(found, expected))
    for (auto [element, x, y] : llvm::enumerate(have.floats, want.floats)) {
      bool isRight = std::isfinite(x) && std::isfinite(y) ? std::abs(x - y) <= tolerance * largest
                                                          : std::isfinite(x) == std::isfinite(y);
      if (!isRight && !(orNan && std::isnan(x)))
        return llvm::formatv("result {0}, element {1}: found {2:e}, expected {3:e}", number,
                             element, x, y);
    }
  return "";
}

double Results::jointError() const {
  double worst = 0;
  for (auto [have, want] : llvm::zip_equal(found, expected))
    worst = std::max(worst, errorOf(have, want));
  return ratio(worst, largestOf(expected));
}
