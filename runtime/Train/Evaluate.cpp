//===- Evaluate.cpp - how many bits a model needs for a byte --------------------------===//
#include "runtime/Train/Evaluate.h"
#include "runtime/Program/Signature.h"
#include "runtime/Support/Interrupt.h"
#include "runtime/Support/Nvtx.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
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

std::vector<int64_t> powersOfTwo(int64_t window) {
  std::vector<int64_t> starts = {0};
  for (int64_t start = 1; start < window; start *= 2)
    starts.push_back(start);
  return starts;
}

std::vector<int64_t> equalBuckets(int64_t window, int64_t count) {
  count = std::clamp<int64_t>(count, 1, window);
  std::vector<int64_t> starts;
  for (int64_t i = 0; i < count; ++i)
    starts.push_back(window * i / count);
  return starts;
}

static double sumOf(std::span<const float> nats) {
  return std::accumulate(nats.begin(), nats.end(), 0.0);
}

// Hands on the nats of windows 0, 1, ...; returns how many there were before a signal.
Result<int64_t> Evaluator::visitWindows(int64_t windows, const Read &read, const Visit &visit) {
  nvtx::Range range("evaluation");
  const program::Entry &entry = *executor.program().entries()->Get(index);
  std::vector<int32_t> tokens(batch * n), targets(batch * n);
  std::vector<float> nll(batch * n);
  auto write = [&](const char *name, std::span<const int32_t> values) {
    return executor.writeWhole(*findTensor(*entry.inputs(), name), std::as_bytes(values));
  };
  auto run = [&] {
    return write("tokens", tokens)
        .and_then([&] { return write("targets", targets); })
        .and_then([&] { return executor.run(index); })
        .and_then([&] {
          return executor.read(*findTensor(*entry.outputs(), "nll"),
                               std::as_writable_bytes(std::span(nll)));
        });
  };
  for (int64_t first = 0; first < windows; first += batch) {
    Result<uint32_t> stopped = executor.any(pendingInterrupt() != 0);
    if (!stopped)
      return forward(stopped);
    if (*stopped)
      return first;
    // The last batch is filled up with its last window.
    for (int64_t row = 0; row < batch; ++row)
      if (auto got = read(std::min(first + row, windows - 1), std::span(tokens).subspan(row * n, n),
                          std::span(targets).subspan(row * n, n));
          !got)
        return forward(got);
    if (auto ran = run(); !ran)
      return forward(ran);
    for (int64_t row = 0; row < std::min(batch, windows - first); ++row) {
      std::span<const float> nats = std::span(nll).subspan(row * n, n);
      if (!std::isfinite(sumOf(nats)))
        return fail(fmt::format("the loss of window {} is not a number", first + row),
                    ErrorKind::NonFinite);
      visit(first + row, nats);
    }
  }
  return windows;
}

Result<Evaluation> Evaluator::run(ByteData &data, int64_t most,
                                  std::span<const int64_t> bucketStarts) {
  Evaluation result;
  for (size_t i = 0; i < bucketStarts.size(); ++i)
    result.positions.push_back(
        {bucketStarts[i], i + 1 < bucketStarts.size() ? bucketStarts[i + 1] : n, {}});
  BitsMean all;
  const int64_t wanted = std::min(most, data.windows());
  Result<int64_t> windows = visitWindows(
      wanted,
      [&](int64_t window, auto tokens, auto targets) { return data.read(window, tokens, targets); },
      [&](int64_t, std::span<const float> nats) {
        all.add(sumOf(nats), n);
        for (auto &[first, end, bits] : result.positions)
          bits.add(sumOf(nats.subspan(first, end - first)), end - first);
      });
  if (!windows)
    return forward(windows);
  result.windows = *windows;
  result.isWhole = *windows == wanted;
  result.bytes = all.bytes();
  result.bitsPerByte = all.mean();
  result.standardError = all.standardError();
  return result;
}

// Predicts bytes [first, last) of the data, each with at least `context` bytes before it, and adds
// up the nats of each block of n of them. False: a signal came first.
Result<bool> Evaluator::sumBlocks(ByteData &data, int64_t context, int64_t first, int64_t last,
                                  std::span<double> blocks) {
  int64_t stride = n - context;
  // The last window moves back until it lies in the data; its predictions have more context.
  auto startOf = [&](int64_t window) {
    return std::min(first + window * stride - context, data.bytes() - n);
  };
  int64_t windows = (last - first + stride - 1) / stride;
  Result<int64_t> done = visitWindows(
      windows,
      [&](int64_t window, auto tokens, auto targets) {
        return data.readFrom(startOf(window), tokens, targets);
      },
      [&](int64_t window, std::span<const float> nats) {
        int64_t begin = first + window * stride, end = std::min(begin + stride, last);
        for (int64_t byte = begin; byte < end; ++byte)
          blocks[(byte - first) / n] += nats[byte - startOf(window)];
      });
  if (!done)
    return forward(done);
  return *done == windows;
}

Result<std::vector<ContextBits>>
Evaluator::runContexts(ByteData &data, std::span<const int64_t> contexts, int64_t most,
                       const std::function<void(const ContextBits &)> &show) {
  for (int64_t context : contexts)
    if (context < 0 || context >= n)
      return fail(fmt::format("expected contexts of 0 to {} bytes, one less than the window, found "
                              "{}",
                              n - 1, context));
  std::vector<ContextBits> rows;
  if (contexts.empty())
    return rows;
  int64_t first = std::ranges::max(contexts);
  int64_t bytes = data.bytes() - first;
  bytes = std::min(bytes, most > bytes / n ? bytes : most * n);
  std::vector<double> base((bytes + n - 1) / n);
  for (int64_t context : contexts) {
    std::vector<double> blocks(base.size());
    Result<bool> whole = sumBlocks(data, context, first, first + bytes, blocks);
    if (!whole)
      return forward(whole);
    if (!*whole)
      return rows;
    if (rows.empty())
      base = blocks;
    BitsMean bits, change;
    for (size_t block = 0; block < blocks.size(); ++block) {
      int64_t size = std::min(n, bytes - static_cast<int64_t>(block) * n);
      bits.add(blocks[block], size);
      change.add(blocks[block] - base[block], size);
    }
    rows.push_back({context, bits.mean(), bits.standardError(), change.mean(),
                    change.standardError(), bits.bytes()});
    if (show)
      show(rows.back());
  }
  return rows;
}

} // namespace stc::runtime
