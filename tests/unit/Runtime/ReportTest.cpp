//===- ReportTest.cpp - the page of made-up runs ------------------------------------------===//
#include "runtime/Media/Image.h"
#include "runtime/Program/ProgramFile.h"
#include "runtime/Report/Axis.h"
#include "runtime/Report/Chart.h"
#include "runtime/Report/Curves.h"
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

TEST(Axis, WithoutOutliersThereIsOneScale) {
  Axis axis(100, 0); // as y axes are, from the bottom up
  for (double value : {2.0, 3.0, 4.0})
    axis.includeMain(value);
  axis.include(4.5);
  ASSERT_TRUE(axis.fit(false, 0.1));
  EXPECT_FALSE(axis.hasUpperBand() || axis.hasLowerBand());
  EXPECT_NEAR(axis(3.25), 50, 1e-9);
  EXPECT_NEAR(axis(2), 100 * (1 - 0.25 / 3), 1e-9);
  EXPECT_FALSE(Axis(0, 1).fit(false, 0));
}

TEST(Axis, OutliersHaveABandOfTheirOwn) {
  for (bool logarithmic : {false, true}) {
    Axis axis(0, 100);
    for (double value : {1.0, 2.0})
      axis.includeMain(value);
    axis.include(1000);
    axis.include(0.001);
    ASSERT_TRUE(axis.fit(logarithmic, 0));
    ASSERT_TRUE(axis.hasUpperBand());
    EXPECT_EQ(axis.hasLowerBand(), true);
    EXPECT_NEAR(axis(0.001), 0, 1e-9);
    EXPECT_NEAR(axis(1), 14, 1e-9);
    EXPECT_NEAR(axis(2), 86, 1e-9);
    EXPECT_NEAR(axis(1000), 100, 1e-9);
    double before = -1;
    for (double value = 0.001; value <= 1000; value *= 1.1) {
      EXPECT_GT(axis(value), before) << value;
      before = axis(value);
    }
  }
  // A step of 998 in 14 % where one of 1 has 72 or, below, one of 0.999.
  Axis axis(0, 100);
  axis.includeMain(1);
  axis.includeMain(2);
  axis.include(1000);
  axis.include(0.001);
  ASSERT_TRUE(axis.fit(false, 0));
  EXPECT_NEAR(axis.upperCoarseness(), 998 * 72 / 14.0, 1e-6);
  EXPECT_NEAR(axis.lowerCoarseness(), 0.999 * 72 / 14, 1e-6);
}

TEST(Axis, EqualValues) {
  for (double value : {0.0, -3.0, 1e99, 1e-99})
    for (bool logarithmic : {false, true}) {
      Axis axis(0, 100);
      axis.includeMain(value);
      ASSERT_TRUE(axis.fit(logarithmic, 0.05));
      EXPECT_NEAR(axis(value), 50, 1e-6) << value;
      axis.include(value + 1);
      axis.include(value * 2 - 1);
      ASSERT_TRUE(axis.fit(logarithmic, 0.05));
      for (double at : {value, value + 1, value * 2 - 1})
        EXPECT_TRUE(axis(at) >= -1e-6 && axis(at) <= 100 + 1e-6) << at;
    }
}

