//===- DevicesTest.cpp - a compiled model on several devices is that on one ===//
//
// Programs for several devices, each device a thread of this process that exchanges through its
// memory: the same first values, losses, weights and samples as the program for one.
//
//===----------------------------------------------------------------------===//

#include "tests/numerics/Compiled.h"

#include "compiler/Model/Model.h"
#include "runtime/Checkpoint/Variables.h"
#include "runtime/Device/Mpi/Combine.h"
#include "runtime/Program/Signature.h"
#include "runtime/Program/Tensor.h"

#include <gtest/gtest.h>
#include <llvm/Support/FormatVariadic.h>

#include <barrier>
#include <map>
#include <random>
#include <thread>

using namespace mlir;
using namespace stc;
using namespace stc::test;

namespace {
constexpr int64_t batch = 4, vocabulary = 19;

/// Where threads show each other their memory.
struct Meeting {
  explicit Meeting(int count) : barrier(count), shown(count) {}
  std::barrier<> barrier;
  std::vector<const std::byte *> shown;
};

class ThreadCommunicator final : public runtime::Communicator {
public:
  ThreadCommunicator(Meeting &meeting, int rank)
      : Communicator(rank, static_cast<int>(meeting.shown.size())), meeting(meeting) {}

  runtime::Result<void> gatherAll(const std::byte *part, std::byte *all, uint64_t elements,
                                  program::DType type) override {
    const uint64_t bytes = elements * runtime::byteSize(type);
    meet(part, [&] {
      for (int k = 0; k < size(); ++k)
        std::copy_n(meeting.shown[k], bytes, all + k * bytes);
    });
    return {};
  }
  runtime::Result<void> reduceParts(const std::byte *all, std::byte *part, uint64_t elements,
                                    program::DType type, runtime::Reduction how) override {
    meet(all, [&] { combine(part, rank() * elements, elements, type, how); });
    return {};
  }
  runtime::Result<void> reduceAll(const std::byte *from, std::byte *to, uint64_t elements,
                                  program::DType type, runtime::Reduction how) override {
    meet(from, [&] { combine(to, 0, elements, type, how); });
    return {};
  }
  runtime::Result<void> exchangeAll(const std::byte *from, std::byte *to, uint64_t elements,
                                    program::DType type) override {
    const uint64_t bytes = elements * runtime::byteSize(type);
    meet(from, [&] {
      for (int k = 0; k < size(); ++k)
        std::copy_n(meeting.shown[k] + rank() * bytes, bytes, to + k * bytes);
    });
    return {};
  }

private:
  void meet(const std::byte *own, llvm::function_ref<void()> body) {
    meeting.shown[rank()] = own;
    meeting.barrier.arrive_and_wait();
    body();
    meeting.barrier.arrive_and_wait();
  }
  void combine(std::byte *to, uint64_t first, uint64_t elements, program::DType type,
               runtime::Reduction how) {
    const uint64_t width = runtime::byteSize(type), bytes = elements * width;
    std::vector<std::byte> all;
    for (const std::byte *shown : meeting.shown)
      all.insert(all.end(), shown + first * width, shown + first * width + bytes);
    runtime::mpi::combine(all.data(), bytes, size(), to, elements, type, how);
  }

  Meeting &meeting;
};

/// A tensor as bytes, with the shape that it has in the program.
using Bytes = std::vector<std::byte>;

/// A program, and an executor for each of its devices.
class Program {
public:
  /// The program file of a specification; empty, with a failed expectation, if it does not compile.
  static Bytes compile(const std::string &text, const std::vector<DeviceAxis> &grid,
                       const std::string &exchange = "auto", int64_t block = 0) {
    auto spec = spec::parseSpec(text, "model.toml");
    if (!spec) {
      ADD_FAILURE() << spec.error()[0].str();
      return {};
    }
    CompileOptions options = optionsForHost();
    options.recompute = spec->memory.recompute == spec::Recompute::Block ? "block" : "none";
    options.devices = grid;
    options.exchange = exchange;
    options.block = block;
    constexpr const char *types[] = {"f32", "bf16", "f16"};
    options.gradientType = types[static_cast<int>(spec->precision.gradients)];
    OwningOpRef<ModuleOp> module = model::build(*spec, &context());
    if (failed(runPhases(*module, options))) {
      ADD_FAILURE() << "does not compile";
      return {};
    }
    auto bytes = finishProgram(*module, options, {"model", {}, text, {}});
    if (failed(bytes)) {
      ADD_FAILURE() << "gives no program";
      return {};
    }
    return std::move(*bytes);
  }

