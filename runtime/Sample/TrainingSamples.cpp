//===- TrainingSamples.cpp - samples of a model while it trains -------------------------===//
#include "runtime/Sample/TrainingSamples.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fmt/format.h>

namespace stc::runtime {

namespace fs = std::filesystem;

static constexpr int64_t textLength = 400;
static constexpr size_t shownLength = 60;
static constexpr std::string_view prefix = "step-";

static std::string nameOf(int64_t step, std::string_view ending) {
  return fmt::format("{}{:08}{}", prefix, step, ending);
}

// Whose sample a file is, -1 for those that are not of training.
static int64_t stepOf(const std::string &name) {
  if (!name.starts_with(prefix))
    return -1;
  int64_t step = -1;
  const char *end = name.data() + name.size();
  auto [at, error] = std::from_chars(name.data() + prefix.size(), end, step);
  std::string_view ending(at, end);
  bool ours = error == std::errc() && (ending == ".txt" || ending == ".png" || ending == ".wav");
  return ours && name == nameOf(step, ending) ? step : -1;
}

// How a text begins, in one line of printable ASCII.
static std::string beginningOf(std::span<const uint8_t> text) {
  std::string line;
  for (uint8_t byte : text.first(std::min(text.size(), shownLength)))
    line += byte == '\n' || byte == '\t' ? ' ' : byte >= 0x20 && byte < 0x7f ? char(byte) : '?';
  return line;
}

Result<TrainingSamples> TrainingSamples::create(Executor &executor, const std::string &folder,
                                                const TrainingSamplesOptions &options) {
  Result<Sampler> sampler = Sampler::create(executor);
  if (!sampler)
    return forward(sampler);
  Result<SampleFormat> format = SampleFormat::of(Settings(executor.program()), sampler->context());
  if (!format)
    return forward(format);
  TrainingSamples samples(std::move(*sampler), *format, options);
  bool isText = format->kind() == SampleFormat::Kind::Text;
  if (!isText && !options.prompt.empty())
    return fail("expected a prompt for samples of texts alone");
  if (auto checked = samples.sampler.checkPrompt(
          {reinterpret_cast<const uint8_t *>(options.prompt.data()), options.prompt.size()});
      !checked)
    return forward(checked);
  int64_t room = samples.sampler.context() -
                 samples.sampler.keptBytes(static_cast<int64_t>(options.prompt.size()));
  samples.length = isText ? std::min(textLength, room) : room;
  samples.folder = folder + "/samples";
  return samples;
}

Result<std::string> TrainingSamples::draw(int64_t step) {
  int64_t count = format.kind() == SampleFormat::Kind::Audio ? 1 : sampler.batch();
  std::vector<uint8_t> prompt(options.prompt.begin(), options.prompt.end());
  std::vector<std::vector<uint8_t>> sequences(count, prompt);
  auto emit = [&](const DrawnByte &drawn) {
    if (drawn.row < count)
      sequences[drawn.row].push_back(drawn.byte);
  };
  if (auto sampled = sampler.run(prompt, length, {}, options.seed, 0, emit); !sampled)
    return forward(sampled);
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    return fail(fmt::format("{}: cannot create: {}", folder, error.message()), ErrorKind::Io);
  std::string path = folder + "/" + nameOf(step, format.ending());
  if (auto written = format.write(path, sequences); !written)
    return forward(written);
  return format.kind() == SampleFormat::Kind::Text ? "'" + beginningOf(sequences[0]) + "...'"
                                                   : path;
}

Result<void> removeTrainingSamples(const std::string &folder, int64_t afterStep) {
  std::error_code error;
  std::vector<fs::path> late;
  fs::directory_iterator at(folder + "/samples", error);
  if (error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory)
    return {};
  for (; !error && at != fs::directory_iterator(); at.increment(error))
    if (stepOf(at->path().filename().string()) > afterStep)
      late.push_back(at->path());
  for (const fs::path &path : late)
    if (!error)
      fs::remove(path, error);
  if (error)
    return fail(fmt::format("{}/samples: cannot remove samples of later steps: {}", folder,
                            error.message()),
                ErrorKind::Io);
  return {};
}

} // namespace stc::runtime
