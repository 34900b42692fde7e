//===- CollectivesTest.cpp - ops in which devices meet --------------------===//

#include "Harness.h"

using namespace mlir;
using namespace stc::reference;
using namespace stc::reference::test;

namespace {
using PerDevice = std::vector<std::vector<Tensor>>;

/// The results of @f on each device of a grid.
PerDevice callOnAll(const Devices &devices, const std::string &text, const PerDevice &inputs) {
  Module module = parse(text);
  if (failed(runPasses(*module, {addDifferentiate}))) {
    ADD_FAILURE() << text;
    return {};
  }
  auto results = Interpreter(*module).callOnAll(devices, "f", inputs);
  if (failed(results)) {
    ADD_FAILURE() << text;
    return {};
  }
  return *results;
}

std::vector<double> floats(const PerDevice &results, size_t device, size_t result = 0) {
  return results.at(device).at(result).floats;
}

/// Two devices along "a", three along "b": device 3 * a + b has the numbers 10 * a + b + 100 * k.
const Devices grid({{"a", 2}, {"b", 3}});
PerDevice numbered(int64_t size) {
  PerDevice inputs;
  for (int64_t device = 0; device < 6; ++device) {
    std::vector<double> values(size);
    for (int64_t k = 0; k < size; ++k)
      values[k] = double(10 * (device / 3) + device % 3 + 100 * k);
    inputs.push_back({Tensor::of({size}, values)});
  }
  return inputs;
}
} // namespace

TEST(Collectives, MeetAlongTheirAxis) {
  PerDevice results = callOnAll(grid, R"(func.func @f(%x: tensor<6xf32>)
      -> (tensor<i32>, tensor<2xf32>, tensor<12xf32>, tensor<6xf32>, tensor<6xf32>, tensor<3xf32>) {
    %r = stc.rank over "b" of 3 : tensor<i32>
    %s = stc.all_slice %x dim 0 over "b" of 3 : tensor<6xf32> to tensor<2xf32>
    %g = stc.all_gather %x dim 0 over "a" of 2 : tensor<6xf32> to tensor<12xf32>
    %t = stc.all_reduce sum %x over "b" of 3 : tensor<6xf32>
    %m = stc.all_reduce max %x over "a" of 2 : tensor<6xf32>
    %c = stc.reduce_scatter %x dim 0 over "a" of 2 : tensor<6xf32> to tensor<3xf32>
    return %r, %s, %g, %t, %m, %c : tensor<i32>, tensor<2xf32>, tensor<12xf32>, tensor<6xf32>, tensor<6xf32>, tensor<3xf32>
  })",
                                numbered(6));
  ASSERT_EQ(results.size(), 6u);
  using Values = std::vector<double>;
  // Device 5 is at 1 on "a" and at 2 on "b".
  EXPECT_EQ(results[5][0].integers, std::vector<int64_t>{2});
  EXPECT_EQ(floats(results, 5, 1), (Values{412, 512}));
  EXPECT_EQ(floats(results, 5, 2),
            (Values{2, 102, 202, 302, 402, 502, 12, 112, 212, 312, 412, 512}));
  EXPECT_EQ(floats(results, 5, 3), (Values{33, 333, 633, 933, 1233, 1533}));
  EXPECT_EQ(floats(results, 0, 3), (Values{3, 303, 603, 903, 1203, 1503}));
  EXPECT_EQ(floats(results, 1, 4), (Values{11, 111, 211, 311, 411, 511}));
  EXPECT_EQ(floats(results, 5, 5), (Values{614, 814, 1014}));
  EXPECT_EQ(floats(results, 2, 5), (Values{14, 214, 414}));
}

TEST(Collectives, PartsAreCutAlongTheirDimension) {
  PerDevice inputs;
  for (int64_t device = 0; device < 2; ++device)
    inputs.push_back({Tensor::of({2, 4}, std::vector<int64_t>{0, 1, 2, 3, 4, 5, 6, 7 + device})});
  PerDevice results = callOnAll(Devices({{"x", 2}}), R"(func.func @f(%x: tensor<2x4xi32>)
      -> (tensor<2x2xi32>, tensor<2x8xi32>) {
    %s = stc.all_slice %x dim 1 over "x" of 2 : tensor<2x4xi32> to tensor<2x2xi32>
    %g = stc.all_gather %x dim 1 over "x" of 2 : tensor<2x4xi32> to tensor<2x8xi32>
    return %s, %g : tensor<2x2xi32>, tensor<2x8xi32>
  })",
                                inputs);
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[1][0].integers, (std::vector<int64_t>{2, 3, 6, 8}));
  EXPECT_EQ(results[0][1].integers,
            (std::vector<int64_t>{0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 8}));
}

