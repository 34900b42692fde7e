//===- FileTest.cpp - reading what is there, writing all or nothing
//-----------------------------------------===//
#include "runtime/Support/File.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <filesystem>
#include <fstream>
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

class MappedFileTest : public testing::Test {
protected:
  MappedFileTest() {
    std::filesystem::create_directories(folder);
    write(100000);
  }
  ~MappedFileTest() override { std::filesystem::remove_all(folder); }
  void write(size_t size) const { std::ofstream(path) << std::string(size, 'x'); }
  int64_t filesInFolder() const {
    return std::distance(std::filesystem::directory_iterator(folder), {});
  }

  std::string folder = testing::TempDir() + "stc-mapped-" + std::to_string(getpid());
  std::string path = folder + "/data";
};

TEST_F(MappedFileTest, EndsInWordsWhereTheFileHasShrunk) {
  auto cutWhileReading = [&] {
    Result<MappedFile> file = MappedFile::open(path);
    Result<AtomicFile> out = AtomicFile::create(folder + "/out");
    std::filesystem::resize_file(path, 10);
    unsigned sum = 0;
    for (std::byte byte : file->bytes())
      sum += std::to_integer<unsigned>(byte);
    std::exit(sum != 0);
  };
  EXPECT_EXIT(cutWhileReading(), testing::ExitedWithCode(5),
              "error: .*/data: cannot read: the file has shrunk, or its disk fails");
  EXPECT_EQ(filesInFolder(), 1); // no temporary file
}

// Within the last page that is there the system gives zeros and no signal.
TEST_F(MappedFileTest, CommitsNothingThatWasReadFromLessThanWasThere) {
  for (size_t size : {99999, 10}) {
    write(100000);
    Result<MappedFile> file = MappedFile::open(path);
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_TRUE(file->check());
    Result<AtomicFile> out = AtomicFile::create(folder + "/out");
    ASSERT_TRUE(out) << out.error().message;
    std::filesystem::resize_file(path, size);
    ASSERT_FALSE(file->check());
    std::string message =
        path + ": expected 100000 bytes, found " + std::to_string(size) + ": the file has shrunk";
    EXPECT_EQ(file->check().error().message, message);
    // The system reads the pages here, and says that they are not there.
    if (auto written = out->write(file->bytes()); !written)
      EXPECT_EQ(written.error().message, message);
    else
      EXPECT_EQ(size, 99999u);
    auto committed = out->commit();
    ASSERT_FALSE(committed);
    EXPECT_EQ(committed.error().message, message);
    EXPECT_EQ(committed.error().kind, ErrorKind::Io);
  }
  EXPECT_EQ(filesInFolder(), 1);
  // Who replaces a file by another one takes nothing from those who read the old one.
  Result<MappedFile> file = MappedFile::open(path);
  std::filesystem::remove(path);
  write(5);
  EXPECT_TRUE(file->check());
}

TEST_F(MappedFileTest, SaysWhatIsNoFile) {
  std::string pipe = folder + "/pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(MappedFile::open(pipe).error().message,
            pipe + ": expected a file, found a pipe: write what comes out of it to a file");
  EXPECT_EQ(MappedFile::open(folder).error().message, folder + ": expected a file, found a folder");
  EXPECT_EQ(MappedFile::open("/dev/null").error().message,
            "/dev/null: expected a file, found a device");
  EXPECT_EQ(MappedFile::open(folder + "/none").error().message,
            folder + "/none: cannot open: No such file or directory");
}

TEST(AtomicFile, RefusesFolders) {
  std::string folder = testing::TempDir() + "stc-folder-" + std::to_string(getpid());
  std::filesystem::create_directory(folder);
  for (const std::string &path : {folder, folder + "/", folder + "/none/"}) {
    EXPECT_EQ(AtomicFile::check(path).error().message,
              path + ": expected the name of a file to write, found a folder's");
    EXPECT_EQ(AtomicFile::create(path).error().kind, ErrorKind::Input);
  }
  EXPECT_EQ(AtomicFile::check("").error().message,
            "expected the name of a file to write, found an empty one");
  EXPECT_EQ(AtomicFile::check(folder + "/none/file").error().kind, ErrorKind::Io);
  EXPECT_TRUE(AtomicFile::check(folder + "/file"));
  EXPECT_TRUE(std::filesystem::is_empty(folder)); // a check leaves nothing
  std::filesystem::remove(folder);
}
} // namespace
