//===- RandomGraph.cpp - functions of random ops ----------------===//

#include "tests/cases/RowCases.h"
#include "tests/cases/RowWriter.h"

#include <numeric>
#include <random>

namespace stc::cases {

namespace {
/// Writes a function of random ops. Values stay near 1 in size, so that errors do too.
class GraphWriter : RowWriter {
public:
  GraphWriter(uint64_t seed, bool products) : random(seed), products(products) {}

  std::string function(const std::string &name, int ops) {
    int64_t sizes[] = {1, 2, 3, 5, 16, 17, 31, 33, 64, 70, 129};
    for (int64_t k = number(1, 3); k > 0; --k)
      space.push_back(sizes[number(0, std::size(sizes) - 1)]);
    std::string arguments;
    for (int k = 0; k < 3; ++k) {
      // Whole, a column vector for each row, a row vector, or a scalar.
      Shape shape = k == 0 ? whole() : part();
      std::string argument = "%x" + std::to_string(k);
      arguments += (k ? ", " : "") + argument + ": " + typeOf(shape);
      values.push_back(spread(argument, kept));
    }
    for (int k = 0; k < ops; ++k)
      values.push_back(op());
    std::string results[] = {values.back(), reduced("sum", values[values.size() - 2]),
                             reduce("sum", pick(), {})};
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

  Shape whole() {
    kept.resize(space.size());
    std::iota(kept.begin(), kept.end(), 0);
    return space;
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
  /// Over dimensions that are chosen at random, at least one; `kept` are the others.
  std::string reduced(const std::string &kind, const std::string &x) {
    kept.clear();
    reducedShape.clear();
    size_t always = number(0, space.size() - 1);
    for (size_t dim = 0; dim < space.size(); ++dim)
      if (dim != always && !number(0, 1)) {
        kept.push_back(dim);
        reducedShape.push_back(space[dim]);
      }
    return reduce(kind, x, kept);
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
    std::string wide = spread(sum, kept);
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
      return select(condition, x, y);
    }
    case 8: { // every other index of a dimension
      std::string index = iota(number(0, space.size() - 1));
      std::string odd = binary("arith.remsi", index, integer(2), "i32");
      std::string real = convert("arith.sitofp", odd, "i32", "f32");
      return binary("arith.mulf", x, real);
    }
    case 9: { // uniform numbers, as dropout has them
      std::string seed =
          line("arith.constant dense<" + std::to_string(number(0, 1 << 20)) + "> : tensor<i64>");
      std::string noise = RowWriter::random("uniform", seed, number(0, 9));
      return binary("arith.mulf", x, noise);
    }
    case 10: { // a dense product with itself: x * (x^T x), or with a scalar space something simpler
      if (space.size() != 2 || !products)
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
  bool products;
  Shape reducedShape;
  std::vector<size_t> kept;
  std::vector<std::string> values;
};
} // namespace

std::string randomGraph(const std::string &name, uint64_t seed, int ops, bool products) {
  return GraphWriter(seed, products).function(name, ops);
}

} // namespace stc::cases
