//===- InputFiles.cpp - the files that prepare reads ------------------------------------------===//
#include "runtime/Data/InputFiles.h"
#include "runtime/Data/Split.h"
#include "runtime/Support/File.h"
#include "runtime/Support/FileKind.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <map>
#include <set>
#include <sys/stat.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace stc::runtime {

namespace fs = std::filesystem;

namespace {

/// What a path leads to, whatever links are on the way.
using Identity = std::pair<dev_t, ino_t>;

bool isHidden(const fs::path &path) { return path.filename().string().starts_with('.'); }

class InputList {
public:
  InputList(const PrepareOptions &options, Prepared &result) : options(options), result(result) {
    // All folders that `out` lies in, of those that exist.
    std::error_code error;
    for (fs::path path = fs::weakly_canonical(fs::absolute(options.out), error);;
         path = path.parent_path()) {
      struct stat status;
      if (stat(path.c_str(), &status) == 0)
        aroundOut.insert({status.st_dev, status.st_ino});
      if (!path.has_relative_path())
        break;
    }
  }

  Result<void> add(const std::string &path, bool test) {
    folders.clear();
    return visit(path, true, test);
  }

  std::vector<InputFile> take() {
    if (repeated > 0)
      options.warn(
          fmt::format("{} that were given more than once are taken once", count(repeated)));
    if (alsoTest > 0)
      options.warn(fmt::format("{} of the test part among the other inputs: left out there",
                               count(alsoTest)));
    return std::move(files);
  }

private:
  static std::string count(int64_t files) {
    return fmt::format("{} file{}", files, files == 1 ? "" : "s");
  }

  Result<void> visit(const std::string &path, bool named, bool test) {
    struct stat status;
    if (stat(path.c_str(), &status) != 0) {
      if (named)
        return fail(fmt::format("{}: cannot open: {}", path, std::strerror(errno)));
      ++result.foreign; // a link that leads nowhere
      return {};
    }
    Identity identity = {status.st_dev, status.st_ino};
    if (S_ISDIR(status.st_mode))
      return visitFolder(path, identity, test);
    if (!S_ISREG(status.st_mode) && !named) {
      ++result.foreign;
      return {};
    }
    auto [place, isNew] = seen.try_emplace(identity, test);
    if (isNew)
      files.push_back({path, named, test});
    else if (place->second == test)
      ++repeated;
    else
      ++alsoTest;
    return {};
  }

  Result<void> visitFolder(const std::string &path, const Identity &identity, bool test) {
    if (aroundOut.contains(identity))
      return fail(fmt::format("{}: expected a folder outside of the inputs as --out, found it "
                              "inside of {}",
                              options.out, path));
    if (!folders.insert(identity).second) // links can go round in circles
      return {};
    std::error_code error;
    std::vector<std::string> entries;
    for (fs::directory_iterator entry(path, error), end; !error && entry != end;
         entry.increment(error))
      if (!isHidden(entry->path()))
        entries.push_back(entry->path().string());
    if (error)
      return fail(fmt::format("{}: cannot read: {}", path, error.message()), ErrorKind::Io);
    std::ranges::sort(entries);
    for (const std::string &entry : entries)
      if (auto visited = visit(entry, false, test); !visited)
        return visited;
    return {};
  }

  const PrepareOptions &options;
  Prepared &result;
  std::vector<InputFile> files;
  std::map<Identity, bool> seen; // files, and whether they are for the test part
  std::set<Identity> folders, aroundOut;
  int64_t repeated = 0, alsoTest = 0;
};

Result<uint64_t> hashOf(const std::string &path) {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file)
    return forward(file);
  uint64_t hash = XXH3_64bits(file->bytes().data(), file->bytes().size());
  if (auto checked = file->check(); !checked)
    return forward(checked);
  return hash;
}

} // namespace

void passOver(std::span<const std::byte> file, Prepared &result) {
  ++result.foreign;
  if (const FileKind *kind = fileKind(file))
    ++result.foreignKinds[kind->name];
}

Result<std::vector<InputFile>> listInputs(const PrepareOptions &options, Prepared &result) {
  InputList list(options, result);
  for (bool test : {true, false})
    for (const std::string &path : test ? options.testInputs : options.inputs)
      if (auto added = list.add(path, test); !added)
        return forward(added);
  return list.take();
}

Result<void> dropCopies(std::vector<InputFile> &files, const PrepareOptions &options) {
  std::map<uintmax_t, std::vector<size_t>> bySize;
  for (size_t i = 0; i < files.size(); ++i) {
    std::error_code error;
    if (uintmax_t size = fs::file_size(files[i].path, error); !error && size > 0)
      bySize[size].push_back(i);
  }
  std::set<size_t> copies;
  for (const auto &[size, same] : bySize) {
    std::set<uint64_t> hashes;
    for (size_t i : same.size() > 1 ? same : std::vector<size_t>()) {
      Result<uint64_t> hash = hashOf(files[i].path);
      if (!hash)
        return forward(hash);
      if (!hashes.insert(*hash).second)
        copies.insert(i);
    }
  }
  if (copies.empty())
    return {};
  options.warn(fmt::format("{}: equal to another file, as {} of {}: each content is taken once",
                           files[*copies.begin()].path, copies.size(), files.size()));
  size_t index = 0;
  std::erase_if(files, [&](const InputFile &) { return copies.contains(index++); });
  return {};
}

Result<void> checkOut(const PrepareOptions &options) {
  std::error_code error;
  if (!fs::exists(options.out, error))
    return {};
  if (!fs::is_directory(options.out, error))
    return fail(fmt::format("{}: expected a folder as --out, found a file", options.out));
  bool earlier = false;
  std::string other;
  for (fs::directory_iterator entry(options.out, error), end; !error && entry != end;
       entry.increment(error)) {
    std::string name = entry->path().filename();
    auto begins = [&](const char *part) { return name.starts_with(fmt::format("{}.npy", part)); };
    auto is = [&](const char *part) { return name == fmt::format("{}.npy", part); };
    earlier |= std::ranges::any_of(partNames, is);
    // Also what a prepare left that was killed: train.npy.tmp and a number.
    if (std::ranges::none_of(partNames, begins) && !isHidden(entry->path()))
      other = name;
  }
  if (error)
    return fail(fmt::format("{}: cannot read: {}", options.out, error.message()), ErrorKind::Io);
  if (earlier && !options.fresh)
    return fail(fmt::format("{}: expected a new folder as --out, found the parts of an earlier "
                            "prepare: choose another one, or --fresh to replace them",
                            options.out));
  if (!earlier && !other.empty())
    return fail(fmt::format("{}: expected a new folder as --out, found '{}' in it", options.out,
                            printable(other)));
  return {};
}

} // namespace stc::runtime
