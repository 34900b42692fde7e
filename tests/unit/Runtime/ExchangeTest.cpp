//===- ExchangeTest.cpp - weights to and from other programs ---------------------------------===//
#include "runtime/Checkpoint/Exchange.h"
#include "runtime/Checkpoint/Safetensors.h"
#include "runtime/Checkpoint/Shards.h"
#include "tests/unit/Runtime/Command.h"
#include "tests/unit/Runtime/MockModel.h"

#include <bit>
#include <cstring>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>

namespace stc::runtime::test {
namespace {

using testing::HasSubstr;

template <class T> NamedTensor tensor(std::string name, DType dtype, std::span<const T> values) {
  return {std::move(name), dtype, {std::ssize(values)}, std::as_bytes(values)};
}

std::vector<float> floats(const std::string &path, const std::string &name) {
  auto file = SafetensorsFile::open(path);
  EXPECT_TRUE(file) << file.error().message;
  std::vector<float> values;
  for (const NamedTensor &found : file->tensors())
    if (found.name == name && found.dtype == DType::F32) {
      values.resize(found.data.size() / sizeof(float));
      std::memcpy(values.data(), found.data.data(), found.data.size());
    }
  return values;
}

class ExchangeTest : public testing::Test {
protected:
  ExchangeTest() {
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    for (float &value : values)
      value = normal(random);
    const NamedTensor tensors[] = {tensor<float>("w", DType::F32, values)};
    EXPECT_TRUE(writeSafetensors(weights, tensors));
  }

  std::string importError(std::span<const NamedTensor> tensors) {
    EXPECT_TRUE(writeSafetensors(other, tensors));
    Outcome outcome = run({"import", program, other, "--out", back});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_FALSE(std::filesystem::exists(back));
    return outcome.err;
  }

