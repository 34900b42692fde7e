//===- DynamicTest.cpp - entries whose sizes each call gives ----------------------------===//
#include "runtime/Device/Cuda/Dynamic.h"
#include "runtime/Program/Expression.h"
#include "runtime/Program/ProgramFile.h"
#include "tests/unit/Runtime/FakeCuda.h"
#include "tests/unit/Runtime/TestProgram.h"

#include <dlfcn.h>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stc::runtime::test {
namespace {

using enum program::Operation;
using testing::ElementsAre;
using testing::HasSubstr;

/// A value, or the message.
std::string valueOf(const ExpressionSpec &code, std::vector<int64_t> sizes = {}) {
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(program::CreateExpressionDirect(builder, &code));
  auto value =
      evaluate(*flatbuffers::GetRoot<program::Expression>(builder.GetBufferPointer()), sizes);
  return value ? std::to_string(*value) : value.error().message;
}

TEST(Expressions, HaveTheValueOfTheirSizes) {
  EXPECT_EQ(valueOf({{Constant, -7}}), "-7");
  EXPECT_EQ(valueOf({{Size, 1}, {Size, 0}, {Add, 0}}, {5, 9}), "14");
  EXPECT_EQ(valueOf({{Size, 1}, {Size, 0}, {Multiply, 0}}, {5, 9}), "45");
  for (auto [left, floor, ceil, modulo] :
       {std::tuple(7, "2", "3", "1"), {6, "2", "2", "0"}, {-7, "-3", "-2", "2"}}) {
    EXPECT_EQ(valueOf({{Size, 0}, {Constant, 3}, {FloorDivide, 0}}, {left}), floor);
    EXPECT_EQ(valueOf({{Size, 0}, {Constant, 3}, {CeilDivide, 0}}, {left}), ceil);
    EXPECT_EQ(valueOf({{Size, 0}, {Constant, 3}, {Modulo, 0}}, {left}), modulo);
  }
}

TEST(Expressions, AreRefusedWithoutAValue) {
  constexpr int64_t most = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(valueOf({}), "expected an expression that leaves one number, found 0");
  EXPECT_EQ(valueOf({{Constant, 1}, {Constant, 2}}),
            "expected an expression that leaves one number, found 2");
  EXPECT_EQ(valueOf({{Constant, 1}, {Add, 0}}),
            "expected an expression with two numbers for each operation");
  EXPECT_EQ(valueOf({{Size, 2}}, {1, 2}), "expected a size below 2, found 2");
  EXPECT_EQ(valueOf({{Size, -1}}, {1, 2}), "expected a size below 2, found -1");
  const char *overflow = "expected an expression whose values fit 63 bits";
  EXPECT_EQ(valueOf({{Constant, most}, {Constant, 1}, {Add, 0}}), overflow);
  EXPECT_EQ(valueOf({{Constant, most}, {Constant, 2}, {Multiply, 0}}), overflow);
  EXPECT_EQ(valueOf({{Constant, 1}, {Constant, 0}, {FloorDivide, 0}}), overflow);
  EXPECT_EQ(valueOf({{Constant, 1}, {Constant, 1}, {program::Operation(77), 0}}), overflow);
  EXPECT_EQ(valueOf(ExpressionSpec(17, {Constant, 1})),
            "expected an expression of at most 16 numbers at once");
}

TEST(DynamicPrograms, AreCheckedForTheirExamples) {
  auto messageOf = [](const std::function<void(ProgramSpec &)> &change) {
    ProgramSpec spec = dynamicProgram();
    change(spec);
    auto opened = ProgramFile::open(spec.write("program.stcp"));
    return opened ? std::string() : opened.error().message;
  };
  EXPECT_EQ(messageOf([](ProgramSpec &) {}), "");
  using Change = std::function<void(ProgramSpec &)>;
  for (const auto &[change, expected] : std::vector<std::pair<Change, std::string>>{
           {[](auto &s) { s.entries[0].parameters.clear(); }, "expected parameters of an entry"},
           {[](auto &s) { s.entries[0].parameters[0].example = 3; },
            "that is a multiple of 2 up to 8, found 3"},
           {[](auto &s) { s.entries[0].parameters[0].most = 2; }, "up to 2, found 4"},
           {[](auto &s) { s.entries[0].parameters[0].multiple = 0; }, "a multiple of 0"},
           {[](auto &s) { s.entries[0].steps[0].launch[0].sizes[1] = 256; },
            "whose sizes are the parameters"},
           {[](auto &s) { s.entries[0].steps[0].launch[0].items = 3; },
            "an expression of the items that is 3 for the examples, found 2"},
           {[](auto &s) { s.entries[0].steps[0].launch[0].dynamicItems.clear(); },
            "expected a launch of dynamic items"},
           {[](auto &s) { s.entries[0].steps[0].launch[0].buffers[1] = 2052; },
            "expected the start of an input, an output or an intermediate, found a buffer at 2052"},
           {[](auto &s) { s.entries[0].intermediates[0].offset = 1504; },
            "expected inputs, outputs and intermediates that share no memory, found two at 1504"},
           {[](auto &s) { s.kernels[0].grid->maps[0].dynamic.pop_back(); },
            "expected 4 expressions of a tensor map, found 3"},
           {[](auto &s) { s.kernels[0].grid->maps[0].dynamic.clear(); },
            "expected expressions of each tensor map"},
           {[](auto &s) {
              s.kernels[0].grid->maps[0].dynamic[2] = {{Size, 7}};
            },
            "a tensor map: expected a size below 2, found 7"},
           {[](auto &s) { s.entries[0].steps.push_back(gpuProgram().entries[0].steps[1]); },
            "expected launches alone"},
       })
    EXPECT_THAT(messageOf(change), HasSubstr(expected));
}

class DynamicTest : public testing::Test {
protected:
  DynamicTest() : library(dlopen(STC_FAKE_CUDA, RTLD_NOW)) {
    reinterpret_cast<void (*)()>(dlsym(library, "fakeCudaReset"))();
    fake = reinterpret_cast<FakeCuda *(*)()>(dlsym(library, "fakeCuda"))();
    fake->settings.maps = 1;
    fake->settings.addresses = 4; // and sizes
  }
  ~DynamicTest() override {
    program.reset();
    device.reset();
    EXPECT_EQ(fake->liveModules + fake->liveStreams + fake->liveContexts, 0);
    dlclose(library);
  }

