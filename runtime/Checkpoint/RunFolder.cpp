//===- RunFolder.cpp - the folder of a training run ---------------------------------------===//
#include "runtime/Checkpoint/RunFolder.h"
#include "runtime/Support/File.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

namespace stc::runtime {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view weightsName = "weights.safetensors", bestName = "best",
                           checkpointsName = "checkpoints", prefix = "step-";
// All that a run writes, but for its lock; samples are not its own.
constexpr std::string_view runFiles[] = {weightsName,     bestName,   checkpointsName,
                                         "metrics.jsonl", "run.json", "tensorboard"};

tl::unexpected<Error> ioError(const std::string &path, const char *verb,
                              const std::error_code &error) {
  return fail(fmt::format("{}: cannot {}: {}", path, verb, error.message()), ErrorKind::Io);
}

// The names in a folder; none if it cannot be read.
std::vector<std::string> namesIn(const std::string &folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    names.push_back(it->path().filename());
  return names;
}

// "step-00001000" is 1000; a name that is nothing of that kind, or has something behind it, is
// none.
std::optional<int64_t> stepOf(std::string_view name) {
  if (!name.starts_with(prefix))
    return std::nullopt;
  name.remove_prefix(prefix.size());
  int64_t step = 0;
  auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), step);
  if (error != std::errc() || end != name.data() + name.size() || step <= 0)
    return std::nullopt;
  return step;
}

std::string nameOf(int64_t step) { return fmt::format("{}{:08}", prefix, step); }

// Removes under another name, so that nothing half removed looks whole.
Result<void> removeFolder(const std::string &path) {
  std::error_code error;
  std::string doomed = path + ".tmp";
  fs::rename(path, doomed, error);
  if (!error)
    fs::remove_all(doomed, error);
  return error ? ioError(path, "remove", error) : Result<void>();
}

// Makes `link` point to `target` (relative to the link's folder) in one step. A folder in its place
// is what a copy that followed the link has made of it.
std::error_code replaceLink(const std::string &target, const std::string &link) {
  std::error_code error;
  std::string temporary = link + ".tmp";
  if (fs::is_directory(fs::symlink_status(link, error)))
    fs::rename(link, temporary, error);
  fs::remove_all(temporary, error);
  fs::create_symlink(target, temporary, error);
  if (!error)
    fs::rename(temporary, link, error);
  return error;
}

bool linksAreImpossible(const std::error_code &error) {
  return error == std::errc::operation_not_permitted ||
         error == std::errc::operation_not_supported || error == std::errc::function_not_supported;
}

Result<void> copyFile(const std::string &from, const std::string &to) {
  Result<MappedFile> source = MappedFile::open(from);
  if (!source)
    return forward(source);
  Result<AtomicFile> copy = AtomicFile::create(to);
  if (!copy)
    return forward(copy);
  if (auto written = copy->write(source->bytes()); !written)
    return written;
  return copy->commit();
}

} // namespace

