//===- Sampler.h - bytes from a model, one after the other ------------------------------===//
#pragma once

#include "runtime/Data/Vocabulary.h"
#include "runtime/Device/Executor.h"
#include "runtime/Sample/Choose.h"
#include "runtime/Support/Error.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace stc::runtime {

/// A byte that was drawn, and what it cost: -log of the probability that the model gave it among
/// all symbols, in nats, whatever the options made of that.
struct DrawnByte {
  int64_t row = 0;
  uint8_t byte = 0;
  double nats = 0;
};

/// Runs `sample_step`: tokens i32 [batch], position i32 [] to logits f32 [batch, vocabulary] of the
/// next byte, which keeps keys and values in the program's variables, and, for long prompts,
/// `sample_prefill`: tokens i32 [batch, n], last i32 [] to the same logits.
///
/// Where a sequence outgrows the context, the window slides: the last n / 2 bytes become the first
/// of a new window, behind the start symbol, as if a window of training began there. So positions
/// count from the window's start, and a byte is predicted from the n / 2 bytes before it at least.
class Sampler {
public:
  /// Errors: the program has no entry `sample_step`, or it gives logits of too few symbols.
  static Result<Sampler> create(Executor &executor);

  int64_t batch() const { return batchSize; }
  /// The most bytes of a window, those of a prompt included.
  int64_t context() const { return n; }
  /// How many of a prompt's bytes the first window begins with: all, or the last n / 2 where they
  /// leave no room for another one.
  int64_t keptBytes(int64_t promptBytes) const { return promptBytes < n ? promptBytes : n / 2; }
  std::vector<uint32_t> entries() const;

  /// Error: a byte of the prompt is outside the vocabulary.
  Result<void> checkPrompt(std::span<const uint8_t> prompt) const {
    return vocabulary.check(prompt, "the prompt", 0);
  }

  /// Continues the prompt by `length` bytes in `batch` sequences at once, the first of which has
  /// the number `firstSequence`. Byte i of sequence s depends on the prompt, the options, the seed,
  /// i and s alone. Each byte goes to `emit` as it comes; sequences that are not wanted are not
  /// told apart here. Errors: a byte of the prompt outside the vocabulary, logits that are not
  /// numbers, the device.
  Result<void> run(std::span<const uint8_t> prompt, int64_t length, const SamplingOptions &options,
                   uint64_t seed, int64_t firstSequence,
                   const std::function<void(const DrawnByte &)> &emit);

private:
  using Bytes = std::vector<uint8_t>;

  Sampler(Executor &executor, Vocabulary vocabulary) : executor(executor), vocabulary(vocabulary) {}
  Result<void> beginWindow(std::span<const Bytes> rows);
  Result<void> step(int64_t position, std::span<const int32_t> tokens);
  Result<void> runEntry(uint32_t entry, std::span<const int32_t> tokens, std::string_view scalar,
                        int64_t value);

  Executor &executor;
  uint32_t stepEntry = 0;
  std::optional<uint32_t> prefillEntry;
  Vocabulary vocabulary;
  int64_t batchSize = 0, n = 0, symbols = 0; // of the logits
  std::vector<float> logits;                 // of the last run
};

} // namespace stc::runtime
