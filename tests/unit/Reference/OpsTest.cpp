//===- OpsTest.cpp - values computed by hand, family by family ------------===//

#include "Harness.h"

#include <cmath>
#include <numbers>

using namespace stc::reference;
using namespace stc::reference::test;

namespace {
using Floats = std::vector<double>;
using Integers = std::vector<int64_t>;

Floats floatsOf(const Expression &expression, std::vector<Tensor> inputs) {
  return expression(inputs).floats;
}
Integers integersOf(const Expression &expression, std::vector<Tensor> inputs) {
  return expression(inputs).integers;
}

const Tensor twoByThree = Tensor::of({2, 3}, Floats{1, 2, 3, 4, 5, 6});
} // namespace

TEST(Shapes, Broadcast) {
  Expression columns{{"tensor<3xf32>"},
                     "%y = stc.broadcast %x0 dims [1] : tensor<3xf32> to tensor<2x3xf32>",
                     "tensor<2x3xf32>"};
  EXPECT_EQ(floatsOf(columns, {Tensor::of({3}, Floats{1, 2, 3})}), (Floats{1, 2, 3, 1, 2, 3}));
  Expression rows{{"tensor<2xi32>"},
                  "%y = stc.broadcast %x0 dims [0] : tensor<2xi32> to tensor<2x3xi32>",
                  "tensor<2x3xi32>"};
  EXPECT_EQ(integersOf(rows, {Tensor::of({2}, Integers{7, -8})}), (Integers{7, 7, 7, -8, -8, -8}));
  Expression scalar{{"tensor<f32>"},
                    "%y = stc.broadcast %x0 dims [] : tensor<f32> to tensor<2x1xf32>",
                    "tensor<2x1xf32>"};
  EXPECT_EQ(floatsOf(scalar, {Tensor::of({}, Floats{5})}), (Floats{5, 5}));
  Expression middle{{"tensor<2x2xf32>"},
                    "%y = stc.broadcast %x0 dims [0, 2] : tensor<2x2xf32> to tensor<2x2x2xf32>",
                    "tensor<2x2x2xf32>"};
  EXPECT_EQ(floatsOf(middle, {Tensor::of({2, 2}, Floats{1, 2, 3, 4})}),
            (Floats{1, 2, 1, 2, 3, 4, 3, 4}));
}

TEST(Shapes, Reduce) {
  auto reduce = [](std::string kind, std::string dims, std::string to) {
    return floatsOf(
        {{"tensor<2x3xf32>"},
         "%y = stc.reduce " + kind + " %x0 dims " + dims + " : tensor<2x3xf32> to " + to,
         to},
        {twoByThree});
  };
  EXPECT_EQ(reduce("sum", "[0]", "tensor<3xf32>"), (Floats{5, 7, 9}));
  EXPECT_EQ(reduce("sum", "[1]", "tensor<2xf32>"), (Floats{6, 15}));
  EXPECT_EQ(reduce("sum", "[0, 1]", "tensor<f32>"), (Floats{21}));
  EXPECT_EQ(reduce("max", "[1]", "tensor<2xf32>"), (Floats{3, 6}));
  Expression negative{{"tensor<2xf32>"},
                      "%y = stc.reduce max %x0 dims [0] : tensor<2xf32> to tensor<f32>",
                      "tensor<f32>"};
  EXPECT_EQ(floatsOf(negative, {Tensor::of({2}, Floats{-3, -2})}), (Floats{-2}));
  EXPECT_TRUE(std::isnan(floatsOf(negative, {Tensor::of({2}, Floats{NAN, -2})})[0]));
  EXPECT_TRUE(std::isnan(floatsOf(negative, {Tensor::of({2}, Floats{-2, NAN})})[0]));
}

