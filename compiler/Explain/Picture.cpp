//===- Picture.cpp - patterns as grids of queries and keys, in SVG --------===//
//
// A cell is one pair or, of a long sequence, g x g pairs, shaded by how many of them are in the
// pattern. Panels share their positions and cells, so that they can be compared. Above them stands,
// where it is asked for, what one position sees: a cell is one position or g x g of them.
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
  /// How many of each cell's positions the one of the image sees; none without an image.
  Counts seen = {};
  bool seesItself = false;
};

/// All positions as an image whose rows hold `width` of them, and one whose keys it shows.
struct Image {
  int64_t position, width, rows, group;
  /// In cells of group x group positions, row by row: how many there are in each.
  int64_t cellRows, cellColumns;
  Counts positions;

  Image(int64_t n, int64_t position, int64_t width)
      : position(position), width(width), rows((n + width - 1) / width),
        group((std::max(rows, width) + maxCells - 1) / maxCells),
        cellRows((rows + group - 1) / group), cellColumns((width + group - 1) / group),
        positions(cellRows * cellColumns) {
    for (int64_t j = 0; j < n; ++j)
      ++positions[cellOf(j)];
  }

  int64_t cellOf(int64_t j) const { return j / width / group * cellColumns + j % width / group; }
  /// Lengths in pixels.
  double side() const { return double(panelSide) / double(std::max(cellRows, cellColumns)); }
  double height() const { return side() * double(cellRows); }
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

namespace {
/// A pattern to draw and who uses it, if that is to be said.
struct Drawn {
  std::string text, note = "";
};
} // namespace

static Scale scaleOf(const std::vector<Drawn> &drawn, int64_t n) {
  int64_t positions = n;
  if (n > maxCells) {
    int64_t period = 0;
    for (const Drawn &one : drawn)
      period = std::max(period, Pattern::extent(one.text, n));
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

/// Adds to each pattern's panel and, last, to that of their union what the position sees.
static void look(const std::vector<Pattern> &patterns, const Image &image, int64_t n,
                 std::vector<Panel> &panels) {
  std::array<std::vector<int64_t>, 2> columns = {std::vector<int64_t>(n, image.position),
                                                 std::vector<int64_t>(n)};
  std::iota(columns[1].begin(), columns[1].end(), 0);
  std::vector<int64_t> any(n);
  auto add = [&](const std::vector<int64_t> &row, Panel &panel) {
    panel.seen.resize(image.positions.size());
    for (int64_t j = 0; j < n; ++j)
      panel.seen[image.cellOf(j)] += row[j] != 0;
    panel.seesItself = row[image.position] != 0;
  };
  for (size_t k = 0; k < patterns.size(); ++k) {
    std::vector<int64_t> row = patterns[k].condition().evaluateMany(columns, n);
    add(row, panels[k]);
    for (int64_t j = 0; j < n; ++j)
      any[j] |= row[j] != 0;
  }
  if (panels.size() > patterns.size())
    add(any, panels.back());
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

/// A colour and its opacity.
using Shade = std::pair<std::string_view, double>;

/// Cells of the shades that shadeOf(row, column) gives, with lines between them.
template <class ShadeOf>
static std::string drawCells(int64_t rows, int64_t columns, double cell, ShadeOf shadeOf) {
  std::string result;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns;) {
      // Neighbours that look alike are one rectangle.
      const Shade shade = shadeOf(row, column);
      int64_t end = column + 1;
      while (end < columns && shadeOf(row, end) == shade)
        ++end;
      if (shade.second > 0)
        result += rectangle(double(column) * cell, double(row) * cell, double(end - column) * cell,
                            cell, shade.first, shade.second);
      column = end;
    }
  std::string path;
  for (int64_t k = 0; k <= std::max(rows, columns); ++k) {
    const double at = double(k) * cell;
    if (k <= columns)
      path += fmt::format("M{:.5g} 0V{:.5g}", at, double(rows) * cell);
    if (k <= rows)
      path += fmt::format("M0 {:.5g}H{:.5g}", at, double(columns) * cell);
  }
  return result +
         fmt::format("<path d=\"{}\" stroke=\"#b8c0c8\" stroke-width=\"{}\" fill=\"none\"/>\n",
                     path, std::max(rows, columns) > maxCells / 2 ? 0.4 : 0.7);
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

/// The colour of a cell: of the panels, the one that has most of it.
static std::string_view colourOf(const Panel &panel, const std::vector<Panel> &owners,
                                 Counts Panel::*counts, size_t k) {
  std::string_view colour = panel.colour;
  int64_t most = 0;
  for (const Panel &owner : owners)
    if ((owner.*counts)[k] > most) {
      most = (owner.*counts)[k];
      colour = owner.colour;
    }
  return colour;
}

static std::string heading(const Panel &panel) {
  std::string result = label(0, -26, "start", " font-weight=\"bold\"", shortened(panel.title));
  if (!panel.note.empty())
    result += label(panelSide, -26, "end", " fill=\"#555\"", panel.note);
  return result;
}

/// Names along the upper and the left edge, and the first and last number of the upper.
static std::string axes(std::string_view across, std::string_view down, double width, double height,
                        int64_t last) {
  return label(width / 2, -8, "middle", " fill=\"#555\"", across) +
         fmt::format("<text transform=\"translate(-8 {:.5g}) rotate(-90)\" text-anchor=\"middle\" "
                     "fill=\"#555\">{}</text>\n",
                     height / 2, down) +
         label(0, -8, "start", " fill=\"#555\"", "0") +
         label(width, -8, "end", " fill=\"#555\"", text::grouped(last));
}

static std::string drawPanel(const Panel &panel, const std::vector<Panel> &owners, Scale scale) {
  auto widthOf = [&](int64_t index) {
    return std::min(scale.group, scale.positions - index * scale.group);
  };
  auto shadeOf = [&](int64_t row, int64_t column) {
    size_t k = row * scale.cells + column;
    double shade = opacity(panel.counts[k], widthOf(row) * widthOf(column));
    return column == row && shade > 0 ? Shade(diagonalColour, 1)
                                      : Shade(colourOf(panel, owners, &Panel::counts, k), shade);
  };
  return axes("key j", "query i", panelSide, panelSide, scale.positions - 1) +
         drawCells(scale.cells, scale.cells, double(panelSide) / double(scale.cells), shadeOf);
}

static std::string drawImage(const Panel &panel, const std::vector<Panel> &owners,
                             const Image &image) {
  const double cell = image.side();
  const int64_t own = image.cellOf(image.position);
  auto shadeOf = [&](int64_t row, int64_t column) {
    size_t k = row * image.cellColumns + column;
    if (int64_t(k) == own && panel.seesItself)
      return Shade(diagonalColour, 1);
    return Shade(colourOf(panel, owners, &Panel::seen, k),
                 opacity(panel.seen[k], image.positions[k]));
  };
  return axes("column", "row", cell * double(image.cellColumns), image.height(), image.width - 1) +
         drawCells(image.cellRows, image.cellColumns, cell, shadeOf) +
         fmt::format("<rect x=\"{:.5g}\" y=\"{:.5g}\" width=\"{:.5g}\" height=\"{:.5g}\" "
                     "stroke=\"{}\" stroke-width=\"2\" fill=\"none\"/>\n",
                     double(own % image.cellColumns) * cell, double(own / image.cellColumns) * cell,
                     cell, cell, diagonalColour);
}

//===----------------------------------------------------------------------===//
// The picture
//===----------------------------------------------------------------------===//

/// What the picture shows, in words.
static std::string legend(Scale scale, const std::optional<Image> &image,
                          const std::string &caption, int64_t n) {
  std::string text = caption + "\n";
  if (image) {
    auto [row, column] = std::div(image->position, image->width);
    text += fmt::format("Above, what position {} sees, in rows of {} positions: row {}, column {}. "
                        "It has a frame, and is dark where it sees itself.\n",
                        text::grouped(image->position), text::grouped(image->width),
                        text::grouped(row), text::grouped(column));
    if (image->group > 1)
      text += fmt::format("A cell is {0} x {0} positions there, darker where more are seen.\n",
                          image->group);
  }
  text += "Row i is a query, column j a key; the diagonal is dark.\n";
  if (scale.positions < n)
    text += fmt::format("The first {} of {} positions are drawn.\n", text::grouped(scale.positions),
                        text::grouped(n));
  if (scale.group > 1)
    text += fmt::format(
        "A cell is {0} x {0} pairs, darker where more of them are in the pattern.\n", scale.group);
  return text;
}

static std::string draw(const std::vector<Panel> &panels, bool lastIsUnion, Scale scale,
                        const std::optional<Image> &image, const std::string &caption, int64_t n) {
  std::vector<Panel> owners(panels.begin(), panels.end() - (lastIsUnion ? 1 : 0));
  int width = 2 * margin + int(panels.size()) * (panelSide + gap) - gap;
  int top = titleHeight + (image ? int(std::ceil(image->height())) + gap : 0);
  std::vector<std::string> lines =
      text::wrapped(legend(scale, image, caption, n), (width - 2 * margin) / characterWidth);
  int height = top + panelSide + int(lines.size() + 1) * lineHeight + margin / 2;
  std::string svg =
      fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                  "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" "
                  "viewBox=\"0 0 {0} {1}\" font-family=\"sans-serif\" font-size=\"13\">\n"
                  "<title>{2}</title>\n"
                  "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
                  width, height, escaped(caption));
  for (size_t k = 0; k < panels.size(); ++k) {
    auto group = [&](int y, const std::string &inside) {
      svg += fmt::format("<g transform=\"translate({} {})\">\n{}</g>\n",
                         margin + int(k) * (panelSide + gap), y, inside);
    };
    const bool isUnion = lastIsUnion && k + 1 == panels.size();
    const std::vector<Panel> colours = isUnion ? owners : std::vector<Panel>();
    const std::string matrix = drawPanel(panels[k], colours, scale);
    if (image)
      group(titleHeight, heading(panels[k]) + drawImage(panels[k], colours, *image));
    group(top, image ? matrix : heading(panels[k]) + matrix);
  }
  double y = top + panelSide + 1.5 * lineHeight;
  for (const std::string &line : lines) {
    svg += label(margin, y, "start", "", line);
    y += lineHeight;
  }
  return svg + "</svg>\n";
}

/// The image of a position whose row and width were asked for, or what is wrong with them.
static tl::expected<Image, pattern::ParseError> imageOf(const SeenFrom &from, int64_t width,
                                                        int64_t n) {
  auto outside = [](std::string_view what, int64_t least, int64_t most, int64_t found) {
    return tl::make_unexpected(pattern::ParseError{
        fmt::format("{}: expected an integer of {} to {}, found '{}'", what, least, most, found),
        0});
  };
  if (from.position < 0 || from.position >= n)
    return outside("--picture-position", 0, n - 1, from.position);
  if (from.width && (*from.width < 1 || *from.width > n))
    return outside("--picture-width", 1, n, *from.width);
  return Image(n, from.position, from.width.value_or(width));
}

/// A panel for each, and one for their union.
static tl::expected<std::string, pattern::ParseError> pictureOf(const std::vector<Drawn> &drawn,
                                                                const std::string &caption,
                                                                int64_t n,
                                                                const std::optional<Image> &image) {
  Scale scale = scaleOf(drawn, n);
  std::vector<Pattern> patterns;
  for (const Drawn &one : drawn) {
    auto pattern = Pattern::parse(one.text, n);
    if (!pattern)
      return tl::make_unexpected(pattern.error());
    patterns.push_back(*pattern);
  }
  std::vector<Counts> counts = countsOf(patterns, scale);
  std::vector<Panel> panels;
  for (size_t k = 0; k < drawn.size(); ++k)
    panels.push_back(
        {drawn[k].text, drawn[k].note, colours[k % colours.size()], std::move(counts[k])});
  bool hasUnion = drawn.size() > 1;
  if (hasUnion)
    panels.push_back({"all together", "", colours[0], std::move(counts.back())});
  if (image)
    look(patterns, *image, n, panels);
  return draw(panels, hasUnion, scale, image, caption, n);
}

/// The image, where one is asked for.
static tl::expected<std::optional<Image>, pattern::ParseError>
imageOf(const std::optional<SeenFrom> &from, int64_t width, int64_t n) {
  if (!from)
    return std::nullopt;
  return imageOf(*from, width, n).map([](Image image) { return std::optional(std::move(image)); });
}

tl::expected<std::string, pattern::ParseError> picturePattern(std::string_view text, int64_t n,
                                                              const std::optional<SeenFrom> &from) {
  std::vector<Drawn> drawn;
  for (std::string &factor : Pattern::factors(text))
    drawn.push_back({std::move(factor)});
  return imageOf(from, pattern::alignedRow({std::string(text)}, n), n).and_then([&](auto image) {
    return pictureOf(drawn, std::string(text), n, image);
  });
}

tl::expected<std::string, pattern::ParseError> pictureHeads(const std::vector<std::string> &inTurn,
                                                            int64_t n) {
  std::vector<std::string> different;
  for (const std::string &head : inTurn)
    if (!std::ranges::count(different, head))
      different.push_back(head);
  std::vector<Drawn> drawn;
  for (const std::string &head : different) {
    std::vector<int64_t> users;
    for (size_t k = 0; k < inTurn.size(); ++k)
      if (inTurn[k] == head)
        users.push_back(int64_t(k));
    drawn.push_back({head, text::indices(users, int64_t(inTurn.size()), "head")});
  }
  return pictureOf(drawn, fmt::format("{} heads", inTurn.size()), n, std::nullopt);
}

/// How many positions a row of a model's data has as an image.
static int64_t rowOf(const spec::Spec &spec) {
  if (spec.data.kind == spec::DataKind::Image)
    return spec.data.shape[1] * spec.data.shape[2];
  if (spec.embedding.kind == spec::EmbeddingKind::Aligned)
    return spec.embedding.stride;
  return pattern::alignedRow(spec.attention.patterns, spec.data.context);
}

static std::vector<int64_t> everyOf(int64_t first, int64_t step, int64_t end) {
  std::vector<int64_t> numbers;
  for (int64_t number = first; number < end; number += step)
    numbers.push_back(number);
  return numbers;
}

/// The factors, of one by head the patterns of its heads, with the layers or heads that use each.
static std::vector<Drawn> drawnOf(const spec::Spec &spec) {
  const std::vector<std::string> factors = spec::factors(spec.attention);
  const int64_t count = int64_t(factors.size()), layers = spec.model.layers,
                heads = spec.model.heads;
  const bool overHeads = spec.attention.integration == spec::Integration::Heads;
  std::vector<Drawn> drawn;
  for (int64_t k = 0; k < count; ++k) {
    std::vector<std::string> notes;
    if (spec.attention.integration == spec::Integration::Interleaved)
      notes.push_back(text::indices(everyOf(k, count, layers), layers, "layer"));
    const std::vector<int64_t> users = overHeads ? everyOf(k, count, heads) : everyOf(0, 1, heads);
    const auto patterns = pattern::headPatterns({factors[k]}, int64_t(users.size()));
    const int64_t step = int64_t(patterns.size()) * (overHeads ? count : 1);
    for (size_t p = 0; p < patterns.size(); ++p) {
      std::vector<std::string> ofOne = notes;
      if (overHeads || patterns.size() > 1)
        ofOne.push_back(text::indices(everyOf(users[p], step, heads), heads, "head"));
      drawn.push_back({patterns[p], fmt::format("{}", fmt::join(ofOne, ", "))});
    }
  }
  return drawn;
}

tl::expected<std::string, pattern::ParseError> pictureModel(const spec::Spec &spec,
                                                            const std::optional<SeenFrom> &from) {
  std::string caption =
      spec.name + ": " + fmt::format("{}", fmt::join(spec.attention.patterns, ", "));
  const int64_t n = spec.data.context;
  return imageOf(from, from ? rowOf(spec) : 0, n).and_then([&](auto image) {
    return pictureOf(drawnOf(spec), caption, n, image);
  });
}

} // namespace stc
