//===- Proofs.cpp - causality, empty rows and reach -----------------------===//
//
// isl decides; what it finds against a claim is evaluated again on the expression itself before it
// is reported, and past the budget the answer is Unknown. Where information does not travel, the
// first positions mostly show it already, and these are evaluated before isl is asked.
//
//===----------------------------------------------------------------------===//

#include "compiler/Pattern/PatternImpl.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <map>
#include <numeric>

using namespace stc::pattern;

namespace {

using Pair = std::pair<int64_t, int64_t>;
/// The first positions, where counterexamples are looked for by evaluation.
constexpr int64_t prefixPositions = 128;
/// The most evaluations that checking isl's answer, or doing without it, may take.
constexpr int64_t maxEvaluations = int64_t(1) << 24;

Proof unknown(std::string reason) { return {Proof::Answer::Unknown, std::nullopt, reason}; }
Proof proved() { return {Proof::Answer::True, std::nullopt, ""}; }
Proof refuted(Pair pair) { return {Proof::Answer::False, pair, ""}; }

/// The smallest pair of a relation, none if it is empty.
std::optional<Pair> firstPair(const isl::map &relation) {
  if (relation.is_empty())
    return std::nullopt;
  isl::point point = relation.wrap().flatten().lexmin().sample_point();
  return Pair{coordinateOfPoint(point, 0), coordinateOfPoint(point, 1)};
}

/// Which j of the first `keys` positions the expression holds for in row i, by evaluating it.
std::vector<int64_t> evaluateRow(const Pattern::Impl &pattern, int64_t i, int64_t keys) {
  std::array<std::vector<int64_t>, 2> columns;
  columns[0].assign(keys, i);
  columns[1].resize(keys);
  std::iota(columns[1].begin(), columns[1].end(), 0);
  return pattern.condition.evaluateMany(columns, keys);
}

/// How many positions a row can hold as keys.
int64_t keysBelow(bool isCausal, int64_t i, int64_t n) { return isCausal ? i + 1 : n; }

/// Whether the parts of an expression alone show that it is causal.
bool isCausalByParts(Context &context, const Syntax &syntax, int64_t n) {
  auto isCausal = [&](const Syntax &operand) { return isCausalByParts(context, operand, n); };
  switch (syntax.kind) {
  case Syntax::Kind::Leaf:
    return context
        .ask(closedFormBudget,
             [&] {
               return relationOf(context, syntax, n)
                   .is_subset(context.map("{ [i] -> [j] : j <= i }"));
             })
        .value_or(false);
  case Syntax::Kind::Union:
    return std::ranges::all_of(syntax.operands, isCausal);
  case Syntax::Kind::Intersection:
    return std::ranges::any_of(syntax.operands, isCausal);
  case Syntax::Kind::Difference:
    return isCausal(syntax.operands.front());
  }
  return false;
}

} // namespace

Proof Pattern::causal() const {
  if (isCausalByParts(*impl->context, impl->syntax, impl->n))
    return proved();
  if (impl->relation.is_null())
    return unknown(impl->whyNoRelation);
  auto future = impl->context->ask(proofBudget, [&] {
    return firstPair(impl->relation.intersect(impl->context->map("{ [i] -> [j] : j > i }")));
  });
  if (!future)
    return unknown(future.error());
  if (!*future)
    return proved();
  auto [i, j] = **future;
  if (j <= i || !contains(i, j))
    return unknown("isl's counterexample did not hold");
  return refuted({i, j});
}

//===----------------------------------------------------------------------===//
// Rows without keys
//===----------------------------------------------------------------------===//

