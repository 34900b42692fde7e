//===- Choose.h - drawing a byte from logits --------------------------------------------===//
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace stc::runtime {

struct SamplingOptions {
  /// 0 takes the most likely byte.
  double temperature = 1;
  /// Only the k most likely bytes; 0 for all.
  int64_t topK = 0;
  /// Only the fewest most likely bytes that together have this probability.
  double topP = 1;
};

/// Draws an index of the logits with a number `u` in [0, 1). Of equal logits the lower index is the
/// more likely one for topK and topP. No value if a logit is not a number or none is finite.
std::optional<int> choose(std::span<const float> logits, const SamplingOptions &options, double u);

/// -log of the probability of an index under the softmax of the logits, in nats.
double negativeLogLikelihood(std::span<const float> logits, int index);

} // namespace stc::runtime
