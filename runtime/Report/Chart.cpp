//===- Chart.cpp - curves as SVG -------------------------------------------------------------===//
#include "runtime/Report/Chart.h"
#include "runtime/Report/Markup.h"
#include "runtime/Support/Units.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <optional>

namespace stc::runtime {

namespace {

// Pixels of the drawing, which the page scales.
constexpr double width = 760, height = 300, left = 72, right = 16, top = 40, bottom = 48;

constexpr std::array<const char *, 3> classes = {"thin", "line", "points"};

const char *classOf(Series::Look look) { return classes[static_cast<int>(look)]; }

// Numbers beyond any that is meant overflow in what follows.
bool isFinite(const ChartPoint &point) {
  return std::abs(point.x) < 1e100 && std::abs(point.y) < 1e100 && point.error < 1e100;
}

/// An axis from values to pixels.
struct Axis {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  double from = 0, to = 1;
  bool logarithmic = false;

  void include(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }

  // Room around the values, and some where there is but one.
  void widen(double share) {
    if (logarithmic) {
      double factor = std::max(std::pow(high / low, share), 1.05);
      low /= factor, high *= factor;
      return;
    }
    double room = (high - low) * share;
    if (high == low)
      room = high == 0 ? 1 : std::abs(high) * 0.05;
    low -= room, high += room;
  }

  double operator()(double value) const {
    double share =
        logarithmic ? std::log(value / low) / std::log(high / low) : (value - low) / (high - low);
    // Beyond the frame is as good as far beyond it.
    return from + std::clamp(share, -10.0, 11.0) * (to - from);
  }
};

std::vector<double> logarithmicTicks(double low, double high) {
  std::vector<double> all, tens;
  for (double ten = std::pow(10, std::floor(std::log10(low))); ten <= high; ten *= 10)
    for (double digit : {1, 2, 5})
      if (double tick = ten * digit; tick >= low && tick <= high) {
        all.push_back(tick);
        if (digit == 1)
          tens.push_back(tick);
      }
  return all.size() > 8 && tens.size() > 1 ? tens : all;
}

std::string tickText(double value) {
  if (std::abs(value) >= 1000 && std::abs(value) < 1e15 && value == std::round(value))
    return (value < 0 ? "-" : "") + formatCount(static_cast<uint64_t>(std::abs(value)));
  return fmt::format("{:.6g}", value);
}

class Drawing {
public:
  explicit Drawing(const Chart &chart) : chart(chart) {}
  std::string draw();

private:
  bool fitAxes();
  void drawAxes();
  void drawLegend();
  void drawSeries(const Series &series);

  const Chart &chart;
  Axis x, y;
  std::string svg;
};

} // namespace

// False if there is nothing to draw.
bool Drawing::fitAxes() {
  for (const Series &series : chart.series)
    for (const ChartPoint &point : series.points)
      if (isFinite(point))
        x.include(point.x);
  double start = x.low + chart.unframedStart * (x.high - x.low);
  auto frame = [&](bool all) {
    for (const Series &series : chart.series)
      for (const ChartPoint &point : series.points)
        if (isFinite(point) && (all || (series.framed && point.x >= start))) {
          y.include(point.y - point.error);
          y.include(point.y + point.error);
        }
  };
  frame(false);
  if (!std::isfinite(y.low))
    frame(true);
  if (!std::isfinite(y.low))
    return false;
  y.logarithmic = chart.logarithmic && y.low > 0;
  x.from = left, x.to = width - right;
  y.from = height - bottom, y.to = top;
  if (x.low == x.high)
    x.widen(0);
  y.widen(0.05);
  return true;
}

void Drawing::drawAxes() {
  std::vector<double> yTicks =
      y.logarithmic ? logarithmicTicks(y.low, y.high) : ticks(y.low, y.high, 5);
  for (double tick : yTicks)
    svg += fmt::format("<line class=\"grid\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" "
                       "y2=\"{:.1f}\"/><text x=\"{:.1f}\" y=\"{:.1f}\" class=\"y\">{}</text>\n",
                       x.from, x.to, y(tick), y(tick), left - 8, y(tick) + 4, tickText(tick));
  for (double tick : ticks(x.low, x.high, 7))
    svg += fmt::format("<line class=\"axis\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.1f}\" "
                       "y2=\"{2:.1f}\"/><text x=\"{0:.1f}\" y=\"{3:.1f}\" class=\"x\">{4}</text>\n",
                       x(tick), y.from, y.from + 5, y.from + 18, tickText(tick));
  svg += fmt::format("<path class=\"axis\" d=\"M{0:.1f} {1:.1f}V{2:.1f}H{3:.1f}\"/>\n", x.from,
                     y.to, y.from, x.to);
  svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"x\">{}</text>\n", (x.from + x.to) / 2,
                     height - 10, escapeMarkup(chart.xLabel));
  svg += fmt::format("<text x=\"14\" y=\"{0:.1f}\" class=\"x\" transform=\"rotate(-90 14 "
                     "{0:.1f})\">{1}</text>\n",
                     (y.from + y.to) / 2, escapeMarkup(chart.yLabel));
}

