//===- ReportTest.cpp - the page of made-up runs
//-----------------------------------------------===//
#include "runtime/Media/Image.h"
#include "runtime/Program/ProgramFile.h"
#include "runtime/Report/Chart.h"
#include "runtime/Report/Markup.h"
#include "runtime/Report/Page.h"
#include "tests/unit/Runtime/MockModel.h"

#include <cmath>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>

namespace stc::runtime::test {
namespace {

using testing::AllOf;
using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pointwise;

// What is wrong with a page as XML: tags that do not close in order, attributes without quotes,
// bare markup characters, unknown entities, control characters. Empty if nothing is.
std::string wrongMarkup(std::string_view text) {
  std::vector<std::string> open;
  auto entitiesAreGood = [](std::string_view part) {
    for (size_t at = 0; (at = part.find('&', at)) != part.npos; ++at)
      if (std::string_view rest = part.substr(at);
          !rest.starts_with("&amp;") && !rest.starts_with("&lt;") && !rest.starts_with("&gt;") &&
          !rest.starts_with("&quot;") && !rest.starts_with("&#39;"))
        return false;
    return true;
  };
  auto where = [&](size_t at) { return std::string(text.substr(at, 60)); };
  for (size_t at = 0; at < text.size(); ++at)
    if (auto c = static_cast<unsigned char>(text[at]); (c < ' ' && c != '\n' && c != '\t'))
      return "a control character at: " + where(at);
  for (size_t at = 0; at < text.size();) {
    if (text[at] != '<') {
      size_t end = std::min(text.find('<', at), text.size());
      if (!entitiesAreGood(text.substr(at, end - at)))
        return "a bare & in: " + where(at);
      at = end;
      continue;
    }
    size_t start = at++;
    if (text[at] == '!') {
      at = text.find('>', at) + 1;
      continue;
    }
    bool closing = text[at] == '/';
    at += closing;
    size_t nameEnd = text.find_first_of(" \n/>", at);
    std::string name(text.substr(at, nameEnd - at));
    at = nameEnd;
    while (text[at] != '>' && text[at] != '/') {
      at = text.find_first_not_of(" \n", at);
      if (text[at] == '>' || text[at] == '/')
        break;
      size_t equals = text.find('=', at);
      if (equals == text.npos || text[equals + 1] != '"')
        return "an attribute without quotes in: " + where(start);
      size_t end = text.find('"', equals + 2);
      std::string_view value = text.substr(equals + 2, end - equals - 2);
      if (value.find('<') != value.npos || !entitiesAreGood(value))
        return "bare markup in an attribute of: " + where(start);
      at = end + 1;
    }
    bool empty = text[at] == '/';
    at = text.find('>', at) + 1;
    if (closing && (open.empty() || open.back() != name))
      return "</" + name + "> closes " + (open.empty() ? "nothing" : open.back());
    if (closing)
      open.pop_back();
    else if (!empty)
      open.push_back(name);
  }
  return open.empty() ? "" : "<" + open.back() + "> stays open";
}

TEST(Markup, TheCheckItself) {
  EXPECT_EQ(wrongMarkup("<a b=\"c &lt; d\"><e/>x &amp; y</a>"), "");
  for (const char *wrong : {"<a>", "<a><b></a></b>", "<a b=c></a>", "<a>x & y</a>", "</a>",
                            "<a b=\"<\"></a>", "<a>\x01</a>"})
    EXPECT_NE(wrongMarkup(wrong), "") << wrong;
}

TEST(Markup, EscapesAnyBytes) {
  EXPECT_EQ(escapeMarkup("<b>\"&'</b>"), "&lt;b&gt;&quot;&amp;&#39;&lt;/b&gt;");
  EXPECT_EQ(escapeMarkup("größer €\n\t𝄞"), "größer €\n\t𝄞");
  EXPECT_EQ(escapeMarkup(std::string("a\0\x1b\x7f\r", 5)), "a\u2400\u241b\u2421\u240d");
  // Cut short, a stray continuation, overlong, a surrogate, beyond Unicode, U+FFFF.
  for (const char *wrong : {"\xc3", "\xbf", "\xff"})
    EXPECT_EQ(escapeMarkup(wrong), "\uFFFD");
  EXPECT_EQ(escapeMarkup("\xc0\x80"), "\uFFFD\uFFFD");
  for (const char *wrong : {"\xed\xa0\x80", "\xe0\x80\x80", "\xef\xbf\xbf", "\xe2\x82("})
    EXPECT_THAT(escapeMarkup(wrong), HasSubstr("\uFFFD")) << wrong;
  EXPECT_THAT(escapeMarkup("\xf4\x90\x80\x80"), HasSubstr("\uFFFD"));
  std::mt19937 random(5);
  std::string noise;
  for (int i = 0; i < 100000; ++i)
    noise += static_cast<char>(random());
  EXPECT_EQ(wrongMarkup("<a>" + escapeMarkup(noise) + "</a>"), "");
}

// The examples of RFC 4648, Sec. 10.
TEST(Markup, Base64) {
  auto encoded = [](std::string_view text) {
    return dataUri("x/y", std::as_bytes(std::span(text))).substr(std::strlen("data:x/y;base64,"));
  };
  EXPECT_EQ(encoded(""), "");
  EXPECT_EQ(encoded("f"), "Zg==");
  EXPECT_EQ(encoded("fo"), "Zm8=");
  EXPECT_EQ(encoded("foo"), "Zm9v");
  EXPECT_EQ(encoded("foobar"), "Zm9vYmFy");
  EXPECT_EQ(encoded("\xff\xef\xbe"), "/+++");
}

TEST(Chart, TicksAreRound) {
  auto are = [](std::vector<double> expected) { return Pointwise(DoubleNear(1e-9), expected); };
  EXPECT_THAT(ticks(0, 10, 5), are({0, 2, 4, 6, 8, 10}));
  EXPECT_THAT(ticks(1.83, 2.31, 5), are({1.9, 2.0, 2.1, 2.2, 2.3}));
  EXPECT_THAT(ticks(-1e-3, 1e-3, 4), are({-1e-3, -5e-4, 0, 5e-4, 1e-3}));
  EXPECT_THAT(ticks(1, 1, 5), ElementsAre());
  EXPECT_THAT(ticks(0, INFINITY, 5), ElementsAre());
  EXPECT_THAT(ticks(1e300, 1e300 * (1 + 1e-15), 5), testing::SizeIs(testing::Le(10u)));
}

TEST(Chart, ThinningKeepsPeaks) {
  std::vector<ChartPoint> points;
  for (int i = 0; i < 100000; ++i)
    points.push_back({double(i), i == 31234 ? 50 : i == 77777 ? NAN : std::sin(i * 1e-3)});
  std::vector<ChartPoint> kept = thinned(points, 100);
  EXPECT_LE(kept.size(), 200u);
  EXPECT_GE(kept.size(), 100u);
  EXPECT_TRUE(std::ranges::is_sorted(kept, {}, &ChartPoint::x));
  EXPECT_TRUE(std::ranges::any_of(kept, [](const ChartPoint &p) { return p.y == 50; }));
  EXPECT_EQ(thinned({{1, 2}, {2, 3}}, 100).size(), 2u);
}

TEST(Chart, DrawsWhatIsThere) {
  EXPECT_EQ(drawChart({"t", "x", "y", {{"a", Series::Look::Line, {{0, NAN}, {1, INFINITY}}}}}), "");
  EXPECT_EQ(drawChart({"t", "x", "y", {}}), "");
  for (bool logarithmic : {false, true})
    for (std::vector<ChartPoint> points : {std::vector<ChartPoint>{{1, 2}},
                                           {{1, 0}, {1, 0}},
                                           {{0, 1e-9}, {5, NAN}, {9, 1e9, 1}},
                                           {{0, -1}, {1, 1e99}},
                                           {{0, 3}, {1, 1e308}}}) {
      std::string svg =
          drawChart({"a<b",
                     "x",
                     "y & z",
                     {{"<l>", Series::Look::Line, points}, {"p", Series::Look::Points, points}},
                     logarithmic});
      EXPECT_EQ(wrongMarkup(svg), "");
      EXPECT_THAT(svg, AllOf(HasSubstr("a&lt;b"), HasSubstr("y &amp; z"), HasSubstr("&lt;l&gt;"),
                             HasSubstr("<circle"), Not(HasSubstr("nan")), Not(HasSubstr("inf"))));
    }
  // A line has a gap where there is no number.
  std::string svg = drawChart(
      {"t", "x", "y", {{"", Series::Look::Line, {{0, 1}, {1, 2}, {2, NAN}, {3, 1}, {4, 2}}}}});
  size_t path = svg.find("<path class=\"line\"");
  ASSERT_NE(path, std::string::npos);
  std::string line = svg.substr(path, svg.find("/>", path) - path);
  EXPECT_EQ(std::ranges::count(line, 'M'), 2);
  EXPECT_EQ(std::ranges::count(line, 'L'), 2);
}

class ReportTest : public testing::Test {
protected:
  ReportTest() {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder + "/samples");
  }

