//===- Resampler.h - changing the sample rate -------------------------------------------------===//
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace stc::runtime {

/// Resamples by a windowed sinc of 32 zero crossings a side under a Kaiser window (80 dB), with its
/// cut-off below the Nyquist frequency of the slower rate. Output k is at the input's time
/// k * from / to; outside of the input is silence. See J. O. Smith, "Digital Audio Resampling".
class Resampler {
public:
  /// Rates in samples a second, at least 1 and at most a million or so: the table of the filter has
  /// up to 64 numbers for each sample of a second of the faster one.
  Resampler(int64_t from, int64_t to);

  /// Takes input and appends the output that is known by it.
  void push(std::span<const float> input, std::vector<float> &output);
  /// Appends what is left; in all, input * to / from samples, rounded up.
  void finish(std::vector<float> &output);

private:
  void emit(std::vector<float> &output, int64_t known);

  int64_t from, to;          ///< without common factors
  int64_t half;              ///< input samples on each side of an output one
  std::vector<float> phases; ///< [to, 2 * half]: the filter at each fraction of an input sample
  std::vector<float> window; ///< the input from sample `start` on
  int64_t start, taken = 0, next = 0;
};

} // namespace stc::runtime
