//===- Check.cpp - the keys of a specification against each other ---------===//
#include "compiler/Pattern/Syntax.h"
#include "compiler/Spec/Document.h"
#include "compiler/Spec/Keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace stc::spec {
namespace {

using pattern::Pattern;
using pattern::Proof;

void completeModel(Spec &spec, Document &document) {
  Model &model = spec.model;
  if (!document.has("model.feed_forward"))
    model.feedForward = 4 * model.width;
  if (document.good({"model.heads", "model.key_value_heads"})) {
    if (!document.has("model.key_value_heads"))
      model.keyValueHeads = model.heads;
    else if (model.heads % model.keyValueHeads != 0)
      document.error(document.placeOf("model.key_value_heads"),
                     fmt::format("expected a divisor of the {} heads, found {}", model.heads,
                                 model.keyValueHeads));
  }
  if (!document.good({"model.width", "model.heads"}))
    return;
  bool usesQuotient = !document.has("model.query_key_size") || !document.has("model.value_size");
  if (usesQuotient && model.width % model.heads != 0)
    document.error(document.placeOf("model.width"),
                   fmt::format("expected a width divisible by the {} heads, found {}", model.heads,
                               model.width));
  if (!document.has("model.query_key_size"))
    model.queryKeySize = model.width / model.heads;
  if (!document.has("model.value_size"))
    model.valueSize = model.width / model.heads;
}

/// Sets the context of images. Afterwards data.context is bad where n is not known.
void completeData(Spec &spec, Document &document) {
  Data &data = spec.data;
  if (!document.good({"data.kind"})) {
    document.setBad("data.context");
  } else if (data.kind == DataKind::Image) {
    if (!document.good({"data.shape"}))
      return document.setBad("data.context");
    auto [height, width, channels] = data.shape;
    int64_t product = height * width * channels;
    if (product > maxContext) {
      document.error(
          document.placeOf("data.shape"),
          fmt::format("expected a shape of at most {} elements, found {}", maxContext, product));
      document.setBad("data.context");
    } else if (document.has("data.context") && document.good({"data.context"}) &&
               data.context != product) {
      document.error(document.placeOf("data.context"),
                     fmt::format("expected the {} elements of an image of {} x {} x {}, found {}",
                                 product, height, width, channels, data.context));
    }
    data.context = product;
  } else if (!document.has("data.context") && document.good({"data.context"})) {
    if (document.sections.contains("data"))
      document.error(document.placeOf("data.kind"),
                     "missing key 'context' in [data]: expected a positive integer");
    document.setBad("data.context");
  }

  double sum = data.split[0] + data.split[1] + data.split[2];
  if (document.good({"data.split"}) && (std::abs(sum - 1) > 1e-6 || data.split[0] == 0))
    document.error(document.placeOf("data.split"),
                   data.split[0] == 0
                       ? "expected some data for training, found a fraction of 0"
                       : fmt::format("expected fractions with sum 1, found {}", sum));
}

void checkPattern(const std::string &text, Place place, const Spec &spec, Document &document) {
  auto fail = [&](Place where, std::string message) {
    document.error(where, std::move(message));
    document.setBad("attention.pattern");
  };
  auto failAt = [&](const pattern::ParseError &error) {
    fail(document.inside(place, text, error.offset), error.message);
  };

  if (auto error = Pattern::check(text))
    return failAt(*error);
  if (!document.good({"data.context"}))
    return;
  int64_t n = spec.data.context;
  if (auto error = pattern::checkWidths(text, n))
    return failAt(*error);
  for (const std::string &ofHead :
       pattern::headPatterns({text}, document.good({"model.heads"}) ? spec.model.heads : 1)) {
    auto parsed = Pattern::parse(ofHead, n);
    if (!parsed)
      return failAt(parsed.error());
    Proof causal = parsed->causal();
    if (causal.answer == Proof::Answer::False)
      return fail(
          place,
          causal.counterexample
              ? fmt::format("expected a causal pattern (j <= i), found position {} attending "
                            "to {}",
                            causal.counterexample->first, causal.counterexample->second)
              : "expected a causal pattern (j <= i)");
  }
}

/// What is merged has to be one pattern, too. Interleaving and heads need work for every factor,
/// and more than one.
void checkIntegration(const Spec &spec, Document &document) {
  Integration integration = spec.attention.integration;
  if (integration == Integration::Merged) {
    if (auto error = Pattern::check(unionOfPatterns(spec.attention)))
      document.error(document.placeOf("attention.pattern"),
                     "the union of the patterns: " + error->message);
    return;
  }
  bool overLayers = integration == Integration::Interleaved;
  int64_t count = static_cast<int64_t>(factors(spec.attention).size());
  Place place = document.placeOf("attention.integration");
  if (count < 2)
    return document.error(place, fmt::format("expected a pattern of two factors or more for "
                                             "integration = \"{}\", found one",
                                             overLayers ? "interleaved" : "heads"));
  std::string_view key = overLayers ? "model.layers" : "model.heads";
  int64_t places = overLayers ? spec.model.layers : spec.model.heads;
  if (document.good({key}) && places < count)
    document.error(place, fmt::format("expected at most {} factors for {} {}, found {}", places,
                                      places, overLayers ? "layers" : "heads", count));
}

void checkAttention(const Spec &spec, Document &document) {
  if (!document.good({"attention.pattern"}))
    return;
  for (size_t k = 0; k < spec.attention.patterns.size(); ++k)
    checkPattern(spec.attention.patterns[k], document.patterns[k], spec, document);
  if (document.good({"attention.pattern", "attention.integration"}))
    checkIntegration(spec, document);
}

void completeEmbedding(Spec &spec, Document &document) {
  Embedding &embedding = spec.embedding;
  if (!document.good({"embedding.kind", "data.kind"}))
    return;
  if (embedding.kind == EmbeddingKind::Image && spec.data.kind != DataKind::Image)
    return document.error(document.placeOf("embedding.kind"),
                          "expected \"aligned\" or \"absolute\" for data that are no images, "
                          "found \"image\"");
  if (embedding.kind != EmbeddingKind::Aligned ||
      !document.good({"embedding.stride", "data.context"}))
    return;
  int64_t n = spec.data.context;
  if (document.has("embedding.stride")) {
    if (embedding.stride > n)
      document.error(document.placeOf("embedding.stride"),
                     fmt::format("expected a stride of at most the context of {}, found {}", n,
                                 embedding.stride));
    return;
  }
  if (!document.good({"attention.pattern"}))
    return;
  embedding.stride = pattern::alignedRow(spec.attention.patterns, n);
}

void completeTrain(Spec &spec, Document &document) {
  Train &train = spec.train;
  // A step multiplies weights by 1 - rate * decay.
  if (document.good({"train.learning_rate", "train.weight_decay"}) &&
      train.learningRate * train.weightDecay >= 2)
    document.error(document.placeOf(document.has("train.weight_decay") ? "train.weight_decay"
                                                                       : "train.learning_rate"),
                   fmt::format("expected learning_rate * weight_decay below 2, from which weights "
                               "grow, found {:g} * {:g}",
                               train.learningRate, train.weightDecay));
  if (!document.good({"train.steps", "train.warmup"}))
    return;
  if (!document.has("train.warmup"))
    train.warmup = std::min<int64_t>(5000, train.steps / 10);
  else if (train.warmup > train.steps)
    document.error(
        document.placeOf("train.warmup"),
        fmt::format("expected a warm-up within the {} steps, found {}", train.steps, train.warmup));
}

} // namespace

void complete(Spec &spec, Document &document) {
  completeModel(spec, document);
  completeData(spec, document);
  checkAttention(spec, document);
  completeEmbedding(spec, document);
  completeTrain(spec, document);
}

} // namespace stc::spec
