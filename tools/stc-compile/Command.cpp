//===- Command.cpp - stc-compile: specifications and IR to programs -------===//

#include "tools/stc-compile/Command.h"

#include "compiler/Driver/Compilation.h"
#include "compiler/Target/CudaCode.h"
#include "compiler/Target/HostCode.h"
#include "runtime/Program/ProgramFile.h"
#include "runtime/Support/File.h"
#include "tools/command-line/CommandLine.h"
#include "tools/stc-compile/Devices.h"
#include "tools/stc-compile/Exchanges.h"
#include "tools/stc-compile/Kernels.h"
#include "tools/stc-compile/Report.h"
#include "tools/stc-compile/Time.h"

#include <llvm/ADT/StringExtras.h>
#include <llvm/Support/FormatVariadic.h>

#include <filesystem>

using namespace mlir;
using namespace stc;

namespace {
struct Options {
  std::string input, output, emit = "program", cpu = HostTarget::defaultCpu(), target = "host",
                             dump, picture;
  std::optional<int64_t> picturePosition, pictureWidth;
  std::vector<DeviceAxis> devices;
  std::string exchange = "auto";
  bool gradient = false, deterministic = false, explain = false;
};

LogicalResult fail(const llvm::Twine &message) {
  llvm::errs() << "stc-compile: error: " << message << "\n";
  return failure();
}

/// Writes text or code to a file that appears whole or not at all, or to standard output for "-".
LogicalResult write(const std::string &path, StringRef text) {
  if (path == "-") {
    llvm::outs() << text;
    llvm::outs().flush();
    return llvm::outs().has_error() ? fail("cannot write standard output") : success();
  }
  auto file = runtime::AtomicFile::create(path);
  auto written = file ? file->write(std::string_view(text)).and_then([&] { return file->commit(); })
                      : runtime::Result<void>(runtime::forward(file));
  return written ? success() : fail(written.error().message);
}

std::string print(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream(text) << module << "\n";
  return text;
}

/// "stc", the phases, and the kinds of code, in order.
std::vector<std::string> levels() {
  std::vector<std::string> names = {"stc"};
  for (const Phase &phase : phases())
    names.push_back(phase.name);
  for (const char *name : {"llvm", "assembly", "program"})
    names.push_back(name);
  return names;
}

LogicalResult dump(const std::string &folder, unsigned number, StringRef name, ModuleOp module) {
  if (folder.empty())
    return success();
  std::string file = llvm::formatv("{0,0+2}-{1}.mlir", number, name).str();
  return write((std::filesystem::path(folder) / file).string(), print(module));
}

/// Prints what was found out, and draws the picture, where that was asked for.
LogicalResult explain(const Options &options, const Input &input,
                      const CompileOptions &compileOptions) {
  if (!options.picture.empty()) {
    std::optional<SeenFrom> from;
    if (options.picturePosition)
      from = {*options.picturePosition, options.pictureWidth};
    auto drawing = picture(input, from);
    if (!drawing)
      return fail(drawing.error());
    if (failed(write(options.picture, *drawing)))
      return failure();
  }
  if (!options.explain)
    return success();
  const bool isGpu = compileOptions.target != "host";
  llvm::outs() << explainPatterns(input, compileOptions) << "\n";
  // The plan is made on a copy, so that what is compiled does not depend on whether it is
  // explained.
  OwningOpRef<ModuleOp> copy(cast<ModuleOp>(input.module.get()->clone()));
  std::string memory, rows;
  llvm::StringMap<LaunchedKernel> kernels;
  auto read = [&](unsigned, const Phase &phase) {
    if (phase.name == StringRef("devices"))
      rows = explainRows(*copy);
    if (phase.name == StringRef("plan")) {
      memory = explainMemory(*copy) + rows + explainExchanges(*copy);
      if (compileOptions.target == "sm_90a")
        memory += explainTime(*copy);
      if (isGpu)
        kernels = readKernels(*copy, compileOptions.target);
    }
    return success();
  };
  if (failed(runPhases(*copy, compileOptions, isGpu ? "kernels" : "plan", read)))
    return failure();
  if (isGpu)
    llvm::outs() << explainKernels(*copy, compileOptions.target, std::move(kernels));
  llvm::outs() << memory;
  return success();
}

FailureOr<std::string> compileForGpu(ModuleOp module, StringRef target, CodeKind kind) {
  FailureOr<std::vector<std::string>> kernels = compileCuda(module, target, kind);
  if (failed(kernels))
    return failure();
  return llvm::join(*kernels, "\n");
}

/// Finds out before the work what would be an error of writing after it.
LogicalResult checkOutputs(const Options &options) {
  for (const std::string &path : {options.output, options.picture}) {
    if (path.empty() || path == "-")
      continue;
    if (auto checked = runtime::AtomicFile::check(path); !checked)
      return fail(checked.error().message);
  }
  return success();
}

LogicalResult compile(const Options &options) {
  if (failed(checkOutputs(options)))
    return failure();
  auto target = HostTarget::create(options.cpu);
  if (!target)
    return fail(target.error());
  auto compilation = Compilation::ofFile(options.input, *target, options.target, llvm::errs());
  if (!compilation)
    return failure();
  Input &input = compilation->input;
  ModuleOp module = *input.module;

  CompileOptions &compileOptions = compilation->options;
  compileOptions.gradients = options.gradient;
  if (options.deterministic)
    compileOptions.querySums = "never";
  compileOptions.devices = options.devices;
  compileOptions.exchange = options.exchange;
  if (auto fits = fitToDevices(input, options.devices); !fits)
    return fail(options.input + ": " + fits.error());
  if (failed(explain(options, input, compileOptions)))
    return failure();
  if (options.output.empty())
    return success();
  if (!options.dump.empty()) {
    std::error_code error;
    std::filesystem::create_directories(options.dump, error);
    if (error)
      return fail("cannot make the folder " + options.dump + ": " + error.message());
  }
  if (failed(dump(options.dump, 0, "stc", module)))
    return failure();
  if (options.emit == "stc")
    return write(options.output, print(module));
  bool stopped = false;
  LogicalResult ran =
      runPhases(module, compileOptions, options.emit, [&](unsigned number, const Phase &phase) {
        stopped = phase.name == options.emit;
        return dump(options.dump, number, phase.name, module);
      });
  if (failed(ran))
    return failure();
  if (stopped)
    return write(options.output, print(module));
  if (options.emit != "program") {
    auto kind = options.emit == "llvm" ? CodeKind::LLVM : CodeKind::Assembly;
    FailureOr<std::string> code = options.target == "host"
                                      ? compileHost(module, *target, kind)
                                      : compileForGpu(module, options.target, kind);
    return failed(code) ? failure() : write(options.output, *code);
  }
  auto program = finishProgram(module, compileOptions, input.origin);
  if (failed(program))
    return failure();
  auto written = runtime::writeProgram(options.output, *program);
  return written ? success() : fail(written.error().message);
}
} // namespace

