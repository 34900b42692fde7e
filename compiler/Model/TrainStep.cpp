//===- TrainStep.cpp - forward, backward, clipping and Adam ---------------===//
//
// The whole step is one function: loss, gradients, global norm, learning rate and the new weights
// (paper, Sec. 6: Adam, linear warm-up, cosine decay, clipping at norm 1, weight decay; Sec. 5.6:
// loss scaling for float16).
//
//===----------------------------------------------------------------------===//

#include "compiler/Model/Entries.h"
#include "compiler/Model/Network.h"

#include <cmath>
#include <limits>
#include <numbers>

using namespace mlir;
using namespace stc;
using namespace stc::model;

namespace {
/// Learning rate of step t = 1, 2, ... as a scalar. With a warm-up of w steps of s in all it is the
/// highest rate times min(t / w, 1) and, with a cosine decay, times (1 + cos(pi p)) / 2 where
/// p = (t - 1 - w) / (s - w), within 0 and 1: the last step still learns, and those beyond do not.
Value learningRate(Graph &g, const spec::Train &train, Value t) {
  Value rate = g.like(t, train.learningRate);
  if (train.warmup > 0)
    rate = g.mul(rate, g.min(g.mul(t, 1.0 / train.warmup), g.like(t, 1)));
  if (train.decay == spec::Decay::None)
    return rate;
  double span = std::max<double>(1, train.steps - train.warmup);
  // A warm-up to the very end leaves the decay no step: it is over behind it.
  int64_t start = train.warmup + (train.warmup < train.steps);
  Value progress = g.mul(g.sub(t, g.like(t, start)), 1 / span);
  progress = g.min(g.max(progress, g.like(t, 0)), g.like(t, 1));
  Value cosine = math::CosOp::create(g.b, g.mul(progress, std::numbers::pi));
  return g.mul(rate, g.mul(g.add(cosine, g.like(t, 1)), 0.5));
}

/// A constant as the program has it. What is computed from it here then fits it: 1 - beta of a beta
/// near 1 is another number before beta is rounded.
double inFloat32(double value) { return static_cast<float>(value); }

/// 1 / (1 - beta^t), the correction of a moment that starts at zero.
Value correction(Graph &g, double beta, Value t) {
  if (beta == 0)
    return g.like(t, 1);
  Value one = g.like(t, 1), x = g.mul(t, std::log(inFloat32(beta)));
  // 1 - exp(x) loses its digits near 0; there, its series: -x (1 + x/2 (1 + x/3 (...))).
  Value series = one;
  for (int k = 8; k > 1; --k)
    series = g.add(g.mul(g.mul(x, series), 1.0 / k), one);
  Value isNear = arith::CmpFOp::create(g.b, arith::CmpFPredicate::OGT, x, g.like(x, -0.5));
  Value difference = arith::SelectOp::create(g.b, isNear, g.mul(g.mul(x, series), -1),
                                             g.sub(one, math::ExpOp::create(g.b, x)));
  return g.div(one, difference);
}

Value isFinite(Graph &g, Value x) {
  // False for a NaN too. The norm of the gradient is never negative.
  return arith::CmpFOp::create(g.b, arith::CmpFPredicate::OLT, x,
                               g.like(x, std::numeric_limits<double>::infinity()));
}

/// Dynamic loss scaling, without which small gradients are zero in float16. A step whose gradient
/// is not finite counts for nothing but a smaller scale; a long row of good steps makes it larger,
/// up to a ceiling: where nothing overflows any more, more of it gains nothing.
class LossScaling {
public:
  LossScaling(Graph &g, bool enabled) : g(g), scale(enabled ? g.read("loss_scale") : Value()) {}

  Value scaled(Value loss) { return scale ? g.mul(loss, scale) : loss; }

  /// The gradients of the loss from those of the scaled loss.
  SmallVector<Value> unscaled(ValueRange gradients) {
    SmallVector<Value> result(gradients);
    if (!scale)
      return result;
    Value inverse = g.div(g.like(scale, 1), scale);
    for (Value &gradient : result)
      gradient = g.mul(gradient, g.broadcastScalar(inverse, gradient));
    return result;
  }

  /// Writes a variable, whose old value stays if the gradient is not finite.
  void write(StringRef name, Value norm, Value old, Value next) {
    if (scale)
      next = arith::SelectOp::create(g.b, isFinite(g, g.broadcastScalar(norm, next)), next, old);
    g.write(name, next);
  }

  /// Writes the scale of the next step.
  void update(Value norm) {
    if (!scale)
      return;
    auto select = [&](Value condition, Value yes, Value no) -> Value {
      return arith::SelectOp::create(g.b, condition, yes, no);
    };
    Value finite = isFinite(g, norm), steps = g.read("good_steps");
    Value more = arith::AddIOp::create(g.b, steps, g.like(steps, 1)), none = g.like(steps, 0);
    Value due =
        arith::CmpIOp::create(g.b, arith::CmpIPredicate::sge, more, g.like(steps, kGoodSteps));
    auto within = [&](Value next) {
      return g.max(g.min(next, g.like(scale, kCeiling)), g.like(scale, 1));
    };
    Value larger = select(due, within(g.mul(scale, 2)), scale), smaller = within(g.mul(scale, 0.5));
    g.write("loss_scale", select(finite, larger, smaller));
    g.write("good_steps", select(finite, select(due, none, more), none));
  }

