//===- MpiTests.h - tests in several processes ------------------------------------------------===//
//
// Each process does all tests, and they do the same at the same time: what is drawn at random is
// drawn from one seed. STC_TEST_SEED repeats a run.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Device/Mpi/Mpi.h"

namespace stc::runtime::test {

mpi::Mpi &theMpi();
uint64_t sharedSeed();

} // namespace stc::runtime::test
