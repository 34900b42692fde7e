//===- FileTest.cpp - writing all or nothing -----------------------------------------===//
#include "runtime/Support/File.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

using namespace stc::runtime;

namespace {
// As root, a rename over /dev/null would leave a machine without it.
TEST(AtomicFile, WritesToWhatIsNoFileAndLeavesItThere) {
  std::string path = testing::TempDir() + "stc-pipe-" + std::to_string(getpid());
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  int reader = open(path.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  Result<AtomicFile> file = AtomicFile::create(path);
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_TRUE(file->write("bytes"));
  ASSERT_TRUE(file->commit());
  char read[5] = {};
  EXPECT_EQ(::read(reader, read, sizeof(read)), 5);
  EXPECT_EQ(std::string_view(read, 5), "bytes");
  EXPECT_TRUE(std::filesystem::is_fifo(path));
  close(reader);
  std::filesystem::remove(path);
}
} // namespace
