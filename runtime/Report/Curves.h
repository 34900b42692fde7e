//===- Curves.h - the curves of runs -----------------------------------------------------===//
#pragma once

#include "runtime/Report/Chart.h"
#include "runtime/Report/RunRecord.h"

#include <span>
#include <string>
#include <vector>

namespace stc::runtime {

/// The mean of each value and of those before it, `window` at most; values that are not finite are
/// left out, and the mean of none is NaN.
std::vector<double> movingMean(std::span<const double> values, size_t window);

/// How many steps the means of these runs are over: a tenth of a short run's, so that the mean does
/// not lag far behind, 50, and more of long runs, whose curves have fewer pixels.
size_t meanWindow(std::span<const RunRecord> runs);

/// Loss, learning rate, gradient norm and throughput, each along the steps, and where every run
/// says enough of itself, along the time of training and the bytes that were read. Of a single run
/// each step is drawn, too; of several the means alone, which their names tell apart.
std::vector<Chart> curvesOf(std::span<const RunRecord> runs);

} // namespace stc::runtime
