//===- ProgramFileTest.cpp - program files: round trip, damage, unsound contents ------===//
#include "runtime/Program/ProgramFile.h"
#include "runtime/Program/Settings.h"
#include "tests/unit/Runtime/TestProgram.h"

#include <filesystem>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <random>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace stc::runtime::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// A small file, so that each of its bytes can be tried.
ProgramSpec codelessProgram() {
  ProgramSpec spec = smallProgram();
  spec.code = "no code";
  return spec;
}

std::string errorOf(const std::string &path) {
  auto file = ProgramFile::open(path);
  return file ? "" : file.error().message;
}

TEST(ProgramFile, RoundTrips) {
  auto file = ProgramFile::open(smallProgram().write("small.stcp"));
  ASSERT_TRUE(file) << file.error().message;
  const program::Program &program = file->program();
  EXPECT_EQ(program.entries()->Get(0)->name()->str(), "f");
  EXPECT_EQ(program.entries()->Get(0)->steps()->size(), 5u);

  Settings settings(program);
  EXPECT_EQ(settings.text("data.kind").value(), "text");
  EXPECT_EQ(settings.integer("data.context").value(), 16);
  EXPECT_EQ(settings.integer("none", 3).value(), 3);
  EXPECT_EQ(settings.integer("none").error().message,
            "expected setting 'none' in the program, found none");
  EXPECT_EQ(settings.number("bad").error().message,
            "expected a number as setting 'bad', found '1x'");
}

// As cp does it to the program of a run of hours; a rename would leave the old file be.
TEST(ProgramFile, OutlivesTheFile) {
  std::string path = smallProgram().write("overwritten.stcp");
  auto file = ProgramFile::open(path);
  ASSERT_TRUE(file) << file.error().message;
  writeFile(path, "");
  EXPECT_EQ(file->program().entries()->Get(0)->name()->str(), "f");
  EXPECT_TRUE(checkProgram(file->program()));
}

TEST(ProgramFile, SaysWhatItFoundInstead) {
  std::string path = temporaryPath("foreign.stcp");
  EXPECT_THAT(errorOf(path), HasSubstr("cannot open: No such file or directory"));
  EXPECT_THAT(errorOf(temporaryPath("")), HasSubstr("expected a file"));
  writeFile(path, "");
  EXPECT_EQ(errorOf(path), path + ": expected a compiled program, found an empty file");
  writeFile(path, std::string("PK\3\4\0\0\0\0\0\0", 10));
  EXPECT_EQ(errorOf(path),
            path + ": expected a compiled program, found a file that begins with \"PK......\"");
  std::string good = readFile(codelessProgram().write("good.stcp")), changed = good;
  changed[8] = 7;
  writeFile(path, changed);
  EXPECT_THAT(errorOf(path), HasSubstr("expected program format 3, found 7"));
}

TEST(ProgramFile, EveryFlipAndTruncationIsAnError) {
  std::string good = readFile(codelessProgram().write("good.stcp")),
              path = temporaryPath("bad.stcp");
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] ^= 1 << i % 8;
    writeFile(path, bad);
    ASSERT_THAT(errorOf(path), StartsWith(path + ": ")) << "flipped byte " << i;
    writeFile(path, good.substr(0, i));
    ASSERT_THAT(errorOf(path), StartsWith(path + ": ")) << "cut to " << i;
  }
  writeFile(path, good + "x");
  EXPECT_THAT(errorOf(path), HasSubstr("it is damaged"));
}

// Damage that the checksum does not see reaches the verifier and the checks: an error, or a program
// that can be read.
TEST(ProgramFile, UnsoundContentsNeverCrash) {
  std::string payloads[] = {codelessProgram().build(), gpuProgram().build()},
              path = temporaryPath("bad.stcp");
  unsigned seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  int accepted = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string bad = payloads[round % 2];
    for (int flips = random() % 3; flips >= 0; --flips)
      bad[random() % bad.size()] = static_cast<char>(random() % 4 == 0 ? 0xff : random());
    auto written = writeProgram(path, std::as_bytes(std::span(bad)));
    ASSERT_TRUE(written) << written.error().message;
    auto file = ProgramFile::open(path);
    if (!file)
      continue;
    ++accepted;
    ASSERT_TRUE(checkProgram(file->program()));
  }
  EXPECT_GT(accepted, 0);
}