  explicit Program(Bytes given) : bytes(std::move(given)) {
    const auto *axes = program().axes();
    for (int device = 0; device < runtime::deviceCount(program()); ++device) {
      runtime::Devices grid;
      for (uint32_t axis = 0; axis < (axes ? axes->size() : 0); ++axis) {
        const std::vector<int> along = runtime::devicesAlong(program(), axis, device);
        auto &meeting = meetings[{axis, along.front()}];
        if (!meeting)
          meeting = std::make_unique<Meeting>(static_cast<int>(along.size()));
        grid.along.push_back(std::make_unique<ThreadCommunicator>(
            *meeting, static_cast<int>(llvm::find(along, device) - along.begin())));
      }
      pools.push_back(std::make_unique<runtime::ThreadPool>(1));
      auto executor = runtime::HostExecutor::create(program(), *pools.back(), std::move(grid));
      EXPECT_TRUE(executor) << executor.error().message;
      executors.push_back(std::move(*executor));
    }
  }

  const program::Program &program() const { return *program::GetProgram(bytes.data()); }
  int devices() const { return static_cast<int>(executors.size()); }

  /// The part of a device, cut out of the whole tensor.
  Bytes partOf(const program::Tensor &tensor, const Bytes &whole, int device) const {
    Bytes part = whole;
    const auto &shape = *tensor.shape();
    int64_t inner = runtime::byteSize(tensor.dtype());
    for (int dim = static_cast<int>(shape.size()) - 1; dim >= 0; --dim) {
      const auto [number, count] = executors[device]->part(tensor, dim);
      const int64_t run = shape.Get(dim) * inner;
      Bytes cut;
      for (int64_t k = number * run; k < static_cast<int64_t>(part.size()); k += run * count)
        cut.insert(cut.end(), part.begin() + k, part.begin() + k + run);
      part = std::move(cut);
      inner *= shape.Get(dim);
    }
    return part;
  }

  /// Runs an entry on all devices, each with its parts of the inputs.
  void call(const std::string &name, const std::vector<Bytes> &inputs) {
    const int index = runtime::findEntry(program(), name);
    ASSERT_GE(index, 0) << name;
    std::vector<std::thread> threads;
    for (int device = 0; device < devices(); ++device)
      threads.emplace_back([&, device] {
        const program::Entry &entry = *program().entries()->Get(index);
        for (uint32_t k = 0; k < entry.inputs()->size(); ++k) {
          const program::Tensor &input = *entry.inputs()->Get(k);
          ASSERT_TRUE(executors[device]->write(input, partOf(input, inputs[k], device)));
        }
        EXPECT_TRUE(executors[device]->run(index));
      });
    for (std::thread &thread : threads)
      thread.join();
  }

  Bytes read(const program::Tensor &tensor, int device) { return *executors[device]->read(tensor); }

private:
  Bytes bytes;
  std::map<std::pair<uint32_t, int>, std::unique_ptr<Meeting>> meetings; // by axis and first
  std::vector<std::unique_ptr<runtime::ThreadPool>> pools;
  std::vector<std::unique_ptr<runtime::HostExecutor>> executors;
};

struct Case {
  const char *name, *attention, *train, *exchange = "auto";
  int64_t block = 0, positions = 64;
};
std::ostream &operator<<(std::ostream &out, const Case &one) { return out << one.name; }

std::string textOf(const Case &one, const std::string &gradients = "float32") {
  return llvm::formatv("[model]\nlayers = 2\nwidth = 24\nheads = 4\nvocabulary = {0}\n[attention]\n"
                       "{1}\n[data]\nkind = \"text\"\ncontext = {2}\n[train]\nbatch = {3}\nsteps = "
                       "10\nlearning_rate = 0.01\nwarmup = 2\nepsilon = 0.01\n{4}\n[precision]\n"
                       "compute = \"float32\"\ngradients = \"{5}\"\n[sample]\nbatch = {3}\n",
                       vocabulary, one.attention, one.positions, batch, one.train, gradients)
      .str();
}

using Grid = std::vector<DeviceAxis>;

std::string nameOf(const Grid &grid) {
  std::string name;
  for (const DeviceAxis &axis : grid)
    name += axis.name + ":" + std::to_string(axis.count) + " ";
  return name;
}

class OnDevices : public testing::TestWithParam<std::tuple<Case, std::vector<Grid>>> {
protected:
  template <typename T> static Bytes bytesOf(const std::vector<T> &values) {
    auto bytes = std::as_bytes(std::span(values));
    return {bytes.begin(), bytes.end()};
  }
  Bytes tokens(int64_t count, int64_t symbols) {
    std::vector<int32_t> values(count);
    for (int32_t &value : values)
      value = static_cast<int32_t>(random() % symbols);
    return bytesOf(values);
  }
  void call(const std::string &name, const std::vector<Bytes> &inputs) {
    whole->call(name, inputs);
    parts->call(name, inputs);
  }

