//===- Samples.cpp - a run's samples as markup -------------------------------------------===//
#include "runtime/Report/Samples.h"
#include "runtime/Report/Markup.h"
#include "runtime/Support/File.h"
#include "runtime/Support/Units.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <span>

namespace stc::runtime {

// Longer texts are cut, larger files named only: a page must open.
static constexpr size_t mostText = 64 << 10, mostFile = 32 << 20;

static std::string textOf(std::span<const std::byte> bytes) {
  std::string_view text(reinterpret_cast<const char *>(bytes.data()),
                        std::min(bytes.size(), mostText));
  // The parser drops one line feed after the tag.
  std::string html = fmt::format("<pre>\n{}</pre>\n", escapeMarkup(text));
  if (text.size() < bytes.size())
    html += fmt::format("<p class=\"note\">The first {} of {}.</p>\n", formatBytes(text.size()),
                        formatBytes(bytes.size()));
  return html;
}

static Result<std::string> sampleOf(const std::string &path) {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file)
    return forward(file);
  std::filesystem::path name = std::filesystem::path(path).filename();
  std::span<const std::byte> bytes = file->bytes();
  std::string html = fmt::format("<h3>{}</h3>\n", escapeMarkup(name.string()));
  if (name.extension() == ".txt")
    return html + textOf(bytes);
  if (bytes.size() > mostFile)
    return html + fmt::format("<p class=\"note\">{}, too large to be shown here.</p>\n",
                              formatBytes(bytes.size()));
  return html + (name.extension() == ".png"
                     ? fmt::format("<img class=\"pixels\" alt=\"samples\" src=\"{}\"/>\n",
                                   dataUri("image/png", bytes))
                     : fmt::format("<audio controls=\"controls\" src=\"{}\"></audio>\n",
                                   dataUri("audio/wav", bytes)));
}

// Whether train drew it: step-00001000.txt.
static bool isOfTraining(const std::string &path) {
  return std::filesystem::path(path).filename().string().starts_with("step-");
}

Result<std::string> samplesOf(const RunRecord &run) {
  std::vector<std::string> ofTraining, others;
  for (const std::string &path : run.samples)
    (isOfTraining(path) ? ofTraining : others).push_back(path);
  std::string html, earlier;
  for (const std::string &path : ofTraining) {
    Result<std::string> sample = sampleOf(path);
    if (!sample)
      return forward(sample);
    (path == ofTraining.back() ? html : earlier) += *sample;
  }
  if (!earlier.empty())
    html += fmt::format(
        "<details>\n<summary>{} from earlier steps</summary>\n{}</details>\n",
        ofTraining.size() == 2 ? "One" : fmt::format("{}", formatCount(ofTraining.size() - 1)),
        earlier);
  for (const std::string &path : others) {
    Result<std::string> sample = sampleOf(path);
    if (!sample)
      return forward(sample);
    html += *sample;
  }
  return html;
}

} // namespace stc::runtime
