//===- ProofsTest.cpp - proofs and counterexamples by brute force ---------===//

#include "Cases.h"

#include "compiler/Pattern/Pattern.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <map>

using namespace stc::pattern;
using namespace stc::pattern::test;
using Answer = Proof::Answer;

namespace {

bool isEmptyRow(const Matrix &matrix, int64_t i) {
  return std::none_of(matrix.bits.begin() + i * matrix.n, matrix.bits.begin() + (i + 1) * matrix.n,
                      [](char bit) { return bit; });
}

void checkCausal(const Proof &proof, const Matrix &matrix) {
  bool isCausal = true;
  for (int64_t i = 0; i < matrix.n; ++i)
    for (int64_t j = i + 1; j < matrix.n; ++j)
      isCausal &= !matrix.at(i, j);
  ASSERT_EQ(proof.answer == Answer::True, isCausal);
  if (isCausal)
    return;
  auto [i, j] = proof.counterexample.value();
  ASSERT_TRUE(i < j && matrix.at(i, j)) << i << ", " << j;
}

void checkEmptyRow(const Proof &proof, const Matrix &matrix) {
  bool anyEmpty = false;
  for (int64_t i = 0; i < matrix.n; ++i)
    anyEmpty |= isEmptyRow(matrix, i);
  ASSERT_EQ(proof.answer == Answer::False, anyEmpty);
  if (!anyEmpty)
    return;
  ASSERT_TRUE(isEmptyRow(matrix, proof.counterexample->first)) << proof.counterexample->first;
  ASSERT_EQ(proof.counterexample->second, -1);
}

/// "3", "0 to 7" or "i in 0 to 40 with i mod 3 = 1", read back as a pattern whose rows these are.
void checkRowNames(const std::string &rows, const Matrix &matrix) {
  if (size_t of = rows.find(" of "); of != std::string::npos) {
    std::vector<int64_t> empty;
    for (int64_t i = 0; i < matrix.n; ++i)
      if (isEmptyRow(matrix, i))
        empty.push_back(i);
    ASSERT_FALSE(empty.empty()) << rows;
    ASSERT_EQ(rows, std::to_string(empty.size()) + " of " + std::to_string(empty.front()) + " to " +
                        std::to_string(empty.back()));
    return;
  }
  std::string condition = "i in " + rows;
  if (rows.empty())
    condition = "false";
  else if (rows.find(" to ") == std::string::npos)
    condition = "i = " + rows;
  else {
    std::string text = rows.starts_with("i in ") ? rows.substr(5) : rows;
    size_t to = text.find(" to "), with = text.find(" with ");
    condition = text.substr(0, to) + " <= i <= " + text.substr(to + 4, with - to - 4);
    if (with != std::string::npos)
      condition += " and (" + text.substr(with + 6) + ")";
  }
  auto named = Pattern::parse("{ [i] -> [j] : " + condition + " }", matrix.n);
  ASSERT_TRUE(named.has_value()) << rows << ": " << named.error().message;
  for (int64_t i = 0; i < matrix.n; ++i)
    ASSERT_EQ(named->contains(i, 0), isEmptyRow(matrix, i)) << "row " << i << " of " << rows;
}

constexpr int64_t maxPositions = 150;
using Bits = std::vector<std::bitset<maxPositions>>;

/// Which j have reached i after the first `depth` layers.
Bits reachedBy(const std::vector<const Matrix *> &layers, size_t depth, int64_t n) {
  Bits reached(n);
  for (int64_t i = 0; i < n; ++i)
    reached[i].set(i);
  for (size_t k = 0; k < depth; ++k) {
    Bits next = reached;
    for (int64_t i = 0; i < n; ++i)
      for (int64_t m = 0; m < n; ++m)
        if (layers[k]->at(i, m))
          next[i] |= reached[m];
    reached = std::move(next);
  }
  return reached;
}

bool isAllReached(const Bits &reached) {
  for (size_t i = 0; i < reached.size(); ++i)
    for (size_t j = 0; j <= i; ++j)
      if (!reached[i][j])
        return false;
  return true;
}

void checkReach(const Reach &reach, const std::vector<const Matrix *> &layers, size_t depth,
                int64_t n) {
  if (reach.proof.answer == Answer::True) {
    ASSERT_TRUE(isAllReached(reachedBy(layers, reach.hops, n)));
    ASSERT_FALSE(isAllReached(reachedBy(layers, reach.hops - 1, n))) << "fewer hops do";
    return;
  }
  auto [i, j] = reach.proof.counterexample.value();
  ASSERT_TRUE(0 <= j && j <= i && i < n);
  ASSERT_FALSE(reachedBy(layers, depth, n)[i][j]) << j << " does reach " << i;
}

/// Unknown is a right answer, but has to be rare.
class Proofs : public testing::TestWithParam<int> {
protected:
  static bool isKnown(const std::string &question, Answer answer) {
    auto &[known, unknown] = answers[question];
    ++(answer == Answer::Unknown ? unknown : known);
    return answer != Answer::Unknown;
  }