  void write(const std::string &name, std::string_view contents) {
    writeFile(folder + "/" + name, contents);
  }
  std::string page(const program::Program *program = nullptr) {
    auto record = readRun(folder);
    if (!record)
      return "error: " + record.error().message;
    auto made = makePage(*record, program);
    return made ? *made : "error: " + made.error().message;
  }
  static std::string step(int64_t step, double bits) {
    return "{\"kind\":\"step\",\"step\":" + std::to_string(step) +
           ",\"bits_per_byte\":" + std::to_string(bits) +
           ",\"gradient_norm\":0.5,\"learning_rate\":0.001,\"bytes_per_second\":1000,\"seconds\":" +
           std::to_string(step * 0.5) + "}\n";
  }
  static std::string eval(int64_t step, double bits) {
    return "{\"kind\":\"eval\",\"step\":" + std::to_string(step) +
           ",\"bits_per_byte\":" + std::to_string(bits) +
           ",\"standard_error\":0.02,\"bytes\":4096}\n";
  }

  std::string folder = temporaryPath("report");
};

TEST_F(ReportTest, HasWhatTheFolderHas) {
  std::string metrics;
  for (int i = 1; i <= 200; ++i)
    metrics += step(i, 8 - i * 0.02) + (i % 100 == 0 ? eval(i, 9 - i * 0.02) : "");
  write("metrics.jsonl", metrics);
  write("run.json", R"({"program": "tiny", "parameters": 1234, "data": "a.txt", "seed": 3,
                        "settings": {"data.kind": "image", "model.layers": "2"}})");
  write("samples/a.txt", "once upon");
  Image image = Image::filled(4, 4, 3, 7);
  ASSERT_TRUE(writePng(folder + "/samples/b.png", image));
  write("samples/c.wav", "RIFF");
  write("samples/ignored.bin", "nobody");
  ProgramSpec spec = mockModel();
  spec.picture = "<svg><script>alert(1)</script></svg>";
  auto program = ProgramFile::open(spec.write("pictured.stcp"));
  ASSERT_TRUE(program);

