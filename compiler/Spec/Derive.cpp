//===- Derive.cpp - what follows from a specification ---------------------===//
#include "compiler/Pattern/Pattern.h"
#include "compiler/Spec/Spec.h"

namespace stc::spec {

std::vector<std::string> factors(const Attention &attention) {
  if (attention.patterns.size() > 1)
    return attention.patterns;
  return pattern::Pattern::factors(attention.patterns.front());
}

std::string unionOfPatterns(const Attention &attention) {
  if (attention.patterns.size() == 1)
    return attention.patterns.front();
  std::string all;
  for (const std::string &text : attention.patterns)
    all += (all.empty() ? "(" : " | (") + text + ")";
  return all;
}

std::vector<std::vector<std::string>> layerPatterns(const Spec &spec) {
  const Attention &attention = spec.attention;
  if (attention.integration == Integration::Merged)
    return std::vector(spec.model.layers, std::vector{unionOfPatterns(attention)});

  std::vector<std::string> all = factors(attention);
  if (attention.integration == Integration::Heads)
    return std::vector(spec.model.layers, all);
  std::vector<std::vector<std::string>> ofLayers;
  for (int64_t layer = 0; layer < spec.model.layers; ++layer)
    ofLayers.push_back({all[layer % all.size()]});
  return ofLayers;
}

std::vector<PositionTable> positionTables(const Spec &spec) {
  int64_t n = spec.data.context, stride = spec.embedding.stride;
  auto [height, width, channels] = spec.data.shape;
  switch (spec.embedding.kind) {
  case EmbeddingKind::Aligned:
    return {{"row", (n + stride - 1) / stride, stride}, {"column", stride, 1}};
  case EmbeddingKind::Image:
    return {
        {"row", height, width * channels}, {"column", width, channels}, {"channel", channels, 1}};
  case EmbeddingKind::Absolute:
    return {{"position", n, 1}};
  }
  return {};
}

int64_t countParameters(const Spec &spec) {
  const Model &model = spec.model;
  int64_t width = model.width;
  auto projection = [](int64_t from, int64_t to) { return from * to + to; };
  int64_t norm = 2 * width;

  int64_t attention = projection(width, model.heads * model.queryKeySize) +
                      projection(width, model.keyValueHeads * model.queryKeySize) +
                      projection(width, model.keyValueHeads * model.valueSize) +
                      projection(model.heads * model.valueSize, width);
  int64_t feedForward = projection(width, model.feedForward) + projection(model.feedForward, width);
  int64_t block = norm + attention + norm + feedForward;

  int64_t embedding = (model.vocabulary + 1) * width; // and the start symbol
  for (const PositionTable &table : positionTables(spec))
    embedding += table.rows * width;
  int64_t logits = width * model.vocabulary;
  return embedding + model.layers * block + norm + logits;
}

} // namespace stc::spec