Result<RunFolder> RunFolder::open(const std::string &path) {
  RunFolder folder(path);
  std::error_code error;
  fs::create_directories(folder.file(checkpointsName), error);
  if (error)
    return ioError(path, "create", error);
  std::string lockName = folder.file(".lock");
  folder.lock = ::open(lockName.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (folder.lock < 0)
    return systemError(lockName, "create");
  // Where the file system knows no locks, a run goes on without.
  if (flock(folder.lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    return fail(path + ": another run is training in this folder");
  folder.removeLeftovers();
  // Finds out now, not after hours, that the folders cannot be written.
  for (const std::string &name : {folder.file(weightsName), folder.checkpoint(0)})
    if (auto file = AtomicFile::create(name); !file)
      return forward(file);
  return folder;
}

Result<void> RunFolder::requireShared(const std::string &path) {
  return requireSharedFolder(fmt::format("{}/{}", path, checkpointsName));
}

RunFolder::RunFolder(RunFolder &&other) noexcept
    : path(std::move(other.path)), lock(std::exchange(other.lock, -1)) {}

RunFolder::~RunFolder() {
  if (lock >= 0)
    close(lock);
}

void RunFolder::removeLeftovers() {
  for (const std::string &folder : {path, file(checkpointsName)})
    for (const std::string &name : namesIn(folder)) {
      // What AtomicFile, replaceLink and the writing and removing of checkpoints leave; nothing of
      // anybody else's.
      size_t dot = name.rfind(".tmp");
      std::string_view base = std::string_view(name).substr(0, dot);
      bool ours = stepOf(base) || std::ranges::find(runFiles, base) != std::end(runFiles);
      std::error_code ignored;
      if (ours && dot != name.npos && name.find_first_not_of("0123456789", dot + 4) == name.npos)
        fs::remove_all(folder + "/" + name, ignored);
    }
}

std::vector<int64_t> RunFolder::checkpoints() const {
  std::vector<int64_t> steps;
  for (const std::string &name : namesIn(file(checkpointsName)))
    if (std::optional<int64_t> step = stepOf(name); step && name == nameOf(*step))
      steps.push_back(*step);
  std::ranges::sort(steps);
  return steps;
}

std::string RunFolder::checkpoint(const std::string &path, int64_t step) {
  return fmt::format("{}/{}/{}", path, checkpointsName, nameOf(step));
}

bool RunFolder::hasWeights() const {
  return !checkpoints().empty() || fs::exists(file(weightsName));
}

Result<void> RunFolder::clear() {
  for (int64_t step : checkpoints())
    if (auto removed = removeFolder(checkpoint(step)); !removed)
      return removed;
  for (std::string_view name : runFiles) {
    std::error_code error;
    fs::remove_all(file(name), error);
    if (error)
      return ioError(file(name), "remove", error);
  }
  std::error_code error;
  fs::create_directory(file(checkpointsName), error);
  return error ? ioError(file(checkpointsName), "create", error) : Result<void>();
}

Result<std::optional<Checkpoint>>
RunFolder::newest(const std::function<void(const std::string &)> &warn) {
  std::vector<int64_t> steps = checkpoints();
  if (steps.empty())
    return std::nullopt;
  std::vector<std::pair<int64_t, std::string>> damaged;
  std::optional<Checkpoint> found;
  for (; !steps.empty() && !found; steps.pop_back()) {
    Result<Checkpoint> checkpoint = Checkpoint::open(this->checkpoint(steps.back()));
    if (checkpoint)
      found.emplace(std::move(*checkpoint));
    else
      damaged.emplace_back(steps.back(), checkpoint.error().message);
  }
  if (!found)
    return fail(fmt::format("{}; no checkpoint of {} is whole", damaged.front().second, path));
  for (const auto &[step, reason] : damaged) {
    std::string name = checkpoint(step), aside = name + ".damaged";
    std::error_code error;
    fs::remove_all(aside, error);
    fs::rename(name, aside, error);
    if (error)
      return ioError(name, "set aside", error);
    warn(fmt::format("{}; it is set aside as {}.damaged, going on from step {}", reason,
                     nameOf(step), found->state().step));
  }
  return found;
}

Result<void> RunFolder::save(Executor &executor, const TrainingState &state, int64_t keep) {
  if (auto written = writeCheckpoint(executor, checkpoint(state.step), state); !written)
    return written;
  return publish(state, keep);
}

Result<void> RunFolder::publish(const TrainingState &state, int64_t keep) {
  std::string newest = fmt::format("{}/{}", checkpointsName, nameOf(state.step));
  std::error_code error = replaceLink(fmt::format("{}/{}", newest, weightsName), file(weightsName));
  if (linksAreImpossible(error)) {
    if (auto copied = copyFile(file(newest) + "/" + std::string(weightsName), file(weightsName));
        !copied)
      return copied;
  } else if (error) {
    return ioError(file(weightsName), "create", error);
  }
  if (state.best) {
    error = replaceLink(fmt::format("{}/{}", checkpointsName, nameOf(state.best->step)),
                        file(bestName));
    if (error && !linksAreImpossible(error))
      return ioError(file(bestName), "create", error);
  }
  // The links are on the disk before what they pointed to is removed.
  if (auto synced = syncFolder(path); !synced)
    return synced;
  std::vector<int64_t> steps = checkpoints();
  steps.resize(std::max<int64_t>(0, std::ssize(steps) - keep));
  for (int64_t step : steps)
    if (!state.best || step != state.best->step)
      if (auto removed = removeFolder(checkpoint(step)); !removed)
        return removed;
  return {};
}

} // namespace stc::runtime
