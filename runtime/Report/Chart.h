//===- Chart.h - curves as SVG ---------------------------------------------------------------===//
#pragma once

#include <string>
#include <vector>

namespace stc::runtime {

struct ChartPoint {
  double x = 0, y = 0;
  /// Half of the error bar, 0 for none.
  double error = 0;
};

struct Series {
  enum class Look { Thin, Line, Points };

  std::string label;
  Look look = Look::Line;
  /// Ascending in x. A point that is not finite is left out, and the line ends before it.
  std::vector<ChartPoint> points;
  /// Whether the frame is made to hold these; what lies outside it is cut off.
  bool framed = true;
};

struct Chart {
  std::string title, xLabel, yLabel;
  std::vector<Series> series;
  /// A logarithmic y axis, where all framed values are positive.
  bool logarithmic = false;
  /// The share of the x axis whose points do not count for the frame: a loss falls steeply at
  /// first.
  double unframedStart = 0;
};

/// An <svg> element with axes, ticks and a legend. Its colours are those of the page that it is in
/// (classes thin, line and points). Empty if no point is finite.
std::string drawChart(const Chart &chart);

/// At most about 2 `buckets` points that look like all of them: the least and the greatest of each
/// bucket of neighbours.
std::vector<ChartPoint> thinned(const std::vector<ChartPoint> &points, size_t buckets = 600);

/// Where ticks go between two values: multiples of 1, 2 or 5 times a power of ten, about `count`.
std::vector<double> ticks(double low, double high, int count);

} // namespace stc::runtime
