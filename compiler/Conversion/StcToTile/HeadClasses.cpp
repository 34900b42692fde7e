//===- HeadClasses.cpp - patterns of heads in one kernel ------------------===//
//
// The heads of fixed attention see distinct sub-blocks of each block (arXiv 1904.10509, Sec. 4.3):
// the same kernel but for where the keys' view begins. A view of all sub-blocks has each as a
// residue, and which one it is follows from the head.
//
//===----------------------------------------------------------------------===//

#include "compiler/Conversion/StcToTile/HeadClasses.h"

#include "compiler/Pattern/Join.h"

#include <numeric>

using namespace mlir;
using namespace stc;
using pattern::Expr;
using pattern::ResidueMap;
using pattern::View;

namespace {
/// One view for that of each pattern, and which residue of it each of these is.
struct CommonView {
  View view;
  SmallVector<int64_t> residues;
  bool isShared() const { return residues.empty(); }
};

std::optional<CommonView> commonView(ArrayRef<View> views) {
  const View &first = views.front();
  if (first.residues != 1 || first.together != 1)
    return std::nullopt;
  if (llvm::all_equal(views))
    return CommonView{first, {}};
  const int64_t count = views.size();
  int64_t begin = first.first;
  for (const View &view : views) {
    View moved = view;
    moved.first = first.first;
    if (moved != first)
      return std::nullopt;
    begin = std::min(begin, view.first);
  }
  CommonView common{{first.period, begin, first.width, count}, {}};
  SmallVector<bool> isTaken(count);
  for (const View &view : views) {
    const int64_t behind = view.first - begin, residue = behind / first.width;
    if (behind % first.width || residue >= count || isTaken[residue])
      return std::nullopt;
    isTaken[residue] = true;
    common.residues.push_back(residue);
  }
  return count * first.width <= first.period ? std::optional(common) : std::nullopt;
}

/// The map that leads from each residue to another.
std::optional<ResidueMap> mapBetween(ArrayRef<int64_t> from, ArrayRef<int64_t> to) {
  const int64_t count = from.size();
  for (int64_t factor = 1; factor < count; ++factor)
    for (int64_t shift = 0; shift < count && std::gcd(factor, count) == 1; ++shift) {
      auto leads = [&](auto pair) {
        return (factor * std::get<0>(pair) + shift) % count == std::get<1>(pair);
      };
      if (llvm::all_of(llvm::zip(from, to), leads))
        return ResidueMap{factor, shift};
    }
  return std::nullopt;
}

/// Walks of each pattern that are to be one.
class Merger {
public:
  explicit Merger(ArrayRef<const WalkForm *> walks) : walks(walks) {}

  std::optional<WalkForm> merge() {
    const WalkForm &first = *walks.front();
    if (llvm::all_of(walks, [&](const WalkForm *walk) { return *walk == first; }))
      return first;
    for (const WalkForm *walk : walks)
      if (walk->segments.size() != first.segments.size() ||
          walk->schedule.rows != first.schedule.rows ||
          walk->schedule.strip != first.schedule.strip ||
          walk->meetsAllOnce != first.meetsAllOnce || walk->isApart != first.isApart)
        return std::nullopt;
    auto own = commonView(llvm::map_to_vector(walks, [](auto *walk) { return walk->view; }));
    if (!own)
      return std::nullopt;
    residues = own->residues;
    SmallVector<int64_t> classes = llvm::to_vector(llvm::seq<int64_t>(0, walks.size()));
    if (own->isShared())
      residues = classes;
    auto ofHead = mapBetween(classes, residues);
    if (!ofHead)
      return std::nullopt;
    WalkForm merged = first;
    merged.view = own->view;
    merged.classes = walks.size();
    merged.ofHead = *ofHead;
    for (auto [number, segment] : llvm::enumerate(merged.segments))
      if (!mergeSegment(number, segment))
        return std::nullopt;
    for (const WalkForm *walk : walks.drop_front()) {
      merged.pairs =
          merged.pairs && walk->pairs ? std::optional(*merged.pairs + *walk->pairs) : std::nullopt;
      merged.own += walk->own;
      merged.others += walk->others;
    }
    return merged;
  }

private:
  bool mergeSegment(size_t number, SegmentForm &segment) {
    auto all =
        llvm::map_to_vector(walks, [&](const WalkForm *walk) { return &walk->segments[number]; });
    auto other = commonView(llvm::map_to_vector(all, [](auto *one) { return one->view; }));
    if (!other)
      return false;
    segment.view = other->view;
    if (!other->isShared()) {
      auto map = mapBetween(residues, other->residues);
      if (!map)
        return false;
      segment.residues = *map;
    }
    for (const SegmentForm *one : all)
      if (one->range.isSeveral != segment.range.isSeveral ||
          one->range.listed != segment.range.listed)
        return false;
    // Of the only residue, and no longer of it alone.
    auto each = [&](auto member) {
      return llvm::map_to_vector(all, [&](const SegmentForm *one) {
        return member(*one).substitute(std::array{Expr::constant(0)});
      });
    };
    for (Expr pattern::Range::*bound :
         {&pattern::Range::lo, &pattern::Range::fullLo, &pattern::Range::fullHi,
          &pattern::Range::hi, &pattern::Range::begin, &pattern::Range::end,
          &pattern::Range::longest}) {
      auto ofClasses =
          each([&](const SegmentForm &one) -> const Expr & { return one.range.*bound; });
      segment.range.*bound = joined(ofClasses).value_or(byResidue(ofClasses));
    }
    auto predicate =
        joined(each([](const SegmentForm &one) -> const Expr & { return one.predicate; }));
    if (predicate)
      segment.predicate = *predicate;
    return predicate.has_value();
  }

  std::optional<Expr> joined(ArrayRef<Expr> each) const {
    return pattern::joined(std::span(each.data(), each.size()), /*variable=*/0,
                           std::span(residues.data(), residues.size()));
  }

  /// A choice by the residue, which is good enough for what is computed once a tile.
  Expr byResidue(ArrayRef<Expr> each) const {
    Expr chosen = each.back();
    for (size_t k = each.size() - 1; k-- > 0;)
      if (!(each[k] == each.back()))
        chosen = Expr::select((Expr::variable(0) - Expr::constant(residues[k])).isZero(), each[k],
                              chosen);
    return chosen;
  }

  ArrayRef<const WalkForm *> walks;
  /// The item's for each pattern.
  SmallVector<int64_t> residues;
};
} // namespace

std::optional<std::vector<WalkForm>> stc::mergedByHead(ArrayRef<ArrayRef<WalkForm>> patterns) {
  if (!llvm::all_equal(llvm::map_range(patterns, [](auto walks) { return walks.size(); })))
    return std::nullopt;
  std::vector<WalkForm> all;
  for (size_t number = 0; number < patterns.front().size(); ++number) {
    auto walks = llvm::map_to_vector(patterns, [&](auto one) { return &one[number]; });
    std::optional<WalkForm> merged = Merger(walks).merge();
    if (!merged)
      return std::nullopt;
    all.push_back(std::move(*merged));
  }
  return all;
}
