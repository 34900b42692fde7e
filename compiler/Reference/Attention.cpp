//===- Attention.cpp - attention, unfused and fused -----------------------===//
//
// Loops over the pairs of the pattern, with no tiles and no online softmax.
//
//===----------------------------------------------------------------------===//

#include "compiler/Reference/Environment.h"

#include <algorithm>
#include <cmath>
#include <span>

using namespace mlir;
using namespace stc;
using namespace stc::reference;

namespace {
/// A tensor of attention by the rows that the heads of queries read or write: where it has fewer
/// heads than there are of queries, several share a row.
template <typename TensorType> struct Rows {
  TensorType &tensor;
  Layout layout;
  int64_t queryHeads;

  auto row(int64_t batch, int64_t position, int64_t queryHead) const {
    const bool headMajor = layout == Layout::HeadMajor;
    int64_t positions = tensor.shape[headMajor ? 2 : 1], heads = tensor.shape[headMajor ? 1 : 2],
            size = tensor.shape[3], head = queryHead / (queryHeads / heads);
    int64_t index = headMajor ? (batch * heads + head) * positions + position
                              : (batch * positions + position) * heads + head;
    return std::span(tensor.floats.data() + index * size, size);
  }
};
using Inputs = Rows<const Tensor>;
using Outputs = Rows<Tensor>;

/// The rows of an op's tensors. `heads` is the number of heads of queries.
struct RowsOf {
  Environment &env;
  Layout layout;
  int64_t heads;

  Inputs in(Value tensor) const { return {env[tensor], layout, heads}; }
  Outputs out(Value tensor) const { return {env[tensor], layout, heads}; }
};

/// The first element of a query's row in a tensor of shape [batch, heads, queries, keys].
int64_t pairsAt(const Tensor &pairs, int64_t batch, int64_t head, int64_t query) {
  return ((batch * pairs.shape[1] + head) * pairs.shape[2] + query) * pairs.shape[3];
}

double dot(std::span<const double> x, std::span<const double> y) {
  double sum = 0;
  for (size_t k = 0; k < x.size(); ++k)
    sum += x[k] * y[k];
  return sum;
}

void addTo(std::span<double> sum, double factor, std::span<const double> x) {
  for (size_t k = 0; k < x.size(); ++k)
    sum[k] += factor * x[k];
}

/// Makes scores weights, and returns their log-sum-exp: -1e30 where there are none.
double softmax(std::vector<double> &scores) {
  if (scores.empty())
    return -1e30;
  double largest = *std::max_element(scores.begin(), scores.end()), sum = 0;
  for (double &score : scores)
    sum += score = std::exp(score - largest);
  for (double &score : scores)
    score /= sum;
  return largest + std::log(sum);
}

struct Attended {
  std::vector<double> weights;
  double logsumexp;
};

/// How one query weighs its keys.
Attended attend(std::span<const double> query, Inputs key, int64_t b, int64_t h, double scale,
                ArrayRef<int64_t> keys) {
  Attended result;
  for (int64_t j : keys)
    result.weights.push_back(scale * dot(query, key.row(b, j, h)));
  result.logsumexp = softmax(result.weights);
  return result;
}
} // namespace

LogicalResult reference::evaluate(ScoresOp op, Environment &env) {
  Tensor &scores = env[op.getResult()];
  RowsOf rows{env, op.getLayout(), scores.shape[1]};
  Inputs query = rows.in(op.getQuery()), key = rows.in(op.getKey());
  return env.forEachQuery(
      op, patternOf(op.getType()), scores.shape[0], scores.shape[1], scores.shape[2],
      [&](int64_t b, int64_t h, int64_t i, ArrayRef<int64_t> keys) {
        for (int64_t j : keys)
          scores.floats[pairsAt(scores, b, h, i) + j] = dot(query.row(b, i, h), key.row(b, j, h));
      });
}

LogicalResult reference::evaluate(SoftmaxOp op, Environment &env) {
  const Tensor &scores = env[op.getScores()];
  Tensor &result = env[op.getResult()];
  return env.forEachQuery(op, patternOf(op.getType()), scores.shape[0], scores.shape[1],
                          scores.shape[2],
                          [&](int64_t b, int64_t h, int64_t i, ArrayRef<int64_t> keys) {
                            int64_t at = pairsAt(scores, b, h, i);
                            std::vector<double> weights;
                            for (int64_t j : keys)
                              weights.push_back(scores.floats[at + j]);
                            softmax(weights);
                            for (auto [j, weight] : llvm::zip_equal(keys, weights))
                              result.floats[at + j] = weight;
                          });
}