TEST(Curves, MovingMean) {
  auto are = [](std::vector<double> expected) { return Pointwise(DoubleNear(1e-12), expected); };
  EXPECT_THAT(movingMean(std::vector<double>{1, 2, 3, 4, 5, 6}, 2),
              are({1, 1.5, 2.5, 3.5, 4.5, 5.5}));
  EXPECT_THAT(movingMean(std::vector<double>{4, 2, 9}, 1), are({4, 2, 9}));
  EXPECT_THAT(movingMean(std::vector<double>{4, 2, 9}, 50), are({4, 3, 5}));
  EXPECT_TRUE(movingMean(std::vector<double>{}, 5).empty());
  std::vector<double> means =
      movingMean(std::vector<double>{NAN, 3, INFINITY, 1e300, 1, 2, 3, 4}, 3);
  EXPECT_TRUE(std::isnan(means[0]));
  EXPECT_EQ(means[2], 3);
  // What was there before leaves no trace.
  EXPECT_EQ(means[6], 2);
  EXPECT_EQ(means[7], 3);
  std::mt19937 random(7);
  std::vector<double> noise(500);
  for (double &value : noise)
    value = random() % 10 == 0 ? NAN : static_cast<double>(random() % 1000);
  for (size_t window : {1, 2, 7, 64, 499, 500, 1000}) {
    std::vector<double> means = movingMean(noise, window);
    for (size_t i = 0; i < noise.size(); ++i) {
      double sum = 0, count = 0;
      for (size_t k = i + 1 - std::min(window, i + 1); k <= i; ++k)
        if (std::isfinite(noise[k]))
          sum += noise[k], ++count;
      if (count == 0)
        EXPECT_TRUE(std::isnan(means[i]));
      else
        EXPECT_NEAR(means[i], sum / count, 1e-9) << window << " at " << i;
    }
  }
}

// All coordinates of lines and points, "x y".
std::vector<std::pair<double, double>> coordinates(const std::string &svg) {
  std::vector<std::pair<double, double>> all;
  for (size_t at = 0; (at = svg.find(" d=\"", at)) != svg.npos; ++at) {
    std::string path = svg.substr(at + 4, svg.find('"', at + 4) - at - 4);
    for (size_t move = 0; (move = path.find_first_of("ML", move)) != path.npos; ++move) {
      double x, y;
      EXPECT_EQ(std::sscanf(path.c_str() + move + 1, "%lf %lf", &x, &y), 2) << path;
      all.emplace_back(x, y);
    }
  }
  return all;
}

// A loss that falls steeply, one step far above and one far below.
std::vector<ChartPoint> fallingCurve() {
  std::vector<ChartPoint> points;
  for (int i = 0; i < 5000; ++i)
    points.push_back({double(i), i == 3000   ? 30
                                 : i == 4000 ? -20
                                             : 2 + 6 * std::exp(-i / 50.0) + 0.1 * std::sin(i)});
  return points;
}

TEST(Chart, NothingIsCutOff) {
  for (Series::Look look : {Series::Look::Thin, Series::Look::Line}) {
    Chart chart{"t", "y", {{"a", look, fallingCurve()}}};
    chart.start = 0.05;
    std::string svg = drawChart(chart);
    EXPECT_EQ(wrongMarkup(svg), "");
    for (auto [x, y] : coordinates(svg)) {
      EXPECT_TRUE(x >= 0 && x <= 760) << x;
      EXPECT_TRUE(y >= 0 && y <= 320 - 48) << y;
    }
    EXPECT_THAT(svg, HasSubstr(">30<"));
    EXPECT_THAT(svg, HasSubstr(">-20<"));
  }
}

TEST(Chart, OutliersDoNotHideTheCurve) {
  Chart chart{"t", "y", {{"a", Series::Look::Thin, fallingCurve()}}};
  chart.start = 0.05;
  std::string svg = drawChart(chart);
  EXPECT_THAT(svg, AllOf(HasSubstr("above this line the scale is"),
                         HasSubstr("below this line the scale is")));
  // The last tenth has its 0.2 in more than a third of the frame, and says what it is.
  size_t series = svg.find("<g class=\"series");
  double least = 1e9, most = 0;
  for (auto [x, y] : coordinates(svg.substr(series)))
    if (x > 700) {
      least = std::min(least, y);
      most = std::max(most, y);
    }
  EXPECT_GT(most - least, 70);
  // Without outliers there is one scale.
  Chart even{"t", "y", {{"a", Series::Look::Thin, {{0, 1}, {1, 2}, {2, 1.5}}}}};
  EXPECT_THAT(drawChart(even), Not(HasSubstr("this line the scale")));
}