  std::string open(const ProgramSpec &spec = dynamicProgram()) {
    file = ProgramFile::open(spec.write("program.stcp")).value();
    device = cuda::Device::openBeside(0, STC_FAKE_CUDA).value();
    auto created = cuda::DynamicProgram::create(file.program(), *device);
    if (!created)
      return created.error().message;
    program = std::move(*created);
    return "";
  }
  std::string start(std::vector<int64_t> parameters, std::vector<cuda::CUdeviceptr> tensors) {
    auto started = program->start(0, {parameters, tensors, 0x9000}, nullptr);
    EXPECT_TRUE(device->synchronize());
    return started ? std::string() : started.error().message;
  }

  void *library;
  FakeCuda *fake;
  ProgramFile file;
  std::unique_ptr<cuda::Device> device;
  std::unique_ptr<cuda::DynamicProgram> program;
};

TEST_F(DynamicTest, LaunchesForTheSizesOfACall) {
  ASSERT_EQ(open(), "");
  for (int64_t rows : {4, 8, 8}) { // the last as the one before
    const int before = fake->launchCount;
    ASSERT_EQ(start({rows, 4096}, {0x1000, 0x2000}), "");
    ASSERT_EQ(fake->launchCount, before + 2);
    const FakeLaunch &first = fake->launches[before], &second = fake->launches[before + 1];
    EXPECT_THAT(std::vector(first.words, first.words + 5),
                ElementsAre(0x1000, 0x9000, rows, 4096, (rows + 2) / 3));
    EXPECT_THAT(std::vector(second.words, second.words + 5),
                ElementsAre(0x9000, 0x2000, rows, 4096, rows));
    EXPECT_EQ(first.maps[0].address, 0x1000u);
    EXPECT_THAT(std::vector(first.maps[0].sizes, first.maps[0].sizes + 2), ElementsAre(64, rows));
    EXPECT_EQ(first.maps[0].strides[0], 4096u);
    EXPECT_EQ(first.grid[0], (rows + 2) / 3);
  }
  EXPECT_EQ(program->workspaceBytes(0, std::vector<int64_t>{8, 4096}).value(), 256u);
}

TEST_F(DynamicTest, RefusesWhatTheEntryIsNotFor) {
  ASSERT_EQ(open(), "");
  EXPECT_EQ(start({10, 4096}, {0x1000, 0x2000}),
            "expected for rows a multiple of 2 up to 8, found 10");
  EXPECT_EQ(start({3, 4096}, {0x1000, 0x2000}),
            "expected for rows a multiple of 2 up to 8, found 3");
  EXPECT_EQ(start({0, 4096}, {0x1000, 0x2000}),
            "expected for rows a multiple of 2 up to 8, found 0");
  EXPECT_EQ(start({4}, {0x1000, 0x2000}), "expected 2 parameters, found 1");
  EXPECT_EQ(start({4, 4096}, {0x1000}), "expected 2 tensors, found 1");
  EXPECT_EQ(program->workspaceBytes(0, std::vector<int64_t>{3, 128}).error().message,
            "expected for rows a multiple of 2 up to 8, found 3");
  fake->settings.fail = "cuTensorMapEncodeTiled";
  EXPECT_THAT(start({2, 4096}, {0x1000, 0x2000}),
              HasSubstr("kernel 'attention': cuTensorMapEncodeTiled"));
}

TEST_F(DynamicTest, LeavesTheContextOfItsCaller) {
  auto current = reinterpret_cast<int (*)(void **)>(dlsym(library, "cuCtxGetCurrent"));
  auto set = reinterpret_cast<int (*)(void *)>(dlsym(library, "cuCtxSetCurrent"));
  int own = 0;
  set(&own);
  ASSERT_EQ(open(), "");
  void *found = nullptr, *within = nullptr;
  current(&found);
  EXPECT_EQ(found, &own);
  EXPECT_TRUE(device->within([&]() -> Result<void> {
    current(&within);
    return {};
  }));
  current(&found);
  EXPECT_EQ(found, &own);
  EXPECT_NE(within, &own);
  set(nullptr);
}

TEST_F(DynamicTest, TakesNoEntryOfStaticSizes) {
  fake->settings.maps = 2;
  fake->settings.addresses = 2;
  EXPECT_EQ(open(gpuProgram()), "expected entries of dynamic sizes, found 'f' of static ones");
  EXPECT_EQ(cuda::Device::openBeside(1, STC_FAKE_CUDA).error().message,
            "expected one of 1 GPUs that the driver shows, found number 1");
}

} // namespace
} // namespace stc::runtime::test
