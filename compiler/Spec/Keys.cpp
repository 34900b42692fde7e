//===- Keys.cpp - the table of a specification's keys ---------------------===//
#include "compiler/Spec/Keys.h"

#include <fmt/format.h>

#include <algorithm>

namespace stc::spec {
namespace {

template <auto field> Choice choice(std::vector<std::string_view> words) {
  return {std::move(words), [](Spec &spec) { return static_cast<int>(field(spec)); },
          [](Spec &spec, int index) {
            auto &place = field(spec);
            place = static_cast<std::remove_reference_t<decltype(place)>>(index);
          }};
}

// Far beyond any model, and small enough that sizes multiply in 64 bits.
constexpr int64_t maxLayers = 1 << 14, maxHeads = 1 << 10, maxHeadSize = 1 << 16;
constexpr int64_t maxWidth = 1 << 17, maxFeedForward = 1 << 20, maxVocabulary = 1 << 24;
constexpr int64_t maxSide = 1 << 16;
constexpr int64_t maxBatch = 1 << 20, maxSteps = int64_t(1) << 40, maxRate = 1 << 20;
constexpr int64_t maxInteger = INT64_MAX;

constexpr Key::Condition isImage = {"data", "kind", "image"};
constexpr Key::Condition isAudio = {"data", "kind", "audio"};
constexpr Key::Condition isAligned = {"embedding", "kind", "aligned"};
constexpr Key::Condition hasBudget = {"memory", "recompute", "budget"};

const Section sectionTable[] = {
    {"", "At the top of the file."},
    {"model",
     "The sizes of the Transformer. Its blocks are the paper's pre-activation residual blocks "
     "(Sec. 5.2), with biases in every projection but the logits."},
    {"attention", "Which positions attend to which."},
    {"data", "What a sequence is. Its elements are bytes."},
    {"embedding", "How a position is told to the model (Sec. 5.3)."},
    {"train",
     "The optimizer is Adam with linear warm-up (Sec. 6). Numbers are float32 in the program: one "
     "that would be 0 or infinite there, or whose distance from 1 would change by more than a "
     "twentieth (of `dropout`, `beta1`, `beta2`), is refused."},
    {"precision", "The arithmetic of the compiled program."},
    {"memory", "What is kept from the forward pass for the backward pass."},
    {"sample", "How samples are drawn."},
};

#define FIELD(path)                                                                                \
  [](Spec & spec) -> auto & { return spec.path; }

const Key keyTable[] = {
    {.section = "",
     .name = "name",
     .value = Text{FIELD(name)},
     .meaning = "What the model is called in reports.",
     .defaultText = "the file's name without its ending"},

    {.section = "model",
     .name = "layers",
     .value = Integer{FIELD(model.layers), 1, maxLayers},
     .meaning = "Residual blocks, each an attention and a feed-forward network.",
     .paper = "Sec. 5.2, N",
     .need = Key::Required},
    {.section = "model",
     .name = "width",
     .value = Integer{FIELD(model.width), 1, maxWidth},
     .meaning =
         "Size of a position's vector between blocks. At 1 its norm is zero, whatever was read.",
     .paper = "Sec. 6, d",
     .need = Key::Required},
    {.section = "model",
     .name = "heads",
     .value = Integer{FIELD(model.heads), 1, maxHeads},
     .meaning = "Attention heads of a layer.",
     .paper = "Eq. 8, n_h",
     .need = Key::Required},
    {.section = "model",
     .name = "key_value_heads",
     .value = Integer{FIELD(model.keyValueHeads), 1, maxHeads},
     .meaning =
         "Heads of keys and values, which groups of attention heads share: head h reads head "
         "h / (heads / key_value_heads). Fewer make the cache of sampling smaller.",
     .defaultText = "heads"},
    {.section = "model",
     .name = "query_key_size",
     .value = Integer{FIELD(model.queryKeySize), 1, maxHeadSize},
     .meaning = "Size of a query and of a key in each head. The paper's \"half-size\" is half the "
                "default.",
     .paper = "Eq. 3, Sec. 6",
     .defaultText = "width / heads"},
    {.section = "model",
     .name = "value_size",
     .value = Integer{FIELD(model.valueSize), 1, maxHeadSize},
     .meaning = "Size of a value in each head.",
     .paper = "Eq. 3",
     .defaultText = "width / heads"},
    {.section = "model",
     .name = "feed_forward",
     .value = Integer{FIELD(model.feedForward), 1, maxFeedForward},
     .meaning =
         "Inner size of the feed-forward network; its activation is x * sigmoid(1.702 x). The "
         "paper's \"half-size\" is 2 * width.",
     .paper = "Sec. 5.2, Sec. 6",
     .defaultText = "4 * width"},
    {.section = "model",
     .name = "vocabulary",
     .value = Integer{FIELD(model.vocabulary), 2, maxVocabulary},
     .meaning = "Different values of an element.",
     .paper = "Sec. 3"},

    {.section = "attention",
     .name = "pattern",
     .value = Patterns{FIELD(attention.patterns)},
     .meaning = "The connectivity. A list gives the factors that `integration` combines; one "
                "expression is split into its own factors, two for `strided`, `fixed`, "
                "`fixed_by_head` and "
                "`axial`, one for any other. "
                "See [choosing a pattern](choosing-a-pattern.md).",
     .paper = "Sec. 4.3",
     .need = Key::Required},
    {.section = "attention",
     .name = "integration",
     .value = choice<FIELD(attention.integration)>({"merged", "interleaved", "heads"}),
     .meaning = "merged: every head attends to the union of the factors. interleaved: layer k uses "
                "factor k "
                "mod p. heads: head h uses factor h mod p.",
     .paper = "Eqs. 6 to 8"},

    {.section = "data",
     .name = "kind",
     .value = choice<FIELD(data.kind)>({"text", "image", "audio"}),
     .meaning =
         "text: bytes of a file. image: pixels row by row, channel by channel. audio: samples in "
         "8-bit mu-law.",
     .paper = "Sec. 5.3",
     .need = Key::Required},
    {.section = "data",
     .name = "context",
     .value = Integer{FIELD(data.context), 1, maxContext},
     .meaning = "Positions of a sequence. Required for text and audio.",
     .paper = "Sec. 3, n",
     .defaultText = "for images, the product of shape"},
    {.section = "data",
     .name = "shape",
     .value = Sizes{FIELD(data.shape), maxSide},
     .meaning = "Height, width and channels of an image.",
     .paper = "Sec. 7.1, 7.3",
     .need = Key::Required,
     .onlyWith = isImage},
    {.section = "data",
     .name = "rate",
     .value = Integer{FIELD(data.rate), 1, maxRate},
     .meaning = "Samples a second, in Hz.",
     .paper = "Sec. 7.4",
     .need = Key::Required,
     .onlyWith = isAudio},
    {.section = "data",
     .name = "split",
     .value = Fractions{FIELD(data.split)},
     .meaning =
         "Parts of the data for training, validation and test, in this order. Their sum is 1.",
     .paper = "Sec. 7.2"},

    {.section = "embedding",
     .name = "kind",
     .value = choice<FIELD(embedding.kind)>({"aligned", "image", "absolute"}),
     .meaning =
         "aligned: one table for floor(i / stride), one for i mod stride. image: tables for row, "
         "column and channel. absolute: one table of all positions.",
     .paper = "Sec. 5.3",
     .defaultText = "`\"image\"` for images, else `\"aligned\"`"},
    {.section = "embedding",
     .name = "stride",
     .value = Integer{FIELD(embedding.stride), 1, maxContext},
     .meaning = "Columns of the aligned embedding.",
     .paper = "Sec. 5.3",
     .defaultText =
         "the pattern's own period; where it has none, the square root of the context, rounded up",
     .onlyWith = isAligned},

    {.section = "train",
     .name = "batch",
     .value = Integer{FIELD(train.batch), 1, maxBatch},
     .meaning = "Sequences in a step.",
     .need = Key::Required},
    {.section = "train",
     .name = "steps",
     .value = Integer{FIELD(train.steps), 1, maxSteps},
     .meaning =
         "Steps of the whole training; the cosine decay ends there. A run that goes on beyond "
         "them learns nothing, and says so.",
     .need = Key::Required},
    {.section = "train",
     .name = "learning_rate",
     .value = Number{FIELD(train.learningRate), Number::Positive},
     .meaning = "The highest, reached at the end of the warm-up.",
     .paper = "Sec. 7.1",
     .need = Key::Required},
    {.section = "train",
     .name = "warmup",
     .value = Integer{FIELD(train.warmup), 0, maxSteps},
     .meaning =
         "Steps in which the learning rate rises, linearly: at step t it is the highest times "
         "t / warmup.",
     .paper = "Sec. 6",
     .defaultText = "5000, or a tenth of the steps where that is less"},
    {.section = "train",
     .name = "decay",
     .value = choice<FIELD(train.decay)>({"cosine", "none"}),
     .meaning =
         "How the learning rate falls after the warm-up. cosine: at step t it is the highest "
         "times (1 + cos(pi (t - 1 - warmup) / (steps - warmup))) / 2, so that the last step "
         "still learns. none: it stays.",
     .paper = "Sec. 6"},
    {.section = "train",
     .name = "clip",
     .value = Number{FIELD(train.clip), Number::Positive},
     .meaning = "Largest norm of the whole gradient; a longer one is scaled down.",
     .paper = "Sec. 6"},
    {.section = "train",
     .name = "weight_decay",
     .value = Number{FIELD(train.weightDecay), Number::NonNegative},
     .meaning =
         "Weight decay, apart from Adam's step: a step multiplies weights by 1 - rate * decay, so "
         "that learning_rate * weight_decay has to be below 2.",
     .paper = "Sec. 6"},
    {.section = "train",
     .name = "dropout",
     .value = Number{FIELD(train.dropout), Number::Fraction},
     .meaning =
         "Probability with which an output of an attention or feed-forward network is dropped.",
     .paper = "Sec. 5.4"},
    {.section = "train",
     .name = "beta1",
     .value = Number{FIELD(train.beta1), Number::Fraction},
     .meaning = "Adam's decay of the mean gradient."},
    {.section = "train",
     .name = "beta2",
     .value = Number{FIELD(train.beta2), Number::Fraction},
     .meaning = "Adam's decay of the mean squared gradient."},
    {.section = "train",
     .name = "epsilon",
     .value = Number{FIELD(train.epsilon), Number::Positive},
     .meaning = "Adam's smallest denominator."},
    {.section = "train",
     .name = "init_scale",
     .value = Number{FIELD(train.initScale), Number::Positive},
     .meaning =
         "Initial matrices are normal with this over the square root of their fan-in as deviation. "
         "The paper's is small; a deviation of 0.02 at a width of 512, as in GPT-2, is 0.45.",
     .paper = "Sec. 6"},
    {.section = "train",
     .name = "seed",
     .value = Integer{FIELD(train.seed), 0, maxInteger},
     .meaning = "Of the initial weights, dropout and the order of the data."},

    {.section = "precision",
     .name = "compute",
     .value = choice<FIELD(precision.compute)>({"auto", "float32", "bfloat16", "float16"}),
     .meaning =
         "The type in which matrices are multiplied and attention is computed; auto is float32 "
         "on a CPU and bfloat16 on a GPU. Weights, sums, norms and the optimizer are float32; "
         "training in float16 scales the loss.",
     .paper = "Sec. 5.6"},
    {.section = "precision",
     .name = "gradients",
     .value = choice<FIELD(precision.gradients)>({"float32", "bfloat16", "float16"}),
     .meaning = "The type in which gradients travel between devices, which add up in float32 on a "
                "CPU, and on more than two GPUs in this type. The paper's is float16.",
     .paper = "Sec. 5.6"},

    {.section = "memory",
     .name = "recompute",
     .value = choice<FIELD(memory.recompute)>({"none", "block", "budget"}),
     .meaning = "none: all is kept. block: only the input of each residual block. budget: as much "
                "as fits `budget`.",
     .paper = "Sec. 5.4"},
    {.section = "memory",
     .name = "budget",
     .value = Bytes{FIELD(memory.budget)},
     .meaning =
         "Memory of the whole program: variables, inputs, outputs and what is needed "
         "between. What fits it is never refused. Beside it is the scratch of threads, which "
         "`stc-run info` lists.",
     .need = Key::Required,
     .onlyWith = hasBudget},

    {.section = "sample",
     .name = "batch",
     .value = Integer{FIELD(sample.batch), 1, maxBatch},
     .meaning = "Sequences that are sampled at a time."},
};

#undef FIELD

std::string inQuotes(std::string_view text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      result += '\\';
    if (static_cast<unsigned char>(c) < 0x20)
      result += fmt::format("\\u{:04X}", static_cast<unsigned>(c));
    else
      result += c;
  }
  return result + '"';
}

/// A float in TOML has a point or an exponent; the shortest text that reads back the same.
std::string floating(double value) {
  std::string text = fmt::format("{}", value);
  return text.find_first_of(".einf") == std::string::npos ? text + ".0" : text;
}

struct Expectation {
  std::string operator()(const Integer &value) const {
    if (value.min <= 1)
      return value.min == 1 ? "a positive integer" : "a non-negative integer";
    return fmt::format("an integer of at least {}", value.min);
  }
  std::string operator()(const Number &value) const {
    if (value.range == Number::Fraction)
      return "a number from 0 to below 1";
    return value.range == Number::Positive ? "a positive number" : "a non-negative number";
  }
  std::string operator()(const Text &) const { return "a string"; }
  std::string operator()(const Choice &value) const {
    std::string text;
    for (size_t k = 0; k < value.words.size(); ++k) {
      bool isLast = k + 1 == value.words.size();
      text += (k == 0 ? "" : isLast ? " or " : ", ") + inQuotes(value.words[k]);
    }
    return text;
  }
  std::string operator()(const Patterns &) const { return "a pattern or a list of patterns"; }
  std::string operator()(const Sizes &) const { return "a list of three positive integers"; }
  std::string operator()(const Fractions &) const { return "a list of three fractions"; }
  std::string operator()(const Bytes &) const {
    return "a number of bytes, or a string like \"2 GiB\"";
  }
};

struct Printer {
  Spec &spec;
  bool quotes;

