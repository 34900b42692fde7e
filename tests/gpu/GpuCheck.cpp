//===- GpuCheck.cpp - runs the cases of gpu_cases on a GPU ----------------------------===//
//
// gpu_check FOLDER: runs each program there on its inputs, in memory that is poisoned before, and
// compares its outputs with those of the reference, and where no sums come in any order with those
// of a second run. Without a folder it says which GPU there is.
// Programs for another GPU are left out. Exit codes: 0 all are right, 1 one is not, 77 there is no
// GPU of compute capability 8.0 or later (the test is skipped).
//
//===----------------------------------------------------------------------===//
#include "runtime/Checkpoint/Safetensors.h"
#include "runtime/Device/Cuda/Executor.h"
#include "runtime/Program/NarrowFloat.h"
#include "runtime/Program/ProgramFile.h"
#include "runtime/Program/Tensor.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fmt/format.h>

using namespace stc::runtime;
using stc::program::DType;
namespace program = stc::program;

namespace {

constexpr int skipped = 77;

template <typename T> std::vector<double> elementsOf(std::span<const std::byte> data) {
  std::vector<T> elements(data.size() / sizeof(T));
  std::memcpy(elements.data(), data.data(), elements.size() * sizeof(T));
  return {elements.begin(), elements.end()};
}

std::vector<double> toDoubles(DType dtype, std::span<const std::byte> data) {
  switch (dtype) {
  case DType::F64:
    return elementsOf<double>(data);
  case DType::I64:
    return elementsOf<int64_t>(data);
  case DType::I32:
    return elementsOf<int32_t>(data);
  case DType::I1:
    return elementsOf<uint8_t>(data);
  case DType::F32:
    return elementsOf<float>(data);
  default:
    std::vector<float> wide = widen(dtype, data);
    return {wide.begin(), wide.end()};
  }
}

std::vector<float> toFloats(DType dtype, std::span<const std::byte> data) {
  if (isNarrow(dtype))
    return widen(dtype, data);
  std::vector<float> floats(data.size() / sizeof(float));
  std::memcpy(floats.data(), data.data(), floats.size() * sizeof(float));
  return floats;
}

double norm(std::span<const float> values) {
  double sum = 0;
  for (float value : values)
    sum += double(value) * value;
  return std::sqrt(sum);
}

double finiteNorm(std::vector<float> values) {
  std::erase_if(values, [](float value) { return !std::isfinite(value); });
  return norm(values);
}

// Of a tensor, by its norm or `least` where that is more; an output that is zero by definition has
// to be zero.
double relativeError(std::span<const float> found, std::span<const float> expected, double least) {
  double error = 0;
  for (size_t i = 0; i < found.size(); ++i)
    error += std::pow(double(found[i]) - expected[i], 2);
  return error == 0 ? 0 : std::sqrt(error) / std::max(norm(expected), least);
}

// Of the worst element: a log-sum-exp is -1e30 where there is no key, and hides all else in a norm.
double worstError(std::span<const float> found, std::span<const float> expected) {
  double worst = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    double error = std::abs(double(found[i]) - expected[i]) / (1 + std::abs(double(expected[i])));
    if (!(error <= worst))
      worst = error; // a NaN stays
  }
  return worst;
}

// Relative to one unit in the last place of the type, 2^-8 in bf16 and 2^-11 in f16. What is
// rounded is the weights and the result, half a unit each at worst; the gradients of queries and
// keys (`cancels`) lose a little more where large terms nearly cancel. In f32 it is as on the host.
double boundOf(DType dtype, bool cancels) {
  if (!isNarrow(dtype))
    return 1e-5;
  return (cancels ? 1.25 : 1) * (dtype == DType::BF16 ? 0x1p-8 : 0x1p-11);
}

const NamedTensor *find(const SafetensorsFile &file, std::string_view name) {
  for (const NamedTensor &named : file.tensors())
    if (named.name == name)
      return &named;
  return nullptr;
}

/// What rounding alone may cost a gradient, as a norm: half as much again as it costs the
/// reference, which rounds at the same places to other numbers.
double lostInside(const SafetensorsFile &file, std::string_view name) {
  const NamedTensor *lost = find(file, std::string(name) + ".lost");
  return lost ? 1.5 * toFloats(lost->dtype, lost->data).at(0) : 0;
}

