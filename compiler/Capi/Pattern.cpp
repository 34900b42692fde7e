//===- Pattern.cpp - questions on patterns, for C -------------------------===//

#include "compiler/Pattern/Pattern.h"
#include "compiler/Capi/Stc.h"
#include "compiler/Explain/Explain.h"
#include "compiler/Explain/Tiles.h"
#include "compiler/Pattern/Constructors.h"
#include "compiler/Support/OneLine.h"
#include "compiler/Target/HostTarget.h"
#include "runtime/Capi/Answer.h"

#include <array>
#include <map>
#include <numeric>
#include <sstream>
#include <tuple>

using namespace stc;
using namespace stc::capi;
using pattern::Pattern;
using pattern::Proof;

/// The longest sequence whose mask is written: 64 MiB.
static constexpr int64_t maxMask = 8192;
/// The most patterns that heads take in turn, and the most layers of a stack.
static constexpr size_t maxHeads = 1024, maxLayers = 4096;

static tl::unexpected<Failure> undecided(std::string reason) {
  return tl::unexpected(Failure{StcUndecided, std::move(reason)});
}

static tl::unexpected<Failure> wrong(std::string_view text, const pattern::ParseError &error) {
  std::string place = error.offset ? ", byte " + std::to_string(error.offset) : "";
  return invalid("pattern '" + oneLine(std::string(text)) + "'" + place + ": " +
                 oneLine(error.message));
}

static Result<Pattern> read(const char *text, int64_t n) {
  return Pattern::parse(text, n).map_error(
      [&](const auto &error) { return wrong(text, error).value(); });
}

/// Equal texts are one pattern, whose answers are then found once.
static Result<std::vector<Pattern>> readAll(const char *const *texts, size_t count, int64_t n) {
  std::map<std::string, Pattern> known;
  std::vector<Pattern> patterns;
  for (size_t k = 0; k < count; ++k) {
    auto found = known.find(texts[k]);
    if (found == known.end()) {
      auto pattern = read(texts[k], n);
      if (!pattern)
        return tl::unexpected(pattern.error());
      found = known.emplace(texts[k], *pattern).first;
    }
    patterns.push_back(found->second);
  }
  return patterns;
}

/// The words of a text with a space between each two.
static std::string inOneLine(const char *text) {
  std::istringstream words{text};
  std::string line, word;
  while (words >> word)
    line += (line.empty() ? "" : " ") + word;
  return line;
}

const char *stcVersion(void) { return STC_VERSION; }

StcStatus stcNamedPatterns(char **forms, char **error) {
  return answer(error, [&]() -> Result<void> {
    std::string lines;
    for (const pattern::Constructor &constructor : pattern::constructors()) {
      lines += constructor.name;
      for (const pattern::Parameter &parameter : constructor.parameters)
        lines += " " + parameter.name;
      lines += "\t" + constructor.meaning + "\t" + constructor.ranges() + "\n";
    }
    handOut(forms, lines);
    return {};
  });
}

StcStatus stcPatternRead(const char *text, char **heads, char **error) {
  return answer(error, [&]() -> Result<void> {
    const std::string line = inOneLine(text);
    if (auto mistake = Pattern::check(line))
      return wrong(line, *mistake);
    // Twice as many heads show a period of that many.
    const std::vector<std::string> inTurn = pattern::headPatterns({line}, 2 * maxHeads);
    if (inTurn.size() > maxHeads)
      return invalid("pattern '" + oneLine(line) + "': expected at most " +
                     std::to_string(maxHeads) + " patterns that heads take in turn");
    std::string lines;
    for (const std::string &head : inTurn)
      lines += head + "\n";
    handOut(heads, lines);
    return {};
  });
}

StcStatus stcPatternPairs(const char *text, int64_t n, int64_t *pairs, char **error) {
  return answer(error, [&]() -> Result<void> {
    auto pattern = read(text, n);
    if (!pattern)
      return tl::unexpected(pattern.error());
    auto counted = pattern->countPairs();
    if (!counted)
      return undecided("the pairs were not counted within the budget");
    *pairs = *counted;
    return {};
  });
}

StcStatus stcPatternPeriod(const char *text, int64_t n, int64_t *period, char **error) {
  return answer(error, [&]() -> Result<void> {
    constexpr int64_t most = int64_t(1) << 30;
    auto pattern = read(text, n);
    if (!pattern)
      return tl::unexpected(pattern.error());
    int64_t all = 1;
    for (const pattern::Walk &walk : pattern->walks())
      for (const pattern::Segment &segment : walk.segments)
        for (int64_t one : {segment.query.period, segment.key.period})
          if ((all = std::lcm(all, one)) > most)
            return undecided("the periods have no common multiple up to 2^30");
    *period = all;
    return {};
  });
}

