//===- CapiTest.cpp - the C interface at its edges ------------------------===//
//
// What patterns are is tested with their library, and what most functions answer from Python
// (tests/python); here is what Python does not do.
//
//===----------------------------------------------------------------------===//
#include "compiler/Capi/Stc.h"

#include <gtest/gtest.h>

#include <string>

namespace {

/// The text, which is freed.
std::string take(char *text) {
  std::string copy = text ? text : "(null)";
  stcFree(text);
  return copy;
}

/// What a function that was called with `error` reports.
template <class Function, class... Arguments>
std::string errorOf(StcStatus expected, Function function, Arguments... arguments) {
  char *error = nullptr;
  EXPECT_EQ(function(arguments..., &error), expected);
  return take(error);
}

TEST(Capi, AnswersAndFrees) {
  int64_t pairs = 0;
  char *error = nullptr;
  EXPECT_EQ(stcPatternPairs("local(1)", 4, &pairs, &error), StcOk);
  EXPECT_EQ(pairs, 7);
  EXPECT_EQ(error, nullptr);
  char *rows = nullptr;
  EXPECT_EQ(stcPatternEmptyRows("summary(4, 1)", 16, &rows, &error), StcOk);
  EXPECT_EQ(take(rows), "0 to 2");
  stcFree(nullptr);
}

TEST(Capi, TakesNoErrorWhereNoneIsWanted) {
  int64_t pairs = -1;
  EXPECT_EQ(stcPatternPairs("local", 4, &pairs, nullptr), StcInvalid);
  EXPECT_EQ(pairs, -1) << "an output is set by success alone";
}

TEST(Capi, ReachesThroughLayers) {
  const char *layers[] = {"local(2)", "stride(2)"};
  int hops = -1;
  int64_t pair[2] = {-1, -1};
  EXPECT_EQ(stcPatternReach(layers, 2, 64, &hops, pair, nullptr), StcOk);
  EXPECT_EQ(hops, 2);
  EXPECT_EQ(pair[0], -1);
  EXPECT_EQ(stcPatternReach(layers, 1, 64, &hops, pair, nullptr), StcOk);
  EXPECT_EQ(hops, 0);
  EXPECT_GT(pair[0], pair[1]);
  EXPECT_EQ(errorOf(StcInvalid, stcPatternReach, layers, 0, 64, &hops, pair),
            "expected 1 to 4096 layers, found 0");
}

TEST(Capi, KeepsHeadsApart) {
  char *heads = nullptr;
  EXPECT_EQ(stcPatternRead("fixed_by_head(4,\n 2) | sinks(1)", &heads, nullptr), StcOk);
  EXPECT_EQ(take(heads), "fixed(4, 2, 0) | sinks(1)\nfixed(4, 2, 1) | sinks(1)\n");
  EXPECT_EQ(
      errorOf(StcInvalid, stcPatternRead, "fixed_by_head(1024, 1) | fixed_by_head(6, 2)", &heads),
      "pattern 'fixed_by_head(1024, 1) | fixed_by_head(6, 2)': expected at most 1024 "
      "patterns that heads take in turn");
}

TEST(Capi, SaysWhatIsWrong) {
  int64_t pairs;
  char *text;
  EXPECT_EQ(errorOf(StcInvalid, stcPatternPairs, "dense", 0, &pairs),
            "pattern 'dense': expected a length from 1 to 1073741824, found 0");
  EXPECT_EQ(errorOf(StcInvalid, stcPatternPairs, "dense | loca(1)", 8, &pairs).substr(0, 44),
            "pattern 'dense | loca(1)', byte 8: expected ");
  EXPECT_EQ(errorOf(StcInvalid, stcPatternExplain, "dense", 8, "tpu", &text),
            "expected the target host, sm_80 or sm_90a, found 'tpu'");
  EXPECT_EQ(errorOf(StcInvalid, stcPatternMask, "dense", 8193, &text),
            "expected a length of at most 8192 for a mask of n x n elements, found 8193");
  const char *one[] = {"dense", "local(1"};
  EXPECT_NE(errorOf(StcInvalid, stcPatternPicture, one, 2, 8, &text).find("local(1"),
            std::string::npos);
}

} // namespace