  static void TearDownTestSuite() {
    for (const auto &[question, counts] : answers) {
      auto [known, unknown] = counts;
      std::printf("%s: %d answered, %d unknown\n", question.c_str(), known, unknown);
      EXPECT_LE(unknown * 50, known + unknown) << "more than 2 % are unknown: " << question;
    }
  }

private:
  static inline std::map<std::string, std::pair<int, int>> answers;
};

TEST_P(Proofs, RandomExpressions) {
  forCases(GetParam(), 2000, [&](Generator &generator, int64_t) {
    int64_t n = std::array{17, 23, 40}[generator.number(0, 2)];
    RandomPattern random = generator.expression(2);
    SCOPED_TRACE("n = " + std::to_string(n) + ": " + random.text);
    auto pattern = Pattern::parse(random.text, n);
    ASSERT_TRUE(pattern.has_value());
    Matrix matrix(random, n);
    if (Proof proof = pattern->causal(); isKnown("causal", proof.answer))
      ASSERT_NO_FATAL_FAILURE(checkCausal(proof, matrix));
    if (Proof proof = pattern->noEmptyRow(); isKnown("no empty row", proof.answer)) {
      ASSERT_NO_FATAL_FAILURE(checkEmptyRow(proof, matrix));
      ASSERT_NO_FATAL_FAILURE(checkRowNames(pattern->emptyRows(), matrix));
    }
  });
}

/// Stacks of up to four layers of two patterns. Short sequences are decided by evaluation, long
/// causal ones by isl where their first positions show nothing.
TEST_P(Proofs, RandomReach) {
  forCases(GetParam(), 2000, [&](Generator &generator, int64_t k) {
    int64_t n = std::array<int64_t, 4>{17, 40, 140, maxPositions}[generator.number(0, 3)];
    std::vector<RandomPattern> random = {generator.expression(1), generator.constructor()};
    // Few random patterns reach everything; most do together with a summary.
    if (k / groups % 2 == 0) {
      RandomPattern more = generator.constructor();
      auto p = random[0].holds, q = more.holds;
      random[0] = {random[0].text + " | " + more.text,
                   [=](int64_t i, int64_t j) { return p(i, j) || q(i, j); }};
    }
    SCOPED_TRACE("n = " + std::to_string(n) + ": " + random[0].text + " and " + random[1].text);
    std::vector<Matrix> matrices = {Matrix(random[0], n), Matrix(random[1], n)};
    std::vector<Pattern> patterns, layers;
    for (const RandomPattern &one : random) {
      auto pattern = Pattern::parse(one.text, n);
      ASSERT_TRUE(pattern.has_value());
      patterns.push_back(*pattern);
    }
    std::vector<const Matrix *> layerMatrices;
    int64_t count = generator.number(1, 4), maxHops = generator.number(1, 4);
    for (int64_t layer = 0; layer < count; ++layer) {
      int64_t which = generator.number(0, 1);
      layers.push_back(patterns[which]);
      layerMatrices.push_back(&matrices[which]);
    }
    Reach reach = reaches(layers, int(maxHops));
    if (isKnown("reach", reach.proof.answer))
      checkReach(reach, layerMatrices, std::min(count, maxHops), n);
  });
}

TEST_P(Proofs, RandomEquality) {
  forCases(GetParam(), 128, [&](Generator &generator, int64_t) {
    int64_t n = std::array{17, 23, 40}[generator.number(0, 2)];
    RandomPattern p = generator.expression(1), q = generator.expression(1);
    SCOPED_TRACE("n = " + std::to_string(n) + ": " + p.text + " and " + q.text);
    auto parse = [&](const std::string &text) { return Pattern::parse(text, n).value(); };
    Pattern a = parse(p.text), b = parse(q.text);
    std::string left = "(" + p.text + ")", right = "(" + q.text + ")";
    ASSERT_TRUE(a == a);
    ASSERT_EQ(a == b, Matrix(p, n).bits == Matrix(q, n).bits);
    bool known = parse(left + " | " + right) == parse(right + " | " + left) &&
                 parse(left + " - " + right) == parse(left + " - (" + left + " & " + right + ")") &&
                 a == parse(left + " & (" + left + " | " + right + ")");
    isKnown("equal", known ? Answer::True : Answer::Unknown);
  });
}

INSTANTIATE_TEST_SUITE_P(Groups, Proofs, testing::Range(0, groups));

//===----------------------------------------------------------------------===//
// Known answers
//===----------------------------------------------------------------------===//

constexpr int64_t million = 1 << 20;

Pattern parsed(const std::string &text, int64_t n = million) {
  auto pattern = Pattern::parse(text, n);
  if (!pattern)
    ADD_FAILURE() << text << ": " << pattern.error().message;
  return pattern.value();
}

TEST(KnownProofs, Causal) {
  for (const char *text : {"strided(1024)", "fixed(1024, 32)", "sinks(4) | local(100)",
                           "stride(4) & local(4096)", "{ [i] -> [j] : 2*j <= i }"})
    EXPECT_EQ(parsed(text).causal().answer, Answer::True) << text;
  Proof proof = parsed("{ [i] -> [j] : j <= i or (i = 700000 and j = 700001) }").causal();
  ASSERT_EQ(proof.answer, Answer::False);
  EXPECT_EQ(proof.counterexample, std::pair(int64_t(700000), int64_t(700001)));
}

TEST(KnownProofs, ManyDivisionsHaveASmallerBudget) {
  std::string sum = "i";
  for (int k = 2; k < 34; ++k)
    sum += " + (i + " + std::to_string(k) + "j) mod " + std::to_string(k);
  EXPECT_EQ(parsed("{ [i] -> [j] : j <= " + sum + " }", 512).causal().reason,
            "isl gave up after 200000 operations");
}

TEST(KnownProofs, EmptyRows) {
  EXPECT_EQ(parsed("strided(1024)").emptyRows(), "");
  EXPECT_EQ(parsed("summary(1024, 32)").emptyRows(), "0 to 991");
  EXPECT_EQ(parsed("dense - { [i] -> [j] : i = 777777 }").emptyRows(), "777777");
  EXPECT_EQ(parsed("dense - dense").emptyRows(), "0 to 1048575");
  EXPECT_EQ(parsed("dense - { [i] -> [j] : i mod 4 = 1 and i < 4000 }").emptyRows(),
            "i in 1 to 3997 with ((i + 3) mod 4) = 0");
}

TEST(KnownProofs, EmptyRowsByEvaluation) {
  auto text = [](const char *last) {
    return std::string("({ [i] -> [j] : j <= i and (i + 2j) mod 5 <= 1 } & fixed(16, 4)) - ") +
           "((stride(3) & local(24)) & local(16))" + last;
  };
  EXPECT_EQ(parsed(text(""), 256).emptyRows(), "2 of 0 to 2");
  EXPECT_EQ(parsed(text(" - { [i] -> [j] : i > 0 }"), 256).emptyRows(), "0 to 255");
}

TEST(KnownProofs, Reach) {
  struct Row {
    std::vector<std::string> layers;
    int maxHops, hops;
    std::optional<std::pair<int64_t, int64_t>> counterexample;
  };
  using Pair = std::pair<int64_t, int64_t>;
  for (const Row &row :
       std::vector<Row>{{{"strided(1024)", "strided(1024)"}, 3, 2, {}},
                        {{"fixed(1024, 32)", "fixed(1024, 32)", "fixed(1024, 32)"}, 3, 2, {}},
                        {{"local(1024)", "stride(1024)"}, 3, 2, {}},
                        {{"stride(1024)", "local(1024)"}, 3, 2, {}},
                        // A summary's position knows its block only if the block came first.
                        {{"block(1024)", "summary(1024, 1)"}, 3, 2, {}},
                        {{"summary(1024, 32)", "block(1024)", "summary(1024, 32)"}, 3, 3, {}},
                        {{"summary(1024, 32)", "block(1024)"}, 2, 0, Pair(1024, 0)},
                        {{"local(1024)", "local(1024)"}, 3, 0, Pair(2049, 0)},
                        {{"dense"}, 1, 1, {}},
                        {{"dense - dense", "dense"}, 2, 2, {}}}) {
    std::vector<Pattern> layers;
    std::string names;
    for (const std::string &text : row.layers) {
      layers.push_back(parsed(text));
      names += text + " ";
    }
    Reach reach = reaches(layers, row.maxHops);
    EXPECT_EQ(reach.proof.answer, row.hops ? Answer::True : Answer::False)
        << names << reach.proof.reason;
    EXPECT_EQ(reach.hops, row.hops) << names;
    EXPECT_EQ(reach.proof.counterexample, row.counterexample) << names;
  }
}

TEST(KnownProofs, ReachThroughTheFuture) {
  // j reaches i only by way of the last position, which no prefix shows.
  for (int64_t n : {40, 4000}) {
    Pattern star = parsed("{ [i] -> [j] : i = j or i = n - 1 or j = n - 1 }", n);
    EXPECT_EQ(reaches({star, star}, 2).proof.answer, Answer::True) << n;
    EXPECT_EQ(reaches({star}, 2).proof.answer, Answer::False) << n;
  }
}

TEST(KnownProofs, ReachAsksForLayersOfOneLength) {
  EXPECT_EQ(reaches({}, 2).proof.reason, "expected at least one layer and one hop");
  EXPECT_EQ(reaches({parsed("dense", 8)}, 0).proof.reason,
            "expected at least one layer and one hop");
  EXPECT_EQ(reaches({parsed("dense", 8), parsed("dense", 9)}, 2).proof.reason,
            "expected layers of one length");
}

TEST(KnownProofs, Equality) {
  EXPECT_TRUE(parsed("strided(1024)") == parsed("local(1024) | stride(1024)"));
  EXPECT_TRUE(parsed("fixed(1024, 1024)") == parsed("dense"));
  EXPECT_TRUE(parsed("block(1024)") ==
              parsed("{ [i] -> [j] : j <= i and floor(i/1024) = floor(j/1024) }"));
  EXPECT_FALSE(parsed("strided(1024)") == parsed("strided(1023)"));
  EXPECT_FALSE(parsed("dense", 8) == parsed("dense", 9));
}

} // namespace
