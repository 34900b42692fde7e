//===- Flops.cpp - floating-point operations of a model -------------------===//

#include "compiler/Transforms/Flops.h"

#include <llvm/ADT/TypeSwitch.h>

#include <map>
#include <mutex>

using namespace mlir;
using namespace stc;

/// Pairs of one head. Layers have the same patterns, and functions are looked at in parallel.
static std::optional<int64_t> pairsOfHead(StringRef text, int64_t positions) {
  static std::mutex mutex;
  static std::map<std::pair<std::string, int64_t>, std::optional<int64_t>> counted;
  std::lock_guard guard(mutex);
  auto [entry, added] = counted.try_emplace({text.str(), positions});
  if (added)
    if (auto pattern = pattern::Pattern::parse(entry->first.first, positions))
      entry->second = pattern->countPairs();
  return entry->second;
}

static std::optional<int64_t> keysOfLast(StringRef text, int64_t positions) {
  auto pattern = pattern::Pattern::parse(text.str(), positions);
  return pattern ? std::optional(pattern->countKeys(positions - 1)) : std::nullopt;
}

/// No value if it is more than 63 bits hold.
static std::optional<int64_t> product(std::initializer_list<int64_t> factors) {
  int64_t result = 1;
  for (int64_t factor : factors)
    if (__builtin_mul_overflow(result, factor, &result))
      return std::nullopt;
  return result;
}

/// `forward` times the two products of the forward pass, over all heads and sequences.
template <typename Op>
static std::optional<int64_t>
attentionFlops(Op op, int64_t forward, std::optional<int64_t> (*pairsOf)(StringRef, int64_t),
               int64_t positions) {
  AttentionShape query(op.getQuery(), op.getLayout());
  const std::vector<std::string> texts = op.getPattern().inTurn(query.heads);
  int64_t pairs = 0;
  for (int64_t head = 0; head < query.heads; ++head) {
    std::optional<int64_t> ofHead = pairsOf(texts[head % texts.size()], positions);
    if (!ofHead)
      return std::nullopt;
    if (__builtin_add_overflow(pairs, *ofHead, &pairs))
      return std::nullopt;
  }
  int64_t sizes = query.size + AttentionShape(op.getValue(), op.getLayout()).size;
  return product({2 * forward, sizes, pairs, query.batch});
}

template <typename Op> static int64_t keysOf(Op op) {
  return AttentionShape(op.getKey(), op.getLayout()).positions;
}

/// Of a chunk as busy as the mean.
template <typename Op> static std::optional<int64_t> chunkFlops(Op op, int64_t forward) {
  const int64_t queries = AttentionShape(op.getQuery(), op.getLayout()).positions;
  auto all = attentionFlops(op, forward, pairsOfHead, queries * op.getCount());
  return all ? std::optional(*all / int64_t(op.getCount())) : std::nullopt;
}

std::optional<int64_t> stc::modelFlops(Operation *op) {
  using Count = std::optional<int64_t>;
  return llvm::TypeSwitch<Operation *, Count>(op)
      .Case([](MatmulOp op) -> Count {
        ArrayRef<int64_t> lhs = op.getLhs().getType().getShape();
        int64_t inner = lhs[lhs.size() - (op.getTransposeLhs() ? 2 : 1)];
        return product({2, inner, op.getType().getNumElements()});
      })
      .Case([](AttentionOp op) { return attentionFlops(op, 1, pairsOfHead, keysOf(op)); })
      .Case([](AttentionGradOp op) { return attentionFlops(op, 2, pairsOfHead, keysOf(op)); })
      .Case([](AttentionChunkOp op) { return chunkFlops(op, 1); })
      .Case([](AttentionChunkGradOp op) { return chunkFlops(op, 2); })
      .Case([](AttentionRowOp op) { return attentionFlops(op, 1, keysOfLast, keysOf(op)); })
      .Default(Count(0));
}