TEST(Shapes, Rearrange) {
  Expression reshape{{"tensor<2x3xf32>"},
                     "%y = stc.reshape %x0 : tensor<2x3xf32> to tensor<3x2xf32>",
                     "tensor<3x2xf32>"};
  EXPECT_EQ(reshape({twoByThree}).shape, (Integers{3, 2}));
  EXPECT_EQ(reshape({twoByThree}).floats, twoByThree.floats);
  Expression split{{"tensor<2x3xf32>"},
                   "%a, %y = stc.split %x0 : tensor<2x3xf32> to tensor<2x1xf32>, tensor<2x2xf32>",
                   "tensor<2x2xf32>"};
  EXPECT_EQ(floatsOf(split, {twoByThree}), (Floats{2, 3, 5, 6}));
  Expression concat{
      {"tensor<2x1xi32>", "tensor<2x2xi32>"},
      "%y = stc.concat %x0, %x1 : tensor<2x1xi32>, tensor<2x2xi32> to tensor<2x3xi32>",
      "tensor<2x3xi32>"};
  EXPECT_EQ(integersOf(concat, {Tensor::of({2, 1}, Integers{1, 2}),
                                Tensor::of({2, 2}, Integers{3, 4, 5, 6})}),
            (Integers{1, 3, 4, 2, 5, 6}));
}

TEST(Sources, ConstantsKeepTheirFloat32Value) {
  EXPECT_EQ(
      floatsOf({{}, "%y = arith.constant dense<[0.1, 2.0]> : tensor<2xf32>", "tensor<2xf32>"}, {}),
      (Floats{0.1f, 2}));
  EXPECT_EQ(floatsOf({{}, "%y = arith.constant dense<0.1> : tensor<2xf64>", "tensor<2xf64>"}, {}),
            (Floats{0.1, 0.1}));
  EXPECT_EQ(
      integersOf({{}, "%y = arith.constant dense<[true, false]> : tensor<2xi1>", "tensor<2xi1>"},
                 {}),
      (Integers{1, 0}));
  EXPECT_EQ(integersOf({{}, "%y = arith.constant dense<-3> : tensor<2xi8>", "tensor<2xi8>"}, {}),
            (Integers{-3, -3}));
}

