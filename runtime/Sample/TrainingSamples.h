//===- TrainingSamples.h - samples of a model while it trains ---------------------------===//
#pragma once

#include "runtime/Sample/SampleFormat.h"
#include "runtime/Sample/Sampler.h"

#include <string>

namespace stc::runtime {

struct TrainingSamplesOptions {
  /// Of texts.
  std::string prompt;
  uint64_t seed = 0;
};

/// Draws samples with the weights that the device has at the time, each time with the same prompt
/// and random numbers, and writes them to DIR/samples/step-00001000.txt, .png or .wav: a batch of
/// [sample] of texts (400 bytes, or as many as the window has room for) or pictures, or one sound.
class TrainingSamples {
public:
  /// `folder` is the run's. Errors: the program cannot sample; a prompt for pictures or
  /// sounds, or with a byte outside the vocabulary.
  static Result<TrainingSamples> create(Executor &executor, const std::string &folder,
                                        const TrainingSamplesOptions &options);

  std::vector<uint32_t> entries() const { return sampler.entries(); }

  /// Returns what to tell of it, in one line: the file's path, or how a text begins. Errors: the
  /// device, Io.
  Result<std::string> draw(int64_t step);

private:
  TrainingSamples(Sampler sampler, SampleFormat format, const TrainingSamplesOptions &options)
      : sampler(std::move(sampler)), format(format), options(options) {}

  Sampler sampler;
  SampleFormat format;
  TrainingSamplesOptions options;
  std::string folder;
  int64_t length = 0;
};

/// Removes from a run's folder the samples of training of later steps. Error: Io.
Result<void> removeTrainingSamples(const std::string &folder, int64_t afterStep);

} // namespace stc::runtime