  std::string operator()(const Integer &value) const { return std::to_string(value.field(spec)); }
  std::string operator()(const Number &value) const { return floating(value.field(spec)); }
  std::string operator()(const Text &value) const { return string(value.field(spec)); }
  std::string operator()(const Choice &value) const { return string(value.words[value.get(spec)]); }
  std::string operator()(const Patterns &value) const {
    if (value.field(spec).size() == 1)
      return string(value.field(spec).front());
    std::string list;
    for (const std::string &text : value.field(spec))
      list += (list.empty() ? "" : ", ") + inQuotes(text);
    return "[" + list + "]";
  }
  std::string operator()(const Sizes &value) const {
    auto [height, width, channels] = value.field(spec);
    return fmt::format("[{}, {}, {}]", height, width, channels);
  }
  std::string operator()(const Fractions &value) const {
    auto [train, valid, test] = value.field(spec);
    return fmt::format("[{}, {}, {}]", floating(train), floating(valid), floating(test));
  }
  std::string operator()(const Bytes &value) const { return std::to_string(value.field(spec)); }

  std::string string(std::string_view text) const {
    return quotes ? inQuotes(text) : std::string(text);
  }
};

} // namespace

std::string Key::dotted() const {
  return section.empty() ? std::string(name) : fmt::format("{}.{}", section, name);
}

std::span<const Section> sections() { return sectionTable; }
std::span<const Key> keys() { return keyTable; }

const Key *findKey(std::string_view section, std::string_view name) {
  auto found = std::ranges::find_if(
      keyTable, [&](const Key &key) { return key.section == section && key.name == name; });
  return found == std::end(keyTable) ? nullptr : &*found;
}

std::string expectation(const Value &value) { return std::visit(Expectation{}, value); }
std::string print(const Value &value, Spec &spec, bool quotes) {
  return std::visit(Printer{spec, quotes}, value);
}

bool applies(const Key &key, Spec &spec) {
  if (!key.onlyWith)
    return true;
  const Key *other = findKey(key.onlyWith->section, key.onlyWith->name);
  const auto &choice = std::get<Choice>(other->value);
  return choice.words[choice.get(spec)] == key.onlyWith->word;
}

} // namespace stc::spec