void Drawing::drawLegend() {
  double at = left;
  for (const Series &series : chart.series) {
    if (series.label.empty())
      continue;
    svg += series.look == Series::Look::Points
               ? fmt::format("<circle class=\"points\" cx=\"{}\" cy=\"20\" r=\"3\"/>", at + 10)
               : fmt::format("<path class=\"{}\" d=\"M{} 20h20\"/>", classOf(series.look), at);
    svg += fmt::format("<text x=\"{}\" y=\"24\">{}</text>\n", at + 26, escapeMarkup(series.label));
    at += 26 + 7.0 * static_cast<double>(series.label.size()) + 24;
  }
}

void Drawing::drawSeries(const Series &series) {
  if (series.look == Series::Look::Points) {
    for (const ChartPoint &point : series.points) {
      if (!isFinite(point))
        continue;
      if (point.error > 0)
        svg += fmt::format("<path class=\"bar\" d=\"M{:.1f} {:.1f}V{:.1f}\"/>", x(point.x),
                           y(point.y - point.error), y(point.y + point.error));
      svg += fmt::format("<circle class=\"points\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.5\"/>\n",
                         x(point.x), y(point.y));
    }
    return;
  }
  std::string path;
  bool open = false;
  for (const ChartPoint &point : series.points) {
    bool good = isFinite(point) && (!y.logarithmic || point.y > 0);
    if (good)
      path += fmt::format("{}{:.1f} {:.1f}", open ? 'L' : 'M', x(point.x), y(point.y));
    open = good;
  }
  if (!path.empty())
    svg += fmt::format("<path class=\"{}\" d=\"{}\"/>\n", classOf(series.look), path);
}

std::string Drawing::draw() {
  if (!fitAxes())
    return "";
  svg = fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" role=\"img\" "
                    "aria-label=\"{}\">\n",
                    width, height, escapeMarkup(chart.title));
  drawAxes();
  drawLegend();
  // A nested element cuts off what lies outside the frame, and needs no name to refer to.
  svg += fmt::format("<svg x=\"{0}\" y=\"{1}\" width=\"{2}\" height=\"{3}\" viewBox=\"{0} {1} {2} "
                     "{3}\" overflow=\"hidden\">\n",
                     left, top, width - left - right, height - top - bottom);
  for (const Series &series : chart.series)
    drawSeries(series);
  return svg + "</svg>\n</svg>\n";
}

std::string drawChart(const Chart &chart) { return Drawing(chart).draw(); }

std::vector<ChartPoint> thinned(const std::vector<ChartPoint> &points, size_t buckets) {
  if (points.size() <= 2 * buckets)
    return points;
  std::vector<ChartPoint> kept;
  for (size_t bucket = 0; bucket < buckets; ++bucket) {
    size_t first = points.size() * bucket / buckets, end = points.size() * (bucket + 1) / buckets;
    std::optional<size_t> least, most;
    for (size_t i = first; i < end; ++i) {
      if (!isFinite(points[i]))
        continue;
      if (!least || points[i].y < points[*least].y)
        least = i;
      if (!most || points[i].y > points[*most].y)
        most = i;
    }
    if (!least)
      continue;
    kept.push_back(points[std::min(*least, *most)]);
    if (*least != *most)
      kept.push_back(points[std::max(*least, *most)]);
  }
  return kept;
}

std::vector<double> ticks(double low, double high, int count) {
  double rough = (high - low) / count;
  if (!(rough > 0) || !std::isfinite(rough))
    return {};
  double ten = std::pow(10, std::floor(std::log10(rough))), step = ten;
  for (double digit : {1, 2, 5, 10})
    if (step = ten * digit; step >= rough * 0.999)
      break;
  // A step that the values' own precision does not resolve gives none.
  if (low + step == low)
    return {};
  std::vector<double> all;
  for (double i = std::ceil(low / step - 1e-9); i * step <= high + step * 1e-9; ++i)
    all.push_back(i * step + 0.0);
  return all;
}

} // namespace stc::runtime
