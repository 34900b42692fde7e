//===- TileList.cpp - which tiles hold pairs, as a list -------------------===//
//
// What neither views nor ranges fit has no short form. Its tiles are found from the condition
// alone: intervals decide boxes as a whole, boxes that they leave open are halved, small ones are
// looked at pair by pair.
//
//===----------------------------------------------------------------------===//

#include "compiler/Pattern/TileList.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

using namespace stc::pattern;

namespace {

/// Rows of a tile for which lists are made: shorter tiles are those of the host and of decoding.
constexpr int64_t leastRows = 64;
/// Of pairs, in all boxes; about a second.
constexpr int64_t mostEvaluations = int64_t(1) << 25;
/// Of the list of a program, at four bytes each.
constexpr int64_t mostEntries = int64_t(1) << 16;

/// Boxes of so many pairs are looked at pair by pair.
constexpr int64_t small = 1024;

enum class Kind { Empty, Partial, Full };

/// Rows [begin, end) of an axis.
struct Rows {
  int64_t begin, end;
  int64_t size() const { return end - begin; }
};

struct Entry {
  /// From the tile's number to that of the tile on the other axis.
  int64_t shift;
  bool isFull;
};

int64_t ceilDiv(int64_t value, int64_t by) { return (value + by - 1) / by; }

class TileFinder {
public:
  TileFinder(const Tiling &tiling, int64_t rows)
      : tiling(tiling), rows(rows), ownRows(tiling.tiled.maxRows(tiling.n)),
        otherRows(tiling.other.maxRows(tiling.n)), tiles(ceilDiv(ownRows, rows)),
        otherTiles(ceilDiv(otherRows, rows)), classes(period()) {}

  /// The entries of the tiles of a class, in order.
  std::vector<Entry> entriesOf(int64_t number) {
    std::vector<Entry> entries;
    // The last tile of a class meets all that lies before it, the first all behind.
    const int64_t last = number + (tiles - 1 - number) / classes * classes;
    addTiles(last, {0, classes == tiles ? otherTiles : last + 1}, entries);
    if (classes < tiles)
      addTiles(number, {number + 1, otherTiles}, entries);
    return entries;
  }

  /// Which of a class' entries are tiles of the other axis, for one of its tiles.
  Rows existing(const std::vector<Entry> &own, int64_t tile) const {
    auto before = [&](int64_t end) {
      auto isBefore = [&](const Entry &entry) { return tile + entry.shift < end; };
      return std::ranges::partition_point(own, isBefore) - own.begin();
    };
    return {before(0), before(otherTiles)};
  }

  const Tiling &tiling;
  const int64_t rows, ownRows, otherRows, tiles, otherTiles;
  /// Tiles whose numbers are equal modulo this have the same entries, as far as these exist.
  const int64_t classes;
  int64_t evaluations = 0;
  /// Entries are no longer looked for behind so many evaluations.
  int64_t most = std::numeric_limits<int64_t>::max();

private:
  /// In tiles, how often the condition repeats along the diagonal; all tiles if it does not.
  int64_t period() const {
    if (!tiling.tiled.isIdentity() || !tiling.other.isIdentity() || tiling.n % rows)
      return tiles;
    int64_t common = rows;
    if (!joinDivisors(tiling.condition, common))
      return tiles;
    // Divisions of divisions repeat later.
    constexpr int64_t mostTimes = 64;
    for (int64_t times = 1; times <= mostTimes && times * common < tiling.n; ++times)
      if (repeatsAfter(times * common))
        return times * common / rows;
    return tiles;
  }

  /// The least common multiple, if it is less than the length.
  bool joinDivisors(const Expr &expr, int64_t &multiple) const {
    if (expr.kind() == Expr::Kind::FloorDiv)
      multiple = std::lcm(multiple, expr.value());
    return multiple < tiling.n && std::ranges::all_of(expr.operands(), [&](const Expr &operand) {
             return joinDivisors(operand, multiple);
           });
  }

  bool repeatsAfter(int64_t shift) const {
    const std::array<Expr, 2> shifted = {Expr::variable(0) + Expr::constant(shift),
                                         Expr::variable(1) + Expr::constant(shift)};
    return tiling.condition.substitute(shifted) == tiling.condition;
  }

  /// Adds those of some tiles of the other axis that have pairs with a tile.
  void addTiles(int64_t tile, Rows others, std::vector<Entry> &entries) {
    if (others.begin >= others.end || evaluations > most)
      return;
    const Rows own = rowsOf(tile, ownRows),
               met = {others.begin * rows, std::min(others.end * rows, otherRows)};
    std::optional<Kind> known = kindByBounds(own, met);
    if (known == Kind::Empty)
      return;
    if (others.size() == 1) {
      const Kind kind = known ? *known : kindOf(own, met);
      if (kind != Kind::Empty)
        entries.push_back({others.begin - tile, kind == Kind::Full});
      return;
    }
    const int64_t middle = others.begin + others.size() / 2;
    addTiles(tile, {others.begin, middle}, entries);
    addTiles(tile, {middle, others.end}, entries);
  }

  Rows rowsOf(int64_t tile, int64_t all) const {
    return {tile * rows, std::min((tile + 1) * rows, all)};
  }

  std::optional<Kind> kindByBounds(Rows own, Rows other) {
    constexpr int64_t asEvaluations = 4;
    evaluations += asEvaluations;
    auto positions = [](const View &view, Rows rows) {
      return Interval{view.position(0, rows.begin), view.position(0, rows.end - 1)};
    };
    std::array<Interval, 2> at = {positions(tiling.tiled, own), positions(tiling.other, other)};
    if (tiling.areKeysTiled)
      std::swap(at[0], at[1]);
    const std::optional<Interval> holds = tiling.condition.bounds(at);
    if (holds && holds->lo == 0 && holds->hi == 0)
      return Kind::Empty;
    if (holds && (holds->lo > 0 || holds->hi < 0))
      return Kind::Full;
    return std::nullopt;
  }

