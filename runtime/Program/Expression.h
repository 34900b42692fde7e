//===- Expression.h - numbers that sizes give ---------------------------------------===//
#pragma once

#include "runtime/Program/Program_generated.h"
#include "runtime/Support/Error.h"

#include <cstdint>
#include <span>

namespace stc::runtime {

/// The value for these sizes. Error: the code takes numbers that are not there, or leaves other
/// than one; it names a size that there is not, divides by less than 1, or overflows 63 bits.
Result<int64_t> evaluate(const program::Expression &expression, std::span<const int64_t> sizes);

} // namespace stc::runtime
