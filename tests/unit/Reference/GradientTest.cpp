//===- GradientTest.cpp - every gradient against finite differences -------===//
//
// A case is an expression y of inputs x0, x1, ...; the loss is the sum of y's elements times random
// factors. Central differences of the interpreted expression give its gradient once more.
//
//===----------------------------------------------------------------------===//

#include "Harness.h"

#include <cmath>

using namespace mlir;
using namespace stc::reference;
using namespace stc::reference::test;

namespace {
constexpr uint64_t seed = 10509;
constexpr double step = 1e-5, tolerance = 1e-6;

struct GradientCase {
  std::string name;
  std::vector<std::string> types;
  std::string body, result;
  /// Inputs are drawn from here.
  double low = -1, high = 1;
};

std::ostream &operator<<(std::ostream &out, const GradientCase &test) { return out << test.name; }

/// Cases of one op that maps each element.
GradientCase unary(std::string name, double low = -1, double high = 1) {
  std::string type = "tensor<2x3xf64>";
  return {name, {type}, "%y = " + name + " %x0 : " + type, type, low, high};
}
GradientCase binary(std::string name, double low = -1, double high = 1) {
  std::string type = "tensor<2x3xf64>";
  return {name, {type, type}, "%y = " + name + " %x0, %x1 : " + type, type, low, high};
}
GradientCase matmul(std::string name, std::string flags, std::string lhs, std::string rhs,
                    std::string to) {
  return {"matmul " + name,
          {lhs, rhs},
          "%y = stc.matmul %x0, %x1 " + flags + " : " + lhs + ", " + rhs + " -> " + to,
          to};
}
GradientCase convert(std::string name, std::string from, std::string to) {
  return {name, {from}, "%y = " + name + " %x0 : " + from + " to " + to, to};
}

std::vector<GradientCase> cases() {
  std::string x = "tensor<2x3xf64>";
  // Eight positions, two heads with patterns of their own, one of which has rows without a key.
  std::string q = "tensor<1x8x2x3xf64>", v = "tensor<1x8x2x2xf64>";
  std::string pattern = "<\"fixed(3, 1)\", \"summary(4, 2)\">";
  std::string p = "tensor<1x2x8x8xf64, #stc.pattern" + pattern + ">";
  // Six heads of queries over two of keys, before the positions.
  std::string groupQ = "tensor<1x6x8x3xf64>", groupK = "tensor<1x2x8x3xf64>",
              groupP = "tensor<1x6x8x8xf64, #stc.pattern" + pattern + ">";
  return {
      unary("arith.negf"),
      unary("math.exp"),
      unary("math.log", 0.5, 2),
      unary("math.sqrt", 0.5, 2),
      unary("math.rsqrt", 0.5, 2),
      unary("math.tanh"),
      unary("math.sin"),
      unary("math.cos"),
      binary("arith.addf"),
      binary("arith.subf"),
      binary("arith.mulf"),
      binary("arith.divf", 0.5, 2),
      convert("arith.truncf", "tensor<3xf64>", "tensor<3xf32>"),
      convert("arith.extf", "tensor<3xf32>", "tensor<3xf64>"),
      {"select",
       {x, x},
       "%c = arith.constant dense<[[true, false, true], [false, false, true]]> : tensor<2x3xi1>\n"
       "%y = arith.select %c, %x0, %x1 : tensor<2x3xi1>, " +
           x,
       x},
      {"square", {x}, "%y = arith.mulf %x0, %x0 : " + x, x},
      {"maximum by select",
       {x, x},
       "%c = arith.cmpf ogt, %x0, %x1 : " + x +
           "\n%y = arith.select %c, %x0, %x1 : tensor<2x3xi1>, " + x,
       x},
      {"unused input", {x, x}, "%y = arith.negf %x1 : " + x, x},
      {"input as result",
       {x, x},
       "%y = arith.addf %x0, %x0 : " + x + "\n%z = arith.negf %x1 : " + x,
       x},
      {"broadcast rows",
       {"tensor<2xf64>"},
       "%y = stc.broadcast %x0 dims [0] : tensor<2xf64> to " + x,
       x},
      {"broadcast columns",
       {"tensor<3xf64>"},
       "%y = stc.broadcast %x0 dims [1] : tensor<3xf64> to " + x,
       x},
      {"broadcast scalar",
       {"tensor<f64>"},
       "%y = stc.broadcast %x0 dims [] : tensor<f64> to " + x,
       x},
      {"broadcast middle",
       {x},
       "%y = stc.broadcast %x0 dims [0, 2] : " + x + " to tensor<2x4x3xf64>",
       "tensor<2x4x3xf64>"},
      {"reduce rows",
       {x},
       "%y = stc.reduce sum %x0 dims [1] : " + x + " to tensor<2xf64>",
       "tensor<2xf64>"},
      {"reduce columns",
       {x},
       "%y = stc.reduce sum %x0 dims [0] : " + x + " to tensor<3xf64>",
       "tensor<3xf64>"},
      {"reduce all",
       {x},
       "%y = stc.reduce sum %x0 dims [0, 1] : " + x + " to tensor<f64>",
       "tensor<f64>"},
      {"reduce middle",
       {"tensor<2x4x3xf64>"},
       "%y = stc.reduce sum %x0 dims [1] : tensor<2x4x3xf64> to " + x,
       x},
      {"reshape", {x}, "%y = stc.reshape %x0 : " + x + " to tensor<3x2xf64>", "tensor<3x2xf64>"},
      {"split",
       {x},
       "%a, %y = stc.split %x0 : " + x + " to tensor<2x1xf64>, tensor<2x2xf64>",
       "tensor<2x2xf64>"},
      {"split and product",
       {"tensor<2x4xf64>"},
       "%a, %b = stc.split %x0 : tensor<2x4xf64> to tensor<2x2xf64>, tensor<2x2xf64>\n"
       "%y = arith.mulf %a, %b : tensor<2x2xf64>",
       "tensor<2x2xf64>"},
      {"concat",
       {x, "tensor<2x1xf64>"},
       "%y = stc.concat %x0, %x1, %x0 : " + x + ", tensor<2x1xf64>, " + x + " to tensor<2x7xf64>",
       "tensor<2x7xf64>"},
      {"gather",
       {x},
       "%i = arith.constant dense<[[1, 0, 1], [9, -1, 1]]> : tensor<2x3xi32>\n"
       "%y = stc.gather %x0, %i : " +
           x + ", tensor<2x3xi32> -> tensor<2x3x3xf64>",
       "tensor<2x3x3xf64>"},
      matmul("plain", "", x, "tensor<3x4xf64>", "tensor<2x4xf64>"),
      matmul("lhs transposed", "transpose_lhs", "tensor<3x2xf64>", "tensor<3x4xf64>",
             "tensor<2x4xf64>"),
      matmul("rhs transposed", "transpose_rhs", x, "tensor<4x3xf64>", "tensor<2x4xf64>"),
      matmul("both transposed", "transpose_lhs transpose_rhs", "tensor<3x2xf64>", "tensor<4x3xf64>",
             "tensor<2x4xf64>"),
      matmul("shared", "", "tensor<5x2x3xf64>", "tensor<3x4xf64>", "tensor<5x2x4xf64>"),
      matmul("shared, transposed", "transpose_rhs", "tensor<5x2x3xf64>", "tensor<4x3xf64>",
             "tensor<5x2x4xf64>"),
      matmul("batch", "", "tensor<5x2x3xf64>", "tensor<5x3x4xf64>", "tensor<5x2x4xf64>"),
      matmul("batch, lhs transposed", "transpose_lhs", "tensor<5x3x2xf64>", "tensor<5x3x4xf64>",
             "tensor<5x2x4xf64>"),
      matmul("batch, rhs transposed", "transpose_rhs", "tensor<5x2x3xf64>", "tensor<5x4x3xf64>",
             "tensor<5x2x4xf64>"),
      matmul("batch, both transposed", "transpose_lhs transpose_rhs", "tensor<5x3x2xf64>",
             "tensor<5x4x3xf64>", "tensor<5x2x4xf64>"),
      {"scores", {q, q}, "%y = stc.scores %x0, %x1 : " + q + ", " + q + " -> " + p, p},
      {"softmax", {p}, "%y = stc.softmax %x0 : " + p, p},
      {"scores of groups",
       {groupQ, groupK},
       "%y = stc.scores %x0, %x1 layout head_major : " + groupQ + ", " + groupK + " -> " + groupP,
       groupP},
      {"aggregate", {p, v}, "%y = stc.aggregate %x0, %x1 : " + p + ", " + v + " -> " + v, v},
      {"aggregate transposed",
       {p, v},
       "%y = stc.aggregate %x0, %x1 transpose : " + p + ", " + v + " -> " + v,
       v},
      {"aggregate of groups",
       {groupP, groupK},
       "%y = stc.aggregate %x0, %x1 layout head_major : " + groupP + ", " + groupK + " -> " +
           groupQ,
       groupQ},
      {"aggregate of groups transposed",
       {groupP, groupQ},
       "%y = stc.aggregate %x0, %x1 transpose layout head_major : " + groupP + ", " + groupQ +
           " -> " + groupK,
       groupK},
      {"attention of groups",
       {groupQ, groupK, groupK},
       "%y, %lse = stc.attention %x0, %x1, %x2 scale 0.7 pattern " + pattern +
           " layout head_major : " + groupQ + ", " + groupK + ", " + groupK + " -> " + groupQ +
           ", tensor<1x6x8xf32>",
       groupQ},
      {"attention",
       {q, q, v},
       "%y, %lse = stc.attention %x0, %x1, %x2 scale 0.7 pattern " + pattern + " : " + q + ", " +
           q + ", " + v + " -> " + v + ", tensor<1x2x8xf32>",
       v},
      {"self-attention",
       {q},
       "%y, %lse = stc.attention %x0, %x0, %x0 scale 0.7 pattern " + pattern + " : " + q + ", " +
           q + ", " + q + " -> " + q + ", tensor<1x2x8xf32>",
       q},
  };
}

struct Gradient : testing::TestWithParam<GradientCase> {};

double loss(const Tensor &y, const Tensor &factors) {
  double sum = 0;
  for (size_t k = 0; k < y.floats.size(); ++k)
    sum += y.floats[k] * factors.floats[k];
  return sum;
}
} // namespace

