//===- Page.cpp - runs as one HTML page ------------------------------------------------------===//
#include "runtime/Report/Page.h"
#include "runtime/Report/Curves.h"
#include "runtime/Report/Markup.h"
#include "runtime/Report/PageStyle.h"
#include "runtime/Report/Samples.h"
#include "runtime/Support/Units.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace stc::runtime {

namespace {

class Page {
public:
  Page(std::span<const RunRecord> runs, const program::Program *program)
      : runs(runs), program(program), window(meanWindow(runs)) {}

  Result<std::string> make();

private:
  void addHead();
  void addSummary();
  Facts summaryOf(const RunRecord &run) const;
  void addNotes(const RunRecord &run);
  void addCurves();
  void addEvaluations(const RunRecord &run);
  void addPattern();
  void addMemory();
  Result<void> addSamples();
  void addSettings();
  void addTable(const std::vector<Facts> &columns, bool marksDifferences = false);
  std::string of(const RunRecord &run) const;

  std::span<const RunRecord> runs;
  const program::Program *program;
  size_t window;
  std::string html;
};

std::string plusMinus(double value, double error) {
  return std::isnan(error) ? fmt::format("{:.4f}", value)
                           : fmt::format("{:.4f} ± {:.4f}", value, error);
}

std::string valueOf(const Facts &facts, const std::string &name) {
  auto at = std::ranges::find(facts, name, [](const auto &fact) { return fact.first; });
  return at == facts.end() ? "" : at->second;
}

} // namespace

// " of A" where there are several.
std::string Page::of(const RunRecord &run) const {
  return runs.size() == 1 ? "" : " of " + run.label;
}

void Page::addHead() {
  std::string title;
  for (const RunRecord &run : runs)
    title += (title.empty() ? "" : " and ") + (runs.size() == 1 ? run.name : run.label);
  // The policy forbids the page to load anything, and to run anything but its own script, should a
  // text of the run get through after all.
  html += fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n"
      "<meta charset=\"utf-8\"/>\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
      "media-src data:; style-src 'unsafe-inline'; script-src '{1}'\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
      "<title>{0}</title>\n<style>{2}",
      escapeMarkup(title), pageScriptHash, pageStyle);
  // Of the axes that charts are drawn along, the one that is chosen is shown.
  for (const char *axis : {"step", "time", "bytes"})
    html += fmt::format(".charts .by-{0} {{ display: none; }}\n"
                        "#along-{0}:checked ~ .charts .by-{0} {{ display: inline; }}\n"
                        "#along-{0}:checked ~ label[for=along-{0}] {{ color: inherit; }}\n"
                        "#along-{0}:focus-visible ~ label[for=along-{0}] {{ outline: auto; }}\n",
                        axis);
  html += fmt::format("</style>\n</head>\n<body>\n<main{}>\n<h1>{}</h1>\n",
                      runs.size() == 1 ? "" : " class=\"several\"", escapeMarkup(title));
}

// A column for each run. Of settings, the rows in which runs differ are marked.
void Page::addTable(const std::vector<Facts> &columns, bool marksDifferences) {
  std::vector<std::string> names;
  for (const Facts &facts : columns)
    for (const auto &[name, value] : facts)
      if (std::ranges::find(names, name) == names.end())
        names.push_back(name);
  html += "<table>\n";
  if (columns.size() > 1) {
    html += "<tr><th></th>";
    for (const RunRecord &run : runs)
      html += fmt::format("<th>{}</th>", escapeMarkup(run.label));
    html += "</tr>\n";
  }
  for (const std::string &name : names) {
    std::string cells;
    bool differs = false;
    for (const Facts &facts : columns) {
      std::string value = valueOf(facts, name);
      differs |= value != valueOf(columns[0], name);
      cells += fmt::format("<td>{}</td>", escapeMarkup(value));
    }
    html += fmt::format("<tr{}><th>{}</th>{}</tr>\n",
                        differs && marksDifferences ? " class=\"differs\"" : "", escapeMarkup(name),
                        cells);
  }
  html += "</table>\n";
}

