//===- Model.cpp - a model's patterns, layer by layer ---------------------===//
#include "compiler/Explain/Explain.h"
#include "compiler/Explain/Sections.h"
#include "compiler/Explain/Text.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>

namespace stc {

using pattern::Pattern;
using text::field;
using text::grouped;

namespace {

/// One of a model's patterns and the attentions that use it.
struct Use {
  std::string pattern;
  std::vector<int64_t> layers;
  /// The heads of each such layer; they are the same in all.
  std::vector<int64_t> heads;
};

} // namespace

static std::vector<Use> usesOf(const std::vector<std::vector<std::string>> &layers, int64_t heads) {
  std::vector<Use> uses;
  auto useOf = [&](const std::string &pattern) -> Use & {
    auto known = std::ranges::find(uses, pattern, &Use::pattern);
    return known != uses.end() ? *known : uses.emplace_back(Use{pattern, {}, {}});
  };
  for (size_t layer = 0; layer < layers.size(); ++layer)
    for (int64_t head = 0; head < heads; ++head) {
      Use &use = useOf(layers[layer][head % layers[layer].size()]);
      if (use.layers.empty() || use.layers.back() != int64_t(layer))
        use.layers.push_back(layer);
      if (!std::ranges::count(use.heads, head))
        use.heads.push_back(head);
    }
  return uses;
}

static std::string_view integrationOf(const spec::Attention &attention) {
  switch (attention.integration) {
  case spec::Integration::Merged:
    return "merged";
  case spec::Integration::Interleaved:
    return "interleaved";
  case spec::Integration::Heads:
    return "heads";
  }
  return "";
}

/// The heads of one layer as one pattern.
static std::string unionOf(const std::vector<std::string> &heads) {
  std::vector<std::string> different;
  for (const std::string &head : heads)
    if (!std::ranges::count(different, head))
      different.push_back(head);
  return different.size() == 1 ? different[0] : fmt::format("({})", fmt::join(different, ") | ("));
}

static std::string reachOf(const std::vector<std::vector<std::string>> &layers, int64_t n,
                           int64_t factors) {
  std::map<std::string, Pattern> parsed;
  std::vector<Pattern> stack;
  for (const auto &heads : layers) {
    std::string text = unionOf(heads);
    auto known = parsed.find(text);
    if (known == parsed.end()) {
      auto pattern = Pattern::parse(text, n);
      if (!pattern)
        return field("reach", "not decided: " + pattern.error().message);
      known = parsed.emplace(text, *pattern).first;
    }
    stack.push_back(known->second);
  }
  return reachSection(stack, factors);
}

std::string explainModel(const spec::Spec &spec, const TileChooser &tiles) {
  int64_t n = spec.data.context, heads = spec.model.heads, layers = spec.model.layers;
  int64_t factors = int64_t(spec::factors(spec.attention).size());
  std::vector<std::vector<std::string>> patterns;
  for (const std::vector<std::string> &texts : spec::layerPatterns(spec))
    patterns.push_back(pattern::headPatterns(texts, heads));

  std::string result;
  result += field("model", spec.name);
  result += field("parameters", grouped(spec::countParameters(spec)));
  result += field("positions", grouped(n));
  result +=
      field("attention", fmt::format("{} of {}, {}: {}", text::counted(layers, "layer"),
                                     text::counted(heads, "head"), integrationOf(spec.attention),
                                     text::counted(factors, "factor")));

  std::optional<text::Count> pairs = 0;
  text::Count computed = 0;
  bool allCausal = true;
  for (const Use &use : usesOf(patterns, heads)) {
    result += "\n" + field("pattern", use.pattern);
    result += field("used by", text::indices(use.layers, layers, "layer") + ", " +
                                   text::indices(use.heads, heads, "head"));
    auto pattern = Pattern::parse(use.pattern, n);
    if (!pattern) {
      result += field("error",
                      fmt::format("{} (byte {})", pattern.error().message, pattern.error().offset));
      pairs = std::nullopt;
      continue;
    }
    PartsSection parts = partsSection(*pattern, tiles);
    bool causal = isCausal(*pattern);
    allCausal &= causal;
    result +=
        proofsSection(*pattern) + field("pairs", shareOf(parts.pairs, n, 1, causal)) + parts.text;
    text::Count count = text::Count(use.layers.size()) * use.heads.size();
    pairs = pairs && parts.pairs ? std::optional(*pairs + *parts.pairs * count) : std::nullopt;
    computed += parts.computed * count;
  }

  result += "\n" + reachOf(patterns, n, factors);
  result += field("whole model", fmt::format("{} x {}", text::counted(layers, "layer"),
                                             text::counted(heads, "head")));
  result += field("  pairs", shareOf(pairs, n, text::Count(layers) * heads, allCausal));
  std::string waste =
      pairs && *pairs > 0
          ? fmt::format(", {} times the pairs", text::ratio(double(computed) / double(*pairs)))
          : "";
  return result + field("  computed", grouped(computed) + waste);
}

} // namespace stc