// Against differences of the sum of all devices' losses.
TEST(Collectives, HaveGradients) {
  const Devices devices({{"x", 3}});
  const std::vector<std::pair<std::string, std::string>> ops = {
      {"stc.all_reduce sum %s over \"x\" of 3 : tensor<2x6xf64>", "tensor<2x6xf64>"},
      {"stc.all_gather %s dim 1 over \"x\" of 3 : tensor<2x6xf64> to tensor<2x18xf64>",
       "tensor<2x18xf64>"},
      {"stc.all_slice %s dim 1 over \"x\" of 3 : tensor<2x6xf64> to tensor<2x2xf64>",
       "tensor<2x2xf64>"},
      {"stc.reduce_scatter %s dim 1 over \"x\" of 3 : tensor<2x6xf64> to tensor<2x2xf64>",
       "tensor<2x2xf64>"}};
  Random random(20260);
  for (const auto &[op, type] : ops) {
    SCOPED_TRACE(op);
    const std::string text = "func.func @f(%x: tensor<2x6xf64>, %w: " + type +
                             ") -> (tensor<f64>, tensor<2x6xf64>) {\n"
                             "  %s = math.sin %x : tensor<2x6xf64>\n  %y = " +
                             op + "\n  %p = arith.mulf %y, %w : " + type +
                             "\n  %l = stc.reduce sum %p dims [0, 1] : " + type +
                             " to tensor<f64>\n  %g = stc.gradient %l wrt %x : (tensor<f64>) wrt "
                             "(tensor<2x6xf64>) -> tensor<2x6xf64>\n"
                             "  return %l, %g : tensor<f64>, tensor<2x6xf64>\n}";
    PerDevice inputs;
    for (int64_t device = 0; device < 3; ++device)
      inputs.push_back({uniform("tensor<2x6xf64>", random), uniform(type, random)});
    auto loss = [&](const PerDevice &of) {
      double sum = 0;
      for (const std::vector<Tensor> &results : callOnAll(devices, text, of))
        sum += results[0].floats[0];
      return sum;
    };
    const PerDevice found = callOnAll(devices, text, inputs);
    for (size_t device = 0; device < 3; ++device)
      for (size_t k = 0; k < 12; k += 5) {
        constexpr double step = 1e-5;
        PerDevice up = inputs, down = inputs;
        up[device][0].floats[k] += step;
        down[device][0].floats[k] -= step;
        EXPECT_NEAR(found[device][1].floats[k], (loss(up) - loss(down)) / (2 * step), 1e-8)
            << "device " << device << " element " << k;
      }
  }
}

TEST(Collectives, DevicesHaveVariablesOfTheirOwn) {
  Module module = parse(R"(stc.variable counter @n : tensor<i32>
  func.func @f() {
    %n = stc.read @n : tensor<i32>
    %r = stc.rank over "x" of 2 : tensor<i32>
    %m = arith.addi %n, %r : tensor<i32>
    stc.write @n, %m : tensor<i32>
    return
  })");
  Interpreter interpreter(*module);
  interpreter.variables["n"].integers[0] = 5;
  for (int call = 0; call < 2; ++call)
    EXPECT_TRUE(succeeded(interpreter.callOnAll(Devices({{"x", 2}}), "f", PerDevice(2))));
  EXPECT_EQ(interpreter.variablesOf[0]["n"].integers[0], 5);
  EXPECT_EQ(interpreter.variablesOf[1]["n"].integers[0], 7);
}

TEST(Collectives, NeedTheDevicesOfTheirAxis) {
  Module module = parse(R"(func.func @f(%x: tensor<6xf32>) -> tensor<6xf32> {
    %t = stc.all_reduce sum %x over "b" of 4 : tensor<6xf32>
    return %t : tensor<6xf32>
  })");
  EXPECT_EQ(errorsIn([&] { EXPECT_TRUE(failed(Interpreter(*module).call("f", numbered(6)[0]))); }),
            "2: 'stc.all_reduce' op expected an axis \"b\" of 4 devices, found 1\n");
  EXPECT_EQ(errorsIn([&] {
              EXPECT_TRUE(failed(Interpreter(*module).callOnAll(grid, "f", numbered(6))));
            }),
            "2: 'stc.all_reduce' op expected an axis \"b\" of 4 devices, found 3\n");
}
