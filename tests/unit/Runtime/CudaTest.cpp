//===- CudaTest.cpp - programs on a GPU, with a driver that is none ---------------------===//
#include "runtime/Checkpoint/Safetensors.h"
#include "runtime/Data/ByteData.h"
#include "runtime/Data/NpyFile.h"
#include "runtime/Device/Cuda/Ceilings.h"
#include "runtime/Device/Cuda/Communicator.h"
#include "runtime/Device/Cuda/Executor.h"
#include "runtime/Program/ProgramFile.h"
#include "tests/unit/Runtime/Command.h"
#include "tests/unit/Runtime/FakeCuda.h"
#include "tests/unit/Runtime/MockModel.h"
#include "tests/unit/Runtime/TestProgram.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <filesystem>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <optional>

namespace stc::runtime::test {
namespace {

using testing::AllOf;
using testing::DoubleNear;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

class CudaTest : public testing::Test {
protected:
  CudaTest() : library(dlopen(STC_FAKE_CUDA, RTLD_NOW)) {
    reinterpret_cast<void (*)()>(dlsym(library, "fakeCudaReset"))();
    fake = reinterpret_cast<FakeCuda *(*)()>(dlsym(library, "fakeCuda"))();
  }
  ~CudaTest() override {
    executor.reset();
    device.reset();
    EXPECT_EQ(fake->liveBytes, 0u);
    EXPECT_EQ(fake->liveModules + fake->liveEvents + fake->liveStreams + fake->liveContexts, 0);
    EXPECT_EQ(fake->liveGraphs + fake->liveDescriptors + fake->pinnedCount, 0);
    EXPECT_EQ(fake->liveCommunicators + fake->openGroups + fake->endedInGraphs, 0);
    dlclose(library);
  }

  /// The message of the error on the way to an executor, or none.
  std::string open(const ProgramSpec &spec = gpuProgram(), const EntryFilter &wanted = {}) {
    executor.reset(); // before the device and the program that it refers to
    auto opened = ProgramFile::open(spec.write("gpu.stcp"));
    if (!opened)
      return opened.error().message;
    file = std::move(*opened);
    auto gpu = cuda::Device::open(STC_FAKE_CUDA);
    if (!gpu)
      return machineError(gpu.error());
    device = std::move(*gpu);
    Devices devices;
    std::shared_ptr<cuda::Nccl> nccl = cuda::Nccl::open(STC_FAKE_CUDA).value();
    if (file.program().axes())
      for (const program::Axis *axis : *file.program().axes()) {
        cuda::ncclUniqueId id;
        EXPECT_TRUE(nccl->getUniqueId(&id));
        devices.along.push_back(cuda::NcclCommunicator::create(nccl, *device, id,
                                                               fake->settings.rank,
                                                               static_cast<int>(axis->count()))
                                    .value());
      }
    auto created =
        CudaExecutor::create(file.program(), *device, std::move(devices), wanted, libraries);
    if (!created)
      return machineError(created.error());
    executor = std::move(*created);
    return "";
  }

  static std::string machineError(const Error &error) {
    EXPECT_EQ(error.kind, ErrorKind::Machine) << error.message;
    EXPECT_EQ(std::ranges::count(error.message, '\n'), 0);
    return error.message;
  }

  const program::Tensor &input() { return *file.program().entries()->Get(0)->inputs()->Get(0); }
  const program::Tensor &output(uint32_t k) {
    return *file.program().entries()->Get(0)->outputs()->Get(k);
  }

