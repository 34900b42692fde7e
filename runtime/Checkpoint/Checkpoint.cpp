//===- Checkpoint.cpp - all that a training run needs to go on ---------------------------===//
#include "runtime/Checkpoint/Checkpoint.h"
#include "runtime/Checkpoint/Shards.h"
#include "runtime/Checkpoint/Weights.h"
#include "runtime/Program/Parts.h"
#include "runtime/Support/File.h"
#include "runtime/Support/Json.h"
#include "runtime/Support/Nvtx.h"

#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace stc::runtime {

using json = nlohmann::ordered_json;

namespace {

constexpr int64_t stateVersion = 1;

constexpr const char *wantsSharedFolder =
    "the run's folder (--out) has to be on a file system that all processes share";

struct PartOfCheckpoint {
  const char *file;
  VariableSet set;
  bool isSharded; // where there are several devices
};
constexpr PartOfCheckpoint parts[] = {{"weights.safetensors", VariableSet::Weights, false},
                                      {"optimizer.safetensors", VariableSet::OptimizerState, true}};

// The files that hold a part which such a program writes.
std::vector<std::string> namesOf(const PartOfCheckpoint &part, const program::Program &program) {
  return shardNames(part.file, part.isSharded ? deviceCount(program) : 1);
}

std::string pathIn(const std::string &folder, std::string_view name) {
  return fmt::format("{}/{}", folder, name);
}

std::string printChecksum(uint64_t checksum) { return fmt::format("{:016x}", checksum); }

std::string checksumOf(std::span<const std::byte> bytes) {
  return printChecksum(XXH3_64bits(bytes.data(), bytes.size()));
}

std::string checksumOf(std::string_view text) { return checksumOf(std::as_bytes(std::span(text))); }

std::string specificationOf(const program::Program &program) {
  return checksumOf(program.specification()->string_view());
}

json toJson(const TrainingState &state, const program::Program &program) {
  const SampleOrder &order = state.order;
  json result = {{"version", stateVersion},
                 {"step", state.step},
                 {"steps", state.steps},
                 {"program", program.name()->str()},
                 {"specification", specificationOf(program)},
                 {"data", state.data},
                 {"order",
                  {{"seed", order.seed},
                   {"batch", order.batch},
                   {"window", order.window},
                   {"data_bytes", order.dataBytes},
                   {"part", order.part},
                   {"checksum", order.checksum}}},
                 {"seconds", state.seconds},
                 {"evaluated_step", state.evaluatedStep},
                 {"best", nullptr}};
  if (state.best)
    result["best"] = {{"step", state.best->step}, {"bits_per_byte", state.best->bitsPerByte}};
  return result;
}

// The checksum is of the text of all keys before it.
std::string seal(json &state) {
  std::string text = state.dump(2, ' ', false, json::error_handler_t::replace);
  state["checksum"] = checksumOf(text);
  return state.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

bool isSealed(json &state) {
  if (!state.is_object() || !state.contains("checksum"))
    return false;
  json checksum = state["checksum"];
  state.erase("checksum");
  return checksum == checksumOf(state.dump(2, ' ', false, json::error_handler_t::replace));
}

// Throws where a key is missing or of another type.
TrainingState toState(const json &state) {
  const json &order = state.at("order"), &best = state.at("best");
  // A fraction is another type, too: it need not fit an integer.
  auto integer = [](const json &object, const char *key) {
    return object.at(key).get_ref<const int64_t &>();
  };
  TrainingState result{integer(state, "step"),
                       integer(state, "steps"),
                       {integer(order, "seed"), integer(order, "batch"), integer(order, "window"),
                        integer(order, "data_bytes"), order.at("part"),
                        order.value("checksum", "")},
                       state.at("data"),
                       state.at("seconds"),
                       integer(state, "evaluated_step"),
                       {}};
  if (!best.is_null())
    result.best = {integer(best, "step"), best.at("bits_per_byte")};
  return result;
}

// The error of one device is that of all.
Result<void> together(Executor &executor, Result<void> own) {
  auto all = executor.collect(own.map([] { return std::string(); }));
  return all ? Result<void>() : forward(all);
}

Result<void> createFolder(const std::string &path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  std::filesystem::create_directory(path, error);
  if (!error)
    return {};
  return fail(fmt::format("{}: cannot create: {}", path, error.message()), ErrorKind::Io);
}

Result<void> requireFile(const std::string &path, size_t rank, const WrittenFile &written) {
  std::error_code error;
  const uint64_t found = std::filesystem::file_size(path, error);
  if (!error && found == written.bytes)
    return {};
  return fail(fmt::format("{}: expected the {} bytes that rank {} has written, found {}: {}", path,
                          written.bytes, rank, error ? "no file" : std::to_string(found),
                          wantsSharedFolder));
}

Result<void> writeText(const std::string &path, std::string_view text) {
  Result<AtomicFile> file = AtomicFile::create(path);
  if (!file)
    return forward(file);
  if (auto written = file->write(text); !written)
    return written;
  return file->commit();
}

// What the first device adds, which knows what was written of each part.
Result<void> complete(const program::Program &program, const std::string &folder,
                      const TrainingState &state,
                      std::span<const std::vector<WrittenFile>> written) {
  json text = toJson(state, program);
  json &checksums = text["files"];
  for (size_t part = 0; part < std::size(parts); ++part) {
    const std::vector<std::string> names = namesOf(parts[part], program);
    for (size_t rank = 0; rank < written[part].size(); ++rank) {
      const WrittenFile &file = written[part][rank];
      if (auto found = requireFile(pathIn(folder, names[rank]), rank, file); !found)
        return found;
      checksums[names[rank]] = printChecksum(file.checksum);
    }
    if (names.size() == 1)
      continue;
    const std::string index = printIndex(program, parts[part].set, names),
                      name = indexName(parts[part].file);
    if (auto saved = writeText(pathIn(folder, name), index); !saved)
      return saved;
    checksums[name] = checksumOf(index);
  }
  return writeText(pathIn(folder, "state.json"), seal(text));
}

Result<void> rename(const std::string &temporary, const std::string &path) {
  std::error_code error;
  std::filesystem::rename(temporary, path, error);
  if (error)
    return fail(fmt::format("{}: cannot rename to: {}", path, error.message()), ErrorKind::Io);
  return syncFolder(std::filesystem::path(path).parent_path());
}

// Each of the parts in its turn.
Result<std::vector<std::vector<WrittenFile>>> writeParts(Executor &executor,
                                                         const std::string &folder) {
  std::vector<std::vector<WrittenFile>> all;
  for (const PartOfCheckpoint &part : parts) {
    std::vector<std::string> paths;
    for (const std::string &name : namesOf(part, executor.program()))
      paths.push_back(pathIn(folder, name));
    auto written = saveVariables(executor, part.set, paths);
    if (!written)
      return forward(written);
    all.push_back(std::move(*written));
  }
  return all;
}

Result<void> writeTogether(Executor &executor, const std::string &path,
                           const std::string &temporary, const TrainingState &state) {
  const bool isFirst = executor.isFirst();
  if (auto created = together(executor, isFirst ? createFolder(temporary) : Result<void>());
      !created)
    return created;
  if (auto seen = together(executor, requireSharedFolder(temporary)); !seen)
    return seen;
  auto written = writeParts(executor, temporary);
  if (!written)
    return forward(written);
  Result<void> done;
  if (isFirst)
    done = complete(executor.program(), temporary, state, *written).and_then([&] {
      return rename(temporary, path);
    });
  return together(executor, std::move(done));
}

} // namespace

std::string differences(const SampleOrder &before, const SampleOrder &now) {
  std::vector<std::string> all;
  auto compare = [&](const char *what, const auto &was, const auto &is) {
    if (was != is)
      all.push_back(fmt::format("{} {}, now {}", what, was, is));
  };
  compare("seed", before.seed, now.seed);
  compare("batch", before.batch, now.batch);
  compare("window", before.window, now.window);
  compare("bytes of data", before.dataBytes, now.dataBytes);
  compare("part", before.part, now.part);
  compare("checksum of the data", before.checksum, now.checksum);
  return fmt::format("{}", fmt::join(all, "; "));
}

Result<void> requireSharedFolder(const std::string &path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error))
    return {};
  return fail(fmt::format("{}: expected the folder that rank 0 has created, found none: {}", path,
                          wantsSharedFolder));
}

