//===- AttentionTest.cpp - attention by hand, and each form by another ----===//

#include "Harness.h"

#include "tests/cases/Cases.h"
#include "tests/unit/Pattern/RandomPattern.h"

#include <llvm/Support/FormatVariadic.h>

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace stc::reference;
using namespace stc::reference::test;
using stc::cases::Case;

namespace {
using Floats = std::vector<double>;
constexpr uint64_t seed = 1904;

std::string typeOf(const std::vector<int64_t> &shape) {
  return llvm::formatv("tensor<{0:$[x]}xf64>", llvm::make_range(shape.begin(), shape.end())).str();
}
std::string queryOf(const Case &test) { return typeOf(test.queryShape(test.n)); }
std::string keyOf(const Case &test) { return typeOf(test.keyShape(test.n)); }
std::string valueOf(const Case &test) { return typeOf(test.valueShape(test.n)); }
std::string outputOf(const Case &test) { return typeOf(test.outputShape(test.n)); }
std::string logsumexpOf(const Case &test) {
  return llvm::formatv("tensor<{0}x{1}x{2}xf32>", test.batch, test.heads, test.n).str();
}
std::string pairsOf(const Case &test) {
  return llvm::formatv("tensor<{0}x{1}x{2}x{2}xf64, #stc.pattern{3}>", test.batch, test.heads,
                       test.n, test.attribute())
      .str();
}
std::vector<Tensor> inputsOf(const Case &test, Random &random) {
  return {uniform(queryOf(test), random), uniform(keyOf(test), random),
          uniform(valueOf(test), random)};
}

/// Attention of %x0, %x1, %x2 as the paper writes it.
Expression unfused(const Case &test) {
  std::string q = queryOf(test), k = keyOf(test), v = valueOf(test), p = pairsOf(test),
              o = outputOf(test);
  return {{q, k, v},
          "%scale = arith.constant dense<0.25> : " + p + "\n%s = stc.scores %x0, %x1" +
              test.layout() + " : " + q + ", " + k + " -> " + p +
              "\n%scaled = arith.mulf %s, %scale : " + p + "\n%p = stc.softmax %scaled : " + p +
              "\n%y = stc.aggregate %p, %x2" + test.layout() + " : " + p + ", " + v + " -> " + o,
          o};
}

Expression fused(const Case &test) {
  std::string q = queryOf(test), k = keyOf(test), v = valueOf(test), o = outputOf(test);
  return {{q, k, v},
          "%y, %lse = stc.attention %x0, %x1, %x2 scale 0.25 pattern " + test.attribute() +
              test.layout() + " : " + q + ", " + k + ", " + v + " -> " + o + ", " +
              logsumexpOf(test),
          o};
}

/// The results followed by the gradients of all inputs, for a gradient %seed of the result.
std::string withGradients(const Expression &expression) {
  std::string wrt, types;
  for (auto [k, type] : llvm::enumerate(expression.types)) {
    wrt += (k ? ", %x" : "%x") + std::to_string(k);
    types += (k ? ", " : "") + type;
  }
  const std::string &y = expression.result;
  return expression.function(", %seed: " + y, y + ", " + types,
                             "%g:3 = stc.gradient %y seed %seed wrt " + wrt + " : (" + y +
                                 ") seed (" + y + ") wrt (" + types + ") -> " + types +
                                 "\nreturn %y, %g#0, %g#1, %g#2 : " + y + ", " + types);
}

/// Random patterns, one or two, that may leave queries without keys or look ahead.
Case randomCase(Random &random, int64_t n) {
  stc::pattern::test::Generator generator(random());
  Case test{"random", {}, n, generator.number(1, 2), 2, 3, generator.number(1, 4)};
  test.keyHeads = generator.number(1, 2);
  test.headMajor = generator.number(0, 1);
  for (int64_t count = generator.number(1, 2); count > 0; --count)
    test.patterns.push_back(generator.expression(2).text);
  return test;
}

/// Attention with its gradients: unfused, fused by hand and fused by the pass.
void compareForms(const Case &test, Random &random) {
  SCOPED_TRACE("seed " + std::to_string(seed) + ", case " + test.name + ", n " +
               std::to_string(test.n) + ", pattern " + test.attribute());
  std::vector<Tensor> inputs = inputsOf(test, random);
  inputs.push_back(uniform(outputOf(test), random));
  auto expected = callF(withGradients(unfused(test)), inputs);
  auto found = callF(withGradients(fused(test)), inputs);

  Module module = parse(withGradients(unfused(test)));
  ASSERT_TRUE(succeeded(runPasses(*module, {addFuseSoftmax, addDifferentiate})));
  module->walk([](stc::ScoresOp op) { ADD_FAILURE() << "expected no scores after fusion"; });
  auto rewritten = Interpreter(*module).call("f", inputs);
  ASSERT_TRUE(succeeded(rewritten));

  ASSERT_EQ(expected.size(), 4u);
  ASSERT_EQ(found.size(), 4u);
  for (int k = 0; k < 4; ++k) {
    expectNear(found[k], expected[k], 1e-12);
    expectNear((*rewritten)[k], expected[k], 1e-12);
  }
}
} // namespace

