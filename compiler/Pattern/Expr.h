//===- Expr.h - quasi-affine expressions over a few integers --------------===//
//
// The closed forms that the pattern library hands to the compiler: tile bounds and element
// predicates as expressions over numbered variables, with no IR and no isl in them.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace stc::pattern {

/// The values that an expression can take: lo <= value <= hi.
struct Interval {
  int64_t lo = 0, hi = 0;
};

/// Numbers that have no closed form.
using Table = std::shared_ptr<const std::vector<int32_t>>;

/// An integer-valued expression: constants, variables, sums, products with a constant, floor
/// division by a positive constant, minimum, maximum, a choice between two expressions, and the
/// elements of a table.
/// A condition is an expression too: it holds where its value is not 0; every condition built
/// here has the value 0 or 1.
/// Immutable; copying shares the nodes. The functions simplify as they build, so that a sum has
/// each term once and a condition that is known is a constant; they never change a value.
class Expr {
public:
  /// Add, Min, Max, And and Or have two operands, Select three (condition, then, else), Multiply,
  /// FloorDiv, GreaterEqual0, Equal0 and Lookup one.
  enum class Kind {
    Constant,
    Variable,
    Add,
    Multiply,
    FloorDiv,
    Min,
    Max,
    Select,
    GreaterEqual0,
    Equal0,
    And,
    Or,
    Lookup
  };

  /// The constant 0.
  Expr();
  static Expr constant(int64_t value);
  static Expr variable(unsigned index);
  static Expr min(Expr a, Expr b);
  static Expr max(Expr a, Expr b);
  /// `condition ? a : b`.
  static Expr select(Expr condition, Expr a, Expr b);
  /// The element of that index; of an index outside the table, which has elements, the first or the
  /// last.
  static Expr lookup(Table table, Expr index);
  /// The condition `*this >= 0`, and `*this == 0` (which negates a condition).
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
  /// A Lookup's.
  const Table &table() const;

  bool isConstant() const { return kind() == Kind::Constant; }
  bool isConstant(int64_t number) const { return isConstant() && value() == number; }
  /// The same expression, node for node.
  bool operator==(const Expr &other) const;

  /// How many nodes the expression has when written out as a tree (shared nodes count each time).
  size_t size() const;

  int64_t evaluate(std::span<const int64_t> variables) const;
  /// The values for count points at once: the k-th value of variable v is columns[v][k].
  std::vector<int64_t> evaluateMany(std::span<const std::vector<int64_t>> columns,
                                    size_t count) const;
  /// The expression with variable v replaced by values[v].
  Expr substitute(std::span<const Expr> values) const;
  /// Bounds of the value when variable v lies in ranges[v]. No value if a step on the way there
  /// could leave 64 bits. With these a user chooses between 32-bit and 64-bit arithmetic.
  std::optional<Interval> bounds(std::span<const Interval> ranges) const;
  /// As a person writes it, with the given variable names: `min(r + 3, 4*floor(t/2))`.
  /// Without Select and Lookup it is also what isl reads.
  std::string str(std::span<const std::string> names) const;
  /// As Python has it for numbers and for arrays of them, where the functions `minimum`, `maximum`
  /// and `where` are defined. Without Lookup.
  std::string python(std::span<const std::string> names) const;

private:
  struct Node;
  friend struct ExprBuilder;
  explicit Expr(std::shared_ptr<const Node> node) : node(std::move(node)) {}
  std::shared_ptr<const Node> node;
};

} // namespace stc::pattern