struct Unsound {
  const char *message;
  std::function<void(ProgramSpec &)> damage;
};

TEST(ProgramFile, ChecksTheMeaning) {
  auto gemm = [](ProgramSpec &spec) -> StepSpec::Gemm & {
    return spec.entries[0].steps[0].gemm[0];
  };
  auto launch = [](ProgramSpec &spec) -> StepSpec::Launch & {
    return spec.entries[0].steps[1].launch[0];
  };
  auto copy = [](ProgramSpec &spec) -> StepSpec::Copy & {
    return spec.entries[0].steps[3].copy[0];
  };
  const int64_t huge = int64_t(1) << 40;
  const Unsound cases[] = {
      {"expected input 'x' inside the arena's first 4096 bytes, found 24 bytes at 4080",
       [](ProgramSpec &s) { s.entries[0].inputs[0].offset = 4080; }},
      {"expected a possible shape of input 'x', found f32[2, -3]",
       [](ProgramSpec &s) {
         s.entries[0].inputs[0].shape = {2, -3};
       }},
      {"expected at most 64 dimensions of input 'x', found 65",
       [](ProgramSpec &s) { s.entries[0].inputs[0].shape.assign(65, 1); }},
      {"expected a possible shape of output 'q'",
       [&](ProgramSpec &s) {
         s.entries[0].outputs[0].shape = {huge, huge};
       }},
      {"expected a possible shape of variable 'w'",
       [&](ProgramSpec &s) {
         s.variables[0].tensor.shape = {huge, 1 << 22};
       }},
      {"expected input 'x' at a multiple of 4 bytes, found it at 2",
       [](ProgramSpec &s) { s.entries[0].inputs[0].offset = 2; }},
      {"expected a known dtype of input 'x', found 99",
       [](ProgramSpec &s) { s.entries[0].inputs[0].dtype = DType(99); }},
      {"input 'x' stands twice", [](ProgramSpec &s) { s.entries[0].inputs[1].name = "x"; }},
      {"output 'q' stands twice", [](ProgramSpec &s) { s.entries[0].outputs[1].name = "q"; }},
      {"entry 'f' stands twice", [](ProgramSpec &s) { s.entries.push_back(s.entries[0]); }},
      {"expected variables that fit the arena of 4096 bytes together, found more",
       [](ProgramSpec &s) {
         s.variables.push_back({{"all", DType::F32, {1024}, 0}});
       }},
      {"variable 'w' stands twice", [](ProgramSpec &s) { s.variables.push_back(s.variables[0]); }},
      {"setting 'bad' stands twice",
       [](ProgramSpec &s) {
         s.settings.push_back({"bad", ""});
       }},
      {"expected a known role of variable 'w', found 9",
       [](ProgramSpec &s) { s.variables[0].role = program::Role(9); }},
      {"entry 'f': step 1: expected a kernel below 2, found 2",
       [&](ProgramSpec &s) { launch(s).kernel = 2; }},
      {"step 1: expected a buffer inside the arena's first 4096 bytes, found 0 bytes at 5000",
       [&](ProgramSpec &s) { launch(s).buffers[1] = 5000; }},
      {"step 1: expected fewer items", [&](ProgramSpec &s) { launch(s).items = ~0ull; }},
      {"step 0: expected a gemm in f32 or f64, found i32",
       [&](ProgramSpec &s) { gemm(s).dtype = DType::I32; }},
      {"step 0: expected gemm sizes of 0 to 2^31 - 1, found -1",
       [&](ProgramSpec &s) { gemm(s).m = -1; }},
      {"step 0: expected gemm sizes of 0 to 2^31 - 1, found -1",
       [&](ProgramSpec &s) { gemm(s).batch = -1; }},
      {"step 0: expected gemm operand a with rows of at least 3 elements, found leading dimension "
       "2",
       [&](ProgramSpec &s) { gemm(s).a = program::Matrix(0, 2, 0); }},
      {"step 0: expected gemm operand b inside the arena's first 4096 bytes",
       [&](ProgramSpec &s) { gemm(s).b = program::Matrix(4088, 2, 0); }},
      {"step 0: the extent of gemm operand c overflows",
       [&](ProgramSpec &s) {
         gemm(s).batch = std::numeric_limits<int32_t>::max();
         gemm(s).c = program::Matrix(0, 2, huge);
       }},
      {"step 3: expected the source of a copy inside the arena's first 4096 bytes",
       [&](ProgramSpec &s) { copy(s).bytes = ~0ull; }},
      {"step 3: expected the target of a copy inside the arena's first 4096 bytes",
       [&](ProgramSpec &s) { copy(s).target = 4092; }},
      {"step 3: expected a copy between places that do not overlap",
       [&](ProgramSpec &s) { copy(s).target = 260; }},
  };
  for (const Unsound &unsound : cases) {
    ProgramSpec spec = codelessProgram();
    unsound.damage(spec);
    EXPECT_THAT(errorOf(spec.write("unsound.stcp")), HasSubstr(unsound.message));
  }
}