static EmptyRows emptyRowsBySets(const Pattern::Impl &pattern, bool isCausal) {
  std::optional<int64_t> first;
  auto text = pattern.context->ask(emptyRowsBudget, [&]() -> std::string {
    isl::set all = pattern.context->set("{ [i] : 0 <= i < " + std::to_string(pattern.n) + " }");
    isl::set rows = coalesced(all.subtract(pattern.relation.domain()));
    if (rows.is_empty())
      return "";
    first = rows.dim_min_val(0).num_si();
    int64_t last = rows.dim_max_val(0).num_si();
    std::string interval = std::to_string(*first) + " to " + std::to_string(last);
    if (*first == last)
      return std::to_string(last);
    isl::set hull = pattern.context->set("{ [i] : " + std::to_string(*first) +
                                         " <= i <= " + std::to_string(last) + " }");
    if (hull.is_subset(rows))
      return interval;
    static const std::array<std::string, 1> names = {"i"};
    return "i in " + interval + " with " + conditionOf(rows.gist(hull)).str(names);
  });
  if (!first)
    return text ? EmptyRows{proved(), ""} : EmptyRows{unknown(text.error()), ""};
  std::vector<int64_t> keys = evaluateRow(pattern, *first, keysBelow(isCausal, *first, pattern.n));
  if (std::ranges::any_of(keys, [](int64_t holds) { return holds != 0; }))
    return {unknown("isl's counterexample did not hold"), ""};
  return {refuted({*first, -1}), text.value_or(std::to_string(*first) + " and perhaps more")};
}

/// The same by looking at every pair.
static EmptyRows emptyRowsByEvaluation(const Pattern::Impl &pattern, bool isCausal) {
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < pattern.n; ++i)
    if (std::ranges::count(evaluateRow(pattern, i, keysBelow(isCausal, i, pattern.n)), 0) ==
        keysBelow(isCausal, i, pattern.n))
      rows.push_back(i);
  if (rows.empty())
    return {proved(), ""};
  int64_t first = rows.front(), last = rows.back(), count = int64_t(rows.size());
  std::string text = std::to_string(first);
  if (count > 1)
    text += " to " + std::to_string(last);
  if (count < last - first + 1)
    text = std::to_string(count) + " of " + text;
  return {refuted({first, -1}), text};
}

static const EmptyRows &emptyRowsOf(const Pattern &pattern) {
  const Pattern::Impl &impl = Access::impl(pattern);
  if (impl.emptyRows)
    return *impl.emptyRows;
  bool isCausal = pattern.causal().answer == Proof::Answer::True;
  EmptyRows rows = impl.relation.is_null() ? EmptyRows{unknown(impl.whyNoRelation), ""}
                                           : emptyRowsBySets(impl, isCausal);
  if (rows.none.answer == Proof::Answer::Unknown && impl.n * impl.n <= maxEvaluations)
    rows = emptyRowsByEvaluation(impl, isCausal);
  return impl.emptyRows.emplace(std::move(rows));
}

Proof Pattern::noEmptyRow() const { return emptyRowsOf(*this).none; }
std::string Pattern::emptyRows() const { return emptyRowsOf(*this).text; }

bool Pattern::operator==(const Pattern &other) const {
  if (impl == other.impl)
    return true;
  if (size() != other.size() || impl->relation.is_null() || other.impl->relation.is_null())
    return false;
  auto equal = impl->context->ask(proofBudget, [&] {
    return impl->relation.is_equal(relationOf(*impl->context, other.impl->syntax, size()));
  });
  return equal.value_or(false);
}

//===----------------------------------------------------------------------===//
// Reach
//===----------------------------------------------------------------------===//

/// By evaluation alone: does information at j reach i through the layers? No value if that would
/// take too long.
static std::optional<bool> reachesByEvaluation(const std::vector<Pattern> &layers, size_t depth,
                                               bool isCausal, int64_t i, int64_t j) {
  int64_t positions = keysBelow(isCausal, i, layers[0].size()), evaluations = 0;
  // The positions at layer k that reach i by the layers above it, and for each different pattern
  // those whose keys are among them already.
  std::vector<char> reached(positions);
  std::map<const Pattern::Impl *, std::vector<char>> looked;
  reached[i] = true;
  for (size_t k = depth; k-- > 1;) {
    const Pattern::Impl &layer = Access::impl(layers[k]);
    std::vector<char> next = reached, &done = looked[&layer];
    done.resize(positions);
    for (int64_t query = 0; query < positions; ++query) {
      if (!reached[query] || done[query])
        continue;
      done[query] = true;
      int64_t keys = keysBelow(isCausal, query, positions);
      evaluations += keys;
      if (evaluations > maxEvaluations)
        return std::nullopt;
      std::vector<int64_t> row = evaluateRow(layer, query, keys);
      for (int64_t key = 0; key < keys; ++key)
        next[key] |= row[key] != 0;
    }
    reached = std::move(next);
  }
  // The last step only has to look at j.
  for (int64_t query = 0; query < positions; ++query)
    if (reached[query] && (query == j || layers[0].contains(query, j)))
      return true;
  return false;
}

