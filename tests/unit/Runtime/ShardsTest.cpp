//===- ShardsTest.cpp - tensors in several safetensors files -------------------------------===//
#include "runtime/Checkpoint/Shards.h"
#include "runtime/Checkpoint/Safetensors.h"
#include "runtime/Support/File.h"
#include "tests/unit/Runtime/TestProgram.h"

#include <filesystem>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <numeric>
#include <random>

namespace stc::runtime::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Sizes = std::vector<uint64_t>;

TEST(Shards, AreOfAboutEqualSize) {
  EXPECT_THAT(dealToShards(Sizes{8, 8, 8, 8}, 4), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(dealToShards(Sizes{8, 8, 8, 8}, 1), ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(dealToShards(Sizes{6, 1, 1, 4, 4}, 2), ElementsAre(0, 0, 0, 1, 1));
  EXPECT_THAT(dealToShards(Sizes{1, 100, 1}, 3), ElementsAre(0, 1, 2));
  // Fewer than there are shards, of which some have nothing then.
  EXPECT_THAT(dealToShards(Sizes{8, 8}, 4), ElementsAre(1, 3));
  EXPECT_THAT(dealToShards(Sizes{8, 0}, 4), ElementsAre(2, 3));
  EXPECT_THAT(dealToShards(Sizes{0, 0}, 2), ElementsAre(0, 0));
  EXPECT_THAT(dealToShards({}, 2), ElementsAre());

  std::mt19937_64 random(1);
  for (int again = 0; again < 1000; ++again) {
    Sizes sizes(random() % 30 + 1);
    for (uint64_t &size : sizes)
      size = random() % 100;
    const size_t shards = random() % 8 + 1;
    const std::vector<size_t> dealt = dealToShards(sizes, shards);
    ASSERT_EQ(dealt.size(), sizes.size());
    ASSERT_TRUE(std::ranges::is_sorted(dealt));
    ASSERT_LT(dealt.back(), shards);
    Sizes of(shards);
    for (size_t k = 0; k < sizes.size(); ++k)
      of[dealt[k]] += sizes[k];
    const uint64_t total = std::accumulate(sizes.begin(), sizes.end(), uint64_t(0));
    ASSERT_LE(std::ranges::max(of), total / shards + 1 + std::ranges::max(sizes));
  }
}

TEST(Shards, HaveTheNamesOfHuggingFace) {
  EXPECT_THAT(shardNames("model.safetensors", 2),
              ElementsAre("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"));
  EXPECT_THAT(shardNames("model.safetensors", 1), ElementsAre("model.safetensors"));
  EXPECT_EQ(indexName("model.safetensors"), "model.safetensors.index.json");
  EXPECT_TRUE(isIndex("a/model.safetensors.index.json"));
  EXPECT_FALSE(isIndex("a/model.safetensors"));
}

TEST(Shards, AFileHasNoFolder) {
  EXPECT_TRUE(isFileName("x-00001-of-00002.safetensors"));
  for (const char *name : {"", "a/b", "/", "a\nb"})
    EXPECT_FALSE(isFileName(name)) << name;
}

// An index of two shards: x and y in the first, z in the second.
class IndexTest : public testing::Test {
protected:
  IndexTest() {
    std::filesystem::create_directory(folder);
    write(0, {"x", "y"});
    write(1, {"z"});
    writeIndex({{"x", names[0]}, {"y", names[0]}, {"z", names[1]}});
  }

  void write(size_t shard, const std::vector<std::string> &tensors) {
    std::vector<NamedTensor> all;
    for (const std::string &name : tensors)
      all.push_back({name, DType::U8, {1}, std::as_bytes(std::span(name.data(), 1))});
    EXPECT_TRUE(writeSafetensors(folder + "/" + names[shard], all));
  }
  void writeIndex(const ShardIndex &shardOf) { writeFile(index, printIndex(shardOf, 3)); }

  std::string errorOf() {
    auto file = SafetensorsFile::open(index);
    return file ? "" : file.error().message;
  }

  const std::vector<std::string> names = shardNames("x.safetensors", 2);
  const std::string folder = temporaryPath("shards"), index = folder + "/x.safetensors.index.json";
};

TEST_F(IndexTest, IsReadAsOneFile) {
  EXPECT_EQ(readFile(index), R"({
  "metadata": {
    "total_size": 3
  },
  "weight_map": {
    "x": "x-00001-of-00002.safetensors",
    "y": "x-00001-of-00002.safetensors",
    "z": "x-00002-of-00002.safetensors"
  }
}
)");
  auto file = SafetensorsFile::open(index);
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_EQ(file->tensors().size(), 3u);
  for (const NamedTensor &tensor : file->tensors())
    EXPECT_EQ(char(tensor.data[0]), tensor.name[0]);
  EXPECT_TRUE(file->check());
}

TEST_F(IndexTest, HasWhatItsShardsHave) {
  const std::string start = index + ": expected ";
  std::filesystem::rename(folder + "/" + names[1], folder + "/away");
  EXPECT_EQ(errorOf(), start + "the files that it names: " + folder + "/" + names[1] +
                           ": cannot open: No such file or directory");
  write(1, {"x", "z"});
  EXPECT_EQ(errorOf(), start + fmt::format("'x' in {}, found it in {}", names[0], names[1]));
  write(1, {"w", "z"});
  EXPECT_EQ(errorOf(), start + fmt::format("'w' in no file, found it in {}", names[1]));
  write(1, {});
  EXPECT_EQ(errorOf(), start + fmt::format("'z' in {}, found it in no file", names[1]));
  writeFile(folder + "/" + names[1], "PK");
  EXPECT_THAT(errorOf(), HasSubstr(names[1] + ": expected a safetensors file, found one of 2"));
}

TEST_F(IndexTest, SaysWhatIsWrong) {
  for (const char *text : {"", "[]", "{}", R"({"weight_map":[]})", R"({"weight_map":)"}) {
    writeFile(index, text);
    EXPECT_THAT(errorOf(), HasSubstr("expected an index of safetensors files with a weight_map"));
  }
  writeFile(index, R"({"weight_map":{"x":1}})");
  EXPECT_EQ(errorOf(), index + ": expected the file of 'x' beside it, found 1");
  writeIndex({{"x", "../x.safetensors"}});
  EXPECT_THAT(errorOf(), HasSubstr("expected the file of 'x' beside it, found "));
}

} // namespace
} // namespace stc::runtime::test
