//===- ParametersTest.cpp - the parameters of all models ------------------===//

#include "compiler/Model/Parameters.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

using namespace stc;

namespace {
TEST(Parameters, AreAsManyAsTheSpecificationSays) {
  int models = 0;
  for (const auto &file : std::filesystem::directory_iterator(STC_SOURCE_DIR "/models")) {
    auto spec = spec::readSpec(file.path().string());
    ASSERT_TRUE(spec) << file.path();
    int64_t elements = 0;
    std::set<std::string> names;
    for (const model::Parameter &parameter : model::parameters(*spec)) {
      int64_t size = 1;
      for (int64_t extent : parameter.shape)
        size *= extent;
      elements += size;
      EXPECT_TRUE(names.insert(parameter.name).second) << parameter.name << " twice";
    }
    EXPECT_EQ(elements, spec::countParameters(*spec)) << spec->name;
    ++models;
  }
  EXPECT_GE(models, 11);
}
} // namespace
