//===- Units.cpp - numbers for people -----------------------------------------------===//
#include "runtime/Support/Units.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace stc::runtime {

namespace {
struct Scaled {
  double value;
  const char *unit;
};
/// In the first unit in which a value is less than one of the next, each being `step` of the last.
Scaled scale(double value, double step, std::initializer_list<const char *> units) {
  auto unit = units.begin();
  for (; value >= step && unit + 1 != units.end(); ++unit)
    value /= step;
  return {value, *unit};
}
} // namespace

std::string formatBytes(uint64_t bytes) {
  auto [value, unit] =
      scale(double(bytes), 1024, {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"});
  return bytes < 1024 ? fmt::format("{} bytes", bytes) : fmt::format("{:.1f} {}", value, unit);
}

std::string formatCount(uint64_t count) {
  std::string text = std::to_string(count);
  for (int i = static_cast<int>(text.size()) - 3; i > 0; i -= 3)
    text.insert(i, ",");
  return text;
}

std::string formatOperations(double operations) {
  auto [value, unit] =
      scale(operations, 1000, {"FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP", "PFLOP", "EFLOP"});
  return fmt::format("{:.4g} {}", value, unit);
}

std::string formatRate(double operations) {
  return operations < 1e12 ? fmt::format("{:.1f} GFLOP/s", operations * 1e-9)
                           : fmt::format("{:.1f} TFLOP/s", operations * 1e-12);
}

std::string formatByteRate(double bytes) {
  return bytes < 1e12 ? fmt::format("{:.2f} GB/s", bytes * 1e-9)
                      : fmt::format("{:.2f} TB/s", bytes * 1e-12);
}

std::string formatDuration(double seconds) {
  if (!std::isfinite(seconds))
    return "?";
  int64_t whole = std::llround(std::clamp(seconds, 0.0, 1e12));
  int64_t days = whole / 86400, hours = whole / 3600 % 24, minutes = whole / 60 % 60;
  if (days > 0)
    return fmt::format("{}d {:02}:{:02}", days, hours, minutes);
  if (hours > 0)
    return fmt::format("{}:{:02}:{:02}", hours, minutes, whole % 60);
  return fmt::format("{}:{:02}", minutes, whole % 60);
}

std::string bitsUnit(std::string_view kind) { return kind == "image" ? "bits/dim" : "bits/byte"; }

} // namespace stc::runtime
