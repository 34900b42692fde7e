//===- RandomValues.h - values of a random function -------------*- C++ -*-===//
//
// The values that a function of the stc dialect has so far, as text, and the few ops that what is
// needed of others is made of.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "tests/cases/RowWriter.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <random>

namespace stc::cases {

struct Value {
  std::string name;
  Shape shape;
  std::string element = "f32";
  double bound = 2; ///< of its size, about
  /// Whether a gradient of it can be taken, and again one of that.
  bool hasGradient = true, hasSecond = true;
  /// Whether it is made for an op without a gradient, so that none is with respect to it.
  bool isStopped = false;

  std::string type() const { return typeOf(shape, element); }
  bool isFloat() const { return element[0] == 'f'; }
  int64_t count() const {
    return std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies<>());
  }
};
using Values = std::vector<Value>;

inline constexpr int64_t mostElements = 4096;

/// With all digits of a float.
inline std::string precise(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9e", number);
  return text;
}

class RandomValues {
public:
  explicit RandomValues(uint64_t seed) : random(seed) {}

protected:
  //===--- chance -----------------------------------------------------------===//

  int64_t number(int64_t least, int64_t most) {
    // Not a distribution of the library, whose numbers differ from one to the next.
    return least + static_cast<int64_t>(random() % static_cast<uint64_t>(most - least + 1));
  }
  bool chance(int64_t percent) { return number(1, 100) <= percent; }
  template <typename Range> auto &any(Range &&range) {
    return range[number(0, static_cast<int64_t>(std::size(range)) - 1)];
  }
  int64_t size() {
    constexpr int64_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 31, 33};
    return any(sizes);
  }
  Shape shape(size_t rank) {
    Shape shape;
    for (int64_t count = 1; shape.size() < rank; count *= shape.back()) {
      shape.push_back(size());
      if (count * shape.back() > mostElements)
        shape.back() = 1;
    }
    return shape;
  }

  //===--- values -----------------------------------------------------------===//

  /// One of those with a property, most often a late one; a new argument if there is none.
  template <typename Property> const Value &pick(Property property) {
    std::vector<size_t> those;
    for (size_t k = 0; k < values.size(); ++k)
      if (property(values[k]))
        those.push_back(k);
    if (those.empty())
      return argument(shape(number(0, 3)));
    size_t late = chance(60) && those.size() > 6 ? those.size() - 6 : 0;
    return values[those[number(late, those.size() - 1)]];
  }
  Value pickFloat() {
    return pick([](const Value &value) { return value.isFloat(); });
  }
  Value pickReal() {
    return pick([](const Value &value) { return value.element == "f32"; });
  }
  /// Of a rank from `least` to `most`, with elements left to grow.
  Value pickRank(size_t least, size_t most, int64_t elements = mostElements) {
    auto fits = [&](const Value &value) {
      return value.element == "f32" && value.shape.size() >= least && value.shape.size() <= most &&
             value.count() <= elements;
    };
    if (std::none_of(values.begin(), values.end(), fits))
      return argument(shape(number(least, most)));
    return pick(fits);
  }

  const Value &add(Value value) { return values.emplace_back(std::move(value)); }
  std::string newName() { return "%v" + std::to_string(counter++); }
  /// A value of `text`; it has the gradients that those it is made of have.
  Value define(const std::string &text, Shape shape, const std::string &element, double bound,
               std::initializer_list<const Value *> from) {
    Value value{newName(), std::move(shape), element, bound};
    for (const Value *operand : from) {
      value.hasGradient &= operand->hasGradient;
      value.hasSecond &= operand->hasSecond;
    }
    body += "  " + value.name + " = " + text + "\n";
    add(value);
    return value;
  }
  const Value &argument(Shape shape, const std::string &element = "f32") {
    Value value{"%x" + std::to_string(arguments.size()), std::move(shape), element};
    value.bound = value.isFloat() ? 2 : 40;
    arguments.push_back(value);
    return add(value);
  }
  Value constant(double number, const Shape &shape, const std::string &element) {
    std::string text =
        element[0] == 'f' ? precise(number) : std::to_string(static_cast<int64_t>(number));
    return define("arith.constant dense<" + text + "> : " + typeOf(shape, element), shape, element,
                  std::abs(number), {});
  }
  /// Another value of the same type.
  Value like(const Value &model) {
    Values those;
    std::copy_if(values.begin(), values.end(), std::back_inserter(those), [&](const Value &value) {
      return value.element == model.element && value.shape == model.shape;
    });
    if (!those.empty() && chance(75))
      return any(those);
    if (model.element == "f32" && arguments.size() < 6 && chance(50))
      return argument(model.shape);
    if (model.isFloat() && !model.shape.empty() && chance(40))
      return spread(model);
    return constant(number(1, 12) / 8.0, model.shape, model.element);
  }
  /// A value of fewer dimensions over the shape of another.
  Value spread(const Value &model) {
    Shape part;
    std::string dims;
    for (size_t dim = 0; dim < model.shape.size(); ++dim)
      if (chance(40)) {
        part.push_back(model.shape[dim]);
        dims += (dims.empty() ? "" : ", ") + std::to_string(dim);
      }
    auto fits = [&](const Value &value) {
      return value.shape == part && value.element == model.element;
    };
    Value from = std::any_of(values.begin(), values.end(), fits)
                     ? pick(fits)
                     : constant(number(-8, 8) / 4.0, part, model.element);
    return define("stc.broadcast " + from.name + " dims [" + dims + "] : " + from.type() + " to " +
                      model.type(),
                  model.shape, model.element, from.bound, {&from});
  }

  Value unary(const std::string &op, const Value &x, double bound) {
    return define(op + " " + x.name + " : " + x.type(), x.shape, x.element, bound, {&x});
  }
  Value binary(const std::string &op, const Value &x, const Value &y, double bound) {
    return define(op + " " + x.name + ", " + y.name + " : " + x.type(), x.shape, x.element, bound,
                  {&x, &y});
  }
  Value scaled(const Value &x, double factor) {
    Value by = constant(factor, x.shape, x.element);
    return binary("arith.mulf", x, by, x.bound * factor);
  }
  /// Near 1 again, where it may be large: scaled first, as the slope of a hyperbolic tangent that
  /// is almost 1 is lost by cancellation.
  void tame(Value x) {
    if (x.bound <= 4)
      return;
    x = scaled(x, std::exp2(-std::ceil(std::log2(x.bound))));
    if (x.element == "f32" && chance(50))
      unary("math.tanh", x, 1);
  }
  /// What follows has no gradient: either nobody takes one, or this is a constant for it.
  Value stopped(const Value &x) {
    if (chance(40))
      return x;
    define("stc.stop_gradient " + x.name + " : " + x.type(), x.shape, x.element, x.bound, {});
    values.back().isStopped = true;
    return values.back();
  }
  /// Of an op without a gradient, whose operand was stopped or not.
  void endGradient(bool isStopped) { values.back().hasGradient &= isStopped; }

  Values values, arguments; ///< of the function
  std::string body;

private:
  std::mt19937_64 random;
  int counter = 0;

protected:
  void clear() {
    values.clear();
    arguments.clear();
    body.clear();
    counter = 0;
  }
};

} // namespace stc::cases
