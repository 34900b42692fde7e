//===- Input.cpp - what stc-compile reads ---------------------------------===//

#include "tools/stc-compile/Input.h"

#include "compiler/Explain/Explain.h"

#include "compiler/Model/Model.h"

#include <mlir/Parser/Parser.h>

#include <filesystem>
#include <fstream>
#include <iterator>

using namespace mlir;
using namespace stc;

static FailureOr<Input> readSpecification(const std::string &path, spec::Compute ofTarget,
                                          MLIRContext &context) {
  auto spec = spec::readSpec(path);
  if (!spec) {
    for (const spec::SpecError &error : spec.error())
      llvm::errs() << error.str() << "\n";
    return failure();
  }
  if (spec->precision.compute == spec::Compute::Auto)
    spec->precision.compute = ofTarget;
  Input input;
  input.module = model::build(*spec, &context);
  input.origin = {spec->name, spec::settings(*spec), spec->text, pictureModel(*spec).value_or("")};
  input.spec = std::move(*spec);
  return input;
}

static FailureOr<Input> readModule(const std::string &path, MLIRContext &context) {
  std::ifstream file(path);
  if (!file) {
    llvm::errs() << path << ": cannot be read\n";
    return failure();
  }
  std::string text((std::istreambuf_iterator<char>(file)), {});
  Input input;
  input.module = parseSourceString<ModuleOp>(text, ParserConfig(&context), path);
  if (!input.module)
    return failure();
  input.origin = {std::filesystem::path(path).stem(), {}, std::move(text), {}};
  return input;
}

FailureOr<Input> stc::readInput(const std::string &path, spec::Compute ofTarget,
                                MLIRContext &context) {
  std::string ending = std::filesystem::path(path).extension();
  if (ending == ".toml")
    return readSpecification(path, ofTarget, context);
  if (ending == ".mlir")
    return readModule(path, context);
  llvm::errs() << path
               << ": expected a specification (.toml) or a module of the stc dialect (.mlir)\n";
  return failure();
}