// Keys log 1, log 2, log 3 weigh 1, 2 and 3 for a query of 1.
TEST(Attention, ByHand) {
  Case test{"by_hand", {"local(1)", "summary(2, 1)"}, 3, 1, 2, 1, 1};
  double l2 = std::log(2), l3 = std::log(3);
  Tensor query = Tensor::of({1, 3, 2, 1}, Floats(6, 1));
  Tensor key = Tensor::of({1, 3, 2, 1}, Floats{0, 0, l2, l2, l3, l3});
  Tensor value = Tensor::of({1, 3, 2, 1}, Floats{1, 1, 10, 10, 100, 100});
  std::string q = queryOf(test);
  auto results =
      callF("func.func @f(%q: " + q + ", %k: " + q + ", %v: " + q + ") -> (" + q + ", " +
                logsumexpOf(test) + ") {\n%o, %l = stc.attention %q, %k, %v scale 1.0 pattern " +
                test.attribute() + " : " + q + ", " + q + ", " + q + " -> " + q + ", " +
                logsumexpOf(test) + "\nreturn %o, %l : " + q + ", " + logsumexpOf(test) + "\n}",
            {query, key, value});
  expectNear(results[0], Tensor::of({1, 3, 2, 1}, Floats{1, 0, 7, 10, 64, 10}), 1e-12);
  expectNear(results[1], Tensor::of({1, 2, 3}, Floats{0, l3, std::log(5), -1e30, l2, l2}), 1e-12);
}

TEST(Attention, UnfusedByHand) {
  std::string q = "tensor<1x2x1x2xf32>", p = "tensor<1x1x2x2xf32, #stc.pattern<\"dense\">>";
  Tensor query = Tensor::of({1, 2, 1, 2}, Floats{1, 2, 3, 4}),
         key = Tensor::of({1, 2, 1, 2}, Floats{5, 6, 7, 8});
  Expression scores{{q, q}, "%y = stc.scores %x0, %x1 : " + q + ", " + q + " -> " + p, p};
  EXPECT_EQ(scores({query, key}).floats, (Floats{17, 0, 39, 53}));
  Expression softmax{{p}, "%y = stc.softmax %x0 : " + p, p};
  expectNear(softmax(Tensor::of({1, 1, 2, 2}, Floats{5, 6, 0, std::log(3)})),
             Tensor::of({1, 1, 2, 2}, Floats{1, 0, 0.25, 0.75}), 1e-12);
  Tensor weights = Tensor::of({1, 1, 2, 2}, Floats{1, 9, 0.25, 0.75});
  Expression grad{{p, p}, "%y = stc.softmax_grad %x0, %x1 : " + p, p};
  // The mean of (4, 8) weighted by a quarter and three is 7.
  EXPECT_EQ(grad({weights, Tensor::of({1, 1, 2, 2}, Floats{3, 7, 4, 8})}).floats,
            (Floats{0, 0, -0.75, 0.75}));
  Expression aggregate{{p, q}, "%y = stc.aggregate %x0, %x1 : " + p + ", " + q + " -> " + q, q};
  EXPECT_EQ(aggregate({weights, query}).floats, (Floats{1, 2, 2.5, 3.5}));
  Expression transposed{
      {p, q}, "%y = stc.aggregate %x0, %x1 transpose : " + p + ", " + q + " -> " + q, q};
  EXPECT_EQ(transposed({weights, query}).floats, (Floats{1.75, 3, 2.25, 3}));
}

// Heads 0 and 1 read the keys and values 1, 2 of head 0, heads 2 and 3 the 10, 20 of head 1.
TEST(Attention, GroupsByHand) {
  for (bool headMajor : {true, false}) {
    SCOPED_TRACE(headMajor ? "head-major" : "token-major");
    Case test{"groups", {"dense"}, 2, 1, 4, 1, 1, 2, headMajor};
    std::string q = queryOf(test), k = keyOf(test), p = pairsOf(test);
    Tensor query = Tensor::of(test.queryShape(2), Floats(8, 1));
    Tensor key =
        Tensor::of(test.keyShape(2), headMajor ? Floats{1, 2, 10, 20} : Floats{1, 10, 2, 20});
    Expression scores{
        {q, k}, "%y = stc.scores %x0, %x1" + test.layout() + " : " + q + ", " + k + " -> " + p, p};
    EXPECT_EQ(scores({query, key}).floats,
              (Floats{1, 0, 1, 2, 1, 0, 1, 2, 10, 0, 10, 20, 10, 0, 10, 20}));
    Tensor ones = Tensor::of({1, 4, 2, 2}, Floats(16, 1));
    Expression aggregate{{p, k},
                         "%y = stc.aggregate %x0, %x1" + test.layout() + " : " + p + ", " + k +
                             " -> " + q,
                         q};
    EXPECT_EQ(aggregate({ones, key}).floats, headMajor ? (Floats{1, 3, 1, 3, 10, 30, 10, 30})
                                                       : (Floats{1, 1, 10, 10, 3, 3, 30, 30}));
    Expression transposed{{p, q},
                          "%y = stc.aggregate %x0, %x1 transpose" + test.layout() + " : " + p +
                              ", " + q + " -> " + k,
                          k};
    EXPECT_EQ(transposed({ones, query}).floats,
              headMajor ? (Floats{4, 2, 4, 2}) : (Floats{4, 4, 2, 2}));
  }
}