int stcCompileCommand(int argc, char **argv) {
  CLI::App app("Compiles a model specification (.toml) or a module of the stc dialect (.mlir).",
               "stc-compile");
  Options options;
  app.add_option("input", options.input, "the specification or module")->required();
  app.add_option("-o,--out,--output", options.output,
                 "the file to write; - is standard output; default: the input's name with .stcp, "
                 "in this folder");
  cli::addName(app, "--emit", options.emit, levels(), "the level to write; default: program");
  app.add_flag("--gradient", options.gradient, "for each function @f, @f.grad too");
  app.add_flag("--deterministic", options.deterministic,
               "the same bits in every run on a GPU too, if slower");
  app.add_flag("--explain", options.explain,
               "say what was found out about patterns, kernels, cost and memory");
  auto *picture =
      app.add_option("--picture", options.picture, "an SVG file for a picture of the patterns");
  auto *position =
      cli::addNumber(app, "--picture-position", options.picturePosition,
                     "show there also what this position sees, as an image", {.least = 0})
          ->needs(picture);
  cli::addNumber(app, "--picture-width", options.pictureWidth,
                 "positions in a row of that image; default: of the data's images, or of the "
                 "aligned embedding",
                 {.least = 1})
      ->needs(position);
  app.add_option("--dump-phases-to", options.dump, "a folder for the module after each phase");
  cli::addName(app, "--target", options.target, {kernelDevices.begin(), kernelDevices.end()},
               "where kernels run: host, sm_80 (NVIDIA GPUs from Ampere on), or sm_90a (Hopper); "
               "default: host");
  auto readDevices = [&](const std::string &text) {
    auto devices = parseDevices(text);
    if (!devices)
      throw CLI::ValidationError("--devices", devices.error());
    options.devices = *devices;
  };
  CLI::Option *devices = cli::addReader(
      app, "--devices", readDevices,
      "the devices that run the program together, each with its share of a step's sequences (8, or "
      "data:8), of the positions of each sequence (context:8), or of both (data:4,context:2); "
      "default: 1",
      "N");
  cli::addName(
      app, "--exchange", options.exchange, {"auto", "heads", "rows"},
      "what attention exchanges over context: heads for positions, rows of keys that other "
      "devices need, or what costs less; an error where a pattern or its heads do not let it; "
      "default: auto")
      ->needs(devices);
  app.add_option("--cpu", options.cpu,
                 "the CPU to compile for: native, or LLVM's name of one; default: STC_CPU of the "
                 "environment, or native");
  std::string footer =
      "example:\n  stc-compile models/text-small.toml --out out/text-small.stcp\n\n"
      "levels, in order:\n  stc          as it was read or built\n";
  for (const Phase &phase : phases())
    footer += llvm::formatv("  {0,-12} {1}\n", phase.name, phase.description).str();
  app.footer(footer +
             "  llvm         optimized LLVM IR\n  assembly     of the CPU, or PTX\n  program      "
             "what stc-run takes");
  if (auto ended = cli::parse(app, argc, argv))
    return *ended;
  // Without a file to write, explaining is all.
  if (options.output.empty() && !options.explain && options.picture.empty())
    options.output = options.emit == "program"
                         ? std::filesystem::path(options.input).stem().string() + ".stcp"
                         : "-";
  return failed(compile(options));
}
