//===- Curves.cpp - the curves of runs ---------------------------------------------------===//
#include "runtime/Report/Curves.h"
#include "runtime/Support/Units.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <optional>

namespace stc::runtime {

namespace {

using Value = double StepMetrics::*;

constexpr double notANumber = std::numeric_limits<double>::quiet_NaN();

/// A unit that gives numbers of a few digits: "minutes", 60.
struct Unit {
  const char *name;
  double size;
};

constexpr Unit times[] = {{"seconds", 1}, {"minutes", 60}, {"hours", 3600}, {"days", 86400}};
constexpr Unit counts[] = {
    {"bytes", 1}, {"thousand bytes", 1e3}, {"million bytes", 1e6}, {"billion bytes", 1e9}};

// The largest of which the value has three or more.
Unit unitFor(double value, std::span<const Unit> units) {
  auto at = std::ranges::find_if(units.rbegin(), units.rend(),
                                 [&](const Unit &unit) { return value >= 3 * unit.size; });
  return at == units.rend() ? units.front() : *at;
}

std::optional<int64_t> integer(const std::string &text) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value)
                                                                  : std::nullopt;
}

std::optional<double> bytesPerStep(const RunRecord &run) {
  auto batch = integer(run.setting("train.batch")), context = integer(run.setting("data.context"));
  if (!batch || !context || *batch <= 0 || *context <= 0)
    return std::nullopt;
  return static_cast<double>(*batch) * static_cast<double>(*context);
}

// Of the last step up to this one that says when it was.
double secondsAt(const RunRecord &run, double step) {
  auto after = std::ranges::upper_bound(run.steps, step, {}, [](const StepMetrics &metrics) {
    return static_cast<double>(metrics.step);
  });
  while (after != run.steps.begin())
    if (double seconds = (--after)->seconds; std::isfinite(seconds))
      return seconds;
  return notANumber;
}

class Curves {
public:
  explicit Curves(std::span<const RunRecord> runs);
  std::vector<Chart> make() const;

private:
  std::string label(const RunRecord &run, const std::string &what) const;
  Series series(size_t run, const std::string &what, Series::Look look, Value value,
                bool smooth) const;
  Series heldOut(size_t run) const;
  Chart chart(const std::string &title, const std::string &unit, Value value, bool smooth) const;

  std::span<const RunRecord> runs;
  size_t window;
  std::vector<ChartAxis> axes = {{"step", "step"}};
  std::vector<std::vector<std::function<double(double)>>> along;
};

} // namespace

Curves::Curves(std::span<const RunRecord> runs)
    : runs(runs), window(meanWindow(runs)), along(runs.size()) {
  auto last = [](const RunRecord &run) {
    return run.steps.empty() ? 0.0 : static_cast<double>(run.steps.back().step);
  };
  auto addAxis = [&](const char *name, const char *of, std::span<const Unit> units,
                     const std::function<double(const RunRecord &, double)> &at) {
    double most = 0;
    for (const RunRecord &run : runs) {
      double end = at(run, last(run));
      if (!std::isfinite(end))
        return;
      most = std::max(most, end);
    }
    Unit unit = unitFor(most, units);
    axes.push_back({name, fmt::format("{} {}", unit.name, of)});
    for (size_t i = 0; i < runs.size(); ++i)
      along[i].push_back(
          [at, unit, run = &runs[i]](double step) { return at(*run, step) / unit.size; });
  };
  addAxis("time", "of training", times, secondsAt);
  addAxis("bytes", "read", counts, [](const RunRecord &run, double step) {
    return bytesPerStep(run).value_or(notANumber) * step;
  });
}

std::string Curves::label(const RunRecord &run, const std::string &what) const {
  if (runs.size() == 1)
    return what;
  return what.empty() ? run.label : run.label + ": " + what;
}

Series Curves::series(size_t run, const std::string &what, Series::Look look, Value value,
                      bool smooth) const {
  std::vector<double> values;
  for (const StepMetrics &step : runs[run].steps)
    values.push_back(step.*value);
  if (smooth)
    values = movingMean(values, window);
  Series series{label(runs[run], what), look, {}, run, along[run]};
  for (size_t i = 0; i < values.size(); ++i)
    series.points.push_back({static_cast<double>(runs[run].steps[i].step), values[i]});
  return series;
}

Series Curves::heldOut(size_t run) const {
  Series series{
      label(runs[run], "held-out ± standard error"), Series::Look::Points, {}, run, along[run]};
  for (const EvalMetrics &e : runs[run].evaluations)
    series.points.push_back({static_cast<double>(e.step), e.bitsPerByte,
                             std::isnan(e.standardError) ? 0 : e.standardError});
  return series;
}

Chart Curves::chart(const std::string &title, const std::string &unit, Value value,
                    bool smooth) const {
  Chart chart{title, unit, {}, false, 0, axes};
  for (size_t run = 0; run < runs.size(); ++run) {
    if (!smooth) {
      chart.series.push_back(series(run, "", Series::Look::Line, value, false));
      continue;
    }
    if (runs.size() == 1)
      chart.series.push_back(series(run, "each step", Series::Look::Thin, value, false));
    size_t steps = std::min(window, runs[run].steps.size());
    std::string mean = steps == 1 ? "one step" : fmt::format("mean of {} steps", steps);
    chart.series.push_back(series(run, mean, Series::Look::Line, value, true));
  }
  return chart;
}

std::vector<Chart> Curves::make() const {
  std::string unit = bitsUnit(runs[0].setting("data.kind"));
  Chart loss = chart("Loss", unit, &StepMetrics::bitsPerByte, true);
  loss.start = 0.05;
  for (size_t run = 0; run < runs.size(); ++run)
    if (!runs[run].evaluations.empty())
      loss.series.push_back(heldOut(run));
  Chart rate = chart("Learning rate", "learning rate", &StepMetrics::learningRate, false);
  Chart norm = chart("Gradient norm", "norm, before clipping", &StepMetrics::gradientNorm, true);
  norm.logarithmic = true;
  Chart speed = chart("Throughput", "bytes/s", &StepMetrics::bytesPerSecond, true);
  speed.start = 0.02;
  return {loss, rate, norm, speed};
}

namespace {

/// The sum and number of finite values.
struct Tally {
  double sum = 0;
  size_t count = 0;

  void add(double value) {
    if (std::isfinite(value))
      sum += value, ++count;
  }
};

} // namespace

// What a window holds is the end of a block of its size and the beginning of the next one: nothing
// is subtracted, so that a value of any size is gone when the window has passed it.
std::vector<double> movingMean(std::span<const double> values, size_t window) {
  std::vector<double> means;
  std::vector<Tally> ends(window + 1); // of the block before: its last k values
  Tally begun;
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0 && i % window == 0) {
      for (size_t k = 1; k <= window; ++k)
        (ends[k] = ends[k - 1]).add(values[i - k]);
      begun = {};
    }
    begun.add(values[i]);
    const Tally &before = ends[window - 1 - i % window];
    size_t count = begun.count + before.count;
    means.push_back(count == 0 ? notANumber
                               : (begun.sum + before.sum) / static_cast<double>(count));
  }
  return means;
}

size_t meanWindow(std::span<const RunRecord> runs) {
  size_t longest = 0;
  for (const RunRecord &run : runs)
    longest = std::max(longest, run.steps.size());
  return std::max(std::clamp<size_t>(longest / 10, 10, 50), longest / 200);
}

std::vector<Chart> curvesOf(std::span<const RunRecord> runs) { return Curves(runs).make(); }

} // namespace stc::runtime
