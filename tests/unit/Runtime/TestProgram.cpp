//===- TestProgram.cpp - builds small programs for the tests ------------------------===//
#include "tests/unit/Runtime/TestProgram.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

namespace stc::runtime::test {

using namespace program;

std::string temporaryPath(const std::string &name) {
  struct Folder {
    std::string path;
    Folder() {
      // In memory where there is such a folder: every file is synced, thousands of them.
      std::filesystem::path base = "/dev/shm";
      if (!std::filesystem::exists(base))
        base = std::filesystem::temp_directory_path();
      std::string pattern = base / "stc-test-XXXXXX";
      path = mkdtemp(pattern.data());
    }
    ~Folder() { std::filesystem::remove_all(path); }
  };
  static Folder folder;
  std::filesystem::path own = folder.path;
  if (const testing::TestInfo *test = testing::UnitTest::GetInstance()->current_test_info())
    own /= std::string(test->test_suite_name()) + "." + test->name();
  std::filesystem::create_directories(own);
  return own / name;
}

std::string readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream contents;
  contents << file.rdbuf();
  return contents.str();
}

void writeFile(const std::string &path, std::string_view contents) {
  std::ofstream(path, std::ios::binary) << contents;
}

ProgramSpec::ProgramSpec() : code(readFile(STC_TEST_KERNELS)) {}

namespace {

flatbuffers::Offset<Tensor> build(flatbuffers::FlatBufferBuilder &builder, const TensorSpec &spec) {
  return CreateTensorDirect(builder, spec.name.c_str(), spec.dtype, &spec.shape, spec.offset, 0,
                            spec.dealt.empty() ? nullptr : &spec.dealt);
}

std::vector<flatbuffers::Offset<Tensor>> build(flatbuffers::FlatBufferBuilder &builder,
                                               const std::vector<TensorSpec> &specs) {
  std::vector<flatbuffers::Offset<Tensor>> tensors;
  for (const TensorSpec &spec : specs)
    tensors.push_back(build(builder, spec));
  return tensors;
}

flatbuffers::Offset<Expression> build(flatbuffers::FlatBufferBuilder &builder,
                                      const ExpressionSpec &spec) {
  return CreateExpressionDirect(builder, &spec);
}

flatbuffers::Offset<Kernel> build(flatbuffers::FlatBufferBuilder &builder, const KernelSpec &spec) {
  flatbuffers::Offset<Grid> grid;
  if (spec.grid) {
    std::vector<flatbuffers::Offset<TensorMap>> maps;
    for (const MapSpec &map : spec.grid->maps) {
      std::vector<flatbuffers::Offset<Expression>> dynamic;
      for (const ExpressionSpec &expression : map.dynamic)
        dynamic.push_back(build(builder, expression));
      maps.push_back(CreateTensorMapDirect(builder, map.buffer, map.offset, map.dtype, &map.sizes,
                                           &map.strides, &map.box, map.swizzle,
                                           dynamic.empty() ? nullptr : &dynamic));
    }
    std::vector<uint8_t> image(spec.grid->image.begin(), spec.grid->image.end());
    grid = CreateGridDirect(builder, spec.grid->threads, spec.grid->shared, &maps, &image,
                            spec.grid->early);
  }
  return CreateKernelDirect(builder, spec.symbol.c_str(), spec.scratch, spec.kind.c_str(), grid);
}

flatbuffers::Offset<Step> build(flatbuffers::FlatBufferBuilder &builder, const StepSpec &spec) {
  const Work *work = spec.work ? &*spec.work : nullptr;
  std::vector<flatbuffers::Offset<Launch>> launches;
  for (const StepSpec::Launch &l : spec.launch) {
    flatbuffers::Offset<Expression> items;
    if (!l.dynamicItems.empty())
      items = build(builder, l.dynamicItems);
    launches.push_back(CreateLaunchDirect(builder, l.kernel, l.items, &l.buffers, &l.sizes, items));
  }
  if (launches.size() == 1)
    return CreateStep(builder, Action::Launch, launches[0].Union(), work);
  if (!launches.empty())
    return CreateStep(builder, Action::Batch, CreateBatchDirect(builder, &launches).Union(), work);
  if (!spec.gemm.empty()) {
    const StepSpec::Gemm &g = spec.gemm[0];
    auto gemm = CreateGemm(builder, g.dtype, g.m, g.n, g.k, g.batch, g.transposeA, g.transposeB,
                           false, &g.a, &g.b, &g.c);
    return CreateStep(builder, Action::Gemm, gemm.Union(), work);
  }
  if (!spec.exchange.empty()) {
    std::vector<flatbuffers::Offset<Collective>> collectives;
    for (const StepSpec::Collective &one : spec.exchange)
      collectives.push_back(CreateCollective(builder, one.kind, one.axis, one.dtype, one.runs,
                                             one.elements, one.source, one.target));
    return CreateStep(builder, Action::Exchange,
                      CreateExchangeDirect(builder, spec.number, &collectives).Union(), work);
  }
  if (spec.waits)
    return CreateStep(builder, Action::Wait, CreateWait(builder, spec.number).Union(), work);
  const StepSpec::Copy &c = spec.copy[0];
  auto copy = CreateCopy(builder, c.source, c.target, c.bytes, c.zero);
  return CreateStep(builder, Action::Copy, copy.Union(), work);
}

} // namespace

