//===- Walks.cpp - disjoint parts and the views in which they are dense ---===//
//
// 1. The pattern's text says how to split: a union is a list of operands, over which differences
//    and intersections distribute.
// 2. Operands that are dense where they stand come first; from each the ones before it are taken
//    away, so that the parts are disjoint.
// 3. Each part's views are proposed from the moduli in the text and from the part itself, accepted
//    when isl proves that they hold all its pairs, and chosen by the tiles that they visit.
// 4. A part whose tiles meet several ranges where it stands keeps what tells these apart, if they
//    are fewer tiles than in any view.
// 5. A part whose disjuncts, each in its own views, visit clearly fewer tiles is split into them.
// 6. Parts that together visit no more tiles than apart become one.
// 7. Where a list of tiles has clearly fewer, of a part or of the whole, it is made.
//
//===----------------------------------------------------------------------===//

#include "compiler/Pattern/PatternImpl.h"
#include "compiler/Pattern/RangeSplit.h"
#include "compiler/Pattern/ResidueSplit.h"
#include "compiler/Pattern/TileList.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

using namespace stc::pattern;

namespace {

constexpr size_t maxOperands = 16;
constexpr size_t maxModuli = 6;
constexpr unsigned maxDisjuncts = 16;
/// The tile for which views are compared, and how many of a view's tiles are looked at.
constexpr int64_t queryTile = 32, keyTile = 16, maxSamples = 24;
/// The rows that residues should have: those of a tile of a GPU.
constexpr int64_t tileRows = 128;
/// The tile of other forms that lists are compared with: of short sequences, one of a few.
int64_t listTile(int64_t n) { return std::clamp<int64_t>(n / 8, 16, 64); }
constexpr const char *listText = "a list of tiles";
/// Of how many times the pairs that another form computes those of a list must be fewer.
constexpr double listWorthwhile = 0.98;

struct Views {
  View query, key;
  ResidueMap residues = {};
  bool operator==(const Views &) const = default;
};

/// A part of the pattern in its views.
struct Part {
  isl::map pairs;
  isl::set points;
  Views views;
  /// About how many pairs its tiles compute: found when needed.
  std::optional<double> cost = {};
  /// Holds for its pairs among 0 <= i, j < n, where that is known in few words.
  std::optional<Expr> condition = {};
  /// What tells several ranges of a tile apart.
  std::optional<Expr> number = {};
  /// Holds for those of its pairs that are another part's, where isl did not take them away.
  std::optional<Expr> others = {};
  /// Its tiles meet a list of tiles.
  bool isListed = false;
  /// About how many pairs they compute, where lists were looked at.
  std::optional<double> computed = {};
};

/// What a masked pair costs, over one without a mask. Measured on an H200: local(16) and eight
/// diagonals take 2.1 times as long as one list with a mask of 88 nodes as in nine walks.
double pairCost(const Expr &mask) { return 1 + double(mask.size()) / 64; }

/// Holds for the pairs among those 0 <= i, j < n.
Expr conditionIn(Context &context, const isl::map &pairs, int64_t n) {
  std::string last = std::to_string(n - 1);
  isl::map square = context.map("{ [i] -> [j] : 0 <= i, j <= " + last + " }");
  return conditionOf(coalesced(pairs.gist(square)).wrap().flatten());
}

std::string notation(const Expr &condition) {
  static const std::array<std::string, 2> names = {"i", "j"};
  if (condition.isConstant())
    return condition.value() ? "{ [i] -> [j] }" : "{ }";
  return "{ [i] -> [j] : " + condition.str(names) + " }";
}

class Splitter {
public:
  explicit Splitter(const Pattern::Impl &pattern)
      : pattern(pattern), context(*pattern.context), n(pattern.n) {
    for (int64_t modulus : divisors(pattern.syntax))
      if (modulus > 1 && modulus < n && moduli.size() < maxModuli)
        moduli.push_back(modulus);
  }