LogicalResult reference::evaluate(SoftmaxGradOp op, Environment &env) {
  const Tensor &weights = env[op.getWeights()], &grad = env[op.getGrad()];
  Tensor &result = env[op.getResult()];
  return env.forEachQuery(op, patternOf(op.getType()), grad.shape[0], grad.shape[1], grad.shape[2],
                          [&](int64_t b, int64_t h, int64_t i, ArrayRef<int64_t> keys) {
                            int64_t at = pairsAt(grad, b, h, i);
                            double mean = 0;
                            for (int64_t j : keys)
                              mean += weights.floats[at + j] * grad.floats[at + j];
                            for (int64_t j : keys)
                              result.floats[at + j] =
                                  weights.floats[at + j] * (grad.floats[at + j] - mean);
                          });
}

LogicalResult reference::evaluate(AggregateOp op, Environment &env) {
  const Tensor &weights = env[op.getWeights()];
  RowsOf rows{env, op.getLayout(), weights.shape[1]};
  Inputs value = rows.in(op.getValue());
  Outputs result = rows.out(op.getResult());
  bool transpose = op.getTranspose();
  return env.forEachQuery(
      op, patternOf(op.getWeights().getType()), weights.shape[0], weights.shape[1],
      weights.shape[2], [&](int64_t b, int64_t h, int64_t i, ArrayRef<int64_t> keys) {
        for (int64_t j : keys) {
          int64_t to = transpose ? j : i, from = transpose ? i : j;
          addTo(result.row(b, to, h), weights.floats[pairsAt(weights, b, h, i) + j],
                value.row(b, from, h));
        }
      });
}

/// Visits the queries of an op by their rows, with the rows of their keys.
static LogicalResult forEachQueryOf(AttentionOp op, Environment &env, Environment::Visit visit) {
  const Tensor &logsumexp = env[op.getLogsumexp()];
  return env.forEachQuery(op, op.getPattern(), logsumexp.shape[0], logsumexp.shape[1],
                          logsumexp.shape[2], visit);
}
static LogicalResult forEachQueryOf(AttentionGradOp op, Environment &env,
                                    Environment::Visit visit) {
  const Tensor &logsumexp = env[op.getLogsumexp()];
  return env.forEachQuery(op, op.getPattern(), logsumexp.shape[0], logsumexp.shape[1],
                          logsumexp.shape[2], visit);
}
/// Of a chunk and the keys that are there.
template <typename Op>
static LogicalResult forEachQueryOf(Op op, Environment &env, Environment::Visit visit) {
  const Tensor &logsumexp = env[op.getLogsumexp()];
  const int64_t size = logsumexp.shape[2], count = op.getCount(), block = op.getBlock(),
                chunk = std::clamp<int64_t>(env[op.getNumber()].integers[0], 0, count - 1);
  PositionsAttr positions = op.getKeys();
  return env.forEachQuery(op, op.getPattern(), logsumexp.shape[0], logsumexp.shape[1], size * count,
                          [&](int64_t b, int64_t h, int64_t i, ArrayRef<int64_t> keys) {
                            if (i / block % count != chunk)
                              return;
                            SmallVector<int64_t> rows;
                            for (int64_t j : keys)
                              if (positions.contains(j))
                                rows.push_back(positions.numberOf(j));
                            visit(b, h, i / (block * count) * block + i % block, rows);
                          });
}

template <typename Op> static LogicalResult evaluateForward(Op op, Environment &env) {
  Tensor &logsumexp = env[op.getLogsumexp()];
  int64_t heads = logsumexp.shape[1], n = logsumexp.shape[2];
  RowsOf rows{env, op.getLayout(), heads};
  Inputs query = rows.in(op.getQuery()), key = rows.in(op.getKey()), value = rows.in(op.getValue());
  Outputs output = rows.out(op.getOutput());
  double scale = op.getScale().convertToDouble();
  return forEachQueryOf(op, env, [&](int64_t b, int64_t h, int64_t i, ArrayRef<int64_t> keys) {
    Attended attended = attend(query.row(b, i, h), key, b, h, scale, keys);
    logsumexp.floats[(b * heads + h) * n + i] = attended.logsumexp;
    // Rounded, if at all, before they are divided by their sum.
    double most = 0;
    for (double weight : attended.weights)
      most = std::max(most, weight);
    for (auto [j, weight] : llvm::zip_equal(keys, attended.weights))
      addTo(output.row(b, i, h), env.roundInside(weight, op.getValue(), most), value.row(b, j, h));
  });
}