  std::vector<float> values = std::vector<float>(256);
  std::string program = mockModel().write("model.stcp"),
              weights = temporaryPath("exchange.safetensors"),
              other = temporaryPath("other.safetensors"), back = temporaryPath("back.safetensors"),
              names = temporaryPath("names.json");
};

TEST_F(ExchangeTest, Names) {
  writeFile(names, R"({"h.*.attn.weight": "blocks.*.qkv", "h.*.bias": "x*", "h.7.bias": "never",
                       "tok": "embedding"})");
  auto map = NameMap::open(names);
  ASSERT_TRUE(map) << map.error().message;
  EXPECT_EQ(map->toOther("h.12.attn.weight"), "blocks.12.qkv");
  EXPECT_EQ(map->toOther("h.7.bias"), "x7");
  EXPECT_EQ(map->toOther("tok"), "embedding");
  EXPECT_EQ(map->toOther("token"), "token");
  EXPECT_EQ(map->toOther("h.attn.weight"), "h.attn.weight");
  // Printing what is found recurses.
  constexpr size_t deep = 200'000;
  std::string nested = "{\"a\": " + std::string(deep, '[') + std::string(deep, ']') + "}";
  for (const std::string &wrong : {std::string("[]"), std::string("{"), std::string(R"({"a": 1})"),
                                   std::string(R"({"a.*": "b"})"), std::string(R"({"a": "*"})"),
                                   std::string(R"({"*.*": "*.*"})"), nested}) {
    writeFile(names, wrong);
    auto failed = NameMap::open(names);
    ASSERT_FALSE(failed) << wrong.substr(0, 80);
    EXPECT_THAT(failed.error().message, HasSubstr(names + ": expected"));
  }
}

TEST_F(ExchangeTest, ThereAndBack) {
  writeFile(names, R"({"w": "logits.weight"})");
  Outcome exported = run({"export", weights, "--out", other, "--names", names});
  ASSERT_EQ(exported.code, 0) << exported.err;
  EXPECT_EQ(floats(other, "logits.weight"), values);
  Outcome imported = run({"import", program, other, "--out", back, "--names", names});
  ASSERT_EQ(imported.code, 0) << imported.err;
  EXPECT_EQ(readFile(back), readFile(weights));
}

TEST_F(ExchangeTest, NoTensorIsCalledMetadata) {
  const std::string out = temporaryPath("metadata.safetensors");
  std::filesystem::remove(out);
  const std::string message = names + ": 'w': expected another name than '__metadata__'";
  for (const char *wrong : {R"({"w": "__metadata__"})", R"({"w*": "__meta*data__"})"}) {
    writeFile(names, wrong);
    for (const auto &command : {std::vector<std::string>{"export", weights},
                                std::vector<std::string>{"import", program, weights}}) {
      std::vector<std::string> arguments = command;
      arguments.insert(arguments.end(), {"--out", out, "--names", names});
      Outcome outcome = run(arguments);
      EXPECT_EQ(outcome.code, 1);
      EXPECT_THAT(outcome.err, HasSubstr(message));
      EXPECT_FALSE(std::filesystem::exists(out));
    }
  }
}

TEST_F(ExchangeTest, ARunsFolderStandsForItsWeights) {
  std::string data = temporaryPath("text"), folder = temporaryPath("run");
  std::filesystem::remove_all(folder);
  writeFile(data, mockData(20000));
  ASSERT_EQ(run({"train", program, "--data", data, "--out", folder, "--steps", "3"}).code, 0);
  std::string evaluated;
  for (const char *place : {"", "/checkpoints/step-00000003", "/weights.safetensors"}) {
    // The older spelling.
    EXPECT_EQ(run({"export", folder + place, "--to", other}).code, 0);
    EXPECT_EQ(readFile(other), readFile(folder + "/weights.safetensors"));
    EXPECT_EQ(run({"import", program, folder + place, "-o", back}).code, 0);
    EXPECT_EQ(readFile(back), readFile(other));
    Outcome eval = run({"eval", program, "--data", data, "--weights", folder + place});
    EXPECT_EQ(eval.code, 0) << eval.err;
    if (!evaluated.empty())
      EXPECT_EQ(eval.out, evaluated);
    evaluated = eval.out;
    EXPECT_EQ(run({"sample", program, "--weights", folder + place}).code, 0);
  }
  EXPECT_THAT(run({"sample", program, "--weights", temporaryPath("")}).err,
              HasSubstr("/weights.safetensors: cannot open"));
}

TEST_F(ExchangeTest, NarrowTypesAreWidened) {
  std::vector<uint16_t> halves(256), bfloats(256);
  for (int i = 0; i < 256; ++i) {
    halves[i] = std::bit_cast<uint16_t>(static_cast<_Float16>(values[i]));
    bfloats[i] = static_cast<uint16_t>(std::bit_cast<uint32_t>(values[i]) >> 16);
  }
  // The least subnormal, the greatest number, and one below zero, by hand.
  halves[0] = 0x0001;
  halves[1] = 0x7bff;
  halves[2] = 0xc000;
  for (DType dtype : {DType::F16, DType::BF16}) {
    const NamedTensor tensors[] = {
        tensor<uint16_t>("w", dtype, dtype == DType::F16 ? halves : bfloats)};
    ASSERT_TRUE(writeSafetensors(other, tensors));
    Outcome imported = run({"import", program, other, "--out", back});
    ASSERT_EQ(imported.code, 0) << imported.err;
    std::vector<float> read = floats(back, "w");
    ASSERT_EQ(read.size(), 256u);
    for (int i = 3; i < 256; ++i)
      EXPECT_NEAR(read[i], values[i],
                  std::abs(values[i]) / (dtype == DType::F16 ? 2048 : 128) + 1e-7);
    if (dtype == DType::F16) {
      EXPECT_EQ(read[0], 0x1p-24f);
      EXPECT_EQ(read[1], 65504);
      EXPECT_EQ(read[2], -2);
    }
  }
  // Training takes them: the last ones, which have no 65504.
  std::string data = temporaryPath("text");
  writeFile(data, std::string(4096, 'a'));
  Outcome trained = run({"train", program, "--data", data, "--split", "all", "--out",
                         temporaryPath("tuned"), "--weights", back, "--steps", "1", "--fresh"});
  EXPECT_EQ(trained.code, 0) << trained.err;
}

TEST_F(ExchangeTest, SaysWhatDoesNotFit) {
  std::filesystem::remove(back);
  const double wide[256] = {};
  std::vector<float> half(values.begin(), values.begin() + 128);
  const NamedTensor f64[] = {tensor<double>("w", DType::F64, wide)};
  EXPECT_EQ(importError(f64), "stc-run: error: " + other +
                                  ": expected the weights of 'test': w is f64[256] for f32[256]\n");
  const NamedTensor shape[] = {tensor<float>("w", DType::F32, half)};
  EXPECT_THAT(importError(shape), HasSubstr("w is f32[128] for f32[256]"));
  const NamedTensor named[] = {tensor<float>("v", DType::F32, values)};
  EXPECT_THAT(importError(named), HasSubstr("missing w; unexpected v"));
  values[9] = std::numeric_limits<float>::infinity();
  const NamedTensor infinite[] = {tensor<float>("w", DType::F32, values)};
  EXPECT_THAT(importError(infinite), HasSubstr("'w' holds values that are not finite"));
  const NamedTensor two[] = {tensor<float>("h.1.w", DType::F32, half),
                             tensor<float>("h.2.w", DType::F32, half)};
  ASSERT_TRUE(writeSafetensors(other, two));
  writeFile(names, R"({"h.1.w": "same", "h.2.w": "same"})");
  EXPECT_THAT(run({"export", other, "--out", back, "--names", names}).err,
              HasSubstr("found 'same' for both 'h.1.w' and 'h.2.w'"));
}

TEST_F(ExchangeTest, ANameThatNoneHasIsAnError) {
  std::filesystem::remove(back);
  writeFile(names, R"({"w": "logits", "wt": "other"})");
  const std::string message =
      "stc-run: error: " + names + ": expected names of the weights, found 'wt', which fits none; ";
  Outcome outcome = run({"export", weights, "--out", back, "--names", names});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.err, message + "did you mean 'w'?\n");
  EXPECT_EQ(run({"import", program, weights, "--out", back, "--names", names}).err, outcome.err);
  writeFile(names, R"({"transformer.h.*.attn": "h.*.attn"})");
  EXPECT_THAT(run({"export", weights, "--out", back, "--names", names}).err,
              HasSubstr("found 'transformer.h.*.attn', which fits none\n"));
  EXPECT_FALSE(std::filesystem::exists(back));
}

