//===- ResidueSplit.cpp - another residue of keys for each of queries -----===//
//
// Positions fall into cells of `width` positions, and these, by their numbers modulo k, into the
// residues of a view. isl says which residues of keys the queries of each residue meet at all:
// where these are few, on lines s = (factor * r + shift) mod k, each line is a part whose pairs
// are dense in the view.
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

std::vector<ResidueMap> stc::pattern::residueLines(Context &context, const isl::map &pairs,
                                                   const View &view) {
  const int64_t k = view.residues;
  isl::map toResidue = context.map("{ [x] -> [r] : r = (floor(x/" + std::to_string(view.width) +
                                   ")) mod " + std::to_string(k) + " }");
  Points points;
  pairs.apply_domain(toResidue).apply_range(toResidue).wrap().flatten().foreach_point(
      [&](const isl::point &point) {
        points.emplace_back(coordinateOfPoint(point, 0), coordinateOfPoint(point, 1));
      });
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
