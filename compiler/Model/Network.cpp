//===- Network.cpp - the layers of the model ------------------------------===//

#include "compiler/Model/Network.h"

#include <cmath>

using namespace mlir;
using namespace stc;
using namespace stc::model;

Network::Network(Graph &graph, const spec::Spec &spec, Randomness randomness)
    : g(graph), spec(spec), randomness(randomness), patterns(spec::layerPatterns(spec)) {}

Value Network::linear(Value x, const std::string &name) {
  Value weight = g.read(name + ".weight");
  SmallVector<int64_t> shape(Graph::shape(x));
  shape.back() = Graph::shape(weight)[0];
  Value y = MatmulOp::create(g.b, g.f32(shape), x, weight, /*transpose_lhs=*/false,
                             /*transpose_rhs=*/true);
  return g.add(y, g.broadcastColumns(g.read(name + ".bias"), y));
}

Value Network::norm(Value x, const std::string &name) {
  double inverse = 1.0 / Graph::shape(x).back();
  Value centered = g.sub(x, g.broadcastRows(g.mul(g.sumRows(x), inverse), x));
  Value variance = g.mul(g.sumRows(g.mul(centered, centered)), inverse);
  Value deviation = math::RsqrtOp::create(g.b, g.add(variance, g.like(variance, 1e-5)));
  Value normal = g.mul(centered, g.broadcastRows(deviation, x));
  Value scaled = g.mul(normal, g.broadcastColumns(g.read(name + ".weight"), x));
  return g.add(scaled, g.broadcastColumns(g.read(name + ".bias"), x));
}

// x * sigmoid(1.702 x) (paper, Sec. 5.2). By tanh, whose gradient stays finite everywhere.
Value Network::gelu(Value x) {
  Value half = math::TanhOp::create(g.b, g.mul(x, 0.851));
  return g.mul(x, g.mul(g.add(half, g.like(half, 1)), 0.5));
}

Value Network::dropout(Value x) {
  double rate = spec.train.dropout;
  if (!randomness.seed || rate == 0)
    return x;
  Value uniform = RandomOp::create(g.b, x.getType(), Distribution::Uniform, randomness.seed,
                                   randomness.step, stream++);
  Value keep =
      arith::CmpFOp::create(g.b, arith::CmpFPredicate::OGE, uniform, g.like(uniform, rate));
  return arith::SelectOp::create(g.b, keep, g.mul(x, 1 / (1 - rate)), g.like(x, 0));
}

Value Network::allPositions() { return IotaOp::create(g.b, g.i32({spec.data.context}), 0); }

Value Network::embed(Value tokens, Value positions) {
  SmallVector<int64_t> shape(Graph::shape(tokens));
  shape.push_back(spec.model.width);
  Value x = GatherOp::create(g.b, g.f32(shape), g.read("transformer.wte.weight"), tokens);
  for (const spec::PositionTable &table : spec::positionTables(spec)) {
    Value index = arith::DivSIOp::create(g.b, positions, g.like(positions, table.divisor));
    index = arith::RemSIOp::create(g.b, index, g.like(index, table.rows));
    Value rows = GatherOp::create(g.b, g.f32({Graph::shape(positions)[0], spec.model.width}),
                                  g.read(positionName(table)), index);
    x = g.add(x, g.broadcast(rows, shape, {1, 2}));
  }
  return x;
}

Value Network::blocks(Value x, Attend attend) {
  const spec::Model &m = spec.model;
  int64_t batch = Graph::shape(x)[0], positions = Graph::shape(x)[1];
  for (int64_t layer = 0; layer < m.layers; ++layer) {
    Operation *before = &g.b.getInsertionBlock()->back();
    Value qkv = linear(norm(x, layerName(layer, "ln_1")), layerName(layer, "attn.c_attn"));
    auto columns = [&](int64_t heads, int64_t size) {
      return g.f32({batch, positions, heads * size});
    };
    auto split = SplitOp::create(g.b,
                                 TypeRange{columns(m.heads, m.queryKeySize),
                                           columns(m.keyValueHeads, m.queryKeySize),
                                           columns(m.keyValueHeads, m.valueSize)},
                                 qkv);
    auto heads = [&](unsigned part, int64_t heads, int64_t size) {
      return g.reshape(split.getResult(part), {batch, positions, heads, size});
    };
    Value output =
        attend(layer, heads(0, m.heads, m.queryKeySize), heads(1, m.keyValueHeads, m.queryKeySize),
               heads(2, m.keyValueHeads, m.valueSize));
    Value a = linear(g.reshape(output, {batch, positions, m.heads * m.valueSize}),
                     layerName(layer, "attn.c_proj"));
    x = g.add(x, dropout(a));
    Value hidden = gelu(linear(norm(x, layerName(layer, "ln_2")), layerName(layer, "mlp.c_fc")));
    x = g.add(x, dropout(linear(hidden, layerName(layer, "mlp.c_proj"))));
    // Recomputation keeps what goes from block to block.
    for (Operation &op :
         llvm::make_range(std::next(before->getIterator()), g.b.getInsertionBlock()->end()))
      op.setAttr("stc.block", g.b.getI64IntegerAttr(layer));
  }
  return x;
}

Value Network::logits(Value x) {
  Value normal = norm(x, "transformer.ln_f"), weight = g.read("lm_head.weight");
  SmallVector<int64_t> shape(Graph::shape(x));
  shape.back() = spec.model.vocabulary;
  return MatmulOp::create(g.b, g.f32(shape), normal, weight, /*transpose_lhs=*/false,
                          /*transpose_rhs=*/true);
}

PatternAttr Network::pattern(int64_t layer) {
  auto texts = llvm::map_to_vector(
      patterns[layer], [&](const std::string &text) { return g.b.getStringAttr(text); });
  return PatternAttr::get(g.b.getContext(), texts);
}

float Network::scale() const { return 1 / std::sqrt(float(spec.model.queryKeySize)); }

Value Network::attention(int64_t layer, Value query, Value key, Value value) {
  auto shape = Graph::shape(query);
  auto type = RankedTensorType::get({shape[0], shape[2], shape[1], shape[1]}, g.b.getF32Type(),
                                    pattern(layer));
  Value scores = ScoresOp::create(g.b, type, query, key);
  Value weights = SoftmaxOp::create(g.b, g.mul(scores, scale()));
  auto output = g.f32({shape[0], shape[1], shape[2], Graph::shape(value)[3]});
  return AggregateOp::create(g.b, output, weights, value);
}

Value Network::negativeLogLikelihood(Value logits, Value targets) {
  int64_t last = Graph::shape(logits).size() - 1;
  Value largest = StopGradientOp::create(g.b, g.reduce(Reduction::Max, logits, {last}));
  Value shifted = g.sub(logits, g.broadcastRows(largest, logits));
  Value logSum = math::LogOp::create(g.b, g.sumRows(math::ExpOp::create(g.b, shifted)));
  Value symbols = IotaOp::create(g.b, g.i32(Graph::shape(logits)), last);
  Value hit = arith::CmpIOp::create(g.b, arith::CmpIPredicate::eq, symbols,
                                    g.broadcastRows(targets, symbols));
  Value picked = g.sumRows(arith::SelectOp::create(g.b, hit, shifted, g.like(shifted, 0)));
  return g.sub(logSum, picked);
}
