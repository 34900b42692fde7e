//===- RangeSplit.h - several ranges of keys for a tile of queries --------===//
#pragma once

#include "compiler/Pattern/Expr.h"

#include <vector>

namespace stc::pattern {

/// Numbers of a pair (i, j) = (0, 1) that may tell the ranges of a tile apart, from a condition of
/// pairs: of each comparison the sum of its divisions, in lowest terms, and each division. Only
/// those that stay the same over `least` keys or more; none of a condition with many divisions.
std::vector<Expr> rangeNumbers(const Expr &condition, int64_t least);

} // namespace stc::pattern