  std::vector<Part> split() {
    std::vector<Operand> operands;
    for (const isl::map &pairs : flatten(pattern.syntax))
      if (!pairs.is_empty())
        operands.push_back(inParts(pairs));
    std::ranges::stable_sort(operands, {}, [](const Operand &operand) {
      return operand.parts.front().views != Views();
    });
    std::vector<Part> parts;
    std::optional<isl::map> before = context.map("{ [i] -> [j] : false }");
    for (auto operand = operands.begin(); operand != operands.end(); ++operand) {
      auto rest = context.ask(closedFormBudget, [&]() -> std::optional<isl::map> {
        if (!before)
          return std::nullopt;
        if (operand->pairs.is_disjoint(*before))
          return operand->pairs;
        return coalesced(operand->pairs.subtract(*before));
      });
      if (!rest || !*rest)
        addBeside(parts, *operand, std::span(operands.begin(), operand));
      else if ((*rest)->is_empty())
        continue;
      else
        addSplit(parts, operand->pairs.is_equal(**rest) ? *operand : inParts(**rest));
      auto together = context.ask(closedFormBudget, [&]() -> std::optional<isl::map> {
        return before ? std::optional(coalesced(before->unite(operand->pairs))) : std::nullopt;
      });
      before = together ? *together : std::nullopt;
    }
    merge(parts);
    // Without an answer there are the parts as they are.
    (void)context.ask(proofBudget, [&] {
      considerLists(parts);
      return true;
    });
    return parts;
  }

  std::vector<Choice> choices;

private:
  /// Pairs, and the same as parts in their best views.
  struct Operand {
    isl::map pairs;
    std::vector<Part> parts;
    Choice choice;
  };

  /// An expression's pairs as a union of operands; of one if they are many.
  std::vector<isl::map> flatten(const Syntax &syntax) {
    if (syntax.kind == Syntax::Kind::Leaf)
      return {relationOf(context, syntax, n)};
    std::vector<isl::map> left = flatten(syntax.operands[0]), right = flatten(syntax.operands[1]);
    std::vector<isl::map> result;
    switch (syntax.kind) {
    case Syntax::Kind::Union:
      result = std::move(left);
      std::ranges::move(right, std::back_inserter(result));
      break;
    case Syntax::Kind::Difference: {
      const isl::map without = united(right);
      for (const isl::map &operand : left)
        result.push_back(coalesced(operand.subtract(without)));
      break;
    }
    default:
      for (const isl::map &a : left)
        for (const isl::map &b : right)
          result.push_back(coalesced(a.intersect(b)));
    }
    if (result.size() > maxOperands)
      result = {united(result)};
    return result;
  }

  static isl::map united(const std::vector<isl::map> &operands) {
    isl::map all = operands.front();
    for (const isl::map &operand : std::span(operands).subspan(1))
      all = coalesced(all.unite(operand));
    return all;
  }

  //===--------------------------------------------------------------------===//
  // Views
  //===--------------------------------------------------------------------===//

  /// The views of one axis: where it stands, and compacted to the fewest of its positions, those
  /// whose residues of a modulus lie in a window.
  std::vector<View> compactions(const isl::set &positions) {
    std::vector<View> found = {View()};
    auto density = [](const View &view) { return double(view.width) / double(view.period); };
    std::vector<int64_t> all = moduli;
    if (int64_t own = isl::manage(isl_set_get_stride(positions.get(), 0)).num_si();
        own > 1 && own < n && !std::ranges::count(all, own))
      all.push_back(own);
    for (int64_t modulus : all) {
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
                       " and " + viewConstraints(views.key, "j", "y", views.residues) + " }");
  }