// Names become parts of paths, tensors in safetensors files, and text on a terminal.
TEST(ProgramFile, ChecksNames) {
  using Rename = std::function<void(ProgramSpec &, const std::string &)>;
  const std::pair<std::string, Rename> places[] = {
      {"input", [](ProgramSpec &s, auto &name) { s.entries[0].inputs[0].name = name; }},
      {"output", [](ProgramSpec &s, auto &name) { s.entries[0].outputs[0].name = name; }},
      {"variable", [](ProgramSpec &s, auto &name) { s.variables[0].tensor.name = name; }},
      {"entry", [](ProgramSpec &s, auto &name) { s.entries[0].name = name; }},
  };
  for (const auto &[what, rename] : places) {
    SCOPED_TRACE(what);
    auto errorWith = [&](const std::string &name) {
      ProgramSpec spec = codelessProgram();
      rename(spec, name);
      return errorOf(spec.write("names.stcp"));
    };
    for (const std::string &good : {std::string("h.0.attn-c_attn $1:0"), std::string(200, 'x')})
      EXPECT_EQ(errorWith(good), "");
    const std::pair<std::string, std::string> bad[] = {
        {"../../evil", "../../evil"},
        {"/evil", "/evil"},
        {"q/evil", "q/evil"},
        {"q\\evil", "q\\evil"},
        {"..", ".."},
        {".hidden", ".hidden"},
        {"", ""},
        {"a\nb\x7f", "a.b."},
        {"\x1b[2J", ".[2J"},
        {"\xc3\xa9", ".."},
        {std::string(201, 'x'), std::string(60, 'x')},
    };
    for (const auto &[name, shown] : bad)
      EXPECT_THAT(errorWith(name),
                  HasSubstr(what +
                            ": expected a name of 1 to 200 printable ASCII characters "
                            "without '/' and '\\' and with no '.' in front, found '" +
                            shown));
    EXPECT_THAT(errorWith("__metadata__"), HasSubstr("expected another name than '__metadata__'"));
  }
}

TEST(ProgramFile, ChecksBatches) {
  auto launches = [](ProgramSpec &spec) -> std::vector<StepSpec::Launch> & {
    return spec.entries[0].steps[0].launch;
  };
  const Unsound cases[] = {
      {"step 0: expected a batch of 1 to 1024 launches, found 1025",
       [&](ProgramSpec &s) { launches(s).resize(1025, launches(s)[0]); }},
      {"step 0: expected a kernel below 1, found 1",
       [&](ProgramSpec &s) { launches(s)[1].kernel = 1; }},
      {"expected a batch of a kernel on a GPU without tensor maps",
       [](ProgramSpec &s) { s.kernels[0].grid->maps = gpuProgram().kernels[0].grid->maps; }},
      {"expected launches of one kernel in a batch, with as many buffers and sizes",
       [&](ProgramSpec &s) {
         s.kernels.push_back(s.kernels[0]);
         s.kernels[1].symbol = "other";
         launches(s)[1].kernel = 1;
       }},
      {"with as many buffers", [&](ProgramSpec &s) { launches(s)[1].buffers.pop_back(); }},
      {"and sizes", [&](ProgramSpec &s) { launches(s)[1].sizes.pop_back(); }},
      {"expected at most 2^31 - 1 items on a GPU, found 2147483648",
       [&](ProgramSpec &s) { launches(s)[1].items = (uint64_t(1) << 31) - 100; }},
  };
  ASSERT_TRUE(ProgramFile::open(gpuBatch().write("batch.stcp")));
  for (const Unsound &unsound : cases) {
    ProgramSpec spec = gpuBatch();
    unsound.damage(spec);
    EXPECT_THAT(errorOf(spec.write("unsound.stcp")), HasSubstr(unsound.message));
  }
}

