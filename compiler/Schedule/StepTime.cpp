//===- StepTime.cpp - how long the steps of an entry take -----------------===//

#include "compiler/Schedule/StepTime.h"

#include <algorithm>
#include <map>

using namespace stc;

static double kernelSeconds(const StepWork &step, const StepRates &rates) {
  double flops = rates.products;
  if (step.kind == StepWork::Attention)
    flops = rates.attention * double(step.headSize) / (double(step.headSize) + rates.exponentials);
  if (!step.isNarrow)
    flops /= rates.wide;
  return rates.kernelSeconds + std::max(step.flops / flops, step.bytes / rates.bytes);
}

/// How long a kernel takes that would take so many seconds alone, with exchanges going on for the
/// first `busy` of them.
static double secondsBeside(double alone, double busy, const StepRates &rates) {
  const double slow = alone / rates.besideExchange;
  return slow <= busy ? slow : busy + alone - busy * rates.besideExchange;
}

StepTime stc::predictTime(std::span<const StepWork> steps, const StepRates &rates) {
  StepTime time;
  double exchanged = 0; // exchanges follow each other
  std::map<int64_t, double> done;
  for (const StepWork &step : steps)
    switch (step.kind) {
    case StepWork::Exchange:
      exchanged = std::max(exchanged, time.seconds) + rates.exchangeSeconds +
                  rates.collectiveSeconds * double(step.collectives) +
                  step.bytes / (step.isBetweenHosts ? rates.hostLink : rates.link);
      done[step.number] = exchanged;
      break;
    case StepWork::Wait:
      if (const double late = done[step.number] - time.seconds; late > 0)
        time.seconds += late, time.waiting += late;
      break;
    default:
      time.seconds +=
          secondsBeside(kernelSeconds(step, rates), std::max(0.0, exchanged - time.seconds), rates);
    }
  return time;
}
