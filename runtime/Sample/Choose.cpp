//===- Choose.cpp - drawing a byte from logits ------------------------------------------===//
#include "runtime/Sample/Choose.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace stc::runtime {

std::optional<int> choose(std::span<const float> logits, const SamplingOptions &options, double u) {
  if (logits.empty() || std::ranges::any_of(logits, [](float logit) { return std::isnan(logit); }))
    return std::nullopt;
  std::vector<int> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(
      order, [&](int a, int b) { return logits[a] != logits[b] ? logits[a] > logits[b] : a < b; });
  double most = logits[order[0]];
  if (!std::isfinite(most))
    return std::nullopt;
  // Quotients by less than this are infinite, and equal logits would share.
  if (options.temperature < std::numeric_limits<double>::min())
    return order[0];

  if (options.topK > 0 && options.topK < static_cast<int64_t>(order.size()))
    order.resize(options.topK);
  std::vector<double> weights;
  for (int index : order)
    weights.push_back(std::exp((logits[index] - most) / options.temperature));
  double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  double kept = 0;
  size_t count = 0;
  while (count < weights.size() && (count == 0 || kept < options.topP * total))
    kept += weights[count++];

  double target = u * kept, sum = 0;
  for (size_t i = 0; i < count; ++i) {
    sum += weights[i];
    if (target < sum)
      return order[i];
  }
  return order[count - 1];
}

double negativeLogLikelihood(std::span<const float> logits, int index) {
  double most = *std::ranges::max_element(logits), sum = 0;
  for (float logit : logits)
    sum += std::exp(logit - most);
  return std::log(sum) + most - logits[index];
}

} // namespace stc::runtime
