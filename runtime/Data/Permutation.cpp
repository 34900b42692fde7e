//===- Permutation.cpp - a shuffle without a table ------------------------------------===//
#include "runtime/Data/Permutation.h"
#include "runtime/Support/Philox.h"

namespace stc::runtime {

Permutation::Permutation(uint64_t size, uint64_t seed, uint64_t epoch)
    : size(size), seed(seed), epoch(epoch) {
  while (halfBits < 32 && (uint64_t(1) << 2 * halfBits) < size)
    ++halfBits;
}

uint64_t Permutation::operator()(uint64_t index) const {
  const uint64_t mask = (uint64_t(1) << halfBits) - 1;
  do {
    uint64_t left = index >> halfBits, right = index & mask;
    for (uint32_t round = 0; round < 6; ++round) {
      PhiloxWords words = philox({static_cast<uint32_t>(right), round, static_cast<uint32_t>(epoch),
                                  static_cast<uint32_t>(epoch >> 32)},
                                 seed);
      uint64_t next = left ^ (words[0] & mask);
      left = right;
      right = next;
    }
    index = left << halfBits | right;
  } while (index >= size);
  return index;
}

} // namespace stc::runtime
