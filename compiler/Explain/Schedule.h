//===- Schedule.h - the kernels of a GPU program, for a person ------------===//
//
// What `stc-compile --explain` says of attention on a GPU: how each kernel is laid out, what it has
// to do, and where there is a model of it, what it is expected to cost. Knows no IR.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Pattern/Pattern.h"
#include "compiler/Schedule/HopperCost.h"
#include "compiler/Schedule/Roofline.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stc {

/// One launch of an attention kernel.
struct LaunchedKernel {
  std::string name;
  /// Of a block.
  int64_t threads = 0, sharedBytes = 0;
  /// What it has to do, with the bytes of an element; nothing where that could not be counted.
  std::optional<AttentionWork> work;
  int64_t elementBytes = 2;
  /// What it does, where there is a model.
  std::optional<HopperWork> modelled;

  /// How tiles of one axis meet those of the other. Nothing where each query is for itself.
  struct Tiles {
    /// "queries" and "keys", or the other way round: what items are of, and what these meet.
    std::string_view own, other;
    int64_t rows, otherRows;
    pattern::View view;
    std::vector<pattern::View> otherViews;
    int64_t items, stages;
    /// Warpgroups that compute, beside one that copies; or else warps that do both, and rows of
    /// each.
    int64_t groups = 0, warps = 0, warpRows = 0;
    bool resumes;
    bool isCounted; ///< whether the pattern's pairs are
  };
  std::optional<Tiles> tiles;
};

/// Paragraphs on an entry's kernels and on all together. Lines of at most 100 columns.
std::string explainSchedule(std::string_view entry, const std::vector<LaunchedKernel> &kernels,
                            const GpuPeaks &peaks);

} // namespace stc
