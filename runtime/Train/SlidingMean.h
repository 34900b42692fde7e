//===- SlidingMean.h - the mean of the last values --------------------------------------===//
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

namespace stc::runtime {

/// The plain mean of the last `most` values, or of as many as there are. A value that is not finite
/// takes its place and counts for nothing.
class SlidingMean {
public:
  explicit SlidingMean(size_t most) : most(std::max<size_t>(1, most)) {}

  void add(double value) {
    double gone = std::numeric_limits<double>::quiet_NaN();
    if (values.size() < most)
      values.push_back(value);
    else
      gone = std::exchange(values[next], value);
    take(gone, -1);
    take(value, 1);
    next = (next + 1) % most;
    // What rounding left of values that are gone goes, too.
    if (next == 0 || std::abs(gone) > 1e3 * std::abs(sum))
      addUp();
  }

  /// How many values it is of, at most `most`.
  size_t count() const { return values.size(); }

  /// NaN where none is finite.
  double mean() const {
    return finite > 0 ? sum / finite : std::numeric_limits<double>::quiet_NaN();
  }

private:
  void take(double value, int sign) {
    if (!std::isfinite(value))
      return;
    sum += sign * value;
    finite += sign;
  }

  void addUp() {
    sum = finite = 0;
    for (double each : values)
      take(each, 1);
  }

  size_t most, next = 0; // next: where the oldest is, once there are `most`
  double sum = 0, finite = 0;
  std::vector<double> values;
};

} // namespace stc::runtime
