//===- Page.cpp - a run as one HTML page -----------------------------------------------------===//
#include "runtime/Report/Page.h"
#include "runtime/Report/Chart.h"
#include "runtime/Report/Markup.h"
#include "runtime/Support/File.h"
#include "runtime/Support/Units.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fmt/format.h>
#include <optional>

namespace stc::runtime {

namespace {

// Colours that can be told apart in grey and by colour-blind eyes, on light and dark.
constexpr std::string_view style = R"(
:root { color-scheme: light dark; --back: #ffffff; --text: #1c1f23; --faint: #667078;
  --rule: #d9dde1; --thin: #a9c4e0; --line: #1f5fa8; --points: #c4501b; }
@media (prefers-color-scheme: dark) {
  :root { --back: #15181b; --text: #e3e6e9; --faint: #98a2ab;
    --rule: #363c42; --thin: #35526f; --line: #7db4ee; --points: #f0935f; }
}
body { margin: 0; background: var(--back); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 52rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font-size: 1.6rem; margin: 0 0 1rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 0.5rem; }
h3 { font-size: 0.95rem; font-weight: 600; margin: 1.5rem 0 0.25rem; overflow-wrap: anywhere; }
p.note { color: var(--faint); margin: 0.5rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 0.2rem 1.5rem 0.2rem 0; border-bottom: 1px solid var(--rule);
  vertical-align: top; overflow-wrap: anywhere; }
th { font-weight: normal; color: var(--faint); }
td.number, th.number { text-align: right; }
summary { cursor: pointer; color: var(--faint); margin-top: 0.75rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid var(--rule);
  padding: 0.75rem; margin: 0; font: 14px/1.45 ui-monospace, monospace; }
img { max-width: 100%; }
img.pixels { image-rendering: pixelated; min-width: 50%; }
img.picture { background: #ffffff; padding: 0.5rem; box-sizing: border-box; }
audio { width: 100%; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--text); font: 12px system-ui, sans-serif; }
svg text.x { text-anchor: middle; }
svg text.y { text-anchor: end; }
svg .grid { stroke: var(--rule); }
svg .axis { stroke: var(--faint); fill: none; }
svg .thin { stroke: var(--thin); fill: none; }
svg .line { stroke: var(--line); fill: none; stroke-width: 1.75; stroke-linejoin: round; }
svg circle.points { fill: var(--points); }
svg .bar { stroke: var(--points); stroke-width: 1.25; }
)";

// Longer texts are cut, larger files named only: a page must open.
constexpr size_t mostText = 64 << 10, mostFile = 32 << 20;

using Value = double StepMetrics::*;

class Page {
public:
  Page(const RunRecord &record, const program::Program *program)
      : record(record), program(program), unit(bitsUnit(record.setting("data.kind"))) {
    // As in training's own progress line, but for long runs, whose curve has fewer pixels.
    window = std::max<size_t>(50, record.steps.size() / 200);
  }

  Result<std::string> make();

private:
  void addHead();
  void addSummary();
  void addCurves();
  void addEvaluations();
  void addPattern();
  void addMemory();
  Result<void> addSamples();
  Result<void> addSample(const std::string &path);
  void addSettings();

  void addFacts(const Facts &facts);
  void addChart(Chart chart);
  std::vector<ChartPoint> raw(Value value) const;
  std::vector<ChartPoint> smoothed(Value value) const;

  const RunRecord &record;
  const program::Program *program;
  std::string unit;
  size_t window;
  std::string html;
};

std::string plusMinus(double value, double error) {
  return std::isnan(error) ? fmt::format("{:.4f}", value)
                           : fmt::format("{:.4f} ± {:.4f}", value, error);
}

} // namespace

std::vector<ChartPoint> Page::raw(Value value) const {
  std::vector<ChartPoint> points;
  for (const StepMetrics &step : record.steps)
    points.push_back({static_cast<double>(step.step), step.*value});
  return points;
}

// Exponential mean of about `window` steps, without the zero that it starts from.
std::vector<ChartPoint> Page::smoothed(Value value) const {
  double decay = 1 - 1 / static_cast<double>(window), sum = 0, weight = 0;
  std::vector<ChartPoint> points = raw(value);
  for (ChartPoint &point : points) {
    if (std::isfinite(point.y)) {
      sum = sum * decay + point.y * (1 - decay);
      weight = weight * decay + (1 - decay);
    }
    point.y = sum / weight; // NaN before the first number
  }
  return points;
}

void Page::addHead() {
  // The policy forbids the page to load anything, should a text of the run get through after all.
  html += fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n"
      "<meta charset=\"utf-8\"/>\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
      "media-src data:; style-src 'unsafe-inline'\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
      "<title>{0}</title>\n<style>{1}</style>\n</head>\n<body>\n<main>\n<h1>{0}</h1>\n",
      escapeMarkup(record.name), style);
}

void Page::addFacts(const Facts &facts) {
  html += "<table>\n";
  for (const auto &[name, value] : facts)
    html +=
        fmt::format("<tr><th>{}</th><td>{}</td></tr>\n", escapeMarkup(name), escapeMarkup(value));
  html += "</table>\n";
}

void Page::addSummary() {
  Facts facts;
  if (!record.steps.empty()) {
    const StepMetrics &last = record.steps.back();
    facts.emplace_back("steps", formatCount(last.step));
    if (!std::isnan(last.seconds))
      facts.emplace_back("time of training", formatDuration(last.seconds));
    facts.emplace_back(fmt::format("training {}, mean of the last {} steps or so", unit, window),
                       fmt::format("{:.4f}", smoothed(&StepMetrics::bitsPerByte).back().y));
    double rate = smoothed(&StepMetrics::bytesPerSecond).back().y;
    if (!std::isnan(rate))
      facts.emplace_back("throughput, likewise",
                         formatCount(std::llround(std::clamp(rate, 0.0, 1e15))) + " bytes/s");
  }
  if (!record.evaluations.empty()) {
    const EvalMetrics &last = record.evaluations.back();
    auto best = std::ranges::min_element(record.evaluations, {}, [](const EvalMetrics &e) {
      return std::isnan(e.bitsPerByte) ? HUGE_VAL : e.bitsPerByte;
    });
    auto text = [](const EvalMetrics &e) {
      return fmt::format("{}, step {}", plusMinus(e.bitsPerByte, e.standardError),
                         formatCount(e.step));
    };
    facts.emplace_back("held-out " + unit + ", last", text(last));
    facts.emplace_back("held-out " + unit + ", best", text(*best));
  }
  addFacts(facts);
  if (record.facts.empty())
    html += "<p class=\"note\">The folder has no run.json, which would name the program and its "
            "settings.</p>\n";
  if (!record.brokenLines.empty())
    html += fmt::format(
        "<p class=\"note\">metrics.jsonl: {} that could not be read {} left out "
        "(the first is line {}).</p>\n",
        record.brokenLines.size() == 1 ? "one line"
                                       : formatCount(record.brokenLines.size()) + " lines",
        record.brokenLines.size() == 1 ? "was" : "were", formatCount(record.brokenLines[0]));
}

void Page::addChart(Chart chart) {
  chart.xLabel = "step";
  for (Series &series : chart.series)
    series.points = thinned(series.points);
  std::string svg = drawChart(chart);
  if (!svg.empty())
    html += fmt::format("<h3>{}</h3>\n{}", escapeMarkup(chart.title), svg);
}

void Page::addCurves() {
  html += "<h2>Curves</h2>\n";
  std::string mean = fmt::format("mean of {} steps", window);
  std::vector<ChartPoint> heldOut;
  for (const EvalMetrics &e : record.evaluations)
    heldOut.push_back({static_cast<double>(e.step), e.bitsPerByte,
                       std::isnan(e.standardError) ? 0 : e.standardError});
  addChart({"Loss",
            "",
            unit,
            {{"each step", Series::Look::Thin, raw(&StepMetrics::bitsPerByte), false},
             {mean, Series::Look::Line, smoothed(&StepMetrics::bitsPerByte)},
             {"held-out, ± 1 standard error", Series::Look::Points, heldOut}},
            false,
            0.02});
  addChart({"Learning rate",
            "",
            "learning rate",
            {{"", Series::Look::Line, raw(&StepMetrics::learningRate)}}});
  addChart({"Gradient norm",
            "",
            "norm, before clipping",
            {{"each step", Series::Look::Thin, raw(&StepMetrics::gradientNorm)},
             {mean, Series::Look::Line, smoothed(&StepMetrics::gradientNorm)}},
            true});
  addChart({"Throughput",
            "",
            "bytes/s",
            {{"each step", Series::Look::Thin, raw(&StepMetrics::bytesPerSecond), false},
             {mean, Series::Look::Line, smoothed(&StepMetrics::bytesPerSecond)}},
            false,
            0.02});
}

void Page::addEvaluations() {
  if (record.evaluations.empty())
    return;
  html += fmt::format("<details>\n<summary>All {} evaluations on held-out data</summary>\n<table>\n"
                      "<tr><th class=\"number\">step</th><th>{}</th><th class=\"number\">bytes</th>"
                      "</tr>\n",
                      formatCount(record.evaluations.size()), unit);
  for (const EvalMetrics &e : record.evaluations)
    html += fmt::format(
        "<tr><td class=\"number\">{}</td><td>{}</td><td class=\"number\">{}</td>"
        "</tr>\n",
        formatCount(e.step), plusMinus(e.bitsPerByte, e.standardError),
        std::isnan(e.bytes) ? "?" : formatCount(std::llround(std::clamp(e.bytes, 0.0, 1e18))));
  html += "</table>\n</details>\n";
}

// As an image, in which an SVG can neither run anything nor change the page.
void Page::addPattern() {
  if (!program || !program->picture())
    return;
  std::string_view picture = program->picture()->string_view();
  html +=
      fmt::format("<h2>Attention pattern</h2>\n<img class=\"picture\" alt=\"keys (columns) that "
                  "each query (row) sees\" src=\"{}\"/>\n",
                  dataUri("image/svg+xml", std::as_bytes(std::span(picture))));
}

void Page::addMemory() {
  if (!program)
    return;
  html += "<h2>Memory</h2>\n";
  Facts facts;
  for (const program::Entry *entry : *program->entries())
    facts.emplace_back(entry->name()->str(), formatBytes(entry->peak_bytes()));
  html += "<p class=\"note\">Planned peak of each entry of the program, variables included; the "
          "threads' scratch is not.</p>\n";
  addFacts(facts);
}

Result<void> Page::addSample(const std::string &path) {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file)
    return forward(file);
  std::filesystem::path name = std::filesystem::path(path).filename();
  std::span<const std::byte> bytes = file->bytes();
  html += fmt::format("<h3>{}</h3>\n", escapeMarkup(name.string()));
  if (name.extension() == ".txt") {
    std::string_view text(reinterpret_cast<const char *>(bytes.data()),
                          std::min(bytes.size(), mostText));
    // The parser drops one line feed after the tag.
    html += fmt::format("<pre>\n{}</pre>\n", escapeMarkup(text));
    if (text.size() < bytes.size())
      html += fmt::format("<p class=\"note\">The first {} of {}.</p>\n", formatBytes(text.size()),
                          formatBytes(bytes.size()));
    return {};
  }
  if (bytes.size() > mostFile) {
    html += fmt::format("<p class=\"note\">{}, too large to be shown here.</p>\n",
                        formatBytes(bytes.size()));
    return {};
  }
  html += name.extension() == ".png"
              ? fmt::format("<img class=\"pixels\" alt=\"samples\" src=\"{}\"/>\n",
                            dataUri("image/png", bytes))
              : fmt::format("<audio controls=\"controls\" src=\"{}\"></audio>\n",
                            dataUri("audio/wav", bytes));
  return {};
}

Result<void> Page::addSamples() {
  if (record.samples.empty())
    return {};
  html += "<h2>Samples</h2>\n";
  for (const std::string &path : record.samples)
    if (auto added = addSample(path); !added)
      return added;
  return {};
}

void Page::addSettings() {
  if (record.facts.empty())
    return;
  html += "<h2>Run</h2>\n";
  addFacts(record.facts);
  if (record.settings.empty())
    return;
  html += "<details>\n<summary>Settings of the specification</summary>\n";
  addFacts(record.settings);
  html += "</details>\n";
}

Result<std::string> Page::make() {
  addHead();
  addSummary();
  addCurves();
  addEvaluations();
  addPattern();
  addMemory();
  if (auto added = addSamples(); !added)
    return forward(added);
  addSettings();
  return html + "</main>\n</body>\n</html>\n";
}

Result<std::string> makePage(const RunRecord &record, const program::Program *program) {
  return Page(record, program).make();
}

} // namespace stc::runtime
