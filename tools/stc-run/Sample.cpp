//===- Sample.cpp - stc-run sample --------------------------------------------------------===//
#include "runtime/Sample/SampleFormat.h"
#include "runtime/Sample/Sampler.h"
#include "runtime/Support/File.h"
#include "runtime/Support/Units.h"
#include "tools/command-line/CommandLine.h"
#include "tools/stc-run/Commands.h"
#include "tools/stc-run/Prompt.h"
#include "tools/stc-run/Session.h"
#include "tools/stc-run/TextOutput.h"

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <numbers>
#include <optional>

namespace stc::run {

using namespace runtime;

namespace {

using Bytes = std::vector<uint8_t>;

// All are in memory until they are written.
constexpr int64_t mostSequences = 1'000'000, mostBytes = 1'000'000'000;

struct SampleOptions : SessionOptions {
  std::string weights, out;
  PromptOptions prompt;
  DataOptions complete{{}, Part::Test};
  SamplingOptions sampling;
  std::optional<int64_t> length, rows;
  int64_t count = 1, completions = 4;
  double keep = 0.5;
  uint64_t seed = 0;
  bool likelihood = false;
};

/// A prompt with what the model made of it.
struct Sequence {
  Bytes bytes;
  /// What the sampled bytes cost.
  double nats = 0;
};

using Kind = SampleFormat::Kind;

class SampleRun {
public:
  SampleRun(Session &session, Sampler sampler, const SampleOptions &options)
      : settings(session.program()), sampler(std::move(sampler)), options(options),
        writes(session.executor().isFirst()) {}

  /// Finds out what can be known to be wrong before hours of sampling.
  Result<void> prepare();
  Result<void> run();

private:
  Result<void> checkOut() const;
  std::string outOf(int64_t index) const;
  Result<void> checkImage() const;
  Result<void> prepareCompletions();
  Result<std::vector<Sequence>> sample(const Bytes &prompt, int64_t count, int64_t first,
                                       const std::function<void(const DrawnByte &)> &also = {});
  Result<void> runText();
  Result<void> runImages();
  Result<void> runSounds();
  Result<void> runCompletions();
  void show(const std::string &what, const Sequence &sequence) const;

