//===- AttentionSchedule.h - tiles of one walk ------------------*- C++ -*-===//
#pragma once

#include "compiler/Pattern/Pattern.h"

#include <cstdint>

namespace stc {

/// The tiles of one walk: `rows` queries share each tile of keys that is brought near; the bounds
/// of the keys are found for each strip of them.
struct AttentionSchedule {
  int64_t rows = 128, strip = 32;

  bool operator==(const AttentionSchedule &) const = default;
};

} // namespace stc
