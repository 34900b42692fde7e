//===- Variables.h - the first values of a program's variables --------------------===//
#pragma once

#include "runtime/Device/Executor.h"
#include "runtime/Support/Error.h"

#include <cstdint>
#include <string>

namespace stc::runtime {

/// Sets an integer scalar of the arena, an input such as a seed or a position. Errors: a tensor
/// that is no scalar of an integer type.
Result<void> setInteger(Executor &executor, const program::Tensor &tensor, int64_t value);

/// Runs the entry `init`, if the program has one, with this seed as its input `seed`, if it has
/// one. Without it the variables are zero.
Result<void> initialize(Executor &executor, int64_t seed);

} // namespace stc::runtime
