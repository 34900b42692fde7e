//===- Explain.cpp - one pattern's proofs, parts and tiles ----------------===//
#include "compiler/Explain/Explain.h"

#include "compiler/Explain/Sections.h"
#include "compiler/Explain/Text.h"

#include <algorithm>
#include <fmt/format.h>

namespace stc {

using pattern::Pattern;
using pattern::Proof;
using pattern::TileCount;
using pattern::Walk;
using text::field;
using text::grouped;

bool isCausal(const Pattern &pattern) { return pattern.causal().answer == Proof::Answer::True; }

std::string shareOf(std::optional<text::Count> pairs, int64_t n, text::Count count, bool isCausal) {
  text::Count all = (isCausal ? n * (n + 1) / 2 : n * n) * count;
  std::string where = isCausal ? " with j <= i" : "";
  if (!pairs)
    return "not counted, that would take too long";
  if (*pairs == 0)
    return "0";
  if (*pairs == all)
    return grouped(all) + ", all" + where;
  return fmt::format("{}, 1 / {} of the {}{}", grouped(*pairs),
                     text::ratio(double(all) / double(*pairs)), grouped(all), where);
}

static std::string causality(const Proof &causal) {
  switch (causal.answer) {
  case Proof::Answer::True:
    return "yes";
  case Proof::Answer::False:
    return fmt::format("no, position {} attends to {}", grouped(causal.counterexample->first),
                       grouped(causal.counterexample->second));
  case Proof::Answer::Unknown:
    break;
  }
  return "not decided: " + causal.reason;
}

static std::string emptyRows(const Pattern &pattern) {
  Proof proof = pattern.noEmptyRow();
  if (proof.answer == Proof::Answer::True)
    return "none";
  if (proof.answer == Proof::Answer::Unknown)
    return "not decided: " + proof.reason;
  return pattern.emptyRows() + " (they attend to nothing; the output is zero)";
}

std::string proofsSection(const Pattern &pattern) {
  return field("causal", causality(pattern.causal())) + field("empty rows", emptyRows(pattern));
}

//===----------------------------------------------------------------------===//
// Parts and tiles
//===----------------------------------------------------------------------===//

/// Tiles, and pairs where they could be counted.
struct Cost {
  TileCount tiles;
  std::optional<int64_t> pairs = 0;