TEST_P(Gradient, MatchesDifferences) {
  const GradientCase &test = GetParam();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Expression expression{test.types, test.body, test.result};
  Random random(seed);
  std::vector<Tensor> inputs;
  for (const std::string &type : test.types)
    inputs.push_back(uniform(type, random, test.low, test.high));
  Tensor factors = uniform(test.result, random);

  std::string wrt, types, results;
  for (size_t k = 0; k < test.types.size(); ++k) {
    std::string comma = k ? ", " : "", number = std::to_string(k);
    wrt += comma + "%x" + number;
    types += comma + test.types[k];
    results += comma + "%g#" + number;
  }
  std::string ending = "%g:" + std::to_string(inputs.size()) +
                       " = stc.gradient %y seed %seed wrt " + wrt + " : (" + test.result +
                       ") seed (" + test.result + ") wrt (" + types + ") -> " + types +
                       "\nreturn " + results + " : " + types;
  std::vector<Tensor> withSeed = inputs;
  withSeed.push_back(factors);
  std::vector<Tensor> gradients =
      callF(expression.function(", %seed: " + test.result, types, ending), withSeed);
  ASSERT_EQ(gradients.size(), inputs.size());

  Module module = parse(expression.function("", test.result, "return %y : " + test.result));
  Interpreter interpreter(*module);
  auto lossOf = [&] { return loss((*interpreter.call("f", inputs))[0], factors); };
  for (size_t input = 0; input < inputs.size(); ++input)
    for (size_t k = 0; k < inputs[input].floats.size(); ++k) {
      double &x = inputs[input].floats[k], original = x;
      x = original + step;
      double above = lossOf();
      x = original - step;
      double below = lossOf();
      x = original;
      double expected = (above - below) / (2 * step), found = gradients[input].floats[k];
      EXPECT_NEAR(found, expected, tolerance * std::max(1.0, std::abs(expected)))
          << "input " << input << ", element " << k;
    }
}

