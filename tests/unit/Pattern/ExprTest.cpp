//===- ExprTest.cpp - expressions against direct evaluation ---------------===//

#include "Cases.h"

#include "compiler/Pattern/Pattern.h"

#include <array>

using namespace stc::pattern;
using namespace stc::pattern::test;

namespace {

using Point = std::array<int64_t, 2>;

/// An expression and what it should be.
struct Known {
  Expr expr;
  std::function<int64_t(Point)> value;
  bool hasSelect = false;
};

int64_t floorDivided(int64_t a, int64_t b) { return (a - ((a % b) + b) % b) / b; }

class ExprGenerator {
public:
  explicit ExprGenerator(Generator &generator) : generator(generator) {}

  Known number(int depth) {
    if (depth == 0 || generator.number(0, 4) == 0) {
      if (unsigned variable = generator.number(0, 2); variable < 2)
        return {Expr::variable(variable), [=](Point p) { return p[variable]; }};
      int64_t c = generator.number(-20, 20);
      return {Expr::constant(c), [=](Point) { return c; }};
    }
    Known x = number(depth - 1), y = number(depth - 1);
    auto f = x.value, g = y.value;
    bool hasSelect = x.hasSelect || y.hasSelect;
    int64_t d = generator.number(1, 9), factor = generator.number(-6, 6);
    int64_t outer = generator.number(-6, 6);
    switch (generator.number(0, 8)) {
    case 0:
      return {x.expr + y.expr, [=](Point p) { return f(p) + g(p); }, hasSelect};
    case 1:
      return {x.expr - y.expr, [=](Point p) { return f(p) - g(p); }, hasSelect};
    case 2:
      return {x.expr * factor, [=](Point p) { return f(p) * factor; }, x.hasSelect};
    case 3:
      return {x.expr.floorDiv(d), [=](Point p) { return floorDivided(f(p), d); }, x.hasSelect};
    case 4:
      return {x.expr.mod(d), [=](Point p) { return f(p) - d * floorDivided(f(p), d); },
              x.hasSelect};
    case 5:
      return {Expr::min(x.expr, y.expr), [=](Point p) { return std::min(f(p), g(p)); }, hasSelect};
    case 6:
      return {Expr::max(x.expr, y.expr), [=](Point p) { return std::max(f(p), g(p)); }, hasSelect};
    case 7: {
      Known c = condition(depth - 1);
      auto h = c.value;
      return {Expr::select(c.expr, x.expr, y.expr), [=](Point p) { return h(p) ? f(p) : g(p); },
              true};
    }
    default:
      // Multiples of x and of floor(x / d) in one division, which is simplified.
      return {
          (x.expr * factor + x.expr.floorDiv(d) * outer).floorDiv(d),
          [=](Point p) { return floorDivided(f(p) * factor + floorDivided(f(p), d) * outer, d); },
          x.hasSelect};
    }
  }