  std::string html = page(&program->program());
  EXPECT_EQ(wrongMarkup(html), "");
  EXPECT_THAT(html, AllOf(HasSubstr("<title>tiny</title>"), HasSubstr("model.layers"),
                          HasSubstr("bits/dim"), HasSubstr("7.0000 ± 0.0200"),
                          HasSubstr("5.0000 ± 0.0200, step 200"), HasSubstr("1:40"),
                          HasSubstr("1,000 bytes/s"), HasSubstr("<pre>\nonce upon</pre>"),
                          HasSubstr("src=\"data:image/png;base64,iVBORw0KGgo"),
                          HasSubstr("src=\"data:audio/wav;base64,UklGRg==\""),
                          HasSubstr("src=\"data:image/svg+xml;base64,"), HasSubstr("train_step")));
  EXPECT_THAT(html, AllOf(HasSubstr("aria-label=\"Loss\""), HasSubstr("aria-label=\"Throughput\""),
                          HasSubstr("aria-label=\"Gradient norm\""),
                          HasSubstr("aria-label=\"Learning rate\"")));
  EXPECT_THAT(html, AllOf(Not(HasSubstr("alert")), Not(HasSubstr("ignored")),
                          Not(HasSubstr("could not be read"))));
  // Nothing is loaded from elsewhere.
  for (const char *mark : {"src=\"", "href="})
    for (size_t at = 0; (at = html.find(mark, at)) != html.npos; ++at)
      EXPECT_EQ(html.substr(at, 10), "src=\"data:");
}

