//===- Picture.cpp - patterns as grids of queries and keys, in SVG --------===//
//
// A cell is one pair or, of a long sequence, g x g pairs, shaded by how many of them are in the
// pattern. Panels share their positions and cells, so that they can be compared.
//
//===----------------------------------------------------------------------===//
#include "compiler/Explain/Explain.h"
#include "compiler/Explain/Text.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace stc {

using pattern::Pattern;

namespace {

/// The most cells of a panel's side, the periods of the pattern that are drawn, and the most
/// positions that these may be.
constexpr int64_t maxCells = 64, periods = 4, maxPositions = 8192;
/// Lengths in pixels.
constexpr int panelSide = 384, gap = 40, margin = 32, titleHeight = 56, lineHeight = 18;
constexpr int characterWidth = 7;
constexpr size_t charactersOfTitle = 34;

/// Colours of the factors; past the last they start again.
constexpr std::array<std::string_view, 6> colours = {"#2f6db3", "#7fb8e6", "#3d9a6b",
                                                     "#e0a030", "#a05fb4", "#c8553d"};
constexpr std::string_view diagonalColour = "#0b2545";

/// Which positions are drawn, and how.
struct Scale {
  int64_t positions, group, cells;
};

/// How many of each cell's pairs are in a pattern, row by row.
using Counts = std::vector<int64_t>;

struct Panel {
  std::string title, note;
  std::string_view colour;
  Counts counts;
};

} // namespace

