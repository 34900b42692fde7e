//===- Seeds.cpp - writes what the fuzz targets start from -------------------------===//
//
// fuzz-seeds FOLDER: a small file a target in FOLDER/TARGET, and the words of its format in
// FOLDER/TARGET.dict. Written from the models, the shared cases and the table of keys, so that they
// follow these.
//
//===----------------------------------------------------------------------===//
#include "compiler/Spec/Keys.h"
#include "runtime/Checkpoint/Safetensors.h"
#include "runtime/Data/NpyFile.h"
#include "tests/cases/Cases.h"
#include "tests/unit/Runtime/DataFiles.h"
#include "tests/unit/Runtime/TestProgram.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <set>

using namespace stc;
using program::DType;
using runtime::test::bytesOf;
using Words = std::set<std::string>;

namespace {

std::filesystem::path folder;

/// The path of a new seed.
std::string seed(const std::string &target, const std::string &name) {
  std::filesystem::create_directories(folder / target);
  return folder / target / name;
}

void write(const std::string &path, const std::string &contents) {
  std::ofstream(path, std::ios::binary) << contents;
}

template <class T> void require(const runtime::Result<T> &result) {
  if (result)
    return;
  std::fprintf(stderr, "fuzz-seeds: error: %s\n", result.error().message.c_str());
  std::exit(1);
}

void writeDictionary(const std::string &target, const Words &words) {
  std::string text;
  for (const std::string &word : words) {
    text += '"';
    for (char c : word)
      text += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
    text += "\"\n";
  }
  write(folder / (target + ".dict"), text);
}

void writePrograms() {
  runtime::test::ProgramSpec small = runtime::test::smallProgram(), bare = small,
                             gpu = runtime::test::gpuProgram();
  small.code = bare.code = "code";
  bare.entries.clear();
  bare.kernels.clear();
  for (const auto &[name, spec] : {std::pair("small", &small), {"bare", &bare}, {"gpu", &gpu}}) {
    std::string payload = spec->build();
    require(runtime::writeProgram(seed("program", name), bytesOf(payload)));
  }
  writeDictionary("program", {"data.kind", "data.context", "data.split", "[0.9, 0.05, 0.05]",
                              "host", "sm_90a"});
}

void writeWeights() {
  const std::string data(64, 'x');
  const runtime::NamedTensor tensors[] = {
      {"matrix", DType::F32, {2, 3}, bytesOf(data).first(24)},
      {"vector", DType::BF16, {4}, bytesOf(data).first(8)},
      {"scalar", DType::I64, {}, bytesOf(data).first(8)},
      {"empty", DType::U8, {0, 7}, {}},
  };
  require(runtime::writeSafetensors(seed("safetensors", "none"), {}));
  require(runtime::writeSafetensors(seed("safetensors", "four"), tensors));
  writeDictionary("safetensors", {"\"dtype\"", "\"shape\"", "\"data_offsets\"", "\"__metadata__\"",
                                  "\"F64\"", "\"F32\"", "\"F16\"", "\"BF16\"", "\"I64\"", "\"I32\"",
                                  "\"U8\"", "\"BOOL\"", "9223372036854775807", "\\u0000"});
}

void writeArrays() {
  const std::string data(48, 'x');
  require(runtime::writeNpy(seed("npy", "matrix"), DType::F32, std::vector<int64_t>{3, 4},
                            bytesOf(data)));
  require(
      runtime::writeNpy(seed("npy", "vector"), DType::I64, std::vector<int64_t>{6}, bytesOf(data)));
  require(runtime::writeNpy(seed("npy", "scalar"), DType::U8, {}, bytesOf(data).first(1)));
  writeDictionary("npy",
                  {"'descr'", "'fortran_order'", "'shape'", "False", "True", "'<f2'", "'<f4'",
                   "'<f8'", "'<i4'", "'<i8'", "'|u1'", "'|b1'", "9223372036854775807"});
}

void writeRunFolder() {
  write(seed("run-folder", "metrics"),
        R"(m{"kind":"step","step":1,"bits_per_byte":7.5,"gradient_norm":1.5,"learning_rate":0.001,)"
        R"("bytes_per_second":1e6,"seconds":0.5})"
        "\n"
        R"({"kind":"eval","step":1,"bits_per_byte":7.6,"standard_error":0.01,"bytes":100})"
        "\n");
  write(seed("run-folder", "run"),
        R"(r{"program":"small","parameters":256,"settings":{"data.kind":"text"},"data":"a.txt",)"
        R"("seed":3,"steps":100,"threads":2})");
  // Of files of no bytes, and with a checksum of its own that the first mutation puts right.
  write(
      seed("run-folder", "state"),
      R"(s{"version":1,"step":20,"steps":100,"program":"small","specification":"","data":"a.txt",)"
      R"("order":{"seed":3,"batch":2,"window":32,"data_bytes":1000,"part":"train"},"seconds":1.5,)"
      R"("evaluated_step":20,"best":{"step":20,"bits_per_byte":7.5},"files":)"
      R"({"weights.safetensors":"2d06800538d394c2","optimizer.safetensors":"2d06800538d394c2"},)"
      R"("checksum":""})");
  write(seed("run-folder", "index"),
        R"(i{"metadata":{"total_size":4},"weight_map":{"w":"shard.safetensors"}})");
  write(seed("run-folder", "names"), R"(n{"h.*.attn.weight":"blocks.*.qkv","tok":"embedding"})");
  writeDictionary("run-folder", {"\"kind\"", "\"step\"", "\"eval\"", "\"settings\"", "\"best\"",
                                 "null", "1e300", "9223372036854775808", "-1", "*"});
}

Words patternWords() {
  return {"dense",   "local(",        "dilated(", "stride(",  "strided(", "block(",
          "blocks(", "summary(",      "fixed(",   "sinks(",   "global(",  "longnet(",
          "axial(",  "neighborhood(", "[i] ->",   "[j] :",    "exists",   "floor(",
          "ceil(",   "floord(",       "min(",     "max(",     " mod ",    " and ",
          " or ",    "not ",          "true",     "false",    "<=",       ">=",
          "!=",      "{ [i] ->",      "n - 1",    "[n] -> {", "/\\",      "2147483647"};
}

void writePatterns() {
  for (const cases::Case &one : cases::attentionCases())
    for (size_t k = 0; k < one.patterns.size(); ++k) {
      std::string name = fmt::format("{}_{}", one.name, k);
      write(seed("syntax", name), one.patterns[k]);
      // Lengths and tiles of all sizes.
      char length = char('0' + one.n % 64), tile = char('0' + one.querySize / 8 % 16);
      write(seed("pattern", name), std::string{length, tile} + one.patterns[k]);
    }
  writeDictionary("syntax", patternWords());
  writeDictionary("pattern", patternWords());
}

void writePictures() {
  using namespace runtime::test;
  std::vector<uint8_t> pixels(16 * 12 * 4);
  for (size_t k = 0; k < pixels.size(); ++k)
    pixels[k] = static_cast<uint8_t>(k * k / 7);
  for (int channels = 1; channels <= 4; ++channels)
    write(seed("pictures", fmt::format("png{}", channels)), writePng(16, 12, channels, pixels));
  for (int channels : {1, 3})
    write(seed("pictures", fmt::format("jpeg{}", channels)), writeJpeg(16, 12, channels, pixels));
  write(seed("pictures", "jpeg_progressive"), writeJpeg(16, 12, 3, pixels, 2, 2, true));
  write(seed("pictures", "jpeg_410"), writeJpeg(16, 12, 3, pixels, 4, 2));
  const std::string gamma = pngChunk("gAMA", {0, 1, '\x86', '\xa0'}),
                    palette = pngChunk("PLTE", "RGBrgbRGb") + pngChunk("tRNS", "a");
  write(seed("pictures", "png_16"), assemblePng(2, 1, 16, 4, {0, 1, 2, 3, 4, 0, 5, 6, 7, 8}));
  write(seed("pictures", "png_palette"), assemblePng(1, 4, 2, 3, {0, 0x18}, gamma + palette));
  write(seed("pictures", "cifar"), std::string(1 + 3 * 32 * 32, '\3'));
  for (bool deflated : {false, true})
    write(seed("pictures", deflated ? "npz_deflated" : "npz"),
          writeZip({{"labels.npy", "1"},
                    {"data.npy", npyStart("(2, 12)") + std::string(24, 'x'), deflated, deflated}}));
  writeDictionary("pictures", {"IHDR", "PLTE", "IDAT", "IEND", "tRNS", "gAMA", "iCCP", "sRGB",
                               "JFIF", "Exif", "Adobe", "data.npy", "PK"});
}

void writeSounds() {
  using namespace runtime::test;
  std::vector<float> samples = tone(440, 8000, 200);
  for (auto [format, bits] : {std::pair(1, 8), {1, 16}, {1, 24}, {3, 32}, {3, 64}})
    write(seed("sounds", fmt::format("wav{}_{}", format, bits)),
          writeWav(format, bits, 8000, 2, samples));
  const std::string flac = writeFlac(8000, 2, samples), vorbis = writeVorbis(8000, 1, samples);
  write(seed("sounds", "flac"), flac);
  write(seed("sounds", "flac_tags"),
        std::string("ID3\4\0\0\0\0\0\1x", 11) + flac + flac + "TAG" + std::string(125, 'x'));
  write(seed("sounds", "vorbis"), vorbis);
  write(seed("sounds", "vorbis_links"), vorbis + writeOggPage(5, "OpusHead") + vorbis);
  // RF64 and RIFX of libsndfile.
  write(
      seed("sounds", "rf64"),
      fromHex("52463634ffffffff57415645647336341c0000006c000000000000000c00000000000000060000000000"
              "000000000000666d742028000000feff0100401f0000803e000002001000160010000400000001000000"
              "00001000800000aa00389b7164617461ffffffff0000002000c0006000800010"));
  write(
      seed("sounds", "rifx"),
      fromHex("524946580000003657415645666d7420000000100001000100001f4000005dc000030018646174610000"
              "0012000000200000c00000600000800000100000"));
  writeDictionary("sounds", {"RIFF", "WAVE", "fmt ", "data", "fLaC", "OggS", "vorbis", "LIST",
                             "RF64", "RIFX", "ds64", "ID3", "TAG", "APETAGEX", "OpusHead"});
}

void writeSpecifications() {
  for (const auto &entry : std::filesystem::directory_iterator(STC_MODELS))
    std::filesystem::copy_file(entry.path(), seed("specification", entry.path().filename()));
  Words words = patternWords();
  for (const spec::Section &section : spec::sections())
    words.insert(fmt::format("[{}]", section.name));
  for (const spec::Key &key : spec::keys()) {
    words.insert(fmt::format("{} = ", key.name));
    if (const auto *choice = std::get_if<spec::Choice>(&key.value))
      for (std::string_view word : choice->words)
        words.insert(fmt::format("\"{}\"", word));
  }
  for (const char *word : {"\"\"\"", "'''", "\\u00e9", "\\n", "[[", "1979-05-27T07:32:00Z", "inf",
                           "nan", "0x7f", "1e400", "true", "false", "512 MiB"})
    words.insert(word);
  writeDictionary("specification", words);
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz-seeds FOLDER\n");
    return 2;
  }
  folder = argv[1];
  std::filesystem::create_directories(folder);
  writePrograms();
  writeWeights();
  writeArrays();
  writeRunFolder();
  writePatterns();
  writePictures();
  writeSounds();
  writeSpecifications();
  return 0;
}
