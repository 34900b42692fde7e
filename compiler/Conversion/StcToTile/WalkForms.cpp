//===- WalkForms.cpp - the walks of a pattern, cut into tiles -------------===//

#include "compiler/Conversion/StcToTile/WalkForms.h"

using namespace mlir;
using namespace stc;

bool stc::meetsAllOnce(const WalkForm &walk, int64_t n) {
  if (walk.view.residues != 1 || walk.segments.size() != 1 ||
      !walk.segments.front().view.isIdentity() || walk.segments.front().range.isSeveral)
    return false;
  const pattern::Range &range = walk.segments.front().range;
  int64_t end = 0;
  for (int64_t t = 0; t * walk.schedule.rows < walk.view.maxRows(n); ++t) {
    int64_t lo = range.lo.evaluate({{0, t}}), hi = range.hi.evaluate({{0, t}});
    if (lo != end || hi <= lo || (hi % 128 != 0 && hi != n))
      return false;
    end = hi;
  }
  return end == n;
}

double stc::computedPairs(const WalkForm &walk, int64_t n) {
  double pairs = 0;
  for (const SegmentForm &segment : walk.segments)
    for (int64_t t = 0; t * walk.schedule.strip < walk.view.maxRows(n); ++t)
      pairs += double(segment.range.rowsComputed(walk.chunks - 1, t, 1));
  return pairs * walk.schedule.strip * walk.view.residues;
}

/// How many rows of the other axis a row meets, on average.
static double meanMet(const WalkForm &walk, int64_t n) {
  return computedPairs(walk, n) / double(walk.view.maxRows(n) * walk.view.residues);
}

bool stc::isApart(const WalkForm &walk, int64_t n) {
  const bool isOne = walk.view.residues == 1 && walk.view.maxRows(n) <= walk.schedule.rows;
  if (walk.segments.size() != 1 || isOne || walk.segments.front().range.isSeveral)
    return false;
  int64_t end = 0;
  const pattern::Range &range = walk.segments.front().range;
  for (int64_t t = 0; t * walk.schedule.strip < walk.view.maxRows(n); ++t) {
    const int64_t lo = range.lo.evaluate({{0, t}}), hi = range.hi.evaluate({{0, t}});
    if (lo < end && lo < hi)
      return false;
    end = std::max(end, hi);
  }
  return true;
}

/// Takes the pairs of a segment into account that meets some positions of the other axis, of n.
static void addPairs(WalkForm &walk, const pattern::Walk &source, const pattern::Segment &segment,
                     const pattern::View &others, int64_t n) {
  std::optional<int64_t> pairs = pattern::countPairs(pattern::Walk{source.query, {segment}});
  walk.pairs = walk.pairs && pairs ? std::optional(*walk.pairs + *pairs) : std::nullopt;
  walk.own = walk.view.positions(n);
  walk.others = std::min(walk.others + others.positions(n), n); // parts may have some in common
}

static SegmentForm byQueries(const pattern::Segment &segment, int64_t queryRows) {
  const pattern::Range range = segment.keysOf(queryRows);
  return {segment.key, segment.residues, range, segment.predicateOf(range)};
}

/// The same for tiles of keys: by their residue.
static SegmentForm byKeys(const pattern::Segment &segment, int64_t keyRows) {
  using pattern::Expr;
  const int64_t residues = segment.key.residues;
  const pattern::ResidueMap back = segment.residues.inverse(residues);
  const Expr variables[] = {back.at(Expr::variable(0), residues), Expr::variable(1),
                            Expr::variable(2), Expr::variable(3)};
  const pattern::Range range = segment.queriesOf(keyRows);
  return {segment.query, back, range, segment.predicateOf(range).substitute(variables)};
}

std::vector<WalkForm> stc::walksByKeys(const pattern::Pattern &pattern, int64_t n, int64_t mostRows,
                                       const AttentionTiles &tiles, int64_t tallRows) {
  constexpr double manyQueries = 1024;
  std::vector<pattern::View> views;
  for (const pattern::Walk &walk : pattern.walks())
    for (const pattern::Segment &segment : walk.segments)
      if (!llvm::is_contained(views, segment.key))
        views.push_back(segment.key);
  auto walkOf = [&](const pattern::View &view, AttentionSchedule schedule) {
    WalkForm form{view, schedule, {}};
    for (const pattern::Walk &walk : pattern.walks())
      for (const pattern::Segment &segment : walk.segments)
        if (segment.key == view) {
          form.segments.push_back(byKeys(segment, schedule.rows));
          addPairs(form, walk, segment, segment.query, n);
        }
    return form;
  };
  std::vector<WalkForm> walks;
  for (const pattern::View &view : views) {
    WalkForm form = walkOf(view, tiles.ofKeys(view, n, mostRows));
    if (tallRows > 0 && tallRows % view.width == 0 && meanMet(form, n) > manyQueries)
      form = walkOf(view, {tallRows, tallRows});
    walks.push_back(std::move(form));
  }
  return walks;
}

