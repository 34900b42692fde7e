//===- MasterTest.cpp - processes that mpirun has started find each other
//----------------------===//
#include "runtime/Device/Mpi/Master.h"
#include "runtime/Processes/Control.h"
#include "tests/unit/Processes/MpiTests.h"

#include <gtest/gtest.h>

namespace stc::runtime::test {
namespace {

TEST(Master, UnderMpirun) {
  Result<Process> self = thisProcess();
  ASSERT_TRUE(self) << self.error().message;
  EXPECT_EQ(self->launcher, Launcher::OpenMpi);
  EXPECT_EQ(self->rank, theMpi().rank());
  EXPECT_EQ(self->size, theMpi().size());
  ASSERT_TRUE(self->masterAddress.empty());
  Result<Socket> listener = mpi::findMaster(theMpi(), *self);
  ASSERT_TRUE(listener) << listener.error().message;
  EXPECT_EQ(self->masterAddress, "127.0.0.1");
  auto control = Control::open(*self, {}, std::move(*listener));
  ASSERT_TRUE(control) << control.error().message;
  EXPECT_TRUE((*control)->agree(self->token, "token"));
  auto all = (*control)->gather(std::to_string(theMpi().rank()));
  ASSERT_TRUE(all) << all.error().message;
  for (size_t rank = 0; rank < all->size(); ++rank)
    EXPECT_EQ((*all)[rank], std::to_string(rank));
}

TEST(Master, AnotherMpi) {
  Process self;
  self.rank = theMpi().rank();
  self.size = theMpi().size() + 1;
  auto found = mpi::findMaster(theMpi(), self);
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message.find("is it another MPI than mpirun's?"), std::string::npos);
}

} // namespace
} // namespace stc::runtime::test