Result<void> writeCheckpoint(Executor &executor, const std::string &path,
                             const TrainingState &state) {
  nvtx::Range range("checkpoint");
  const std::string temporary = path + ".tmp";
  Result<void> written = writeTogether(executor, path, temporary, state);
  if (!written && executor.isFirst()) {
    std::error_code ignored;
    std::filesystem::remove_all(temporary, ignored);
  }
  return written;
}

Result<Checkpoint> Checkpoint::open(const std::string &path) {
  std::string statePath = path + "/state.json";
  Result<MappedFile> file = MappedFile::open(statePath);
  if (!file)
    return forward(file);
  json state = parseJson(file->text());
  if (!isSealed(state))
    return fail(statePath + ": its checksum does not fit its contents: it is damaged");
  Checkpoint checkpoint;
  checkpoint.folder = path;
  try {
    if (state.at("version") != stateVersion)
      return fail(fmt::format("{}: expected version {}, found {}", statePath, stateVersion,
                              printable(state.at("version").dump())));
    const json &files = state.at("files");
    for (const auto &[name, checksum] : files.items()) {
      if (!isFileName(name))
        return fail(
            fmt::format("{}: expected files beside it, found '{}'", statePath, printable(name)));
      Result<MappedFile> variables = MappedFile::open(pathIn(path, name));
      if (!variables)
        return forward(variables);
      if (checksum != checksumOf(variables->bytes()))
        return fail(pathIn(path, name) + ": its checksum does not fit its contents: it is damaged");
    }
    for (size_t part = 0; part < std::size(parts); ++part) {
      const std::string whole = parts[part].file,
                        name = files.contains(whole) ? whole : indexName(whole);
      (void)files.at(name);
      checkpoint.paths[part] = pathIn(path, name);
    }
    checkpoint.program = state.at("program");
    checkpoint.specification = state.at("specification");
    checkpoint.training = toState(state);
    if (checkpoint.training.step < 1)
      return fail(fmt::format("{}: expected steps that were done, found {}", statePath,
                              checkpoint.training.step));
  } catch (const json::exception &error) {
    return fail(
        fmt::format("{}: expected the state of a training run: {}", statePath, error.what()));
  }
  return checkpoint;
}

bool Checkpoint::sameSpecification(const program::Program &program) const {
  return specification == specificationOf(program);
}

Result<void> Checkpoint::load(Executor &executor) const {
  for (size_t part = 0; part < std::size(parts); ++part)
    if (auto loaded = loadVariables(executor, parts[part].set, paths[part]); !loaded)
      return fail(fmt::format("{} (checkpoint of '{}')", loaded.error().message, program),
                  loaded.error().kind);
  return {};
}

} // namespace stc::runtime
