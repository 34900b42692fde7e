//===- RowsTest.cpp - everything but attention against the reference ------===//
//
// Random graphs of elementwise work, reductions, broadcasts, products, tables and parts of tensors,
// over shapes that no vector divides, forward and gradient. STC_NUMERICS_GRAPHS sets how many (24
// where it is not set), STC_NUMERICS_SEED their seed.
//
//===----------------------------------------------------------------------===//

#include "tests/numerics/Compiled.h"

#include <gtest/gtest.h>

#include <random>

using namespace stc;
using namespace stc::test;

namespace {
using Shape = std::vector<int64_t>;

std::string typeOf(const Shape &shape, const char *element = "f32") {
  std::string text = "tensor<";
  for (int64_t size : shape)
    text += std::to_string(size) + "x";
  return text + element + ">";
}

/// Writes a function of random ops. Values stay near 1 in size, so that errors do too.
class GraphWriter {
public:
  explicit GraphWriter(uint64_t seed) : random(seed) {}

  std::string function(const std::string &name, int ops) {
    int64_t sizes[] = {1, 2, 3, 5, 16, 17, 31, 33, 64, 70, 129};
    for (int64_t k = number(1, 3); k > 0; --k)
      space.push_back(sizes[number(0, std::size(sizes) - 1)]);
    std::string arguments;
    for (int k = 0; k < 3; ++k) {
      // Whole, a column vector for each row, a row vector, or a scalar.
      Shape shape = k == 0 ? space : part();
      std::string argument = "%x" + std::to_string(k);
      arguments += (k ? ", " : "") + argument + ": " + typeOf(shape);
      values.push_back(spread(argument, shape));
    }
    for (int k = 0; k < ops; ++k)
      values.push_back(op());
    std::string results[] = {values.back(), reduced("sum", values[values.size() - 2]),
                             total(pick())};
    std::string types = typeOf(space) + ", " + typeOf(reducedShape) + ", " + typeOf({});
    return "func.func @" + name + "(" + arguments + ") -> (" + types + ") {\n" + body +
           "  return " + results[0] + ", " + results[1] + ", " + results[2] + " : " + types +
           "\n}\n";
  }

private:
  int64_t number(int64_t least, int64_t most) {
    return std::uniform_int_distribution<int64_t>(least, most)(random);
  }
  const std::string &pick() { return values[number(0, values.size() - 1)]; }

  std::string line(const std::string &text) {
    std::string name = "%v" + std::to_string(counter++);
    body += "  " + name + " = " + text + "\n";
    return name;
  }
  std::string constant(double value) {
    return line("arith.constant dense<" + std::to_string(value) + "> : " + typeOf(space));
  }
  std::string unary(const std::string &op, const std::string &x) {
    return line(op + " " + x + " : " + typeOf(space));
  }
  std::string binary(const std::string &op, const std::string &x, const std::string &y) {
    return line(op + " " + x + ", " + y + " : " + typeOf(space));
  }

  /// A shape of some of the space's dimensions.
  Shape part() {
    kept.clear();
    Shape shape;
    for (size_t dim = 0; dim < space.size(); ++dim)
      if (number(0, 1)) {
        kept.push_back(dim);
        shape.push_back(space[dim]);
      }
    return shape;
  }
  std::string keptText() {
    std::string text = "[";
    for (size_t k = 0; k < kept.size(); ++k)
      text += (k ? ", " : "") + std::to_string(kept[k]);
    return text + "]";
  }
  std::string spread(const std::string &x, const Shape &shape) {
    if (shape == space)
      return x;
    return line("stc.broadcast " + x + " dims " + keptText() + " : " + typeOf(shape) + " to " +
                typeOf(space));
  }

  /// Over dimensions that are chosen at random, at least one; `kept` are the others.
  std::string reduced(const std::string &kind, const std::string &x) {
    kept.clear();
    reducedShape.clear();
    std::string dims;
    size_t always = number(0, space.size() - 1);
    for (size_t dim = 0; dim < space.size(); ++dim)
      if (dim == always || number(0, 1)) {
        dims += (dims.empty() ? "" : ", ") + std::to_string(dim);
      } else {
        kept.push_back(dim);
        reducedShape.push_back(space[dim]);
      }
    return line("stc.reduce " + kind + " " + x + " dims [" + dims + "] : " + typeOf(space) +
                " to " + typeOf(reducedShape));
  }
  std::string total(const std::string &x) {
    std::string dims;
    for (size_t dim = 0; dim < space.size(); ++dim)
      dims += (dim ? ", " : "") + std::to_string(dim);
    return line("stc.reduce sum " + x + " dims [" + dims + "] : " + typeOf(space) +
                " to tensor<f32>");
  }
  /// A reduction, tamed and spread over the space again.
  std::string reduction() {
    bool largest = number(0, 3) == 0;
    std::string x = pick();
    if (largest)
      x = line("stc.stop_gradient " + x + " : " + typeOf(space));
    std::string sum = reduced(largest ? "max" : "sum", x);
    double count = 1;
    for (int64_t size : space)
      count *= size;
    for (int64_t size : reducedShape)
      count /= size;
    std::string wide = spread(sum, reducedShape);
    return binary("arith.mulf", wide, constant(largest ? 0.5 : 1 / count));
  }