  /// One of a part's query tiles, by its residue and first row.
  struct QueryTile {
    int64_t residue, begin;
  };
  struct Sample {
    std::vector<QueryTile> tiles;
    /// Of how many.
    int64_t all;
  };
  Sample sampleOf(const Part &part, int64_t most, int64_t tile = queryTile) {
    const View &query = part.views.query;
    int64_t tiles = (query.maxRows(n) + tile - 1) / tile;
    Sample sample{{}, tiles * query.residues};
    int64_t samples = std::min(sample.all, most);
    for (int64_t k = 0; k < samples; ++k) {
      // Steps by the golden ratio meet no period of the pattern.
      int64_t index =
          samples == sample.all ? k : int64_t(std::fmod(0.6180339887 * k, 1) * double(sample.all));
      sample.tiles.push_back({index / tiles, index % tiles * tile});
    }
    return sample;
  }

  double costOf(Part &part) {
    if (!part.cost)
      part.cost = visitedPairs(part, {queryTile, keyTile}, maxSamples);
    return *part.cost;
  }

  struct TileSize {
    int64_t queries, keys;
  };

  /// Pairs in the tiles that a part visits, extrapolated from a sample of the query tiles.
  double visitedPairs(const Part &part, TileSize size, int64_t samples) {
    Sample sample = sampleOf(part, samples, size.queries);
    int64_t visited = 0;
    for (QueryTile tile : sample.tiles) {
      if (tile.begin >= part.views.query.rows(n, tile.residue))
        continue;
      auto [begin, end] = visitedKeys(part, tile, size);
      visited += end - begin;
    }
    return double(visited) * double(sample.all) / double(sample.tiles.size()) *
           double(size.queries);
  }

  /// The key rows [begin, end) in the tiles that a query tile visits.
  std::pair<int64_t, int64_t> visitedKeys(const Part &part, QueryTile queries,
                                          TileSize size = {queryTile, keyTile}) {
    const View &query = part.views.query, &key = part.views.key;
    auto [residue, begin] = queries;
    int64_t end = std::min(begin + size.queries, query.rows(n, residue)) - 1;
    auto coordinate = [&](int64_t row) { return coordinateOf(query, Expr::constant(row)).value(); };
    isl_set *tile = isl_set_fix_si(part.points.copy(), isl_dim_set, 0, residue);
    tile = isl_set_lower_bound_si(tile, isl_dim_set, 1, coordinate(begin));
    tile = isl_set_upper_bound_si(tile, isl_dim_set, 1, coordinate(end));
    isl::set keys = isl::manage(isl_set_project_out(tile, isl_dim_set, 0, 2)),
             first = keys.lexmin();
    if (first.is_empty())
      return {0, size.keys}; // an item visits a tile, if only to find nothing there
    auto rowOfKey = [&](const isl::set &single) {
      int64_t position = coordinateOfPoint(single.sample_point(), 0);
      return rowOf(key, Expr::constant(position)).value();
    };
    int64_t low = rowOfKey(first), high = rowOfKey(keys.lexmax());
    return {low / size.keys * size.keys, (high / size.keys + 1) * size.keys};
  }

  /// Whether the part's pairs are most of those in the tiles that it visits, by a sample of both.
  bool isDense(const Part &part) {
    constexpr int64_t tiles = 8, rows = 4, keys = 64;
    constexpr double most = 0.6;
    const Views &views = part.views;
    std::array<std::vector<int64_t>, 2> columns;
    for (QueryTile tile : sampleOf(part, tiles).tiles) {
      const int64_t exist = views.query.rows(n, tile.residue);
      if (tile.begin >= exist)
        continue;
      auto [begin, end] = visitedKeys(part, tile);
      for (int64_t a = 0; a < rows; ++a) {
        int64_t row = tile.begin + a * queryTile / rows;
        if (row >= exist)
          continue;
        for (int64_t b = 0; b < keys; ++b) {
          columns[0].push_back(views.query.position(tile.residue, row));
          columns[1].push_back(
              views.key.position(views.residues.at(tile.residue, views.key.residues),
                                 begin + int64_t(double(end - begin) * (b + 0.5) / keys)));
        }
      }
    }
    int64_t found = 0;
    for (int64_t holds :
         conditionIn(context, part.pairs, n).evaluateMany(columns, columns[0].size()))
      found += holds != 0;
    return double(found) >= most * double(columns[0].size());
  }