  Known condition(int depth) {
    Known x = number(std::max(depth, 1));
    auto f = x.value;
    if (depth == 0 || generator.number(0, 2) == 0) {
      if (generator.number(0, 1))
        return {x.expr.nonNegative(), [=](Point p) { return f(p) >= 0; }, x.hasSelect};
      return {x.expr.isZero(), [=](Point p) { return f(p) == 0; }, x.hasSelect};
    }
    Known a = condition(depth - 1), b = condition(depth - 1);
    auto g = a.value, h = b.value;
    bool hasSelect = a.hasSelect || b.hasSelect;
    switch (generator.number(0, 2)) {
    case 0:
      return {a.expr && b.expr, [=](Point p) { return g(p) && h(p); }, hasSelect};
    case 1:
      return {a.expr || b.expr, [=](Point p) { return g(p) || h(p); }, hasSelect};
    default:
      return {a.expr.isZero(), [=](Point p) { return !g(p); }, a.hasSelect};
    }
  }

private:
  Generator &generator;
};

class Exprs : public testing::TestWithParam<int> {};

constexpr int64_t low = -7, high = 23;

std::vector<Point> somePoints() {
  std::vector<Point> points;
  for (int64_t x = low; x <= high; ++x)
    for (int64_t y = low; y <= high; y += 3)
      points.push_back({x, y});
  return points;
}

TEST_P(Exprs, Random) {
  const std::vector<Point> points = somePoints();
  std::array<std::vector<int64_t>, 2> columns;
  for (const Point &point : points)
    for (int axis : {0, 1})
      columns[axis].push_back(point[axis]);
  forCases(GetParam(), 4000, [&](Generator &generator, int64_t k) {
    ExprGenerator expressions(generator);
    bool isCondition = k / groups % 2;
    Known known = isCondition ? expressions.condition(3) : expressions.number(4);
    std::array<std::string, 2> names = {"i", "j"};
    SCOPED_TRACE(known.expr.str(names));

    std::vector<int64_t> many = known.expr.evaluateMany(columns, points.size());
    std::array<Interval, 2> ranges = {Interval{low, high}, Interval{low, high}};
    std::optional<Interval> bounds = known.expr.bounds(ranges);
    ASSERT_TRUE(bounds.has_value());
    for (size_t at = 0; at < points.size(); ++at) {
      SCOPED_TRACE(std::to_string(points[at][0]) + ", " + std::to_string(points[at][1]));
      int64_t wanted = known.value(points[at]);
      ASSERT_EQ(known.expr.evaluate(points[at]), wanted);
      ASSERT_EQ(many[at], wanted);
      ASSERT_TRUE(bounds->lo <= wanted && wanted <= bounds->hi) << bounds->lo << " " << bounds->hi;
    }

    Known x = expressions.number(2), y = expressions.number(2);
    Expr replaced = known.expr.substitute(std::array{x.expr, y.expr});
    for (const Point &point : points)
      ASSERT_EQ(replaced.evaluate(point), known.value({x.value(point), y.value(point)}))
          << x.expr.str(names) << " and " << y.expr.str(names);
  });
}

/// Texts without a choice are set notation, which means the same when it is read.
TEST_P(Exprs, TextsAreSetNotation) {
  constexpr int64_t n = 20;
  forCases(GetParam(), 2000, [](Generator &generator, int64_t) {
    Known known = ExprGenerator(generator).condition(2);
    constexpr size_t longest = 4000;
    std::array<std::string, 2> names = {"i", "j"};
    std::string text = "{ [i] -> [j] : " + known.expr.str(names) + " }";
    if (known.hasSelect || text.size() > longest || known.expr.isConstant())
      return;
    SCOPED_TRACE(text);
    ASSERT_EQ(Pattern::check(text).has_value(), false) << Pattern::check(text)->message;
    auto pattern = Pattern::parse(text, n);
    ASSERT_TRUE(pattern.has_value()) << pattern.error().message;
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; ++j)
        ASSERT_EQ(pattern->contains(i, j), known.value({i, j}) != 0) << i << ", " << j;
  });
}

INSTANTIATE_TEST_SUITE_P(Groups, Exprs, testing::Range(0, groups));

//===----------------------------------------------------------------------===//
// Known answers
//===----------------------------------------------------------------------===//

const Expr x = Expr::variable(0), y = Expr::variable(1);

std::string text(const Expr &expr) { return expr.str(std::array<std::string, 2>{"x", "y"}); }

TEST(Expr, SimplifiesAsItBuilds) {
  EXPECT_EQ(text(x + y - x), "y");
  EXPECT_EQ(text((x * 4 + Expr::constant(3)).floorDiv(4)), "x");
  EXPECT_EQ(text((x * 4 + y).floorDiv(4)), "x + floor(y/4)");
  EXPECT_EQ(text(x.floorDiv(4).floorDiv(8)), "floor(x/32)");
  EXPECT_EQ(text((x * 6 + Expr::constant(4)).nonNegative()), "x >= 0");
  EXPECT_TRUE((x * 6 + Expr::constant(4)).isZero().isConstant(0));
  EXPECT_EQ(text(Expr::min(x, x + Expr::constant(1))), "x");
  EXPECT_EQ(text(x.mod(8)), "x mod 8");
  EXPECT_TRUE((x - x).isConstant(0));
  EXPECT_TRUE(Expr::select((x - x).isZero(), x, y) == x);
}