std::string ProgramSpec::build() const {
  flatbuffers::FlatBufferBuilder builder;
  std::vector<flatbuffers::Offset<flatbuffers::String>> featureNames;
  for (const std::string &feature : features)
    featureNames.push_back(builder.CreateString(feature));
  std::vector<flatbuffers::Offset<Variable>> variableTables;
  for (const VariableSpec &variable : variables)
    variableTables.push_back(
        CreateVariable(builder, test::build(builder, variable.tensor), variable.role));
  std::vector<flatbuffers::Offset<Kernel>> kernelTables;
  for (const KernelSpec &kernel : kernels)
    kernelTables.push_back(test::build(builder, kernel));
  std::vector<flatbuffers::Offset<Entry>> entryTables;
  for (const EntrySpec &entry : entries) {
    std::vector<flatbuffers::Offset<Step>> steps;
    for (const StepSpec &step : entry.steps)
      steps.push_back(test::build(builder, step));
    auto inputs = test::build(builder, entry.inputs), outputs = test::build(builder, entry.outputs);
    std::vector<flatbuffers::Offset<Parameter>> parameters;
    for (const ParameterSpec &one : entry.parameters)
      parameters.push_back(
          CreateParameterDirect(builder, one.name.c_str(), one.example, one.multiple, one.most));
    std::vector<flatbuffers::Offset<Intermediate>> intermediates;
    for (const IntermediateSpec &one : entry.intermediates)
      intermediates.push_back(
          CreateIntermediate(builder, one.offset, test::build(builder, one.bytes)));
    const bool isDynamic = !entry.parameters.empty();
    entryTables.push_back(CreateEntryDirect(
        builder, entry.name.c_str(), &inputs, &outputs, &steps, entry.peak.value_or(arena),
        entry.modelFlops, isDynamic ? &parameters : nullptr, isDynamic ? &intermediates : nullptr));
  }
  std::vector<flatbuffers::Offset<Setting>> settingTables;
  for (const auto &[key, value] : settings)
    settingTables.push_back(CreateSettingDirect(builder, key.c_str(), value.c_str()));
  std::vector<flatbuffers::Offset<Axis>> axisTables;
  for (const AxisSpec &axis : axes)
    axisTables.push_back(CreateAxisDirect(builder, axis.name.c_str(), axis.count));
  std::vector<uint8_t> codeBytes(code.begin(), code.end());
  builder.Finish(CreateProgramDirect(builder, "test", target.c_str(), "x86-64", &featureNames,
                                     arena, &variableTables, &entryTables, &kernelTables,
                                     &codeBytes, &settingTables, "# a test",
                                     picture.empty() ? nullptr : picture.c_str(), deterministic,
                                     axes.empty() ? nullptr : &axisTables));
  return {reinterpret_cast<const char *>(builder.GetBufferPointer()), builder.GetSize()};
}

std::string ProgramSpec::write(const std::string &name) const {
  std::string path = temporaryPath(name), payload = build();
  auto written = writeProgram(path, std::as_bytes(std::span(payload)));
  EXPECT_TRUE(written) << written.error().message;
  return path;
}

// x [2, 3] at 0, y [3, 2] at 64, p [2, 2] = x y at 128, q = p + 1 at 192, row sums at 256.
ProgramSpec smallProgram() {
  ProgramSpec spec;
  spec.kernels = {{"addOne", "pointwise"}, {"rowSum", "reduce", 100}};
  spec.variables = {{{"w", DType::F32, {4}, 512}}};
  spec.settings = {{"data.kind", "text"}, {"data.context", "16"}, {"bad", "1x"}};
  EntrySpec entry{"f", {{"x", DType::F32, {2, 3}, 0}, {"y", DType::F32, {3, 2}, 64}}, {}, {}};
  entry.outputs = {{"q", DType::F32, {2, 2}, 192},
                   {"sums", DType::F32, {2}, 256},
                   {"copy", DType::F32, {2}, 320}};
  StepSpec gemm, addOne, rowSum, copy, zero;
  gemm.gemm = {{DType::F32, 2, 2, 3, 1, Matrix(0, 3, 0), Matrix(64, 2, 0), Matrix(128, 2, 0)}};
  addOne.launch = {{0, 4, {128, 192}, {}}};
  rowSum.launch = {{1, 2, {192, 256}, {2}}};
  copy.copy = {{256, 320, 8, false}};
  zero.copy = {{0, 324, 4, true}};
  gemm.work = Work(24, 64);
  addOne.work = Work(0, 32);
  copy.work = Work(0, 16);
  zero.work = Work(0, 4);
  entry.steps = {gemm, addOne, rowSum, copy, zero}; // of the sums nothing is known
  entry.modelFlops = 24;
  spec.entries = {entry};
  return spec;
}

