//===- Parameters.cpp - the trained tensors of a model --------------------===//

#include "compiler/Model/Parameters.h"

#include <cmath>

using namespace stc::model;

std::string stc::model::layerName(int64_t layer, std::string_view suffix) {
  return "transformer.h." + std::to_string(layer) + "." + std::string(suffix);
}

std::string stc::model::positionName(const spec::PositionTable &table) {
  return "transformer.wpe." + std::string(table.name) + ".weight";
}

std::vector<Parameter> stc::model::parameters(const spec::Spec &spec) {
  const spec::Model &m = spec.model;
  std::vector<Parameter> all;
  // Paper, Sec. 6: weights start as N(0, 0.125 / sqrt(fan-in)), where a specification has no other
  // scale than this 0.125; biases and the logits' matrix as 0.
  auto matrix = [&](std::string name, int64_t rows, int64_t columns, double fanIn,
                    double scale = 1) {
    all.push_back(
        {std::move(name), {rows, columns}, scale * spec.train.initScale / std::sqrt(fanIn), 0});
  };
  auto vector = [&](std::string name, int64_t size, double constant) {
    all.push_back({std::move(name), {size}, 0, constant});
  };
  auto linear = [&](const std::string &name, int64_t out, int64_t in, double scale = 1) {
    matrix(name + ".weight", out, in, in, scale);
    vector(name + ".bias", out, 0);
  };
  auto norm = [&](const std::string &name) {
    vector(name + ".weight", m.width, 1);
    vector(name + ".bias", m.width, 0);
  };

  // One row more than the vocabulary: the start symbol.
  matrix("transformer.wte.weight", m.vocabulary + 1, m.width, m.width);
  auto tables = spec::positionTables(spec);
  for (const spec::PositionTable &table : tables)
    matrix(positionName(table), table.rows, m.width, double(m.width) * tables.size());
  // Sec. 5.2: what ends on the residual stream starts smaller by 1 / sqrt(2 N).
  double residual = 1 / std::sqrt(2.0 * m.layers);
  for (int64_t layer = 0; layer < m.layers; ++layer) {
    norm(layerName(layer, "ln_1"));
    linear(layerName(layer, "attn.c_attn"),
           m.heads * m.queryKeySize + m.keyValueHeads * (m.queryKeySize + m.valueSize), m.width);
    linear(layerName(layer, "attn.c_proj"), m.width, m.heads * m.valueSize, residual);
    norm(layerName(layer, "ln_2"));
    linear(layerName(layer, "mlp.c_fc"), m.feedForward, m.width);
    linear(layerName(layer, "mlp.c_proj"), m.width, m.feedForward, residual);
  }
  norm("transformer.ln_f");
  all.push_back({"lm_head.weight", {m.vocabulary, m.width}, 0, 0});
  return all;
}