  Kind kindOf(Rows own, Rows other) {
    constexpr int64_t few = 48;
    const int64_t points = own.size() * other.size();
    if (points <= small)
      return kindOfPoints(own, other, points, 1);
    // Of most boxes some pairs tell that they are neither empty nor full. By odd steps, so that
    // these are not all of one column.
    const int64_t step = ((points - 1) / (few - 1) - 1) | 1;
    if (kindOfPoints(own, other, few, step) == Kind::Partial)
      return Kind::Partial;
    return kindOfHalves(own, other);
  }

  Kind kindOfHalves(Rows own, Rows other) {
    if (std::optional<Kind> known = kindByBounds(own, other))
      return *known;
    const int64_t points = own.size() * other.size();
    if (points <= small)
      return kindOfPoints(own, other, points, 1);
    const bool isTall = own.size() > other.size();
    const Rows longer = isTall ? own : other;
    const int64_t middle = longer.begin + longer.size() / 2;
    auto half = [&](Rows part) {
      return isTall ? kindOfHalves(part, other) : kindOfHalves(own, part);
    };
    const Kind first = half({longer.begin, middle});
    if (first == Kind::Partial)
      return first;
    return half({middle, longer.end}) == first ? first : Kind::Partial;
  }

  /// Of some of a box's points: `count` with so many from one to the next.
  Kind kindOfPoints(Rows own, Rows other, int64_t count, int64_t step) {
    evaluations += count;
    std::array<std::vector<int64_t>, 2> at;
    for (int64_t k = 0; k < count; ++k) {
      const int64_t point = k * step;
      at[0].push_back(tiling.tiled.position(0, own.begin + point / other.size()));
      at[1].push_back(tiling.other.position(0, other.begin + point % other.size()));
    }
    if (tiling.areKeysTiled)
      std::swap(at[0], at[1]);
    const std::vector<int64_t> holds = tiling.condition.evaluateMany(at, count);
    const auto pairs = count - std::ranges::count(holds, 0);
    return pairs == 0 ? Kind::Empty : pairs == count ? Kind::Full : Kind::Partial;
  }
};

} // namespace

std::optional<double> stc::pattern::listedPairs(const Tiling &tiling) {
  constexpr int64_t most = 64, rows = leastRows;
  TileFinder finder(tiling, rows);
  const int64_t samples = std::min(finder.classes, most);
  auto ofSamples = [&](int64_t all) {
    return int64_t(double(all) * double(samples) / double(finder.classes));
  };
  finder.most = ofSamples(mostEvaluations);
  int64_t entries = 0, tiles = 0;
  for (int64_t k = 0; k < samples; ++k) {
    // Steps by the golden ratio meet no period of the condition.
    const int64_t number =
        samples == finder.classes
            ? k
            : int64_t(std::fmod(0.6180339887 * double(k + 1), 1) * double(finder.classes));
    const std::vector<Entry> own = finder.entriesOf(number);
    entries += int64_t(own.size());
    // A tile that meets none computes one all the same.
    for (int64_t tile = number; tile < finder.tiles; tile += finder.classes)
      tiles += std::max<int64_t>(1, finder.existing(own, tile).size());
    if (finder.evaluations > finder.most || entries > ofSamples(mostEntries))
      return std::nullopt;
  }
  return double(tiles) * double(finder.classes) / double(samples) * double(rows * rows);
}

Range stc::pattern::listedRange(const Tiling &tiling, int64_t tile) {
  const int64_t each = ceilDiv(leastRows, tile), rows = tile * each;
  TileFinder finder(tiling, rows);
  std::vector<std::vector<Entry>> entries;
  for (int64_t number = 0; number < finder.classes; ++number)
    entries.push_back(finder.entriesOf(number));

  // First, where each tile's entries begin and end.
  auto table = std::make_shared<std::vector<int32_t>>();
  std::vector<int64_t> begins;
  int64_t end = 2 * finder.tiles;
  for (const std::vector<Entry> &own : entries) {
    begins.push_back(end);
    end += int64_t(own.size());
  }
  for (int64_t number = 0; number < finder.tiles; ++number) {
    const int64_t ofClass = number % finder.classes;
    const Rows own = finder.existing(entries[ofClass], number);
    table->push_back(int32_t(begins[ofClass] + own.begin));
    table->push_back(int32_t(begins[ofClass] + own.end));
  }
  for (const std::vector<Entry> &own : entries)
    for (Entry entry : own)
      table->push_back(int32_t(2 * entry.shift + entry.isFull));

  const Expr number = Expr::variable(1).floorDiv(each),
             entry = Expr::lookup(table, Expr::variable(2));
  auto inAxis = [&](const Expr &row) {
    return finder.otherRows % rows ? Expr::min(row, Expr::constant(finder.otherRows)) : row;
  };
  Range range;
  range.isSeveral = true;
  range.listed = end - 2 * finder.tiles;
  range.begin = Expr::lookup(table, number * 2);
  range.end = Expr::lookup(table, number * 2 + Expr::constant(1));
  range.longest = Expr::constant(rows);
  range.lo = range.fullLo = (number + entry.floorDiv(2)) * rows;
  range.fullHi = inAxis(range.lo + entry.mod(2) * rows);
  range.hi = inAxis(range.lo + Expr::constant(rows));
  return range;
}
