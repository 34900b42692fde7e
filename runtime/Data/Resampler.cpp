//===- Resampler.cpp - changing the sample rate -----------------------------------------------===//
#include "runtime/Data/Resampler.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace stc::runtime {

namespace {

// Kaiser's formulas for 80 dB: the window's shape, and how far below the Nyquist frequency the
// middle of the transition must be for it to end there.
constexpr double crossings = 32, attenuation = 80, beta = 0.1102 * (attenuation - 8.7);
constexpr double cutoff = 1 - (attenuation - 8) / (2.285 * 2 * crossings) / std::numbers::pi / 2;

double sinc(double x) {
  return x == 0 ? 1 : std::sin(std::numbers::pi * x) / (std::numbers::pi * x);
}

// Position -1 to 1 in the window.
double kaiser(double x) {
  return std::abs(x) >= 1
             ? 0
             : std::cyl_bessel_i(0, beta * std::sqrt(1 - x * x)) / std::cyl_bessel_i(0, beta);
}

} // namespace

Resampler::Resampler(int64_t sourceRate, int64_t targetRate)
    : from(sourceRate / std::gcd(sourceRate, targetRate)),
      to(targetRate / std::gcd(sourceRate, targetRate)) {
  // The filter's zero crossings are a sample of the slower rate apart, and a little more.
  double slower = std::min(1.0, static_cast<double>(to) / static_cast<double>(from));
  double scale = slower * cutoff;
  half = static_cast<int64_t>(std::ceil(crossings / slower));
  phases.resize(to * 2 * half);
  for (int64_t phase = 0; phase < to; ++phase) {
    float *filter = &phases[phase * 2 * half];
    double sum = 0;
    for (int64_t i = 0; i < 2 * half; ++i) {
      double distance =
          static_cast<double>(i - half + 1) - static_cast<double>(phase) / static_cast<double>(to);
      double value = sinc(distance * scale) * kaiser(distance / static_cast<double>(half));
      filter[i] = static_cast<float>(value);
      sum += value;
    }
    // What is constant stays constant.
    for (int64_t i = 0; i < 2 * half; ++i)
      filter[i] = static_cast<float>(filter[i] / sum);
  }
  start = 1 - half;
  window.assign(half - 1, 0.0f);
}

void Resampler::emit(std::vector<float> &output, int64_t known) {
  for (; next * from / to + half < known; ++next) {
    const float *filter = &phases[next * from % to * 2 * half];
    const float *input = &window[next * from / to - half + 1 - start];
    // Eight sums that do not wait for each other.
    float sums[8] = {};
    int64_t i = 0;
    for (; i + 8 <= 2 * half; i += 8)
      for (int64_t lane = 0; lane < 8; ++lane)
        sums[lane] += filter[i + lane] * input[i + lane];
    for (; i < 2 * half; ++i)
      sums[0] += filter[i] * input[i];
    output.push_back(std::accumulate(sums, sums + 8, 0.0f));
  }
  int64_t unused = std::clamp<int64_t>(next * from / to - half + 1 - start, 0,
                                       static_cast<int64_t>(window.size()));
  window.erase(window.begin(), window.begin() + unused);
  start += unused;
}

void Resampler::push(std::span<const float> input, std::vector<float> &output) {
  if (from == to) {
    output.insert(output.end(), input.begin(), input.end());
    return;
  }
  window.insert(window.end(), input.begin(), input.end());
  taken += static_cast<int64_t>(input.size());
  emit(output, taken);
}

void Resampler::finish(std::vector<float> &output) {
  if (from == to || taken == 0)
    return;
  int64_t total = (taken * to + from - 1) / from;
  int64_t last = (total - 1) * from / to;
  window.resize(std::max<int64_t>(last + half + 1 - start, window.size()), 0.0f);
  emit(output, last + half + 1);
  output.resize(output.size() - (next - total));
  next = total;
}

} // namespace stc::runtime
