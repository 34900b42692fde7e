//===- GpuCases.cpp - writes the shared cases for a machine with a GPU ----===//
//
// gpu_cases FOLDER [START...]: for each shared case of attention in each type, with its gradient
// (dense_n17_bf16), for the later of two chunks of queries where these are dealt so
// (local_16_n128_chunk_bf16), for one query (dense_n17_row_bf16) and for one whose key and value
// are inserted first (dense_n17_insert_bf16, whose query is f32; of f32 its output is in bf16), the
// first two also with infinities and NaNs in some inputs (dense_n17_special_bf16), each of rows and
// tables, and some random graphs, the compiled programs FOLDER/NAME.sm_80.stcp and
// FOLDER/NAME.sm_90a.stcp, and FOLDER/NAME.safetensors, random inputs and what the float64
// reference makes of them, under the names of the program's inputs and outputs; with arguments,
// only cases whose names start so. In attention each tensor is in its type (the gradient reads a
// rounded output), and NAME.lost says by what norm NAME is another one where weights and gradients
// of scores are rounded, too; for others there is a tensor "tolerance". gpu_check runs them where
// there is no compiler.
//
//===----------------------------------------------------------------------===//

#include "compiler/Pipeline/Compile.h"
#include "compiler/Reference/Reference.h"
#include "compiler/Transforms/Passes.h"
#include "runtime/Checkpoint/Safetensors.h"
#include "runtime/Program/NarrowFloat.h"
#include "runtime/Program/ProgramFile.h"
#include "runtime/Support/Units.h"
#include "tests/cases/Cases.h"
#include "tests/cases/RowCases.h"

#include <fmt/format.h>
#include <mlir/IR/Diagnostics.h>
#include <mlir/Parser/Parser.h>
#include <mlir/Pass/PassManager.h>

#include <filesystem>
#include <random>

using namespace mlir;
using namespace stc;
using runtime::NamedTensor;

