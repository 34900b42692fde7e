//===- RandomIntegers.h - integers of a random function ---------*- C++ -*-===//
//
// Indices, truth values and integer arithmetic. All of it is exact: no result may differ by a bit.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "tests/cases/RandomValues.h"

#include <cstdint>

namespace stc::cases {

class RandomIntegers : public RandomValues {
public:
  using RandomValues::RandomValues;

protected:
  /// Integers of a shape, some of them outside a table of `rows`.
  Value indices(const Shape &shape, int64_t rows) {
    if (arguments.size() < 6 && chance(40))
      return argument(shape, "i32");
    if (shape.empty())
      return integer(number(-1, rows), shape, "i32");
    Value index = iota(shape, "i32");
    Value by = integer(number(1, 5), shape, "i32");
    return binary("arith.muli", index, by, 200);
  }
  Value iota(const Shape &shape, const std::string &element) {
    return define("stc.iota " + std::to_string(number(0, shape.size() - 1)) + " : " +
                      typeOf(shape, element),
                  shape, element, 40, {});
  }
  /// A truth value for each element that no rounding changes.
  Value condition(const Shape &shape) {
    Value x = integers(shape), y = chance(50) ? like(x) : integer(number(-1, 9), shape, x.element);
    constexpr const char *predicates[] = {"eq", "ne", "slt", "sle", "sgt", "uge"};
    return define("arith.cmpi " + std::string(any(predicates)) + ", " + x.name + ", " + y.name +
                      " : " + x.type(),
                  shape, "i1", 1, {});
  }
  Value integers(const Shape &shape) { return integers(shape, chance(70) ? "i32" : "i64"); }
  Value integers(const Shape &shape, const std::string &element) {
    auto fits = [&](const Value &value) {
      return value.shape == shape && value.element == element;
    };
    if (chance(60) && std::any_of(values.begin(), values.end(), fits))
      return pick(fits);
    if (shape.empty() || chance(20))
      return integer(number(-9, 40), shape, element);
    return iota(shape, element);
  }
  Value integer(int64_t number, const Shape &shape, const std::string &element) {
    return define("arith.constant dense<" + std::to_string(number) +
                      "> : " + typeOf(shape, element),
                  shape, element, 40, {});
  }
  /// By zero, by -1 and by any other tensor, too; of the least number now and then.
  void division(Value x) {
    constexpr const char *ops[] = {"arith.divsi", "arith.remsi", "arith.divui", "arith.remui"};
    if (chance(25))
      x = integer(x.element == "i32" ? INT32_MIN : INT64_MIN, x.shape, x.element);
    Value by =
        chance(50) ? integer(number(-2, 9), x.shape, x.element) : integers(x.shape, x.element);
    binary(any(ops), x, by, 40);
  }
  void integerWork(Value x) {
    switch (number(0, 4)) {
    case 0: {
      constexpr const char *ops[] = {"arith.addi", "arith.subi", "arith.muli",  "arith.andi",
                                     "arith.ori",  "arith.xori", "arith.maxsi", "arith.minsi"};
      return void(binary(any(ops), x, like(x), 40));
    }
    case 1:
      return division(x);
    case 2: {
      bool widens = x.element == "i32";
      std::string to = widens ? "i64" : "i32";
      std::string op = !widens ? "arith.trunci" : chance(50) ? "arith.extsi" : "arith.extui";
      return void(define(op + " " + x.name + " : " + x.type() + " to " + typeOf(x.shape, to),
                         x.shape, to, 40, {}));
    }
    case 3: { // small ones, as floats
      Value small = binary("arith.remsi", x, integer(5, x.shape, x.element), 4);
      return void(
          define("arith.sitofp " + small.name + " : " + small.type() + " to " + typeOf(x.shape),
                 x.shape, "f32", 4, {}));
    }
    default:
      condition(x.shape);
    }
  }
};

} // namespace stc::cases