INSTANTIATE_TEST_SUITE_P(, Gradient, testing::ValuesIn(cases()), [](const auto &info) {
  std::string name;
  for (char c : info.param.name)
    name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
});

TEST(GradientOp, StopsWhereItIsTold) {
  auto results = callF(R"(func.func @f(%x: tensor<f64>) -> tensor<f64> {
    %c = stc.stop_gradient %x : tensor<f64>
    %y = arith.mulf %x, %c : tensor<f64>
    %g = stc.gradient %y wrt %x : (tensor<f64>) wrt (tensor<f64>) -> tensor<f64>
    return %g : tensor<f64>
  })",
                       Tensor::of({}, std::vector<double>{3}));
  EXPECT_EQ(results[0].floats, std::vector<double>{3});
}

TEST(GradientOp, OfItsOwnVariableIsTheSeed) {
  auto results = callF(
      R"(func.func @f(%x: tensor<2xf64>, %s: tensor<2xf64>) -> tensor<2xf64> {
    %g = stc.gradient %x seed %s wrt %x : (tensor<2xf64>) seed (tensor<2xf64>) wrt (tensor<2xf64>) -> tensor<2xf64>
    return %g : tensor<2xf64>
  })",
      {Tensor::of({2}, std::vector<double>{3, 4}), Tensor::of({2}, std::vector<double>{5, 6})});
  EXPECT_EQ(results[0].floats, (std::vector<double>{5, 6}));
}