using Outputs = std::vector<std::vector<std::byte>>;

// The largest difference, relative to the largest element of all outputs of floats; infinite if an
// integer is another one.
Result<double> jointError(const program::Entry &entry, const SafetensorsFile &tensors,
                          const Outputs &outputs) {
  double error = 0, largest = 0;
  for (uint32_t k = 0; k < outputs.size(); ++k) {
    const program::Tensor &output = *entry.outputs()->Get(k);
    const NamedTensor *named = find(tensors, output.name()->string_view());
    std::vector<double> found = toDoubles(output.dtype(), outputs[k]), expected;
    if (named)
      expected = toDoubles(named->dtype, named->data);
    if (expected.size() != found.size())
      return fail(
          fmt::format("expected an output '{}' of {}", output.name()->str(), describe(output)));
    bool isFloat =
        output.dtype() == DType::F32 || output.dtype() == DType::F64 || isNarrow(output.dtype());
    for (size_t i = 0; i < found.size(); ++i) {
      double difference = std::abs(found[i] - expected[i]);
      if (!isFloat && difference != 0)
        difference = INFINITY;
      if (!(difference <= error))
        error = difference; // a NaN stays
      if (isFloat)
        largest = std::max(largest, std::abs(expected[i]));
    }
  }
  return error == 0 ? 0 : error / largest;
}

// NaNs in all that the program has, also behind its buffers.
Result<void> poison(Executor &executor) {
  flatbuffers::FlatBufferBuilder builder;
  std::vector<int64_t> shape = {static_cast<int64_t>(executor.program().arena_bytes())};
  builder.Finish(program::CreateTensorDirect(builder, "arena", DType::U8, &shape, 0));
  std::vector<std::byte> ones(shape[0], std::byte(0xff));
  return executor.write(*flatbuffers::GetRoot<program::Tensor>(builder.GetBufferPointer()), ones);
}

/// What the first entry makes of the inputs, in memory that is poisoned before: its outputs.
Result<Outputs> run(Executor &executor, const SafetensorsFile &tensors) {
  const program::Entry &entry = *executor.program().entries()->Get(0);
  Result<void> ready = poison(executor);
  for (const program::Tensor *input : *entry.inputs()) {
    const NamedTensor *named = find(tensors, input->name()->string_view());
    if (!named || static_cast<int64_t>(named->data.size()) != bytes(*input))
      return fail(
          fmt::format("expected an input '{}' of {}", input->name()->str(), describe(*input)));
    if (ready)
      ready = executor.write(*input, named->data);
  }
  if (ready)
    ready = executor.run(0);
  if (!ready)
    return forward(ready);
  Outputs outputs;
  for (const program::Tensor *output : *entry.outputs()) {
    auto data = executor.read(*output);
    if (!data)
      return forward(data);
    outputs.emplace_back(data->begin(), data->end());
  }
  return outputs;
}

/// Whether nothing is summed in memory in any order, so that all runs have the same bits.
bool hasFixedOrder(const program::Program &program) {
  return std::ranges::none_of(*program.kernels(), [](const program::Kernel *kernel) {
    return kernel->symbol()->string_view().starts_with("attention_query_sum");
  });
}

