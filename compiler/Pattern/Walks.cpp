//===- Walks.cpp - disjoint parts and the views in which they are dense ---===//
//
// 1. The pattern's text says how to split: a union is a list of operands, over which differences
//    and intersections distribute.
// 2. Operands that are dense where they stand come first; from each the ones before it are taken
//    away, so that the parts are disjoint.
// 3. Each part's views are proposed from the moduli in the text and from the part itself, accepted
//    when isl proves that they hold all its pairs, and chosen by the tiles that they visit.
// 4. A part whose disjuncts, each in its own views, visit clearly fewer tiles is split into them.
// 5. Parts that together visit no more tiles than apart become one.
//
//===----------------------------------------------------------------------===//

#include "compiler/Pattern/PatternImpl.h"

#include <algorithm>
#include <array>
#include <cmath>

using namespace stc::pattern;

namespace {

constexpr size_t maxOperands = 16;
constexpr size_t maxModuli = 6;
constexpr unsigned maxDisjuncts = 16;
/// The tile for which views are compared, and how many of a view's tiles are looked at.
constexpr int64_t queryTile = 32, keyTile = 16, maxSamples = 24;

struct Views {
  View query, key;
  bool operator==(const Views &) const = default;
};

/// A part of the pattern in its views.
struct Part {
  isl::map pairs;
  isl::set points;
  Views views;
  /// About how many pairs its tiles compute: found when needed.
  std::optional<double> cost;
};

class Splitter {
public:
  explicit Splitter(const Pattern::Impl &pattern)
      : pattern(pattern), context(*pattern.context), n(pattern.n) {
    for (int64_t modulus : divisors(pattern.syntax))
      if (modulus > 1 && modulus < n && moduli.size() < maxModuli)
        moduli.push_back(modulus);
  }

  std::vector<Part> split() {
    std::vector<Part> operands;
    for (const isl::map &pairs : flatten(pattern.syntax).operands)
      if (!pairs.is_empty())
        operands.push_back(inBestViews(pairs));
    std::ranges::stable_sort(operands, {}, [](const Part &part) { return part.views != Views(); });
    std::vector<Part> parts;
    isl::map before = pattern.relation.subtract(pattern.relation);
    for (const Part &operand : operands) {
      if (operand.pairs.is_disjoint(before))
        addSplit(parts, operand);
      else if (isl::map rest = coalesced(operand.pairs.subtract(before)); !rest.is_empty())
        addSplit(parts, inBestViews(rest));
      before = coalesced(before.unite(operand.pairs));
    }
    merge(parts);
    return parts;
  }

private:
  /// An expression's pairs, and the same as a union of operands; of one if they are many.
  struct Union {
    isl::map whole;
    std::vector<isl::map> operands;
  };

  Union flatten(const Syntax &syntax) {
    if (syntax.kind == Syntax::Kind::Leaf) {
      isl::map whole = relationOf(context, syntax, n);
      return {whole, {whole}};
    }
    Union left = flatten(syntax.operands[0]), right = flatten(syntax.operands[1]), result;
    switch (syntax.kind) {
    case Syntax::Kind::Union:
      result = {coalesced(left.whole.unite(right.whole)), left.operands};
      std::ranges::copy(right.operands, std::back_inserter(result.operands));
      break;
    case Syntax::Kind::Difference:
      result.whole = coalesced(left.whole.subtract(right.whole));
      for (const isl::map &operand : left.operands)
        result.operands.push_back(coalesced(operand.subtract(right.whole)));
      break;
    default:
      result.whole = coalesced(left.whole.intersect(right.whole));
      for (const isl::map &a : left.operands)
        for (const isl::map &b : right.operands)
          result.operands.push_back(coalesced(a.intersect(b)));
    }
    if (result.operands.size() > maxOperands)
      result.operands = {result.whole};
    return result;
  }

  //===--------------------------------------------------------------------===//
  // Views
  //===--------------------------------------------------------------------===//

  /// The views of one axis: where it stands, and compacted to the fewest of its positions, those
  /// whose residues of a modulus lie in a window.
  std::vector<View> compactions(const isl::set &positions) {
    std::vector<View> found = {View()};
    auto density = [](const View &view) { return double(view.width) / double(view.period); };
    for (int64_t modulus : moduli) {
      isl::set residues = positions.apply(
          context.map("{ [x] -> [y] : y = x mod " + std::to_string(modulus) + " }"));
      int64_t first = residues.dim_min_val(0).num_si(), last = residues.dim_max_val(0).num_si();
      const View view{modulus, first, last - first + 1, 1};
      if (density(view) >= density(found.back()))
        continue;
      found.resize(1);
      found.push_back(view);
    }
    return found;
  }