TEST(ProgramFile, ChecksExchanges) {
  using program::CollectiveKind;
  auto one = [](ProgramSpec &spec) -> StepSpec::Collective & {
    return spec.entries[0].steps[0].exchange[0];
  };
  const int64_t huge = int64_t(1) << 60;
  const Unsound cases[] = {
      {"axis 'data' stands twice", [](ProgramSpec &s) { s.axes.push_back(s.axes[0]); }},
      {"axis: expected a name", [](ProgramSpec &s) { s.axes[0].name = ""; }},
      {"expected 1 to 1048576 devices, found 0 along axis 'data'",
       [](ProgramSpec &s) { s.axes[0].count = 0; }},
      {"expected 1 to 1048576 devices, found 1048576 along axis 'other'",
       [](ProgramSpec &s) {
         s.axes.push_back({"other", 1 << 20});
       }},
      {"expected axes of input 'x' in their order, below 1, found 1",
       [](ProgramSpec &s) {
         s.entries[0].inputs[0].dealt = {{1, 0}};
       }},
      {"expected axes of input 'x' in their order, below 1, found 0",
       [](ProgramSpec &s) {
         s.entries[0].inputs[0].dealt = {{0, 0}, {0, 0}};
       }},
      {"expected a dimension of input 'x' below 1, found 1",
       [](ProgramSpec &s) {
         s.entries[0].inputs[0].dealt = {{0, 1}};
       }},
      {"expected a rank that is an i32, found i64[]",
       [](ProgramSpec &s) { s.variables[0].tensor.dtype = DType::I64; }},
      {"step 0: expected a known kind of collective, found 9",
       [&](ProgramSpec &s) { one(s).kind = CollectiveKind(9); }},
      {"step 0: expected an axis below 1, found 1", [&](ProgramSpec &s) { one(s).axis = 1; }},
      {"step 0: expected a known dtype of a collective, found 99",
       [&](ProgramSpec &s) { one(s).dtype = DType(99); }},
      {"step 0: expected floats to combine, found i32",
       [](ProgramSpec &s) { s.entries[0].steps[0].exchange[1].dtype = DType::I32; }},
      {"step 0: expected runs of elements, found 0 of 4", [&](ProgramSpec &s) { one(s).runs = 0; }},
      {"step 0: expected runs of elements, found 2 of 4",
       [](ProgramSpec &s) { s.entries[0].steps[0].exchange[1].runs = 2; }},
      {"step 0: the extent of a collective overflows",
       [&](ProgramSpec &s) { one(s).elements = huge; }},
      {"step 0: expected the source of a collective inside the arena's first 4096 bytes, found 16 "
       "bytes "
       "at 4092",
       [&](ProgramSpec &s) { one(s).source = 4092; }},
      {"step 0: expected the target of a collective inside the arena's first 4096 bytes, found 32 "
       "bytes "
       "at 4080",
       [&](ProgramSpec &s) { one(s).target = 4080; }},
      {"step 0: expected the target of a collective at a multiple of 4 bytes, found it at 66",
       [&](ProgramSpec &s) { one(s).target = 66; }},
      {"step 0: expected a collective between places that do not overlap",
       [&](ProgramSpec &s) { one(s).target = 8; }},
      {"entry 'meet': expected a wait for exchange 5",
       [](ProgramSpec &s) { s.entries[0].steps.pop_back(); }},
      {"entry 'meet': exchange 5 stands twice",
       [](ProgramSpec &s) { s.entries[0].steps.push_back(s.entries[0].steps[0]); }},
      {"expected an exchange ahead that nobody waited for, found a wait for 5",
       [](ProgramSpec &s) { s.entries[0].steps.push_back(s.entries[0].steps[1]); }},
  };
  ASSERT_EQ(errorOf(exchangeProgram().write("exchange.stcp")), "");
  for (const Unsound &unsound : cases) {
    ProgramSpec spec = exchangeProgram();
    unsound.damage(spec);
    EXPECT_THAT(errorOf(spec.write("unsound.stcp")), HasSubstr(unsound.message));
  }
}

