//===- Split.cpp - which part of the data a thing belongs to ----------------------------===//
#include "runtime/Data/Split.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <numeric>

namespace stc::runtime {

Result<std::array<double, partCount>> splitFractions(const Settings &settings) {
  Result<std::vector<double>> split = settings.numbers("data.split", {0.9, 0.05, 0.05});
  if (!split)
    return forward(split);
  double sum = std::accumulate(split->begin(), split->end(), 0.0);
  // Thirds that were rounded up may exceed 1 by a little. The negation also refuses what is not a
  // number.
  if (split->size() != partCount || *std::ranges::min_element(*split) < 0 || !(sum <= 1 + 1e-6))
    return fail(
        fmt::format("expected three fractions of 1 in all as setting 'data.split', found [{}]",
                    fmt::join(*split, ", ")));
  return std::array{(*split)[0], (*split)[1], (*split)[2]};
}

Split::Split(const std::array<double, partCount> &fractions, int64_t count)
    : fractions(fractions), count(count) {
  double before = 0;
  for (int part = 0; part < partCount; ++part) {
    before += fractions[part];
    ends[part + 1] = std::min<int64_t>(std::llround(before * static_cast<double>(count)), count);
  }
}

void Split::snapTo(std::span<const int64_t> edges) {
  for (int part = 0; part < partCount; ++part) {
    int64_t &end = ends[part + 1];
    if (fractions[part] == 0)
      end = ends[part];
    auto behind = std::find_if(fractions.begin() + part + 1, fractions.end(),
                               [](double fraction) { return fraction > 0; });
    double smaller =
        behind == fractions.end() ? fractions[part] : std::min(fractions[part], *behind);
    double slack = smaller * static_cast<double>(count) / 4;
    auto above = std::ranges::lower_bound(edges, end);
    int64_t nearest = end;
    double distance = slack;
    for (auto edge : {above, above == edges.begin() ? above : above - 1})
      if (edge != edges.end() && std::abs(static_cast<double>(*edge - end)) <= distance) {
        nearest = *edge;
        distance = std::abs(static_cast<double>(*edge - end));
      }
    end = nearest;
  }
}

void Split::toEdges(std::span<const int64_t> edges) {
  auto place = [&](int64_t things) { return things == 0 ? 0 : edges[things - 1]; };
  std::ranges::transform(ends, ends.begin(), place);
  count = place(count);
}

bool Split::leaveNoneEmpty() {
  int64_t wanted = std::ranges::count_if(fractions, [](double fraction) { return fraction > 0; });
  if (count < wanted)
    return false;
  // Upwards, each part takes what it lacks from those behind it; downwards, from those before.
  for (int part = 0; part < partCount; ++part)
    ends[part + 1] = std::max(ends[part + 1], ends[part] + (fractions[part] > 0));
  ends[partCount] = std::min(ends[partCount], count);
  for (int part = partCount - 1; part >= 0; --part)
    ends[part] = std::min(ends[part], ends[part + 1] - (fractions[part] > 0));
  return true;
}

} // namespace stc::runtime