// d/dx of x * y + (x * y)^2 with seeds 1 and 1, where one value leads to the other.
TEST(GradientOp, AddsUpSeveralValues) {
  auto results =
      callF(R"(func.func @f(%x: tensor<f64>, %y: tensor<f64>) -> tensor<f64> {
    %a = arith.mulf %x, %y : tensor<f64>
    %b = arith.mulf %a, %a : tensor<f64>
    %one = arith.constant dense<1.0> : tensor<f64>
    %g = stc.gradient %a, %b seed %one, %one wrt %x
        : (tensor<f64>, tensor<f64>) seed (tensor<f64>, tensor<f64>) wrt (tensor<f64>) -> tensor<f64>
    return %g : tensor<f64>
  })",
            {Tensor::of({}, std::vector<double>{3}), Tensor::of({}, std::vector<double>{2})});
  EXPECT_EQ(results[0].floats, std::vector<double>{2 + 2 * 6 * 2});
}

// The second derivative of x^3.
TEST(GradientOp, OfAGradient) {
  auto results = callF(R"(func.func @f(%x: tensor<f64>) -> tensor<f64> {
    %a = arith.mulf %x, %x : tensor<f64>
    %b = arith.mulf %a, %x : tensor<f64>
    %g = stc.gradient %b wrt %x : (tensor<f64>) wrt (tensor<f64>) -> tensor<f64>
    %h = stc.gradient %g wrt %x : (tensor<f64>) wrt (tensor<f64>) -> tensor<f64>
    return %h : tensor<f64>
  })",
                       Tensor::of({}, std::vector<double>{5}));
  EXPECT_EQ(results[0].floats, std::vector<double>{30});
}

// With respect to a value inside, which hides what it is made of.
TEST(GradientOp, OfAValueInside) {
  auto results = callF(R"(func.func @f(%x: tensor<f64>) -> (tensor<f64>, tensor<f64>) {
    %a = arith.mulf %x, %x : tensor<f64>
    %b = arith.mulf %a, %x : tensor<f64>
    %g:2 = stc.gradient %b wrt %a, %x : (tensor<f64>) wrt (tensor<f64>, tensor<f64>) -> tensor<f64>, tensor<f64>
    return %g#0, %g#1 : tensor<f64>, tensor<f64>
  })",
                       Tensor::of({}, std::vector<double>{5}));
  EXPECT_EQ(results[0].floats, std::vector<double>{5});
  EXPECT_EQ(results[1].floats, std::vector<double>{75});
}
