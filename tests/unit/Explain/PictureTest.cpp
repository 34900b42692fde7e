//===- PictureTest.cpp - what --picture draws -----------------------------===//
#include "compiler/Explain/Explain.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace stc;

namespace {

size_t countOf(const std::string &text, std::string_view what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
    ++count;
  return count;
}

/// Empty if the text is a well-formed element with a declaration before it; else what is wrong.
/// Enough of XML for what a picture holds: no comments, no sections, five entities.
std::string malformation(const std::string &xml) {
  constexpr std::string_view declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  if (!xml.starts_with(declaration))
    return "no declaration";
  std::vector<std::string> open;
  for (size_t at = declaration.size(); at < xml.size();) {
    if (xml[at] != '<') {
      if (open.empty() && xml[at] != '\n')
        return "text outside";
      if (xml[at] == '&') {
        size_t end = xml.find(';', at);
        std::string name = xml.substr(at + 1, end == std::string::npos ? 0 : end - at - 1);
        if (name != "amp" && name != "lt" && name != "gt" && name != "quot")
          return "entity '" + name + "'";
      }
      if (xml[at] == '>')
        return "stray '>'";
      ++at;
      continue;
    }
    size_t end = xml.find('>', at);
    if (end == std::string::npos)
      return "tag without end";
    std::string tag = xml.substr(at + 1, end - at - 1);
    at = end + 1;
    if (std::ranges::count(tag, '"') % 2 || tag.find('<') != std::string::npos)
      return "attributes of <" + tag + ">";
    if (tag[0] == '/') {
      if (open.empty() || open.back() != tag.substr(1))
        return "</" + tag.substr(1) + "> closes nothing";
      open.pop_back();
    } else if (!tag.ends_with('/')) {
      open.push_back(tag.substr(0, tag.find(' ')));
    }
  }
  return open.empty() ? "" : "<" + open.back() + "> is open";
}

std::string picture(std::string_view text, int64_t n) {
  auto svg = picturePattern(text, n);
  if (!svg) {
    ADD_FAILURE() << svg.error().message;
    return "";
  }
  EXPECT_EQ(malformation(*svg), "");
  return *svg;
}

constexpr std::string_view diagonal = "fill=\"#0b2545\"", panel = "<g transform=";

TEST(Picture, SmallPatternsAreDrawnPairByPair) {
  std::string svg = picture("fixed(4, 1)", 16);
  EXPECT_EQ(countOf(svg, panel), 3);
  // Each row's own position: 16 in block, 4 in summary, 16 in both.
  EXPECT_EQ(countOf(svg, diagonal), 36);
  EXPECT_EQ(countOf(svg, "fill-opacity"), 0);
  EXPECT_EQ(countOf(svg, "are drawn"), 0);
  for (std::string_view title : {">block(4)<", ">summary(4, 1)<", ">all together<"})
    EXPECT_EQ(countOf(svg, title), 1) << title;
}

TEST(Picture, OneFactorIsOnePanel) {
  std::string svg = picture("local(3)", 64);
  EXPECT_EQ(countOf(svg, panel), 1);
  EXPECT_EQ(countOf(svg, diagonal), 64);
}

TEST(Picture, LongPatternsAreDrawnForFourPeriods) {
  std::string svg = picture("strided(1024)", 1048576);
  EXPECT_EQ(countOf(svg, "The first 4,096 of 1,048,576 positions are drawn."), 1);
  EXPECT_EQ(countOf(svg, "A cell is 64 x 64 pairs"), 1);
  EXPECT_EQ(countOf(svg, diagonal), 3 * 64);
  EXPECT_LT(svg.size(), 100'000);
}

TEST(Picture, PositionsThatCellsDoNotDivide) {
  std::string svg = picture("strided(97)", 1000);
  EXPECT_EQ(countOf(svg, "The first 388 of 1,000 positions are drawn."), 1);
  EXPECT_EQ(countOf(svg, "A cell is 7 x 7 pairs"), 1);
}

TEST(Picture, TextIsEscaped) {
  std::string svg = picture("{ [i] -> [j] : j <= i && i < 5 } & local(2) | sinks(1)", 32);
  EXPECT_GE(countOf(svg, "&lt;= i &amp;&amp; i &lt; 5"), 1);
}

TEST(Picture, EmptyAndTiny) {
  EXPECT_EQ(countOf(picture("dense - dense", 16), "fill=\"#2f6db3\""), 0);
  EXPECT_EQ(countOf(picture("dense", 1), diagonal), 1);
  EXPECT_EQ(countOf(picture("dense", 100000), diagonal), 64);
}

std::string seenFrom(std::string_view text, int64_t n, SeenFrom from) {
  auto svg = picturePattern(text, n, from);
  if (!svg)
    return svg.error().message;
  EXPECT_EQ(malformation(*svg), "");
  return *svg;
}

/// What a picture says, its lines one after the other.
std::string wordsOf(const std::string &svg) {
  std::string words;
  for (size_t at = 0, end; (at = svg.find("<text", at)) != std::string::npos; at = end) {
    end = svg.find("</text>", at);
    size_t begin = svg.find('>', at) + 1;
    words += svg.substr(begin, end - begin) + " ";
  }
  return words;
}

/// What stands in the first group of a picture: its first image.
std::string firstGroup(const std::string &svg) {
  size_t begin = svg.find(panel);
  return svg.substr(begin, svg.find("</g>", begin) - begin);
}

TEST(Picture, OnePositionSeesAnImage) {
  std::string svg = seenFrom("neighborhood(4, 8, 5)", 32, {.position = 19, .width = {}});
  EXPECT_EQ(countOf(svg, panel), 2);
  EXPECT_EQ(
      countOf(wordsOf(svg), "what position 19 sees, in rows of 8 positions: row 2, column 3."), 1);
  // Cells of 48 pixels: two rows of five, and in the own row two and itself.
  std::string image = firstGroup(svg);
  for (std::string_view cell : {"x=\"48\" y=\"0\" width=\"240\" height=\"48\" fill=\"#2f6db3\"",
                                "x=\"48\" y=\"48\" width=\"240\" height=\"48\" fill=\"#2f6db3\"",
                                "x=\"48\" y=\"96\" width=\"96\" height=\"48\" fill=\"#2f6db3\"",
                                "x=\"144\" y=\"96\" width=\"48\" height=\"48\" fill=\"#0b2545\""})
    EXPECT_EQ(countOf(image, cell), 1) << cell;
  EXPECT_EQ(countOf(image, "fill=\"#2f6db3\""), 3);
  // The matrix is that of the picture without it.
  std::string alone = firstGroup(picture("neighborhood(4, 8, 5)", 32));
  EXPECT_EQ(countOf(svg, alone.substr(alone.find("key j"))), 1);
}

TEST(Picture, ImagesOfFactorsAndOfTheirUnion) {
  std::string svg = seenFrom("axial(8)", 64, {.position = 43, .width = {}});
  EXPECT_EQ(countOf(svg, panel), 6);
  EXPECT_EQ(countOf(svg, "stroke-width=\"2\""), 3);
  EXPECT_EQ(countOf(svg, ">all together<"), 1);
}

TEST(Picture, APositionThatDoesNotSeeItselfHasAFrame) {
  std::string image = firstGroup(seenFrom("global(1, 8)", 64, {.position = 43, .width = 16}));
  EXPECT_EQ(countOf(image, "fill=\"#0b2545\""), 0);
  EXPECT_EQ(countOf(image, "stroke=\"#0b2545\""), 1);
  EXPECT_EQ(countOf(image, "fill=\"#2f6db3\""), 6); // 0, 8, ... 40
}

TEST(Picture, LargeImagesHaveCellsOfSeveralPositions) {
  std::string svg = seenFrom("neighborhood(100, 128, 7)", 12800, {.position = 6464, .width = {}});
  EXPECT_EQ(countOf(wordsOf(svg), "A cell is 2 x 2 positions there"), 1);
  EXPECT_LT(svg.size(), 400'000);
  // Without a row of its own, and with a last row that is not whole.
  svg = seenFrom("dense", 1'000'000, {.position = 999'999, .width = {}});
  EXPECT_EQ(countOf(wordsOf(svg), "row 999, column 999."), 1);
  svg = seenFrom("dense", 70, {.position = 69, .width = 64});
  EXPECT_EQ(countOf(wordsOf(svg), "row 1, column 5."), 1);
}

TEST(Picture, PositionsAndWidthsHaveBounds) {
  EXPECT_EQ(seenFrom("dense", 64, {.position = 64, .width = {}}),
            "--picture-position: expected an integer of 0 to 63, found '64'");
  EXPECT_EQ(seenFrom("dense", 64, {.position = 0, .width = 65}),
            "--picture-width: expected an integer of 1 to 64, found '65'");
}

TEST(Picture, RowsAreThoseOfTheData) {
  spec::Spec spec;
  spec.model.layers = spec.model.heads = 1;
  spec.data.context = 192;
  spec.data.kind = spec::DataKind::Image;
  spec.data.shape = {8, 8, 3};
  spec.attention = {{"local(16)"}, spec::Integration::Merged};
  auto svg = pictureModel(spec, SeenFrom{.position = 100, .width = {}});
  ASSERT_TRUE(svg.has_value());
  EXPECT_EQ(countOf(wordsOf(*svg), "in rows of 24 positions: row 4, column 4."), 1);

  spec.data.kind = spec::DataKind::Text;
  spec.embedding.kind = spec::EmbeddingKind::Aligned;
  spec.embedding.stride = 14;
  svg = pictureModel(spec, SeenFrom{.position = 100, .width = {}});
  ASSERT_TRUE(svg.has_value());
  EXPECT_EQ(countOf(wordsOf(*svg), "in rows of 14 positions: row 7, column 2."), 1);
}

TEST(Picture, ErrorsHaveTheirPlace) {
  auto svg = picturePattern("local(3) | strode(4)", 64);
  ASSERT_FALSE(svg.has_value());
  EXPECT_EQ(svg.error().offset, 11);
}

TEST(Picture, ModelsNameLayersAndHeads) {
  spec::Spec spec;
  spec.name = "sea & land";
  spec.model.layers = 5;
  spec.model.heads = 4;
  spec.data.context = 256;
  spec.attention = {{"local(16)", "stride(16)"}, spec::Integration::Interleaved};
  auto svg = pictureModel(spec);
  ASSERT_TRUE(svg.has_value());
  EXPECT_EQ(malformation(*svg), "");
  EXPECT_EQ(countOf(*svg, ">layers 0, 2, 4 of 5<"), 1);
  EXPECT_EQ(countOf(*svg, ">layers 1, 3 of 5<"), 1);
  EXPECT_EQ(countOf(*svg, ">sea &amp; land: local(16), stride(16)<"), 2);

  spec.attention.integration = spec::Integration::Heads;
  svg = pictureModel(spec);
  ASSERT_TRUE(svg.has_value());
  EXPECT_EQ(countOf(*svg, ">heads 1, 3 of 4<"), 1);
}

TEST(Picture, NamesByHeadAreAPanelAHead) {
  spec::Spec spec;
  spec.model.layers = 2;
  spec.model.heads = 6;
  spec.data.context = 64;
  spec.attention = {{"fixed_by_head(16, 8)"}, spec::Integration::Merged};
  auto panelsOf = [&] {
    auto svg = pictureModel(spec);
    EXPECT_TRUE(svg.has_value()) << svg.error().message;
    EXPECT_EQ(malformation(*svg), "");
    return *svg;
  };
  std::string svg = panelsOf();
  EXPECT_EQ(countOf(svg, ">block(16)<"), 1);
  EXPECT_EQ(countOf(svg, ">summary(16, 8, 0)<"), 1);
  EXPECT_EQ(countOf(svg, ">heads 0, 2, 4 of 6<"), 1);
  EXPECT_EQ(countOf(svg, ">heads 1, 3, 5 of 6<"), 1);
  spec.attention.integration = spec::Integration::Interleaved;
  svg = panelsOf();
  EXPECT_EQ(countOf(svg, ">layer 0 of 2<"), 1);
  EXPECT_EQ(countOf(svg, ">layer 1 of 2, heads 1, 3, 5 of 6<"), 1);
  spec.attention.integration = spec::Integration::Heads;
  svg = panelsOf();
  EXPECT_EQ(countOf(svg, ">heads 0, 2, 4 of 6<"), 1);
  EXPECT_EQ(countOf(svg, ">heads 1, 5 of 6<"), 1);
  EXPECT_EQ(countOf(svg, ">head 3 of 6<"), 1);
}

} // namespace
