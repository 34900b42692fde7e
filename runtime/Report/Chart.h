//===- Chart.h - curves as SVG ---------------------------------------------------------------===//
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace stc::runtime {

struct ChartPoint {
  /// x is the step; what else a chart is drawn along follows from it.
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
  /// Whose it is: class runN.
  size_t run = 0;
  /// From a step to the x of each further axis of the chart; not finite where there is none.
  std::vector<std::function<double(double)>> along = {};
};

/// What a chart is drawn along: the class by-NAME of all that depends on it, and a label.
struct ChartAxis {
  std::string name, label;
};

struct Chart {
  std::string title, yLabel;
  std::vector<Series> series;
  /// A logarithmic y axis, where all values are positive.
  bool logarithmic = false;
  /// The share of the x axis whose points do not count as the main ones: a loss falls steeply at
  /// first. Nor do the highest and the lowest fiftieth of a curve.
  double start = 0;
  /// The first is that of steps.
  std::vector<ChartAxis> axes = {{"step", "step"}};
};

/// An <svg> element with axes, ticks and a legend, in which every finite point is drawn: those far
/// beyond the main ones in a band of a coarser scale, which says so. Its colours are those of the
/// page that it is in (classes thin, line and points). Each series carries its numbers, for the
/// page's script: data-y, and for each axis data-x. Empty if no point is finite.
std::string drawChart(const Chart &chart);

/// At most about 2 `buckets` points that look like all of them: the least and the greatest of each
/// bucket of neighbours.
std::vector<ChartPoint> thinned(const std::vector<ChartPoint> &points, size_t buckets = 150);

} // namespace stc::runtime
