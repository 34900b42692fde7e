//===- Network.h - the layers of the model ----------------------*- C++ -*-===//
//
// Pre-activation residual blocks over [batch, positions, width] (paper, Eqs. 9 to 14):
//   resblock(H) = H + a + b,  a = dropout(attention(norm(H))),  b = dropout(ff(norm(H + a))).
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Model/Graph.h"

namespace stc::model {

/// Random numbers of a training step, for dropout; null values where there is none.
struct Randomness {
  mlir::Value seed, step;
};

class Network {
public:
  using Value = mlir::Value;

  Network(Graph &graph, const spec::Spec &spec, Randomness randomness = {});

  /// Token embedding plus position embeddings. tokens [batch, positions] i32, positions [positions]
  /// i32: [batch, positions, width].
  Value embed(Value tokens, Value positions);
  /// All blocks. `attend` turns the layer's query, key and value, each [batch, positions, heads,
  /// size], into its output, as many heads as the query's of a value's size.
  using Attend = llvm::function_ref<Value(int64_t layer, Value query, Value key, Value value)>;
  Value blocks(Value x, Attend attend);
  /// The last norm and the logits: [..., width] to [..., vocabulary].
  Value logits(Value x);

  /// Attention over the layer's pattern, as the paper writes it (Eqs. 2 to 4).
  Value attention(int64_t layer, Value query, Value key, Value value);
  PatternAttr pattern(int64_t layer);
  float scale() const;

  /// Negative log-likelihood in nats: logits [batch, positions, vocabulary], targets [batch,
  /// positions] i32, result [batch, positions].
  Value negativeLogLikelihood(Value logits, Value targets);

  /// The positions 0 .. n - 1.
  Value allPositions();

private:
  Value linear(Value x, const std::string &name);
  Value norm(Value x, const std::string &name);
  Value gelu(Value x);
  Value dropout(Value x);

  Graph &g;
  const spec::Spec &spec;
  Randomness randomness;
  std::vector<std::vector<std::string>> patterns;
  int32_t stream = 0;
};

} // namespace stc::model
