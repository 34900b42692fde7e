//===- Sampler.h - bytes from a model, one after the other ------------------------------===//
#pragma once

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
class Sampler {
public:
  /// Error: the program has no entry `sample_step`.
  static Result<Sampler> create(Executor &executor);

  int64_t batch() const { return batchSize; }
  /// The most bytes of a sequence, prompt included.
  int64_t context() const { return n; }
  std::vector<uint32_t> entries() const;

  /// Continues the prompt by `length` bytes in `batch` sequences at once, the first of which has
  /// the number `firstSequence`. Byte i of sequence s depends on the prompt, the options, the seed,
  /// i and s alone. Each byte goes to `emit` as it comes; sequences that are not wanted are not
  /// told apart here. Errors: prompt and length exceed the context, logits that are not numbers,
  /// the device.
  Result<void> run(std::span<const uint8_t> prompt, int64_t length, const SamplingOptions &options,
                   uint64_t seed, int64_t firstSequence,
                   const std::function<void(const DrawnByte &)> &emit);

private:
  explicit Sampler(Executor &executor) : executor(executor) {}
  Result<void> readPrompt(std::span<const uint8_t> prompt);
  Result<void> step(int64_t position, std::span<const int32_t> tokens);
  Result<void> runEntry(uint32_t entry, std::span<const int32_t> tokens, std::string_view scalar,
                        int64_t value);

  Executor &executor;
  uint32_t stepEntry = 0;
  std::optional<uint32_t> prefillEntry;
  int64_t batchSize = 0, n = 0, vocabulary = 0;
  std::vector<float> logits; // of the last run
};

} // namespace stc::runtime
