//===- RowCases.h - the shared list of work on rows and tables --*- C++ -*-===//
//
// Everything but attention and products: what every target is tested on. Knows no IR.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace stc::cases {

/// Of what is computed in float32.
inline constexpr double kFloat32Tolerance = 1e-5;

struct RowCase {
  /// Of letters, digits and '_'; the name of the function, too.
  std::string name;
  /// A function of the stc dialect.
  std::string text;
  /// Whether its gradient is tested, too: the function NAME.grad.
  bool hasGradient = false;
  /// The largest difference of an element from the definition in float64, relative to the largest
  /// element of all results.
  double tolerance = kFloat32Tolerance;
};

/// Small enough for the float64 reference. Integers among the inputs may be anything.
const std::vector<RowCase> &rowCases();
/// More, whose kernels a GPU's compiler takes minutes for.
const std::vector<RowCase> &hostRowCases();

/// A function of so many random ops, with dense products among them or not.
std::string randomGraph(const std::string &name, uint64_t seed, int ops, bool products);

} // namespace stc::cases
