//===- ParametersTest.cpp - the parameters of all models ------------------===//

#include "compiler/Model/Parameters.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
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

// Paper, Sec. 6 and 5.2.
TEST(Parameters, StartAtTheScaleOfTheSpecification) {
  const std::string text = R"toml(model = { layers = 8, width = 64, heads = 2 }
attention.pattern = "dense"
data = { kind = "text", context = 16 }
train = { batch = 1, steps = 1, learning_rate = 1 SCALE }
)toml";
  for (const auto &[setting, scale] :
       {std::pair("", 0.125), std::pair(", init_scale = 0.5", 0.5)}) {
    auto spec =
        spec::parseSpec(std::string(text).replace(text.find("SCALE"), 5, setting), "a.toml");
    ASSERT_TRUE(spec);
    std::map<std::string, double> deviations;
    for (const model::Parameter &parameter : model::parameters(*spec))
      deviations[parameter.name] = parameter.deviation;
    EXPECT_DOUBLE_EQ(deviations["transformer.wte.weight"], scale / 8);
    EXPECT_DOUBLE_EQ(deviations["transformer.h.3.mlp.c_fc.weight"], scale / 8);
    EXPECT_DOUBLE_EQ(deviations["transformer.h.3.mlp.c_proj.weight"], scale / 16 / 4);
    EXPECT_DOUBLE_EQ(deviations["transformer.h.3.attn.c_attn.bias"], 0);
    EXPECT_DOUBLE_EQ(deviations["lm_head.weight"], 0);
  }
}
} // namespace
