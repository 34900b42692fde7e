//===- PrepareParts.cpp - what all kinds of data are prepared with
//------------------------------===//
#include "runtime/Data/PrepareParts.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>

namespace stc::runtime {

namespace fs = std::filesystem;

namespace {

bool isHidden(const fs::path &path) { return path.filename().string().starts_with('.'); }

Result<void> list(const std::string &path, bool test, std::vector<InputFile> &files) {
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    files.push_back({path, true, test});
    return {};
  }
  std::vector<std::string> found;
  fs::recursive_directory_iterator entry(path, error), end;
  while (!error && entry != end) {
    std::error_code unreadable;
    if (isHidden(entry->path()))
      entry.disable_recursion_pending();
    else if (entry->is_regular_file(unreadable))
      found.push_back(entry->path().string());
    entry.increment(error);
  }
  if (error)
    return fail(fmt::format("{}: cannot read: {}", path, error.message()), ErrorKind::Io);
  std::ranges::sort(found);
  for (std::string &file : found)
    files.push_back({std::move(file), false, test});
  return {};
}

} // namespace

Result<std::vector<InputFile>> listInputs(const std::vector<std::string> &inputs,
                                          const std::vector<std::string> &testInputs) {
  std::vector<InputFile> files;
  for (bool test : {false, true})
    for (const std::string &path : test ? testInputs : inputs)
      if (auto listed = list(path, test, files); !listed)
        return forward(listed);
  return files;
}

Result<std::array<double, partCount>> dealFractions(const Settings &settings, bool hasTest) {
  auto fractions = splitFractions(settings);
  if (!fractions || !hasTest)
    return fractions;
  double rest = (*fractions)[0] + (*fractions)[1];
  if (rest == 0)
    return fail("expected a part for training in setting 'data.split', found none");
  return std::array{(*fractions)[0] / rest, (*fractions)[1] / rest, 0.0};
}

Result<PartFiles> PartFiles::create(const std::string &folder, const std::vector<int64_t> &record) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    return fail(fmt::format("{}: cannot create: {}", folder, error.message()), ErrorKind::Io);
  PartFiles parts;
  for (const char *name : partNames) {
    Result<NpyWriter> file = NpyWriter::create(fmt::format("{}/{}.npy", folder, name), record);
    if (!file)
      return forward(file);
    parts.files.push_back(std::move(*file));
  }
  return parts;
}

std::array<int64_t, partCount> PartFiles::sizes() const {
  std::array<int64_t, partCount> all;
  for (int part = 0; part < partCount; ++part)
    all[part] = files[part].size();
  return all;
}

Result<void> PartFiles::commit() {
  for (NpyWriter &file : files)
    if (auto committed = file.commit(); !committed)
      return committed;
  return {};
}

} // namespace stc::runtime
