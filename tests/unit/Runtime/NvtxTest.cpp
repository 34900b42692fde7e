//===- NvtxTest.cpp - what a profiler hears of a run -----------------------------------===//
#include "tests/unit/Runtime/Command.h"
#include "tests/unit/Runtime/MockModel.h"
#include "tests/unit/Runtime/TestProgram.h"

#include <cstdlib>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>

namespace stc::runtime::test {
namespace {

using testing::ElementsAre;

/// Lets a library listen to the commands that are run.
class NvtxTest : public testing::Test {
protected:
  NvtxTest() {
    writeFile(log, "");
    setenv("NVTX_INJECTION64_PATH", STC_NVTX_LISTENER, 1);
    setenv("STC_NVTX_LOG", log.c_str(), 1);
  }
  ~NvtxTest() override {
    unsetenv("NVTX_INJECTION64_PATH");
    unsetenv("STC_NVTX_LOG");
  }

  /// The ranges that began, with their depths as spaces; all have ended.
  std::vector<std::string> heard() const {
    std::vector<std::string> begun;
    std::istringstream lines(readFile(log));
    size_t ends = 0;
    for (std::string line; std::getline(lines, line);) {
      if (line.ends_with("end"))
        ++ends;
      else
        begun.push_back(line);
    }
    EXPECT_EQ(begun.size(), ends);
    return begun;
  }

  std::string log = temporaryPath("nvtx.log"), program = mockModel().write("model.stcp"),
              data = temporaryPath("data.bin");
};

TEST_F(NvtxTest, StepsOfAProfileHaveTheirNames) {
  ASSERT_EQ(run({"bench", smallProgram().write("small.stcp"), "--repetitions", "1"}).code, 0);
  EXPECT_THAT(heard(), ElementsAre("gemm 2x2x3", "addOne", "rowSum", "copy", "zero"));
}

TEST_F(NvtxTest, TrainingEvaluatingAndSampling) {
  writeFile(data, mockData(20000));
  std::string out = temporaryPath("nvtx-run");
  Outcome trained =
      run({"train", program, "--data", data, "--out", out, "--steps", "2", "--eval-every", "2"});
  ASSERT_EQ(trained.code, 0) << trained.err;
  // What the next step needs is read while the first one runs.
  EXPECT_THAT(heard(), ElementsAre("read data", "training step", " read data", "training step",
                                   " read data", "evaluation", "checkpoint"));
  writeFile(log, "");
  Outcome sampled = run({"sample", program, "--weights", out + "/weights.safetensors", "--prompt",
                         "abc", "--length", "3"});
  ASSERT_EQ(sampled.code, 0) << sampled.err;
  EXPECT_THAT(heard(), ElementsAre("sampling prefill", "sampling step", "sampling step"));
}

TEST_F(NvtxTest, AListenerThatIsNotThereIsNoError) {
  setenv("NVTX_INJECTION64_PATH", "/no/such/listener.so", 1);
  EXPECT_EQ(run({"bench", smallProgram().write("small.stcp"), "--repetitions", "1"}).code, 0);
  EXPECT_THAT(heard(), ElementsAre());
}

} // namespace
} // namespace stc::runtime::test
