//===- Evaluate.cpp - how many bits a model needs for a byte --------------------------===//
#include "runtime/Train/Evaluate.h"
#include "runtime/Program/Signature.h"
#include "runtime/Support/Interrupt.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <numbers>
#include <numeric>

namespace stc::runtime {

using program::DType;

Result<Evaluator> Evaluator::create(Executor &executor) {
  const Expected inputs[] = {{"tokens", DType::I32, {"batch", "n"}},
                             {"targets", DType::I32, {"batch", "n"}}};
  const Expected outputs[] = {{"nll", DType::F32, {"batch", "n"}}};
  Result<Signature> signature = requireEntry(executor.program(), "eval", inputs, outputs);
  if (!signature)
    return forward(signature);
  Evaluator evaluator(executor);
  evaluator.index = signature->entry;
  evaluator.batch = signature->sizes["batch"];
  evaluator.n = signature->sizes["n"];
  return evaluator;
}

Result<Evaluation> Evaluator::run(ByteData &data, int64_t most) {
  const program::Entry &entry = *executor.program().entries()->Get(index);
  auto tokens = executor.elements<int32_t>(*findTensor(*entry.inputs(), "tokens"));
  auto targets = executor.elements<int32_t>(*findTensor(*entry.inputs(), "targets"));
  auto nll = executor.elements<float>(*findTensor(*entry.outputs(), "nll"));

  int64_t windows = std::min(most, data.windows());
  double sum = 0, squares = 0;
  Evaluation result;
  for (int64_t first = 0; first < windows && !pendingInterrupt(); first += batch) {
    // The last batch is filled up with its last window.
    for (int64_t row = 0; row < batch; ++row)
      if (auto read = data.read(std::min(first + row, windows - 1), tokens.subspan(row * n, n),
                                targets.subspan(row * n, n));
          !read)
        return forward(read);
    executor.run(index);
    for (int64_t row = 0; row < std::min(batch, windows - first); ++row) {
      auto values = nll.subspan(row * n, n);
      double bits = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(n) /
                    std::numbers::ln2;
      if (!std::isfinite(bits))
        return fail(fmt::format("the loss of window {} is not a number", first + row),
                    ErrorKind::NonFinite);
      sum += bits;
      squares += bits * bits;
      ++result.windows;
    }
  }
  if (result.windows == 0)
    return result;
  double count = static_cast<double>(result.windows);
  result.bytes = result.windows * n;
  result.bitsPerByte = sum / count;
  if (result.windows > 1) {
    double variance = (squares - sum * sum / count) / (count - 1);
    result.standardError = std::sqrt(std::max(variance, 0.0) / count);
  }
  return result;
}

} // namespace stc::runtime
