//===- Offsets.cpp - offsets for lifetimes --------------------------------===//
//
// Greedy placement: one lifetime after the other goes to the lowest gap between those that it
// meets. The order decides. To begin with what is alive at the worst step packs that step without a
// gap, which reaches the bound for training steps; two other orders are tried where it does not
// (compare Pisarchyk and Lee, arXiv 2001.03288).
//
//===----------------------------------------------------------------------===//

#include "compiler/Conversion/TileToPlan/MemoryPlan.h"

#include <algorithm>
#include <functional>
#include <numeric>

namespace stc::planner {

namespace {
int64_t roundUp(int64_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

struct Placed {
  int64_t begin, end;
  int first, last;
};

/// What is placed already, by its offset. Most lifetimes are short, so that each span of steps has
/// a list of its own of all that meets it; what lives longer than a span looks at the list of all.
class Arena {
public:
  Arena(int steps, size_t lifetimes)
      : span(std::max<int>(16, 8 * steps / std::max<size_t>(1, lifetimes / 64))),
        spans(steps / span + 1) {}

  int64_t place(const Lifetime &lifetime) {
    int64_t bytes = roundUp(lifetime.bytes);
    int firstSpan = lifetime.first / span, lastSpan = lifetime.last / span;
    const std::vector<Placed> &met = firstSpan == lastSpan ? spans[firstSpan] : all;
    int64_t begin = 0;
    for (const Placed &other : met) {
      if (other.last < lifetime.first || other.first > lifetime.last)
        continue;
      if (other.begin - begin >= bytes)
        break;
      begin = std::max(begin, other.end);
    }
    Placed placed{begin, begin + bytes, lifetime.first, lifetime.last};
    insert(all, placed);
    for (int index = firstSpan; index <= lastSpan; ++index)
      insert(spans[index], placed);
    return begin;
  }

private:
  static void insert(std::vector<Placed> &list, const Placed &placed) {
    list.insert(std::ranges::upper_bound(list, placed.begin, {}, &Placed::begin), placed);
  }

  int span;
  std::vector<std::vector<Placed>> spans;
  std::vector<Placed> all;
};

int stepsOf(std::span<const Lifetime> lifetimes) {
  int steps = 0;
  for (const Lifetime &lifetime : lifetimes)
    steps = std::max(steps, lifetime.last + 1);
  return steps;
}

/// The step with the most bytes alive.
struct Worst {
  int step;
  int64_t bytes;
};

Worst findWorst(std::span<const Lifetime> lifetimes) {
  std::vector<int64_t> change(stepsOf(lifetimes) + 1);
  for (const Lifetime &lifetime : lifetimes) {
    change[lifetime.first] += roundUp(lifetime.bytes);
    change[lifetime.last + 1] -= roundUp(lifetime.bytes);
  }
  Worst worst{0, 0};
  int64_t live = 0;
  for (size_t step = 0; step < change.size(); ++step)
    if ((live += change[step]) > worst.bytes)
      worst = {static_cast<int>(step), live};
  return worst;
}
} // namespace

int64_t liveBound(std::span<const Lifetime> lifetimes) { return findWorst(lifetimes).bytes; }

std::vector<int64_t> assignOffsets(std::span<const Lifetime> lifetimes) {
  const Worst worst = findWorst(lifetimes);
  auto length = [](const Lifetime &l) { return static_cast<int64_t>(l.last - l.first + 1); };
  auto isWorst = [&](const Lifetime &l) { return l.first <= worst.step && worst.step <= l.last; };
  using Less = std::function<bool(const Lifetime &, const Lifetime &)>;
  const Less orders[] = {
      [&](const Lifetime &a, const Lifetime &b) {
        if (isWorst(a) != isWorst(b))
          return isWorst(a);
        return length(a) != length(b) ? length(a) > length(b) : a.bytes > b.bytes;
      },
      [&](const Lifetime &a, const Lifetime &b) {
        return a.bytes != b.bytes ? a.bytes > b.bytes : length(a) > length(b);
      },
      [&](const Lifetime &a, const Lifetime &b) {
        return static_cast<double>(a.bytes) * length(a) > static_cast<double>(b.bytes) * length(b);
      },
  };

  const int steps = stepsOf(lifetimes);
  std::vector<int64_t> best;
  int64_t bestPeak = 0;
  std::vector<int> sequence(lifetimes.size());
  for (const Less &less : orders) {
    std::iota(sequence.begin(), sequence.end(), 0);
    std::ranges::sort(sequence, [&](int a, int b) {
      const Lifetime &l = lifetimes[a], &r = lifetimes[b];
      return less(l, r) || (!less(r, l) && a < b);
    });
    Arena arena(steps, lifetimes.size());
    std::vector<int64_t> offsets(lifetimes.size());
    int64_t peak = 0;
    for (int index : sequence) {
      offsets[index] = arena.place(lifetimes[index]);
      peak = std::max(peak, offsets[index] + roundUp(lifetimes[index].bytes));
    }
    if (best.empty() || peak < bestPeak) {
      best = std::move(offsets);
      bestPeak = peak;
    }
    if (bestPeak <= worst.bytes)
      break;
  }
  return best;
}

} // namespace stc::planner
