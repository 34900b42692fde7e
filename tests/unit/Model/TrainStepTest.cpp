//===- TrainStepTest.cpp - what a training step reads and writes ----------===//

#include "compiler/Model/Model.h"
#include "dialects/Stc/Stc.h"

#include <gtest/gtest.h>
#include <mlir/Dialect/Func/IR/FuncOps.h>
#include <mlir/IR/Verifier.h>

#include <set>

using namespace mlir;
using namespace stc;

namespace {
class TrainStep : public testing::Test {
protected:
  /// The function train_step of a small model.
  func::FuncOp build(const std::string &compute) {
    auto spec = spec::parseSpec(R"toml(
[model]
layers = 1
width = 8
heads = 2
[attention]
pattern = "fixed(4, 1)"
[data]
kind = "text"
context = 16
[train]
batch = 1
steps = 10
learning_rate = 0.1
[precision]
compute = ")toml" + compute + "\"\n",
                                "small.toml");
    EXPECT_TRUE(spec);
    module = model::build(*spec, &context);
    EXPECT_TRUE(succeeded(verify(*module)));
    return module->lookupSymbol<func::FuncOp>("train_step");
  }

  std::set<std::string> written(func::FuncOp function) {
    std::set<std::string> names;
    function.walk([&](WriteOp write) { names.insert(write.getVariable().str()); });
    return names;
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

TEST_F(TrainStep, ScalesTheLossForFloat16Only) {
  for (const char *compute : {"float32", "bfloat16"}) {
    func::FuncOp step = build(compute);
    EXPECT_FALSE(module->lookupSymbol("loss_scale"));
    EXPECT_EQ(step.getNumResults(), 3u);
  }
  func::FuncOp step = build("float16");
  auto scale = module->lookupSymbol<VariableOp>("loss_scale");
  auto goodSteps = module->lookupSymbol<VariableOp>("good_steps");
  ASSERT_TRUE(scale && goodSteps);
  EXPECT_EQ(scale.getRole(), Role::Counter);
  EXPECT_EQ(goodSteps.getRole(), Role::Counter);
  EXPECT_EQ(step.getResultAttrOfType<StringAttr>(3, "stc.name"), "loss_scale");
  EXPECT_TRUE(written(step).contains("loss_scale") && written(step).contains("good_steps"));
  auto init = written(module->lookupSymbol<func::FuncOp>("init"));
  EXPECT_TRUE(init.contains("loss_scale") && init.contains("good_steps"));
}

// With loss scaling, a step that is left out changes no parameter and no moment.
TEST_F(TrainStep, KeepsOldValuesWhereTheGradientIsNotFinite) {
  build("float16").walk([&](WriteOp write) {
    StringRef name = write.getVariable();
    auto select = write.getValue().getDefiningOp<arith::SelectOp>();
    if (name == "step")
      return;
    ASSERT_TRUE(select) << name.str();
    if (name == "loss_scale" || name == "good_steps")
      return;
    auto old = select.getFalseValue().getDefiningOp<ReadOp>();
    ASSERT_TRUE(old) << name.str();
    EXPECT_EQ(old.getVariable(), name);
  });
}
} // namespace