Facts Page::summaryOf(const RunRecord &run) const {
  Facts facts;
  std::string unit = bitsUnit(run.setting("data.kind"));
  if (!run.steps.empty()) {
    const StepMetrics &last = run.steps.back();
    auto lastMean = [&](double StepMetrics::*value) {
      std::vector<double> values;
      for (const StepMetrics &step : run.steps)
        values.push_back(step.*value);
      return movingMean(values, window).back();
    };
    facts.emplace_back("steps", formatCount(last.step));
    if (!std::isnan(last.seconds))
      facts.emplace_back("time of training", formatDuration(last.seconds));
    facts.emplace_back(fmt::format("training {}, mean of the last {} steps", unit,
                                   std::min(window, run.steps.size())),
                       fmt::format("{:.4f}", lastMean(&StepMetrics::bitsPerByte)));
    double rate = lastMean(&StepMetrics::bytesPerSecond);
    if (!std::isnan(rate))
      facts.emplace_back("throughput, likewise",
                         formatCount(std::llround(std::clamp(rate, 0.0, 1e15))) + " bytes/s");
  }
  if (!run.evaluations.empty()) {
    const EvalMetrics &last = run.evaluations.back();
    auto best = std::ranges::min_element(run.evaluations, {}, [](const EvalMetrics &e) {
      return std::isnan(e.bitsPerByte) ? HUGE_VAL : e.bitsPerByte;
    });
    auto text = [](const EvalMetrics &e) {
      return fmt::format("{}, step {}", plusMinus(e.bitsPerByte, e.standardError),
                         formatCount(e.step));
    };
    facts.emplace_back("held-out " + unit + ", last", text(last));
    facts.emplace_back("held-out " + unit + ", best", text(*best));
  }
  return facts;
}

void Page::addNotes(const RunRecord &run) {
  if (run.facts.empty())
    html += fmt::format("<p class=\"note\">The folder{} has no run.json, which would name the "
                        "program and its settings.</p>\n",
                        escapeMarkup(of(run)));
  if (run.brokenLines.empty())
    return;
  bool one = run.brokenLines.size() == 1;
  html += fmt::format("<p class=\"note\">metrics.jsonl{}: {} that could not be read {} left out "
                      "(the first is line {}).</p>\n",
                      escapeMarkup(of(run)),
                      one ? "one line" : formatCount(run.brokenLines.size()) + " lines",
                      one ? "was" : "were", formatCount(run.brokenLines[0]));
}

void Page::addSummary() {
  std::vector<Facts> columns;
  for (const RunRecord &run : runs)
    columns.push_back(summaryOf(run));
  addTable(columns);
  for (const RunRecord &run : runs)
    addNotes(run);
}

void Page::addCurves() {
  html += "<h2>Curves</h2>\n";
  std::vector<Chart> charts = curvesOf(runs);
  for (const ChartAxis &axis : charts[0].axes)
    html += fmt::format("<input class=\"axis\" type=\"radio\" name=\"along\" "
                        "id=\"along-{0}\" value=\"{0}\"{1}/><label class=\"axis\" "
                        "for=\"along-{0}\">{2}</label>\n",
                        axis.name, axis.name == "step" ? " checked=\"checked\"" : "",
                        axis.name == "step"   ? "by step"
                        : axis.name == "time" ? "by time"
                                              : "by data");
  html += "<div class=\"charts\">\n";
  for (const Chart &chart : charts)
    if (std::string svg = drawChart(chart); !svg.empty())
      html += fmt::format("<h3>{}</h3>\n<figure>\n<output></output>\n{}</figure>\n",
                          escapeMarkup(chart.title), svg);
  html += "</div>\n";
}

void Page::addEvaluations(const RunRecord &run) {
  if (run.evaluations.empty())
    return;
  html +=
      fmt::format("<details>\n<summary>All {} evaluations{} on held-out data</summary>\n<table>\n"
                  "<tr><th class=\"number\">step</th><th>{}</th><th class=\"number\">bytes</th>"
                  "</tr>\n",
                  formatCount(run.evaluations.size()), escapeMarkup(of(run)),
                  bitsUnit(run.setting("data.kind")));
  for (const EvalMetrics &e : run.evaluations)
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
  addTable({facts});
}

Result<void> Page::addSamples() {
  for (const RunRecord &run : runs) {
    Result<std::string> samples = samplesOf(run);
    if (!samples)
      return forward(samples);
    if (!samples->empty())
      html += fmt::format("<h2>Samples{}</h2>\n{}", escapeMarkup(of(run)), *samples);
  }
  return {};
}

void Page::addSettings() {
  std::vector<Facts> facts, settings;
  for (const RunRecord &run : runs) {
    facts.push_back(run.facts);
    settings.push_back(run.settings);
  }
  auto areEmpty = [](const std::vector<Facts> &all) {
    return std::ranges::all_of(all, &Facts::empty);
  };
  if (areEmpty(facts))
    return;
  html += fmt::format("<h2>{}</h2>\n", runs.size() == 1 ? "Run" : "Runs");
  addTable(facts, true);
  if (areEmpty(settings))
    return;
  html += "<details>\n<summary>Settings of the specification</summary>\n";
  addTable(settings, true);
  html += "</details>\n";
}

Result<std::string> Page::make() {
  addHead();
  addSummary();
  addCurves();
  for (const RunRecord &run : runs)
    addEvaluations(run);
  addPattern();
  addMemory();
  if (auto added = addSamples(); !added)
    return forward(added);
  addSettings();
  return fmt::format("{}</main>\n<script>{}</script>\n</body>\n</html>\n", html, pageScript);
}

Result<std::string> makePage(std::span<const RunRecord> runs, const program::Program *program) {
  return Page(runs, program).make();
}

} // namespace stc::runtime
