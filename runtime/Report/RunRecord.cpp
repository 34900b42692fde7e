//===- RunRecord.cpp - what a run folder says of its run ---------------------------------===//
#include "runtime/Report/RunRecord.h"
#include "runtime/Support/File.h"
#include "runtime/Support/Json.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <limits>
#include <set>

namespace stc::runtime {

using nlohmann::ordered_json;
namespace fs = std::filesystem;

namespace {

std::string plain(const ordered_json &value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

Result<void> readDescription(const std::string &path, RunRecord &record) {
  if (!fs::exists(path))
    return {};
  Result<MappedFile> file = MappedFile::open(path);
  if (!file)
    return forward(file);
  ordered_json json = parseJson(file->text());
  if (!json.is_object())
    return fail(path + ": expected a JSON object");
  for (const auto &[key, value] : json.items()) {
    if (key == "settings" && value.is_object())
      for (const auto &[name, setting] : value.items())
        record.settings.emplace_back(name, plain(setting));
    else
      record.facts.emplace_back(key, plain(value));
    if (key == "program")
      record.name = plain(value);
  }
  return {};
}

// A step that comes again was taken again: what came after it the first time is void.
template <class T> void addInOrder(std::vector<T> &all, const T &next) {
  while (!all.empty() && all.back().step >= next.step)
    all.pop_back();
  all.push_back(next);
}

// False if it is not a line of metrics. Kinds that we do not know are nobody's business.
bool readLine(std::string_view line, RunRecord &record) {
  ordered_json json = parseJson(line);
  if (!json.is_object() || !json.contains("kind") || !json["kind"].is_string())
    return false;
  auto number = [&](const char *key) {
    auto at = json.find(key);
    return at != json.end() && at->is_number() ? at->get<double>()
                                               : std::numeric_limits<double>::quiet_NaN();
  };
  bool step = json["kind"] == "step", eval = json["kind"] == "eval";
  if (!step && !eval)
    return true;
  if (!json.contains("step") || !json["step"].is_number_integer())
    return false;
  int64_t at = json["step"].get<int64_t>();
  if (step)
    addInOrder(record.steps,
               StepMetrics{at, number("bits_per_byte"), number("gradient_norm"),
                           number("learning_rate"), number("bytes_per_second"), number("seconds")});
  else
    addInOrder(record.evaluations,
               EvalMetrics{at, number("bits_per_byte"), number("standard_error"), number("bytes")});
  return true;
}

Result<void> readMetrics(const std::string &path, RunRecord &record) {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file)
    return forward(file);
  std::string_view rest = file->text();
  for (int64_t number = 1; !rest.empty(); ++number) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (!line.empty() && !readLine(line, record))
      record.brokenLines.push_back(number);
  }
  if (record.steps.empty() && record.evaluations.empty())
    return fail(fmt::format("{}: expected lines of metrics, found {}", path,
                            record.brokenLines.empty() ? "none" : "only broken ones"));
  return {};
}

Result<void> findSamples(const std::string &folder, RunRecord &record) {
  if (!fs::exists(folder))
    return {};
  std::error_code error;
  const fs::path root = fs::canonical(fs::path(folder).parent_path(), error);
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::set<std::string> endings = {".txt", ".png", ".wav"};
    if (!endings.contains(at->path().extension().string()))
      continue;
    // The page would show what a link leads to, and goes to other people.
    fs::path place = fs::canonical(at->path(), error);
    if (error)
      break;
    if (auto relative = place.lexically_relative(root);
        relative.empty() || *relative.begin() == "..")
      return fail(fmt::format("{}: expected a file of the run, found a link to another place",
                              at->path().string()));
    record.samples.push_back(at->path().string());
  }
  if (error)
    return fail(fmt::format("{}: cannot read: {}", folder, error.message()), ErrorKind::Io);
  std::ranges::sort(record.samples);
  return {};
}

} // namespace

std::string RunRecord::setting(std::string_view key) const {
  for (const auto &[name, value] : settings)
    if (name == key)
      return value;
  return "";
}

Result<RunRecord> readRun(const std::string &folder) {
  RunRecord record;
  record.name = fs::path(folder).lexically_normal().string();
  if (auto read = readDescription(folder + "/run.json", record); !read)
    return forward(read);
  if (auto read = readMetrics(folder + "/metrics.jsonl", record); !read)
    return forward(read);
  if (auto found = findSamples(folder + "/samples", record); !found)
    return forward(found);
  return record;
}

Result<std::vector<RunRecord>> readRuns(std::span<const std::string> folders) {
  auto name = [](const std::string &folder) {
    fs::path path = (fs::path(folder) / "").lexically_normal();
    return path.parent_path().filename().string();
  };
  std::vector<RunRecord> records;
  for (const std::string &folder : folders) {
    Result<RunRecord> record = readRun(folder);
    if (!record)
      return forward(record);
    record->label = name(folder);
    auto hasItsName = [&](const std::string &other) { return name(other) == record->label; };
    if (record->label.empty() || std::ranges::count_if(folders, hasItsName) > 1)
      record->label = folder;
    records.push_back(std::move(*record));
  }
  return records;
}

} // namespace stc::runtime