  Cost &operator+=(const Cost &other) {
    tiles.full += other.tiles.full;
    tiles.partial += other.tiles.partial;
    tiles.skipped += other.tiles.skipped;
    tiles.pairs += other.tiles.pairs;
    pairs = pairs && other.pairs ? std::optional(*pairs + *other.pairs) : std::nullopt;
    return *this;
  }
};

static std::vector<std::string> costRow(const std::string &name, const std::string &tile,
                                        const Cost &cost) {
  std::string waste = "-";
  if (cost.pairs && *cost.pairs > 0)
    waste = text::ratio(double(cost.tiles.pairs) / double(*cost.pairs));
  return {name,
          tile,
          grouped(cost.tiles.full),
          grouped(cost.tiles.partial),
          grouped(cost.tiles.skipped),
          cost.pairs ? grouped(*cost.pairs) : "not counted",
          grouped(cost.tiles.pairs),
          waste};
}

/// What tells several ranges apart: their views are the identity, rows are positions.
static std::string numberText(const pattern::Segment &segment) {
  static const std::array<std::string, 3> names = {"r", "i", "j"};
  return segment.numbered->number.str(names);
}

/// The ways that were looked at, by what they compute over what the one that was taken does.
static std::string choicesSection(const Pattern &pattern, const std::vector<std::string> &parts) {
  std::string text;
  for (const pattern::Choice &choice : pattern.choices()) {
    const auto part = std::ranges::find(parts, choice.pairs);
    text +=
        field("choice of", part == parts.end() ? choice.pairs
                                               : fmt::format("part {}", part - parts.begin() + 1));
    const std::optional<double> taken = choice.ways[choice.taken].computed;
    for (size_t k = 0; k < choice.ways.size(); ++k) {
      const auto &[way, computed] = choice.ways[k];
      std::string figure = k == choice.taken     ? "taken"
                           : !computed           ? "isl fails"
                           : taken && *taken > 0 ? text::ratio(*computed / *taken) + " x"
                                                 : "more";
      text += field("  " + figure, way);
    }
  }
  return text;
}

PartsSection partsSection(const Pattern &pattern, const TileChooser &tiles) {
  std::vector<std::vector<std::string>> rows = {
      {"part", "tile", "full tiles", "partial", "skipped", "pairs", "computed", "waste"}};
  std::string parts;
  std::vector<std::string> texts;
  Cost total;
  size_t part = 0, walkNumber = 0;
  std::vector<Walk> walks = pattern.walks();
  for (const Walk &walk : walks) {
    ++walkNumber;
    TileSize tile = tiles(walk, pattern.size());
    for (const pattern::Segment &segment : walk.segments) {
      Walk alone{walk.query, {segment}};
      Cost cost{countTiles(alone, pattern.size(), tile.queries, tile.keys), countPairs(alone)};
      total += cost;
      rows.push_back(
          costRow(std::to_string(++part), fmt::format("{} x {}", tile.queries, tile.keys), cost));
      parts += field(fmt::format("part {}", part), segment.text);
      texts.push_back(segment.text);
      std::string kernel = walks.size() > 1 ? fmt::format(" (kernel {})", walkNumber) : "";
      parts += field("  queries", segment.query.str() + kernel);
      parts += field("  keys", segment.key.str(segment.residues));
      if (pattern::Range range = segment.keysOf(tile.queries); range.isFallback)
        parts += field("  bounds",
                       "those of the least and the greatest distance: isl gave up on others");
      else if (range.listed)
        parts += field("  list", fmt::format("of {} tiles of keys", grouped(range.listed)));
      else if (range.isSeveral)
        parts += field("  ranges", "one for each " + numberText(segment));
    }
  }
  if (!pattern.whyWhole().empty())
    parts += field("one part", "of all pairs: " + pattern.whyWhole());
  if (part > 1)
    rows.push_back(costRow("all", "", total));
  if (part > 0)
    parts += "tiles of queries x keys:\n" + text::table(rows);
  parts += choicesSection(pattern, texts);
  return {parts, total.pairs, total.tiles.pairs};
}

//===----------------------------------------------------------------------===//
// Reach
//===----------------------------------------------------------------------===//

std::string reachSection(const std::vector<Pattern> &layers, int64_t factors) {
  int64_t allowed = factors + 1, all = int64_t(layers.size());
  pattern::Reach reach = reaches(layers, int(allowed));
  std::string limit = fmt::format("{} allowed for {}", allowed, text::counted(factors, "factor"));
  if (reach.proof.answer == Proof::Answer::Unknown)
    return field("reach", "not decided: " + reach.proof.reason);
  if (reach.proof.answer == Proof::Answer::True)
    return field("reach", fmt::format("valid: every position reaches all later ones within {} ({})",
                                      text::counted(reach.hops, "layer"), limit));
  auto pairText = [](const Proof &proof) {
    auto [i, j] = *proof.counterexample;
    return fmt::format("position {} does not reach {}", grouped(j), grouped(i));
  };
  std::string result =
      field("reach", fmt::format("not valid: {} within {} ({})", pairText(reach.proof),
                                 text::counted(std::min(allowed, all), "layer"), limit));
  if (all <= allowed)
    return result;
  reach = reaches(layers, int(all));
  std::string stack = fmt::format("all {} layers: ", all);
  if (reach.proof.answer == Proof::Answer::True)
    stack += fmt::format("every position reaches all later ones within {}",
                         text::counted(reach.hops, "layer"));
  else if (reach.proof.answer == Proof::Answer::False)
    stack += pairText(reach.proof);
  else
    stack += "not decided: " + reach.proof.reason;
  return result + field("", stack);
}

std::string explainPattern(const Pattern &pattern, const TileChooser &tiles) {
  int64_t n = pattern.size(), factors = int64_t(Pattern::factors(pattern.text()).size());
  PartsSection parts = partsSection(pattern, tiles);
  return field("pattern", pattern.text()) + field("positions", grouped(n)) +
         proofsSection(pattern) + field("pairs", shareOf(parts.pairs, n, 1, isCausal(pattern))) +
         reachSection(std::vector(factors + 1, pattern), factors) + parts.text;
}

} // namespace stc