/// What evaluating the first positions finds.
struct PrefixReach {
  /// After so many layers every j <= i reaches i; 0 if that is never so.
  int hops = 0;
  /// Else the first pair that does not, after all layers.
  std::optional<Pair> missing;
};

/// Follows information among the first positions alone, as rows of bits.
static PrefixReach reachOfPrefix(const std::vector<Pattern> &layers, size_t depth,
                                 int64_t positions) {
  using Rows = std::vector<std::bitset<prefixPositions>>;
  std::map<const Pattern::Impl *, Rows> known;
  // The positions below all layers that reach each position.
  Rows reached(positions);
  for (int64_t i = 0; i < positions; ++i)
    reached[i].set(i);
  PrefixReach result;
  for (size_t k = 0; k < depth; ++k) {
    const Pattern::Impl &layer = Access::impl(layers[k]);
    Rows &keys = known[&layer];
    for (int64_t i = keys.size(); i < positions; ++i) {
      std::vector<int64_t> row = evaluateRow(layer, i, positions);
      keys.emplace_back();
      for (int64_t j = 0; j < positions; ++j)
        keys[i].set(j, row[j] != 0);
    }
    Rows next = reached;
    for (int64_t i = 0; i < positions; ++i)
      for (int64_t j = 0; j < positions; ++j)
        if (keys[i][j])
          next[i] |= reached[j];
    reached = std::move(next);
    result.missing.reset();
    for (int64_t i = 0; i < positions && !result.missing; ++i)
      for (int64_t j = 0; j <= i && !result.missing; ++j)
        if (!reached[i][j])
          result.missing = {i, j};
    if (!result.missing) {
      result.hops = int(k) + 1;
      break;
    }
  }
  return result;
}

/// The same over all positions, by composing relations.
static Reach reachBySets(const std::vector<Pattern> &layers, size_t depth, bool isCausal) {
  const Pattern::Impl &first = Access::impl(layers[0]);
  for (const Pattern &layer : layers)
    if (Access::impl(layer).relation.is_null())
      return {unknown(Access::impl(layer).whyNoRelation), 0};
  Context &context = *first.context;
  int hops = 0;
  auto missing = context.ask(proofBudget, [&]() -> std::optional<Pair> {
    isl::map identity = context.map("{ [i] -> [i] }");
    isl::map past = context.map("{ [i] -> [j] : 0 <= j <= i < " + std::to_string(first.n) + " }");
    isl::map reached = identity, left = past;
    for (size_t k = 0; k < depth; ++k) {
      isl::map step = relationOf(context, Access::impl(layers[k]).syntax, first.n);
      reached = coalesced(step.unite(identity).apply_range(reached));
      left = past.subtract(reached);
      if (left.is_empty()) {
        hops = int(k) + 1;
        return std::nullopt;
      }
    }
    return firstPair(left);
  });
  if (!missing)
    return {unknown(missing.error()), 0};
  if (!*missing)
    return {proved(), hops};
  auto [i, j] = **missing;
  std::optional<bool> reachable = reachesByEvaluation(layers, depth, isCausal, i, j);
  if (!reachable)
    return {unknown("isl's counterexample takes too long to check"), 0};
  if (*reachable)
    return {unknown("isl's counterexample did not hold"), 0};
  return {refuted({i, j}), 0};
}

Reach stc::pattern::reaches(const std::vector<Pattern> &layers, int maxHops) {
  if (layers.empty() || maxHops < 1)
    return {unknown("expected at least one layer and one hop"), 0};
  int64_t n = layers[0].size();
  for (const Pattern &layer : layers)
    if (layer.size() != n)
      return {unknown("expected layers of one length"), 0};
  size_t depth = std::min(layers.size(), size_t(maxHops));
  bool isCausal = std::ranges::all_of(
      layers, [](const Pattern &layer) { return layer.causal().answer == Proof::Answer::True; });
  // No path through causal layers leaves the prefix that its ends are in.
  if (isCausal || n <= prefixPositions) {
    PrefixReach prefix = reachOfPrefix(layers, depth, std::min(n, prefixPositions));
    if (prefix.missing)
      return {refuted(*prefix.missing), 0};
    if (n <= prefixPositions)
      return {proved(), prefix.hops};
  }
  return reachBySets(layers, depth, isCausal);
}
