//===- Limits.cpp - what the system lets a process have ----------------------------===//
#include "runtime/Device/Host/Limits.h"
#include "runtime/Support/Units.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <optional>
#include <sched.h>
#include <sstream>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace stc::runtime {

namespace {

/// A number that is a file's first; "max" is none.
std::optional<double> numberIn(const std::string &path) {
  double number;
  return std::ifstream(path) >> number ? std::optional(number) : std::nullopt;
}

/// The number behind a key, one a line: "inactive_file 4096", "MemAvailable: 12 kB".
std::optional<double> numberOf(const std::string &path, std::string_view key) {
  std::ifstream file(path);
  double number;
  for (std::string word, rest; file >> word; std::getline(file, rest))
    if (word == key && file >> number)
      return number;
  return std::nullopt;
}

std::vector<std::string> split(const std::string &text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);)
    parts.push_back(part);
  return parts;
}

bool has(const std::vector<std::string> &words, const std::string &word) {
  return std::ranges::find(words, word) != words.end();
}

/// The folder that a path below another one names: "/a/b" and "/a" give "/b"; what does not lie
/// below it, as in a container, is the other one itself: "".
std::string below(const std::string &path, const std::string &top) {
  if (top == "/")
    return path == "/" ? "" : path;
  bool inside = path.starts_with(top) && (path.size() == top.size() || path[top.size()] == '/');
  return inside ? path.substr(top.size()) : "";
}

/// A group's folder below the place where its root is mounted, and all around it, up to there.
void addFolders(std::vector<std::string> &folders, const std::string &place, std::string path) {
  for (;;) {
    if (std::string folder = place + path; !has(folders, folder))
      folders.push_back(folder);
    size_t slash = path.rfind('/');
    if (slash == path.npos)
      return;
    path.resize(slash);
  }
}

/// The group that this process is in: "4:memory:/a/b" is of version 1, "0::/a/b" of version 2.
std::string ownGroup(const std::string &root, const std::string &controller) {
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    size_t names = line.find(':'), path = line.find(':', names + 1);
    if (path == line.npos)
      continue;
    std::vector<std::string> controllers = split(line.substr(names + 1, path - names - 1), ',');
    if (controller.empty() ? controllers.empty() : has(controllers, controller))
      return line.substr(path + 1);
  }
  return "/";
}

/// The folders of the control groups that limit this process, of version 2 ("") or of a controller
/// of version 1 ("memory", "cpu"); not all need be there.
std::vector<std::string> controlGroups(const std::string &root, const std::string &controller) {
  std::vector<std::string> folders;
  std::string own = ownGroup(root, controller);
  // Where groups are mounted, and which one that place is.
  std::ifstream mounts(root + "/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    std::vector<std::string> words = split(line, ' ');
    auto dash = std::ranges::find(words, "-");
    if (words.size() < 6 || words.end() - dash < 4)
      continue;
    bool ours = controller.empty() ? dash[1] == "cgroup2"
                                   : dash[1] == "cgroup" && has(split(dash[3], ','), controller);
    if (ours)
      addFolders(folders, root + words[4], below(own, words[3]));
  }
  // Where the list of mounts does not help: the usual places.
  std::string usual = root + "/sys/fs/cgroup";
  for (const std::string &place :
       {usual + (controller.empty() ? "" : "/" + controller), usual + "/unified"})
    addFolders(folders, place, below(own, "/"));
  return folders;
}

/// What a group has left of a limit. Pages that cache files and are not in use go when memory is
/// wanted.
void limitMemory(double &available, const std::string &folder, const char *limitFile,
                 const char *usedFile, const char *inactive) {
  std::optional<double> limit = numberIn(folder + limitFile), used = numberIn(folder + usedFile);
  if (!limit || !used)
    return;
  double cached = numberOf(folder + "/memory.stat", inactive).value_or(0);
  available = std::min(available, std::max(0.0, *limit - std::max(0.0, *used - cached)));
}

/// What is mapped already, by a field of /proc/self/statm; nothing if the system does not say.
std::optional<uint64_t> mappedBytes(int field) {
  std::ifstream file("/proc/self/statm");
  uint64_t pages = 0;
  for (int k = 0; k <= field; ++k)
    if (!(file >> pages))
      return std::nullopt;
  return pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

} // namespace

uint64_t availableMemory(const std::string &root) {
  std::optional<double> machine = numberOf(root + "/proc/meminfo", "MemAvailable:");
  double available = machine ? *machine * 1024 : HUGE_VAL;
  for (const std::string &folder : controlGroups(root, ""))
    limitMemory(available, folder, "/memory.max", "/memory.current", "inactive_file");
  for (const std::string &folder : controlGroups(root, "memory"))
    limitMemory(available, folder, "/memory.limit_in_bytes", "/memory.usage_in_bytes",
                "total_inactive_file");
  return std::isfinite(available) ? static_cast<uint64_t>(available) : 0;
}

int availableCores(const std::string &root) {
  cpu_set_t set;
  double cores = sched_getaffinity(0, sizeof(set), &set) == 0
                     ? CPU_COUNT(&set)
                     : static_cast<double>(std::thread::hardware_concurrency());
  auto limit = [&](std::optional<double> quota, std::optional<double> period) {
    if (quota && period && *quota > 0 && *period > 0)
      cores = std::min(cores, std::ceil(*quota / *period));
  };
  for (const std::string &folder : controlGroups(root, "")) {
    double quota, period;
    if (std::ifstream(folder + "/cpu.max") >> quota >> period)
      limit(quota, period);
  }
  for (const std::string &folder : controlGroups(root, "cpu"))
    limit(numberIn(folder + "/cpu.cfs_quota_us"), numberIn(folder + "/cpu.cfs_period_us"));
  return std::max(1, static_cast<int>(cores));
}

uint64_t availableAddressSpace() {
  uint64_t available = UINT64_MAX;
  constexpr int size = 0, data = 5; // in statm
  for (auto [resource, field] : {std::pair(RLIMIT_AS, size), std::pair(RLIMIT_DATA, data)}) {
    struct rlimit limit;
    if (getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
      continue;
    uint64_t mapped = mappedBytes(field).value_or(0);
    available =
        std::min<uint64_t>(available, limit.rlim_cur - std::min<uint64_t>(limit.rlim_cur, mapped));
  }
  return available;
}

tl::unexpected<Error> cannotReserve(uint64_t bytes, int code) {
  uint64_t available = availableAddressSpace();
  std::string reason = available < bytes
                           ? fmt::format("limits of this process (ulimit -v or -d) leave it {}",
                                         formatBytes(available))
                           : std::string(std::strerror(code));
  return fail(fmt::format("cannot reserve {} of memory: {}", formatBytes(bytes), reason),
              ErrorKind::Machine);
}

} // namespace stc::runtime
