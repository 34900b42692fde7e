//===- MpiTests.cpp - tests in several processes ----------------------------------------------===//
#include "tests/unit/Processes/MpiTests.h"

#include <cstdio>
#include <cstdlib>
#include <gtest/gtest.h>
#include <random>

namespace stc::runtime::test {

static std::unique_ptr<mpi::Mpi> opened;
static uint64_t seed;

mpi::Mpi &theMpi() { return *opened; }
uint64_t sharedSeed() { return seed; }

namespace {

// Failures alone, with the process that has them.
class Failures : public testing::EmptyTestEventListener {
  void OnTestPartResult(const testing::TestPartResult &result) override {
    if (result.failed())
      std::printf("rank %d: %s:%d: %s\n", opened->rank(), result.file_name(), result.line_number(),
                  result.message());
  }
};

} // namespace
} // namespace stc::runtime::test

int main(int argc, char **argv) {
  using namespace stc::runtime;
  using namespace stc::runtime::test;
  testing::InitGoogleTest(&argc, argv);
  auto mpi = mpi::Mpi::open();
  if (!mpi) {
    std::fprintf(stderr, "error: %s\n", mpi.error().message.c_str());
    return 1;
  }
  opened = std::move(*mpi);
  const char *given = std::getenv("STC_TEST_SEED");
  seed = given ? std::strtoull(given, nullptr, 10) : std::random_device()();
  if (!opened->broadcast(std::as_writable_bytes(std::span(&seed, 1))))
    return 1;
  if (opened->rank() == 0) {
    std::printf("%s, %d processes, STC_TEST_SEED=%llu\n", opened->library().c_str(), opened->size(),
                static_cast<unsigned long long>(seed));
  } else {
    auto &listeners = testing::UnitTest::GetInstance()->listeners();
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(new Failures);
  }
  int failed = RUN_ALL_TESTS();
  return opened->finish() ? failed : 1;
}