  std::vector<Views> propose(const isl::map &pairs) {
    std::vector<View> queries = compactions(pairs.domain()), keys = compactions(pairs.range());
    std::vector<Views> proposals;
    for (const View &query : queries)
      for (const View &key : keys)
        proposals.push_back({query, key});
    if (int64_t stride = strideOf(pairs); stride > 1 && stride < n)
      proposals.push_back({{stride, 0, 1, stride}, {stride, 0, 1, stride}});
    for (int64_t width : moduli)
      if (int64_t blocks = strideOfBlocks(pairs, width); blocks > 1 && blocks < n / width) {
        View view{width * blocks, 0, width, blocks};
        proposals.push_back({view, view});
      }
    return proposals;
  }

  /// The greatest divisor of all distances i - j that isl sees.
  static int64_t strideOf(const isl::map &pairs) {
    return isl::manage(isl_set_get_stride(pairs.deltas().get(), 0)).num_si();
  }

  /// The same of distances between blocks of so many positions.
  int64_t strideOfBlocks(const isl::map &pairs, int64_t width) {
    isl::map toBlock = context.map("{ [x] -> [y] : y = floor(x/" + std::to_string(width) + ") }");
    return strideOf(pairs.apply_domain(toBlock).apply_range(toBlock));
  }

  isl::map toViews(const Views &views) {
    return context.map("{ [[i] -> [j]] -> [r, x, y] : " + viewConstraints(views.query, "i", "x") +
                       " and " + viewConstraints(views.key, "j", "y") + " }");
  }

  /// Pairs in the tiles that a part visits, extrapolated from a sample of the query tiles.
  double costOf(Part &part) {
    if (part.cost)
      return *part.cost;
    const View &query = part.views.query;
    int64_t tiles = (query.maxRows(n) + queryTile - 1) / queryTile;
    int64_t all = tiles * query.residues, samples = std::min(all, maxSamples), visited = 0;
    for (int64_t k = 0; k < samples; ++k) {
      // Steps by the golden ratio meet no period of the pattern.
      int64_t index = samples == all ? k : int64_t(std::fmod(0.6180339887 * k, 1) * double(all));
      visited += visitedKeys(part, index / tiles, index % tiles * queryTile);
    }
    part.cost = double(visited) * double(all) / double(samples) * queryTile;
    return *part.cost;
  }

  /// Keys in the tiles that the query rows from `begin` on visit.
  int64_t visitedKeys(const Part &part, int64_t residue, int64_t begin) {
    const auto &[query, key] = part.views;
    int64_t end = std::min(begin + queryTile, query.rows(n, residue)) - 1;
    if (begin > end)
      return 0;
    auto coordinate = [&](int64_t row) { return coordinateOf(query, Expr::constant(row)).value(); };
    isl_set *tile = isl_set_fix_si(part.points.copy(), isl_dim_set, 0, residue);
    tile = isl_set_lower_bound_si(tile, isl_dim_set, 1, coordinate(begin));
    tile = isl_set_upper_bound_si(tile, isl_dim_set, 1, coordinate(end));
    isl::set keys = isl::manage(isl_set_project_out(tile, isl_dim_set, 0, 2)),
             first = keys.lexmin();
    if (first.is_empty())
      return keyTile; // an item visits a tile, if only to find nothing there
    auto rowOfKey = [&](const isl::set &single) {
      int64_t position = coordinateOfPoint(single.sample_point(), 0);
      return rowOf(key, Expr::constant(position)).value();
    };
    int64_t low = rowOfKey(first), high = rowOfKey(keys.lexmax());
    return (high / keyTile - low / keyTile + 1) * keyTile;
  }

  /// The views that visit the fewest tiles, of equal ones the first proposed.
  Part inBestViews(const isl::map &pairs) {
    std::vector<Part> valid;
    for (const Views &views : propose(pairs)) {
      isl::map change = toViews(views);
      if (views == Views() || pairs.wrap().is_subset(change.domain()))
        valid.push_back({pairs, coalesced(pairs.wrap().apply(change)), views, {}});
    }
    Part *best = &valid[0];
    for (Part &part : std::span(valid).subspan(1))
      if (costOf(part) < costOf(*best))
        best = &part;
    return *best;
  }

  /// Adds a part, as its disjuncts where these visit clearly fewer tiles.
  void addSplit(std::vector<Part> &parts, Part whole) {
    std::vector<Part> pieces;
    double cost = 0;
    if (whole.pairs.n_basic_map() > 1 && whole.pairs.n_basic_map() <= maxDisjuncts) {
      isl::map disjoint = isl::manage(isl_map_make_disjoint(whole.pairs.copy()));
      disjoint.foreach_basic_map([&](isl::basic_map piece) {
        pieces.push_back(inBestViews(piece));
        cost += costOf(pieces.back());
      });
    }
    if (!pieces.empty() && pieces.size() <= maxDisjuncts && cost < 0.9 * costOf(whole))
      std::ranges::move(pieces, std::back_inserter(parts));
    else
      parts.push_back(std::move(whole));
  }

