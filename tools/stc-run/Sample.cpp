//===- Sample.cpp - stc-run sample --------------------------------------------------------===//
#include "runtime/Sample/Sampler.h"
#include "runtime/Support/File.h"
#include "tools/stc-run/Commands.h"
#include "tools/stc-run/Session.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/format.h>
#include <optional>

namespace stc::run {

using namespace runtime;

namespace {

struct SampleOptions : SessionOptions {
  std::string weights, prompt, promptFile;
  SamplingOptions sampling;
  std::optional<int64_t> length;
  int64_t count = 1;
  uint64_t seed = 0;
};

Result<std::string> readPrompt(const SampleOptions &options) {
  if (options.promptFile.empty())
    return options.prompt;
  Result<MappedFile> file = MappedFile::open(options.promptFile);
  if (!file)
    return forward(file);
  return std::string(reinterpret_cast<const char *>(file->bytes().data()), file->bytes().size());
}

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

// A single sequence is shown as it comes; of several, each when it is complete, under a line of its
// own.
Result<void> sampleAll(Sampler &sampler, const SampleOptions &options, const std::string &prompt,
                       int64_t length) {
  std::span bytes(reinterpret_cast<const uint8_t *>(prompt.data()), prompt.size());
  if (options.count == 1)
    print(prompt);
  for (int64_t first = 0; first < options.count; first += sampler.batch()) {
    std::vector<std::string> texts(sampler.batch(), prompt);
    auto emit = [&](int64_t row, uint8_t byte) {
      char c = static_cast<char>(byte);
      if (options.count > 1)
        texts[row] += c;
      else if (row == 0)
        print({&c, 1});
    };
    if (auto sampled = sampler.run(bytes, length, options.sampling, options.seed, first, emit);
        !sampled)
      return sampled;
    for (int64_t row = 0; options.count > 1 && row < sampler.batch(); ++row)
      if (first + row < options.count)
        print(fmt::format("--- sample {}\n{}\n", first + row + 1, texts[row]));
  }
  if (options.count == 1)
    print("\n");
  return {};
}

Result<int> sample(const SampleOptions &options) {
  auto session = Session::open(options);
  if (!session)
    return forward(session);
  auto sampler = Sampler::create((*session)->executor());
  if (!sampler)
    return forward(sampler);
  for (uint32_t entry : sampler->entries())
    if (auto enough = (*session)->requireMemory(entry); !enough)
      return forward(enough);
  Result<std::string> prompt = readPrompt(options);
  if (!prompt)
    return forward(prompt);
  if (auto initialized = (*session)->initialize(0, options.weights); !initialized)
    return forward(initialized);
  int64_t room = sampler->context() - static_cast<int64_t>(prompt->size());
  if (auto sampled = sampleAll(*sampler, options, *prompt, options.length.value_or(room)); !sampled)
    return forward(sampled);
  return 0;
}

} // namespace

void addSample(CLI::App &app, Command &run) {
  auto options = std::make_shared<SampleOptions>();
  CLI::App *command = app.add_subcommand("sample", "continues a text");
  options->add(*command);
  command->add_option("--weights", options->weights, "weights (.safetensors)")->required();
  CLI::Option *prompt = command->add_option("--prompt", options->prompt, "text to continue");
  command->add_option("--prompt-file", options->promptFile, "file with the text to continue")
      ->excludes(prompt);
  command
      ->add_option("--length", options->length,
                   "bytes to add; default: as many as the context has room for")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--count", options->count, "sequences to sample; default: 1")
      ->check(CLI::PositiveNumber);
  command
      ->add_option("--temperature", options->sampling.temperature,
                   "1 by default, 0 takes the most likely byte")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--top-k", options->sampling.topK, "only the k most likely bytes")
      ->check(CLI::NonNegativeNumber);
  command
      ->add_option("--top-p", options->sampling.topP,
                   "only the most likely bytes that have this probability together")
      ->check(CLI::Range(0.0, 1.0));
  command->add_option("--seed", options->seed, "the same seed gives the same bytes; default: 0");
  command->callback([=, &run] { run = [=] { return sample(*options); }; });
}

} // namespace stc::run