TEST(ProgramFile, ChecksWhatIsForAGpu) {
  auto grid = [](ProgramSpec &spec) -> GridSpec & { return *spec.kernels[0].grid; };
  auto map = [](ProgramSpec &spec) -> MapSpec & { return spec.kernels[0].grid->maps[1]; };
  auto launch = [](ProgramSpec &spec) -> StepSpec::Launch & {
    return spec.entries[0].steps[0].launch[0];
  };
  auto gemm = [](ProgramSpec &spec) -> StepSpec::Gemm & {
    return spec.entries[0].steps[3].gemm[0];
  };
  const Unsound cases[] = {
      {"expected a program for host, sm_80 or sm_90a, found target 'sm_70'",
       [](ProgramSpec &s) { s.target = "sm_70"; }},
      {"expected no grid of kernel 'attention' in a program for host, found one",
       [](ProgramSpec &s) { s.target = "host"; }},
      {"expected a grid of kernel 'attention' in a program for sm_90a, found none",
       [](ProgramSpec &s) { s.kernels[0].grid.reset(); }},
      {"expected no code for the host in a program for sm_90a, found 3 bytes",
       [](ProgramSpec &s) { s.code = "ELF"; }},
      {"kernel 'attention': expected threads that are a multiple of 32 up to 1024, found 100",
       [&](ProgramSpec &s) { grid(s).threads = 100; }},
      {"up to 1024, found 1056", [&](ProgramSpec &s) { grid(s).threads = 1056; }},
      {"up to 1024, found 0", [&](ProgramSpec &s) { grid(s).threads = 0; }},
      {"expected at most 232448 bytes of shared memory, found 232449",
       [&](ProgramSpec &s) { grid(s).shared = 232449; }},
      {"expected a cubin or PTX as its image, found 0 bytes",
       [&](ProgramSpec &s) { grid(s).image = ""; }},
      {"found 2 bytes of something else",
       [&](ProgramSpec &s) { grid(s).image = std::string("x\0", 2); }},
      {"kernel 'attention': tensor map 1: expected sizes and a box of 1 to 5 dimensions and "
       "strides of all but one, found 0 sizes",
       [&](ProgramSpec &s) { map(s).sizes = {}; }},
      {"found 6 sizes", [&](ProgramSpec &s) { map(s).sizes.resize(6, 1); }},
      {"found 3 sizes, 1 strides", [&](ProgramSpec &s) { map(s).strides.pop_back(); }},
      {"and a box of 2", [&](ProgramSpec &s) { map(s).box.pop_back(); }},
      {"expected elements of bf16, f16 or f32, found i64",
       [&](ProgramSpec &s) { map(s).dtype = DType::I64; }},
      {"expected a swizzle of 64 or 128 bytes, found 32",
       [&](ProgramSpec &s) { map(s).swizzle = 32; }},
      {"expected an offset that is a multiple of 16 bytes, found 8",
       [&](ProgramSpec &s) { map(s).offset = 8; }},
      {"expected sizes of 1 to 2^32, found 0", [&](ProgramSpec &s) { map(s).sizes[1] = 0; }},
      {"expected strides that are multiples of 16 bytes below 2^40, found 8",
       [&](ProgramSpec &s) { map(s).strides[0] = 8; }},
      {"below 2^40, found -16", [&](ProgramSpec &s) { map(s).strides[0] = -16; }},
      {"expected a box of 1 to 256 elements a dimension, found 257",
       [&](ProgramSpec &s) { map(s).box[1] = 257; }},
      {"found 0", [&](ProgramSpec &s) { map(s).box[1] = 0; }},
      {"at most the swizzle's 64, found 80", [&](ProgramSpec &s) { map(s).box[0] = 40; }},
      {"a multiple of 16 bytes and at most the swizzle's 64, found 8",
       [&](ProgramSpec &s) { map(s).box[0] = 4; }},
      {"step 0: expected at most 2^31 - 1 items on a GPU, found 2147483648",
       [&](ProgramSpec &s) { launch(s).items = uint64_t(1) << 31; }},
      {"step 0: expected at most 32764 bytes of parameters, found 32788",
       [&](ProgramSpec &s) { grid(s).maps.resize(256, grid(s).maps[0]); }},
      {"step 0: expected at most 32764 bytes of parameters, found",
       [&](ProgramSpec &s) { launch(s).sizes.resize(4096); }},
      {"step 0: expected tensor map 1 of a buffer below 1, found 1",
       [&](ProgramSpec &s) { launch(s).buffers.pop_back(); }},
      {"step 0: expected the buffer of tensor map 0 at a multiple of 16 bytes, found it at 8",
       [&](ProgramSpec &s) { launch(s).buffers[0] = 8; }},
      {"step 0: expected tensor map 1 inside the arena's first 4096 bytes, found 448 bytes at 3712",
       [&](ProgramSpec &s) { launch(s).buffers[1] = 3648; }},
      {"step 0: expected tensor map 1 inside the arena's first 4096 bytes",
       [&](ProgramSpec &s) { map(s).offset = ~0ull << 4; }},
      {"found 18446744073709551615 bytes at 576",
       [&](ProgramSpec &s) {
         map(s).sizes[1] = int64_t(1) << 32;
         map(s).strides[0] = (int64_t(1) << 40) - 16;
       }},
      {"step 3: expected a gemm in f64, f32, bf16 or f16, found i32",
       [&](ProgramSpec &s) { gemm(s).dtype = DType::I32; }},
      {"step 3: expected gemm sizes of 1 to 2^31 - 1, found 0",
       [&](ProgramSpec &s) { gemm(s).k = 0; }},
  };
  EXPECT_EQ(errorOf(gpuProduct().write("sound.stcp")), "");
  for (const Unsound &unsound : cases) {
    ProgramSpec spec = gpuProduct();
    unsound.damage(spec);
    EXPECT_THAT(errorOf(spec.write("unsound.stcp")), HasSubstr(unsound.message));
  }
}

