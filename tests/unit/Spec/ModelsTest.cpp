//===- ModelsTest.cpp - the specifications in models, and the reference ---===//
#include "compiler/Spec/Spec.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

using namespace stc::spec;

namespace {

const std::filesystem::path root = STC_SOURCE_DIR;

Spec model(const std::string &name) {
  auto spec = readSpec(root / "models" / (name + ".toml"));
  if (!spec) {
    for (const SpecError &error : spec.error())
      ADD_FAILURE() << error.str();
    return {};
  }
  return *spec;
}

TEST(Models, AllAreRight) {
  int count = 0;
  for (const auto &entry : std::filesystem::directory_iterator(root / "models")) {
    ASSERT_EQ(entry.path().extension(), ".toml");
    EXPECT_EQ(model(entry.path().stem()).name, entry.path().stem());
    ++count;
  }
  EXPECT_GE(count, 11);
}

TEST(Models, HaveThePapersSizes) {
  // Parameters in millions (arXiv 1904.10509, Tables 1 and 4) and context.
  struct Row {
    std::string name;
    double millions;
    int64_t context;
  };
  for (const Row &row :
       {Row{"cifar10", 59, 3072}, Row{"enwik8", 95, 12288}, Row{"imagenet64", 152, 12288},
        Row{"audio-65k", 152, 65536}, Row{"audio-262k", 25, 262144}, Row{"audio-1m", 3, 1048576}}) {
    Spec spec = model(row.name);
    EXPECT_NEAR(static_cast<double>(countParameters(spec)) / 1e6, row.millions, 0.04 * row.millions)
        << row.name;
    EXPECT_EQ(spec.data.context, row.context) << row.name;
    EXPECT_EQ(spec.train.warmup, 5000) << row.name;
  }
}

TEST(Models, HaveSmallSiblings) {
  for (const char *name :
       {"cifar10-small", "enwik8-small", "imagenet64-small", "audio-small", "text-small"}) {
    Spec spec = model(name);
    EXPECT_LT(countParameters(spec), 2'000'000) << name;
    // At 6 operations a parameter and token and 1e11 a second, a few minutes.
    double operations = 6.0 * static_cast<double>(countParameters(spec) * spec.data.context *
                                                  spec.train.batch * spec.train.steps);
    EXPECT_LT(operations / 1e11, 600) << name;
  }
}

std::string contents(const std::filesystem::path &file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST(Tutorial, ShowsTheModelAsItIs) {
  std::string file = contents(root / "models" / "text-small.toml");
  std::string shown = "```toml\n" + file.substr(file.find("name = ")) + "```\n";
  EXPECT_NE(contents(root / "docs" / "tutorial.md").find(shown), std::string::npos);
}

TEST(Reference, IsThePageInDocs) {
  auto page = root / "docs" / "specification.md";
  if (std::getenv("STC_UPDATE_DOCS"))
    std::ofstream(page) << keyReference();
  EXPECT_EQ(contents(page), keyReference())
      << "docs/specification.md is not what the table of keys says; STC_UPDATE_DOCS=1 "
         "build/tests/unit/Spec/spec_test --gtest_filter='Reference.*' writes it anew";
}

} // namespace