  /// The views that visit the fewest tiles, of equal ones the first proposed.
  Part inBestViews(const isl::map &pairs, Choice &choice) {
    std::vector<Part> valid;
    for (const Views &views : propose(pairs)) {
      isl::map change = toViews(views);
      if (views == Views() || pairs.wrap().is_subset(change.domain()))
        valid.push_back({pairs, coalesced(pairs.wrap().apply(change)), views});
    }
    Part *best = &valid[0];
    for (Part &part : std::span(valid).subspan(1)) {
      const bool isBetter = costOf(part) < costOf(*best);
      if (choice.ways.empty())
        note(choice, str(valid[0].views), costOf(valid[0]), /*isTaken=*/true);
      note(choice, str(part.views), costOf(part), isBetter);
      if (isBetter)
        best = &part;
    }
    return *best;
  }

  static std::string str(const Views &views) {
    std::string query = views.query.str(), key = views.key.str(views.residues);
    return query == key ? query : "queries at " + query + ", keys at " + key;
  }

  static void note(Choice &choice, std::string way, std::optional<double> cost, bool isTaken) {
    if (isTaken)
      choice.taken = choice.ways.size();
    choice.ways.push_back({std::move(way), cost});
  }
  /// Where there was one way before this one, and nothing to choose.
  void noteBest(Choice &choice, std::vector<Part> &best) {
    if (choice.ways.empty())
      note(choice, str(best.front().views), costOf(best), /*isTaken=*/true);
  }

  double costOf(std::span<Part> parts) {
    double sum = 0;
    for (Part &part : parts)
      sum += costOf(part);
    return sum;
  }

  //===--------------------------------------------------------------------===//
  // Splits
  //===--------------------------------------------------------------------===//

  Operand inParts(const isl::map &pairs) {
    Operand operand{pairs, {}, {}};
    operand.parts = partsOf(pairs, operand.choice);
    return operand;
  }

  /// The pairs in their best views, on the lines of residues that hold them, or in several ranges.
  std::vector<Part> partsOf(const isl::map &pairs, Choice &choice) {
    std::vector<Part> best = {inBestViews(pairs, choice)};
    for (const Lines &lines : linesOf(best.front())) {
      auto parts = context.ask(residuesBudget, [&] { return onLines(pairs, lines); });
      noteBest(choice, best);
      const bool isBetter = parts && costOf(*parts) < worthwhile * costOf(best);
      note(choice, str(lines), parts ? std::optional(costOf(*parts)) : std::nullopt, isBetter);
      if (isBetter)
        best = std::move(*parts);
    }
    considerRanges(pairs, best, choice);
    return best;
  }

