//===- Chart.cpp - curves as SVG -------------------------------------------------------------===//
#include "runtime/Report/Chart.h"
#include "runtime/Report/Axis.h"
#include "runtime/Report/Markup.h"
#include "runtime/Support/Units.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <optional>

namespace stc::runtime {

namespace {

// Pixels of the drawing, which the page scales.
constexpr double width = 760, height = 320, left = 80, right = 28, bottom = 48, legendLine = 18;

constexpr std::array<const char *, 3> classes = {"thin", "line", "points"};

const char *classOf(Series::Look look) { return classes[static_cast<int>(look)]; }

// Numbers beyond any that is meant overflow in what follows.
bool isFinite(double value) { return std::abs(value) < 1e100; }
bool isFinite(const ChartPoint &point) {
  return isFinite(point.x) && isFinite(point.y) && point.error < 1e100;
}

std::string tickText(double value) {
  if (std::abs(value) >= 1000 && std::abs(value) < 1e15 && value == std::round(value))
    return (value < 0 ? "-" : "") + formatCount(static_cast<uint64_t>(std::abs(value)));
  return fmt::format("{:.6g}", value);
}

// An extreme value, in as many digits as tell it from the ticks.
std::string extremeText(double value) {
  return tickText(std::abs(value) >= 1000 ? std::round(value)
                                          : std::stod(fmt::format("{:.4g}", value)));
}

// As a script reads them: what is no number is a dash.
std::string numbersText(const std::vector<double> &values, int digits) {
  std::string text;
  for (double value : values)
    text += fmt::format("{}{}", text.empty() ? "" : " ",
                        isFinite(value) ? fmt::format("{:.{}g}", value, digits) : "-");
  return text;
}

class Drawing {
public:
  explicit Drawing(const Chart &chart) : chart(chart) {}
  std::string draw();

private:
  void placeLegend();
  bool fitAxes();
  void includeMain(const Series &series, double start);
  double along(const Series &series, size_t axis, double step) const;
  void drawLegend();
  void drawY();
  void drawBand(double value, double edge, double coarseness);
  void drawX(size_t axis);
  void drawSeries(const Series &series);
  void drawLine(const Series &series, const std::vector<ChartPoint> &points, size_t axis);
  void drawPoints(const Series &series, const std::vector<ChartPoint> &points, size_t axis);

  struct LegendPlace {
    const Series *series;
    double x, y;
  };

  const Chart &chart;
  std::vector<LegendPlace> legend;
  double top = 0;
  std::vector<Axis> x;
  Axis y = Axis(0, 0);
  std::string svg;
};

} // namespace

// In as many lines as it needs, above the frame.
void Drawing::placeLegend() {
  double at = left, line = legendLine;
  for (const Series &series : chart.series) {
    if (series.label.empty())
      continue;
    double length = 26 + 7.0 * static_cast<double>(series.label.size()) + 24;
    if (at > left && at + length > width)
      at = left, line += legendLine;
    legend.push_back({&series, at, line});
    at += length;
  }
  top = line + 16;
}

double Drawing::along(const Series &series, size_t axis, double step) const {
  return axis == 0 ? step : series.along[axis - 1](step);
}

// Of a curve all but the fiftieth at each end, which an outlier and the means that it is in are.
void Drawing::includeMain(const Series &series, double start) {
  std::vector<double> values;
  for (const ChartPoint &point : series.points)
    if (isFinite(point) && point.x >= start) {
      values.push_back(point.y - point.error);
      values.push_back(point.y + point.error);
    }
  if (values.empty())
    return;
  std::ranges::sort(values);
  size_t spared = series.look == Series::Look::Points ? 0 : values.size() / 50;
  y.includeMain(values[spared]);
  y.includeMain(values[values.size() - 1 - spared]);
}

// False if there is nothing to draw.
bool Drawing::fitAxes() {
  x.assign(chart.axes.size(), Axis(left, width - right));
  y = Axis(height - bottom, top);
  for (const Series &series : chart.series)
    for (const ChartPoint &point : series.points) {
      if (!isFinite(point))
        continue;
      for (size_t axis = 0; axis < x.size(); ++axis)
        if (double at = along(series, axis, point.x); isFinite(at))
          x[axis].include(at);
      y.include(point.y - point.error);
      y.include(point.y + point.error);
    }
  double start = x[0].least() + chart.start * (x[0].most() - x[0].least());
  for (const Series &series : chart.series)
    includeMain(series, start);
  for (Axis &axis : x)
    axis.fit(false, 0);
  return y.fit(chart.logarithmic, 0.05);
}

void Drawing::drawLegend() {
  for (auto [series, at, line] : legend) {
    svg += fmt::format("<g class=\"run{}\">", series->run);
    svg += series->look == Series::Look::Points
               ? fmt::format("<circle class=\"points\" cx=\"{}\" cy=\"{}\" r=\"3\"/>", at + 10,
                             line - 4)
               : fmt::format("<path class=\"{}\" d=\"M{} {}h20\"/>", classOf(series->look), at,
                             line - 4);
    svg += fmt::format("<text x=\"{}\" y=\"{}\">{}</text></g>\n", at + 26, line,
                       escapeMarkup(series->label));
  }
}

void Drawing::drawBand(double value, double edge, double coarseness) {
  svg += fmt::format(
      "<path class=\"break\" d=\"M{0:.1f} {1:.1f}H{2:.1f}\"/><text x=\"{3:.1f}\" y=\"{4:.1f}\" "
      "class=\"y\">{5}</text><text x=\"{2:.1f}\" y=\"{6:.1f}\" class=\"note\">{7} this line the "
      "scale is {8} times as coarse</text>\n",
      left, y(edge), width - right, left - 8, y(value) + 4, extremeText(value),
      y(edge) + (value > edge ? -5 : 13), value > edge ? "above" : "below",
      formatCount(std::llround(std::clamp(coarseness, 1.0, 1e15))));
}

void Drawing::drawY() {
  for (double tick : y.mainTicks(5))
    svg +=
        fmt::format("<line class=\"grid\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" "
                    "y2=\"{:.1f}\"/><text x=\"{:.1f}\" y=\"{:.1f}\" class=\"y\">{}</text>\n",
                    left, width - right, y(tick), y(tick), left - 8, y(tick) + 4, tickText(tick));
  if (y.hasUpperBand())
    drawBand(y.most(), y.high(), y.upperCoarseness());
  if (y.hasLowerBand())
    drawBand(y.least(), y.low(), y.lowerCoarseness());
  svg += fmt::format("<path class=\"axis\" d=\"M{0:.1f} {1:.1f}V{2:.1f}H{3:.1f}\"/>\n", left, top,
                     height - bottom, width - right);
  svg += fmt::format("<text x=\"14\" y=\"{0:.1f}\" class=\"x\" transform=\"rotate(-90 14 "
                     "{0:.1f})\">{1}</text>\n",
                     (top + height - bottom) / 2, escapeMarkup(chart.yLabel));
}

void Drawing::drawX(size_t axis) {
  const Axis &scale = x[axis];
  constexpr double base = height - bottom;
  svg += fmt::format("<g class=\"by-{}\" data-range=\"{:.10g} {:.10g} {} {}\" data-label=\"{}\">\n",
                     chart.axes[axis].name, scale.low(), scale.high(), left, width - right,
                     escapeMarkup(chart.axes[axis].label));
  for (double tick : scale.mainTicks(7))
    svg += fmt::format("<line class=\"axis\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.1f}\" "
                       "y2=\"{2:.1f}\"/><text x=\"{0:.1f}\" y=\"{3:.1f}\" class=\"x\">{4}</text>\n",
                       scale(tick), base, base + 5, base + 18, tickText(tick));
  svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"x\">{}</text>\n</g>\n",
                     (left + width - right) / 2, height - 10, escapeMarkup(chart.axes[axis].label));
}