TEST(Sources, Iota) {
  EXPECT_EQ(integersOf({{}, "%y = stc.iota 0 : tensor<2x3xi32>", "tensor<2x3xi32>"}, {}),
            (Integers{0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(integersOf({{}, "%y = stc.iota 1 : tensor<2x3xi64>", "tensor<2x3xi64>"}, {}),
            (Integers{0, 1, 2, 0, 1, 2}));
}

// The known answers of Random123 (kat_vectors) for philox4x32 with 10 rounds.
TEST(Sources, Random) {
  auto random = [](std::string distribution, int64_t seed, int64_t step, std::string stream) {
    Expression expression{{"tensor<i64>", "tensor<i64>"},
                          "%y = stc.random " + distribution + " seed %x0 step %x1 stream " +
                              stream + " : tensor<2x2xf32>",
                          "tensor<2x2xf32>"};
    return floatsOf(expression, {Tensor::scalar(seed), Tensor::scalar(step)});
  };
  EXPECT_EQ(random("uniform", 0, 0, "0")[0], 0x6627e8 * 0x1p-24);
  double radius = std::sqrt(-2 * std::log((0x6627e8d5 + 0.5) / 0x1p32));
  EXPECT_DOUBLE_EQ(random("normal", 0, 0, "0")[0],
                   radius * std::cos(2 * std::numbers::pi * (0xe169c58d / 0x1p32)));
  // Other elements, steps, streams and seeds give other numbers; of the step only 32 bits count.
  Floats first = random("uniform", 1, 2, "3");
  EXPECT_NE(first[0], first[1]);
  EXPECT_NE(first, random("uniform", int64_t(1) << 32 | 1, 2, "3"));
  EXPECT_NE(first, random("uniform", 1, 3, "3"));
  EXPECT_NE(first, random("uniform", 1, 2, "-3"));
  EXPECT_EQ(first, random("uniform", 1, int64_t(1) << 32 | 2, "3"));
  // A part is where it is in the whole: rows 2 and 3 of six.
  auto rows = [](std::string type, std::string part) {
    return floatsOf({{"tensor<i64>", "tensor<i32>"},
                     "%y = stc.random uniform seed %x0 step %x0 stream 3" + part + " : " + type,
                     type},
                    {Tensor::scalar(1), Tensor::scalar(1)});
  };
  Floats whole = rows("tensor<6x2xf32>", ""),
         part = rows("tensor<2x2xf32>", " part %x1 of [3] runs [4]");
  EXPECT_EQ(part, Floats(whole.begin() + 4, whole.begin() + 8));
  // Columns 2 and 3 of six rows of four, and of those the rows 2 and 3.
  whole = rows("tensor<6x4xf32>", "");
  EXPECT_EQ(rows("tensor<2x2xf32>", " part %x1, %x1 of [2, 3] runs [2, 4]"),
            (Floats{whole[10], whole[11], whole[14], whole[15]}));
  // Blocks of one row, of which each third is here.
  EXPECT_EQ(
      rows("tensor<2x4xf32>", " part %x1 of [3] runs [4]"),
      (Floats{whole[4], whole[5], whole[6], whole[7], whole[16], whole[17], whole[18], whole[19]}));
}

TEST(Sources, Variables) {
  Module module = parse(R"(
    stc.variable counter @step : tensor<i64>
    func.func @f() -> tensor<i64> {
      %a = stc.read @step : tensor<i64>
      %one = arith.constant dense<1> : tensor<i64>
      %b = arith.addi %a, %one : tensor<i64>
      stc.write @step, %b : tensor<i64>
      %c = stc.read @step : tensor<i64>
      %sum = arith.addi %a, %c : tensor<i64>
      return %sum : tensor<i64>
    })");
  Interpreter interpreter(*module);
  EXPECT_EQ(interpreter.variables.at("step").integers, Integers{0});
  EXPECT_EQ((*interpreter.call("f", {}))[0].integers, Integers{1});
  interpreter.variables["step"] = Tensor::scalar(9);
  EXPECT_EQ((*interpreter.call("f", {}))[0].integers, Integers{19});
  EXPECT_EQ(interpreter.variables.at("step").integers, Integers{10});
}

TEST(Products, Matmul) {
  // [1 2 3; 4 5 6] * [1 0; 0 1; 1 1]
  Tensor a = twoByThree, at = Tensor::of({3, 2}, Floats{1, 4, 2, 5, 3, 6});
  Tensor b = Tensor::of({3, 2}, Floats{1, 0, 0, 1, 1, 1}),
         bt = Tensor::of({2, 3}, Floats{1, 0, 1, 0, 1, 1});
  Floats product{4, 5, 10, 11};
  auto matmul = [](std::string flags, std::string l, std::string r, std::string to, Tensor x,
                   Tensor y) {
    return floatsOf(
        {{l, r}, "%y = stc.matmul %x0, %x1 " + flags + " : " + l + ", " + r + " -> " + to, to},
        {x, y});
  };
  std::string wide = "tensor<2x3xf32>", tall = "tensor<3x2xf32>", square = "tensor<2x2xf32>";
  EXPECT_EQ(matmul("", wide, tall, square, a, b), product);
  EXPECT_EQ(matmul("transpose_lhs", tall, tall, square, at, b), product);
  EXPECT_EQ(matmul("transpose_rhs", wide, wide, square, a, bt), product);
  EXPECT_EQ(matmul("transpose_lhs transpose_rhs", tall, wide, square, at, bt), product);
  Tensor rows = Tensor::of({2, 1, 3}, a.floats);
  EXPECT_EQ(matmul("", "tensor<2x1x3xf32>", tall, "tensor<2x1x2xf32>", rows, b), product);
  // A batch of two: the first row by b, the second by twice b.
  Tensor batch = Tensor::of({2, 3, 2}, Floats{1, 0, 0, 1, 1, 1, 2, 0, 0, 2, 2, 2});
  EXPECT_EQ(matmul("", "tensor<2x1x3xf32>", "tensor<2x3x2xf32>", "tensor<2x1x2xf32>", rows, batch),
            (Floats{4, 5, 20, 22}));
}

TEST(Products, Tables) {
  Tensor table = Tensor::of({3, 2}, Floats{1, 2, 3, 4, 5, 6});
  Tensor indices = Tensor::of({4}, Integers{2, 0, -5, 9});
  Expression gather{{"tensor<3x2xf32>", "tensor<4xi32>"},
                    "%y = stc.gather %x0, %x1 : tensor<3x2xf32>, tensor<4xi32> -> tensor<4x2xf32>",
                    "tensor<4x2xf32>"};
  EXPECT_EQ(floatsOf(gather, {table, indices}), (Floats{5, 6, 1, 2, 1, 2, 5, 6}));
  Expression scatter{
      {"tensor<4x2xf32>", "tensor<4xi32>"},
      "%y = stc.scatter_add %x0, %x1 : tensor<4x2xf32>, tensor<4xi32> -> tensor<3x2xf32>",
      "tensor<3x2xf32>"};
  EXPECT_EQ(floatsOf(scatter, {Tensor::of({4, 2}, Floats{1, 2, 3, 4, 5, 6, 7, 8}), indices}),
            (Floats{8, 10, 0, 0, 8, 10}));
}

TEST(Products, InsertRow) {
  Expression insert{
      {"tensor<2x1x1xf32>", "tensor<2x2x1xf32>", "tensor<i32>"},
      "%y = stc.insert_row %x0 into %x1 at %x2 : tensor<2x1x1xf32> into tensor<2x2x1xf32>",
      "tensor<2x2x1xf32>"};
  Tensor row = Tensor::of({2, 1, 1}, Floats{8, 9}),
         sequence = Tensor::of({2, 2, 1}, Floats{1, 2, 3, 4});
  EXPECT_EQ(floatsOf(insert, {row, sequence, Tensor::scalar(0)}), (Floats{8, 2, 9, 4}));
  EXPECT_EQ(floatsOf(insert, {row, sequence, Tensor::scalar(7)}), (Floats{1, 8, 3, 9}));
  EXPECT_EQ(floatsOf(insert, {row, sequence, Tensor::scalar(-7)}), (Floats{8, 2, 9, 4}));
}

TEST(Elementwise, Floats) {
  auto unary = [](std::string op, double x) {
    return floatsOf({{"tensor<f32>"}, "%y = " + op + " %x0 : tensor<f32>", "tensor<f32>"},
                    {Tensor::of({}, Floats{x})})[0];
  };
  EXPECT_EQ(unary("arith.negf", 0.1), -0.1);
  EXPECT_EQ(unary("math.absf", -0.1), 0.1);
  EXPECT_DOUBLE_EQ(unary("math.exp", 1), std::numbers::e);
  EXPECT_DOUBLE_EQ(unary("math.log", std::numbers::e), 1);
  EXPECT_EQ(unary("math.sqrt", 9), 3);
  EXPECT_EQ(unary("math.rsqrt", 4), 0.5);
  EXPECT_DOUBLE_EQ(unary("math.tanh", std::log(2)), 0.6);
  EXPECT_DOUBLE_EQ(unary("math.sin", std::numbers::pi / 6), 0.5);
  EXPECT_DOUBLE_EQ(unary("math.cos", std::numbers::pi / 3), 0.5);
  auto binary = [](std::string op, double x, double y) {
    return floatsOf(
        {{"tensor<f32>", "tensor<f32>"}, "%y = " + op + " %x0, %x1 : tensor<f32>", "tensor<f32>"},
        {Tensor::of({}, Floats{x}), Tensor::of({}, Floats{y})})[0];
  };
  EXPECT_EQ(binary("arith.addf", 0.1, 0.2), 0.1 + 0.2);
  EXPECT_EQ(binary("arith.subf", 3, 5), -2);
  EXPECT_EQ(binary("arith.mulf", 3, 5), 15);
  EXPECT_EQ(binary("arith.divf", 1, 3), 1.0 / 3);
  EXPECT_EQ(binary("arith.maximumf", 3, 5), 5);
  EXPECT_EQ(binary("arith.minimumf", 3, 5), 3);
  EXPECT_TRUE(std::isnan(binary("arith.maximumf", 3, NAN)));
  EXPECT_EQ(binary("arith.maxnumf", 3, NAN), 3);
  EXPECT_EQ(binary("arith.minnumf", NAN, 3), 3);
}

TEST(Elementwise, Integers) {
  auto binary = [](std::string op, int64_t x, int64_t y, std::string type = "tensor<i32>") {
    return integersOf({{type, type}, "%y = " + op + " %x0, %x1 : " + type, type},
                      {Tensor::scalar(x), Tensor::scalar(y)})[0];
  };
  EXPECT_EQ(binary("arith.addi", INT32_MAX, 1), INT32_MIN);
  EXPECT_EQ(binary("arith.addi", INT64_MAX, 1, "tensor<i64>"), INT64_MIN);
  EXPECT_EQ(binary("arith.addi", 1, 1, "tensor<i1>"), 0);
  EXPECT_EQ(binary("arith.subi", 3, 5), -2);
  EXPECT_EQ(binary("arith.muli", 1 << 20, 1 << 20), 0);
  EXPECT_EQ(binary("arith.divsi", -7, 2), -3);
  EXPECT_EQ(binary("arith.divsi", INT64_MIN, -1, "tensor<i64>"), INT64_MIN);
  EXPECT_EQ(binary("arith.remsi", -7, 2), -1);
  EXPECT_EQ(binary("arith.remsi", INT64_MIN, -1, "tensor<i64>"), 0);
  EXPECT_EQ(binary("arith.divui", -1, 2), INT32_MAX);
  EXPECT_EQ(binary("arith.remui", -1, 10), 5);
  // By zero, and where the quotient has no place.
  EXPECT_EQ(binary("arith.divsi", 7, 0), -1);
  EXPECT_EQ(binary("arith.divsi", -7, 0), -1);
  EXPECT_EQ(binary("arith.divui", 7, 0), -1);
  EXPECT_EQ(binary("arith.remsi", -7, 0), -7);
  EXPECT_EQ(binary("arith.remui", -7, 0), -7);
  EXPECT_EQ(binary("arith.divsi", INT32_MIN, -1), INT32_MIN);
  EXPECT_EQ(binary("arith.remsi", INT32_MIN, -1), 0);
  EXPECT_EQ(binary("arith.andi", 6, 3), 2);
  EXPECT_EQ(binary("arith.ori", 1, 0, "tensor<i1>"), 1);
  EXPECT_EQ(binary("arith.xori", 1, 1, "tensor<i1>"), 0);
  EXPECT_EQ(binary("arith.maxsi", -1, 1), 1);
  EXPECT_EQ(binary("arith.minsi", -1, 1), -1);
}

TEST(Elementwise, ComparisonsAndChoice) {
  Tensor x = Tensor::of({4}, Floats{1, 2, 3, NAN}), y = Tensor::of({4}, Floats{2, 2, 2, 2});
  auto compare = [&](std::string predicate) {
    return integersOf({{"tensor<4xf32>", "tensor<4xf32>"},
                       "%y = arith.cmpf " + predicate + ", %x0, %x1 : tensor<4xf32>",
                       "tensor<4xi1>"},
                      {x, y});
  };
  EXPECT_EQ(compare("olt"), (Integers{1, 0, 0, 0}));
  EXPECT_EQ(compare("oge"), (Integers{0, 1, 1, 0}));
  EXPECT_EQ(compare("une"), (Integers{1, 0, 1, 1}));
  auto compareIntegers = [&](std::string predicate) {
    return integersOf({{"tensor<2xi32>", "tensor<2xi32>"},
                       "%y = arith.cmpi " + predicate + ", %x0, %x1 : tensor<2xi32>",
                       "tensor<2xi1>"},
                      {Tensor::of({2}, Integers{-1, 4}), Tensor::of({2}, Integers{1, 4})});
  };
  EXPECT_EQ(compareIntegers("eq"), (Integers{0, 1}));
  EXPECT_EQ(compareIntegers("slt"), (Integers{1, 0}));
  EXPECT_EQ(compareIntegers("ult"), (Integers{0, 0}));
  Expression select{{"tensor<2xi1>", "tensor<2xf32>", "tensor<2xf32>"},
                    "%y = arith.select %x0, %x1, %x2 : tensor<2xi1>, tensor<2xf32>",
                    "tensor<2xf32>"};
  EXPECT_EQ(floatsOf(select, {Tensor::of({2}, Integers{1, 0}), Tensor::of({2}, Floats{1, 2}),
                              Tensor::of({2}, Floats{3, 4})}),
            (Floats{1, 4}));
}

TEST(Elementwise, Conversions) {
  auto toFloat = [](std::string op, std::string from, int64_t x) {
    return floatsOf({{from}, "%y = " + op + " %x0 : " + from + " to tensor<f32>", "tensor<f32>"},
                    {Tensor::scalar(x)})[0];
  };
  EXPECT_EQ(toFloat("arith.sitofp", "tensor<i32>", -3), -3);
  EXPECT_EQ(toFloat("arith.uitofp", "tensor<i8>", -1), 255);
  EXPECT_EQ(toFloat("arith.sitofp", "tensor<i1>", 1), -1);
  EXPECT_EQ(toFloat("arith.uitofp", "tensor<i1>", 1), 1);
  auto resize = [](std::string op, std::string from, std::string to, int64_t x) {
    return integersOf({{from}, "%y = " + op + " %x0 : " + from + " to " + to, to},
                      {Tensor::scalar(x)})[0];
  };
  EXPECT_EQ(resize("arith.extsi", "tensor<i8>", "tensor<i32>", -1), -1);
  EXPECT_EQ(resize("arith.extui", "tensor<i8>", "tensor<i32>", -1), 255);
  EXPECT_EQ(resize("arith.trunci", "tensor<i64>", "tensor<i32>", (int64_t(1) << 32) + 5), 5);
  // No float is rounded to its type.
  Expression narrow{{"tensor<f32>"},
                    "%a = arith.truncf %x0 : tensor<f32> to tensor<bf16>\n%y = arith.extf %a : "
                    "tensor<bf16> to tensor<f32>",
                    "tensor<f32>"};
  EXPECT_EQ(floatsOf(narrow, {Tensor::of({}, Floats{0.1})}), Floats{0.1});
}

TEST(Fused, RunsItsRegion) {
  Expression fused{{"tensor<2x3xf32>"},
                   R"(
    %y = stc.fused space [2, 3] (%a = %x0 : tensor<2x3xf32>) -> (tensor<2xf32>) {
      %square = arith.mulf %a, %a : tensor<2x3xf32>
      %sum = stc.reduce sum %square dims [1] : tensor<2x3xf32> to tensor<2xf32>
      stc.yield %sum : tensor<2xf32>
    })",
                   "tensor<2xf32>"};
  EXPECT_EQ(floatsOf(fused, {twoByThree}), (Floats{14, 77}));
}

TEST(Fused, ProductsAreTheirRegions) {
  Expression fused{{"tensor<2x3xf32>", "tensor<1x3xf32>"},
                   R"(
    %y = stc.fused_product (%a = %x0 : tensor<2x3xf32>, %b = %x1 : tensor<1x3xf32>) -> (tensor<2x1xbf16>) {
      %lhs = stc.fused space [2, 3] (%c = %a : tensor<2x3xf32>) -> (tensor<2x3xbf16>) {
        %square = arith.mulf %c, %c : tensor<2x3xf32>
        %narrow = arith.truncf %square : tensor<2x3xf32> to tensor<2x3xbf16>
        stc.yield %narrow : tensor<2x3xbf16>
      }
      %rhs = arith.truncf %b : tensor<1x3xf32> to tensor<1x3xbf16>
      %product = stc.matmul %lhs, %rhs transpose_rhs : tensor<2x3xbf16>, tensor<1x3xbf16> -> tensor<2x1xbf16>
      %result = stc.fused space [2, 1] (%c = %product : tensor<2x1xbf16>) -> (tensor<2x1xbf16>) {
        %negative = arith.negf %c : tensor<2x1xbf16>
        stc.yield %negative : tensor<2x1xbf16>
      }
      stc.yield %result : tensor<2x1xbf16>
    })",
                   "tensor<2x1xbf16>"};
  Tensor weights = Tensor::of({1, 3}, Floats{1, 0, 2});
  EXPECT_EQ(floatsOf(fused, {twoByThree, weights}), (Floats{-19, -88}));
}
