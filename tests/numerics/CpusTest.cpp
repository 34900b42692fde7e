//===- CpusTest.cpp - programs for each CPU that LLVM knows ---------------===//
//
// A small function is compiled for every CPU, and run where this machine has all that the program
// says it needs. A program that needs more than it says ends the test with an illegal instruction.
//
//===----------------------------------------------------------------------===//

#include "tests/numerics/Compiled.h"

#include <gmock/gmock.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/TargetParser/Triple.h>
#include <mlir/Parser/Parser.h>

#include <set>

using namespace stc;
using namespace stc::test;
using testing::HasSubstr;

namespace {
/// Sums of products, functions, integers and halves.
constexpr const char *text = R"(
  func.func @f(%x: tensor<3x21xf32>, %n: tensor<3x21xi32>) -> (tensor<3xf32>, tensor<3x21xi32>) {
    %e = math.exp %x : tensor<3x21xf32>
    %t = math.tanh %x : tensor<3x21xf32>
    %p = arith.mulf %e, %t : tensor<3x21xf32>
    %s = stc.reduce sum %p dims [1] : tensor<3x21xf32> to tensor<3xf32>
    %c = arith.constant dense<7> : tensor<3x21xi32>
    %m = arith.remsi %n, %c : tensor<3x21xi32>
    %a = arith.shli %m, %c : tensor<3x21xi32>
    return %s, %a : tensor<3xf32>, tensor<3x21xi32>
  })";

std::set<std::string> knownCpus() {
  llvm::Triple triple("x86_64-unknown-linux-gnu");
  (void)HostTarget::create("x86-64"); // registers the target
  std::string error;
  std::unique_ptr<llvm::MCSubtargetInfo> info(
      llvm::TargetRegistry::lookupTarget(triple, error)->createMCSubtargetInfo(triple, "", ""));
  std::set<std::string> names;
  for (const auto &cpu : info->getAllProcessorDescriptions())
    names.insert(cpu.Key);
  return names;
}

/// What the compiler says of a CPU that it has no code for; the program otherwise.
tl::expected<std::vector<std::byte>, std::string> compile(const HostTarget &target) {
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context());
  CompileOptions options{target};
  std::string errors;
  mlir::ScopedDiagnosticHandler handler(&context(), [&](mlir::Diagnostic &diagnostic) {
    errors += diagnostic.str() + "\n";
    return mlir::success();
  });
  if (mlir::failed(runPhases(*module, options)))
    return tl::unexpected(errors);
  auto program = finishProgram(*module, options, {"test", {}, "", {}});
  return mlir::succeeded(program) ? tl::expected<std::vector<std::byte>, std::string>(*program)
                                  : tl::unexpected(errors);
}

TEST(Cpus, EachHasAProgramOrIsRefused) {
  std::set<std::vector<std::string>> seen;
  int ran = 0, refused = 0;
  runtime::ThreadPool pool(1);
  for (const std::string &cpu : knownCpus()) {
    auto target = HostTarget::create(cpu);
    if (!target) {
      EXPECT_EQ(target.error(), "expected a CPU of 64 bits, found '" + cpu + "'");
      continue;
    }
    if (!seen.insert(target->features()).second)
      continue;
    SCOPED_TRACE(cpu);
    auto program = compile(*target);
    if (!program) {
      EXPECT_THAT(program.error(), HasSubstr("expected a CPU with instructions for "));
      EXPECT_THAT(program.error(), HasSubstr("such as 'x86-64-v3'; found '" + cpu + "'\n"));
      continue;
    }
    auto executor = runtime::HostExecutor::create(
        *flatbuffers::GetRoot<program::Program>(program->data()), pool);
    if (!executor) {
      ++refused;
      EXPECT_EQ(executor.error().kind, runtime::ErrorKind::Machine);
      EXPECT_THAT(executor.error().message,
                  HasSubstr("compiled for CPU '" + cpu + "' and needs the feature '"));
      continue;
    }
    ++ran;
    const program::Entry &entry = *(*executor)->program().entries()->Get(0);
    for (float &value : (*executor)->elements<float>(*entry.inputs()->Get(0)))
      value = 0.5f;
    for (int32_t &value : (*executor)->elements<int32_t>(*entry.inputs()->Get(1)))
      value = -9;
    ASSERT_TRUE((*executor)->run(0));
    for (float sum : (*executor)->elements<float>(*entry.outputs()->Get(0)))
      EXPECT_NEAR(sum, 21 * std::exp(0.5) * std::tanh(0.5), 1e-4);
    for (int32_t value : (*executor)->elements<int32_t>(*entry.outputs()->Get(1)))
      EXPECT_EQ(value, -256);
  }
  std::printf("%d programs ran, %d need more than this machine has\n", ran, refused);
  EXPECT_GT(ran, 0);
}

/// No machine has all of these at once, so that some are refused on each.
TEST(Cpus, AProgramSaysAllThatItNeeds) {
  auto featuresOf = [](const char *cpu) { return HostTarget::create(cpu)->features(); };
  EXPECT_THAT(featuresOf("x86-64-v3"), testing::IsSupersetOf({"lm", "sse2", "avx2", "fma"}));
  for (const char *cpu : {"diamondrapids", "novalake"})
    EXPECT_THAT(featuresOf(cpu), testing::Contains("apx"));
  for (const char *cpu : {"bdver1", "bdver4"})
    EXPECT_THAT(featuresOf(cpu), testing::IsSupersetOf({"xop", "fma4", "sse4a"}));
  EXPECT_THAT(featuresOf("sapphirerapids"), testing::IsSupersetOf({"avx512f", "avx512_fp16"}));
}
} // namespace
