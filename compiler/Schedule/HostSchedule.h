//===- HostSchedule.h - tile sizes of the host's attention ------*- C++ -*-===//
//
// Pure functions from a pattern's walk and a CPU's vectors to tile sizes. Knows no IR.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Schedule/AttentionSchedule.h"

#include <cstdint>

namespace stc {

/// What a product keeps in vector registers: `rows` times `vectors` accumulators. In attention the
/// queries of a strip lie in the lanes, the keys are the rows.
struct RegisterTile {
  int64_t lanes = 16, vectors = 2, rows = 8;

  int64_t strip() const { return lanes * vectors; }
  bool operator==(const RegisterTile &) const = default;
};

/// A CPU's vectors. The defaults suit AVX-512: 16 accumulators leave half of the registers for
/// operands.
struct HostVectors {
  /// float32 lanes of a vector.
  int64_t lanes = 16;
  /// Accumulators of a register tile.
  int64_t accumulators = 16;

  /// The register tile for strips of so many queries, a multiple of the lanes.
  RegisterTile tile(int64_t strip) const {
    return {lanes, strip / lanes, accumulators / (strip / lanes)};
  }
  int64_t wideStrip() const { return 2 * lanes; }
  /// Whether `tile` can take strips of this size.
  bool allows(int64_t strip) const { return strip == lanes || strip == wideStrip(); }
};

/// Wide strips are the faster ones; narrow ones compute fewer pairs that are not in the pattern.
/// `n` is the length of the sequence.
AttentionSchedule chooseSchedule(const pattern::Walk &walk, int64_t n, const HostVectors &vectors);

} // namespace stc
