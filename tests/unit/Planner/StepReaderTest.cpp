//===- StepReaderTest.cpp - faults that are planted in written plans ------===//
//
// A function of two launches and its plan, as text. In the second launch results take over memory
// of operands, by a variant of the kernel; each test writes that launch in another way.
//
//===----------------------------------------------------------------------===//

#include "compiler/Conversion/TileToPlan/StepReader.h"

#include <gtest/gtest.h>
#include <mlir/Parser/Parser.h>

using namespace mlir;
using namespace stc;

namespace {
MLIRContext &context() {
  static MLIRContext context([] {
    DialectRegistry registry;
    registry.insert<func::FuncDialect, StcDialect, tile::TileDialect, plan::PlanDialect>();
    return registry;
  }());
  context.loadAllAvailableDialects();
  return context;
}

/// A kernel with the sum and the difference of %a and %b in other buffers.
std::string kernel(const std::string &name, const std::string &buffers, const std::string &sum,
                   const std::string &difference, const std::string &minuend = "%x, %y") {
  std::string text = "tile.kernel @" + name + " kind \"rows\" (";
  for (char buffer : buffers)
    text += std::string("%") + buffer + ": memref<4xf32>, ";
  return text + R"(%item: index) {
    %x = memref.load %a[%item] : memref<4xf32>
    %y = memref.load %b[%item] : memref<4xf32>
    %added = arith.addf %x, %y : f32
    %subtracted = arith.subf )" +
         minuend + R"( : f32
    memref.store %added, )" +
         sum + R"([%item] : memref<4xf32>
    memref.store %subtracted, )" +
         difference + R"([%item] : memref<4xf32>
    tile.return
  }
  )";
}

const std::string program = R"(
  func.func @f(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
    %0:2 = tile.launch @both(%x, %x) items 4 sizes [] tied [-1, -1] inplace [-1, -1]
        : (tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
    %1:2 = tile.launch @both(%0#0, %0#1) items 4 sizes [] tied [-1, -1] inplace [1, 1]
        : (tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
    return %1#0, %1#1 : tensor<4xf32>, tensor<4xf32>
  }
  plan.arena 1024
)" + kernel("both", "absd", "%s", "%d");

/// What is said of a plan whose second launch is `launch`; the first leaves its results at 128 and
/// 256. Empty for a right one.
std::string check(const std::string &launch, const std::string &outputs,
                  const std::string &kernels) {
  auto module = parseSourceString<ModuleOp>(program + kernels + R"(
  plan.entry @plan inputs ["x" = 0 : tensor<4xf32>] outputs [)" +
                                                outputs + R"(] peak 1024 {
    plan.launch @both items 4 sizes [] (0 : tensor<4xf32>, 0 : tensor<4xf32>, 128 : tensor<4xf32>, 256 : tensor<4xf32>)
    plan.launch )" + launch + R"(
  })",
                                            &context());
  if (!module)
    return "expected a module that parses";
  SymbolTable symbols(*module);
  Variables variables(*module);
  auto entry = translateEntry(symbols.lookup<func::FuncOp>("f"), variables, symbols);
  if (failed(entry))
    return "expected a function that is translated";
  return checkWritten(symbols.lookup<plan::EntryOp>("plan"), *entry, {}, symbols).value_or("");
}

// The sum where %b was, the difference behind.
const std::string launch = "@variant items 4 sizes [] (128 : tensor<4xf32>, 256 : tensor<4xf32>, "
                           "384 : tensor<4xf32>)",
                  outputs = R"("s" = 256 : tensor<4xf32>, "d" = 384 : tensor<4xf32>)";
} // namespace

TEST(StepReader, TakesAResultInTheMemoryOfAnOperand) {
  EXPECT_EQ(check(launch, outputs, kernel("variant", "abd", "%b", "%d")), "");
  EXPECT_EQ(check("@both items 4 sizes [] (128 : tensor<4xf32>, 256 : tensor<4xf32>, 384 : "
                  "tensor<4xf32>, 512 : tensor<4xf32>)",
                  R"("s" = 384 : tensor<4xf32>, "d" = 512 : tensor<4xf32>)", ""),
            "");
}

// A variant for the other result has as many buffers of the same types.
TEST(StepReader, FindsResultsThatAreSwapped) {
  EXPECT_EQ(check(launch, outputs, kernel("variant", "abs", "%s", "%b")),
            "expected value 3 in output 0 at the end");
}

TEST(StepReader, FindsOperandsThatAreSwapped) {
  EXPECT_EQ(check(launch, outputs, kernel("variant", "bad", "%a", "%d")),
            "step 1: expected value 1 at [256, 272)");
}

TEST(StepReader, FindsAKernelThatComputesSomethingElse) {
  EXPECT_EQ(check(launch, outputs, kernel("variant", "abd", "%b", "%d", "%y, %x")),
            "step 1: expected a kernel that does what @both does, found @variant");
}

TEST(StepReader, FindsAResultWhereItMayNotBe) {
  EXPECT_EQ(check(launch, outputs, kernel("variant", "abd", "%a", "%d")),
            "step 1: expected a result apart from operand 0, found it at [128, 144)");
}

TEST(StepReader, FindsOtherItems) {
  EXPECT_EQ(check("@variant items 3 sizes [] (128 : tensor<4xf32>, 256 : tensor<4xf32>, "
                  "384 : tensor<4xf32>)",
                  outputs, kernel("variant", "abd", "%b", "%d")),
            "step 1: expected the items and sizes of the launch");
}

TEST(StepReader, FindsAStepThatIsMissingOrOneTooMany) {
  std::string zero = "\n plan.zero 512 bytes 16";
  EXPECT_EQ(check(launch + zero, outputs, kernel("variant", "abd", "%b", "%d")),
            "step 2: expected no more steps");
}