static std::string escaped(std::string_view text) {
  std::string result;
  for (char c : text) {
    if (c == '&')
      result += "&amp;";
    else if (c == '<')
      result += "&lt;";
    else if (c == '>')
      result += "&gt;";
    else if (c == '"')
      result += "&quot;";
    else
      result += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return result;
}

static Scale scaleOf(const std::vector<std::string> &factors, int64_t n) {
  int64_t positions = n;
  if (n > maxCells) {
    int64_t period = 0;
    for (const std::string &factor : factors)
      period = std::max(period, Pattern::extent(factor, n));
    // Where there is none, all positions look alike.
    positions =
        std::min(n, std::clamp(periods * period, period ? maxCells / 2 : maxCells, maxPositions));
  }
  int64_t group = (positions + maxCells - 1) / maxCells;
  return {positions, group, (positions + group - 1) / group};
}

/// The counts of each pattern and, last, of their union.
static std::vector<Counts> countsOf(const std::vector<Pattern> &patterns, Scale scale) {
  std::vector<Counts> counts(patterns.size() + 1, Counts(scale.cells * scale.cells));
  std::array<std::vector<int64_t>, 2> columns;
  columns[1].resize(scale.positions);
  std::iota(columns[1].begin(), columns[1].end(), 0);
  bool isCausal = std::ranges::all_of(patterns, [](const Pattern &pattern) {
    return pattern.causal().answer == pattern::Proof::Answer::True;
  });
  for (int64_t i = 0; i < scale.positions; ++i) {
    int64_t keys = isCausal ? i + 1 : scale.positions, first = i / scale.group * scale.cells;
    columns[0].assign(keys, i);
    std::vector<char> any(keys);
    auto add = [&](const auto &row, Counts &into) {
      for (int64_t j = 0; j < keys; ++j)
        into[first + j / scale.group] += row[j] != 0;
    };
    for (size_t k = 0; k < patterns.size(); ++k) {
      std::vector<int64_t> row = patterns[k].condition().evaluateMany(columns, keys);
      add(row, counts[k]);
      for (int64_t j = 0; j < keys; ++j)
        any[j] |= row[j] != 0;
    }
    add(any, counts.back());
  }
  return counts;
}

//===----------------------------------------------------------------------===//
// One panel
//===----------------------------------------------------------------------===//

/// A cell with few pairs has to be seen, so shades start well above none.
static double opacity(int64_t count, int64_t all) {
  return count == 0 ? 0 : 0.35 + 0.65 * std::sqrt(double(count) / double(all));
}

static std::string rectangle(double x, double y, double width, double height,
                             std::string_view colour, double opacity) {
  return fmt::format("<rect x=\"{:.5g}\" y=\"{:.5g}\" width=\"{:.5g}\" height=\"{:.5g}\" "
                     "fill=\"{}\"{}/>\n",
                     x, y, width, height, colour,
                     opacity < 1 ? fmt::format(" fill-opacity=\"{:.2f}\"", opacity) : "");
}

static std::string grid(Scale scale, double cell) {
  std::string path;
  for (int64_t k = 0; k <= scale.cells; ++k)
    path += fmt::format("M{0:.5g} 0V{1:.5g}M0 {0:.5g}H{1:.5g}", double(k) * cell,
                        double(scale.cells) * cell);
  return fmt::format("<path d=\"{}\" stroke=\"#b8c0c8\" stroke-width=\"{}\" fill=\"none\"/>\n",
                     path, scale.cells > maxCells / 2 ? 0.4 : 0.7);
}

static std::string label(double x, double y, std::string_view anchor, std::string_view style,
                         std::string_view text) {
  return fmt::format("<text x=\"{:.5g}\" y=\"{:.5g}\" text-anchor=\"{}\"{}>{}</text>\n", x, y,
                     anchor, style, escaped(text));
}

static std::string shortened(const std::string &title) {
  if (title.size() <= charactersOfTitle)
    return title;
  size_t end = charactersOfTitle - 3;
  while (end > 0 && (title[end] & 0xC0) == 0x80)
    --end;
  return title.substr(0, end) + "...";
}

/// The colour of each cell: of the panels, the one that has most of the cell's pairs.
static std::string_view colourOf(const Panel &panel, const std::vector<Panel> &owners, size_t k) {
  std::string_view colour = panel.colour;
  int64_t most = 0;
  for (const Panel &owner : owners)
    if (owner.counts[k] > most) {
      most = owner.counts[k];
      colour = owner.colour;
    }
  return colour;
}

static std::string drawPanel(const Panel &panel, const std::vector<Panel> &owners, Scale scale) {
  double cell = double(panelSide) / double(scale.cells), side = panelSide;
  std::string result = label(0, -26, "start", " font-weight=\"bold\"", shortened(panel.title));
  if (!panel.note.empty())
    result += label(side, -26, "end", " fill=\"#555\"", panel.note);
  result += label(side / 2, -8, "middle", " fill=\"#555\"", "key j");
  result += fmt::format("<text transform=\"translate(-8 {}) rotate(-90)\" text-anchor=\"middle\" "
                        "fill=\"#555\">query i</text>\n",
                        side / 2);
  std::string last = text::grouped(scale.positions - 1);
  result += label(0, -8, "start", " fill=\"#555\"", "0");
  result += label(side, -8, "end", " fill=\"#555\"", last);

  auto widthOf = [&](int64_t index) {
    return std::min(scale.group, scale.positions - index * scale.group);
  };
  for (int64_t row = 0; row < scale.cells; ++row)
    for (int64_t column = 0; column < scale.cells;) {
      auto shadeOf = [&](int64_t at) {
        size_t k = row * scale.cells + at;
        double shade = opacity(panel.counts[k], widthOf(row) * widthOf(at));
        return at == row && shade > 0 ? std::pair(diagonalColour, 1.0)
                                      : std::pair(colourOf(panel, owners, k), shade);
      };
      // Neighbours that look alike are one rectangle.
      auto shade = shadeOf(column);
      int64_t end = column + 1;
      while (end < scale.cells && shadeOf(end) == shade)
        ++end;
      if (shade.second > 0)
        result += rectangle(double(column) * cell, double(row) * cell, double(end - column) * cell,
                            cell, shade.first, shade.second);
      column = end;
    }
  return result + grid(scale, cell);
}

//===----------------------------------------------------------------------===//
// The picture
//===----------------------------------------------------------------------===//

static std::string draw(const std::vector<Panel> &panels, bool lastIsUnion, Scale scale,
                        const std::string &caption, int64_t n) {
  std::vector<Panel> owners(panels.begin(), panels.end() - (lastIsUnion ? 1 : 0));
  int width = 2 * margin + int(panels.size()) * (panelSide + gap) - gap;
  std::string text = caption + "\nRow i is a query, column j a key; the diagonal is dark.\n";
  if (scale.positions < n)
    text += fmt::format("The first {} of {} positions are drawn.\n", text::grouped(scale.positions),
                        text::grouped(n));
  if (scale.group > 1)
    text += fmt::format(
        "A cell is {0} x {0} pairs, darker where more of them are in the pattern.\n", scale.group);
  std::vector<std::string> lines = text::wrapped(text, (width - 2 * margin) / characterWidth);
  int height = titleHeight + panelSide + int(lines.size() + 1) * lineHeight + margin / 2;
  std::string svg =
      fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                  "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" "
                  "viewBox=\"0 0 {0} {1}\" font-family=\"sans-serif\" font-size=\"13\">\n"
                  "<title>{2}</title>\n"
                  "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
                  width, height, escaped(caption));
  for (size_t k = 0; k < panels.size(); ++k) {
    bool isUnion = lastIsUnion && k + 1 == panels.size();
    svg += fmt::format("<g transform=\"translate({} {})\">\n", margin + int(k) * (panelSide + gap),
                       titleHeight);
    svg += drawPanel(panels[k], isUnion ? owners : std::vector<Panel>(), scale) + "</g>\n";
  }
  double y = titleHeight + panelSide + 1.5 * lineHeight;
  for (const std::string &line : lines) {
    svg += label(margin, y, "start", "", line);
    y += lineHeight;
  }
  return svg + "</svg>\n";
}