/// The walks, each as one for each of its maps of residues.
static std::vector<pattern::Walk> byResidueMap(const std::vector<pattern::Walk> &walks) {
  std::vector<pattern::Walk> all;
  for (const pattern::Walk &walk : walks) {
    const size_t first = all.size();
    for (const pattern::Segment &segment : walk.segments) {
      auto found = std::find_if(all.begin() + first, all.end(), [&](const pattern::Walk &other) {
        return other.segments.front().residues == segment.residues;
      });
      if (found == all.end())
        found = all.insert(all.end(), {walk.query, {}});
      found->segments.push_back(segment);
    }
  }
  return all;
}

/// Tiles of queries of which the blocks of chunks have whole ones, if there are such.
static AttentionSchedule queryTiles(const pattern::Walk &walk, int64_t n, int64_t mostRows,
                                    const AttentionTiles &tiles, const AttentionChunk &chunk) {
  const AttentionSchedule best = tiles.ofQueries(walk, n, mostRows);
  auto fits = [&](const AttentionSchedule &schedule) {
    return chunk.block / walk.query.period * walk.query.width % schedule.strip == 0;
  };
  if (chunk.isWhole() || fits(best))
    return best;
  for (int64_t rows : {64, 32, 16})
    if (AttentionSchedule fewer = tiles.ofQueries(walk, n, std::min(rows, mostRows)); fits(fewer))
      return fewer;
  return best;
}

std::vector<WalkForm> stc::walksByQueries(const pattern::Pattern &pattern, int64_t n,
                                          int64_t mostRows, const AttentionTiles &tiles,
                                          bool single, bool apart, const AttentionChunk &chunk) {
  std::vector<pattern::Walk> sources = pattern.walks();
  if (apart)
    sources = byResidueMap(sources);
  std::vector<WalkForm> walks;
  for (const pattern::Walk &walk : sources) {
    AttentionSchedule schedule =
        single ? AttentionSchedule{1, 1} : queryTiles(walk, n, mostRows, tiles, chunk);
    WalkForm form{walk.query, schedule, {}};
    for (const pattern::Segment &segment : walk.segments) {
      form.segments.push_back(byQueries(segment, schedule.strip));
      addPairs(form, walk, segment, segment.key, n);
    }
    // Measured on an H100: from 2048 keys on, to overlap items costs the loop over tiles more than
    // it brings. Of one tile alone there is no loop, and no registers for another one's scores.
    const double met = tiles.ofKeys && !single ? meanMet(form, n) : 0;
    form.isKvShort = met > 128 && met < 2048;
    walks.push_back(std::move(form));
  }
  return walks;
}

void stc::packResidues(WalkForm &walk, int64_t n, int64_t mostRows, const AttentionTiles &tiles) {
  const pattern::View view = walk.view.packed(n, tiles.packedRows);
  if (view == walk.view || !llvm::all_of(walk.segments, [&](const SegmentForm &segment) {
        return segment.view == walk.view && segment.residues.isIdentity();
      }))
    return;
  using pattern::Expr;
  Expr residue = Expr::variable(0), own = Expr::variable(1), other = Expr::variable(2);
  Expr ownResidue = own.floorDiv(view.rowsEach), otherResidue = other.floorDiv(view.rowsEach);
  Expr variables[] = {residue * view.together + ownResidue, own.mod(view.rowsEach),
                      other.mod(view.rowsEach)};
  Expr none, all = Expr::constant(view.together * view.rowsEach);
  walk.view = view;
  walk.schedule = tiles.ofKeys(view, n, mostRows);
  for (SegmentForm &segment : walk.segments) {
    segment.view = view;
    segment.range = {none, none, none, all};
    segment.predicate =
        segment.predicate.substitute(variables) && (ownResidue - otherResidue).isZero();
  }
}

WalkForm stc::noPairs(AttentionSchedule schedule, int64_t n) {
  WalkForm walk{{}, schedule, {SegmentForm{{}, {}, {}, pattern::Expr()}}};
  walk.own = n;
  return walk;
}
