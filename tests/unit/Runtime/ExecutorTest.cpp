//===- ExecutorTest.cpp - programs on the host -----------------------------------------===//
#include "runtime/Device/Host/Executor.h"
#include "runtime/Program/Signature.h"
#include "runtime/Program/Tensor.h"
#include "tests/unit/Runtime/MockModel.h"
#include "tests/unit/Runtime/TestProgram.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stc::runtime::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Executor, RunsLaunchesProductsAndCopies) {
  auto file = ProgramFile::open(smallProgram().write("small.stcp"));
  ASSERT_TRUE(file) << file.error().message;
  for (int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    auto executor = HostExecutor::create(file->program(), pool);
    ASSERT_TRUE(executor) << executor.error().message;
    const program::Entry &entry = *file->program().entries()->Get(0);
    auto tensor = [&](const auto &tensors, const char *name) {
      return (*executor)->elements<float>(*findTensor(*tensors, name));
    };
    auto x = tensor(entry.inputs(), "x"), y = tensor(entry.inputs(), "y");
    std::ranges::copy(std::initializer_list{1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f}, x.begin());
    std::ranges::copy(std::initializer_list{1.0f, 0.0f, 0.0f, 1.0f, 1.0f, 1.0f}, y.begin());
    std::vector<double> steps;
    ASSERT_TRUE((*executor)->time(findEntry(file->program(), "f"), &steps));
    EXPECT_THAT(tensor(entry.outputs(), "q"), ElementsAre(5, 6, 11, 12));
    EXPECT_THAT(tensor(entry.outputs(), "sums"), ElementsAre(11, 23));
    EXPECT_THAT(tensor(entry.outputs(), "copy"), ElementsAre(11, 0));
    EXPECT_EQ(steps.size(), 5u);
    EXPECT_EQ(findEntry(file->program(), "g"), -1);
    EXPECT_EQ(findTensor(*entry.inputs(), "q"), nullptr);
  }
}

TEST(Executor, RunsProgramsWithOtherCodeSideBySide) {
  auto first = ProgramFile::open(smallProgram().write("first.stcp"));
  auto second = ProgramFile::open(mockModel().write("second.stcp"));
  ASSERT_TRUE(first && second);
  ThreadPool pool(1);
  auto one = HostExecutor::create(first->program(), pool);
  ASSERT_TRUE(one) << one.error().message;
  auto two = HostExecutor::create(second->program(), pool);
  EXPECT_TRUE(two) << two.error().message;
}

std::string creationError(const ProgramSpec &spec, ErrorKind kind) {
  auto file = ProgramFile::open(spec.write("bad.stcp"));
  if (!file)
    return file.error().message;
  ThreadPool pool(1);
  auto executor = HostExecutor::create(file->program(), pool);
  if (executor)
    return "";
  EXPECT_EQ(executor.error().kind, kind);
  return executor.error().message;
}

TEST(Executor, RefusesWhatThisMachineDoesNotHave) {
  ProgramSpec spec = smallProgram();
  spec.features = {"fpu", "warp_drive"};
  EXPECT_EQ(creationError(spec, ErrorKind::Machine),
            "this program was compiled for CPU 'x86-64' and needs the feature 'warp_drive', which "
            "this machine does not have: compile it for this machine");
  spec.features = {"fpu"};
  EXPECT_EQ(creationError(spec, ErrorKind::Machine), "");
  spec.target = "nvptx";
  EXPECT_THAT(creationError(spec, ErrorKind::Machine), HasSubstr("target 'nvptx'"));

  spec = smallProgram();
  spec.arena = uint64_t(1) << 62;
  EXPECT_THAT(creationError(spec, ErrorKind::Machine), HasSubstr("cannot reserve"));
  spec = smallProgram();
  spec.kernels[0].scratch = ~0ull;
  EXPECT_THAT(creationError(spec, ErrorKind::Machine), HasSubstr("cannot reserve"));
}

TEST(Executor, RefusesCodeThatDoesNotFit) {
  ProgramSpec spec = smallProgram();
  spec.kernels[0].symbol = "nowhere";
  EXPECT_THAT(creationError(spec, ErrorKind::Input), HasSubstr("expected kernel 'nowhere'"));
  spec = smallProgram();
  spec.code = "not an object";
  EXPECT_THAT(creationError(spec, ErrorKind::Input), HasSubstr("cannot load the program's code"));
}

TEST(Tensor, Describes) {
  auto file = ProgramFile::open(smallProgram().write("small.stcp"));
  ASSERT_TRUE(file) << file.error().message;
  const program::Tensor &x = *file->program().entries()->Get(0)->inputs()->Get(0);
  EXPECT_EQ(describe(x), "f32[2, 3]");
  EXPECT_EQ(elements(x), 6);
  EXPECT_EQ(bytes(x), 24);
}

} // namespace
} // namespace stc::runtime::test
