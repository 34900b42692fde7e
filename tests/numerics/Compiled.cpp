//===- Compiled.cpp - a module both compiled and interpreted --------------===//

#include "tests/numerics/Compiled.h"

#include "compiler/Transforms/Passes.h"
#include "runtime/Program/Signature.h"

#include <mlir/Parser/Parser.h>
#include <mlir/Pass/PassManager.h>

#include <gtest/gtest.h>

#include <random>

using namespace mlir;
using namespace stc;
using namespace stc::test;

static MLIRContext &context() {
  static MLIRContext context([] {
    DialectRegistry registry;
    registerCompiler(registry);
    return registry;
  }());
  return context;
}

std::unique_ptr<Compiled> Compiled::create(const std::string &text) {
  auto target = HostTarget::create("native");
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context());
  if (!target || !module) {
    ADD_FAILURE() << "expected a target and a module";
    return nullptr;
  }
  std::unique_ptr<Compiled> result(new Compiled);
  result->definition = module->clone();
  PassManager gradients(&context());
  gradients.addPass(createAddGradient());
  gradients.addNestedPass<func::FuncOp>(createDifferentiate());
  CompileOptions options{*target};
  options.gradients = true;
  if (failed(gradients.run(*result->definition)) || failed(runPhases(*module, options))) {
    ADD_FAILURE() << "expected a module that compiles:\n" << text;
    return nullptr;
  }
  auto program = finishProgram(*module, *target, {"test", {}, text});
  if (failed(program)) {
    ADD_FAILURE() << "expected a program of\n" << text;
    return nullptr;
  }
  result->program = std::move(*program);
  auto executor = runtime::Executor::create(
      *flatbuffers::GetRoot<program::Program>(result->program.data()), result->pool);
  if (!executor) {
    ADD_FAILURE() << executor.error().message;
    return nullptr;
  }
  result->executor = std::move(*executor);
  result->interpreter = std::make_unique<reference::Interpreter>(*result->definition);
  return result;
}

double Compiled::worstError(const std::string &function, uint64_t seed) {
  const program::Program &root = executor->program();
  int index = runtime::findEntry(root, function.c_str());
  const program::Entry &entry = *root.entries()->Get(index);
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<float> uniform(-2, 2);
  std::vector<reference::Tensor> inputs;
  for (const program::Tensor *input : *entry.inputs()) {
    std::vector<double> values;
    for (float &value : executor->elements<float>(*input))
      values.push_back(value = uniform(random));
    inputs.push_back(reference::Tensor::of({input->shape()->begin(), input->shape()->end()}, std::move(values)));
  }
  executor->run(index);
  auto expected = interpreter->call(function, inputs);
  if (failed(expected)) {
    ADD_FAILURE() << "expected the reference to know " << function;
    return INFINITY;
  }
  auto largestOf = [](const std::vector<double> &values) {
    double largest = 0;
    for (double value : values)
      largest = std::max(largest, std::abs(value));
    return largest;
  };
  double worst = 0, largestOfAll = 0;
  for (const reference::Tensor &result : *expected)
    largestOfAll = std::max(largestOfAll, largestOf(result.floats));
  for (auto [k, output] : llvm::enumerate(*entry.outputs())) {
    const std::vector<double> &wanted = (*expected)[k].floats;
    double largest = largestOf(wanted), error = 0;
    for (auto [found, value] : llvm::zip(executor->elements<float>(*output), wanted)) {
      if (!std::isfinite(found))
        return INFINITY;
      error = std::max(error, std::abs(found - value));
    }
    bool isZero = largest < 1e-12 * largestOfAll;
    worst = std::max(worst, error == 0 ? 0 : error / (isZero ? largestOfAll : largest));
  }
  return worst;
}
