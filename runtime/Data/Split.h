//===- Split.h - which part of the data a thing belongs to ------------------------------===//
#pragma once

#include "runtime/Program/Settings.h"
#include "runtime/Support/Error.h"

#include <array>
#include <cstdint>
#include <span>

namespace stc::runtime {

/// Training, validation and test: one after the other in a file, and the files of a folder that
/// `stc-run prepare` writes. All is the three together.
enum class Part { Train, Valid, Test, All };

inline constexpr int partCount = 3;
inline constexpr std::array<const char *, partCount> partNames = {"train", "valid", "test"};

/// The program's setting data.split, by default 0.9, 0.05, 0.05. Error: not three fractions whose
/// sum is at most 1.
Result<std::array<double, partCount>> splitFractions(const Settings &settings);

/// Numbers 0 to count - 1, cut into three parts by fractions. What fractions below 1 in all leave
/// over is in none.
class Split {
public:
  Split(const std::array<double, partCount> &fractions, int64_t count);

  int64_t first(Part part) const { return part == Part::All ? 0 : ends[int(part)]; }
  int64_t end(Part part) const { return part == Part::All ? count : ends[int(part) + 1]; }
  int64_t size(Part part) const { return end(part) - first(part); }

  /// Moves each end to the nearest of `edges`, which ascend, where that makes no part larger or
  /// smaller by more than a quarter.
  void snapTo(std::span<const int64_t> edges);

  /// Where the numbers are things of several bytes: makes them the numbers of the bytes. Thing i
  /// ends at edges[i].
  void toEdges(std::span<const int64_t> edges);

  /// Moves the ends so that each part of a fraction above 0 has at least one number. False where
  /// there are fewer numbers than such parts.
  bool leaveNoneEmpty();

private:
  std::array<double, partCount> fractions;
  int64_t count;
  std::array<int64_t, partCount + 1> ends = {};
};

} // namespace stc::runtime
