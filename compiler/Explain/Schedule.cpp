//===- Schedule.cpp - the kernels of a GPU program, for a person ----------===//
#include "compiler/Explain/Schedule.h"

#include "compiler/Explain/Text.h"

#include <fmt/ranges.h>

namespace stc {

using text::counted;
using text::field;

/// Three figures, with the prefix of a unit: "1.23 T", "45.6 G".
static std::string scaled(double value) {
  constexpr const char *prefixes[] = {"", "k", "M", "G", "T", "P"};
  size_t k = 0;
  for (; value >= 999.5 && k + 1 < std::size(prefixes); ++k)
    value /= 1000;
  int digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return fmt::format("{:.{}f} {}", value, digits, prefixes[k]);
}

static std::string milliseconds(double seconds) { return fmt::format("{:.3f}", seconds * 1e3); }

static std::string layout(const LaunchedKernel &kernel) {
  std::string text = counted(kernel.threads, "thread");
  if (kernel.tiles) {
    const LaunchedKernel::Tiles &tiles = *kernel.tiles;
    std::string who = tiles.groups > 0 ? counted(tiles.groups, "warpgroup") + " compute, 1 copies"
                                       : fmt::format("{} of {} {}", counted(tiles.warps, "warp"),
                                                     tiles.warpRows, tiles.own);
    text += fmt::format(": {}; {} of {}", who, counted(tiles.stages, "stage"), tiles.other);
  }
  if (kernel.sharedBytes > 0)
    text += fmt::format("; {:.1f} KiB of shared memory", double(kernel.sharedBytes) / 1024);
  return text;
}

static std::string workText(const AttentionWork &work) {
  std::string text;
  if (work.flops > 0)
    text = fmt::format("products {}FLOP in the pattern; ", scaled(double(work.flops)));
  return text + scaled(double(work.bytes)) + "B of memory";
}

static std::string workText(const HopperWork &work,
                            const std::optional<LaunchedKernel::Tiles> &tiles) {
  std::string text;
  if (tiles) {
    std::string useful = tiles->isCounted ? scaled(work.usefulFlops) + "FLOP" : "not counted";
    text = fmt::format("products {} in the pattern, {}FLOP in tiles; {} exponentials; ", useful,
                       scaled(work.flops), scaled(work.exponentials));
  }
  text += scaled(work.bytes) + "B of memory";
  if (work.sums > 0)
    text += "; " + scaled(work.sums) + "B of sums in the cache";
  return text;
}

static std::string timeText(const HopperTime &time) {
  std::string text = fmt::format("{} ms", milliseconds(time.total()));
  const char *separator = ": ";
  for (auto [part, seconds] :
       {std::pair("products", time.products), std::pair("exponentials", time.exponentials),
        std::pair("memory", time.memory), std::pair("sums", time.sums)})
    if (seconds > 0) {
      text += fmt::format("{}{} {}", separator, part, milliseconds(seconds));
      separator = ", ";
    }
  return text + fmt::format("; the roofline is at {}", milliseconds(time.roofline));
}

std::string explainSchedule(std::string_view entry, const std::vector<LaunchedKernel> &kernels,
                            const GpuPeaks &peaks) {
  std::string result = field("schedule", fmt::format("{} on an {}", entry, peaks.name));
  HopperTime all;
  double roofline = 0;
  bool isModelled = true;
  for (const LaunchedKernel &kernel : kernels) {
    result += field("kernel", kernel.name);
    if (kernel.tiles) {
      const LaunchedKernel::Tiles &tiles = *kernel.tiles;
      std::vector<std::string> others;
      for (const pattern::View &view : tiles.otherViews)
        others.push_back(view.str());
      result += field("  items", fmt::format("{} of {} {}: {}{}", counted(tiles.items, "tile"),
                                             tiles.rows, tiles.own, tiles.view.str(),
                                             tiles.resumes ? "; goes on from results so far" : ""));
      result += field("  meet", fmt::format("tiles of {} {}: {}", tiles.otherRows, tiles.other,
                                            fmt::join(others, "; ")));
    }
    result += field("  block", layout(kernel));
    isModelled &= kernel.modelled || !kernel.work;
    if (kernel.modelled) {
      HopperTime time = estimate(*kernel.modelled);
      all += time;
      roofline += time.roofline;
      result += field("  work", workText(*kernel.modelled, kernel.tiles)) +
                field("  time", timeText(time));
    } else if (kernel.work) {
      Roofline least = rooflineOf(*kernel.work, kernel.elementBytes, peaks);
      roofline += least.seconds();
      result += field("  work", workText(*kernel.work)) +
                field("  roofline",
                      fmt::format("{} ms: products {}, memory {}", milliseconds(least.seconds()),
                                  milliseconds(least.products), milliseconds(least.memory)));
    }
  }
  return result + field("in all", isModelled ? timeText(all)
                                             : fmt::format("the roofline is at {} ms",
                                                           milliseconds(roofline)));
}

} // namespace stc
