//===- Join.h - expressions that differ in constants, as one --------------===//
#pragma once

#include "compiler/Pattern/Expr.h"

namespace stc::pattern {

/// One expression that is of[k] where a variable, which none of them has, is at[k]. No value if
/// they differ in more than constants. Constants are linear in the variable where that fits, else
/// elements of a table.
std::optional<Expr> joined(std::span<const Expr> of, unsigned variable,
                           std::span<const int64_t> at);

} // namespace stc::pattern
