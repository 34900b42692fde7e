//===- Harness.cpp - modules as text, run by the reference ----------------===//

#include "Harness.h"

#include <mlir/AsmParser/AsmParser.h>
#include <mlir/Dialect/Func/IR/FuncOps.h>
#include <mlir/Parser/Parser.h>

#include <cmath>

using namespace mlir;

namespace stc::reference::test {

MLIRContext &context() {
  static MLIRContext *context = [] {
    DialectRegistry registry;
    registry.insert<StcDialect, func::FuncDialect, arith::ArithDialect, math::MathDialect>();
    registerArithGradients(registry);
    auto *created = new MLIRContext(registry, MLIRContext::Threading::DISABLED);
    created->loadAllAvailableDialects();
    return created;
  }();
  return *context;
}

Module parse(const std::string &text) {
  Module module = parseSourceString<ModuleOp>(text, &context());
  if (!module)
    llvm::report_fatal_error(llvm::Twine("expected a module, found\n") + text);
  return module;
}

LogicalResult runPasses(ModuleOp module, std::initializer_list<AddPasses> passes) {
  PassManager manager(&context());
  for (const AddPasses &add : passes)
    add(manager);
  return manager.run(module);
}

void addDifferentiate(OpPassManager &manager) {
  manager.addNestedPass<func::FuncOp>(createDifferentiate());
}
void addFuseSoftmax(OpPassManager &manager) { manager.addPass(createFuseSoftmax()); }
void addFuseRows(OpPassManager &manager) { manager.addNestedPass<func::FuncOp>(createFuseRows()); }
AddPasses addRecompute(std::string policy, int64_t drop) {
  InsertRecomputeOptions options{policy, drop};
  return [=](OpPassManager &manager) {
    manager.addNestedPass<func::FuncOp>(createInsertRecompute(options));
  };
}

std::vector<Tensor> callF(const std::string &text, ArrayRef<Tensor> inputs) {
  Module module = parse(text);
  EXPECT_TRUE(succeeded(runPasses(*module, {addDifferentiate}))) << text;
  auto results = Interpreter(*module).call("f", inputs);
  EXPECT_TRUE(succeeded(results)) << text;
  return succeeded(results) ? *results : std::vector<Tensor>();
}

std::string Expression::function(const std::string &moreArguments, const std::string &results,
                                 const std::string &ending) const {
  std::string text = "func.func @f(";
  for (auto [k, type] : llvm::enumerate(types))
    text += (k ? ", %x" : "%x") + std::to_string(k) + ": " + type;
  return text + moreArguments + ") -> (" + results + ") {\n" + body + "\n" + ending + "\n}\n";
}

Tensor Expression::operator()(ArrayRef<Tensor> inputs) const {
  std::vector<Tensor> results = callF(function("", result, "return %y : " + result), inputs);
  return results.empty() ? Tensor() : results[0];
}

std::string errorsIn(llvm::function_ref<void()> run) {
  std::string errors;
  ScopedDiagnosticHandler handler(&context(), [&](Diagnostic &diagnostic) {
    if (auto place = dyn_cast<FileLineColLoc>(diagnostic.getLocation()))
      errors += std::to_string(place.getLine()) + ": ";
    errors += diagnostic.str() + "\n";
    return success();
  });
  run();
  return errors;
}

Tensor uniform(std::vector<int64_t> shape, Random &random, double low, double high) {
  int64_t size = 1;
  for (int64_t dim : shape)
    size *= dim;
  std::vector<double> values(size);
  std::uniform_real_distribution<double> distribution(low, high);
  for (double &value : values)
    value = distribution(random);
  return Tensor::of(std::move(shape), std::move(values));
}

Tensor uniform(const std::string &type, Random &random, double low, double high) {
  auto tensor = cast<RankedTensorType>(parseType(type, &context()));
  return uniform(tensor.getShape().vec(), random, low, high);
}

void expectNear(const Tensor &found, const Tensor &expected, double tolerance) {
  ASSERT_EQ(found.shape, expected.shape);
  ASSERT_EQ(found.integers, expected.integers);
  ASSERT_EQ(found.floats.size(), expected.floats.size());
  for (size_t k = 0; k < found.floats.size(); ++k)
    ASSERT_NEAR(found.floats[k], expected.floats[k],
                tolerance * std::max(1.0, std::abs(expected.floats[k])))
        << "at element " << k;
}

} // namespace stc::reference::test
