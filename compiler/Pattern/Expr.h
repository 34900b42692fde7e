//===- Expr.h - quasi-affine expressions over a few integers --------------===//
//
// The closed forms that the pattern library hands to the compiler: tile bounds and element
// predicates as expressions over numbered variables, with no IR and no isl in them.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace stc::pattern {

/// An integer-valued expression: constants, variables, sums, products with a constant, floor
/// division by a positive constant, minimum, maximum and a choice between two expressions.
/// A condition is an expression too: it holds where its value is not 0.
/// Immutable; copying shares the nodes.
class Expr {
public:
  enum class Kind { Constant, Variable, Add, Multiply, FloorDiv, Min, Max, Select, GreaterEqual0, Equal0, And, Or };

  static Expr constant(int64_t value);
  static Expr variable(unsigned index);
  static Expr min(Expr a, Expr b);
  static Expr max(Expr a, Expr b);
  /// `condition ? a : b`.
  static Expr select(Expr condition, Expr a, Expr b);
  /// The condition `*this >= 0`, and `*this == 0`.
  Expr nonNegative() const;
  Expr isZero() const;
  friend Expr operator&&(Expr a, Expr b);
  friend Expr operator||(Expr a, Expr b);
  friend Expr operator+(Expr a, Expr b);
  friend Expr operator-(Expr a, Expr b);
  friend Expr operator*(Expr a, int64_t factor);
  /// floor(*this / divisor) and *this - divisor * floor(*this / divisor); divisor > 0.
  Expr floorDiv(int64_t divisor) const;
  Expr mod(int64_t divisor) const;

  Kind kind() const;
  /// The constant's value, the variable's index, the factor, or the divisor.
  int64_t value() const;
  std::span<const Expr> operands() const;

  int64_t evaluate(std::span<const int64_t> variables) const;
  /// As a person writes it, with the given variable names: `min(r + 3, 4 * floor(t / 2))`.
  std::string str(std::span<const std::string> names) const;

private:
  struct Node;
  explicit Expr(std::shared_ptr<const Node> node) : node(std::move(node)) {}
  std::shared_ptr<const Node> node;
};

} // namespace stc::pattern
