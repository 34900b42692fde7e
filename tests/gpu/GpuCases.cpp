//===- GpuCases.cpp - writes the shared cases for a machine with a GPU ----===//
//
// gpu_cases FOLDER [NAME...]: for each shared case in each type, with its gradient (NAME is
// dense_n17_bf16) and for one query (dense_n17_row_bf16), or for some of these, the compiled
// programs FOLDER/NAME.sm_80.stcp and FOLDER/NAME.sm_90a.stcp, and FOLDER/NAME.safetensors, random
// inputs and what the float64 reference makes of them (with each tensor in its type: the gradient
// reads a rounded output), under the names of the program's inputs and outputs. gpu_check runs them
// where there is no compiler.
//
//===----------------------------------------------------------------------===//

#include "compiler/Pipeline/Compile.h"
#include "compiler/Reference/Reference.h"
#include "runtime/Checkpoint/Safetensors.h"
#include "runtime/Program/NarrowFloat.h"
#include "runtime/Program/ProgramFile.h"
#include "runtime/Support/Units.h"
#include "tests/cases/Cases.h"

#include <fmt/format.h>
#include <llvm/Support/Endian.h>
#include <mlir/IR/Diagnostics.h>
#include <mlir/Parser/Parser.h>

#include <filesystem>
#include <random>

using namespace mlir;
using namespace stc;
using runtime::NamedTensor;

namespace {
/// A tensor that owns its bytes.
struct Stored {
  std::string name;
  program::DType dtype;
  std::vector<int64_t> shape;
  std::vector<std::byte> data;
};

std::vector<int64_t> shapeOf(const program::Tensor &tensor) {
  return {tensor.shape()->begin(), tensor.shape()->end()};
}

/// An input, for the file and for the reference: random floats, or the position of a query.
std::pair<Stored, reference::Tensor> makeInput(const program::Tensor &tensor, int64_t position,
                                               std::mt19937_64 &random) {
  reference::Tensor value;
  value.shape = shapeOf(tensor);
  if (tensor.dtype() == program::DType::I32) {
    value.integers = {position};
    std::vector<std::byte> data(sizeof(int32_t));
    llvm::support::endian::write32le(data.data(), static_cast<uint32_t>(position));
    return {{tensor.name()->str(), tensor.dtype(), value.shape, std::move(data)}, value};
  }
  int64_t count = 1;
  for (int64_t size : value.shape)
    count *= size;
  std::uniform_real_distribution<float> uniform(-2, 2);
  std::vector<float> drawn(count);
  llvm::for_each(drawn, [&](float &x) { x = uniform(random); });
  std::vector<std::byte> data;
  if (runtime::isNarrow(tensor.dtype())) {
    data = runtime::narrow(tensor.dtype(), drawn);
    drawn = runtime::widen(tensor.dtype(), data);
  } else {
    auto bytes = std::as_bytes(std::span(drawn));
    data.assign(bytes.begin(), bytes.end());
  }
  value.floats.assign(drawn.begin(), drawn.end());
  return {{tensor.name()->str(), tensor.dtype(), value.shape, std::move(data)}, value};
}

Stored expected(const program::Tensor &tensor, const reference::Tensor &value) {
  std::vector<float> floats(value.floats.begin(), value.floats.end());
  auto bytes = std::as_bytes(std::span(floats));
  return {tensor.name()->str(), program::DType::F32, shapeOf(tensor), {bytes.begin(), bytes.end()}};
}

template <typename Written> LogicalResult check(const Written &written) {
  if (!written)
    fmt::print(stderr, "gpu_cases: error: {}\n", written.error().message);
  return success(written.has_value());
}

LogicalResult write(const std::filesystem::path &path, const std::vector<Stored> &tensors) {
  std::vector<NamedTensor> named;
  for (const Stored &tensor : tensors)
    named.push_back({tensor.name, tensor.dtype, tensor.shape, tensor.data});
  return check(runtime::writeSafetensors(path.string(), named));
}

class Writer {
public:
  explicit Writer(std::filesystem::path folder) : folder(std::move(folder)) {
    DialectRegistry registry;
    registerCompiler(registry);
    context.appendDialectRegistry(registry);
  }