// One step that a thousand entries have a thousand times each, one value of a thousand settings: a
// small file whose contents, written out, are large.
TEST(ProgramFile, RefusesPartsThatAreShared) {
  using namespace program;
  constexpr int many = 1000;
  auto write = [&](bool shareSteps) {
    flatbuffers::FlatBufferBuilder builder;
    auto step = CreateStep(builder, Action::Copy, CreateCopy(builder).Union());
    auto steps = builder.CreateVector(std::vector(many, step));
    auto value = builder.CreateString(std::string(many, 'x'));
    std::vector<flatbuffers::Offset<Entry>> entries;
    std::vector<flatbuffers::Offset<Setting>> settings;
    auto tensors = builder.CreateVector(std::vector<flatbuffers::Offset<Tensor>>());
    for (int k = 0; k < many; ++k) {
      auto name = builder.CreateString(std::to_string(k));
      if (shareSteps)
        entries.push_back(CreateEntry(builder, name, tensors, tensors, steps));
      else
        settings.push_back(CreateSetting(builder, name, value));
    }
    std::vector<flatbuffers::Offset<flatbuffers::String>> features;
    std::vector<flatbuffers::Offset<Variable>> variables;
    std::vector<flatbuffers::Offset<Kernel>> kernels;
    std::vector<uint8_t> code;
    builder.Finish(CreateProgramDirect(builder, "test", "host", "x86-64", &features, 4096,
                                       &variables, &entries, &kernels, &code, &settings, ""));
    std::string path = temporaryPath("shared.stcp");
    EXPECT_TRUE(writeProgram(
        path, std::as_bytes(std::span(builder.GetBufferPointer(), builder.GetSize()))));
    return path;
  };
  EXPECT_THAT(errorOf(write(true)), HasSubstr("do not follow the program schema"));
  EXPECT_THAT(errorOf(write(false)), HasSubstr("parts of its contents are shared"));
}

TEST(ProgramFile, LeavesNothingBehindWhenItCannotWrite) {
  std::string payload = codelessProgram().build();
  auto bytes = std::as_bytes(std::span(payload));
  auto written = writeProgram(temporaryPath("none/x.stcp"), bytes);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, ErrorKind::Io);
  EXPECT_THAT(written.error().message, HasSubstr("cannot create: No such file or directory"));

  std::string folder = temporaryPath("of-a-program");
  std::filesystem::create_directory(folder);
  std::filesystem::create_directory(folder + "/x.stcp");
  ASSERT_FALSE(writeProgram(folder + "/x.stcp", bytes));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
}

} // namespace
} // namespace stc::runtime::test