namespace {
constexpr int64_t randomGraphs = 24;

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

template <typename T, typename From> std::vector<std::byte> bytesOf(const std::vector<From> &from) {
  std::vector<T> elements(from.begin(), from.end());
  auto bytes = std::as_bytes(std::span(elements));
  return {bytes.begin(), bytes.end()};
}

/// Elements in memory.
std::vector<std::byte> bytesOf(program::DType dtype, const reference::Tensor &value) {
  switch (dtype) {
  case program::DType::F64:
    return bytesOf<double>(value.floats);
  case program::DType::I64:
    return bytesOf<int64_t>(value.integers);
  case program::DType::I32:
    return bytesOf<int32_t>(value.integers);
  case program::DType::I1:
    return bytesOf<uint8_t>(value.integers);
  default:
    return bytesOf<float>(value.floats);
  }
}

/// A random input, for the file and for the reference; integers are small, some of them negative.
/// An input that is named so is the position of a query.
std::pair<Stored, reference::Tensor> makeInput(const program::Tensor &tensor, int64_t position,
                                               std::mt19937_64 &random) {
  reference::Tensor value;
  value.shape = shapeOf(tensor);
  if (tensor.name()->string_view() == "position") {
    value.integers = {position};
    return {{tensor.name()->str(), tensor.dtype(), value.shape, bytesOf(tensor.dtype(), value)},
            value};
  }
  int64_t count = 1;
  for (int64_t size : value.shape)
    count *= size;
  if (!runtime::isNarrow(tensor.dtype())) {
    if (tensor.dtype() == program::DType::F32 || tensor.dtype() == program::DType::F64)
      for (std::uniform_real_distribution<float> uniform(-2, 2); count > 0; --count)
        value.floats.push_back(uniform(random));
    else
      for (std::uniform_int_distribution<int64_t> uniform(-2, 40); count > 0; --count)
        value.integers.push_back(uniform(random));
    std::vector<std::byte> data = bytesOf(tensor.dtype(), value);
    return {{tensor.name()->str(), tensor.dtype(), value.shape, std::move(data)}, value};
  }
  std::uniform_real_distribution<float> uniform(-2, 2);
  std::vector<float> drawn(count);
  llvm::for_each(drawn, [&](float &x) { x = uniform(random); });
  std::vector<std::byte> data = runtime::narrow(tensor.dtype(), drawn);
  std::vector<float> rounded = runtime::widen(tensor.dtype(), data);
  value.floats.assign(rounded.begin(), rounded.end());
  return {{tensor.name()->str(), tensor.dtype(), value.shape, std::move(data)}, value};
}

/// A NaN somewhere in an input of floats, or an infinity. Where some queries have no key, queries
/// and keys have no infinities: a row whose scores all are minus infinity is zeros then, as one of
/// those.
void addSpecial(Stored &stored, reference::Tensor &value, bool hasEmptyRows,
                std::mt19937_64 &random) {
  const size_t at = random() % value.floats.size();
  const bool isScored = stored.name == "q" || stored.name == "k";
  const float special = (isScored && hasEmptyRows) || random() % 2 ? NAN : INFINITY;
  value.floats[at] = special;
  const size_t size = stored.data.size() / value.floats.size();
  const std::vector<std::byte> bytes = runtime::isNarrow(stored.dtype)
                                           ? runtime::narrow(stored.dtype, std::array{special})
                                           : bytesOf<float>(std::vector<float>{special});
  std::copy_n(bytes.begin(), size, stored.data.begin() + at * size);
}

/// Whether any head's pattern has a query without a key.
bool haveEmptyRows(const cases::Case &test) {
  return llvm::any_of(llvm::seq(test.heads), [&](int64_t head) {
    auto pattern = pattern::Pattern::parse(test.patternOf(head), test.n);
    return !pattern || pattern->noEmptyRow().answer != pattern::Proof::Answer::True;
  });
}

/// Narrow floats are expected in f32.
Stored expected(const program::Tensor &tensor, const reference::Tensor &value) {
  bool isNarrow = runtime::isNarrow(tensor.dtype());
  program::DType dtype = isNarrow ? program::DType::F32 : tensor.dtype();
  return {tensor.name()->str(), dtype, shapeOf(tensor), bytesOf(dtype, value)};
}

/// By what norm an output is another one where attention rounds what it multiplies by, too.
Stored lostInside(const program::Tensor &tensor, const reference::Tensor &exact,
                  const reference::Tensor &rounded) {
  double sum = 0;
  for (auto [x, y] : llvm::zip_equal(exact.floats, rounded.floats))
    if (std::isfinite(x - y))
      sum += (x - y) * (x - y);
  return {tensor.name()->str() + ".lost",
          program::DType::F32,
          {},
          bytesOf<float>(std::vector<double>{std::sqrt(sum)})};
}

double largestOf(ArrayRef<reference::Tensor> tensors) {
  double largest = 0;
  for (const reference::Tensor &tensor : tensors)
    for (double value : tensor.floats)
      largest = std::max(largest, std::abs(value));
  return largest;
}

/// The largest difference of two results, relative to the largest element of all.
double jointError(ArrayRef<reference::Tensor> found, ArrayRef<reference::Tensor> expected) {
  double error = 0;
  for (auto [have, want] : llvm::zip_equal(found, expected))
    for (auto [x, y] : llvm::zip_equal(have.floats, want.floats))
      error = std::max(error, std::abs(x - y));
  return error == 0 ? 0 : error / largestOf(expected);
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
  LogicalResult add(const cases::Case &test, const std::string &element);
  LogicalResult addQuery(const cases::Case &test, const std::string &element);
  LogicalResult add(const cases::RowCase &test);

  int cases = 0, programs = 0, refused = 0;

private:
  OwningOpRef<ModuleOp> parse(const std::string &name, const std::string &text);
  /// How a module is compiled, and what its reference is.
  struct Settings {
    std::string querySums = "auto";
    double tolerance = 0; ///< that is written, if not 0
    int64_t position = 0; ///< of one query
    bool hasSpecials = false, hasEmptyRows = false;
  };
  /// Compiles a module of one function and writes it.
  LogicalResult add(const std::string &name, ModuleOp module, const Settings &settings);

  std::filesystem::path folder;
  HostTarget target = HostTarget::create("native").value();
  MLIRContext context;
};
} // namespace

OwningOpRef<ModuleOp> Writer::parse(const std::string &name, const std::string &text) {
  std::string reason;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    reason += diagnostic.str();
    return success();
  });
  auto module = parseSourceString<ModuleOp>(text, &context);
  if (!module)
    fmt::print(stderr, "gpu_cases: error: {}: {}\n", name, reason);
  return module;
}

// Both ways on all cases: one narrow type takes sums, the other does not, and f32 where the length
// is odd.
LogicalResult Writer::add(const cases::Case &test, const std::string &element) {
  const bool sums = element == "bf16" || (element == "f32" && test.n % 2);
  auto module = parse(test.name, test.withGradient(element));
  Settings settings{sums ? "always" : "never"};
  if (!module || failed(add(test.name + "_" + element, *module, settings)))
    return failure();
  module = parse(test.name, test.withGradient(element));
  if (const std::string text = test.chunk(element); !text.empty()) {
    auto ofChunk = parse(test.name, text);
    Settings later = settings;
    later.position = 1;
    if (!ofChunk || failed(add(test.name + "_chunk_" + element, *ofChunk, later)))
      return failure();
  }
  settings.hasSpecials = true;
  settings.hasEmptyRows = haveEmptyRows(test);
  return add(test.name + "_special_" + element, *module, settings);
}

LogicalResult Writer::addQuery(const cases::Case &test, const std::string &element) {
  auto addText = [&](const std::string &kind, const std::string &text,
                     bool hasSpecials = false) -> LogicalResult {
    auto module = parse(test.name, text);
    return module ? add(test.name + kind + element, *module,
                        {"auto", 0, 2 * test.n / 3, hasSpecials, haveEmptyRows(test)})
                  : failure();
  };
  if (failed(addText("_row_", test.row(element))) ||
      failed(addText("_row_special_", test.row(element), true)))
    return failure();
  if (test.headMajor)
    return success();
  // The elements of sampling in bf16, those of sampling in float32, and f16 alone.
  const std::string query = element == "f16" ? "f16" : "f32",
                    output = element == "f16" ? "f16" : "bf16";
  return addText("_insert_", test.insertedRow(query, element, output));
}