/// A panel for each factor, with its note, and one for their union.
static tl::expected<std::string, pattern::ParseError>
pictureOf(const std::vector<std::string> &factors, const std::vector<std::string> &notes,
          const std::string &caption, int64_t n) {
  Scale scale = scaleOf(factors, n);
  std::vector<Pattern> patterns;
  for (const std::string &factor : factors) {
    auto pattern = Pattern::parse(factor, n);
    if (!pattern)
      return tl::make_unexpected(pattern.error());
    patterns.push_back(*pattern);
  }
  std::vector<Counts> counts = countsOf(patterns, scale);
  std::vector<Panel> panels;
  for (size_t k = 0; k < factors.size(); ++k)
    panels.push_back({factors[k], notes[k], colours[k % colours.size()], std::move(counts[k])});
  bool hasUnion = factors.size() > 1;
  if (hasUnion)
    panels.push_back({"all together", "", colours[0], std::move(counts.back())});
  return draw(panels, hasUnion, scale, caption, n);
}

tl::expected<std::string, pattern::ParseError> picturePattern(std::string_view text, int64_t n) {
  std::vector<std::string> factors = Pattern::factors(text);
  return pictureOf(factors, std::vector<std::string>(factors.size()), std::string(text), n);
}

tl::expected<std::string, pattern::ParseError> pictureModel(const spec::Spec &spec) {
  std::vector<std::string> factors = spec::factors(spec.attention), notes(factors.size());
  bool overLayers = spec.attention.integration == spec::Integration::Interleaved;
  if (overLayers || spec.attention.integration == spec::Integration::Heads) {
    int64_t count = overLayers ? spec.model.layers : spec.model.heads;
    for (size_t k = 0; k < factors.size(); ++k) {
      std::vector<int64_t> users;
      for (int64_t user = int64_t(k); user < count; user += int64_t(factors.size()))
        users.push_back(user);
      notes[k] = text::indices(users, count, overLayers ? "layer" : "head");
    }
  }
  std::string caption =
      spec.name + ": " + fmt::format("{}", fmt::join(spec.attention.patterns, ", "));
  return pictureOf(factors, notes, caption, spec.data.context);
}

} // namespace stc