  std::string op() {
    std::string x = pick(), y = pick();
    switch (number(0, 13)) {
    case 0:
      return binary("arith.addf", x, unary("arith.negf", y));
    case 1:
      return binary("arith.mulf", x, unary("math.tanh", y));
    case 2:
      return unary("math.tanh", x);
    case 3:
      return unary("math.exp", unary("math.sin", x));
    case 4: // away from 1, near which a logarithm is small by cancellation
      return unary("math.log", binary("arith.addf", binary("arith.mulf", x, x), constant(2)));
    case 5:
      return unary("math.rsqrt", binary("arith.addf", binary("arith.mulf", x, x), constant(0.5)));
    case 6:
      return binary("arith.divf", x, binary("arith.addf", constant(2), unary("math.cos", y)));
    case 7: {
      std::string condition = line("arith.cmpf olt, " + x + ", " + y + " : " + typeOf(space));
      return line("arith.select " + condition + ", " + x + ", " + y + " : " + typeOf(space, "i1") +
                  ", " + typeOf(space));
    }
    case 8: { // every other index of a dimension
      std::string index = line("stc.iota " + std::to_string(number(0, space.size() - 1)) + " : " +
                               typeOf(space, "i32"));
      std::string two = line("arith.constant dense<2> : " + typeOf(space, "i32"));
      std::string odd = line("arith.remsi " + index + ", " + two + " : " + typeOf(space, "i32"));
      std::string real =
          line("arith.sitofp " + odd + " : " + typeOf(space, "i32") + " to " + typeOf(space));
      return binary("arith.mulf", x, real);
    }
    case 9: { // uniform numbers, as dropout has them
      std::string seed =
          line("arith.constant dense<" + std::to_string(number(0, 1 << 20)) + "> : tensor<i64>");
      std::string noise = line("stc.random uniform seed " + seed + " step " + seed + " stream " +
                               std::to_string(number(0, 9)) + " : " + typeOf(space));
      return binary("arith.mulf", x, noise);
    }
    case 10: { // a dense product with itself: x * (x^T x), or with a scalar space something simpler
      if (space.size() != 2)
        return unary("math.sqrt", binary("arith.addf", binary("arith.mulf", x, x), constant(0.1)));
      Shape square = {space[1], space[1]};
      std::string gram = line("stc.matmul " + x + ", " + x + " transpose_lhs : " + typeOf(space) +
                              ", " + typeOf(space) + " -> " + typeOf(square));
      std::string wide = line("stc.matmul " + y + ", " + gram + " : " + typeOf(space) + ", " +
                              typeOf(square) + " -> " + typeOf(space));
      return unary("math.tanh",
                   binary("arith.mulf", wide, constant(0.1 / double(space[0] * space[1]))));
    }
    case 11: { // halves change places
      int64_t left = space.back() / 2, right = space.back() - left;
      if (left == 0)
        return reduction();
      Shape a = space, b = space;
      a.back() = left, b.back() = right;
      std::string name = "%v" + std::to_string(counter++);
      body += "  " + name + ":2 = stc.split " + x + " : " + typeOf(space) + " to " + typeOf(a) +
              ", " + typeOf(b) + "\n";
      return line("stc.concat " + name + "#1, " + name + "#0 : " + typeOf(b) + ", " + typeOf(a) +
                  " to " + typeOf(space));
    }
    default:
      return reduction();
    }
  }

  std::mt19937_64 random;
  Shape space, reducedShape;
  std::vector<size_t> kept;
  std::vector<std::string> values;
  std::string body;
  int counter = 0;
};

TEST(Rows, RandomGraphs) {
  const char *count = std::getenv("STC_NUMERICS_GRAPHS"), *start = std::getenv("STC_NUMERICS_SEED");
  int64_t graphs = count ? std::atoll(count) : 24, seed = start ? std::atoll(start) : 20190423;
  double worst = 0;
  int64_t cancelled = 0; // whose definition, too, loses as many digits in float32
  constexpr int64_t together = 4;
  for (int64_t first = 0; first < graphs; first += together) {
    std::string text;
    for (int64_t k = first; k < std::min(graphs, first + together); ++k)
      text += GraphWriter(seed + k).function("graph" + std::to_string(k), 12);
    SCOPED_TRACE("seed " + std::to_string(seed) + "\n" + text);
    CompileOptions options = optionsForHost();
    options.gradients = true;
    auto compiled = Compiled::parse(text, options);
    ASSERT_TRUE(compiled);
    for (int64_t k = first; k < std::min(graphs, first + together); ++k)
      for (const char *suffix : {"", ".grad"}) {
        std::string name = "graph" + std::to_string(k) + suffix;
        double error = compiled->callAtRandom(name, seed + k).jointError();
        worst = std::max(worst, error);
        if (error < 1e-5)
          continue;
        EXPECT_LT(error, 2 * compiled->roundedAtRandom(name, seed + k).jointError()) << name;
        ++cancelled;
      }
  }
  std::printf("%lld graphs, forward and gradient: largest relative error %.2g; %lld with 1e-5 or "
              "more, by cancellation\n",
              static_cast<long long>(graphs), worst, static_cast<long long>(cancelled));
}
} // namespace