  /// The largest difference of a tensor on any device, relative to its largest element.
  double difference(const program::Tensor &one, const program::Tensor &part) {
    const Bytes all = whole->read(one, 0);
    double worst = 0;
    for (int device = 0; device < parts->devices(); ++device) {
      const Bytes expected = parts->partOf(part, all, device), found = parts->read(part, device);
      EXPECT_EQ(expected.size(), found.size()) << one.name()->str();
      if (one.dtype() != program::DType::F32) {
        EXPECT_EQ(expected, found) << one.name()->str() << " on device " << device;
        continue;
      }
      const std::span a(reinterpret_cast<const float *>(expected.data()), expected.size() / 4),
          b(reinterpret_cast<const float *>(found.data()), found.size() / 4);
      double largest = 1e-6, error = 0;
      for (size_t k = 0; k < a.size(); ++k) {
        largest = std::max<double>(largest, std::abs(a[k]));
        error = std::max<double>(error, std::abs(a[k] - b[k]));
      }
      worst = std::max(worst, error / largest);
    }
    return worst;
  }
  void expectSameVariables(double tolerance) {
    for (const program::Variable *variable : *whole->program().variables()) {
      if (variable->role() == program::Role::Scratch)
        continue;
      const std::string name = variable->tensor()->name()->str();
      for (const program::Variable *other : *parts->program().variables())
        if (other->tensor()->name()->str() == name)
          EXPECT_LE(difference(*variable->tensor(), *other->tensor()), tolerance) << name;
    }
  }
  void expectSameOutputs(const std::string &entry, double tolerance) {
    auto outputs = [&](const Program &of) {
      return of.program().entries()->Get(runtime::findEntry(of.program(), entry))->outputs();
    };
    for (uint32_t k = 0; k < outputs(*whole)->size(); ++k)
      EXPECT_LE(difference(*outputs(*whole)->Get(k), *outputs(*parts)->Get(k)), tolerance)
          << entry << ": " << outputs(*whole)->Get(k)->name()->str();
  }

  /// Both programs, from their first values on.
  void check(const Bytes &forOne, const Bytes &forSeveral);

  static int64_t stateOf(const Program &of) {
    int64_t sum = 0;
    for (const program::Variable *variable : *of.program().variables())
      if (variable->role() == program::Role::Optimizer)
        sum += runtime::bytes(*variable->tensor());
    return sum;
  }

