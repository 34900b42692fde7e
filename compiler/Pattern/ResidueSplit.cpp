//===- ResidueSplit.cpp - another residue of keys for each of queries -----===//
//
// Positions fall into cells of `width` positions, and these, by their numbers modulo k, into the
// residues of a view. Where the residues of keys that the queries of each residue meet are few, on
// lines s = (factor * r + shift) mod k, each line is a part whose pairs are dense in the view.
//
//===----------------------------------------------------------------------===//

#include "compiler/Pattern/ResidueSplit.h"
#include "compiler/Pattern/Linear.h"

#include <algorithm>
#include <numeric>
#include <set>

using namespace stc::pattern;

namespace {
constexpr int64_t mostResidues = 32;
constexpr size_t mostLines = 4, mostWidths = 4;

using Points = std::vector<std::pair<int64_t, int64_t>>;

/// The shifts of the lines of a factor that hold all points.
std::vector<int64_t> shiftsOf(const Points &points, int64_t factor, int64_t residues) {
  std::set<int64_t> shifts;
  for (auto [r, s] : points)
    if (shifts.insert(floorModulo(s - factor * r, residues)).second && shifts.size() > mostLines)
      break;
  return {shifts.begin(), shifts.end()};
}
} // namespace

std::vector<View> stc::pattern::residueViews(int64_t period, int64_t n, int64_t least,
                                             int64_t enough, std::span<const int64_t> widths) {
  std::vector<View> views;
  for (int64_t residues = std::min(mostResidues, period); residues > 2; --residues)
    if (period % residues == 0 && n / residues >= least)
      views.push_back({period, 0, period / residues, residues});
  std::ranges::stable_sort(views, {}, [&](const View &view) {
    const bool isNamed = view.width == 1 || std::ranges::count(widths, view.width);
    return std::pair(!isNamed, n / view.residues < enough);
  });
  if (views.size() > mostWidths)
    views.resize(mostWidths);
  return views;
}

/// The fewest lines that hold all points of k x k residues.
static std::vector<ResidueMap> fewestLines(const Points &points, int64_t k) {
  std::vector<ResidueMap> best;
  for (int64_t factor = 1; factor < k; ++factor) {
    if (std::gcd(factor, k) != 1)
      continue;
    std::vector<int64_t> shifts = shiftsOf(points, factor, k);
    if (shifts.size() > mostLines || 2 * int64_t(shifts.size()) >= k ||
        (!best.empty() && shifts.size() >= best.size()))
      continue;
    best.clear();
    for (int64_t shift : shifts)
      best.push_back({factor, shift});
  }
  return best;
}

/// Pairs of residues that are on none of the lines, which have one factor.
static isl::map offLines(Context &context, const View &view, const std::vector<ResidueMap> &lines) {
  const int64_t k = view.residues, factor = lines.front().factor;
  auto cell = [&](const char *name) {
    return "(floor(" + std::string(name) + "/" + std::to_string(view.width) + "))";
  };
  const std::string line = "(" + cell("j") + " - " + std::to_string(factor) + "*" + cell("i") +
                           ") mod " + std::to_string(k);
  std::string off;
  auto addGap = [&](int64_t first, int64_t last) {
    if (first <= last)
      off += (off.empty() ? "" : " or ") + std::to_string(first) + " <= " + line +
             " <= " + std::to_string(last);
  };
  int64_t next = 0; // shifts are in order
  for (const ResidueMap &map : lines) {
    addGap(next, map.shift - 1);
    next = map.shift + 1;
  }
  addGap(next, k - 1);
  return context.map("{ [i] -> [j] : " + off + " }");
}

// The lines of some pairs are those of all, or isl finds a pair beside them.
std::vector<ResidueMap> stc::pattern::residueLines(Context &context, const isl::map &pairs,
                                                   const SomePairs &some, const View &view) {
  const int64_t k = view.residues;
  std::set<std::pair<int64_t, int64_t>> met;
  auto meet = [&](int64_t i, int64_t j) { met.emplace(i / view.width % k, j / view.width % k); };
  auto meetOneOf = [&](const isl::map &all) {
    const isl::point point = all.wrap().flatten().sample_point();
    meet(coordinateOfPoint(point, 0), coordinateOfPoint(point, 1));
  };
  for (auto [i, j] : some)
    meet(i, j);
  if (met.empty())
    meetOneOf(pairs);
  constexpr int mostRounds = 8;
  for (int round = 0; round < mostRounds; ++round) {
    std::vector<ResidueMap> lines = fewestLines({met.begin(), met.end()}, k);
    if (lines.empty())
      return {};
    isl::map off = pairs.intersect(offLines(context, view, lines));
    if (off.is_empty())
      return lines;
    meetOneOf(off);
  }
  return {};
}