// x [4, 64] at 0, y [4, 64] at 512; what lies at 1024 is y again, its last 128 bytes zero.
ProgramSpec exchangeProgram() {
  using program::CollectiveKind;
  ProgramSpec spec;
  spec.axes = {{"data", 2}};
  spec.variables = {{{"rank.data", DType::I32, {}, 256}, program::Role::Rank}};
  EntrySpec entry{.name = "meet",
                  .inputs = {{"x", DType::F32, {4}, 0, {{0, 0}}}},
                  .outputs = {{"all", DType::F32, {8}, 64}, {"sum", DType::F32, {4}, 128}},
                  .steps = {}};
  StepSpec exchange, wait;
  exchange.number = wait.number = 5;
  exchange.exchange = {{CollectiveKind::AllGather, DType::F32, 1, 4, 0, 64},
                       {CollectiveKind::AllReduce, DType::F32, 1, 4, 0, 128}};
  wait.waits = true;
  entry.steps = {exchange, wait};
  spec.entries = {entry};
  return spec;
}

ProgramSpec gpuProgram() {
  ProgramSpec spec;
  spec.target = "sm_90a";
  spec.code = "";
  GridSpec grid{384, 100000, {}, "// PTX"};
  grid.maps = {{0, 0, DType::BF16, {64, 4}, {128}, {64, 2}, 128},
               {1, 64, DType::F16, {32, 2, 2}, {128, 256}, {32, 2, 1}, 64}};
  spec.kernels = {{"attention", "attention", 0, grid}};
  EntrySpec entry{"f", {{"x", DType::BF16, {4, 64}, 0}}, {}, {}};
  entry.outputs = {{"y", DType::BF16, {4, 64}, 512}, {"again", DType::BF16, {4, 64}, 1024}};
  StepSpec launch, copy, zero;
  launch.launch = {{0, 1000, {0, 512}, {}}};
  launch.work = Work(4'000'000, 1024);
  copy.copy = {{512, 1024, 512, false}};
  zero.copy = {{0, 1408, 128, true}};
  entry.steps = {launch, copy, zero};
  spec.entries = {entry};
  return spec;
}

ProgramSpec dynamicProgram() {
  using enum program::Operation;
  ProgramSpec spec = gpuProgram();
  const ExpressionSpec items = {{Size, 0}, {Constant, 3}, {CeilDivide, 0}};
  const ExpressionSpec bytes = {{Size, 0}, {Constant, 8}, {Multiply, 0}};
  GridSpec grid{128, 0, {{0, 0, DType::BF16, {64, 4}, {128}, {64, 2}, 128}}, "// PTX"};
  grid.maps[0].dynamic = {{{Constant, 0}}, {{Constant, 64}}, {{Size, 0}}, {{Size, 1}}};
  spec.kernels = {{"attention", "attention", 0, grid}};
  EntrySpec &entry = spec.entries[0];
  entry.outputs = {{"y", DType::BF16, {4, 64}, 1024}};
  entry.parameters = {{"rows", 4, 2, 8}, {"x.row", 128, 16, 1 << 20}};
  entry.intermediates = {{2048, bytes}};
  StepSpec first, second;
  first.launch = {{0, 2, {0, 2048}, {4, 128}, items}};
  second.launch = {{0, 4, {2048, 1024}, {4, 128}, {{Size, 0}}}};
  entry.steps = {first, second};
  return spec;
}

ProgramSpec gpuBatch() {
  ProgramSpec spec = gpuProgram();
  spec.kernels[0].grid->maps.clear();
  spec.entries[0].steps[0].launch = {{0, 100, {0, 512}, {7}}, {0, 900, {64, 1024}, {8}}};
  return spec;
}

ProgramSpec gpuProduct() {
  ProgramSpec spec = gpuProgram();
  spec.entries[0].steps.push_back(smallProgram().entries[0].steps[0]);
  return spec;
}

} // namespace stc::runtime::test
