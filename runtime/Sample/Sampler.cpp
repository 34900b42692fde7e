//===- Sampler.cpp - bytes from a model, one after the other ----------------------------===//
#include "runtime/Sample/Sampler.h"
#include "runtime/Data/ByteData.h"
#include "runtime/Program/Settings.h"
#include "runtime/Program/Signature.h"
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

Result<Sampler> Sampler::create(HostExecutor &executor) {
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

const program::Tensor &Sampler::input(uint32_t entry, std::string_view name) const {
  return *findTensor(*executor.program().entries()->Get(entry)->inputs(), name);
}

std::span<const float> Sampler::logits(uint32_t entry) const {
  const auto &outputs = *executor.program().entries()->Get(entry)->outputs();
  return executor.elements<float>(*findTensor(outputs, "logits"));
}

std::span<const float> Sampler::step(int64_t position) {
  executor.elements<int32_t>(input(stepEntry, "position"))[0] = static_cast<int32_t>(position);
  executor.run(stepEntry);
  return logits(stepEntry);
}

// Position p holds byte p - 1; the logits after the last position are those of the first new byte.
std::span<const float> Sampler::readPrompt(std::span<const uint8_t> prompt) {
  int64_t last = static_cast<int64_t>(prompt.size());
  auto tokenAt = [&](int64_t position) -> int32_t {
    return position == 0 ? startSymbol : prompt[position - 1];
  };
  if (prefillEntry && last + 1 > n / prefillShare) {
    auto tokens = executor.elements<int32_t>(input(*prefillEntry, "tokens"));
    for (int64_t row = 0; row < batchSize; ++row)
      for (int64_t position = 0; position < n; ++position)
        tokens[row * n + position] = position <= last ? tokenAt(position) : 0;
    executor.elements<int32_t>(input(*prefillEntry, "last"))[0] = static_cast<int32_t>(last);
    executor.run(*prefillEntry);
    return logits(*prefillEntry);
  }
  std::span<const float> next;
  for (int64_t position = 0; position <= last; ++position) {
    std::ranges::fill(executor.elements<int32_t>(input(stepEntry, "tokens")), tokenAt(position));
    next = step(position);
  }
  return next;
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
  std::span<const float> next = readPrompt(prompt);
  std::vector<int32_t> drawn(batchSize);
  for (int64_t index = start;; ++index) {
    for (int64_t row = 0; row < batchSize; ++row) {
      uint64_t sequence = firstSequence + row;
      PhiloxWords words = philox({static_cast<uint32_t>(index), static_cast<uint32_t>(sequence),
                                  static_cast<uint32_t>(sequence >> 32), 0},
                                 seed);
      std::span<const float> symbols = next.subspan(row * vocabulary, vocabulary);
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
    std::ranges::copy(drawn, executor.elements<int32_t>(input(stepEntry, "tokens")).begin());
    next = step(index + 1);
  }
}

} // namespace stc::runtime