  /// Makes one part of two with the same views where that visits no more tiles.
  void merge(std::vector<Part> &parts) {
    for (size_t a = 0; a < parts.size(); ++a)
      for (size_t b = a + 1; b < parts.size();)
        if (std::optional<Part> both = merged(parts[a], parts[b])) {
          parts[a] = std::move(*both);
          parts.erase(parts.begin() + b);
        } else {
          ++b;
        }
  }

  std::optional<Part> merged(Part &a, Part &b) {
    if (a.views != b.views)
      return std::nullopt;
    Part both{coalesced(a.pairs.unite(b.pairs)), coalesced(a.points.unite(b.points)), a.views, {}};
    return costOf(both) <= costOf(a) + costOf(b) ? std::optional(both) : std::nullopt;
  }

  const Pattern::Impl &pattern;
  Context &context;
  int64_t n;
  std::vector<int64_t> moduli;
};

std::string notation(const Expr &condition) {
  static const std::array<std::string, 2> names = {"i", "j"};
  if (condition.isConstant())
    return condition.value() ? "{ [i] -> [j] }" : "{ }";
  return "{ [i] -> [j] : " + condition.str(names) + " }";
}

/// The predicate over (r, a, b): isl's constraints that the axes do not imply, or for a compacted
/// axis the bounds of each row, where they are shorter.
Expr predicateOf(const Segment::Impl &segment) {
  Expr a = Expr::variable(1), b = Expr::variable(2);
  Expr constraints = conditionOf(coalesced(segment.points.gist(segment.all)))
                         .substitute(std::array{Expr::variable(0), coordinateOf(segment.query, a),
                                                coordinateOf(segment.key, b)});
  if (segment.key.width == 1)
    return constraints;
  std::optional<RowForm> rows = segment.keysOfRows();
  if (!rows || !rows->contiguous)
    return constraints;
  Expr lo = rows->lo.substitute(std::array{Expr::variable(0), a});
  Expr hi = rows->hi.substitute(std::array{Expr::variable(0), a});
  Expr bounds = hi.isConstant(segment.key.maxRows(segment.n))
                    ? Expr::constant(1)
                    : (hi - b - Expr::constant(1)).nonNegative();
  if (!lo.isConstant(0))
    bounds = bounds && (b - lo).nonNegative();
  return bounds.size() < constraints.size() ? bounds : constraints;
}

Segment segmentOf(const Pattern::Impl &pattern, const Part &part) {
  Context &context = *pattern.context;
  auto impl = std::make_shared<Segment::Impl>();
  impl->context = pattern.context;
  impl->n = pattern.n;
  impl->query = part.views.query;
  impl->key = part.views.key;
  impl->points = part.points;
  impl->all = context.set("{ [r, x, y] : " + axisConstraints(impl->query, "x", impl->n) + " and " +
                          axisConstraints(impl->key, "y", impl->n) + " }");
  Segment segment;
  segment.query = impl->query;
  segment.key = impl->key;
  segment.predicate = predicateOf(*impl);
  std::string last = std::to_string(pattern.n - 1);
  isl::map square = context.map("{ [i] -> [j] : 0 <= i, j <= " + last + " }");
  impl->condition = conditionOf(coalesced(part.pairs.gist(square)).wrap().flatten());
  impl->isCausal = part.pairs.is_subset(context.map("{ [i] -> [j] : j <= i }"));
  segment.text = notation(impl->condition);
  segment.impl = std::move(impl);
  return segment;
}

/// All of the pattern where it stands, with its text as the predicate.
Segment wholeSegment(const Pattern::Impl &pattern, bool isCausal) {
  auto impl = std::make_shared<Segment::Impl>();
  impl->context = pattern.context;
  impl->n = pattern.n;
  impl->condition = pattern.condition;
  impl->isCausal = isCausal;
  Segment segment;
  segment.predicate =
      pattern.condition.substitute(std::array{Expr::variable(1), Expr::variable(2)});
  segment.text = notation(pattern.condition);
  segment.impl = std::move(impl);
  return segment;
}

} // namespace

static std::vector<Walk> findWalks(const Pattern::Impl &pattern, bool isCausal) {
  std::vector<Segment> segments = {wholeSegment(pattern, isCausal)};
  if (!pattern.relation.is_null()) {
    auto found = pattern.context->ask(proofBudget, [&] {
      std::vector<Segment> result;
      for (const Part &part : Splitter(pattern).split())
        result.push_back(segmentOf(pattern, part));
      return result;
    });
    if (found)
      segments = std::move(*found);
  }
  std::vector<Walk> walks;
  for (Segment &segment : segments) {
    auto walk = std::ranges::find(walks, segment.query, &Walk::query);
    if (walk == walks.end())
      walk = walks.insert(walks.end(), {segment.query, {}});
    walk->segments.push_back(std::move(segment));
  }
  return walks;
}

std::vector<Walk> Pattern::walks() const {
  if (!impl->walks)
    impl->walks = findWalks(*impl, causal().answer == Proof::Answer::True);
  return *impl->walks;
}
