//===- Sections.h - the paragraphs that both explanations share -----------===//
#pragma once

#include "compiler/Explain/Explain.h"
#include "compiler/Explain/Text.h"

#include <optional>
#include <vector>

namespace stc {

/// A paragraph with the numbers that are in it.
struct PartsSection {
  std::string text;
  /// No value if it was not found within the budget.
  std::optional<int64_t> pairs;
  int64_t computed = 0;
};

/// True if it is proved that no position attends to a later one.
bool isCausal(const pattern::Pattern &pattern);
/// The pairs of a pattern as a share of those with j <= i, or of all where positions may attend to
/// later ones; where there are several, of `count` attentions.
std::string shareOf(std::optional<text::Count> pairs, int64_t n, text::Count count, bool isCausal);

/// Causal or not, and which rows are empty.
std::string proofsSection(const pattern::Pattern &pattern);
/// The parts with their views, and the tiles that they visit.
PartsSection partsSection(const pattern::Pattern &pattern, const TileChooser &tiles);
/// How far information travels through the layers, against the paper's factors + 1.
std::string reachSection(const std::vector<pattern::Pattern> &layers, int64_t factors);

} // namespace stc