TEST(Chart, CarriesItsNumbersForEachAxis) {
  Chart chart{"t",   "y", {{"a", Series::Look::Line, {{1, 2.123456}, {2, NAN}, {4, 0.5}}, 0, {}}},
              false, 0,   {{"step", "step"}, {"time", "minutes of training"}}};
  chart.series[0].along = {[](double step) { return step * 0.25; }};
  std::string svg = drawChart(chart);
  EXPECT_EQ(wrongMarkup(svg), "");
  EXPECT_THAT(svg, AllOf(HasSubstr("data-name=\"a\" data-y=\"2.1235 - 0.5\""),
                         HasSubstr("<g class=\"by-step\" data-x=\"1 2 4\">"),
                         HasSubstr("<g class=\"by-time\" data-x=\"0.25 0.5 1\">"),
                         HasSubstr("<g class=\"by-step\" data-range=\"1 4 80 732\""),
                         HasSubstr("<g class=\"by-time\" data-range=\"0.25 1 80 732\" "
                                   "data-label=\"minutes of training\">")));
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
  EXPECT_EQ(drawChart({"t", "y", {{"a", Series::Look::Line, {{0, NAN}, {1, INFINITY}}}}}), "");
  EXPECT_EQ(drawChart({"t", "y", {}}), "");
  for (bool logarithmic : {false, true})
    for (std::vector<ChartPoint> points : {std::vector<ChartPoint>{{1, 2}},
                                           {{1, 0}, {1, 0}},
                                           {{0, 1e-9}, {5, NAN}, {9, 1e9, 1}},
                                           {{0, -1}, {1, 1e99}},
                                           {{0, 3}, {1, 1e308}}}) {
      std::string svg =
          drawChart({"a<b",
                     "y & z",
                     {{"<l>", Series::Look::Line, points}, {"p", Series::Look::Points, points}},
                     logarithmic});
      EXPECT_EQ(wrongMarkup(svg), "");
      EXPECT_THAT(svg, AllOf(HasSubstr("a&lt;b"), HasSubstr("y &amp; z"), HasSubstr("&lt;l&gt;"),
                             HasSubstr("<circle"), Not(HasSubstr("nan")), Not(HasSubstr("inf"))));
    }
  // A line has a gap where there is no number.
  std::string svg =
      drawChart({"t", "y", {{"", Series::Look::Line, {{0, 1}, {1, 2}, {2, NAN}, {3, 1}, {4, 2}}}}});
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
    auto made = makePage(std::span(&*record, 1), program);
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
  for (const char *tag : {"<b>", "<i>", "<u>", "<img"})
    EXPECT_THAT(html, Not(HasSubstr(tag)));
  // The page's own script is the only one.
  size_t script = html.find("<script");
  EXPECT_EQ(html.find("<script", script + 1), html.npos);
  EXPECT_EQ(html.substr(script, 9), "<script>\n");
}

TEST_F(ReportTest, HostileNamesOfSeveralRunsAreText) {
  std::string other = folder + "/<script>alert(1)</script>&\"'";
  std::filesystem::create_directories(other);
  write("metrics.jsonl", step(1, 8));
  writeFile(other + "/metrics.jsonl", step(1, 8) + eval(1, 7) + "{");
  auto runs = readRuns(std::vector<std::string>{folder, other});
  ASSERT_TRUE(runs) << runs.error().message;
  auto html = makePage(*runs, nullptr);
  ASSERT_TRUE(html);
  EXPECT_EQ(wrongMarkup(*html), "");
  EXPECT_THAT(*html, Not(HasSubstr("<script>alert")));
}