LogicalResult Writer::add(const cases::RowCase &test) {
  auto module = parse(test.name, test.text);
  if (!module)
    return failure();
  OwningOpRef<ModuleOp> gradient;
  if (test.hasGradient) {
    gradient = module->clone();
    PassManager passes(&context);
    passes.addPass(createAddGradient());
    passes.addNestedPass<func::FuncOp>(createDifferentiate());
    if (failed(passes.run(*gradient)))
      return failure();
    gradient->lookupSymbol(test.name)->erase();
  }
  if (failed(add(test.name, *module, {"auto", test.tolerance})))
    return failure();
  return gradient ? add(test.name + "_grad", *gradient, {"auto", test.tolerance}) : success();
}

LogicalResult Writer::add(const std::string &name, ModuleOp module, const Settings &settings) {
  const double tolerance = settings.tolerance;
  std::string reason;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    if (reason.empty() && diagnostic.getSeverity() == DiagnosticSeverity::Error)
      reason = diagnostic.str();
    return success();
  });
  std::vector<std::byte> compiled; // one of them: all have the same inputs and outputs
  for (const char *device : {"sm_80", "sm_90a"}) {
    OwningOpRef<ModuleOp> lowered = module.clone();
    CompileOptions options{target, device};
    options.querySums = settings.querySums;
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
    auto [stored, value] = makeInput(*tensor, settings.position, random);
    if (settings.hasSpecials && !value.floats.empty())
      for (int64_t count = stored.name == "v" ? 1 + random() % 3 : random() % 2; count > 0; --count)
        addSpecial(stored, value, settings.hasEmptyRows, random);
    tensors.push_back(std::move(stored));
    inputs.push_back(std::move(value));
  }
  auto define = [&](reference::Rounding rounding) {
    return reference::Interpreter(module).call(entry.name()->str(), inputs, rounding);
  };
  auto outputs = define(tolerance ? reference::Rounding::None : reference::Rounding::ToType);
  if (failed(outputs))
    return failure();
  if (tolerance) {
    std::vector<double> bound{tolerance};
    if (tolerance >= cases::kFloat32Tolerance) {
      // What loses digits in float32 as it is defined may lose as many again.
      auto rounded = define(reference::Rounding::Float32);
      if (failed(rounded))
        return failure();
      bound[0] = std::max(tolerance, 2 * jointError(*rounded, *outputs));
    }
    tensors.push_back({"tolerance", program::DType::F32, {}, bytesOf<float>(bound)});
  }
  for (auto [tensor, value] : llvm::zip_equal(*entry.outputs(), *outputs))
    tensors.push_back(expected(*tensor, value));
  if (!tolerance) {
    auto narrow = define(reference::Rounding::Inside);
    if (failed(narrow))
      return failure();
    for (auto [tensor, value, other] : llvm::zip_equal(*entry.outputs(), *outputs, *narrow))
      tensors.push_back(lostInside(*tensor, value, other));
  }
  ++cases;
  return write(folder / (name + ".safetensors"), tensors);
}

int main(int argc, char **argv) {
  if (argc < 2 || argv[1][0] == '-') {
    fmt::print(stderr, "usage: gpu_cases FOLDER [START...]\n");
    return 2;
  }
  std::vector<std::string> starts(argv + 2, argv + argc);
  auto isWanted = [&](llvm::StringRef name) {
    return starts.empty() ||
           llvm::any_of(starts, [&](const std::string &start) { return name.starts_with(start); });
  };
  std::filesystem::create_directories(argv[1]);
  Writer writer(argv[1]);
  for (const cases::Case &test : cases::attentionCases())
    for (const char *element : {"bf16", "f16", "f32"})
      if (isWanted(test.name) &&
          (failed(writer.add(test, element)) || failed(writer.addQuery(test, element))))
        return 1;
  for (const cases::RowCase &test : cases::rowCases())
    if (isWanted(test.name) && failed(writer.add(test)))
      return 1;
  for (int64_t k = 0; k < randomGraphs; ++k) {
    std::string name = "graph" + std::to_string(k);
    if (isWanted(name) &&
        failed(writer.add({name, cases::randomGraph(name, 20190423 + k, 12, /*products=*/false),
                           /*hasGradient=*/true})))
      return 1;
  }
  uint64_t bytes = 0;
  for (const auto &file : std::filesystem::directory_iterator(argv[1]))
    bytes += file.file_size();
  fmt::print("{} programs of {} cases in {}, {} refused\n", writer.programs, writer.cases,
             runtime::formatBytes(bytes), writer.refused);
  return writer.refused > 0;
}
