//===- ReadTest.cpp - right specifications --------------------------------===//
#include "tests/unit/Spec/SpecText.h"

#include <gtest/gtest.h>

#include <map>

using namespace stc::spec;

namespace {

Spec read(std::string_view text) {
  EXPECT_EQ(errorsOf(text), "");
  return parseSpec(text, "models/small.toml").value_or(Spec());
}

TEST(Read, FillsInTheDefaults) {
  Spec spec = read(smallText);
  EXPECT_EQ(spec.name, "small");
  EXPECT_EQ(spec.text, smallText);
  EXPECT_EQ(spec.model.keyValueHeads, 3);
  EXPECT_EQ(spec.model.queryKeySize, 32);
  EXPECT_EQ(spec.model.valueSize, 32);
  EXPECT_EQ(spec.model.feedForward, 384);
  EXPECT_EQ(spec.model.vocabulary, 256);
  EXPECT_EQ(spec.attention.integration, Integration::Merged);
  EXPECT_EQ(spec.embedding.kind, EmbeddingKind::Aligned);
  EXPECT_EQ(spec.embedding.stride, 64);
  EXPECT_EQ(spec.train.warmup, 10);
  EXPECT_EQ(spec.train.clip, 1.0);
  EXPECT_EQ(spec.precision.compute, Compute::Auto);
  EXPECT_EQ(spec.memory.recompute, Recompute::None);
  EXPECT_EQ(spec.sample.batch, 1);
}

TEST(Read, TakesEveryKey) {
  Spec spec = read(R"toml(name = "every"
[model]
layers = 6
width = 100
heads = 6
key_value_heads = 3
query_key_size = 16
value_size = 24
feed_forward = 200
vocabulary = 512
[attention]
pattern = ["strided(32)", "sinks(4)"]
integration = "heads"
[data]
kind = "audio"
context = 4096
rate = 12000
split = [1, 0, 0]
[embedding]
kind = "aligned"
stride = 48
[train]
batch = 3
steps = 20000
learning_rate = 3e-4
warmup = 7
decay = "none"
clip = 2
weight_decay = 0
dropout = 0.25
beta1 = 0.8
beta2 = 0.95
epsilon = 1e-6
init_scale = 0.5
seed = 11
[precision]
compute = "bfloat16"
gradients = "float16"
[memory]
recompute = "budget"
budget = "1.5 GiB"
[sample]
batch = 5
)toml");
  // What is printed is what was written: the table's fields do not cross.
  const std::map<std::string, std::string> expected = {
      {"name", "every"},
      {"model.layers", "6"},
      {"model.width", "100"},
      {"model.heads", "6"},
      {"model.key_value_heads", "3"},
      {"model.query_key_size", "16"},
      {"model.value_size", "24"},
      {"model.feed_forward", "200"},
      {"model.vocabulary", "512"},
      {"attention.pattern", R"toml(["strided(32)", "sinks(4)"])toml"},
      {"attention.integration", "heads"},
      {"data.kind", "audio"},
      {"data.context", "4096"},
      {"data.rate", "12000"},
      {"data.split", "[1.0, 0.0, 0.0]"},
      {"embedding.kind", "aligned"},
      {"embedding.stride", "48"},
      {"train.batch", "3"},
      {"train.steps", "20000"},
      {"train.learning_rate", "0.0003"},
      {"train.warmup", "7"},
      {"train.decay", "none"},
      {"train.clip", "2.0"},
      {"train.weight_decay", "0.0"},
      {"train.dropout", "0.25"},
      {"train.beta1", "0.8"},
      {"train.beta2", "0.95"},
      {"train.epsilon", "1e-06"},
      {"train.init_scale", "0.5"},
      {"train.seed", "11"},
      {"precision.compute", "bfloat16"},
      {"precision.gradients", "float16"},
      {"memory.recompute", "budget"},
      {"memory.budget", "1610612736"},
      {"sample.batch", "5"},
  };
  auto all = settings(spec);
  EXPECT_EQ((std::map<std::string, std::string>(all.begin(), all.end())), expected);
  EXPECT_EQ(spec.memory.budget, 3 << 29);
  EXPECT_EQ(spec.train.decay, Decay::None);
}

TEST(Read, FindsTheContextOfImages) {
  Spec spec =
      read(withLine("kind = \"text\"\ncontext = 1024", "kind = \"image\"\nshape = [16, 8, 3]"));
  EXPECT_EQ(spec.data.context, 384);
  EXPECT_EQ(spec.embedding.kind, EmbeddingKind::Image);
}

TEST(Read, FindsTheWarmup) {
  EXPECT_EQ(read(withLine("steps = 100", "steps = 49999")).train.warmup, 4999);
  EXPECT_EQ(read(withLine("steps = 100", "steps = 50001")).train.warmup, 5000);
  EXPECT_EQ(read(withLine("steps = 100", "steps = 9")).train.warmup, 0);
}

TEST(Read, TakesAnyStrideFromThePatternOrTheContext) {
  EXPECT_EQ(read(withLine("fixed(64, 16)", "dense")).embedding.stride, 32);
  EXPECT_EQ(read(withLine("1024", "1025")).embedding.stride, 64);
  EXPECT_EQ(read(withLine("\"fixed(64, 16)\"\n\n[data]\nkind = \"text\"\ncontext = 1024",
                          "\"dense\"\n\n[data]\nkind = \"text\"\ncontext = 1025"))
                .embedding.stride,
            33);
  EXPECT_EQ(read(withLine("\"fixed(64, 16)\"", "[\"dense\", \"strided(32)\"]")).embedding.stride,
            32);
}

// What is put together may have any period; one that the context does not have once is no stride.
TEST(Read, TakesPatternsOfAnyPeriod) {
  for (const char *pattern :
       {"local(1024)", "stride(97) | stride(89) | stride(83)", "stride(6) & local(54)",
        "dense - stride(97) - stride(89) - stride(83)", "block(48) | stride(125)",
        "stride(97) | stride(89) | stride(83) | stride(79) | stride(73)",
        "{ [i] -> [j] : j <= i and (i + 2j) mod 5000 <= 1 }"})
    EXPECT_EQ(errorsOf(withLine("fixed(64, 16)", pattern)), "");
  EXPECT_EQ(read(withLine("fixed(64, 16)", "stride(97) | stride(89)")).embedding.stride, 32);
  EXPECT_EQ(read(withLine("fixed(64, 16)", "block(48) | stride(20)")).embedding.stride, 240);
}

TEST(Read, TakesBytesWithUnits) {
  auto budget = [](std::string value) {
    return read(smallText + "[memory]\nrecompute = \"budget\"\nbudget = " + value).memory.budget;
  };
  EXPECT_EQ(budget("1000"), 1000);
  EXPECT_EQ(budget("\"2 GiB\""), int64_t(2) << 30);
  EXPECT_EQ(budget("\"0.5MiB\""), 1 << 19);
  EXPECT_EQ(budget("\"3 GB\""), 3'000'000'000);
  EXPECT_EQ(budget("\"7 B\""), 7);
}

TEST(Read, TakesInlineTablesAndDottedKeys) {
  EXPECT_EQ(read(R"toml(model = { layers = 1, width = 8, heads = 1 }
attention.pattern = "dense"
data = { kind = "text", context = 16 }
train = { batch = 1, steps = 1, learning_rate = 1 }
)toml")
                .model.width,
            8);
}

TEST(LayerPatterns, MergedIsTheUnion) {
  Spec spec = read(smallText);
  using Patterns = std::vector<std::vector<std::string>>;
  EXPECT_EQ(layerPatterns(spec), Patterns(4, {"fixed(64, 16)"}));
  spec.attention.patterns = {"local(8) - sinks(2)", "stride(4)"};
  EXPECT_EQ(layerPatterns(spec), Patterns(4, {"(local(8) - sinks(2)) | (stride(4))"}));
}

TEST(LayerPatterns, InterleavedTakesTurnsOverLayers) {
  Spec spec =
      read(withLine("\"fixed(64, 16)\"", "\"fixed(64, 16)\"\nintegration = \"interleaved\""));
  using Patterns = std::vector<std::vector<std::string>>;
  EXPECT_EQ(layerPatterns(spec),
            (Patterns{{"block(64)"}, {"summary(64, 16)"}, {"block(64)"}, {"summary(64, 16)"}}));
  // A list is taken as it is: its members are the factors.
  spec.attention.patterns = {"dense", "strided(8)", "local(3)"};
  EXPECT_EQ(layerPatterns(spec), (Patterns{{"dense"}, {"strided(8)"}, {"local(3)"}, {"dense"}}));
}

TEST(LayerPatterns, HeadsTakeTurnsInEveryLayer) {
  Spec spec = read(withLine("\"fixed(64, 16)\"", "\"strided(64)\"\nintegration = \"heads\""));
  using Patterns = std::vector<std::vector<std::string>>;
  EXPECT_EQ(layerPatterns(spec), Patterns(4, {"local(64)", "stride(64)"}));
}

TEST(PositionTables, FindEveryPosition) {
  Spec spec = read(withLine("context = 1024", "context = 1000"));
  std::vector<PositionTable> aligned = positionTables(spec);
  ASSERT_EQ(aligned.size(), 2u);
  EXPECT_EQ(aligned[0].rows, 16);
  EXPECT_EQ(aligned[1].rows, 64);
  for (int64_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(i / aligned[0].divisor % aligned[0].rows, i / 64);
    EXPECT_EQ(i / aligned[1].divisor % aligned[1].rows, i % 64);
  }
  spec = read(withLine("kind = \"text\"\ncontext = 1024", "kind = \"image\"\nshape = [5, 7, 3]"));
  std::vector<PositionTable> image = positionTables(spec);
  ASSERT_EQ(image.size(), 3u);
  int64_t i = 0;
  for (int64_t row = 0; row < 5; ++row)
    for (int64_t column = 0; column < 7; ++column)
      for (int64_t channel = 0; channel < 3; ++channel, ++i) {
        EXPECT_EQ(i / image[0].divisor % image[0].rows, row);
        EXPECT_EQ(i / image[1].divisor % image[1].rows, column);
        EXPECT_EQ(i / image[2].divisor % image[2].rows, channel);
      }
}

TEST(CountParameters, AgreesWithHandCounts) {
  // Width 2, one head: q, k, v and output projection 4 + 2 each, feed-forward 2*8+8 + 8*2+2,
  // two norms of 4: 24 + 42 + 8 = 74. Embeddings 257*2, tables 4*2 and 4*2, last norm 4, logits
  // 2*256.
  std::string tiny = R"toml(model = { layers = 1, width = 2, heads = 1 }
attention.pattern = "dense"
data = { kind = "text", context = 16 }
train = { batch = 1, steps = 1, learning_rate = 1 }
)toml";
  Spec spec = read(tiny);
  EXPECT_EQ(countParameters(spec), 74 + 514 + 16 + 4 + 512);
  spec.model.layers = 3;
  EXPECT_EQ(countParameters(spec), 3 * 74 + 514 + 16 + 4 + 512);
  spec.embedding.kind = EmbeddingKind::Absolute;
  EXPECT_EQ(countParameters(spec), 3 * 74 + 514 + 32 + 4 + 512);
  // Two heads with queries and keys of 3 and values of 5, feed-forward 7, vocabulary 10:
  // q, k: 2*6+6 each, v: 2*10+10, output: 10*2+2, feed-forward: 2*7+7 + 7*2+2, norms 8 = 133.
  spec.model = {.layers = 1,
                .width = 2,
                .heads = 2,
                .queryKeySize = 3,
                .valueSize = 5,
                .feedForward = 7,
                .vocabulary = 10};
  EXPECT_EQ(countParameters(spec), 133 + 22 + 32 + 4 + 20);
  // One head of keys and values: 2*3+3 and 2*5+5 less.
  spec.model.keyValueHeads = 1;
  EXPECT_EQ(countParameters(spec), 133 - 24 + 22 + 32 + 4 + 20);
}

} // namespace
