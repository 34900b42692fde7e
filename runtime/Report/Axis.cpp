//===- Axis.cpp - from values to pixels ------------------------------------------------------===//
#include "runtime/Report/Axis.h"

#include <algorithm>
#include <cmath>

namespace stc::runtime {

// The share of the axis that a band takes, and how far values must lie beyond the main ones to get
// a band of their own, as a share of the range of these.
static constexpr double bandShare = 0.14, bandFrom = 0.3;

void Axis::Range::include(double value) {
  low = std::min(low, value);
  high = std::max(high, value);
}

void Axis::include(double value) { all.include(value); }

void Axis::includeMain(double value) {
  include(value);
  main.include(value);
}

double Axis::scale(double value) const { return logarithmic ? std::log(value) : value; }

void Axis::widen(double by, bool below, bool above) {
  if (below)
    main.low = logarithmic ? main.low / std::exp(by) : main.low - by;
  if (above)
    main.high = logarithmic ? main.high * std::exp(by) : main.high + by;
}

bool Axis::fit(bool wantsLogarithm, double room) {
  if (all.empty())
    return false;
  if (main.empty())
    main = all;
  logarithmic = wantsLogarithm && all.low > 0;
  if (main.low == main.high)
    widen(logarithmic ? 1 : main.low == 0 ? 1 : std::abs(main.low) * 0.05, true, true);
  double range = scale(main.high) - scale(main.low);
  bool below = scale(main.low) - scale(all.low) > bandFrom * range;
  bool above = scale(all.high) - scale(main.high) > bandFrom * range;
  if (!below)
    main.low = std::min(main.low, all.low);
  if (!above)
    main.high = std::max(main.high, all.high);
  // A band takes the room on its side.
  widen((scale(main.high) - scale(main.low)) * room, !below, !above);
  all.low = std::min(all.low, main.low);
  all.high = std::max(all.high, main.high);
  return true;
}

double Axis::mainShare() const { return 1 - bandShare * (hasLowerBand() + hasUpperBand()); }

double Axis::operator()(double value) const {
  double below = hasLowerBand() ? bandShare : 0, share = 0;
  auto between = [&](double low, double high) {
    return (scale(value) - scale(low)) / (scale(high) - scale(low));
  };
  if (value < main.low)
    share = below * between(all.low, main.low);
  else if (value > main.high)
    share = below + mainShare() + bandShare * between(main.high, all.high);
  else
    share = below + mainShare() * between(main.low, main.high);
  return from + share * (to - from);
}

double Axis::upperCoarseness() const {
  return (scale(all.high) - scale(main.high)) / bandShare * mainShare() /
         (scale(main.high) - scale(main.low));
}

double Axis::lowerCoarseness() const {
  return (scale(main.low) - scale(all.low)) / bandShare * mainShare() /
         (scale(main.high) - scale(main.low));
}

static std::vector<double> logarithmicTicks(double low, double high) {
  std::vector<double> all, tens;
  for (double ten = std::pow(10, std::floor(std::log10(low))); ten <= high; ten *= 10)
    for (double digit : {1, 2, 5})
      if (double tick = ten * digit; tick >= low && tick <= high) {
        all.push_back(tick);
        if (digit == 1)
          tens.push_back(tick);
      }
  return all.size() > 8 && tens.size() > 1 ? tens : all;
}

std::vector<double> Axis::mainTicks(int count) const {
  return logarithmic ? logarithmicTicks(main.low, main.high) : ticks(main.low, main.high, count);
}

std::vector<double> ticks(double low, double high, int count) {
  double rough = (high - low) / count;
  if (!(rough > 0) || !std::isfinite(rough))
    return {};
  double ten = std::pow(10, std::floor(std::log10(rough))), step = ten;
  for (double digit : {1, 2, 5, 10})
    if (step = ten * digit; step >= rough * 0.999)
      break;
  // A step that the values' own precision does not resolve gives none.
  if (low + step == low)
    return {};
  std::vector<double> all;
  for (double i = std::ceil(low / step - 1e-9); i * step <= high + step * 1e-9; ++i)
    all.push_back(i * step + 0.0);
  return all;
}

} // namespace stc::runtime