// Two keys whose values nearly cancel: exp(-0.003) is 0.99609375 in bf16, where a unit is 2^-8.
TEST(Attention, RoundsInsideWhereItIsAsked) {
  Module module = parse(R"(func.func @f(%q: tensor<1x2x1x1xbf16>, %k: tensor<1x2x1x1xbf16>,
                                        %v: tensor<1x2x1x1xbf16>) -> tensor<1x2x1x1xbf16> {
    %o, %l = stc.attention %q, %k, %v scale 1.0 pattern <"dense">
        : tensor<1x2x1x1xbf16>, tensor<1x2x1x1xbf16>, tensor<1x2x1x1xbf16>
        -> tensor<1x2x1x1xbf16>, tensor<1x1x2xf32>
    return %o : tensor<1x2x1x1xbf16>
  })");
  const double score = -0.003, weight = std::exp(score);
  auto tensor = [](Floats floats) { return Tensor::of({1, 2, 1, 1}, std::move(floats)); };
  const Tensor inputs[] = {tensor({1, 1}), tensor({score, 0}), tensor({1, -1})};
  auto second = [&](Rounding rounding) {
    return Interpreter(*module).call("f", inputs, rounding)->front().floats[1];
  };
  const double exact = (weight - 1) / (weight + 1), inside = (0.99609375 - 1) / (weight + 1);
  EXPECT_NEAR(second(Rounding::ToType), exact, std::abs(exact) / 256);
  EXPECT_NEAR(second(Rounding::Inside), inside, std::abs(inside) / 256);
}

TEST(Attention, ElementsOffThePatternAreZero) {
  std::string p = "tensor<1x1x2x2xf32, #stc.pattern<\"dense\">>";
  Expression exponential{{p}, "%y = math.exp %x0 : " + p, p};
  EXPECT_EQ(exponential(Tensor::of({1, 1, 2, 2}, Floats{0, 0, 0, 0})).floats, (Floats{1, 0, 1, 1}));
}

TEST(Attention, FusedIsUnfusedOnRandomPatterns) {
  Random random(seed);
  for (int64_t n : {1, 2, 3, 17, 40})
    for (int repeat = 0; repeat < 6; ++repeat)
      compareForms(randomCase(random, n), random);
}

TEST(Attention, FusedIsUnfusedOnTheSharedCases) {
  Random random(seed);
  for (const Case &test : stc::cases::attentionCases())
    compareForms(test, random);
}

TEST(Attention, RowIsARowOfAttention) {
  Random random(seed);
  for (int64_t n : {1, 5, 24}) {
    Case test = randomCase(random, n);
    SCOPED_TRACE("seed " + std::to_string(seed) + ", n " + std::to_string(n) + ", pattern " +
                 test.attribute());
    std::vector<Tensor> inputs = inputsOf(test, random);
    Tensor all = fused(test)(inputs);
    std::string q = typeOf(test.queryShape(1)), k = keyOf(test), v = valueOf(test),
                o = typeOf(test.outputShape(1));
    Expression row{{q, k, v, "tensor<i32>"},
                   "%y = stc.attention_row %x0, %x1, %x2 at %x3 scale 0.25 pattern " +
                       test.attribute() + test.layout() + " : " + q + ", " + k + ", " + v + " -> " +
                       o,
                   o};
    // One position of a tensor of the case's layout.
    auto positionOf = [&](const Tensor &tensor, int64_t position) {
      std::vector<int64_t> to = tensor.shape;
      to[test.headMajor ? 2 : 1] = 1;
      int64_t size = (test.headMajor ? 1 : to[2]) * to[3];
      Floats values;
      for (size_t first = position * size; first < tensor.floats.size(); first += n * size)
        values.insert(values.end(), tensor.floats.begin() + first,
                      tensor.floats.begin() + first + size);
      return Tensor::of(to, values);
    };
    // Outside the keys, a position is the nearest one.
    for (int64_t given = -2; given <= n + 1; ++given) {
      int64_t position = std::clamp<int64_t>(given, 0, n - 1);
      expectNear(
          row({positionOf(inputs[0], position), inputs[1], inputs[2], Tensor::scalar(given)}),
          positionOf(all, position), 1e-12);
    }
  }
}