StcStatus stcPatternIsCausal(const char *text, int64_t n, int *isCausal, char **error) {
  return answer(error, [&]() -> Result<void> {
    auto pattern = read(text, n);
    if (!pattern)
      return tl::unexpected(pattern.error());
    Proof proof = pattern->causal();
    if (proof.answer == Proof::Answer::Unknown)
      return undecided(proof.reason);
    *isCausal = proof.answer == Proof::Answer::True;
    return {};
  });
}

StcStatus stcPatternEmptyRows(const char *text, int64_t n, char **rows, char **error) {
  return answer(error, [&]() -> Result<void> {
    auto pattern = read(text, n);
    if (!pattern)
      return tl::unexpected(pattern.error());
    Proof proof = pattern->noEmptyRow();
    if (proof.answer == Proof::Answer::Unknown)
      return undecided(proof.reason);
    handOut(rows, pattern->emptyRows());
    return {};
  });
}

StcStatus stcPatternReach(const char *const *layers, size_t count, int64_t n, int *hops,
                          int64_t pair[2], char **error) {
  return answer(error, [&]() -> Result<void> {
    if (count < 1 || count > maxLayers)
      return invalid("expected 1 to " + std::to_string(maxLayers) + " layers, found " +
                     std::to_string(count));
    auto patterns = readAll(layers, count, n);
    if (!patterns)
      return tl::unexpected(patterns.error());
    pattern::Reach reach = reaches(*patterns, int(count));
    if (reach.proof.answer == Proof::Answer::Unknown)
      return undecided(reach.proof.reason);
    *hops = reach.hops;
    if (auto missing = reach.proof.counterexample)
      std::tie(pair[0], pair[1]) = *missing;
    return {};
  });
}

StcStatus stcPatternExplain(const char *text, int64_t n, const char *target, char **explanation,
                            char **error) {
  return answer(error, [&]() -> Result<void> {
    auto pattern = read(text, n);
    if (!pattern)
      return tl::unexpected(pattern.error());
    auto cpu = HostTarget::create(HostTarget::defaultCpu());
    if (!cpu)
      return invalid(cpu.error());
    auto tiles = tilesOf(target, cpu->vectors());
    if (!tiles)
      return invalid(tiles.error());
    handOut(explanation, explainPattern(*pattern, *tiles));
    return {};
  });
}

StcStatus stcPatternPicture(const char *const *heads, size_t count, int64_t n, char **svg,
                            char **error) {
  return answer(error, [&]() -> Result<void> {
    if (auto patterns = readAll(heads, count, n); !patterns)
      return tl::unexpected(patterns.error());
    auto drawing = count == 1 ? picturePattern(heads[0], n)
                              : pictureHeads(std::vector<std::string>(heads, heads + count), n);
    if (!drawing)
      return invalid(drawing.error().message);
    handOut(svg, *drawing);
    return {};
  });
}

StcStatus stcPatternMask(const char *text, int64_t n, char **mask, char **error) {
  return answer(error, [&]() -> Result<void> {
    if (n > maxMask)
      return invalid("expected a length of at most " + std::to_string(maxMask) +
                     " for a mask of n x n elements, found " + std::to_string(n));
    auto pattern = read(text, n);
    if (!pattern)
      return tl::unexpected(pattern.error());
    std::string bits;
    std::array<std::vector<int64_t>, 2> pair;
    pair[1].resize(n);
    std::iota(pair[1].begin(), pair[1].end(), 0);
    for (int64_t i = 0; i < n; ++i) {
      pair[0].assign(n, i);
      for (int64_t holds : pattern->condition().evaluateMany(pair, n))
        bits.push_back(holds != 0);
    }
    handOut(mask, bits);
    return {};
  });
}

StcStatus stcPatternBlocks(const char *text, int64_t n, int64_t size, char **blocks, char **error) {
  return answer(error, [&]() -> Result<void> {
    auto pattern = read(text, n);
    if (!pattern)
      return tl::unexpected(pattern.error());
    if (size < 1 || (n - 1) / size >= maxMask)
      return invalid("expected blocks of a size from 1 on, and at most " + std::to_string(maxMask) +
                     " in a row, found the size " + std::to_string(size));
    std::string bytes;
    for (pattern::BlockContent content : pattern->blocks(size))
      bytes.push_back(static_cast<char>(content));
    handOut(blocks, bytes);
    return {};
  });
}

StcStatus stcPatternPython(const char *text, int64_t n, char **condition, char **error) {
  return answer(error, [&]() -> Result<void> {
    auto pattern = read(text, n);
    if (!pattern)
      return tl::unexpected(pattern.error());
    const std::array<std::string, 2> names = {"i", "j"};
    handOut(condition, pattern->condition().python(names));
    return {};
  });
}