TEST_F(ExchangeTest, ANameOfAnotherFormatIsRefused) {
  for (const char *name : {"x.pt", "x.bin", "x.npz"}) {
    std::string path = temporaryPath(name);
    Outcome outcome = run({"export", weights, "--out", path});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, HasSubstr(path + ": expected the name of a .safetensors file"));
    EXPECT_FALSE(std::filesystem::exists(path));
  }
}

TEST_F(ExchangeTest, PythonReadsAndWritesThem) {
  if (!pythonHas("numpy, safetensors.numpy"))
    GTEST_SKIP() << "Python has no safetensors";
  ASSERT_EQ(run({"export", weights, "--out", other}).code, 0);
  Outcome halved = runPython(R"(
import sys, numpy
from safetensors.numpy import load_file, save_file
tensors = load_file(sys.argv[1])
assert list(tensors) == ["w"] and tensors["w"].dtype == numpy.float32 and tensors["w"].shape == (256,)
save_file({"w": tensors["w"].astype(numpy.float16)}, sys.argv[2])
print(float(tensors["w"][5]))
)",
                             {other, back});
  ASSERT_EQ(halved.code, 0) << halved.err;
  EXPECT_EQ(std::stof(halved.out), values[5]);
  ASSERT_EQ(run({"import", program, back, "--out", other}).code, 0);
  EXPECT_NEAR(floats(other, "w")[5], values[5], 1e-3);
}

TEST_F(ExchangeTest, TorchReadsAndWritesThem) {
  if (!pythonHas("torch, safetensors.torch"))
    GTEST_SKIP() << "Python has no torch with safetensors";
  ASSERT_EQ(run({"export", weights, "--out", other}).code, 0);
  Outcome halved = runPython(R"(
import sys, torch
from safetensors.torch import load_file, save_file
module = torch.nn.Module()
module.w = torch.nn.Parameter(torch.zeros(256))
module.load_state_dict(load_file(sys.argv[1]))
save_file({"w": module.w.detach().bfloat16()}, sys.argv[2])
)",
                             {other, back});
  ASSERT_EQ(halved.code, 0) << halved.err;
  ASSERT_EQ(run({"import", program, back, "--out", other}).code, 0);
  EXPECT_NEAR(floats(other, "w")[5], values[5], std::abs(values[5]) / 128);
}

TEST_F(ExchangeTest, ImportsShards) {
  const std::string index = indexName(other), shard = "other-00001-of-00001.safetensors";
  std::filesystem::rename(weights, std::filesystem::path(other).replace_filename(shard));
  writeFile(index, printIndex({{"w", shard}}, values.size() * sizeof(float)));
  Outcome outcome = run({"import", program, index, "--out", back});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(floats(back, "w"), values);
}

} // namespace
} // namespace stc::runtime::test