  /// Several ranges for a tile of the pairs where they stand: instead of the best parts, if they
  /// visit fewer tiles of a GPU, or with them, where these are the same.
  void considerRanges(const isl::map &pairs, std::vector<Part> &best, Choice &choice) {
    constexpr int64_t fewTiles = 8;
    const int64_t tile = std::clamp(n / fewTiles, queryTile, tileRows);
    // Closer ones have no gaps that a tile does not close.
    const std::vector<Expr> numbers = rangeNumbers(conditionIn(context, pairs, n), queryTile + 1);
    if (numbers.empty() || vainRanges == mostVainSearches ||
        std::ranges::all_of(best, [&](const Part &part) { return isDense(part); }))
      return;
    Part whole{pairs, pairs.wrap().apply(toViews({})), {}};
    std::optional<NumberedPoints> points;
    // The first number that does: others take isl up to seconds within the same budget.
    for (const Expr &number : numbers) {
      auto cost = context.ask(rangesBudget, [&] {
        NumberedPoints own = numberedPoints(context, pairs, number, n);
        double cost = computedPairs(numberedRange(context, own, n, queryTile), {}, n, queryTile);
        points = own;
        return cost;
      });
      if (cost && *cost < worthwhile * costOf(whole)) {
        whole.number = number;
        whole.cost = *cost;
        break;
      }
      noteBest(choice, best);
      note(choice, str(number), cost ? std::optional(*cost) : std::nullopt, /*isTaken=*/false);
      if (!cost && ++vainRanges == mostVainSearches)
        break;
    }
    if (!whole.number)
      return;
    noteBest(choice, best);
    if (best.size() == 1 && best[0].views == Views()) {
      note(choice, str(*whole.number), whole.cost, /*isTaken=*/true);
      best = {whole};
      return;
    }
    auto several = context.ask(rangesBudget, [&] {
      return computedPairs(numberedRange(context, *points, n, tile), {}, n, tile);
    });
    double visited = 0;
    for (const Part &part : best)
      visited += visitedBeside(part, tile, 4 * maxSamples);
    const bool isBetter = several && *several < worthwhile * visited;
    note(choice, str(*whole.number), whole.cost, isBetter);
    if (isBetter)
      best = {whole};
  }

  static std::string str(const Expr &number) {
    static const std::array<std::string, 2> names = {"i", "j"};
    return "every position, a range of keys for each " + number.str(names);
  }

  struct Lines {
    View view;
    std::vector<ResidueMap> maps;
    /// Of all pairs of residues.
    double share() const { return double(maps.size()) / double(view.residues); }
  };
  static std::string str(const Lines &lines) {
    std::string text = lines.view.str();
    for (size_t k = 0; k < lines.maps.size(); ++k)
      text += (k ? " and " : ", keys of residues ") + lines.maps[k].str(lines.view.residues);
    return text;
  }

  /// Lines of residues that hold a part's pairs, those that leave the most out.
  std::vector<Lines> linesOf(Part &part) {
    constexpr size_t most = 2;
    std::vector<Lines> found;
    if (moduli.empty() || isDense(part))
      return found;
    const SomePairs some = somePairs(part.pairs);
    for (int64_t period : periods())
      for (const View &view : residueViews(period, n, queryTile, tileRows, moduli)) {
        if (vainSearches == mostVainSearches || searches++ == mostSearches)
          return found;
        auto maps = context.ask(residuesBudget,
                                [&] { return residueLines(context, part.pairs, some, view); });
        vainSearches += !maps;
        // The same residue alone is what views are proposed for above.
        if (maps && !maps->empty() && *maps != std::vector{ResidueMap()})
          found.push_back({view, *maps});
      }
    std::ranges::stable_sort(found, {}, &Lines::share);
    if (found.size() > most)
      found.resize(most);
    return found;
  }

  /// The pairs of some queries with the keys before them, by the condition.
  SomePairs somePairs(const isl::map &pairs) {
    constexpr int64_t queries = 24, keys = 4096;
    const Expr condition = conditionIn(context, pairs, n);
    SomePairs some;
    std::array<std::vector<int64_t>, 2> columns;
    for (int64_t k = 0; k < queries; ++k) {
      const int64_t i = int64_t(std::fmod(0.6180339887 * double(k + 1), 1) * double(n));
      const int64_t first = std::max<int64_t>(0, i + 1 - keys), count = i + 1 - first;
      columns[0].assign(count, i);
      columns[1].resize(count);
      std::iota(columns[1].begin(), columns[1].end(), first);
      auto holds = condition.evaluateMany(columns, count);
      for (int64_t j = 0; j < count; ++j)
        if (holds[j])
          some.emplace_back(i, first + j);
    }
    return some;
  }

