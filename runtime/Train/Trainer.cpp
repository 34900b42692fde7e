//===- Trainer.cpp - the training loop --------------------------------------------------===//
#include "runtime/Train/Trainer.h"
#include "runtime/Program/Signature.h"
#include "runtime/Support/Nvtx.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <numbers>
#include <utility>

namespace stc::runtime {

using program::DType;

Result<Trainer> Trainer::create(Executor &executor) {
  const Expected inputs[] = {{"tokens", DType::I32, {"batch", "n"}},
                             {"targets", DType::I32, {"batch", "n"}}};
  const Expected outputs[] = {{"loss", DType::F32, {}}};
  Result<Signature> signature = requireEntry(executor.program(), "train_step", inputs, outputs);
  if (!signature)
    return forward(signature);
  Trainer trainer(executor);
  trainer.index = signature->entry;
  trainer.batchSize = signature->sizes["batch"];
  trainer.n = signature->sizes["n"];
  const program::Tensor &tokens = *findTensor(*trainer.entryOf().inputs(), "tokens");
  trainer.dealt = executor.part(tokens, 0);
  trainer.positions = executor.part(tokens, 1);
  trainer.tokens.resize(trainer.rows() * trainer.columns());
  trainer.targets.resize(trainer.tokens.size());
  trainer.sample.resize(2 * trainer.n);
  return trainer;
}

Result<void> Trainer::readSamples(int64_t step, ByteData &data, uint64_t seed) {
  nvtx::Range range("read data");
  auto start = std::chrono::steady_clock::now();
  samplesOf = 0;
  const int64_t first = (step - 1) * batchSize + dealt.number * rows();
  const std::span all(sample), before = all.first(n), after = all.last(n);
  for (int64_t row = 0; row < rows(); ++row) {
    if (auto read = data.readShuffled(first + row, seed, before, after); !read)
      return read;
    for (auto [from, to] : {std::pair(before, &tokens), {after, &targets}})
      std::copy_n(from.begin() + positions.number * columns(), columns(),
                  to->begin() + row * columns());
  }
  samplesOf = step;
  reading += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return {};
}

// Not a number where the program has no such output.
Result<double> Trainer::scalar(const char *name) const {
  const program::Tensor *tensor = findTensor(*entryOf().outputs(), name);
  if (!tensor || tensor->dtype() != DType::F32 || tensor->shape()->size() != 0)
    return std::numeric_limits<double>::quiet_NaN();
  float value = 0;
  auto read = executor.read(*tensor, std::as_writable_bytes(std::span(&value, 1)));
  return read ? Result<double>(value) : forward(read);
}

Result<void> Trainer::fetch(int64_t step, ByteData &data, uint64_t seed) {
  return samplesOf == step ? Result<void>() : readSamples(step, data, seed);
}

Result<StepReport> Trainer::step(int64_t step, ByteData &data, uint64_t seed) {
  nvtx::Range range("training step");
  if (auto read = fetch(step, data, seed); !read)
    return forward(read);
  auto write = [&](const char *name, std::span<const int32_t> values) {
    return executor.write(*findTensor(*entryOf().inputs(), name), std::as_bytes(values));
  };
  Result<void> done =
      write("tokens", tokens).and_then([&] { return write("targets", targets); }).and_then([&] {
        return executor.submit(index);
      });
  // If they cannot be read, that is the next step's error.
  if (done)
    (void)readSamples(step + 1, data, seed);
  done = done.and_then([&] { return executor.wait(); });
  if (!done)
    return forward(done);

  double loss = 0, norm = 0, rate = 0, scale = 0;
  for (auto [name, value] : {std::pair("loss", &loss),
                             {"grad_norm", &norm},
                             {"learning_rate", &rate},
                             {"loss_scale", &scale}}) {
    Result<double> read = scalar(name);
    if (!read)
      return forward(read);
    *value = *read;
  }
  StepReport report{step, loss / std::numbers::ln2, norm, rate};
  bool hasNorm = findTensor(*entryOf().outputs(), "grad_norm");
  // The program has left out a step whose scaled gradient overflowed, and tries the next one with a
  // smaller scale, down to 1.
  if (std::isfinite(report.bitsPerByte) && !std::isfinite(report.gradientNorm) && scale > 1) {
    report.gradientNorm = std::numeric_limits<double>::quiet_NaN();
    return report;
  }
  if (!std::isfinite(report.bitsPerByte) || (hasNorm && !std::isfinite(report.gradientNorm)))
    return fail(fmt::format("the {} of step {} is not a finite number",
                            std::isfinite(report.bitsPerByte) ? "gradient" : "loss", step),
                ErrorKind::NonFinite);
  return report;
}

} // namespace stc::runtime