TEST_F(ReportTest, TwoRunsBesideEachOther) {
  std::string second = folder + "/nested/second";
  std::filesystem::create_directories(second + "/samples");
  std::string first, other;
  for (int i = 1; i <= 300; ++i) {
    first += step(i, 8 - i * 0.02);
    other += i <= 200 ? step(i, 7 - i * 0.02) : "";
  }
  auto settings = [](const char *batch) {
    return std::string(R"({"program": "p", "settings": {"train.batch": ")") + batch +
           R"(", "data.context": "512"}})";
  };
  write("metrics.jsonl", first + eval(300, 2));
  write("run.json", settings("1"));
  writeFile(second + "/metrics.jsonl", other);
  writeFile(second + "/run.json", settings("4"));
  writeFile(second + "/samples/step-00000100.txt", "early");
  writeFile(second + "/samples/step-00000200.txt", "late");
  auto runs = readRuns(std::vector<std::string>{folder, second});
  ASSERT_TRUE(runs) << runs.error().message;
  auto page = makePage(*runs, nullptr);
  ASSERT_TRUE(page);
  const std::string &html = *page;
  EXPECT_EQ(wrongMarkup(html), "");
  std::string name = std::filesystem::path(folder).filename().string();
  EXPECT_THAT(html, AllOf(HasSubstr("<th></th><th>" + name + "</th><th>second</th>"),
                          HasSubstr("<tr><th>steps</th><td>300</td><td>200</td></tr>"),
                          HasSubstr("data-name=\"" + name + ": mean of 30 steps\""),
                          HasSubstr("data-name=\"second: mean of 30 steps\""),
                          HasSubstr("<g class=\"series run1\""),
                          HasSubstr("<tr class=\"differs\"><th>train.batch</th><td>1</td>"
                                    "<td>4</td></tr>"),
                          HasSubstr("<tr><th>data.context</th><td>512</td><td>512</td></tr>"),
                          HasSubstr("Samples of second")));
  EXPECT_THAT(html, AllOf(Not(HasSubstr("each step")), Not(HasSubstr("Samples of " + name))));
  // What training drew last is open, what it drew before is folded.
  EXPECT_LT(html.find("late"), html.find("One from earlier steps"));
  EXPECT_GT(html.find("early"), html.find("One from earlier steps"));
  // 300 steps of 512 bytes, and 200 of 2,048.
  EXPECT_THAT(html, HasSubstr("thousand bytes read"));

  // Folders of one name have their paths.
  std::string third = folder + "/other/second";
  std::filesystem::create_directories(third);
  writeFile(third + "/metrics.jsonl", other);
  runs = readRuns(std::vector<std::string>{second + "/", third});
  ASSERT_TRUE(runs);
  EXPECT_EQ((*runs)[0].label, second + "/");
  EXPECT_EQ((*runs)[1].label, third);
}

TEST_F(ReportTest, AxesOfTimeAndOfData) {
  std::string metrics;
  for (int i = 1; i <= 1000; ++i)
    metrics += step(i, 2);
  write("metrics.jsonl", metrics + eval(1000, 2));
  write("run.json", R"({"settings": {"train.batch": "2", "data.context": "512"}})");
  std::string html = page();
  EXPECT_THAT(html, AllOf(HasSubstr("value=\"time\""), HasSubstr("minutes of training"),
                          HasSubstr("value=\"bytes\""), HasSubstr("thousand bytes read")));
  // Half a second a step: the evaluation of step 1,000 after 500 seconds, 8.3333 minutes.
  EXPECT_THAT(html, HasSubstr("<g class=\"by-time\" data-x=\"8.3333\">"));
  EXPECT_THAT(html, HasSubstr("<g class=\"by-bytes\" data-x=\"1024\">"));
  // Nothing is made up for a run that does not say.
  write("run.json", R"({"settings": {"train.batch": "x", "data.context": "512"}})");
  write("metrics.jsonl", "{\"kind\":\"step\",\"step\":1,\"bits_per_byte\":8}\n");
  EXPECT_THAT(page(), AllOf(Not(HasSubstr("value=\"time\"")), Not(HasSubstr("value=\"bytes\""))));
}

TEST_F(ReportTest, MeansSayOfHowManyStepsTheyAre) {
  std::string metrics;
  for (int i = 1; i <= 6; ++i)
    metrics += step(i, i);
  write("metrics.jsonl", metrics);
  EXPECT_THAT(page(), AllOf(HasSubstr("mean of 6 steps"),
                            HasSubstr("mean of the last 6 steps</th><td>3.5000</td>")));
  for (int i = 7; i <= 1000; ++i)
    metrics += step(i, i);
  write("metrics.jsonl", metrics);
  EXPECT_THAT(page(), HasSubstr("mean of the last 50 steps</th><td>975.5000</td>"));
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
