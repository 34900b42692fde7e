//===- TrainStep.cpp - forward, backward, clipping and Adam ---------------===//
//
// The whole step is one function: loss, gradients, global norm, learning rate and the new weights
// (paper, Sec. 6: Adam, linear warm-up, cosine decay, clipping at norm 1, weight decay).
//
//===----------------------------------------------------------------------===//

#include "compiler/Model/Entries.h"
#include "compiler/Model/Network.h"

#include <cmath>
#include <numbers>

using namespace mlir;
using namespace stc;
using namespace stc::model;

namespace {
/// Learning rate of step t = 1, 2, ... as a scalar.
Value learningRate(Graph &g, const spec::Train &train, Value t) {
  Value rate = g.like(t, train.learningRate);
  if (train.warmup > 0)
    rate = g.mul(rate, g.min(g.mul(t, 1.0 / train.warmup), g.like(t, 1)));
  if (train.decay == spec::Decay::None)
    return rate;
  double span = std::max<double>(1, train.steps - train.warmup);
  Value progress = g.mul(g.sub(t, g.like(t, train.warmup)), 1 / span);
  progress = g.min(g.max(progress, g.like(t, 0)), g.like(t, 1));
  Value cosine = math::CosOp::create(g.b, g.mul(progress, std::numbers::pi));
  return g.mul(rate, g.mul(g.add(cosine, g.like(t, 1)), 0.5));
}

/// 1 / (1 - beta^t), the correction of a moment that starts at zero.
Value correction(Graph &g, double beta, Value t) {
  Value power = math::ExpOp::create(g.b, g.mul(t, std::log(beta)));
  return g.div(g.like(t, 1), g.sub(g.like(t, 1), power));
}
} // namespace

void stc::model::buildTrainStep(ModuleOp module, const spec::Spec &spec) {
  int64_t batch = spec.train.batch, n = spec.data.context;
  auto *context = module.getContext();
  auto tokensType = RankedTensorType::get({batch, n}, IntegerType::get(context, 32));
  Graph g(module, "train_step", {{"tokens", tokensType}, {"targets", tokensType}});
  Value seed = g.read("seed"), step = g.read("step");
  Value next = arith::AddIOp::create(g.b, step, g.like(step, 1));

  Network network(g, spec, {seed, step});
  Value x = network.embed(g.input(0), network.allPositions());
  x = network.blocks(x, [&](int64_t layer, Value q, Value k, Value v) { return network.attention(layer, q, k, v); });
  Value nll = network.negativeLogLikelihood(network.logits(x), g.input(1));
  Value loss = g.mul(g.sumAll(nll), 1.0 / double(batch * n));

  // The gradient is with respect to the reads that the network made.
  auto all = parameters(spec);
  llvm::StringMap<Value> reads;
  for (ReadOp read : g.b.getInsertionBlock()->getOps<ReadOp>())
    reads.try_emplace(read.getVariable(), read.getValue());
  auto weights = llvm::map_to_vector(all, [&](const Parameter &parameter) { return reads.lookup(parameter.name); });
  auto gradient = GradientOp::create(g.b, TypeRange(ValueRange(weights)), loss, ValueRange(), weights);

  Value squares;
  for (Value grad : gradient.getGradients()) {
    Value sum = g.sumAll(g.mul(grad, grad));
    squares = squares ? g.add(squares, sum) : sum;
  }
  Value norm = math::SqrtOp::create(g.b, squares);
  const spec::Train &train = spec.train;
  Value clip = g.like(norm, 1);
  if (train.clip > 0)
    clip = g.min(clip, g.div(g.like(norm, train.clip), g.add(norm, g.like(norm, 1e-6))));

  Value t = arith::SIToFPOp::create(g.b, g.f32({}), next), rate = learningRate(g, train, t);
  Value first = correction(g, train.beta1, t), second = correction(g, train.beta2, t);
  for (auto [parameter, weight, grad] : llvm::zip(all, weights, gradient.getGradients())) {
    std::string m = "adam.m." + parameter.name, v = "adam.v." + parameter.name;
    auto spread = [&](Value scalar) { return g.broadcastScalar(scalar, weight); };
    Value clipped = g.mul(grad, spread(clip));
    Value moment = g.add(g.mul(g.read(m), train.beta1), g.mul(clipped, 1 - train.beta1));
    Value square = g.add(g.mul(g.read(v), train.beta2), g.mul(g.mul(clipped, clipped), 1 - train.beta2));
    Value root = math::SqrtOp::create(g.b, g.mul(square, spread(second)));
    Value update = g.div(g.mul(moment, spread(first)), g.add(root, g.like(root, train.epsilon)));
    if (parameter.decays() && train.weightDecay > 0)
      update = g.add(update, g.mul(weight, train.weightDecay));
    g.write(m, moment);
    g.write(v, square);
    g.write(parameter.name, g.sub(weight, g.mul(update, spread(rate))));
  }
  g.write("step", next);
  g.finish({{"loss", loss}, {"grad_norm", norm}, {"learning_rate", rate}});
}