TEST_F(ReportTest, HostileTextIsText) {
  std::string hostile = "</pre><script>alert('x')</script>&\" onerror=\"";
  write("metrics.jsonl", step(1, 8));
  write("run.json", "{\"program\": \"<b>&\", \"data\": \"</title><script>alert(1)</script>\", "
                    "\"settings\": {\"<i>\": \"\\\"'\\u0000\"}, \"seed\": [\"<u>\"]}");
  write("samples/a.txt", hostile + std::string("\0\xff\x1b[31m", 7));
  write("samples/<img src=x onerror=y>.txt", hostile);
  write("samples/\xff\".txt", "");
  std::string html = page();
  EXPECT_EQ(wrongMarkup(html), "");
  for (const char *tag : {"<script", "<b>", "<i>", "<u>", "<img"})
    EXPECT_THAT(html, Not(HasSubstr(tag)));
}

TEST_F(ReportTest, BrokenLinesAreLeftOutWithANote) {
  write("metrics.jsonl",
        step(1, 8) +
            "\n[1]\n{\"kind\":\"step\"}\n{\"kind\":\"step\",\"step\":\"2\"}\n{\"kind\":7}\n" +
            "{\"kind\":\"other\",\"x\":1}\n" + step(2, 7) + "{\"kind\":\"step\",\"st");
  auto record = readRun(folder);
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_THAT(record->brokenLines, ElementsAre(3, 4, 5, 6, 9));
  EXPECT_EQ(record->steps.size(), 2u);
  EXPECT_THAT(page(), AllOf(HasSubstr("5 lines that could not be read were left out"),
                            HasSubstr("the first is line 3"), HasSubstr("no run.json")));
}

TEST_F(ReportTest, AStepThatWasTakenAgainCountsOnce) {
  write("metrics.jsonl", step(1, 8) + step(2, 7) + eval(2, 7) + step(3, 6) + step(4, 6) + //
                             step(2, 5) + eval(2, 5) + step(3, 4));
  auto record = readRun(folder);
  ASSERT_TRUE(record);
  std::vector<double> bits;
  for (const StepMetrics &step : record->steps)
    bits.push_back(step.bitsPerByte);
  EXPECT_THAT(bits, ElementsAre(8, 5, 4));
  ASSERT_EQ(record->evaluations.size(), 1u);
  EXPECT_EQ(record->evaluations[0].bitsPerByte, 5);
}

TEST_F(ReportTest, ValuesThatAreMissingOrNull) {
  write("metrics.jsonl", "{\"kind\":\"step\",\"step\":1}\n"
                         "{\"kind\":\"step\",\"step\":2,\"bits_per_byte\":null,\"seconds\":\"x\"}\n"
                         "{\"kind\":\"eval\",\"step\":2}\n");
  EXPECT_EQ(wrongMarkup(page()), "");
}

TEST_F(ReportTest, ALongRunMakesAShortPage) {
  std::string metrics;
  for (int i = 1; i <= 30000; ++i)
    metrics += step(i, 2 + std::cos(i * 0.1));
  write("metrics.jsonl", metrics);
  std::string html = page();
  EXPECT_EQ(wrongMarkup(html), "");
  EXPECT_LT(html.size(), 200'000u);
  EXPECT_THAT(html, HasSubstr("mean of 150 steps"));
}

TEST_F(ReportTest, SaysWhatDoesNotFit) {
  EXPECT_THAT(page(), HasSubstr("metrics.jsonl: cannot open: No such file"));
  write("metrics.jsonl", "");
  EXPECT_THAT(page(), HasSubstr("metrics.jsonl: expected lines of metrics, found none"));
  write("metrics.jsonl", "{\"kind\":");
  EXPECT_THAT(page(), HasSubstr("found only broken ones"));
  write("metrics.jsonl", step(1, 8));
  write("run.json", "[1, 2");
  EXPECT_THAT(page(), HasSubstr("run.json: expected a JSON object"));
}

} // namespace
} // namespace stc::runtime::test