  void *library;
  FakeCuda *fake;
  std::vector<std::string> libraries = {"libnone.so.13", STC_FAKE_CUDA};
  ProgramFile file;
  std::unique_ptr<cuda::Device> device;
  std::unique_ptr<CudaExecutor> executor;
};

TEST_F(CudaTest, LaunchesWhatTheProgramSays) {
  ASSERT_EQ(open(), "");
  EXPECT_STREQ(fake->image, "// PTX");
  EXPECT_STREQ(fake->symbol, "attention");
  EXPECT_EQ(fake->sharedAttribute, 100000);
  EXPECT_EQ(fake->liveBytes, 4096u);
  EXPECT_EQ(fake->launchCount, 0);
  ASSERT_TRUE(executor->run(0));
  ASSERT_EQ(fake->launchCount, 1);
  const FakeLaunch &launch = fake->launches[0];
  EXPECT_THAT(launch.grid, ElementsAre(132, 1, 1)); // 1000 items, 132 blocks fit
  EXPECT_THAT(launch.block, ElementsAre(384, 1, 1));
  EXPECT_EQ(launch.shared, 100000u);
  uint64_t x = launch.words[0], y = launch.words[1];
  EXPECT_EQ(y - x, 512u);
  EXPECT_EQ(launch.words[2], 1000u);

  const FakeMap &first = launch.maps[0], &second = launch.maps[1];
  EXPECT_EQ(first.address, x);
  EXPECT_EQ(first.type, 9); // bf16
  EXPECT_EQ(first.rank, 2u);
  EXPECT_THAT(first.sizes, ElementsAre(64, 4, 0, 0, 0));
  EXPECT_THAT(first.strides, ElementsAre(128, 0, 0, 0));
  EXPECT_THAT(first.box, ElementsAre(64, 2, 0, 0, 0));
  EXPECT_THAT(first.steps, ElementsAre(1, 1, 0, 0, 0));
  EXPECT_EQ(first.swizzle, 3); // 128 bytes
  EXPECT_EQ(first.promotion, 2);
  EXPECT_EQ(first.interleave + first.fill, 0);
  EXPECT_EQ(second.address, y + 64);
  EXPECT_EQ(second.type, 6); // f16
  EXPECT_THAT(second.sizes, ElementsAre(32, 2, 2, 0, 0));
  EXPECT_THAT(second.strides, ElementsAre(128, 256, 0, 0));
  EXPECT_EQ(second.swizzle, 2); // 64 bytes
}

TEST_F(CudaTest, HasNoMoreBlocksThanItemsAndNoneForNone) {
  ProgramSpec spec = gpuProgram();
  spec.entries[0].steps[0].launch[0].items = 7;
  ASSERT_EQ(open(spec), "");
  ASSERT_TRUE(executor->run(0));
  EXPECT_EQ(fake->launches[0].grid[0], 7u);
  executor.reset();
  spec.entries[0].steps[0].launch[0].items = 0;
  ASSERT_EQ(open(spec), "");
  ASSERT_TRUE(executor->run(0));
  EXPECT_EQ(fake->launchCount, 1);
}

// Only directly behind a kernel, and never where each step is timed.
TEST_F(CudaTest, StartsKernelsEarly) {
  ProgramSpec spec = gpuProgram();
  spec.kernels[0].grid->early = true;
  const StepSpec launch = spec.entries[0].steps[0], copy = spec.entries[0].steps[1];
  StepSpec nothing = launch;
  nothing.launch[0].items = 0;
  spec.entries[0].steps = {nothing, launch, nothing, launch, copy, launch, launch};
  auto early = [&] {
    std::vector<int> all;
    for (int k = 0; k < fake->launchCount; ++k)
      all.push_back(fake->launches[k].early);
    fake->launchCount = 0;
    return all;
  };
  ASSERT_EQ(open(spec), "");
  ASSERT_TRUE(executor->run(0));
  EXPECT_THAT(early(), ElementsAre(0, 1, 0, 1));
  std::vector<double> steps;
  ASSERT_TRUE(executor->time(0, &steps));
  EXPECT_THAT(early(), ElementsAre(0, 0, 0, 0));
  executor.reset();
  spec.kernels[0].grid->early = false;
  ASSERT_EQ(open(spec), "");
  ASSERT_TRUE(executor->run(0));
  EXPECT_THAT(early(), ElementsAre(0, 0, 0, 0));
}

TEST_F(CudaTest, TakesItemsByClusters) {
  fake->settings.cluster = 8;
  ProgramSpec spec = gpuProgram();
  ASSERT_EQ(open(spec), "");
  ASSERT_TRUE(executor->run(0));
  EXPECT_EQ(fake->launches[0].grid[0], 128u); // 132 blocks fit
  executor.reset();
  spec.entries[0].steps[0].launch[0].items = 7;
  ASSERT_EQ(open(spec), "");
  ASSERT_TRUE(executor->run(0));
  EXPECT_EQ(fake->launches[1].grid[0], 56u);
}

TEST_F(CudaTest, TellsKernelsTheirSizes) {
  ProgramSpec spec = gpuProgram();
  spec.entries[0].steps[0].launch[0].sizes = {int64_t(5) << 32};
  fake->settings.addresses = 3; // two, and one of the same width
  ASSERT_EQ(open(spec), "");
  ASSERT_TRUE(executor->run(0));
  EXPECT_EQ(fake->launches[0].words[2], uint64_t(5) << 32);
  EXPECT_EQ(fake->launches[0].words[3], 1000u);
}

TEST_F(CudaTest, LaunchesABatchAsOne) {
  fake->settings.maps = 0;
  fake->settings.addresses = 1;
  fake->settings.numbers = 2;
  ASSERT_EQ(open(gpuBatch()), "");
  ASSERT_TRUE(executor->run(0));
  ASSERT_EQ(fake->launchCount, 1);
  const FakeLaunch &launch = fake->launches[0];
  EXPECT_THAT(launch.grid, ElementsAre(132, 1, 1)); // 1000 items, 132 blocks fit
  EXPECT_EQ(launch.words[1], 2u);
  EXPECT_EQ(launch.words[2], 1000u);
  std::span table(reinterpret_cast<const uint64_t *>(launch.words[0]), 8);
  const uint64_t arena = table[1];
  EXPECT_THAT(table, ElementsAre(0, arena, arena + 512, 7, 100, arena + 64, arena + 1024, 8));
}

TEST_F(CudaTest, CopiesAndZeros) {
  ASSERT_EQ(open(), "");
  EXPECT_THAT(*executor->read(output(0)), Each(std::byte(0)));
  ASSERT_TRUE(executor->write(output(0), std::vector(512, std::byte(7))));
  ASSERT_TRUE(executor->run(0));
  auto copied = executor->read(output(1));
  ASSERT_TRUE(copied);
  EXPECT_THAT(std::span(*copied).first(384), Each(std::byte(7)));
  EXPECT_THAT(std::span(*copied).last(128), Each(std::byte(0)));
}

TEST_F(CudaTest, TimesByEvents) {
  ASSERT_EQ(open(gpuProduct()), "");
  EXPECT_FLOAT_EQ(executor->time(0).value(), 2.5e-3);
  EXPECT_EQ(fake->graphLaunches, 1);
  std::vector<double> steps;
  EXPECT_FLOAT_EQ(executor->time(0, &steps).value(), 2.5e-3);
  EXPECT_EQ(fake->graphLaunches, 1);
  EXPECT_EQ(fake->launchCount, 2);
  EXPECT_THAT(steps, ElementsAre(DoubleNear(0.5e-3, 1e-9), DoubleNear(0.5e-3, 1e-9),
                                 DoubleNear(0.5e-3, 1e-9), DoubleNear(1e-3, 1e-9)));
}

// Half a millisecond a copy, and of the algorithms of a product the fastest takes as long.
TEST_F(CudaTest, CeilingsAreAProductAndACopy) {
  ASSERT_EQ(open(), "");
  auto ceilings = cuda::GpuCeilings::create(*device, DType::BF16, {STC_FAKE_CUDA});
  ASSERT_TRUE(ceilings) << ceilings.error().message;
  const int tried = fake->productCount;
  auto rates = (*ceilings)->measure();
  ASSERT_TRUE(rates) << rates.error().message;
  EXPECT_EQ(fake->productCount, tried + 1);
  EXPECT_FLOAT_EQ(rates->flops, 2.0 * 8192 * 8192 * 8192 / 0.5e-3);
  EXPECT_FLOAT_EQ(rates->bytes, (512 << 20) / 0.5e-3);
  auto none = cuda::GpuCeilings::create(*device, DType::BF16, {"libnone.so"});
  EXPECT_EQ(none.error().kind, ErrorKind::Machine);
}

TEST_F(CudaTest, HasMemoryForTheEntriesThatAreWanted) {
  ProgramSpec spec = gpuProgram();
  spec.arena = 8192;
  spec.entries[0].peak = 4096;
  spec.entries.push_back(spec.entries[0]);
  spec.entries[1].name = "g";
  spec.entries[1].peak = 8192;
  for (auto [name, index, bytes] : {std::tuple("f", 0, 4096u), {"g", 1, 8192u}}) {
    EntryFilter wanted = [name = name](std::string_view entry) { return entry == name; };
    ASSERT_EQ(open(spec, wanted), "");
    EXPECT_EQ(fake->liveBytes, bytes);
    EXPECT_EQ(CudaExecutor::memoryNeed(file.program(), wanted), bytes);
    EXPECT_EQ(fake->liveGraphs, 1);
    EXPECT_TRUE(executor->run(index));
    EXPECT_EQ(executor->run(1 - index).error().message,
              fmt::format("entry '{}' is none of those that the program was opened for",
                          index ? "f" : "g"));
  }
  EXPECT_EQ(open(spec, [](std::string_view) { return false; }), "");
  EXPECT_EQ(fake->liveBytes + fake->liveModules, 0u);
}

TEST_F(CudaTest, RunsAnEntryAsOneGraph) {
  ASSERT_EQ(open(), "");
  EXPECT_EQ(fake->liveGraphs, 1);
  EXPECT_EQ(fake->launchCount, 0);
  ASSERT_TRUE(executor->submit(0));
  EXPECT_EQ(fake->launchCount, 0); // as of now nobody has waited
  ASSERT_TRUE(executor->wait());
  ASSERT_TRUE(executor->run(0));
  EXPECT_EQ(fake->launchCount, 2);
  EXPECT_EQ(fake->graphLaunches, 2);
}

// What is written takes effect behind what runs, through memory that the GPU reads by itself, and
// is not overwritten there before it was read.
TEST_F(CudaTest, WritesWithoutWaiting) {
  ProgramSpec spec = gpuProgram();
  spec.arena = 40 << 20;
  spec.variables = {{{"w", DType::U8, {38 << 20}, 4096}}};
  ASSERT_EQ(open(spec), "");
  const program::Tensor &w = *file.program().variables()->Get(0)->tensor();
  ASSERT_TRUE(executor->write(output(0), std::vector(512, std::byte(1))));
  ASSERT_TRUE(executor->submit(0));
  ASSERT_TRUE(executor->write(output(0), std::vector(512, std::byte(2))));
  EXPECT_EQ(fake->launchCount, 0);
  std::vector<std::byte> weights(38 << 20);
  for (size_t i = 0; i < weights.size(); ++i)
    weights[i] = std::byte(i * 2654435761u >> 24);
  ASSERT_TRUE(executor->write(w, weights));
  EXPECT_EQ(fake->pageableCopies, 0);
  EXPECT_TRUE(*executor->read(w) == weights);
  EXPECT_THAT(*executor->read(output(0)), Each(std::byte(2)));
  auto again = executor->read(output(1));
  ASSERT_TRUE(again);
  EXPECT_THAT(std::span(*again).first(384), Each(std::byte(1)));
}

TEST_F(CudaTest, ComputesProducts) {
  ASSERT_EQ(open(gpuProduct()), "");
  EXPECT_EQ(fake->liveBytes, 4096u + (32 << 20));
  EXPECT_EQ(CudaExecutor::memoryNeed(file.program()), fake->liveBytes);
  EXPECT_EQ(fake->reductionSchemes, 2); // partial sums in float32, added by another kernel
  EXPECT_THAT(fake->alignments, ElementsAre(64, 256, 128, 128));
  const float matrices[32] = {1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 1, 1};
  std::vector<std::byte> data(512);
  std::ranges::copy(std::as_bytes(std::span(matrices)), data.begin());
  fake->productCount = 0;
  ASSERT_TRUE(executor->write(input(), data));
  ASSERT_TRUE(executor->run(0));
  float product[4];
  ASSERT_TRUE(executor->read(input(), data));
  std::memcpy(product, data.data() + 128, sizeof(product));
  EXPECT_THAT(product, ElementsAre(4, 5, 10, 11));
  ASSERT_EQ(fake->productCount, 1);
  const FakeGemm &gemm = fake->products[0];
  EXPECT_EQ(gemm.computeType, 68); // float32, not TF32
  EXPECT_EQ(gemm.scaleType, 0);
  EXPECT_EQ(gemm.workspaceBytes, size_t(32) << 20);
  EXPECT_EQ(gemm.beta, 0);
}

TEST_F(CudaTest, TransposesAndBatchesProducts) {
  ProgramSpec spec = gpuProduct();
  spec.arena = 1 << 16;
  StepSpec::Gemm &gemm = spec.entries[0].steps[3].gemm[0];
  // a^T [3, 2] in rows of 4, b^T [5, 3]; three of each.
  gemm = {DType::F64,
          2,
          5,
          3,
          3,
          program::Matrix(1024, 4, 12),
          program::Matrix(2048, 3, 15),
          program::Matrix(4096, 5, 10),
          true,
          true};
  ASSERT_EQ(open(spec), "");
  const FakeGemm &made = fake->products[0];
  EXPECT_EQ(made.computeType, 70);
  EXPECT_EQ(made.scaleType, 1);
  EXPECT_EQ(made.alpha, 1);
  EXPECT_EQ(made.transposeA + made.transposeB, 2);
  EXPECT_EQ(made.batch, 3);
  const FakeMatrix &first = made.matrices[0], &second = made.matrices[1],
                   &result = made.matrices[2];
  EXPECT_EQ(first.address - second.address, 1024u); // b comes first
  EXPECT_EQ(first.type, 1);
  EXPECT_THAT((std::array{first.rows, first.columns}), ElementsAre(3, 5));
  EXPECT_THAT((std::array{second.rows, second.columns}), ElementsAre(2, 3));
  EXPECT_THAT((std::array{result.rows, result.columns}), ElementsAre(5, 2));
  EXPECT_THAT((std::array{first.leading, second.leading, result.leading}), ElementsAre(3, 4, 5));
  EXPECT_THAT((std::array{first.step, second.step, result.step}), ElementsAre(15, 12, 10));
}

TEST_F(CudaTest, ChoosesTheFastestAlgorithmOfALargeProduct) {
  ProgramSpec spec = gpuProduct();
  spec.arena = 16 << 20;
  auto large = [](int64_t n) -> StepSpec::Gemm {
    return {DType::BF16,
            1024,
            n,
            1024,
            1,
            program::Matrix(0, 1024, 0),
            program::Matrix(4 << 20, n, 0),
            program::Matrix(8 << 20, n, 0)};
  };
  spec.entries[0].steps.resize(2);
  for (int64_t n : {1024, 1024, 8, 1024})
    spec.entries[0].steps.emplace_back().gemm = {large(n)};
  ASSERT_EQ(open(spec), "");
  int ofSmall = 0, ofLarge = 0;
  for (const FakeGemm &tried : std::span(fake->products).first(fake->productCount))
    ++(tried.matrices[2].rows == 8 ? ofSmall : ofLarge);
  EXPECT_EQ(ofLarge, 2 * ofSmall); // two algorithms, once for each shape
  fake->productCount = 0;
  ASSERT_TRUE(executor->run(0));
  std::vector<int> chosen;
  for (int k = 0; k < fake->productCount; ++k)
    chosen.push_back(fake->products[k].algorithm);
  EXPECT_THAT(chosen, ElementsAre(1, 1, 0, 1));
  EXPECT_EQ(fake->products[0].matrices[0].type, 14);
  EXPECT_EQ(fake->products[0].computeType, 68);

  auto again = [&] {
    EXPECT_EQ(open(spec), "");
    fake->productCount = 0;
    EXPECT_TRUE(executor->run(0));
    return fake->products[0].algorithm;
  };
  EXPECT_EQ(again(), 1);
  spec.deterministic = true;
  EXPECT_EQ(again(), 0);
  spec.deterministic = false;
  fake->settings.algorithms[1] = 0.99; // no more than noise
  EXPECT_EQ(again(), 0);
}

TEST_F(CudaTest, SaysWhatProductsLack) {
  libraries = {"libnone.so.13", "libnone.so.12"};
  EXPECT_EQ(open(), "");
  EXPECT_THAT(
      open(gpuProduct()),
      AllOf(HasSubstr("cannot open cuBLASLt, which computes the program's dense products: "),
            HasSubstr("libnone.so.13"), HasSubstr("libnone.so.12")));
  libraries = {STC_TEST_KERNELS};
  EXPECT_THAT(open(gpuProduct()), AllOf(HasSubstr("expected cuBLASLt of CUDA 12 or 13, found "),
                                        HasSubstr(" without cublasLtCreate")));
  libraries = {STC_FAKE_CUDA};
  fake->settings.freeBytes = 16 << 20;
  EXPECT_THAT(open(gpuProduct()), HasSubstr("cannot reserve 32.0 MiB on the GPU"));
  fake->settings.freeBytes = 1 << 30;
  fake->settings.fail = "cublasLtMatmulAlgoGetHeuristic";
  EXPECT_EQ(open(gpuProduct()),
            "entry 'f': a product of 2 x 2 x 3: cublasLtMatmulAlgoGetHeuristic: the functionality "
            "requested is not supported (error 15)");
}

TEST_F(CudaTest, SaysWhatIsMissing) {
  auto none = cuda::Device::open("libnone.so.1");
  ASSERT_FALSE(none);
  EXPECT_THAT(machineError(none.error()),
              AllOf(HasSubstr("cannot open the CUDA driver: "), HasSubstr("libnone.so.1")));
  auto other = cuda::Device::open(STC_TEST_KERNELS);
  ASSERT_FALSE(other);
  EXPECT_THAT(machineError(other.error()), HasSubstr("without cuInit"));

  fake->settings.devices = 0;
  EXPECT_EQ(open(), "expected a GPU that the CUDA driver knows, found none");
  fake->settings.devices = 1;
  fake->settings.major = 8;
  EXPECT_EQ(open(), "this program was compiled for sm_90a: expected a GPU of compute capability "
                    "9.0, found 8.0 (Fake GPU)");
  ProgramSpec older = gpuProgram();
  older.target = "sm_80";
  EXPECT_EQ(open(older), "");
  fake->settings.major = 12;
  EXPECT_EQ(open(older), "");
  fake->settings.major = 7;
  EXPECT_EQ(open(older), "this program was compiled for sm_80: expected a GPU of compute "
                         "capability 8.0 or later, found 7.0 (Fake GPU)");
  fake->settings.major = 9;
  fake->settings.freeBytes = 2048;
  EXPECT_EQ(open(), "cannot reserve 4.0 KiB on the GPU, which has 2.0 KiB of 2.0 KiB left: "
                    "cuMemAlloc: out of memory (error 2)");
  fake->settings.freeBytes = 1 << 20;
  fake->settings.blocks = 0;
  EXPECT_EQ(
      open(),
      "entry 'f': kernel 'attention': a block of 384 threads and 100000 bytes of shared memory "
      "does not fit on this GPU");
}

TEST_F(CudaTest, RefusesProgramsForTheHost) {
  EXPECT_EQ(open(smallProgram()),
            "this program was compiled for target 'host'; expected 'sm_80' or "
            "'sm_90a'");
}

TEST_F(CudaTest, HandsOnWhatTheDriverSays) {
  fake->settings.log = "ptxas application ptx input, line 7; error   : Unknown symbol\n"
                       "ptxas fatal   : Ptx assembly aborted due to errors\n";
  EXPECT_EQ(open(), "entry 'f': kernel 'attention': cuModuleLoadDataEx: a PTX JIT compilation "
                    "failed (error 218): "
                    "ptxas application ptx input, line 7; error   : Unknown symbol; "
                    "ptxas fatal   : Ptx assembly aborted due to errors");
  fake->settings.log = nullptr;
  fake->settings.fail = "cuTensorMapEncodeTiled";
  EXPECT_EQ(open(), "entry 'f': kernel 'attention': cuTensorMapEncodeTiled: an illegal memory "
                    "access was encountered (error 700)");
  for (const char *function : {"cuStreamBeginCapture", "cuLaunchKernelEx", "cuStreamEndCapture",
                               "cuGraphInstantiateWithFlags"}) {
    fake->settings.fail = function;
    EXPECT_EQ(open(), std::string("entry 'f': ") + function +
                          ": an illegal memory access was encountered (error 700)");
  }
  fake->settings.fail = "cuMemHostAlloc";
  EXPECT_THAT(open(), HasSubstr("cuMemHostAlloc: "));
  fake->settings.fail = "cuStreamSynchronize";
  ASSERT_EQ(open(), "");
  auto ran = executor->run(0);
  ASSERT_FALSE(ran);
  EXPECT_EQ(machineError(ran.error()),
            "cuStreamSynchronize: an illegal memory access was encountered (error 700)");
}

// The other device has what this one has. A copy between an exchange and its wait is not held up,
// and so finds what was there before.
TEST_F(CudaTest, ExchangesBesideOtherWork) {
  using program::CollectiveKind;
  ProgramSpec spec = exchangeProgram();
  spec.target = "sm_90a";
  spec.code = "";
  std::vector<StepSpec> &steps = spec.entries[0].steps;
  StepSpec early, late;
  early.copy = {{64, 512, 32, false}};
  late.copy = {{64, 544, 32, false}};
  steps = {steps[0], early, steps[1], late};
  // Of "all", two runs of two parts of two elements.
  StepSpec second{.number = 9}, wait{.number = 9, .waits = true};
  second.exchange = {{CollectiveKind::AllSlice, DType::F32, 2, 2, 64, 192},
                     {CollectiveKind::ReduceScatter, DType::F32, 2, 2, 64, 256 + 64},
                     {CollectiveKind::AllToAll, DType::F32, 2, 2, 64, 384}};
  steps.insert(steps.end(), {second, wait});
  spec.entries[0].outputs.insert(spec.entries[0].outputs.end(),
                                 {{"early", DType::F32, {8}, 512},
                                  {"late", DType::F32, {8}, 544},
                                  {"slice", DType::F32, {4}, 192},
                                  {"scattered", DType::F32, {4}, 256 + 64},
                                  {"sent", DType::F32, {8}, 384}});
  fake->settings.rank = 1;
  ASSERT_EQ(open(spec), "");
  const std::vector<float> x = {1, 2, 3, 4};
  ASSERT_TRUE(executor->write(input(), std::as_bytes(std::span(x))));
  auto floats = [&](const program::Tensor &tensor) {
    std::vector<float> values(bytes(tensor) / sizeof(float));
    EXPECT_TRUE(executor->read(tensor, std::as_writable_bytes(std::span(values))));
    return values;
  };
  for (int again = 0; again < 2; ++again) {
    ASSERT_TRUE(executor->run(0));
    EXPECT_THAT(floats(output(0)), ElementsAre(1, 2, 3, 4, 1, 2, 3, 4));
    EXPECT_THAT(floats(output(1)), ElementsAre(2, 4, 6, 8));
    EXPECT_EQ(floats(output(2))[0], again ? 1 : 0);
    EXPECT_THAT(floats(output(3)), ElementsAre(1, 2, 3, 4, 1, 2, 3, 4));
    EXPECT_THAT(floats(output(4)), ElementsAre(3, 4, 3, 4));
    EXPECT_THAT(floats(output(5)), ElementsAre(6, 8, 6, 8));
    EXPECT_THAT(floats(output(6)), ElementsAre(3, 4, 3, 4, 3, 4, 3, 4));
  }
  EXPECT_EQ(fake->graphLaunches, 2);
  std::vector<double> times;
  auto whole = executor->time(0, &times);
  ASSERT_TRUE(whole);
  ASSERT_EQ(times.size(), 6u);
  EXPECT_NEAR(*whole, times[1] + times[2] + times[3] + times[5], 1e-9);
  EXPECT_GT(times[0], 0); // beside
  EXPECT_GT(times[2], 0); // what is waited for it
  ASSERT_TRUE(executor->exchangesBeside());
}

TEST_F(CudaTest, KnowsItsPlaceAndReadsWholeTensors) {
  ProgramSpec spec = exchangeProgram();
  spec.target = "sm_90a";
  spec.code = "";
  // More than is gathered at once.
  constexpr int64_t many = (uint64_t(9) << 20) + 1;
  spec.arena = 4 * many + 4096;
  spec.entries[0].inputs.push_back({"long", DType::F32, {many}, 4096, {{0, 0}}});
  fake->settings.rank = 1;
  ASSERT_EQ(open(spec), "");
  EXPECT_FALSE(executor->isFirst());
  EXPECT_EQ(CudaExecutor::memoryNeed(file.program()), fake->liveBytes);
  const program::Tensor &place = *file.program().variables()->Get(0)->tensor();
  EXPECT_EQ(executor->read(place).value()[0], std::byte(1));
  const program::Tensor &tensor = *file.program().entries()->Get(0)->inputs()->Get(1);
  std::vector<float> whole(2 * many), back(2 * many);
  for (int64_t k = 0; k < 2 * many; ++k)
    whole[k] = static_cast<float>(k);
  ASSERT_TRUE(executor->writeWhole(tensor, std::as_bytes(std::span(whole))));
  ASSERT_TRUE(executor->readWhole(tensor, std::as_writable_bytes(std::span(back))));
  // The other device has what this one has, the second half.
  for (int64_t k = 0; k < 2 * many; ++k)
    ASSERT_EQ(back[k], static_cast<float>(many + k % many));
}

TEST_F(CudaTest, RefusesAMaximumOverDevices) {
  ProgramSpec spec = exchangeProgram();
  spec.target = "sm_90a";
  spec.code = "";
  spec.entries[0].steps[0].exchange[1].kind = program::CollectiveKind::AllMax;
  auto opened = ProgramFile::open(spec.write("gpu.stcp"));
  ASSERT_TRUE(opened);
  device = cuda::Device::open(STC_FAKE_CUDA).value();
  std::shared_ptr<cuda::Nccl> nccl = cuda::Nccl::open(STC_FAKE_CUDA).value();
  cuda::ncclUniqueId id;
  ASSERT_TRUE(nccl->getUniqueId(&id));
  Devices devices;
  devices.along.push_back(cuda::NcclCommunicator::create(nccl, *device, id, 0, 2).value());
  auto created =
      CudaExecutor::create(opened->program(), *device, std::move(devices), {}, libraries);
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().message,
            "entry 'meet': expected no maximum of floats over several GPUs: that of NCCL leaves "
            "out what is not a number");
}

TEST_F(CudaTest, RefusesKernelsWithOtherParameters) {
  for (int addresses : {1, 3}) {
    fake->settings.addresses = addresses;
    auto opened = ProgramFile::open(gpuProgram().write("gpu.stcp"));
    device = cuda::Device::open(STC_FAKE_CUDA).value();
    auto created = CudaExecutor::create(opened->program(), *device);
    ASSERT_FALSE(created);
    EXPECT_EQ(created.error().kind, ErrorKind::Input);
    EXPECT_EQ(
        created.error().message,
        "entry 'f': kernel 'attention': expected the parameters of its launch, 2 tensor maps, "
        "2 addresses and sizes and a number of items, found others in its code");
  }
}

// stc-run finds the driver by its name alone.
class CudaCommandTest : public testing::Test {
protected:
  CudaCommandTest() { setPath(std::filesystem::path(STC_FAKE_CUDA).parent_path()); }
  ~CudaCommandTest() override { before ? setPath(*before) : void(unsetenv("LD_LIBRARY_PATH")); }

