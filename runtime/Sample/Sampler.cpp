//===- Sampler.cpp - bytes from a model, one after the other ----------------------------===//
#include "runtime/Sample/Sampler.h"
#include "runtime/Checkpoint/Variables.h"
#include "runtime/Data/ByteData.h"
#include "runtime/Program/Settings.h"
#include "runtime/Program/Signature.h"
#include "runtime/Support/Nvtx.h"
#include "runtime/Support/Philox.h"

#include <algorithm>
#include <fmt/format.h>

namespace stc::runtime {

using program::DType;

namespace {

constexpr int64_t byteValues = 256;
// A prefill computes all n positions at the rate of a matrix product, a step one position at the
// rate of memory: under a sixteenth of the context, steps are the faster way.
constexpr int64_t prefillShare = 16;

} // namespace

Result<Sampler> Sampler::create(Executor &executor) {
  const program::Program &program = executor.program();
  const Expected inputs[] = {{"tokens", DType::I32, {"batch"}}, {"position", DType::I32, {}}};
  const Expected outputs[] = {{"logits", DType::F32, {"batch", "vocabulary"}}};
  Result<Signature> step = requireEntry(program, "sample_step", inputs, outputs);
  if (!step)
    return forward(step);
  Result<int64_t> context = Settings(program).integer("data.context");
  if (!context)
    return forward(context);
  Sampler sampler(executor);
  sampler.stepEntry = step->entry;
  sampler.batchSize = step->sizes["batch"];
  sampler.vocabulary = step->sizes["vocabulary"];
  sampler.n = *context;
  sampler.logits.resize(sampler.batchSize * sampler.vocabulary);
  if (sampler.vocabulary < byteValues)
    return fail(fmt::format("entry 'sample_step': expected logits of at least {} bytes, found {}",
                            byteValues, sampler.vocabulary));
  if (findEntry(program, "sample_prefill") < 0)
    return sampler;
  const Expected all[] = {{"tokens", DType::I32, {"batch", "n"}}, {"last", DType::I32, {}}};
  Result<Signature> prefill = requireEntry(program, "sample_prefill", all, outputs);
  if (!prefill)
    return forward(prefill);
  if (prefill->sizes["batch"] != sampler.batchSize || prefill->sizes["n"] != sampler.n ||
      prefill->sizes["vocabulary"] != sampler.vocabulary)
    return fail(fmt::format("entry 'sample_prefill': expected batch {}, n {} and vocabulary {}, "
                            "found {}, {} and {}",
                            sampler.batchSize, sampler.n, sampler.vocabulary,
                            prefill->sizes["batch"], prefill->sizes["n"],
                            prefill->sizes["vocabulary"]));
  sampler.prefillEntry = prefill->entry;
  return sampler;
}

std::vector<uint32_t> Sampler::entries() const {
  std::vector<uint32_t> all = {stepEntry};
  if (prefillEntry)
    all.push_back(*prefillEntry);
  return all;
}

// Both entries take tokens and a scalar, and give the logits of the next byte.
Result<void> Sampler::runEntry(uint32_t index, std::span<const int32_t> tokens,
                               std::string_view scalar, int64_t value) {
  const program::Entry &entry = *executor.program().entries()->Get(index);
  return executor.write(*findTensor(*entry.inputs(), "tokens"), std::as_bytes(tokens))
      .and_then([&] { return setInteger(executor, *findTensor(*entry.inputs(), scalar), value); })
      .and_then([&] { return executor.run(index); })
      .and_then([&] {
        return executor.read(*findTensor(*entry.outputs(), "logits"),
                             std::as_writable_bytes(std::span(logits)));
      });
}

Result<void> Sampler::step(int64_t position, std::span<const int32_t> tokens) {
  nvtx::Range range("sampling step");
  return runEntry(stepEntry, tokens, "position", position);
}

// Position p holds byte p - 1; the logits after the last position are those of the first new byte.
Result<void> Sampler::readPrompt(std::span<const uint8_t> prompt) {
  nvtx::Range range("sampling prefill");
  int64_t last = static_cast<int64_t>(prompt.size());
  auto tokenAt = [&](int64_t position) -> int32_t {
    return position == 0 ? startSymbol : prompt[position - 1];
  };
  if (prefillEntry && last + 1 > n / prefillShare) {
    std::vector<int32_t> tokens(batchSize * n);
    for (int64_t row = 0; row < batchSize; ++row)
      for (int64_t position = 0; position <= last; ++position)
        tokens[row * n + position] = tokenAt(position);
    return runEntry(*prefillEntry, tokens, "last", last);
  }
  Result<void> done;
  for (int64_t position = 0; position <= last && done; ++position)
    done = step(position, std::vector<int32_t>(batchSize, tokenAt(position)));
  return done;
}

Result<void> Sampler::run(std::span<const uint8_t> prompt, int64_t length,
                          const SamplingOptions &options, uint64_t seed, int64_t firstSequence,
                          const std::function<void(const DrawnByte &)> &emit) {
  int64_t start = static_cast<int64_t>(prompt.size());
  if (start >= n || length > n - start)
    return fail(fmt::format("expected prompt and sample of at most {} bytes, got {} and {}", n,
                            start, length));
  if (length == 0)
    return {};
  if (auto read = readPrompt(prompt); !read)
    return read;
  std::vector<int32_t> drawn(batchSize);
  for (int64_t index = start;; ++index) {
    for (int64_t row = 0; row < batchSize; ++row) {
      uint64_t sequence = firstSequence + row;
      PhiloxWords words = philox({static_cast<uint32_t>(index), static_cast<uint32_t>(sequence),
                                  static_cast<uint32_t>(sequence >> 32), 0},
                                 seed);
      auto symbols = std::span<const float>(logits).subspan(row * vocabulary, vocabulary);
      std::optional<int> byte =
          choose(symbols.first(byteValues), options, uniform(words[0], words[1]));
      if (!byte)
        return fail(fmt::format("the logits at position {} are not numbers", index),
                    ErrorKind::NonFinite);
      drawn[row] = *byte;
      emit({row, static_cast<uint8_t>(*byte), negativeLogLikelihood(symbols, *byte)});
    }
    if (index + 1 == start + length)
      return {};
    if (auto done = step(index + 1, drawn); !done)
      return done;
  }
}

} // namespace stc::runtime