void Drawing::drawLine(const Series &series, const std::vector<ChartPoint> &points, size_t axis) {
  std::string path;
  bool open = false;
  for (const ChartPoint &point : points) {
    double at = along(series, axis, point.x);
    bool good = isFinite(point) && isFinite(at);
    if (good)
      path += fmt::format("{}{:.1f} {:.1f}", open ? 'L' : 'M', x[axis](at), y(point.y));
    open = good;
  }
  if (!path.empty())
    svg += fmt::format("<path class=\"{}\" d=\"{}\"/>\n", classOf(series.look), path);
}

void Drawing::drawPoints(const Series &series, const std::vector<ChartPoint> &points, size_t axis) {
  for (const ChartPoint &point : points) {
    double at = along(series, axis, point.x);
    if (!isFinite(point) || !isFinite(at))
      continue;
    if (point.error > 0)
      svg += fmt::format("<path class=\"bar\" d=\"M{:.1f} {:.1f}V{:.1f}\"/>", x[axis](at),
                         y(point.y - point.error), y(point.y + point.error));
    svg += fmt::format("<circle class=\"points\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.5\"/>\n",
                       x[axis](at), y(point.y));
  }
}

void Drawing::drawSeries(const Series &series) {
  bool isLine = series.look != Series::Look::Points;
  std::vector<ChartPoint> points = isLine ? thinned(series.points) : series.points;
  std::vector<double> values;
  for (const ChartPoint &point : points)
    values.push_back(point.y);
  svg += fmt::format("<g class=\"series run{}\" data-name=\"{}\" data-y=\"{}\">\n", series.run,
                     escapeMarkup(series.label), numbersText(values, 5));
  for (size_t axis = 0; axis < x.size(); ++axis) {
    std::vector<double> places;
    for (const ChartPoint &point : points)
      places.push_back(along(series, axis, point.x));
    svg += fmt::format("<g class=\"by-{}\" data-x=\"{}\">\n", chart.axes[axis].name,
                       numbersText(places, axis == 0 ? 12 : 5));
    isLine ? drawLine(series, points, axis) : drawPoints(series, points, axis);
    svg += "</g>\n";
  }
  svg += "</g>\n";
}

std::string Drawing::draw() {
  placeLegend();
  if (!fitAxes())
    return "";
  svg = fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" role=\"img\" "
                    "aria-label=\"{}\">\n",
                    width, height, escapeMarkup(chart.title));
  drawLegend();
  drawY();
  for (size_t axis = 0; axis < x.size(); ++axis)
    drawX(axis);
  for (const Series &series : chart.series)
    drawSeries(series);
  // Where the pointer is; the page's script moves it.
  svg += fmt::format("<path class=\"pointer\" d=\"M0 {:.1f}V{:.1f}\" visibility=\"hidden\"/>\n",
                     top, height - bottom);
  return svg + "</svg>\n";
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

} // namespace stc::runtime
