//===- RunFolder.cpp - fuzzes the JSON of a run's folder ---------------------------===//
//
// The first byte of an input says which file the rest is: metrics.jsonl, run.json, a checkpoint's
// state.json, an index of shards, or a map of names for export. The files are in memory where there
// is such a folder.
//
//===----------------------------------------------------------------------===//
#include "runtime/Checkpoint/Checkpoint.h"
#include "runtime/Checkpoint/Exchange.h"
#include "runtime/Checkpoint/Safetensors.h"
#include "runtime/Report/Page.h"
#include "runtime/Report/RunRecord.h"
#include "runtime/Support/Json.h"
#include "runtime/Train/Metrics.h"
#include "tests/fuzz/Fuzz.h"

#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <stdexcept>

#define XXH_INLINE_ALL
#include <xxhash.h>

using namespace stc;
namespace fs = std::filesystem;

namespace {

/// A folder of this process, with what every input finds there.
struct Folder {
  std::string path;

  Folder() {
    fs::path base = fs::exists("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path();
    std::string pattern = base / "stc-fuzz-XXXXXX";
    path = mkdtemp(pattern.data());
    write("metrics.jsonl", "{\"kind\":\"step\",\"step\":1,\"bits_per_byte\":8}\n");
    write("weights.safetensors", "");
    write("optimizer.safetensors", "");
    write("shard.safetensors", std::string_view("\2\0\0\0\0\0\0\0{}", 10));
  }
  ~Folder() { fs::remove_all(path); }

  void write(const std::string &name, std::string_view contents) const {
    std::ofstream(path + "/" + name, std::ios::binary) << contents;
  }
};

template <class T> void requireOneLine(const runtime::Result<T> &result) {
  if (!result)
    fuzz::requireOneLine(result.error().message);
}

void report(const std::string &folder) {
  auto record = runtime::readRun(folder);
  requireOneLine(record);
  if (record)
    FUZZ_REQUIRE(runtime::makePage(std::span(&*record, 1), nullptr), "a page");
}

/// The text with the checksum that it has to have, as Checkpoint.cpp seals it.
std::string sealed(std::string_view text) {
  nlohmann::ordered_json state = runtime::parseJson(text);
  if (!state.is_object())
    return std::string(text);
  state.erase("checksum");
  auto print = [&] { return state.dump(2, ' ', false, decltype(state)::error_handler_t::replace); };
  std::string before = print();
  state["checksum"] = fmt::format("{:016x}", XXH3_64bits(before.data(), before.size()));
  return print() + "\n";
}

enum Kind : char {
  MetricsFile = 'm',
  RunFile = 'r',
  StateFile = 's',
  IndexFile = 'i',
  NamesFile = 'n'
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const Folder folder;
  if (size == 0)
    return 0;
  std::string_view text(reinterpret_cast<const char *>(data) + 1, size - 1);
  switch (data[0]) {
  case MetricsFile:
    folder.write("metrics.jsonl", text);
    report(folder.path);
    requireOneLine(runtime::Metrics::open(folder.path, 5, 3, /*tensorBoard=*/false));
    break;
  case RunFile:
    folder.write("run.json", text);
    report(folder.path);
    fs::remove(folder.path + "/run.json");
    break;
  case StateFile: {
    folder.write("state.json", text);
    auto checkpoint = runtime::Checkpoint::open(folder.path);
    requireOneLine(checkpoint);
    if (checkpoint)
      FUZZ_REQUIRE(checkpoint->state().step > 0, "step");
    break;
  }
  case IndexFile:
    folder.write("shards.index.json", text);
    requireOneLine(runtime::SafetensorsFile::open(folder.path + "/shards.index.json"));
    break;
  case NamesFile: {
    folder.write("names.json", text);
    auto names = runtime::NameMap::open(folder.path + "/names.json");
    requireOneLine(names);
    if (names)
      for (const char *name : {"", "*", "transformer.h.3.ln_1.weight"})
        (void)names->toOther(name);
    break;
  }
  default:
    break;
  }
  return 0;
}

// Seals a state again, mostly.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize,
                                          unsigned seed) {
  size = LLVMFuzzerMutate(data, size, maxSize);
  if (seed % 8 == 0 || size == 0 || data[0] != StateFile)
    return size;
  std::string text = sealed({reinterpret_cast<const char *>(data) + 1, size - 1});
  if (text.size() >= maxSize)
    return size;
  std::memcpy(data + 1, text.data(), text.size());
  return 1 + text.size();
}
