//===- ErrorTest.cpp - what the reference refuses, and how ----------------===//

#include "Harness.h"

using namespace mlir;
using namespace stc::reference;
using namespace stc::reference::test;

namespace {
std::string errorsOf(const std::string &text, ArrayRef<Tensor> inputs = {}) {
  Module module = parse(text);
  return errorsIn([&] { EXPECT_TRUE(failed(Interpreter(*module).call("f", inputs))); });
}
} // namespace

TEST(Errors, Gradient) {
  EXPECT_EQ(errorsOf(R"(func.func @f(%x: tensor<f32>) -> tensor<f32> {
    %d = stc.gradient %x wrt %x : (tensor<f32>) wrt (tensor<f32>) -> tensor<f32>
    return %d : tensor<f32>
  })",
                     Tensor::of({}, std::vector<double>{1})),
            "2: 'stc.gradient' op has no value before the pass stc-differentiate has run\n");
}

TEST(Errors, Call) {
  EXPECT_EQ(errorsOf(R"(func.func private @g()
  func.func @f() {
    func.call @g() : () -> ()
    return
  })"),
            "3: 'func.call' op has no value here: expected a function without calls\n");
}

TEST(Errors, UnknownOp) {
  EXPECT_EQ(errorsOf(R"(func.func @f(%x: tensor<f32>) -> tensor<f32> {
    %y = math.atan %x : tensor<f32>
    return %y : tensor<f32>
  })",
                     Tensor::of({}, std::vector<double>{1})),
            "2: 'math.atan' op is not an op that the reference knows\n");
  EXPECT_EQ(errorsOf(R"(func.func @f() {
    %y = arith.constant 1.0 : f32
    return
  })"),
            "2: 'arith.constant' op expected tensors of static shape as results, found 'f32'\n");
}

TEST(Errors, Inputs) {
  std::string text = "func.func @f(%x: tensor<2xf32>) { return }";
  EXPECT_EQ(errorsOf(text), "1: expected 1 inputs, found 0\n");
  EXPECT_EQ(errorsOf(text, Tensor::of({3}, std::vector<double>(3))),
            "1: expected 'tensor<2xf32>' as input 0, found a tensor of shape [3] with 3 floats and "
            "0 integers\n");
  EXPECT_EQ(errorsOf(text, Tensor::of({2}, std::vector<int64_t>(2))),
            "1: expected 'tensor<2xf32>' as input 0, found a tensor of shape [2] with 0 floats and "
            "2 integers\n");
  EXPECT_EQ(errorsOf("func.func private @f()"),
            "0: expected a function named 'f' of one block, found none\n");
}

TEST(Errors, Variable) {
  Module module = parse(R"(stc.variable parameter @w : tensor<2xf32>
  func.func @f() {
    %w = stc.read @w : tensor<2xf32>
    return
  })");
  Interpreter interpreter(*module);
  interpreter.variables["w"] = Tensor::scalar(1);
  EXPECT_EQ(errorsIn([&] { EXPECT_TRUE(failed(interpreter.call("f", {}))); }),
            "3: 'stc.read' op expected the variable's value to be a 'tensor<2xf32>', found a "
            "tensor of shape [] "
            "with 0 floats and 1 integers\n");
}
