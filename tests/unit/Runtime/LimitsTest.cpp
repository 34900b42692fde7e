//===- LimitsTest.cpp - machines that are shared, and limits on a process -------------------===//
//
// Control groups are folders of files: each test lays out its own. Limits on a process are those of
// a shell's ulimit.
//
//===----------------------------------------------------------------------===//
#include "runtime/Device/Host/Limits.h"
#include "runtime/Data/NpyFile.h"
#include "tests/unit/Runtime/Command.h"
#include "tests/unit/Runtime/MockModel.h"

#include <filesystem>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

extern "C" char *openblas_get_corename();

namespace stc::runtime::test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

class Groups : public testing::Test {
protected:
  Groups() {
    fs::remove_all(root);
    write("proc/meminfo", "MemTotal: 64000000 kB\nMemAvailable: 32000000 kB\nBuffers: 1 kB\n");
  }

  void write(const std::string &name, const std::string &text) {
    fs::create_directories(fs::path(root + "/" + name).parent_path());
    writeFile(root + "/" + name, text);
  }

  // Version 2, mounted where it usually is, with this process in a group.
  void version2(const std::string &group, const std::string &mounted = "/") {
    write("proc/self/cgroup", "0::" + group + "\n");
    write("proc/self/mountinfo",
          "22 1 0:20 / / rw - ext4 /dev/vda rw\n"
          "29 22 0:26 " +
              mounted + " /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
  }

  void memory2(const std::string &group, const std::string &max, int64_t current,
               int64_t inactive = 0) {
    write("sys/fs/cgroup" + group + "/memory.max", max + "\n");
    write("sys/fs/cgroup" + group + "/memory.current", fmt::format("{}\n", current));
    write("sys/fs/cgroup" + group + "/memory.stat",
          fmt::format("anon 5\nactive_file 77\ninactive_file {}\nslab 3\n", inactive));
  }

  std::string root = temporaryPath("groups");
};

TEST_F(Groups, NoneLeaveWhatTheMachineHas) {
  EXPECT_EQ(availableMemory(root), 32000000ull << 10);
  write("proc/meminfo", "");
  EXPECT_EQ(availableMemory(root), 0u);
  EXPECT_GE(availableCores(root), 1);
}

TEST_F(Groups, TheTightestOfAllAround) {
  version2("/user.slice/job/step");
  memory2("/user.slice/job/step", "max", 1000);
  memory2("/user.slice/job", "8000000000", 3000000000);
  memory2("/user.slice", "9000000000", 5000000000);
  EXPECT_EQ(availableMemory(root), 4000000000u);
  memory2("/user.slice/job", "8000000000", 7000000000, 500000000);
  EXPECT_EQ(availableMemory(root), 1500000000u);
  memory2("/user.slice/job/step", "1000", 2000);
  EXPECT_EQ(availableMemory(root), 0u); // nothing at all, or not said
  // Another's.
  memory2("/user.slice/job/step", "max", 1000);
  memory2("/user.slice/other", "1000", 900);
  EXPECT_EQ(availableMemory(root), 1500000000u);
}

TEST_F(Groups, CachedFilesAreFree) {
  version2("/");
  memory2("", "2147483648", 2137483648, 2000000000);
  EXPECT_EQ(availableMemory(root), 2010000000u);
  // More than the machine has is no more than it has.
  memory2("", "999999999999999", 5);
  EXPECT_EQ(availableMemory(root), 32000000ull << 10);
}

// A container that sees its own group as the root of the mount, and by another name.
TEST_F(Groups, InAContainer) {
  version2("/docker/abc/job", "/docker/abc");
  memory2("", "3000000000", 1000000000);
  memory2("/job", "2000000000", 1500000000);
  EXPECT_EQ(availableMemory(root), 500000000u);
  version2("/docker/abc", "/docker/abc");
  EXPECT_EQ(availableMemory(root), 2000000000u);
  version2("/", "/../..");
  EXPECT_EQ(availableMemory(root), 2000000000u);
  // No list of mounts, or none that helps.
  write("proc/self/mountinfo", "22 1 0:20 / / rw - ext4 /dev/vda rw\nbroken\n");
  EXPECT_EQ(availableMemory(root), 2000000000u);
}

TEST_F(Groups, Version1) {
  write("proc/self/cgroup", "9:name=systemd:/\n4:memory:/batch/job\n2:cpuacct,cpu:/batch\n0::/\n");
  write("proc/self/mountinfo", "35 31 0:32 / /cg/memory rw,relatime - cgroup cgroup rw,memory\n"
                               "32 31 0:29 / /cg/cpu rw,relatime - cgroup cgroup rw,cpuacct,cpu\n"
                               "41 31 0:38 / /cg/unified rw - cgroup2 cgroup2 rw\n");
  auto memory = [&](const std::string &group, const std::string &limit, int64_t used) {
    write("cg/memory" + group + "/memory.limit_in_bytes", limit + "\n");
    write("cg/memory" + group + "/memory.usage_in_bytes", fmt::format("{}\n", used));
    write("cg/memory" + group + "/memory.stat", "inactive_file 7\ntotal_inactive_file 300\n");
  };
  memory("", "9223372036854771712", 20000000000);
  memory("/batch", "5000000000", 3000000000);
  memory("/batch/job", "9223372036854771712", 1000);
  EXPECT_EQ(availableMemory(root), 2000000300u);
  write("cg/cpu/cpu.cfs_quota_us", "-1\n");
  write("cg/cpu/cpu.cfs_period_us", "100000\n");
  write("cg/cpu/batch/cpu.cfs_quota_us", "50000\n");
  write("cg/cpu/batch/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(availableCores(root), 1);
}

// At the usual places, where nothing says that they are mounts.
TEST_F(Groups, Version1WithoutMounts) {
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "2000000000\n");
  write("sys/fs/cgroup/memory/memory.usage_in_bytes", "1500000000\n");
  EXPECT_EQ(availableMemory(root), 500000000u);
  write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n");
  write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(availableCores(root), 1);
}

TEST_F(Groups, QuotaOfCpus) {
  int all = availableCores(root);
  version2("/a/b");
  auto with = [&](const std::string &quota, const std::string &parents) {
    write("sys/fs/cgroup/a/b/cpu.max", quota);
    write("sys/fs/cgroup/a/cpu.max", parents);
    return availableCores(root);
  };
  EXPECT_EQ(with("max 100000\n", "max 100000\n"), all);
  EXPECT_EQ(with("50000 100000\n", "max 100000\n"), 1);
  EXPECT_EQ(with("max 100000\n", "100000 100000\n"), 1);
  EXPECT_EQ(with("200000 100000\n", "max 100000\n"), std::min(all, 2));
  EXPECT_EQ(with("150000 100000\n", "900000 100000\n"), std::min(all, 2)); // one and a half
  EXPECT_EQ(with("99000000 100000\n", "max 100000\n"), all);
  EXPECT_EQ(with("0 100000\n", "\n"), all);
}

class Ulimits : public testing::Test {
protected:
  Ulimits() {
    float values[6] = {1, 2, 3, 4, 5, 6};
    for (const char *name : {"x", "y"}) {
      std::vector<int64_t> shape = {*name == 'x' ? 2 : 3, *name == 'x' ? 3 : 2};
      EXPECT_TRUE(writeNpy(temporaryPath(std::string(name) + ".npy"), program::DType::F32, shape,
                           std::as_bytes(std::span(values))));
    }
  }

