//===- Proofs.cpp - causality, empty rows and reach -----------------------===//
//
// isl decides; what it finds against a claim is evaluated again on the expression itself before it
// is reported, and past the budget the answer is Unknown.
//
//===----------------------------------------------------------------------===//

#include "compiler/Pattern/PatternImpl.h"

#include <isl/point.h>
#include <isl/val.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>

using namespace stc::pattern;

namespace {

using Pair = std::pair<int64_t, int64_t>;
/// The most evaluations that checking a counterexample may take.
constexpr int64_t maxEvaluations = int64_t(1) << 24;

Proof unknown(std::string reason) { return {Proof::Answer::Unknown, std::nullopt, reason}; }
Proof proved() { return {Proof::Answer::True, std::nullopt, ""}; }
Proof refuted(Pair pair) { return {Proof::Answer::False, pair, ""}; }

int64_t coordinate(const isl::point &point, int index) {
  return isl::manage(isl_point_get_coordinate_val(point.get(), isl_dim_set, index)).num_si();
}

/// The smallest pair of a relation, none if it is empty.
std::optional<Pair> firstPair(const isl::map &relation) {
  if (relation.is_empty())
    return std::nullopt;
  isl::point point = relation.wrap().flatten().lexmin().sample_point();
  return Pair{coordinate(point, 0), coordinate(point, 1)};
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

} // namespace

Proof Pattern::causal() const {
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

static isl::set rowsWithoutKeys(const Pattern::Impl &pattern) {
  isl::set rows = pattern.context->set("{ [i] : 0 <= i < " + std::to_string(pattern.n) + " }");
  return coalesced(rows.subtract(pattern.relation.domain()));
}

Proof Pattern::noEmptyRow() const {
  if (impl->relation.is_null())
    return unknown(impl->whyNoRelation);
  auto row = impl->context->ask(proofBudget, [&]() -> std::optional<int64_t> {
    isl::set rows = rowsWithoutKeys(*impl);
    if (rows.is_empty())
      return std::nullopt;
    return rows.dim_min_val(0).num_si();
  });
  if (!row)
    return unknown(row.error());
  if (!*row)
    return proved();
  bool isCausal = causal().answer == Proof::Answer::True;
  std::vector<int64_t> keys = evaluateRow(*impl, **row, keysBelow(isCausal, **row, impl->n));
  if (std::ranges::any_of(keys, [](int64_t holds) { return holds != 0; }))
    return unknown("isl's counterexample did not hold");
  return refuted({**row, -1});
}

std::string Pattern::emptyRows() const {
  if (impl->relation.is_null())
    return "";
  auto text = impl->context->ask(proofBudget, [&]() -> std::string {
    isl::set rows = rowsWithoutKeys(*impl);
    if (rows.is_empty())
      return "";
    int64_t first = rows.dim_min_val(0).num_si(), last = rows.dim_max_val(0).num_si();
    std::string interval = std::to_string(first) + " to " + std::to_string(last);
    if (first == last)
      return std::to_string(first);
    isl::set hull = impl->context->set("{ [i] : " + std::to_string(first) +
                                       " <= i <= " + std::to_string(last) + " }");
    if (hull.is_subset(rows))
      return interval;
    static const std::array<std::string, 1> names = {"i"};
    return "i in " + interval + " with " + conditionOf(rows.gist(hull)).str(names);
  });
  return text.value_or("");
}

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

Reach stc::pattern::reaches(const std::vector<Pattern> &layers, int maxHops) {
  if (layers.empty() || maxHops < 1)
    return {unknown("expected at least one layer and one hop"), 0};
  const Pattern::Impl &first = Access::impl(layers[0]);
  for (const Pattern &layer : layers) {
    if (layer.size() != first.n)
      return {unknown("expected layers of one length"), 0};
    if (Access::impl(layer).relation.is_null())
      return {unknown(Access::impl(layer).whyNoRelation), 0};
  }
  Context &context = *first.context;
  size_t depth = std::min(layers.size(), size_t(maxHops));
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
  bool isCausal = std::ranges::all_of(
      layers, [](const Pattern &layer) { return layer.causal().answer == Proof::Answer::True; });
  std::optional<bool> reachable = reachesByEvaluation(layers, depth, isCausal, i, j);
  if (!reachable)
    return {unknown("isl's counterexample takes too long to check"), 0};
  if (*reachable)
    return {unknown("isl's counterexample did not hold"), 0};
  return {refuted({i, j}), 0};
}
