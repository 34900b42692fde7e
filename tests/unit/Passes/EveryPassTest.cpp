//===- EveryPassTest.cpp - no pass crashes on a module that verifies ------===//
//
// Every pass of STC, and some of MLIR that call what our ops implement, on every module of
// tests/lit and on what each phase of some compilations leaves. A pass may refuse a module with an
// error. Where one crashes, the stack dump names the pass and the module.
//
//===----------------------------------------------------------------------===//

#include "compiler/Conversion/Passes.h"
#include "compiler/Conversion/StcToTile/StcToTile.h"
#include "compiler/Model/Model.h"
#include "compiler/Pipeline/Compile.h"
#include "compiler/Spec/Spec.h"
#include "compiler/Transforms/Passes.h"

#include <gtest/gtest.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Support/PrettyStackTrace.h>
#include <llvm/Support/Signals.h>
#include <mlir/Parser/Parser.h>
#include <mlir/Pass/PassManager.h>
#include <mlir/Pass/PassRegistry.h>
#include <mlir/Transforms/Passes.h>

#include <filesystem>
#include <regex>

using namespace mlir;
using namespace stc;

namespace {
/// The names of all passes that are registered here, and passes with other options than their own.
std::vector<std::string> makePipelines() {
  registerStcTransformsPasses();
  registerStcToTilePasses();
  registerStcConversionPasses();
  registerCanonicalizerPass();
  registerCSEPass();
  registerInlinerPass();
  registerLoopInvariantCodeMotionPass();
  registerSymbolDCEPass();
  // MLIR has its registry printed, and no other way to go through it.
  testing::internal::CaptureStdout();
  printRegisteredPasses();
  llvm::outs().flush();
  std::string list = testing::internal::GetCapturedStdout();
  std::vector<std::string> pipelines;
  std::regex name("\n  --([a-z0-9-]+) ");
  for (std::sregex_iterator it(list.begin(), list.end(), name), end; it != end; ++it)
    pipelines.push_back((*it)[1]);
  for (const char *pipeline :
       {"convert-stc-to-tile{target=sm_80}", "convert-stc-to-tile{target=sm_90a}",
        "convert-stc-to-tile{target=sm_90a query-sums=never}", "convert-tile-to-cuda{target=sm_80}",
        "stc-insert-recompute{policy=block}", "stc-insert-recompute{policy=cheapest drop=4}",
        "stc-distribute{axis=data count=2 share-state=true}",
        "stc-lower-precision{compute=bf16}", "stc-narrow-caches{compute=bf16}",
        "plan.kernel(builtin.module(approximate-math-on-host))",
        "plan.kernel(builtin.module(approximate-math-on-cuda))"})
    pipelines.push_back(pipeline);
  return pipelines;
}

const std::vector<std::string> &pipelines() {
  static const std::vector<std::string> all = makePipelines();
  return all;
}

/// A pass by its name, on whatever op it works on, or passes that are nested.
LogicalResult addTo(PassManager &passes, StringRef pipeline) {
  if (pipeline.contains('('))
    return parsePassPipeline(pipeline, passes);
  auto [name, options] = pipeline.split('{');
  options.consume_back("}");
  const PassInfo *info = PassInfo::lookup(name);
  return info ? info->addToPipeline(passes, options, [](const Twine &) { return failure(); })
              : failure();
}

class EveryPass : public testing::Test {
protected:
  EveryPass() : context(makeRegistry(), MLIRContext::Threading::DISABLED) {
    llvm::sys::PrintStackTraceOnErrorSignal("");
    llvm::EnablePrettyStackTrace();
    context.getDiagEngine().registerHandler([](Diagnostic &) { return success(); });
  }

  static DialectRegistry makeRegistry() {
    DialectRegistry registry;
    registerCompiler(registry);
    return registry;
  }

  /// Each pass on a module of its own.
  void runAll(ModuleOp module, const std::string &name) {
    for (const std::string &pipeline : pipelines()) {
      llvm::PrettyStackTraceFormat trace("pass %s on %s", pipeline.c_str(), name.c_str());
      OwningOpRef<ModuleOp> clone(module.clone());
      PassManager passes(&context, ModuleOp::getOperationName(), PassManager::Nesting::Implicit);
      ASSERT_TRUE(succeeded(addTo(passes, pipeline))) << pipeline;
      done += succeeded(passes.run(*clone));
      ++runs;
    }
  }

  /// Each level of a compilation.
  void runOnPhases(ModuleOp module, const std::string &name) {
    for (const char *device : {"host", "sm_80", "sm_90a"}) {
      CompileOptions options{HostTarget::create("x86-64-v3").value()};
      options.target = device;
      options.gradients = true;
      OwningOpRef<ModuleOp> compiled(module.clone());
      runPhasesOf(*compiled, options, name + " for " + device);
    }
  }

  MLIRContext context;
  int runs = 0, done = 0;

private:
  void runPhasesOf(ModuleOp module, const CompileOptions &options, const std::string &name) {
    llvm::PrettyStackTraceFormat trace("phases of %s", name.c_str());
    (void)runPhases(module, options, {}, [&](unsigned, const Phase &phase) {
      runAll(module, name + " behind " + phase.name);
      return success();
    });
  }
};
} // namespace

TEST_F(EveryPass, OnTheModulesOfTheTests) {
  int modules = 0;
  std::vector<std::filesystem::path> paths;
  for (const auto &entry : std::filesystem::recursive_directory_iterator(STC_LIT_TESTS))
    if (entry.path().extension() == ".mlir")
      paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  for (const auto &path : paths) {
    auto file = llvm::MemoryBuffer::getFile(path.string());
    ASSERT_TRUE(bool(file)) << path;
    SmallVector<StringRef> parts;
    (*file)->getBuffer().split(parts, "// -----");
    for (auto [number, part] : llvm::enumerate(parts))
      if (auto module = parseSourceString<ModuleOp>(part, &context)) {
        runAll(*module, path.filename().string() + ", part " + std::to_string(number + 1));
        ++modules;
      }
  }
  std::printf("%d modules, %d passes run, %d without an error\n", modules, runs, done);
  EXPECT_GT(modules, 100);
}

TEST_F(EveryPass, OnWhatPhasesLeave) {
  for (const char *name : {"attend.mlir", "rows.mlir"}) {
    auto module =
        parseSourceFile<ModuleOp>(std::string(STC_LIT_TESTS "/Tools/Inputs/") + name, &context);
    ASSERT_TRUE(bool(module)) << name;
    runOnPhases(*module, name);
  }
  auto spec = spec::readSpec(STC_LIT_TESTS "/Tools/Inputs/tiny.toml");
  ASSERT_TRUE(spec.has_value());
  spec->precision.compute = spec::Compute::Float32;
  runOnPhases(*model::build(*spec, &context), "tiny.toml");
  std::printf("%d passes run, %d without an error\n", runs, done);
  EXPECT_GT(done, 0);
}
