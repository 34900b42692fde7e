//===- Metrics.cpp - the numbers of a run, as files ----------------------------------------===//
#include "runtime/Train/Metrics.h"
#include "runtime/Support/File.h"
#include "runtime/Support/Json.h"

#include <fcntl.h>
#include <string_view>
#include <unistd.h>

namespace stc::runtime {

using json = nlohmann::ordered_json;

namespace {

constexpr auto curvesTime = std::chrono::seconds(2);

// How many of the bytes are whole lines up to the steps.
size_t keptBytes(std::string_view text, int64_t step, int64_t evaluatedStep) {
  size_t kept = 0;
  for (size_t end; (end = text.find('\n', kept)) != text.npos; kept = end + 1) {
    // Constant: to ask for a key that is not there would add it, and move the others.
    const json line = parseJson(text.substr(kept, end - kept));
    if (!line.contains("step") || !line["step"].is_number_integer())
      break;
    bool isEvaluation = line.contains("kind") && line["kind"] == "eval";
    if (line["step"] > (isEvaluation ? evaluatedStep : step))
      break;
  }
  return kept;
}

} // namespace

Result<Metrics> Metrics::open(const std::string &folder, int64_t step, int64_t evaluatedStep,
                              bool tensorBoard) {
  Metrics metrics;
  metrics.path = folder + "/metrics.jsonl";
  metrics.descriptor =
      ::open(metrics.path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (metrics.descriptor < 0)
    return systemError(metrics.path, "open");
  size_t kept = 0;
  if (step > 0) {
    Result<MappedFile> before = MappedFile::open(metrics.path);
    if (!before)
      return forward(before);
    kept = keptBytes(before->text(), step, evaluatedStep);
  }
  if (ftruncate(metrics.descriptor, static_cast<off_t>(kept)) != 0)
    return systemError(metrics.path, "truncate");
  if (tensorBoard) {
    Result<TensorBoardFile> file = TensorBoardFile::create(folder + "/tensorboard", step);
    if (!file)
      return forward(file);
    metrics.tensorBoard.emplace(std::move(*file));
  }
  return metrics;
}

Metrics::Metrics(Metrics &&other) noexcept
    : path(std::move(other.path)), descriptor(std::exchange(other.descriptor, -1)),
      drawn(other.drawn), tensorBoard(std::move(other.tensorBoard)) {}

Metrics::~Metrics() {
  if (descriptor >= 0)
    close(descriptor);
}

Result<void> Metrics::step(const StepReport &report, double seconds, double stepSeconds,
                           int64_t bytes) {
  double rate = static_cast<double>(bytes) / stepSeconds;
  if (tensorBoard) {
    tensorBoard->scalar("train/bits_per_byte", report.step, report.bitsPerByte);
    tensorBoard->scalar("train/gradient_norm", report.step, report.gradientNorm);
    tensorBoard->scalar("train/learning_rate", report.step, report.learningRate);
    tensorBoard->scalar("train/bytes_per_second", report.step, rate);
  }
  return append(json{
      {"kind", "step"},
      {"step", report.step},
      {"bits_per_byte", report.bitsPerByte},
      {"gradient_norm", report.gradientNorm},
      {"learning_rate", report.learningRate},
      {"bytes_per_second", rate},
      {"seconds",
       seconds}}.dump());
}

Result<void> Metrics::evaluation(int64_t step, const Evaluation &evaluation) {
  if (tensorBoard)
    tensorBoard->scalar("eval/bits_per_byte", step, evaluation.bitsPerByte);
  return append(json{{"kind", "eval"},
                     {"step", step},
                     {"bits_per_byte", evaluation.bitsPerByte},
                     {"standard_error", evaluation.standardError},
                     {"bytes", evaluation.bytes}}
                    .dump());
}

// At once: what comes before a failure is what one wants to see.
Result<void> Metrics::append(std::string line) {
  line += '\n';
  if (auto written = writeAll(descriptor, std::as_bytes(std::span(line)), path); !written)
    return written;
  return Clock::now() - drawn < curvesTime ? Result<void>() : draw();
}

Result<void> Metrics::draw() {
  drawn = Clock::now();
  return tensorBoard ? tensorBoard->flush() : Result<void>();
}

Result<void> Metrics::sync() {
  if (auto written = draw(); !written)
    return written;
  return fdatasync(descriptor) == 0 ? Result<void>() : systemError(path, "write");
}

} // namespace stc::runtime