  std::mt19937_64 random{20261130};
  std::unique_ptr<Program> whole, parts;
};

void OnDevices::check(const Bytes &forOne, const Bytes &forSeveral) {
  whole = std::make_unique<Program>(forOne);
  parts = std::make_unique<Program>(forSeveral);
  const int64_t places = batch * std::get<0>(GetParam()).positions;
  call("init", {bytesOf(std::vector<int64_t>{7})});
  expectSameVariables(0); // random numbers have their places in the whole
  for (int step = 0; step < 3; ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    call("train_step", {tokens(places, vocabulary + 1), tokens(places, vocabulary)});
    expectSameOutputs("train_step", 1e-5);
    expectSameVariables(2e-5);
  }
  call("eval", {tokens(places, vocabulary + 1), tokens(places, vocabulary)});
  expectSameOutputs("eval", 1e-5);
  auto position = [&](int32_t at) { return bytesOf(std::vector<int32_t>{at}); };
  call("sample_prefill", {tokens(places, vocabulary + 1), position(5)});
  expectSameOutputs("sample_prefill", 1e-5);
  call("sample_step", {tokens(batch, vocabulary + 1), position(6)});
  expectSameOutputs("sample_step", 1e-5);

  // Of the optimizer's state a device has its share; tables of 19 and 20 rows are whole where
  // devices do not divide them.
  const int64_t tables = 2 * (vocabulary + 1 + vocabulary) * 24 * sizeof(float);
  EXPECT_LE(stateOf(*parts), stateOf(*whole) / parts->devices() + tables);
}

TEST_P(OnDevices, AreAsOnOne) {
  const auto &[one, grids] = GetParam();
  const Bytes forOne = Program::compile(textOf(one), {});
  for (const Grid &grid : grids) {
    SCOPED_TRACE(nameOf(grid));
    const Bytes forSeveral = Program::compile(textOf(one), grid, one.exchange, one.block);
    ASSERT_FALSE(forOne.empty() || forSeveral.empty());
    check(forOne, forSeveral);
  }
}

/// The parts of a variable on all devices, one after the other.
std::vector<float> floatsOf(Program &program, const std::string &name) {
  std::vector<float> all;
  for (const program::Variable *variable : *program.program().variables())
    for (int device = 0; device < program.devices(); ++device)
      if (variable->tensor()->name()->str() == name) {
        const Bytes part = program.read(*variable->tensor(), device);
        const auto *first = reinterpret_cast<const float *>(part.data());
        all.insert(all.end(), first, first + part.size() / sizeof(float));
      }
  return all;
}

// In the first step, of a head of zeros, all other gradients are 0; after the second the first
// moment is a tenth of the gradient. Its summands are rounded, and their sum.
TEST(GradientsOnDevices, TravelInTheTypeThatIsAskedFor) {
  const std::string name = "adam.m.transformer.h.0.mlp.c_proj.weight";
  std::mt19937_64 random(7);
  std::vector<int32_t> tokens(batch * Case().positions);
  for (int32_t &token : tokens)
    token = static_cast<int32_t>(random() % vocabulary);
  const Bytes bytes(std::as_bytes(std::span(tokens)).begin(),
                    std::as_bytes(std::span(tokens)).end());
  std::vector<std::vector<float>> moments;
  for (const char *type : {"float32", "bfloat16", "float16"}) {
    const Bytes compiled =
        Program::compile(textOf({"", "pattern = \"fixed(8, 2)\"", ""}, type), {{"data", 2}});
    ASSERT_FALSE(compiled.empty());
    Program program(compiled);
    program.call("init", {Bytes(sizeof(int64_t))});
    for (int step = 0; step < 2; ++step)
      program.call("train_step", {bytes, bytes});
    moments.push_back(floatsOf(program, name));
  }
  ASSERT_EQ(moments[0].size(), size_t(96 * 24));
  double largest = 0;
  for (float moment : moments[0])
    largest = std::max<double>(largest, std::abs(moment));
  for (auto [number, rounding] : {std::pair(1, 1.0 / 256), {2, 1.0 / 2048}}) {
    double worst = 0;
    for (size_t k = 0; k < moments[0].size(); ++k)
      worst = std::max<double>(worst, std::abs(moments[0][k] - moments[number][k]));
    EXPECT_LE(worst, 1.5 * rounding * largest);
    EXPECT_GT(worst, 0.05 * rounding * largest);
  }
}

const Case fixed{"fixed", "pattern = \"fixed(8, 2)\"", ""},
    dropout{"dropout", "pattern = \"strided(6)\"", "dropout = 0.25"},
    clip{"clip", "pattern = \"fixed_by_head(8, 2)\"\nintegration = \"heads\"", "clip = 0.1"},
    block{"block", "pattern = \"fixed(8, 2)\"", "dropout = 0.25\n[memory]\nrecompute = \"block\""},
    halo{"halo", "pattern = \"local(5) | sinks(1)\"", "", "rows"},
    inBlocks{"in_blocks", "pattern = \"fixed(8, 2)\"", "dropout = 0.25", "rows", 96, 384},
    residues{"residues", "pattern = \"strided(64)\"", "dropout = 0.25", "rows", 32, 256},
    cut{"cut", "pattern = \"fixed(12, 3)\"", "", "rows"}, // chunks cut blocks
    inTurn{"in_turn", "pattern = [\"local(5)\", \"dilated(4, 3)\"]\nintegration = \"heads\"", ""};

const std::vector<Grid> bySequences = {{{"data", 2}}, {{"data", 4}}},
                        byPositions = {
                            {{"context", 2}}, {{"context", 4}}, {{"data", 2}, {"context", 2}}};

std::string nameOfCase(const testing::TestParamInfo<std::tuple<Case, std::vector<Grid>>> &info) {
  return std::get<0>(info.param).name;
}

// A test is about all grids of a case, because the program for one device is the same for them.
INSTANTIATE_TEST_SUITE_P(BySequences, OnDevices,
                         testing::Combine(testing::Values(fixed, dropout, clip, block),
                                          testing::Values(bySequences)),
                         nameOfCase);
INSTANTIATE_TEST_SUITE_P(ByPositions, OnDevices,
                         testing::Combine(testing::Values(fixed, dropout, block),
                                          testing::Values(byPositions)),
                         nameOfCase);
INSTANTIATE_TEST_SUITE_P(Patterns, OnDevices,
                         testing::Values(std::tuple(inTurn, std::vector<Grid>{{{"context", 2}}}),
                                         std::tuple(halo, std::vector<Grid>{{{"context", 4}}}),
                                         std::tuple(inBlocks, std::vector<Grid>{{{"context", 2}}}),
                                         std::tuple(residues, std::vector<Grid>{{{"context", 2}}}),
                                         std::tuple(cut, std::vector<Grid>{{{"context", 2}}})),
                         nameOfCase);
} // namespace
