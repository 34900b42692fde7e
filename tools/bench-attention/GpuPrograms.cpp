//===- GpuPrograms.cpp - what is timed where the GPU is -------------------===//

#include "tools/bench-attention/GpuPrograms.h"

#include "compiler/Pattern/Pattern.h"
#include "compiler/Pipeline/Compile.h"
#include "compiler/Schedule/HopperCost.h"
#include "runtime/Program/ProgramFile.h"
#include "tests/cases/Cases.h"

#include <fmt/format.h>
#include <mlir/IR/Diagnostics.h>
#include <mlir/Parser/Parser.h>
#include <nlohmann/json.hpp>

#include <fstream>

using namespace mlir;
using namespace stc;

static LogicalResult fail(const std::string &message) {
  fmt::print(stderr, "bench-attention: error: {}\n", message);
  return failure();
}

static LogicalResult writeProgram(const cases::Case &test, const std::filesystem::path &path,
                                  MLIRContext &context) {
  auto module =
      parseSourceString<ModuleOp>(test.forward("bf16") + test.withGradient("bf16"), &context);
  CompileOptions options{HostTarget::create("native").value(), "sm_90a"};
  if (!module || failed(runPhases(*module, options)))
    return failure();
  auto program = finishProgram(*module, options, {test.name, {}, "", ""});
  if (failed(program))
    return failure();
  auto written = runtime::writeProgram(path, *program);
  return written ? success() : fail(written.error().message);
}

LogicalResult stc::writeGpuPrograms(const std::filesystem::path &folder,
                                    const std::vector<std::string> &names) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    return fail(fmt::format("cannot make the folder {}: {}", folder.string(), error.message()));
  DialectRegistry registry;
  registerCompiler(registry);
  MLIRContext context(registry);
  HopperRates rates;
  nlohmann::ordered_json list = {
      {"ceilings", {{"flops", rates.flops}, {"bytes", rates.bytes}}},
      {"cases", nlohmann::ordered_json::array()},
  };
  for (const cases::Case &test : cases::gpuBenchmarkCases()) {
    if (!names.empty() && !llvm::is_contained(names, test.name))
      continue;
    std::string file = test.name + ".stcp";
    if (failed(writeProgram(test, folder / file, context)))
      return failure();
    const std::string pattern = test.patternOf(0);
    auto pairs = pattern::Pattern::parse(pattern, test.n)->countPairs();
    list["cases"].push_back({{"name", test.name},
                             {"pattern", pattern},
                             {"positions", test.n},
                             {"batch", test.batch},
                             {"heads", test.heads},
                             {"query_size", test.querySize},
                             {"value_size", test.valueSize},
                             {"pairs", pairs.value()},
                             {"program", file},
                             {"forward", test.name + ".forward"},
                             {"both", test.name}});
    fmt::print("{}\n", (folder / file).string());
  }
  std::ofstream file(folder / "cases.json");
  file << list.dump(2) << "\n";
  return file.flush() ? success() : fail("cannot write " + (folder / "cases.json").string());
}