  /// The moduli, and those of numbers of blocks.
  std::vector<int64_t> periods() const {
    std::vector<int64_t> all = moduli;
    for (size_t a = 0; a < moduli.size(); ++a)
      for (size_t b = 0; b < a; ++b)
        if (int64_t product = moduli[a] * moduli[b];
            product < n && !std::ranges::count(all, product))
          all.push_back(product);
    return all;
  }

  std::vector<Part> onLines(const isl::map &pairs, const Lines &lines) {
    std::vector<Part> parts;
    Expr whole = conditionIn(context, pairs, n);
    for (ResidueMap map : lines.maps) {
      Views views{lines.view, lines.view, map};
      isl::map change = toViews(views);
      isl::map own = pairs.wrap().intersect(change.domain()).unwrap();
      parts.push_back({coalesced(own), coalesced(pairs.wrap().apply(change)), views});
      parts.back().condition = whole && isOn(lines.view, map);
    }
    return parts;
  }

  /// Whether i and j lie in residues that a map leads from one to the other.
  static Expr isOn(const View &view, ResidueMap map) {
    Expr i = Expr::variable(0).floorDiv(view.width), j = Expr::variable(1).floorDiv(view.width);
    return (j - i * map.factor - Expr::constant(map.shift)).mod(view.residues).isZero();
  }

  /// Adds an operand's parts as they are: their masks leave out what is in the operands before.
  void addBeside(std::vector<Part> &parts, Operand operand, std::span<const Operand> before) {
    Expr others;
    for (const Operand &other : before)
      if (!operand.pairs.is_disjoint(other.pairs))
        others = others || conditionIn(context, other.pairs, n);
    for (Part &part : operand.parts) {
      part.others = others;
      parts.push_back(std::move(part));
    }
  }

  /// Adds an operand's parts, or its disjuncts where these visit clearly fewer tiles.
  void addSplit(std::vector<Part> &parts, Operand whole) {
    std::vector<Part> pieces;
    Choice ofPiece;
    if (whole.parts.size() == 1 && whole.pairs.n_basic_map() > 1 &&
        whole.pairs.n_basic_map() <= maxDisjuncts) {
      isl::map disjoint = isl::manage(isl_map_make_disjoint(whole.pairs.copy()));
      disjoint.foreach_basic_map([&](isl::basic_map piece) {
        std::ranges::move(partsOf(piece, ofPiece), std::back_inserter(pieces));
      });
    }
    if (!pieces.empty() && pieces.size() <= maxDisjuncts) {
      const bool areBetter = costOf(pieces) < worthwhile * costOf(whole.parts);
      noteBest(whole.choice, whole.parts);
      note(whole.choice, "split into " + std::to_string(pieces.size()) + " parts", costOf(pieces),
           areBetter);
      if (areBetter)
        whole.parts = std::move(pieces);
    }
    if (!whole.choice.ways.empty()) {
      whole.choice.pairs = notation(conditionIn(context, whole.pairs, n));
      choices.push_back(std::move(whole.choice));
    }
    std::ranges::move(whole.parts, std::back_inserter(parts));
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
    if (a.views != b.views || a.number || b.number || a.others || b.others)
      return std::nullopt;
    Part both{coalesced(a.pairs.unite(b.pairs)), coalesced(a.points.unite(b.points)), a.views};
    return costOf(both) <= costOf(a) + costOf(b) ? std::optional(both) : std::nullopt;
  }

  //===--------------------------------------------------------------------===//
  // Lists
  //===--------------------------------------------------------------------===//

  /// Lists of the tiles of parts, of those that have clearly fewer.
  void considerLists(std::vector<Part> &parts) {
    std::vector<bool> areDense;
    for (const Part &part : parts)
      areDense.push_back(isDense(part));
    if (std::ranges::find(areDense, false) == areDense.end())
      return;
    for (size_t k = 0; k < parts.size(); ++k) {
      parts[k].computed = visitedBeside(parts[k], listTile(n), maxSamples);
      if (!areDense[k] && parts[k].views.query.residues == 1)
        considerList(parts[k]);
    }
  }