  /// A program that the compiler refuses is printed and counted, and the others are written.
  LogicalResult add(const std::string &name, const cases::Case &test, const std::string &element,
                    bool oneQuery);

  int cases = 0, programs = 0, refused = 0;

private:
  std::filesystem::path folder;
  HostTarget target = HostTarget::create("native").value();
  MLIRContext context;
};
} // namespace

LogicalResult Writer::add(const std::string &name, const cases::Case &test,
                          const std::string &element, bool oneQuery) {
  std::string reason;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    if (reason.empty() && diagnostic.getSeverity() == DiagnosticSeverity::Error)
      reason = diagnostic.str();
    return success();
  });
  auto module = parseSourceString<ModuleOp>(
      oneQuery ? test.row(element) : test.withGradient(element), &context);
  if (!module) {
    fmt::print(stderr, "gpu_cases: error: {}: {}\n", name, reason);
    return failure();
  }
  std::vector<std::byte> compiled; // one of them: all have the same inputs and outputs
  for (const char *device : {"sm_80", "sm_90a"}) {
    OwningOpRef<ModuleOp> lowered = module->clone();
    CompileOptions options{target, device};
    // No case is long enough for sums to be chosen: one narrow type takes them, the other does not,
    // and f32 where the length is odd.
    bool sums = element == "bf16" || (element == "f32" && test.n % 2);
    options.querySums = sums ? "always" : "never";
    FailureOr<std::vector<std::byte>> program = failure();
    reason.clear();
    if (succeeded(runPhases(*lowered, options)))
      program = finishProgram(*lowered, options, {name, {}, "", ""});
    if (failed(program)) {
      ++refused;
      fmt::print("{:<32} refused for {}: {}\n", name, device, reason);
      continue;
    }
    ++programs;
    std::string path = fmt::format("{}/{}.{}.stcp", folder.string(), name, device);
    if (failed(check(runtime::writeProgram(path, *program))))
      return failure();
    compiled = std::move(*program);
  }
  if (compiled.empty())
    return success();
  const auto *root = flatbuffers::GetRoot<program::Program>(compiled.data());
  const program::Entry &entry = *root->entries()->Get(0);
  std::mt19937_64 random(cases);
  std::vector<Stored> tensors;
  std::vector<reference::Tensor> inputs;
  for (const program::Tensor *tensor : *entry.inputs()) {
    auto [stored, value] = makeInput(*tensor, 2 * test.n / 3, random);
    tensors.push_back(std::move(stored));
    inputs.push_back(std::move(value));
  }
  auto outputs =
      reference::Interpreter(*module).call(test.name, inputs, reference::Rounding::ToType);
  if (failed(outputs))
    return failure();
  for (auto [tensor, value] : llvm::zip_equal(*entry.outputs(), *outputs))
    tensors.push_back(expected(*tensor, value));
  ++cases;
  return write(folder / (name + ".safetensors"), tensors);
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: gpu_cases FOLDER [NAME...]\n");
    return 2;
  }
  llvm::ArrayRef<char *> chosen(argv + 2, argc - 2);
  std::filesystem::create_directories(argv[1]);
  Writer writer(argv[1]);
  for (const cases::Case &test : cases::attentionCases())
    for (const char *element : {"bf16", "f16", "f32"})
      for (bool oneQuery : {false, true}) {
        std::string name = test.name + (oneQuery ? "_row_" : "_") + element;
        if ((chosen.empty() || llvm::is_contained(chosen, name)) &&
            failed(writer.add(name, test, element, oneQuery)))
          return 1;
      }
  uint64_t bytes = 0;
  for (const auto &file : std::filesystem::directory_iterator(argv[1]))
    bytes += file.file_size();
  fmt::print("{} programs of {} cases in {}, {} refused\n", writer.programs, writer.cases,
             runtime::formatBytes(bytes), writer.refused);
  return writer.refused > 0;
}