  /// The scale of this step, null without scaling.
  Value value() const { return scale; }

private:
  static constexpr int64_t kGoodSteps = 2000;
  static constexpr double kCeiling = 1 << 24;
  Graph &g;
  Value scale;
};
} // namespace

void stc::model::buildTrainStep(ModuleOp module, const spec::Spec &spec) {
  int64_t batch = spec.train.batch, n = spec.data.context;
  auto *context = module.getContext();
  auto tokensType = RankedTensorType::get({batch, n}, IntegerType::get(context, 32));
  Graph g(module, "train_step",
          {{"tokens", tokensType}, {"targets", tokensType, spec.model.vocabulary}});
  Value seed = g.read("seed"), step = g.read("step");
  Value next = arith::AddIOp::create(g.b, step, g.like(step, 1));

  Network network(g, spec, {seed, step});
  Value x = network.embed(g.input(0), network.allPositions());
  x = network.blocks(x, [&](int64_t layer, Value q, Value k, Value v) {
    return network.attention(layer, q, k, v);
  });
  Value nll = network.negativeLogLikelihood(network.logits(x), g.input(1));
  Value loss = g.mul(g.sumAll(nll), 1.0 / double(batch * n));

  // The gradient is with respect to the reads that the network made.
  auto all = parameters(spec);
  llvm::StringMap<Value> reads;
  for (ReadOp read : g.b.getInsertionBlock()->getOps<ReadOp>())
    reads.try_emplace(read.getVariable(), read.getValue());
  auto weights = llvm::map_to_vector(
      all, [&](const Parameter &parameter) { return reads.lookup(parameter.name); });
  LossScaling scaling(g, scalesLoss(spec));
  auto gradient = GradientOp::create(g.b, TypeRange(ValueRange(weights)), scaling.scaled(loss),
                                     ValueRange(), weights);
  SmallVector<Value> gradients = scaling.unscaled(gradient.getGradients());

  Value squares;
  for (Value grad : gradients) {
    Value sum = g.sumAll(g.mul(grad, grad));
    squares = squares ? g.add(squares, sum) : sum;
  }
  Value norm = math::SqrtOp::create(g.b, squares);
  const spec::Train &train = spec.train;
  Value clip = g.like(norm, 1);
  if (train.clip > 0)
    clip = g.min(clip, g.div(g.like(norm, train.clip), g.add(norm, g.like(norm, 1e-6))));

  Value t = arith::SIToFPOp::create(g.b, g.f32({}), next), rate = learningRate(g, train, t);
  double beta1 = inFloat32(train.beta1), beta2 = inFloat32(train.beta2);
  Value first = correction(g, beta1, t), second = correction(g, beta2, t);
  for (auto [parameter, weight, grad] : llvm::zip(all, weights, gradients)) {
    std::string m = "adam.m." + parameter.name, v = "adam.v." + parameter.name;
    auto spread = [&](Value scalar) { return g.broadcastScalar(scalar, weight); };
    Value clipped = g.mul(grad, spread(clip));
    Value oldMoment = g.read(m);
    Value moment = g.add(g.mul(oldMoment, beta1), g.mul(clipped, 1 - beta1));
    Value oldSquare = g.read(v);
    Value square = g.add(g.mul(oldSquare, beta2), g.mul(g.mul(clipped, clipped), 1 - beta2));
    // What float32 takes for zero may be the square of a gradient that it holds: without a floor,
    // such a gradient would be divided by epsilon alone. NaN stays: max is its second operand then.
    Value held = g.max(g.like(square, std::numeric_limits<float>::min()), square);
    Value root = math::SqrtOp::create(g.b, g.mul(held, spread(second)));
    Value update = g.div(g.mul(moment, spread(first)), g.add(root, g.like(root, train.epsilon)));
    if (parameter.decays() && train.weightDecay > 0)
      update = g.add(update, g.mul(weight, train.weightDecay));
    scaling.write(m, norm, oldMoment, moment);
    scaling.write(v, norm, oldSquare, square);
    scaling.write(parameter.name, norm, weight, g.sub(weight, g.mul(update, spread(rate))));
  }
  g.write("step", next);
  scaling.update(norm);
  SmallVector<std::pair<StringRef, Value>> results{
      {"loss", loss}, {"grad_norm", norm}, {"learning_rate", rate}};
  if (scaling.value())
    results.push_back({"loss_scale", scaling.value()});
  g.finish(results, Graph::byWindows(g.b));
}
