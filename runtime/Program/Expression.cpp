//===- Expression.cpp - numbers that sizes give -------------------------------------===//
#include "runtime/Program/Expression.h"

#include <array>
#include <fmt/format.h>
#include <optional>

namespace stc::runtime {

using program::Operation;

/// Of two numbers; nothing where 63 bits do not hold the result, or a divisor is less than 1.
static std::optional<int64_t> combine(Operation operation, int64_t left, int64_t right) {
  int64_t result;
  switch (operation) {
  case Operation::Add:
    return __builtin_add_overflow(left, right, &result) ? std::nullopt : std::optional(result);
  case Operation::Multiply:
    return __builtin_mul_overflow(left, right, &result) ? std::nullopt : std::optional(result);
  default:
    break;
  }
  if (right < 1)
    return std::nullopt;
  const int64_t quotient = left / right, remainder = left % right;
  switch (operation) {
  case Operation::FloorDivide:
    return quotient - (remainder < 0);
  case Operation::CeilDivide:
    return quotient + (remainder > 0);
  case Operation::Modulo:
    return remainder < 0 ? remainder + right : remainder;
  default:
    return std::nullopt;
  }
}

Result<int64_t> evaluate(const program::Expression &expression, std::span<const int64_t> sizes) {
  std::array<int64_t, 16> stack;
  size_t depth = 0;
  for (const program::Instruction *one : *expression.code()) {
    if (one->operation() == Operation::Constant || one->operation() == Operation::Size) {
      const bool isSize = one->operation() == Operation::Size;
      if (depth == stack.size())
        return fail(
            fmt::format("expected an expression of at most {} numbers at once", stack.size()));
      if (isSize && (one->value() < 0 || uint64_t(one->value()) >= sizes.size()))
        return fail(fmt::format("expected a size below {}, found {}", sizes.size(), one->value()));
      stack[depth++] = isSize ? sizes[one->value()] : one->value();
      continue;
    }
    if (depth < 2)
      return fail("expected an expression with two numbers for each operation");
    auto result = combine(one->operation(), stack[depth - 2], stack[depth - 1]);
    if (!result)
      return fail("expected an expression whose values fit 63 bits");
    stack[--depth - 1] = *result;
  }
  if (depth != 1)
    return fail(fmt::format("expected an expression that leaves one number, found {}", depth));
  return stack[0];
}

} // namespace stc::runtime
