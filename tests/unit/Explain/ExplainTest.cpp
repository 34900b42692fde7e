//===- ExplainTest.cpp - what --explain prints ----------------------------===//
#include "compiler/Explain/Explain.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

using namespace stc;

namespace {

/// The same tiles for all walks.
TileChooser always(TileSize tile) {
  return [tile](const pattern::Walk &, int64_t) { return tile; };
}

std::string explained(std::string_view text, int64_t n, TileSize tile = {32, 16}) {
  auto pattern = pattern::Pattern::parse(text, n);
  if (!pattern) {
    ADD_FAILURE() << pattern.error().message;
    return "";
  }
  return explainPattern(*pattern, always(tile));
}

/// A right specification with these sections for layers, heads and attention.
spec::Spec specOf(const std::string &sizes, const std::string &attention, int64_t context) {
  auto spec = spec::parseSpec("[model]\nwidth = 96\n" + sizes + "[attention]\n" + attention +
                                  "[data]\nkind = \"text\"\ncontext = " + std::to_string(context) +
                                  "\n[train]\nbatch = 2\nsteps = 100\nlearning_rate = 0.001\n",
                              "small.toml");
  if (!spec) {
    ADD_FAILURE() << spec.error().front().str();
    return {};
  }
  return *spec;
}

bool has(const std::string &text, std::string_view line) {
  return text.find(line) != std::string::npos;
}

TEST(ExplainPattern, Strided) {
  EXPECT_EQ(explained("strided(1024)", 1048576),
            R"(pattern     strided(1024)
positions   1,048,576
causal      yes
empty rows  none
pairs       1,609,564,672, 1 / 342 of the 549,756,338,176 with j <= i
reach       valid: every position reaches all later ones within 2 layers (3 allowed for 2 factors)
part 1      { [i] -> [j] : j <= i and i - j <= 1024 }
  queries   every position (kernel 1)
  keys      every position
part 2      { [i] -> [j] : ((j - i) mod 1024) = 0 and i - j >= 2048 }
  queries   positions 1024*a + r, r < 1024 (kernel 2)
  keys      positions 1024*a + r, r < 1024
tiles of queries x keys:
  part     tile  full tiles  partial        skipped          pairs       computed  waste
     1  32 x 16   2,030,624  131,008  2,145,322,016  1,074,265,600  1,106,755,584   1.03
     2  32 x 16     984,064   97,280      1,015,808    535,299,072    553,648,128   1.03
   all            3,014,688  228,288  2,146,337,824  1,609,564,672  1,660,403,712   1.03
choice of   part 2
  1,015 x   every position
  taken     positions 1024*a + r, r < 1024
)");
}

TEST(ExplainPattern, Fixed) {
  EXPECT_EQ(explained("fixed(128, 32)", 12288),
            R"(pattern     fixed(128, 32)
positions   12,288
causal      yes
empty rows  none
pairs       19,470,336, 1 / 3.9 of the 75,503,616 with j <= i
reach       valid: every position reaches all later ones within 2 layers (3 allowed for 2 factors)
part 1      { [i] -> [j] : j <= i and 128*floor(i/128) <= j }
  queries   every position
  keys      every position
part 2      { [i] -> [j] : 128*floor(i/128) - j >= 1 and j mod 128 >= 96 }
  queries   every position
  keys      positions 128*floor(a/32) + 96 + a mod 32
tiles of queries x keys:
  part     tile  full tiles  partial  skipped       pairs    computed  waste
     1  32 x 16       1,152      768  292,992     792,576     983,040   1.24
     2  32 x 16      36,480        0   37,248  18,677,760  18,677,760   1.00
   all               37,632      768  330,240  19,470,336  19,660,800   1.01
choice of   part 2
  3.9 x     every position
  taken     queries at every position, keys at positions 128*floor(a/32) + 96 + a mod 32
)");
}

TEST(ExplainPattern, Dense) {
  std::string text = explained("dense", 1000);
  EXPECT_TRUE(has(text, "pairs       500,500, all with j <= i\n")) << text;
  EXPECT_TRUE(has(text, "within 1 layer (2 allowed for 1 factor)\n")) << text;
}

TEST(ExplainPattern, NamesEmptyRows) {
  std::string text = explained("summary(1024, 32)", 1048576);
  EXPECT_TRUE(has(text, "empty rows  0 to 991 (they attend to nothing")) << text;
  EXPECT_TRUE(has(text, "not valid: position 0 does not reach 1 within 2 layers")) << text;
}

TEST(ExplainPattern, ShowsAFuturePair) {
  std::string text = explained("{ [i] -> [j] : j <= i + 1 }", 64);
  EXPECT_TRUE(has(text, "causal      no, position 0 attends to 1\n")) << text;
}

// As many pairs as there are with j <= i, but others.
TEST(ExplainPattern, LooksAheadAtAsManyPairs) {
  std::string text = explained("{ [i] -> [j] : j >= i }", 64);
  EXPECT_TRUE(has(text, "pairs       2,080, 1 / 1.97 of the 4,096\n")) << text;
  text = explained("{ [i] -> [j] }", 64);
  EXPECT_TRUE(has(text, "pairs       4,096, all\n")) << text;
}

TEST(ExplainPattern, EmptyPattern) {
  std::string text = explained("dense - dense", 64);
  EXPECT_TRUE(has(text, "pairs       0\n")) << text;
  EXPECT_TRUE(has(text, "empty rows  0 to 63 (")) << text;
}

TEST(ExplainPattern, TilesOfOtherSizes) {
  std::string text = explained("local(63)", 4096, {64, 64});
  // 64 tiles on the diagonal and 63 beside it; 64 * 65 / 2 + 4032 * 64 pairs.
  EXPECT_TRUE(
      has(text, "     1  64 x 64           0      127    3,969  260,128   520,192    2.0\n"))
      << text;
}

TEST(ExplainPattern, SaysWhatLost) {
  std::string text = explained("{ [i] -> [j] : j <= i and (i - j) mod 256 <= 15 }", 4096);
  EXPECT_TRUE(has(text, "choice of   { [i] -> [j] : j <= i and ((i - j) mod 256) <= 15 }\n"
                        "  7.5 x     every position\n"
                        "  taken     positions 256*floor(a/8) + a mod 8 + 8*r, r < 32, keys of "))
      << text;
  EXPECT_TRUE(has(text, "every position, a range of keys for each floor((i - j)/256)\n")) << text;
}

TEST(ExplainPattern, NamesWhatTellsRangesApart) {
  std::string text = explained("{ [i] -> [j] : j <= i and (i - j) mod 997 <= 50 }", 4096);
  EXPECT_TRUE(has(text, "  ranges    one for each floor((i - j)/997)\n")) << text;
  EXPECT_TRUE(
      has(text, "  taken     every position, a range of keys for each floor((i - j)/997)\n"))
      << text;
}

TEST(ExplainPattern, SaysHowLongAListIs) {
  std::string text =
      explained("{ [i] -> [j] : j <= i and (floor(i/90) - floor(j/70)) mod 6 = 0 }", 1000);
  EXPECT_TRUE(has(text, "  list      of ")) << text;
  EXPECT_TRUE(has(text, " tiles of keys\n")) << text;
  EXPECT_TRUE(has(text, "  taken     a list of tiles\n")) << text;
}

TEST(ExplainPattern, SaysWhereIslGaveUp) {
  std::string text = explained("{ [i] -> [j] : j <= i and (3i + 5j) mod 101 <= 7 and "
                               "(7i + 2j) mod 103 <= 9 and (i + 9j) mod 107 <= 30 }",
                               1024);
  EXPECT_TRUE(has(text, "  bounds    those of the least and the greatest distance: isl gave up"))
      << text;
}

TEST(ExplainPattern, LinesAreShort) {
  std::istringstream lines(
      explained("(strided(1024) | fixed(1024, 32)) - { [i] -> [j] : (i + 3*j) mod 7 = 2 and i >= "
                "1000 and j <= 100000 and not (i mod 3 = 1) }",
                1048576));
  for (std::string line; std::getline(lines, line);)
    EXPECT_LE(line.size(), 100) << line;
}

TEST(ExplainModel, Merged) {
  std::string text = explainModel(
      specOf("layers = 4\nheads = 3\n", "pattern = \"fixed(64, 16)\"\n", 1024), always({32, 16}));
  EXPECT_TRUE(has(text, "model       small\nparameters  ")) << text;
  EXPECT_TRUE(has(text, "positions   1,024\n"
                        "attention   4 layers of 3 heads, merged: 2 factors\n\n"
                        "pattern     fixed(64, 16)\n"
                        "used by     all 4 layers, all 3 heads\n"))
      << text;
  EXPECT_TRUE(has(text, "reach       valid: every position reaches all later ones within 2 layers "
                        "(3 allowed for 2 factors)\n"
                        "whole model 4 layers x 3 heads\n"))
      << text;
}

TEST(ExplainModel, ByHead) {
  std::string text =
      explainModel(specOf("layers = 4\nheads = 3\n", "pattern = \"fixed_by_head(64, 32)\"\n", 1024),
                   always({32, 16}));
  EXPECT_TRUE(has(text, "merged: 2 factors\n\npattern     fixed(64, 32, 0)\n"
                        "used by     all 4 layers, heads 0, 2 of 3\n"))
      << text;
  EXPECT_TRUE(has(text, "\npattern     fixed(64, 32, 1)\nused by     all 4 layers, head 1 of 3\n"))
      << text;
  // Together the heads see everything.
  EXPECT_TRUE(has(text, "reach       valid: every position reaches all later ones within 1 layer "
                        "(3 allowed for 2 factors)\n"))
      << text;
}

TEST(ExplainModel, Interleaved) {
  std::string text = explainModel(
      specOf("layers = 11\nheads = 3\n",
             "pattern = [\"local(32)\", \"stride(32)\"]\nintegration = \"interleaved\"\n", 1024),
      always({32, 16}));
  EXPECT_TRUE(
      has(text, "pattern     local(32)\nused by     layers 0, 2, ..., 10 of 11, all 3 heads"))
      << text;
  EXPECT_TRUE(
      has(text, "pattern     stride(32)\nused by     layers 1, 3, ..., 9 of 11, all 3 heads"))
      << text;
  EXPECT_TRUE(has(text, "reach       valid: every position reaches all later ones within 2 layers"))
      << text;
}

TEST(ExplainModel, Heads) {
  std::string text = explainModel(
      specOf("layers = 2\nheads = 3\n",
             "pattern = [\"block(32)\", \"summary(32, 4)\"]\nintegration = \"heads\"\n", 1024),
      always({32, 16}));
  EXPECT_TRUE(has(text, "pattern     block(32)\nused by     all 2 layers, heads 0, 2 of 3\n"))
      << text;
  EXPECT_TRUE(has(text, "pattern     summary(32, 4)\nused by     all 2 layers, head 1 of 3\n"))
      << text;
  EXPECT_TRUE(has(text, "reach       valid: ")) << text;
  // block: 32 blocks of 528. summary: all keys of the pattern but the future ones.
  EXPECT_TRUE(has(text, "1 / ")) << text;
}

TEST(ExplainModel, CountsMorePairsThan64BitsHold) {
  std::string text = explainModel(
      specOf("layers = 4096\nheads = 96\n", "pattern = \"dense\"\n", 1 << 24), always({32, 16}));
  EXPECT_TRUE(has(text, "  pairs     55,340,235,519,663,538,176, all with j <= i\n")) << text;
}

TEST(ExplainModel, SaysWhatAllLayersReach) {
  std::string far = explainModel(
      specOf("layers = 40\nheads = 3\n", "pattern = \"local(32)\"\n", 1024), always({32, 16}));
  EXPECT_TRUE(has(far, "reach       not valid: position 0 does not reach 65 within 2 layers (2 "
                       "allowed for 1 factor)\n"
                       "            all 40 layers: every position reaches all later ones within 32 "
                       "layers\n"))
      << far;
  std::string near = explainModel(
      specOf("layers = 8\nheads = 3\n", "pattern = \"local(32)\"\n", 1024), always({32, 16}));
  EXPECT_TRUE(has(near, "            all 8 layers: position 0 does not reach 257\n")) << near;
}

TEST(ExplainModel, AllModels) {
  for (const auto &entry :
       std::filesystem::directory_iterator(std::filesystem::path(STC_SOURCE_DIR) / "models")) {
    auto spec = spec::readSpec(entry.path());
    ASSERT_TRUE(spec.has_value()) << entry.path();
    std::string text = explainModel(*spec, always({32, 16}));
    EXPECT_TRUE(has(text, "reach       valid: ")) << text;
    EXPECT_FALSE(has(text, "not counted")) << text;
    EXPECT_FALSE(has(text, "not decided")) << text;
  }
}

} // namespace