  static void setPath(const std::string &path) { setenv("LD_LIBRARY_PATH", path.c_str(), 1); }
  static std::string errorOf(const Outcome &outcome, int code) {
    EXPECT_EQ(outcome.code, code) << outcome.err;
    return outcome.err;
  }

  std::optional<std::string> before = getenv("LD_LIBRARY_PATH")
                                          ? std::optional<std::string>(getenv("LD_LIBRARY_PATH"))
                                          : std::nullopt;
  std::string program = gpuProgram().write("gpu.stcp"), host = smallProgram().write("host.stcp"),
              x = temporaryPath("x.npy"), prefix = temporaryPath("gpu_");
};

TEST_F(CudaCommandTest, Call) {
  std::vector<float> ones(256, 1);
  const int64_t shape[] = {4, 64};
  ASSERT_TRUE(writeNpy(x, DType::F32, shape, std::as_bytes(std::span(ones))));
  Outcome called = run({"call", program, "f", x, "-o", prefix, "--device", "cuda"});
  ASSERT_EQ(called.code, 0) << called.err;
  EXPECT_EQ(called.out, prefix + "y.npy f32[4, 64]\n" + prefix + "again.npy f32[4, 64]\n");
  auto y = readNpy(prefix + "y.npy");
  ASSERT_TRUE(y) << y.error().message;
  EXPECT_EQ(y->dtype, DType::F32);
}

TEST_F(CudaCommandTest, BenchAndInfo) {
  Outcome bench = run({"bench", program, "--repetitions", "3"});
  ASSERT_EQ(bench.code, 0) << bench.err;
  EXPECT_THAT(bench.out,
              AllOf(HasSubstr("f: median 1.500 ms, best 1.500 ms\n"), HasSubstr("attention"),
                    HasSubstr("copy"), HasSubstr("Fake GPU, 3 repetitions; peak resident memory")));
  auto json = nlohmann::json::parse(run({"bench", program, "--json"}).out);
  EXPECT_EQ(json["gpu"], "Fake GPU");
  const auto &kinds = json["entries"][0]["kinds"];
  EXPECT_FLOAT_EQ(kinds["copy"]["seconds"].get<float>(), 1e-3f);
  EXPECT_FALSE(kinds["copy"].contains("bytes")); // not counted
  EXPECT_FLOAT_EQ(kinds["attention"]["flops_per_second"].get<float>(), 4e6f / 0.5e-3f);
  const auto &ceilings = json["entries"][0]["ceilings"];
  EXPECT_FLOAT_EQ(ceilings["bytes_per_second"].get<float>(), (512 << 20) / 0.5e-3f);
  EXPECT_EQ(ceilings["product_dtype"], "bf16");
  EXPECT_EQ(kinds["attention"]["ceiling"], "products");
  EXPECT_FLOAT_EQ(kinds["attention"]["ceiling_share"].get<float>(),
                  8e9f / ceilings["flops_per_second"].get<float>());

  Outcome info = run({"info", program});
  EXPECT_THAT(info.out, AllOf(HasSubstr("target      sm_90a\n"), HasSubstr("arena       4.0 KiB"),
                              HasSubstr("kernels     1, 6 bytes of code")));
  EXPECT_EQ(nlohmann::json::parse(run({"info", program, "--json"}).out)["target"], "sm_90a");
}

// A model whose training step copies its tokens to the weights: no kernel computes anything here.
ProgramSpec gpuModel() {
  ProgramSpec spec = mockModel();
  spec.target = "sm_90a";
  spec.code = "";
  spec.kernels = {};
  for (EntrySpec &entry : spec.entries)
    entry.steps = {};
  StepSpec &copy = spec.entries[1].steps.emplace_back();
  copy.copy = {{spec.entries[1].inputs[0].offset, 0, 4 * mockBatch * mockContext, false}};
  return spec;
}

TEST_F(CudaCommandTest, TrainsEvaluatesAndSamples) {
  std::string model = gpuModel().write("model.stcp"), data = temporaryPath("data"),
              out = temporaryPath("run"), text = temporaryPath("text");
  writeFile(data, mockData(4096));
  Outcome trained = run({"train", model, "--data", data, "--out", out, "--steps", "3",
                         "--eval-every", "2", "--eval-windows", "2"});
  ASSERT_EQ(trained.code, 0) << trained.err;
  EXPECT_THAT(trained.out, AllOf(HasSubstr("3 steps of 2 x 32 bytes on Fake GPU, "),
                                 HasSubstr("planned 8.0 KiB on the GPU\n"),
                                 HasSubstr("step 2: held-out 0.0000")));
  EXPECT_THAT(trained.err, HasSubstr("stc-run: on Fake GPU, with 8.0 KiB of its memory\n"));
  Outcome resumed = run({"train", model, "--data", data, "--out", out, "--steps", "4", "--resume"});
  ASSERT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_THAT(resumed.out, HasSubstr("resuming after step 3 of 4\n"));

  std::string weights = out + "/weights.safetensors";
  auto file = SafetensorsFile::open(weights);
  ASSERT_TRUE(file) << file.error().message;
  std::array<int32_t, mockBatch * mockContext> tokens;
  std::memcpy(tokens.data(), file->tensors()[0].data.data(), sizeof(tokens));
  EXPECT_EQ(tokens[0], 256);
  EXPECT_EQ(tokens[mockContext], 256);
  EXPECT_THAT(std::span(tokens).subspan(1, mockContext - 1),
              Each(testing::AnyOf('e', 't', 'a', 'o')));

  Outcome evaluated = run({"eval", model, "--weights", weights, "--data", data});
  ASSERT_EQ(evaluated.code, 0) << evaluated.err;
  EXPECT_THAT(evaluated.out, HasSubstr("0.0000 +- 0.0000 bits/byte"));
  Outcome sampled = run({"sample", model, "--weights", weights, "--out", text, "--length", "5",
                         "--prompt", "ab", "--temperature", "0"});
  ASSERT_EQ(sampled.code, 0) << sampled.err;
  EXPECT_EQ(readFile(text), std::string("ab\0\0\0\0\0", 7));
}

TEST_F(CudaCommandTest, SaysWhatMemoryWouldDo) {
  ProgramSpec spec = gpuModel();
  spec.arena = uint64_t(3) << 30;
  auto errorWith = [&] {
    std::string model = spec.write("large.stcp");
    return errorOf(run({"train", model, "--data", x, "--out", prefix}), 3)
        .substr(("stc-run: error: " + model).size());
  };
  std::string start = ": it needs 3.0 GiB of memory, Fake GPU has 1.0 GiB of 1.0 GiB left; ";
  std::string budget = "recompute = \"budget\" and budget = \"768 MiB\" under [memory], or a "
                       "smaller batch\n";
  EXPECT_EQ(errorWith(), start + "compile it with recompute = \"block\", or " + budget);
  spec.settings.push_back({"memory.recompute", "block"});
  EXPECT_EQ(errorWith(), start + "compile it with " + budget);
  spec.variables.push_back({{"v", DType::F32, {1 << 28}, 8192}});
  EXPECT_EQ(errorWith(), start + "its weights and the optimizer's state alone take 1.0 GiB\n");
  // What is no training needs no advice for that.
  EXPECT_THAT(errorOf(run({"eval", spec.write("large.stcp"), "--data", x, "--weights", x}), 3),
              HasSubstr(": it needs 3.0 GiB of memory, Fake GPU has 1.0 GiB of 1.0 GiB left\n"));
}

TEST_F(CudaCommandTest, RefusesAnotherDevice) {
  for (const char *command : {"call", "bench"}) {
    EXPECT_EQ(errorOf(run({command, program, "f", "--device", "host"}), 1),
              "stc-run: error: " + program +
                  ": expected a program for the CPU, found one that was compiled for target "
                  "'sm_90a': compile it with --target=host\n");
    EXPECT_EQ(errorOf(run({command, host, "f", "--device", "cuda"}), 1),
              "stc-run: error: " + host +
                  ": expected a program for a GPU, found one that was compiled for target 'host': "
                  "compile it with --target=sm_80 or sm_90a\n");
  }
  EXPECT_EQ(run({"info", host, "--device", "cuda"}).code, 1);
  for (std::vector<std::string> command :
       {std::vector<std::string>{"train", program, "--data", x, "--out", prefix},
        {"eval", program, "--data", x, "--weights", x},
        {"sample", program, "--weights", x}}) {
    command.insert(command.end(), {"--device", "host"});
    EXPECT_THAT(errorOf(run(command), 1), HasSubstr(": expected a program for the CPU, found one"));
  }
}

TEST_F(CudaCommandTest, SaysThatThereIsNoDriver) {
  std::string folder = temporaryPath("no-driver");
  std::filesystem::create_directory(folder);
  writeFile(folder + "/libcuda.so.1", "");
  setPath(folder);
  Outcome outcome = run({"bench", program});
  EXPECT_THAT(errorOf(outcome, 3),
              AllOf(HasSubstr("error: " + program + ": cannot open the CUDA driver: "),
                    HasSubstr("libcuda.so.1")));
  EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1);
  EXPECT_EQ(run({"bench", host, "--repetitions", "1"}).code, 0);
  EXPECT_EQ(run({"info", program}).code, 0);
}

} // namespace
} // namespace stc::runtime::test