  void considerList(Part &part) {
    const Expr condition = conditionOf(part);
    auto listed = listedPairs({n, part.views.query, part.views.key, false, condition});
    if (!listed)
      return;
    std::string other = part.number ? str(*part.number) : str(part.views);
    part.isListed = *listed < listWorthwhile * *part.computed;
    choices.push_back({notation(condition), {{std::move(other), *part.computed}}});
    note(choices.back(), listText, listed, part.isListed);
    if (part.isListed)
      part.computed = listed;
  }

  /// Pairs in the tiles of one size that a part visits.
  double visitedBeside(const Part &part, int64_t tile, int64_t samples) {
    // Short residues stand side by side.
    const TileSize size = {std::min(tile, part.views.query.maxRows(n)),
                           std::min(tile, part.views.key.maxRows(n))};
    const double one = visitedPairs(part, size, samples);
    if (!part.number)
      return one;
    auto several = context.ask(rangesBudget, [&] {
      NumberedPoints own = numberedPoints(context, part.pairs, *part.number, n);
      return computedPairs(numberedRange(context, own, n, tile), {}, n, tile);
    });
    return several && *several < worthwhile * one ? *several : one;
  }

  Expr conditionOf(const Part &part) {
    const Expr condition = part.condition ? *part.condition : conditionIn(context, part.pairs, n);
    return part.others ? condition && part.others->isZero() : condition;
  }

  const Pattern::Impl &pattern;
  Context &context;
  int64_t n;
  std::vector<int64_t> moduli;
  /// Where isl gives up on the residues of one part it mostly does on others, after up to a second
  /// each time.
  static constexpr int mostVainSearches = 2;
  int vainSearches = 0, vainRanges = 0;
  /// For lines of residues: of many parts with many moduli there is no end.
  static constexpr int mostSearches = 16;
  int searches = 0;
};

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

/// Several ranges for a tile, of a segment whose views are the identity.
void number(Segment &segment, Segment::Impl &impl, const Part &part) {
  impl.numbered = numberedPoints(*impl.context, part.pairs, *part.number, impl.n);
  const Expr a = Expr::variable(1), b = Expr::variable(2), m = Expr::variable(3);
  const Expr number = part.number->substitute(std::array{a, b});
  Expr own = impl.numbered->condition.substitute(std::array{m, a, b});
  if (part.others)
    own = own && part.others->substitute(std::array{a, b}).isZero();
  const Expr common = segment.predicate && (number - m).isZero();
  segment.numbered = {number, own.size() < common.size() ? own : common};
}

Segment segmentOf(const Pattern::Impl &pattern, const Part &part) {
  Context &context = *pattern.context;
  auto impl = std::make_shared<Segment::Impl>();
  impl->context = pattern.context;
  impl->n = pattern.n;
  impl->query = part.views.query;
  impl->key = part.views.key;
  impl->residues = part.views.residues;
  impl->points = part.points;
  impl->all = context.set("{ [r, x, y] : " + axisConstraints(impl->query, "x", impl->n) + " and " +
                          axisConstraints(impl->key, "y", impl->n, impl->residues) + " }");
  Segment segment;
  segment.query = impl->query;
  segment.key = impl->key;
  segment.residues = impl->residues;
  segment.predicate = predicateOf(*impl);
  impl->isListed = part.isListed;
  impl->condition = part.condition ? *part.condition : conditionIn(context, part.pairs, pattern.n);
  if (part.others) {
    const Expr residue = Expr::variable(0),
               i = positionOf(segment.query, residue, Expr::variable(1));
    const Expr met = segment.residues.at(residue, segment.key.residues);
    const Expr j = positionOf(segment.key, met, Expr::variable(2));
    segment.predicate = segment.predicate && part.others->substitute(std::array{i, j}).isZero();
    impl->condition = impl->condition && part.others->isZero();
    impl->hasOthers = true;
  }
  impl->isCausal = part.pairs.is_subset(context.map("{ [i] -> [j] : j <= i }"));
  segment.text = notation(impl->condition);
  if (part.number && !part.isListed)
    number(segment, *impl, part);
  segment.impl = std::move(impl);
  return segment;
}

/// All of the pattern where it stands, with its text as the predicate.
Segment wholeSegment(const Pattern::Impl &pattern, bool isCausal, bool isListed = false) {
  auto impl = std::make_shared<Segment::Impl>();
  impl->context = pattern.context;
  impl->n = pattern.n;
  impl->condition = pattern.condition;
  impl->isCausal = isCausal;
  impl->isListed = isListed;
  Segment segment;
  segment.predicate =
      pattern.condition.substitute(std::array{Expr::variable(1), Expr::variable(2)});
  segment.text = notation(pattern.condition);
  segment.impl = std::move(impl);
  return segment;
}

} // namespace