  Settings settings;
  Sampler sampler;
  const SampleOptions &options;
  bool writes; ///< of several devices' processes, which have the same samples, the first
  SampleFormat format;
  std::string unit;
  Bytes prompt;
  int64_t length = 0;
  std::optional<ByteData> originals;
};

std::string_view textOf(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

std::vector<Bytes> takeBytes(std::vector<Sequence> &sequences) {
  std::vector<Bytes> all;
  for (Sequence &sequence : sequences)
    all.push_back(std::move(sequence.bytes));
  return all;
}

} // namespace

Result<void> SampleRun::prepare() {
  Result<std::string> name = settings.text("data.kind", "text");
  if (!name)
    return forward(name);
  unit = bitsUnit(*name);
  Result<SampleFormat> known = SampleFormat::of(settings, sampler.context());
  if (!known)
    return fail(fmt::format("{}: {}", options.program, known.error().message));
  format = *known;
  if (auto checked = checkOut(); !checked)
    return checked;
  Result<Bytes> bytes = readPrompt(options.prompt, settings);
  if (!bytes)
    return forward(bytes);
  prompt = std::move(*bytes);
  if (auto checked = sampler.checkPrompt(prompt); !checked)
    return checked;
  const int64_t promptBytes = static_cast<int64_t>(prompt.size());
  length = options.length.value_or(sampler.context() - sampler.keptBytes(promptBytes));
  if (format.kind() == Kind::Image)
    if (auto checked = checkImage(); !checked)
      return checked;
  if (options.complete.path.empty())
    return {};
  if (format.kind() != Kind::Image)
    return fail(fmt::format("{}: --complete is for models of images, this is one of {}; give "
                            "--prompt-file",
                            options.program, *name));
  return prepareCompletions();
}

// Pictures and sounds are no good on a terminal.
Result<void> SampleRun::checkOut() const {
  const bool isText = format.kind() == Kind::Text;
  std::string_view ending = format.ending();
  if (!isText && !options.out.ends_with(ending))
    return fail(fmt::format("{}: expected --out with the name of a {} file for a model of {}, such "
                            "as --out samples{}, found {}",
                            options.program, ending,
                            format.kind() == Kind::Image ? "images" : "sounds", ending,
                            options.out.empty() ? "none" : options.out));
  if (options.out.empty())
    return {};
  if (isText && (options.out.ends_with(".png") || options.out.ends_with(".wav")))
    return fail(fmt::format("{}: expected --out with the name of a text file for a model of text, "
                            "found {}",
                            options.program, options.out));
  std::filesystem::path folder = std::filesystem::path(options.out).parent_path();
  std::error_code error;
  if (!folder.empty())
    std::filesystem::create_directories(folder, error);
  if (error)
    return fail(fmt::format("{}: cannot create: {}", folder.string(), error.message()),
                ErrorKind::Io);
  for (int64_t i = 0; i < (format.kind() == Kind::Audio ? options.count : 1); ++i)
    if (auto checked = AtomicFile::check(outOf(i)); !checked)
      return checked;
  return {};
}

// One file a sound: a.wav, or a-1.wav, a-2.wav, ... of several.
std::string SampleRun::outOf(int64_t index) const {
  if (format.kind() != Kind::Audio || options.count == 1)
    return options.out;
  return fmt::format("{}-{}.wav", options.out.substr(0, options.out.size() - 4), index + 1);
}

Result<void> SampleRun::checkImage() const {
  if (static_cast<int64_t>(prompt.size()) >= sampler.context())
    return fail(fmt::format("expected a prompt of fewer than the {} bytes of an image, found {}",
                            sampler.context(), prompt.size()));
  if (options.length && *options.length + static_cast<int64_t>(prompt.size()) != sampler.context())
    return fail("images are sampled whole: --length is for text and audio");
  return {};
}

Result<void> SampleRun::prepareCompletions() {
  int64_t rows =
      options.rows.value_or(std::llround(options.keep * static_cast<double>(format.height())));
  if (rows >= format.height())
    return fail(fmt::format("expected to keep fewer than the {} rows of an image, found {}",
                            format.height(), rows));
  length = (format.height() - rows) * format.width() * format.channels();
  Result<ByteData> data =
      ByteData::open(options.complete.path, options.complete.part, settings, sampler.context());
  if (!data)
    return forward(data);
  if (data->windows() < options.count)
    return fail(fmt::format("{}: expected {} images in this part, found {}", options.complete.path,
                            options.count, data->windows()));
  originals.emplace(std::move(*data));
  return {};
}

Result<void> SampleRun::run() {
  if (originals)
    return runCompletions();
  switch (format.kind()) {
  case Kind::Text:
    return runText();
  case Kind::Image:
    return runImages();
  case Kind::Audio:
    return runSounds();
  }
  return {};
}

// Sequences first, first + 1, ..., a batch at a time.
Result<std::vector<Sequence>>
SampleRun::sample(const Bytes &start, int64_t count, int64_t first,
                  const std::function<void(const DrawnByte &)> &also) {
  std::vector<Sequence> all(count, {start, 0});
  for (int64_t done = 0; done < count; done += sampler.batch()) {
    auto emit = [&](const DrawnByte &drawn) {
      if (done + drawn.row >= count)
        return;
      Sequence &sequence = all[done + drawn.row];
      sequence.bytes.push_back(drawn.byte);
      sequence.nats += drawn.nats;
      if (also)
        also(drawn);
    };
    if (auto sampled =
            sampler.run(start, length, options.sampling, options.seed, first + done, emit);
        !sampled)
      return forward(sampled);
  }
  return all;
}

void SampleRun::show(const std::string &what, const Sequence &sequence) const {
  if (options.likelihood && length > 0)
    fmt::print("{}: {:.4f} {} over {} sampled bytes\n", what,
               sequence.nats / std::numbers::ln2 / static_cast<double>(length), unit,
               formatCount(length));
}

// A single text is shown on the terminal as it comes; of several, each under a line of its own.
Result<void> SampleRun::runText() {
  bool live = options.out.empty() && options.count == 1, begun = false;
  // Not before there is something to continue it with.
  TextOutput output;
  auto begin = [&] {
    if (live && !std::exchange(begun, true))
      output.write(textOf(prompt));
  };
  std::vector<Sequence> all;
  for (int64_t first = 0; first < options.count; first += sampler.batch()) {
    auto echo = [&](const DrawnByte &drawn) {
      begin();
      output.write(textOf({&drawn.byte, 1}));
    };
    Result<std::vector<Sequence>> sequences =
        sample(prompt, std::min(sampler.batch(), options.count - first), first,
               live ? std::function<void(const DrawnByte &)>(echo) : nullptr);
    if (!sequences)
      return forward(sequences);
    for (Sequence &sequence : *sequences) {
      if (options.out.empty() && !live)
        output.write(listedText(sequence.bytes, std::ssize(all), options.count));
      all.push_back(std::move(sequence));
    }
  }
  begin();
  if (live)
    output.finish();
  if (!options.out.empty() && writes)
    if (auto written = format.write(options.out, takeBytes(all)); !written)
      return written;
  for (size_t i = 0; i < all.size(); ++i)
    show(fmt::format("sample {}", i + 1), all[i]);
  return {};
}

Result<void> SampleRun::runImages() {
  Result<std::vector<Sequence>> sequences = sample(prompt, options.count, 0);
  if (!sequences)
    return forward(sequences);
  for (size_t i = 0; i < sequences->size(); ++i)
    show(fmt::format("image {}", i + 1), (*sequences)[i]);
  return writes ? format.write(options.out, takeBytes(*sequences)) : Result<void>();
}

Result<void> SampleRun::runSounds() {
  Result<std::vector<Sequence>> sequences = sample(prompt, options.count, 0);
  if (!sequences)
    return forward(sequences);
  for (size_t i = 0; i < sequences->size(); ++i) {
    show(fmt::format("sound {}", i + 1), (*sequences)[i]);
    if (!writes)
      continue;
    if (auto written = format.write(outOf(i), {&(*sequences)[i].bytes, 1}); !written)
      return written;
  }
  return {};
}

// A row of the sheet: what is given, the completions, the original.
Result<void> SampleRun::runCompletions() {
  const int64_t n = sampler.context(), given = n - length;
  std::vector<int32_t> tokens(n), targets(n);
  std::vector<Image> images;
  for (int64_t index = 0; index < options.count; ++index) {
    if (auto read = originals->read(index, tokens, targets); !read)
      return read;
    Bytes original(targets.begin(), targets.end());
    Bytes start(original.begin(), original.begin() + given);
    Result<std::vector<Sequence>> sequences =
        sample(start, options.completions, index * options.completions);
    if (!sequences)
      return forward(sequences);
    Image gap = Image::filled(format.height(), format.width(), format.channels(), 128);
    std::ranges::copy(start, gap.pixels.begin());
    images.push_back(std::move(gap));
    for (size_t i = 0; i < sequences->size(); ++i) {
      show(fmt::format("image {} completion {}", index + 1, i + 1), (*sequences)[i]);
      images.push_back(format.image(std::move((*sequences)[i].bytes)));
    }
    images.push_back(format.image(std::move(original)));
  }
  return writePng(options.out, makeSheet(images, options.completions + 2));
}

static Result<int> sampleIn(Session &session, const SampleOptions &options) {
  auto sampler = Sampler::create(session.executor());
  if (!sampler)
    return forward(sampler);
  for (uint32_t entry : sampler->entries())
    if (auto enough = session.requireMemory(entry); !enough)
      return forward(enough);
  SampleRun run(session, std::move(*sampler), options);
  if (auto prepared = run.prepare(); !prepared)
    return forward(prepared);
  if (auto initialized = session.initialize(0, options.weights); !initialized)
    return forward(initialized);
  if (auto sampled = run.run(); !sampled)
    return forward(sampled);
  return 0;
}

static Result<int> sample(const SampleOptions &options) {
  // Before a large program is bound to its device.
  if (std::filesystem::is_directory(options.out))
    if (auto checked = AtomicFile::check(options.out); !checked)
      return forward(checked);
  return withSession(options, [&](Session &session) { return sampleIn(session, options); });
}

static void addCompletion(CLI::App &command, SampleOptions &options, CLI::Option &prompt,
                          CLI::Option &promptFile) {
  CLI::Option *complete =
      command
          .add_option("--complete", options.complete.path,
                      "images whose first rows are given; the sheet has a line for each of the "
                      "first --count: what is given, completions, the original")
          ->excludes(&prompt)
          ->excludes(&promptFile);
  options.complete.addPart(command)->needs(complete);
  cli::addNumber(command, "--completions", options.completions, "of each image; default: 4",
                 {1, mostSequences})
      ->needs(complete);
  CLI::Option *keep = cli::addNumber(command, "--keep", options.keep,
                                     "share of the rows that is given; default: 0.5", {0, 1})
                          ->needs(complete);
  cli::addNumber(command, "--rows", options.rows, "rows that are given, instead", {0})
      ->needs(complete)
      ->excludes(keep);
}

void addSample(CLI::App &app, Command &run) {
  auto options = std::make_shared<SampleOptions>();
  CLI::App *command =
      cli::addCommand(app, "sample", "samples texts, images (.png) or sounds (.wav)");
  options->add(*command);
  command
      ->add_option("--weights", options->weights,
                   "weights (.safetensors), a run's folder, or a checkpoint")
      ->required();
  command->add_option("-o,--out", options->out,
                      "file for the samples: a .png sheet of images, a .wav file for each sound, "
                      "or text, by default to the terminal");
  CLI::Option *prompt = command->add_option("--prompt", options->prompt.text, "text to continue");
  CLI::Option *promptFile =
      command
          ->add_option(
              "--prompt-file", options->prompt.file,
              "file to continue: text, or for a model of sounds a sound (.wav, .flac, .ogg)")
          ->excludes(prompt);
  cli::addNumber(*command, "--length", options->length,
                 "bytes to add, more than the context holds too; default: as many as it has room "
                 "for",
                 {0, mostBytes});
  cli::addNumber(*command, "--count", options->count, "sequences to sample; default: 1",
                 {1, mostSequences});
  cli::addNumber(*command, "--temperature", options->sampling.temperature,
                 "what logits are divided by; 0 takes the most likely byte; default: 1", {0});
  cli::addNumber(*command, "--top-k", options->sampling.topK,
                 "only the k most likely bytes; default: 0, which is all", {0});
  cli::addNumber(*command, "--top-p", options->sampling.topP,
                 "only the most likely bytes that have this probability together; default: 1",
                 {0, 1});
  cli::addNumber(*command, "--seed", options->seed,
                 "the same seed gives the same bytes; default: 0");
  command->add_flag(
      "--likelihood", options->likelihood,
      "also the bits per byte that the sampled bytes cost the model at temperature 1");
  addCompletion(*command, *options, *prompt, *promptFile);
  cli::addExample(*command, "stc-run sample out/text-small.stcp --weights out/text-small --prompt "
                            "\"Sparse \" --length 400");
  options->wanted = [](std::string_view entry) {
    return entry == "init" || entry.starts_with("sample_");
  };
  command->callback([=, &run] { run = [=] { return sample(*options); }; });
}

} // namespace stc::run
