//===- Sampler.cpp - bytes from a model, one after the other ----------------------------===//
#include "runtime/Sample/Sampler.h"
#include "runtime/Checkpoint/Variables.h"
#include "runtime/Program/Settings.h"
#include "runtime/Program/Signature.h"
#include "runtime/Support/Nvtx.h"
#include "runtime/Support/Philox.h"

#include <algorithm>
#include <fmt/format.h>

namespace stc::runtime {

using program::DType;

namespace {

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
  Result<Vocabulary> vocabulary = Vocabulary::of(Settings(program));
  if (!vocabulary)
    return forward(vocabulary);
  Sampler sampler(executor, *vocabulary);
  sampler.stepEntry = step->entry;
  sampler.batchSize = step->sizes["batch"];
  sampler.symbols = step->sizes["vocabulary"];
  sampler.n = *context;
  sampler.logits.resize(sampler.batchSize * sampler.symbols);
  if (sampler.n < 1)
    return fail(fmt::format("expected a size as setting 'data.context', found {}", sampler.n));
  if (sampler.symbols < vocabulary->size())
    return fail(fmt::format("entry 'sample_step': expected logits of the {} symbols of the "
                            "vocabulary, found {}",
                            vocabulary->size(), sampler.symbols));
  if (findEntry(program, "sample_prefill") < 0)
    return sampler;
  const Expected all[] = {{"tokens", DType::I32, {"batch", "n"}}, {"last", DType::I32, {}}};
  Result<Signature> prefill = requireEntry(program, "sample_prefill", all, outputs);
  if (!prefill)
    return forward(prefill);
  if (prefill->sizes["batch"] != sampler.batchSize || prefill->sizes["n"] != sampler.n ||
      prefill->sizes["vocabulary"] != sampler.symbols)
    return fail(fmt::format("entry 'sample_prefill': expected batch {}, n {} and vocabulary {}, "
                            "found {}, {} and {}",
                            sampler.batchSize, sampler.n, sampler.symbols, prefill->sizes["batch"],
                            prefill->sizes["n"], prefill->sizes["vocabulary"]));
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
  return executor.writeWhole(*findTensor(*entry.inputs(), "tokens"), std::as_bytes(tokens))
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

// Position p of a window holds its byte p - 1, and position 0 the start symbol; the logits after
// the last position are those of the next byte. All rows have as many bytes.
Result<void> Sampler::beginWindow(std::span<const Bytes> rows) {
  nvtx::Range range("sampling prefill");
  int64_t last = static_cast<int64_t>(rows[0].size());
  auto tokenAt = [&](int64_t row, int64_t position) -> int32_t {
    return position == 0 ? vocabulary.startSymbol() : rows[row][position - 1];
  };
  if (prefillEntry && last + 1 > n / prefillShare) {
    std::vector<int32_t> tokens(batchSize * n);
    for (int64_t row = 0; row < batchSize; ++row)
      for (int64_t position = 0; position <= last; ++position)
        tokens[row * n + position] = tokenAt(row, position);
    return runEntry(*prefillEntry, tokens, "last", last);
  }
  Result<void> done;
  std::vector<int32_t> tokens(batchSize);
  for (int64_t position = 0; position <= last && done; ++position) {
    for (int64_t row = 0; row < batchSize; ++row)
      tokens[row] = tokenAt(row, position);
    done = step(position, tokens);
  }
  return done;
}

Result<void> Sampler::run(std::span<const uint8_t> prompt, int64_t length,
                          const SamplingOptions &options, uint64_t seed, int64_t firstSequence,
                          const std::function<void(const DrawnByte &)> &emit) {
  if (auto checked = checkPrompt(prompt); !checked)
    return checked;
  if (length == 0)
    return {};
  const int64_t start = static_cast<int64_t>(prompt.size());
  auto kept = prompt.last(keptBytes(start));
  std::vector<Bytes> windows(batchSize, Bytes(kept.begin(), kept.end()));
  if (auto begun = beginWindow(windows); !begun)
    return begun;
  std::vector<int32_t> drawn(batchSize);
  for (int64_t index = start;; ++index) {
    for (int64_t row = 0; row < batchSize; ++row) {
      uint64_t sequence = firstSequence + row;
      PhiloxWords words = philox({static_cast<uint32_t>(index), static_cast<uint32_t>(sequence),
                                  static_cast<uint32_t>(sequence >> 32), 0},
                                 seed);
      auto all = std::span<const float>(logits).subspan(row * symbols, symbols);
      std::optional<int> byte =
          choose(all.first(vocabulary.byteValues()), options, uniform(words[0], words[1]));
      if (!byte)
        return fail(fmt::format("the logits at position {} are not numbers", index),
                    ErrorKind::NonFinite);
      drawn[row] = *byte;
      windows[row].push_back(static_cast<uint8_t>(*byte));
      emit({row, static_cast<uint8_t>(*byte), negativeLogLikelihood(all, *byte)});
    }
    if (index + 1 == start + length)
      return {};
    int64_t position = static_cast<int64_t>(windows[0].size());
    if (position < n) {
      if (auto done = step(position, drawn); !done)
        return done;
      continue;
    }
    for (Bytes &window : windows)
      window.erase(window.begin(), window.end() - n / 2);
    if (auto begun = beginWindow(windows); !begun)
      return begun;
  }
}

} // namespace stc::runtime
