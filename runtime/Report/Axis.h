//===- Axis.h - from values to pixels --------------------------------------------------------===//
#pragma once

#include <limits>
#include <vector>

namespace stc::runtime {

/// Where ticks go between two values: multiples of 1, 2 or 5 times a power of ten, about `count`.
std::vector<double> ticks(double low, double high, int count);

/// An axis that shows all of its values, of which some are the main ones. What lies far beyond
/// these gets a narrow band of a coarser scale, at either end where there is such, so that an
/// outlier neither flattens the curve nor is cut off.
class Axis {
public:
  Axis(double from, double to) : from(from), to(to) {}

  void include(double value);
  void includeMain(double value);

  /// After all values: takes the scale, logarithmic only where all values are positive, and leaves
  /// `room` around the main values, a share of their range. False if there are no values.
  bool fit(bool logarithmic, double room);

  /// In pixels, of any value that was included.
  double operator()(double value) const;

  double least() const { return all.low; }
  double most() const { return all.high; }
  /// Where the main scale ends. Beyond it is the band, if there is one.
  double low() const { return main.low; }
  double high() const { return main.high; }
  bool hasLowerBand() const { return all.low < main.low; }
  bool hasUpperBand() const { return all.high > main.high; }
  /// How many times as coarse the scale of the band is.
  double upperCoarseness() const;
  double lowerCoarseness() const;

  std::vector<double> mainTicks(int count) const;

private:
  struct Range {
    double low = std::numeric_limits<double>::infinity(), high = -low;
    void include(double value);
    bool empty() const { return high < low; }
  };
  double scale(double value) const;
  void widen(double by, bool below, bool above);
  double mainShare() const;

  Range all, main;
  double from, to;
  bool logarithmic = false;
};

} // namespace stc::runtime
