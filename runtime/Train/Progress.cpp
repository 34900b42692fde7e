//===- Progress.cpp - how a training run is watched ---------------------------------------===//
#include "runtime/Train/Progress.h"
#include "runtime/Processes/Environment.h"
#include "runtime/Support/Output.h"
#include "runtime/Support/Units.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace stc::runtime {

namespace {

// Steps that the loss on the screen is the mean of.
constexpr size_t meanSteps = 50;
constexpr auto redrawTime = std::chrono::milliseconds(100);
constexpr auto lineTime = std::chrono::seconds(10);

size_t terminalWidth() {
  struct winsize size;
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::string bar(double fraction, int width) {
  int filled = std::clamp(static_cast<int>(fraction * width), 0, width);
  return "[" + std::string(filled, '=') + std::string(width - filled, ' ') + "]";
}

} // namespace

Progress::Progress(int64_t steps, int64_t tokensPerStep, std::string unit)
    : steps(steps), tokensPerStep(tokensPerStep), bits(meanSteps), unit(std::move(unit)),
      terminal(writesToTerminal()) {}

double Progress::elapsedSeconds() const {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string Progress::line(const StepReport &report) const {
  int64_t done = report.step - firstStep + 1;
  double perStep = elapsedSeconds() / static_cast<double>(done);
  std::string text = fmt::format("step {}/{}  {:.4f} {}", report.step, steps, bits.mean(), unit);
  if (bits.count() > 1)
    text += fmt::format(" (mean of {})", bits.count());
  if (!std::isnan(report.learningRate))
    text += fmt::format("  lr {:.2e}", report.learningRate);
  if (!std::isnan(report.gradientNorm))
    text += fmt::format("  |g| {:.3f}", report.gradientNorm);
  return text + fmt::format("  {:.0f} bytes/s  {} left",
                            static_cast<double>(tokensPerStep) / perStep,
                            formatDuration(perStep * static_cast<double>(steps - report.step)));
}

void Progress::show(const StepReport &report) {
  if (firstStep == 0)
    firstStep = report.step;
  bits.add(report.bitsPerByte);
  auto now = Clock::now();
  bool due = now - shown >= (terminal ? Clock::duration(redrawTime) : Clock::duration(lineTime));
  if (!due && report.step != steps && report.step != firstStep)
    return;
  shown = now;
  std::string text = line(report);
  if (terminal) {
    // The bar takes what room the numbers leave.
    size_t width = terminalWidth() - 1;
    if (text.size() + 8 <= width)
      text = bar(static_cast<double>(report.step) / static_cast<double>(steps),
                 std::min<int>(width - text.size() - 3, 30)) +
             " " + text;
    text.resize(std::min(text.size(), width));
    say("\r{}\x1b[K", text);
    drawn = true;
  } else {
    say("{}\n", text);
  }
  std::fflush(stdout);
}

void Progress::note(const std::string &text) {
  if (drawn)
    say("\r\x1b[K");
  say("{}\n", text);
  std::fflush(stdout);
  shown = {};
}

void Progress::finish() {
  if (drawn)
    say("\n");
  drawn = false;
}

} // namespace stc::runtime
