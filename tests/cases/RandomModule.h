//===- RandomModule.h - modules of random functions -------------*- C++ -*-===//
//
// Functions of the stc dialect that read and overwrite variables they share, with results of all
// kinds and gradients with respect to whatever values there are. Knows no IR.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace stc::cases {

struct RandomModule {
  std::string text;
  std::vector<std::string> functions, variables;
};

/// The module of a seed: the same everywhere. Floats are near 1 in size where the arguments are,
/// and no value depends on how a float is rounded but by its own rounding.
RandomModule randomModule(uint64_t seed);

} // namespace stc::cases