/// Adds the errors of a case of attention to its line; whether they are small.
Result<bool> checkAttention(const program::Entry &entry, const SafetensorsFile &tensors,
                            const Outputs &outputs, std::string &line) {
  // Gradients of queries and keys are sums of differences that cancel, down to nothing where a
  // query has one key: what is left of them is measured against the values' gradient.
  double least = 0;
  auto takeFrom = [&](const NamedTensor *tensor) {
    if (tensor && least == 0)
      least = finiteNorm(toFloats(tensor->dtype, tensor->data)) / 4;
  };
  takeFrom(find(tensors, "v_grad"));
  takeFrom(find(tensors, "output_grad")); // where none of those is finite
  bool right = true;
  size_t k = 0;
  for (const program::Tensor *output : *entry.outputs()) {
    const NamedTensor *named = find(tensors, output->name()->string_view());
    if (!named || static_cast<int64_t>(named->data.size() / sizeof(float)) != elements(*output))
      return fail(
          fmt::format("expected an output '{}' of {}", output->name()->str(), describe(*output)));
    auto found = toFloats(output->dtype(), outputs[k++]),
         expected = toFloats(DType::F32, named->data);
    // An infinity or NaN may be another one.
    for (size_t i = 0; i < found.size(); ++i)
      if (!std::isfinite(found[i]) && !std::isfinite(expected[i]))
        found[i] = expected[i] = 0;
    std::string_view name = output->name()->string_view();
    // Log-sum-exps are f32, from products that are exact in the narrow types.
    bool cancels = name == "q_grad" || name == "k_grad", isLog = name == "logsumexp";
    double error =
        isLog ? worstError(found, expected) : relativeError(found, expected, cancels ? least : 0);
    double bound = isLog ? 1e-4 : boundOf(output->dtype(), cancels);
    if (cancels)
      bound = std::max(bound, lostInside(tensors, name) / std::max(norm(expected), least));
    right &= error <= bound;
    line += fmt::format("  {} {:.2e}", output->name()->str(), error);
  }
  return right;
}

/// The same for any case.
Result<bool> checkOutputs(const program::Entry &entry, const SafetensorsFile &tensors,
                          const Outputs &outputs, std::string &line) {
  const NamedTensor *tolerance = find(tensors, "tolerance");
  if (!tolerance)
    return checkAttention(entry, tensors, outputs, line);
  auto error = jointError(entry, tensors, outputs);
  if (!error)
    return forward(error);
  double bound = toDoubles(tolerance->dtype, tolerance->data).at(0);
  line += fmt::format("  {:.2e} of {:.2e}", *error, bound);
  return *error <= bound;
}

/// Prints a line for the case; whether it is right.
Result<bool> check(const std::filesystem::path &path, const cuda::Device &device) {
  auto file = ProgramFile::open(path);
  if (!file)
    return forward(file);
  auto tensors = SafetensorsFile::open(
      std::filesystem::path(path).replace_extension().replace_extension("safetensors"));
  if (!tensors)
    return forward(tensors);
  auto executor = CudaExecutor::create(file->program(), device);
  if (!executor)
    return forward(executor);
  const program::Entry &entry = *file->program().entries()->Get(0);
  auto outputs = run(**executor, *tensors);
  if (!outputs)
    return forward(outputs);
  std::string line;
  auto right = checkOutputs(entry, *tensors, *outputs, line);
  if (!right)
    return right;
  if (hasFixedOrder(file->program())) {
    auto again = run(**executor, *tensors);
    if (!again)
      return forward(again);
    if (*again != *outputs) {
      *right = false;
      line += "  other bits in another run";
    }
  }
  fmt::print("{:<36} {}{}\n", path.stem().string(), *right ? "ok   " : "WRONG", line);
  return right;
}

} // namespace

int main(int argc, char **argv) {
  if (argc > 2) {
    fmt::print(stderr, "usage: gpu_check [FOLDER]\n");
    return 2;
  }
  auto device = cuda::Device::open();
  if (!device) {
    fmt::print("skipped: {}\n", device.error().message);
    return skipped;
  }
  auto [major, minor] = (*device)->capability();
  fmt::print("{}, compute capability {}.{}\n", (*device)->name(), major, minor);
  const bool isHopper = std::pair(major, minor) == std::pair(9, 0);
  if (major < 8)
    return skipped;
  if (argc == 1)
    return 0;
  std::vector<std::filesystem::path> programs;
  std::error_code unreadable;
  for (const auto &file : std::filesystem::directory_iterator(argv[1], unreadable))
    if (file.path().extension() == ".stcp" &&
        (isHopper || file.path().stem().extension() != std::string(".") + hopperTarget))
      programs.push_back(file.path());
  std::ranges::sort(programs);
  size_t wrong = 0;
  for (const std::filesystem::path &path : programs) {
    Result<bool> right = check(path, **device);
    if (!right)
      fmt::print("{:<36} FAILED  {}\n", path.stem().string(), right.error().message);
    wrong += !right || !*right;
  }
  fmt::print("{} programs, {} wrong\n", programs.size(), wrong);
  return wrong > 0 || programs.empty();
}
