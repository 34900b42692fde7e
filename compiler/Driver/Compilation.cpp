//===- Compilation.cpp - from a file to what the phases run on ------------===//

#include "compiler/Driver/Compilation.h"

#include "compiler/Explain/Explain.h"
#include "compiler/Model/Model.h"

#include <mlir/Parser/Parser.h>

#include <filesystem>
#include <fstream>
#include <iterator>

using namespace mlir;
using namespace stc;

static DialectRegistry allDialects() {
  DialectRegistry registry;
  registerCompiler(registry);
  return registry;
}

Compilation::Compilation(const HostTarget &target, const std::string &device,
                         llvm::raw_ostream &errors)
    : context(allDialects()), diagnostics(sources, &context, errors),
      errors(errors), options{target, device} {
  context.printOpOnDiagnostic(false);
}

/// What the specification says of how it is compiled.
static void takeSettings(CompileOptions &options, const spec::Spec &spec, MLIRContext &context) {
  constexpr const char *policies[] = {"none", "block", "budget"},
                       *types[] = {"auto", "f32", "bf16", "f16"};
  options.recompute = policies[static_cast<int>(spec.memory.recompute)];
  options.budget = spec.memory.budget;
  options.budgetPlace =
      FileLineColLoc::get(&context, spec.file, spec.budgetLine, spec.budgetColumn);
  options.precision = types[static_cast<int>(spec.precision.compute)];
  options.gradientType = types[1 + static_cast<int>(spec.precision.gradients)];
}

LogicalResult Compilation::take(tl::expected<spec::Spec, std::vector<spec::SpecError>> spec) {
  if (!spec) {
    for (const spec::SpecError &error : spec.error())
      errors << error.str() << "\n";
    return failure();
  }
  if (spec->precision.compute == spec::Compute::Auto)
    spec->precision.compute =
        options.target == "host" ? spec::Compute::Float32 : spec::Compute::BFloat16;
  takeSettings(options, *spec, context);
  input.module = model::build(*spec, &context);
  input.origin = {spec->name, spec::settings(*spec), spec->text, pictureModel(*spec).value_or("")};
  input.spec = std::move(*spec);
  return success();
}

LogicalResult Compilation::takeModule(std::string text, const std::string &path) {
  input.module = parseSourceString<ModuleOp>(text, ParserConfig(&context), path);
  if (!input.module)
    return failure();
  input.origin = {std::filesystem::path(path).stem(), {}, std::move(text), {}};
  return success();
}

LogicalResult Compilation::readModule(const std::string &path) {
  std::ifstream file(path);
  if (!file) {
    errors << path << ": cannot be read\n";
    return failure();
  }
  return takeModule(std::string(std::istreambuf_iterator<char>(file), {}), path);
}

static bool isModule(const std::string &path) {
  return std::filesystem::path(path).extension() == ".mlir";
}

std::unique_ptr<Compilation> Compilation::ofFile(const std::string &path, const HostTarget &target,
                                                 const std::string &device,
                                                 llvm::raw_ostream &errors) {
  std::unique_ptr<Compilation> compilation(new Compilation(target, device, errors));
  LogicalResult isRead = failure();
  if (std::filesystem::path(path).extension() == ".toml")
    isRead = compilation->take(spec::readSpec(path));
  else if (isModule(path))
    isRead = compilation->readModule(path);
  else
    errors << path << ": expected a specification (.toml) or a module of the stc dialect (.mlir)\n";
  return succeeded(isRead) ? std::move(compilation) : nullptr;
}

std::unique_ptr<Compilation> Compilation::ofText(const std::string &text, const std::string &name,
                                                 const HostTarget &target,
                                                 const std::string &device,
                                                 llvm::raw_ostream &errors) {
  std::unique_ptr<Compilation> compilation(new Compilation(target, device, errors));
  // Diagnostics quote it, and no file of that name.
  compilation->sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBufferCopy(text, name), {});
  LogicalResult isRead = isModule(name) ? compilation->takeModule(text, name)
                                        : compilation->take(spec::parseSpec(text, name));
  return succeeded(isRead) ? std::move(compilation) : nullptr;
}
