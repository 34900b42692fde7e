//===- Permutation.h - a shuffle without a table --------------------------------------===//
#pragma once

#include <cstdint>

namespace stc::runtime {

/// A pseudo-random permutation of [0, size) given by a seed and an epoch: any element of it in
/// constant time, so that a run can go on from a step's number alone. A Feistel network over the
/// smallest even number of bits that holds size, walked until it falls inside.
class Permutation {
public:
  Permutation(uint64_t size, uint64_t seed, uint64_t epoch);

  uint64_t operator()(uint64_t index) const;

private:
  uint64_t size, seed, epoch;
  int halfBits = 1;
};

} // namespace stc::runtime
