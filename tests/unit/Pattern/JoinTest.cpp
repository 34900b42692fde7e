//===- JoinTest.cpp - expressions that differ in constants, as one --------===//

#include "compiler/Pattern/Join.h"

#include <gtest/gtest.h>

#include <array>

using namespace stc::pattern;

namespace {

const Expr r = Expr::variable(0), x = Expr::variable(1);
const std::array<int64_t, 3> residues = {2, 0, 1};
const std::array<std::string, 2> names = {"r", "x"};

std::string textOf(const std::array<Expr, 3> &of) {
  auto one = joined(of, /*variable=*/0, residues);
  return one ? one->str(names) : "none";
}

Expr number(int64_t value) { return Expr::constant(value); }

TEST(Join, EqualExpressionsStayAsTheyAre) {
  const Expr form = Expr::min(x * 3, number(7)).mod(5);
  EXPECT_EQ(joined(std::array{form, form, form}, 0, residues), form);
}

TEST(Join, ConstantsAreLinearWhereThatFits) {
  EXPECT_EQ(textOf({x + number(74), x + number(10), x + number(42)}), "x + 32*r + 10");
  // A sum leaves out 0.
  EXPECT_EQ(textOf({x + number(8), x, x + number(4)}), "x + 4*r");
  EXPECT_EQ(textOf({number(8), number(0), number(4)}), "4*r");
  EXPECT_EQ(textOf({(x + number(3)).floorDiv(8), (x + number(1)).floorDiv(8),
                    (x + number(2)).floorDiv(8)}),
            "floor((x + r + 1)/8)");
  EXPECT_EQ(textOf({(x - number(3)).nonNegative() && (x - number(9)).isZero(),
                    (x - number(3)).nonNegative() && (x - number(7)).isZero(),
                    (x - number(3)).nonNegative() && (x - number(8)).isZero()}),
            "x >= 3 and x - r = 7");
}

TEST(Join, OtherConstantsAreInATable) {
  const std::array<Expr, 3> of = {x + number(40), x + number(8), x + number(16)};
  EXPECT_EQ(textOf(of), "x + table[r]");
  auto one = joined(of, 0, residues);
  ASSERT_TRUE(one.has_value());
  for (size_t k = 0; k < of.size(); ++k)
    EXPECT_EQ(one->evaluate(std::array<int64_t, 2>{residues[k], 5}),
              of[k].evaluate(std::array<int64_t, 2>{0, 5}));
}

TEST(Join, RefusesWhatDiffersInMore) {
  EXPECT_EQ(textOf({x, x, x * 2}), "none");
  EXPECT_EQ(textOf({x.floorDiv(2), x.floorDiv(2), x.floorDiv(3)}), "none");
  EXPECT_EQ(textOf({Expr::min(x, number(3)), Expr::max(x, number(3)), Expr::min(x, number(3))}),
            "none");
  EXPECT_EQ(textOf({x + number(1), x + number(2), x + number(int64_t(1) << 40)}), "none");
}

} // namespace
