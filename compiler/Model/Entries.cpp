//===- Entries.cpp - init, eval and sampling ------------------------------===//

#include "compiler/Model/Entries.h"

#include "compiler/Model/Model.h"
#include "compiler/Model/Network.h"

using namespace mlir;
using namespace stc;
using namespace stc::model;

namespace {
RankedTensorType integers(ModuleOp module, ArrayRef<int64_t> shape, unsigned bits = 32) {
  return RankedTensorType::get(shape, IntegerType::get(module.getContext(), bits));
}

std::string cacheName(int64_t layer, StringRef what) {
  return layerName(layer, "attn.cache.") + what.str();
}

void declareVariables(ModuleOp module, const spec::Spec &spec) {
  ImplicitLocOpBuilder b(module.getLoc(), module.getContext());
  b.setInsertionPointToEnd(module.getBody());
  auto declare = [&](const std::string &name, Role role, ArrayRef<int64_t> shape) {
    return VariableOp::create(b, name, role, RankedTensorType::get(shape, b.getF32Type()));
  };
  auto all = parameters(spec);
  for (const Parameter &parameter : all)
    declare(parameter.name, Role::Parameter, parameter.shape);
  for (const Parameter &parameter : all)
    for (const char *moment : {"adam.m.", "adam.v."})
      declare(moment + parameter.name, Role::Optimizer, parameter.shape);
  for (const char *counter : {"seed", "step"})
    VariableOp::create(b, counter, Role::Counter, integers(module, {}, 64));
  if (scalesLoss(spec)) {
    declare("loss_scale", Role::Counter, {});
    VariableOp::create(b, "good_steps", Role::Counter, integers(module, {}, 64));
  }
  const spec::Model &m = spec.model;
  for (int64_t layer = 0; layer < m.layers; ++layer) {
    for (auto [name, size] : {std::pair("key", m.queryKeySize), {"value", m.valueSize}})
      declare(cacheName(layer, name), Role::Scratch,
              {spec.sample.batch, spec.data.context, m.keyValueHeads, size})
          ->setAttr(kDealt, Graph::bySequences(b));
  }
}
} // namespace

void stc::model::buildInit(ModuleOp module, const spec::Spec &spec) {
  Graph g(module, "init", {{"seed", integers(module, {}, 64)}});
  Value seed = g.input(0), zero = g.constant(seed.getType(), 0);
  int32_t stream = 0;
  auto zeros = [&](const std::string &name, const Parameter &like) {
    g.write(name, g.constant(g.f32(like.shape), 0));
  };
  for (const Parameter &parameter : parameters(spec)) {
    Type type = g.f32(parameter.shape);
    Value start =
        parameter.deviation == 0
            ? g.constant(type, parameter.constant)
            : g.mul(RandomOp::create(g.b, type, Distribution::Normal, seed, zero, stream++),
                    parameter.deviation);
    g.write(parameter.name, start);
    zeros("adam.m." + parameter.name, parameter);
    zeros("adam.v." + parameter.name, parameter);
  }
  g.write("seed", seed);
  g.write("step", zero);
  if (scalesLoss(spec)) {
    g.write("loss_scale", g.constant(g.f32({}), 65536));
    g.write("good_steps", zero);
  }
  g.finish({});
}

void stc::model::buildEval(ModuleOp module, const spec::Spec &spec) {
  auto type = integers(module, {spec.train.batch, spec.data.context});
  Graph g(module, "eval", {{"tokens", type}, {"targets", type, spec.model.vocabulary}});
  Network network(g, spec);
  Value x = network.embed(g.input(0), network.allPositions());
  x = network.blocks(x, [&](int64_t layer, Value q, Value k, Value v) {
    return network.attention(layer, q, k, v);
  });
  g.finish({{"nll", network.negativeLogLikelihood(network.logits(x), g.input(1))}},
           Graph::byWindows(g.b));
}

void stc::model::buildSamplePrefill(ModuleOp module, const spec::Spec &spec) {
  int64_t batch = spec.sample.batch, n = spec.data.context, width = spec.model.width;
  Graph g(module, "sample_prefill",
          {{"tokens", integers(module, {batch, n})}, {"last", integers(module, {}), n}});
  Network network(g, spec);
  Value x = network.embed(g.input(0), network.allPositions());
  x = network.blocks(x, [&](int64_t layer, Value q, Value k, Value v) {
    g.write(cacheName(layer, "key"), k);
    g.write(cacheName(layer, "value"), v);
    return network.attention(layer, q, k, v);
  });
  // Row `last` of each sequence, out of all rows of the batch.
  Value rows = IotaOp::create(g.b, g.i32({batch}), 0);
  rows = arith::MulIOp::create(g.b, rows, g.like(rows, n));
  rows = arith::AddIOp::create(g.b, rows, g.broadcastScalar(g.input(1), rows));
  x = GatherOp::create(g.b, g.f32({batch, width}), g.reshape(x, {batch * n, width}), rows);
  g.finish({{"logits", network.logits(x)}});
}

void stc::model::buildSampleStep(ModuleOp module, const spec::Spec &spec) {
  int64_t batch = spec.sample.batch;
  Graph g(module, "sample_step",
          {{"tokens", integers(module, {batch})}, {"position", integers(module, {})}});
  Network network(g, spec);
  Value position = g.input(1);
  Value x = network.embed(g.reshape(g.input(0), {batch, 1}), g.reshape(position, {1}));
  x = network.blocks(x, [&](int64_t layer, Value q, Value k, Value v) -> Value {
    auto inserted = [&](StringRef what, Value row) -> Value {
      return InsertRowOp::create(g.b, row, g.read(cacheName(layer, what)), position);
    };
    Value keys = inserted("key", k), values = inserted("value", v);
    Type output = g.f32({batch, 1, spec.model.heads, spec.model.valueSize});
    Value attended =
        AttentionRowOp::create(g.b, output, q, keys, values, position,
                               g.b.getF32FloatAttr(network.scale()), network.pattern(layer));
    g.write(cacheName(layer, "key"), keys);
    g.write(cacheName(layer, "value"), values);
    return attended;
  });
  g.finish({{"logits", g.reshape(network.logits(x), {batch, spec.model.vocabulary})}});
}

OwningOpRef<ModuleOp> stc::model::build(const spec::Spec &spec, MLIRContext *context) {
  context->loadDialect<StcDialect, func::FuncDialect, arith::ArithDialect, math::MathDialect>();
  // What a pass has to say of a model is about its patterns, more often than not.
  auto location = FileLineColLoc::get(context, spec.file, spec.patternLine, spec.patternColumn);
  OwningOpRef<ModuleOp> module = ModuleOp::create(location, spec.name);
  if (spec.model.width == 1)
    emitWarning(
        FileLineColLoc::get(context, spec.file, spec.widthLine, spec.widthColumn),
        "a model of width 1 knows nothing of what it reads, and learns nothing: the norm of "
        "one number is zero");
  declareVariables(*module, spec);
  buildInit(*module, spec);
  buildTrainStep(*module, spec);
  buildEval(*module, spec);
  buildSamplePrefill(*module, spec);
  buildSampleStep(*module, spec);
  return module;
}