LogicalResult reference::evaluate(AttentionOp op, Environment &env) {
  return evaluateForward(op, env);
}

LogicalResult reference::evaluate(AttentionChunkOp op, Environment &env) {
  if (failed(evaluateForward(op, env)))
    return failure();
  if (!op.getFromOutput())
    return success();
  Tensor &logsumexp = env[op.getLogsumexp()];
  const Tensor &before = env[op.getFromLogsumexp()];
  const int64_t heads = logsumexp.shape[1], n = logsumexp.shape[2];
  RowsOf rows{env, op.getLayout(), heads};
  Inputs from = rows.in(op.getFromOutput());
  Outputs output = rows.out(op.getOutput());
  for (int64_t b = 0; b < logsumexp.shape[0]; ++b)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t i = 0; i < n; ++i) {
        double &own = logsumexp.floats[(b * heads + h) * n + i];
        const double other = before.floats[(b * heads + h) * n + i];
        const double largest = std::max(own, other),
                     sum = std::exp(own - largest) + std::exp(other - largest);
        for (double &number : output.row(b, i, h))
          number *= std::exp(own - largest) / sum;
        addTo(output.row(b, i, h), std::exp(other - largest) / sum, from.row(b, i, h));
        if (largest > -1e30)
          own = largest + std::log(sum);
      }
  return success();
}

template <typename Op> static LogicalResult evaluateGradient(Op op, Environment &env) {
  const Tensor &logsumexp = env[op.getLogsumexp()];
  int64_t heads = logsumexp.shape[1], n = logsumexp.shape[2];
  RowsOf rows{env, op.getLayout(), heads};
  Inputs query = rows.in(op.getQuery()), key = rows.in(op.getKey()), value = rows.in(op.getValue());
  Inputs output = rows.in(op.getOutput()), outputGrad = rows.in(op.getOutputGrad());
  Outputs queryGrad = rows.out(op.getQueryGrad()), keyGrad = rows.out(op.getKeyGrad()),
          valueGrad = rows.out(op.getValueGrad());
  double scale = op.getScale().convertToDouble();
  return forEachQueryOf(op, env, [&](int64_t b, int64_t h, int64_t i, ArrayRef<int64_t> keys) {
    auto q = query.row(b, i, h), grad = outputGrad.row(b, i, h);
    double lse = logsumexp.floats[(b * heads + h) * n + i];
    // The mean over the keys of the weights' gradients.
    double mean = dot(output.row(b, i, h), grad);
    for (int64_t j : keys) {
      auto k = key.row(b, j, h);
      double weight = std::exp(scale * dot(q, k) - lse);
      double scoreGrad = scale * weight * (dot(grad, value.row(b, j, h)) - mean);
      addTo(valueGrad.row(b, j, h), env.roundInside(weight, op.getValue()), grad);
      scoreGrad = env.roundInside(scoreGrad, op.getKey());
      addTo(queryGrad.row(b, i, h), scoreGrad, k);
      addTo(keyGrad.row(b, j, h), scoreGrad, q);
    }
  });
}

LogicalResult reference::evaluate(AttentionGradOp op, Environment &env) {
  return evaluateGradient(op, env);
}
LogicalResult reference::evaluate(AttentionChunkGradOp op, Environment &env) {
  return evaluateGradient(op, env);
}

LogicalResult reference::evaluate(AttentionRowOp op, Environment &env) {
  int64_t heads = AttentionShape(op.getQuery(), op.getLayout()).heads;
  AttentionShape keys(op.getKey(), op.getLayout());
  RowsOf rows{env, op.getLayout(), heads};
  Inputs query = rows.in(op.getQuery()), key = rows.in(op.getKey()), value = rows.in(op.getValue());
  Outputs output = rows.out(op.getOutput());
  int64_t position = std::clamp<int64_t>(env[op.getPosition()].integers[0], 0, keys.positions - 1);
  double scale = op.getScale().convertToDouble();
  return env.forEachQuery(op, op.getPattern(), keys.batch, heads, keys.positions,
                          [&](int64_t b, int64_t h, int64_t i, ArrayRef<int64_t> keys) {
                            if (i != position)
                              return;
                            Attended attended = attend(query.row(b, 0, h), key, b, h, scale, keys);
                            for (auto [j, weight] : llvm::zip_equal(keys, attended.weights))
                              addTo(output.row(b, 0, h), weight, value.row(b, j, h));
                          });
}
