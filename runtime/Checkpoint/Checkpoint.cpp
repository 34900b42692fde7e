//===- Checkpoint.cpp - all that a training run needs to go on ---------------------------===//
#include "runtime/Checkpoint/Checkpoint.h"
#include "runtime/Checkpoint/Weights.h"
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

struct PartOfCheckpoint {
  const char *file;
  VariableSet set;
};
constexpr PartOfCheckpoint parts[] = {{"weights.safetensors", VariableSet::Weights},
                                      {"optimizer.safetensors", VariableSet::OptimizerState}};

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

Result<void> writeFiles(Executor &executor, const std::string &folder, const TrainingState &state) {
  json text = toJson(state, executor.program());
  for (const PartOfCheckpoint &part : parts) {
    Result<uint64_t> checksum =
        saveVariables(executor, part.set, fmt::format("{}/{}", folder, part.file));
    if (!checksum)
      return forward(checksum);
    text["files"][part.file] = printChecksum(*checksum);
  }
  Result<AtomicFile> file = AtomicFile::create(folder + "/state.json");
  if (!file)
    return forward(file);
  if (auto written = file->write(seal(text)); !written)
    return written;
  return file->commit();
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

Result<void> writeCheckpoint(Executor &executor, const std::string &path,
                             const TrainingState &state) {
  nvtx::Range range("checkpoint");
  if (!executor.isFirst()) { // which writes what the others have, too
    for (const PartOfCheckpoint &part : parts)
      if (auto given = saveVariables(executor, part.set, path); !given)
        return forward(given);
    return {};
  }
  std::string temporary = path + ".tmp";
  std::error_code error;
  std::filesystem::remove_all(temporary, error);
  std::filesystem::create_directory(temporary, error);
  if (error)
    return fail(fmt::format("{}: cannot create: {}", path, error.message()), ErrorKind::Io);
  Result<void> written = writeFiles(executor, temporary, state);
  if (written) {
    std::filesystem::rename(temporary, path, error);
    if (!error)
      return syncFolder(std::filesystem::path(path).parent_path());
    written = fail(fmt::format("{}: cannot rename to: {}", path, error.message()), ErrorKind::Io);
  }
  std::filesystem::remove_all(temporary, error);
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
    for (const PartOfCheckpoint &part : parts) {
      std::string name = fmt::format("{}/{}", path, part.file);
      Result<MappedFile> variables = MappedFile::open(name);
      if (!variables)
        return forward(variables);
      if (state.at("files").at(part.file) != checksumOf(variables->bytes()))
        return fail(name + ": its checksum does not fit its contents: it is damaged");
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
  for (const PartOfCheckpoint &part : parts)
    if (auto loaded = loadVariables(executor, part.set, fmt::format("{}/{}", folder, part.file));
        !loaded)
      return fail(fmt::format("{} (checkpoint of '{}')", loaded.error().message, program),
                  loaded.error().kind);
  return {};
}

} // namespace stc::runtime