static Split findSplit(const Pattern::Impl &pattern, bool isCausal) {
  Split split;
  std::vector<Segment> segments;
  // What all tiles cost, where it is to be compared.
  std::optional<double> cost;
  split.whyWhole = pattern.whyNoRelation;
  if (!pattern.relation.is_null()) {
    auto found = pattern.context->ask(proofBudget, [&] {
      Splitter splitter(pattern);
      std::vector<Segment> result;
      for (const Part &part : splitter.split()) {
        result.push_back(segmentOf(pattern, part));
        if (part.computed)
          cost = cost.value_or(0) + *part.computed * pairCost(result.back().predicate);
      }
      split.choices = std::move(splitter.choices);
      return result;
    });
    if (found)
      segments = std::move(*found);
    else
      split.whyWhole = found.error();
  }
  const double ofWhole = pairCost(pattern.condition);
  if (!split.whyWhole.empty()) {
    const int64_t tile = listTile(pattern.n);
    segments = {wholeSegment(pattern, isCausal)};
    cost = computedPairs(segments[0].keysOf(tile), {}, pattern.n, tile) * ofWhole;
  }
  // Of one part that stands where it is there is nothing new to ask.
  const bool isWhole = segments.size() == 1 && split.whyWhole.empty() &&
                       segments[0].query.isIdentity() && segments[0].key.isIdentity();
  std::optional<double> listed;
  if (cost && !isWhole)
    listed = listedPairs({pattern.n, {}, {}, false, pattern.condition});
  if (listed) {
    const bool isListed = *listed * ofWhole < listWorthwhile * *cost;
    const char *other = split.whyWhole.empty() ? "parts" : "a range of keys";
    split.choices.push_back({notation(pattern.condition),
                             {{other, *cost}, {listText, *listed * ofWhole}},
                             size_t(isListed)});
    if (isListed)
      segments = {wholeSegment(pattern, isCausal, /*isListed=*/true)};
  }
  std::vector<Walk> &walks = split.walks;
  for (Segment &segment : segments) {
    auto walk = std::ranges::find(walks, segment.query, &Walk::query);
    if (walk == walks.end())
      walk = walks.insert(walks.end(), {segment.query, {}});
    walk->segments.push_back(std::move(segment));
  }
  return split;
}

static const Split &splitOf(const Pattern &pattern, const Pattern::Impl &impl) {
  if (!impl.split)
    impl.split = findSplit(impl, pattern.causal().answer == Proof::Answer::True);
  return *impl.split;
}

std::vector<Walk> Pattern::walks() const { return splitOf(*this, *impl).walks; }

const std::vector<Choice> &Pattern::choices() const { return splitOf(*this, *impl).choices; }

const std::string &Pattern::whyWhole() const { return splitOf(*this, *impl).whyWhole; }