  // A product, under a limit.
  Outcome call(const std::string &limit, const std::string &threads) {
    return runProgram({"timeout", "-s", "KILL", "100", "sh", "-c", limit + "; exec \"$@\"", "sh",
                       STC_RUN, "call", program, "f", temporaryPath("x.npy"),
                       temporaryPath("y.npy"), "-o", temporaryPath("p_"), "--threads", threads});
  }

  std::string program = smallProgram().write("small.stcp");
};

// The BLAS would ask for its buffers forever.
TEST_F(Ulimits, TooLittleAddressSpaceForProducts) {
  for (const char *limit : {"-v 120000", "-v 200000", "-v 300000", "-d 100000", "-d 200000"}) {
    Outcome outcome = call(std::string("ulimit ") + limit, "2");
    EXPECT_EQ(outcome.code, 3) << limit;
    EXPECT_THAT(outcome.err,
                AllOf(HasSubstr("products on 2 threads: cannot reserve 128.0 MiB of memory: limits "
                                "of this process (ulimit -v or -d) leave it "),
                      HasSubstr(" MiB\n")))
        << limit;
  }
  Outcome outcome = call("ulimit -v 600000", "2");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
}

TEST_F(Ulimits, TooLittleAddressSpaceForTheArena) {
  ProgramSpec spec = smallProgram();
  spec.arena = uint64_t(1) << 30;
  program = spec.write("large.stcp");
  Outcome outcome = call("ulimit -v 500000", "1");
  EXPECT_EQ(outcome.code, 3);
  EXPECT_THAT(outcome.err, HasSubstr("cannot reserve 1.0 GiB of memory: limits of this process "
                                     "(ulimit -v or -d) leave it "));
}

TEST_F(Ulimits, ThreadsThatCannotStart) {
  Outcome outcome = call("ulimit -v 1000000", "4000");
  EXPECT_EQ(outcome.code, 3);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("cannot start 4000 threads, only "),
                                 HasSubstr("--threads takes fewer\n")));
}

// Nothing but the output's folder is written, and no variable of the environment is needed.
TEST_F(Ulimits, NoHomeNoFilesAndAFolderThatCannotBeWritten) {
  Outcome outcome = call("ulimit -n 16; unset HOME; cd /proc", "2");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
}

TEST(Blas, TakesTheCpuForWhatItCanDo) {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
    GTEST_SKIP() << "this CPU has no AVX2";
  EXPECT_THAT(openblas_get_corename(),
              testing::AnyOf("Haswell", "Zen", "SkylakeX", "Cooperlake", "SapphireRapids"));
}

} // namespace
} // namespace stc::runtime::test
