//===- Trainer.cpp - the training loop --------------------------------------------------===//
#include "runtime/Train/Trainer.h"
#include "runtime/Program/Signature.h"

#include <chrono>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <numbers>

namespace stc::runtime {

using program::DType;

Result<Trainer> Trainer::create(HostExecutor &executor) {
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
  return trainer;
}

Result<StepReport> Trainer::step(int64_t step, ByteData &data, uint64_t seed) {
  const program::Entry &entry = *executor.program().entries()->Get(index);
  auto tokens = executor.elements<int32_t>(*findTensor(*entry.inputs(), "tokens"));
  auto targets = executor.elements<int32_t>(*findTensor(*entry.inputs(), "targets"));
  auto start = std::chrono::steady_clock::now();
  for (int64_t row = 0; row < batchSize; ++row)
    if (auto read = data.readShuffled((step - 1) * batchSize + row, seed,
                                      tokens.subspan(row * n, n), targets.subspan(row * n, n));
        !read)
      return forward(read);
  reading += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  executor.run(index);

  auto scalar = [&](const char *name) -> double {
    const program::Tensor *tensor = findTensor(*entry.outputs(), name);
    return tensor && tensor->dtype() == DType::F32 && tensor->shape()->size() == 0
               ? executor.elements<float>(*tensor)[0]
               : std::numeric_limits<double>::quiet_NaN();
  };
  StepReport report{step, scalar("loss") / std::numbers::ln2, scalar("grad_norm"),
                    scalar("learning_rate")};
  bool hasNorm = findTensor(*entry.outputs(), "grad_norm");
  // The program has left out a step whose scaled gradient overflowed, and tries the next one with a
  // smaller scale, down to 1.
  if (std::isfinite(report.bitsPerByte) && !std::isfinite(report.gradientNorm) &&
      scalar("loss_scale") > 1) {
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