TEST(Expr, TextsOfConditions) {
  EXPECT_EQ(text((x - y).nonNegative() && (Expr::constant(4) - x).nonNegative()),
            "y <= x and x <= 4");
  EXPECT_EQ(text((x - y).isZero() || x.isZero().isZero()), "y = x or x != 0");
  EXPECT_EQ(text(Expr::select(x.nonNegative(), x, y * -1)), "(x >= 0 ? x : -y)");
}

TEST(Expr, BoundsSayWhenNumbersGetTooLarge) {
  std::array<Interval, 2> ranges = {Interval{0, INT64_MAX}, Interval{0, 1}};
  EXPECT_FALSE((x + Expr::constant(1)).bounds(ranges).has_value());
  EXPECT_FALSE((x * -2).bounds(ranges).has_value());
  std::optional<Interval> half = x.floorDiv(2).bounds(ranges);
  ASSERT_TRUE(half.has_value());
  EXPECT_EQ(half->hi, INT64_MAX / 2);
}

TEST(Expr, EvaluationWrapsAround) {
  Expr big = (x * INT64_MAX + x) * 2;
  EXPECT_EQ(big.evaluate(Point{3, 0}), 0);
  EXPECT_EQ(big.evaluateMany(std::array{std::vector<int64_t>{3}, std::vector<int64_t>{0}}, 1)[0],
            0);
}

TEST(Expr, Lookup) {
  const Expr x = Expr::variable(0);
  auto table = std::make_shared<const std::vector<int32_t>>(std::vector<int32_t>{5, -3, 8});
  const Expr element = Expr::lookup(table, x - Expr::constant(10));
  EXPECT_EQ(element.evaluate(std::array<int64_t, 1>{11}), -3);
  // Outside the table, its first or its last element.
  std::array<std::vector<int64_t>, 1> columns;
  columns[0] = {0, 10, 11, 12, 13, 1000};
  EXPECT_EQ(element.evaluateMany(columns, 6), (std::vector<int64_t>{5, 5, -3, 8, 8, 8}));
  const Expr at11 = element.substitute(std::array{Expr::constant(11)});
  EXPECT_EQ(at11.evaluate({}), -3);
  const std::array<Interval, 1> range = {Interval{0, 100}};
  EXPECT_EQ(element.bounds(range)->lo, -3);
  EXPECT_EQ(element.bounds(range)->hi, 8);
  const std::array<std::string, 1> names = {"x"};
  EXPECT_EQ((element * 2).str(names), "2*table[x - 10]");
  EXPECT_EQ(element, Expr::lookup(table, x - Expr::constant(10)));
  EXPECT_FALSE(element == Expr::lookup(table, x));
  EXPECT_FALSE(element == Expr::lookup(std::make_shared<std::vector<int32_t>>(1), x));
}

TEST(Expr, BoundsOfConditions) {
  const Expr x = Expr::variable(0);
  auto boundsOf = [](const Expr &condition, int64_t lo, int64_t hi) {
    const std::array<Interval, 1> range = {Interval{lo, hi}};
    const Interval bounds = condition.bounds(range).value();
    return std::pair(bounds.lo, bounds.hi);
  };
  const std::pair<int64_t, int64_t> no{0, 0}, yes{1, 1}, any{0, 1};
  const Expr positive = (x - Expr::constant(1)).nonNegative(), zero = x.isZero();
  EXPECT_EQ(boundsOf(positive, 1, 5), yes);
  EXPECT_EQ(boundsOf(positive, -5, 0), no);
  EXPECT_EQ(boundsOf(positive, 0, 1), any);
  EXPECT_EQ(boundsOf(zero, 0, 0), yes);
  EXPECT_EQ(boundsOf(zero, 3, 9), no);
  EXPECT_EQ(boundsOf(zero, -3, 9), any);
  EXPECT_EQ(boundsOf(positive || zero, 0, 0), yes);
  EXPECT_EQ(boundsOf(positive || zero, 0, 4), any);
  EXPECT_EQ(boundsOf(positive && zero, 1, 4), no);
  EXPECT_EQ(boundsOf(x.mod(128).isZero(), 129, 255), no);
}

} // namespace
