//===- AttentionWork.cpp - what attention has to do -----------------------===//

#include "compiler/Schedule/AttentionWork.h"

namespace stc {

static constexpr int64_t wide = 4; // bytes of a float32

// Scores and output; in a gradient scores once more, the gradients of probabilities, and those of
// what it is for.
PairProducts productsOf(AttentionPart part, bool sumsQueries) {
  switch (part) {
  case AttentionPart::Gradient:
    return {3, 2};
  case AttentionPart::KeyGradient:
    return {sumsQueries ? 3 : 2, 2};
  case AttentionPart::QueryGradient:
    return {2, 1};
  case AttentionPart::Forward:
  case AttentionPart::OneQuery:
    break;
  }
  return {1, 1};
}

/// Bytes for each query, and for each key that it shares with its group.
struct BytesOf {
  int64_t query, key;
};

static BytesOf bytesOf(AttentionPart part, const AttentionCounts &counts) {
  const int64_t query = counts.elementBytes * counts.querySize;
  const int64_t value = counts.elementBytes * counts.valueSize;
  const int64_t keyGrads = counts.resumes || counts.resumesKeys ? 2 : 1;
  const int64_t queryGrads = counts.resumes ? 2 : 1;
  // Queries, output gradients, log-sum-exps and what else gradients need of a query.
  const int64_t gradientInputs = query + value + 2 * counts.sumBytes;
  switch (part) {
  case AttentionPart::Forward:
    return {query + (value + counts.sumBytes) * (counts.resumes ? 2 : 1), query + value};
  case AttentionPart::Gradient:
    return {2 * value + counts.sumBytes + query * (1 + queryGrads),
            (query + value) * (1 + keyGrads)};
  case AttentionPart::KeyGradient:
    return {gradientInputs + (counts.sumsQueries ? wide * counts.querySize : 0),
            (query + value) * (1 + keyGrads)};
  case AttentionPart::QueryGradient:
    return {gradientInputs + query * queryGrads, query + value};
  case AttentionPart::OneQuery:
    break;
  }
  return {query + value, query + value};
}

AttentionWork attentionWork(AttentionPart part, const AttentionCounts &counts) {
  BytesOf bytes = bytesOf(part, counts);
  return {productsOf(part, counts.sumsQueries)
              .flops(counts.attentions * counts.pairs, counts.querySize, counts.valueSize),
          counts.attentions * counts.queries * bytes.query +
              counts.attentions * counts.keys / counts.group * bytes.key};
}

int64_t deltaBytes(int64_t queries, int64_t valueSize, int64_t sumSize, int64_t elementBytes) {
  return queries * (2 * elementBytes * valueSize + wide + wide * sumSize);
}

int64_t querySumBytes(int64_t queries, int64_t querySize, int64_t elementBytes) {
  return queries * querySize * (wide + elementBytes);
}

} // namespace stc
