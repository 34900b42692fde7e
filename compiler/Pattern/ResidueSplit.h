//===- ResidueSplit.h - another residue of keys for each of queries -------===//
#pragma once

#include "compiler/Pattern/Isl.h"
#include "compiler/Pattern/Pattern.h"

#include <span>

namespace stc::pattern {

/// The few views that take the residues of cells of a period apart: of no fewer rows than `least`;
/// first those of single positions and of the given widths, of these and the others first those
/// with `enough` rows.
std::vector<View> residueViews(int64_t period, int64_t n, int64_t least, int64_t enough,
                               std::span<const int64_t> widths);

/// Some pairs (i, j) of positions.
using SomePairs = std::vector<std::pair<int64_t, int64_t>>;

/// The fewest maps of the view's residues that hold all pairs, some of which are known; none where
/// these are many.
std::vector<ResidueMap> residueLines(Context &context, const isl::map &pairs, const SomePairs &some,
                                     const View &view);

} // namespace stc::pattern
