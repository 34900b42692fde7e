//===- Launch.cpp - the processes of a run on one machine -------------------------------------===//
#include "runtime/Processes/Launch.h"
#include "runtime/Processes/Socket.h"
#include "runtime/Processes/Token.h"
#include "runtime/Support/File.h"
#include "runtime/Support/Interrupt.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <optional>
#include <poll.h>
#include <sstream>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace stc::runtime {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

/// A vector of strings as exec takes it.
class Words {
public:
  explicit Words(std::vector<std::string> given) : words(std::move(given)) {
    for (std::string &word : words)
      pointers.push_back(word.data());
    pointers.push_back(nullptr);
  }
  char *const *data() { return pointers.data(); }

private:
  std::vector<std::string> words;
  std::vector<char *> pointers;
};

// Of this process, but for those that are given.
std::vector<std::string> environmentWith(const std::vector<std::string> &changes) {
  std::vector<std::string> all = changes;
  for (char **each = environ; *each; ++each) {
    std::string variable = *each, start = variable.substr(0, variable.find('=') + 1);
    if (std::ranges::none_of(changes,
                             [&](const auto &change) { return change.starts_with(start); }))
      all.push_back(std::move(variable));
  }
  return all;
}

Result<Socket> openLog(int rank, const std::string &folder) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed)
    return fail(fmt::format("{}: cannot create: {}", folder, failed.message()), ErrorKind::Io);
  std::string path = fmt::format("{}/rank-{}.log", folder, rank);
  Socket file(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (file.descriptor() < 0)
    return systemError(path, "open");
  return file;
}

/// The standard streams of a process where they are not this one's.
struct Streams {
  Socket in, out, errors;
};

/// Starts a program with changes of the environment; `handedOn` stays open in it, if it is one.
Result<pid_t> spawn(const std::vector<std::string> &command,
                    const std::vector<std::string> &changes, const Streams &streams,
                    int handedOn = -1) {
  Words arguments(command), environment(environmentWith(changes));
  int news[2]; // errno where exec fails; closed by one that does not
  if (pipe2(news, O_CLOEXEC) != 0)
    return systemError("pipe", "create");
  Socket heard(news[0]), told(news[1]);
  pid_t parent = getpid(), pid = fork();
  int error = pid < 0 ? errno : 0;
  if (pid == 0) {
    // A group of its own: Ctrl-C reaches it from here alone.
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
      _exit(1);
    for (auto [stream, number] : {std::pair(&streams.in, STDIN_FILENO),
                                  {&streams.out, STDOUT_FILENO},
                                  {&streams.errors, STDERR_FILENO}})
      if (stream->descriptor() >= 0)
        dup2(stream->descriptor(), number);
    if (handedOn >= 0)
      fcntl(handedOn, F_SETFD, 0);
    execve(command[0].c_str(), arguments.data(), environment.data());
    error = errno;
    (void)!write(told.descriptor(), &error, sizeof(error));
    _exit(1);
  }
  told.close();
  if (pid > 0)
    (void)!read(heard.descriptor(), &error, sizeof(error));
  if (error != 0)
    return fail(fmt::format("{}: cannot start: {}", command[0], std::strerror(error)),
                ErrorKind::Machine);
  return pid;
}

/// A process, and what it prints that is to go on from here.
struct Child {
  std::string name;
  pid_t pid; // -1 when it has ended
  Socket output;
  std::string line;

  void relay();
  void say(const std::string &text) const;
};

void Child::say(const std::string &text) const {
  std::string whole = fmt::format("{}: {}\n", name, text);
  (void)!write(STDERR_FILENO, whole.data(), whole.size());
}

// Whole lines of what has come; the rest where nothing more comes.
void Child::relay() {
  constexpr size_t longest = 64 << 10;
  char buffer[4096];
  ssize_t got = -1;
  while (output.descriptor() >= 0 && (got = read(output.descriptor(), buffer, sizeof(buffer))) > 0)
    line.append(buffer, got);
  for (size_t end; (end = line.find('\n')) != std::string::npos || line.size() > longest;) {
    say(line.substr(0, end));
    line.erase(0, std::min(end, line.size() - 1) + 1);
  }
  if (got != 0)
    return;
  output.close();
  if (!line.empty())
    say(std::exchange(line, ""));
}

/// Processes that were started, until all of them have ended.
class Launched {
public:
  /// They get `interrupt` in place of a signal that asks this process to end, if it is one.
  explicit Launched(const LaunchOptions &options, int interrupt = 0)
      : options(options), interrupt(interrupt) {}
  ~Launched() { signalAll(SIGKILL); }

  void add(std::string name, pid_t pid, Socket output = {});
  int run();

private:
  void wait();
  void reap();
  void ended(Child &child, int status);
  void passSignalOn();
  void hurry();
  void endAlone();
  void signalAll(int signal) const;

  const LaunchOptions &options;
  const int interrupt;
  std::vector<Child> children;
  int running = 0;
  std::optional<Clock::time_point> passedOn; // the last time
  int hurried = 0;                           // the last signal to those that are late
  std::optional<Clock::time_point> failedAt;
  int ownFailure = 0, peerFailure = 0; // the exit code of the first
  bool hadProcesses = false;           // of mpirun's
  std::optional<Clock::time_point> lookedAt, aloneSince;
};

// Whether a process has others that it started and that have not ended.
bool hasRunning(pid_t parent) {
  std::ifstream list(fmt::format("/proc/{0}/task/{0}/children", parent));
  for (pid_t child; list >> child;) {
    std::ifstream file(fmt::format("/proc/{}/stat", child));
    std::string stat((std::istreambuf_iterator<char>(file)), {});
    // "PID (NAME) STATE ...": a name may have parentheses in it.
    const size_t name = stat.rfind(") ");
    if (name != stat.npos && name + 2 < stat.size() && stat[name + 2] != 'Z')
      return true;
  }
  return false;
}

void Launched::add(std::string name, pid_t pid, Socket output) {
  children.push_back({std::move(name), pid, std::move(output), ""});
  ++running;
}

int Launched::run() {
  while (running > 0) {
    wait();
    for (Child &child : children)
      child.relay();
    passSignalOn();
    reap();
    hurry();
    if (interrupt)
      endAlone();
  }
  return ownFailure ? ownFailure : peerFailure;
}

void Launched::wait() {
  std::vector<pollfd> outputs;
  for (const Child &child : children)
    if (child.output.descriptor() >= 0)
      outputs.push_back({child.output.descriptor(), POLLIN, 0});
  (void)poll(outputs.data(), outputs.size(), 20);
}

void Launched::reap() {
  for (Child &child : children) {
    int status;
    if (child.pid < 0 || waitpid(child.pid, &status, WNOHANG) != child.pid)
      continue;
    child.relay();
    ended(child, status);
    child.pid = -1;
    --running;
  }
}

// Those that are late end because they are told to, and not by themselves.
void Launched::ended(Child &child, int status) {
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (code == 0)
    return;
  if (!failedAt)
    failedAt = Clock::now();
  if (hurried)
    return;
  if (WIFSIGNALED(status) && options.note)
    options.note(fmt::format("{} (process {}) was ended by SIG{}", child.name, child.pid,
                             sigabbrev_np(WTERMSIG(status))));
  int &first = code == exitCode(ErrorKind::Peer) ? peerFailure : ownFailure;
  if (first == 0)
    first = code;
}

void Launched::signalAll(int signal) const {
  for (const Child &child : children)
    if (child.pid > 0)
      kill(child.pid, signal);
}

// Again and again where it goes through mpirun, which may not have started the processes yet.
void Launched::passSignalOn() {
  constexpr auto pause = std::chrono::milliseconds(500);
  if (!pendingInterrupt() || (passedOn && (!interrupt || Clock::now() - *passedOn < pause)))
    return;
  passedOn = Clock::now();
  signalAll(interrupt ? interrupt : pendingInterrupt());
}

// After a failure.
void Launched::hurry() {
  if (!failedAt || running == 0)
    return;
  auto passed = Clock::now() - *failedAt;
  int wanted = passed > 2 * options.grace ? SIGKILL : passed > options.grace ? SIGTERM : 0;
  if (wanted == hurried)
    return;
  hurried = wanted;
  signalAll(wanted);
}

// An mpirun whose processes have all ended ends, too. Open MPI 4.1.4's sometimes waits for ever for
// a lock of its own instead (PMIx_server_finalize).
void Launched::endAlone() {
  constexpr auto pause = std::chrono::milliseconds(500);
  const auto now = Clock::now();
  if (running == 0 || (lookedAt && now - *lookedAt < pause))
    return;
  lookedAt = now;
  if (hasRunning(children.front().pid)) {
    hadProcesses = true;
    aloneSince.reset();
    return;
  }
  if (!aloneSince)
    aloneSince = now;
  if (!hadProcesses || now - *aloneSince < options.grace)
    return;
  if (options.note)
    options.note(fmt::format("mpirun (process {}) did not end with its processes, and was ended",
                             children.front().pid));
  signalAll(SIGKILL);
  aloneSince.reset();
}

// The first folder of PATH that has it.
std::string findProgram(const std::string &name) {
  const char *path = std::getenv("PATH");
  std::istringstream folders(path ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');) {
    std::string found = fmt::format("{}/{}", folder.empty() ? "." : folder, name);
    std::error_code ignored;
    if (access(found.c_str(), X_OK) == 0 && fs::is_regular_file(found, ignored))
      return found;
  }
  return "";
}

Result<void> startRank(Launched &launched, const std::vector<std::string> &command,
                       const LaunchOptions &options, int rank, std::vector<std::string> environment,
                       const Socket &listener) {
  environment.push_back(fmt::format("RANK={}", rank));
  environment.push_back(fmt::format("LOCAL_RANK={}", rank));
  environment.push_back(rank == 0 ? fmt::format("STC_LISTENER={}", listener.descriptor())
                                  : "STC_LISTENER=");
  Streams streams;
  Socket output;
  if (rank != 0) {
    streams.in = Socket(open("/dev/null", O_RDONLY | O_CLOEXEC));
    streams.out = Socket(open("/dev/null", O_WRONLY | O_CLOEXEC));
  }
  if (rank != 0 && !options.logs.empty()) {
    Result<Socket> log = openLog(rank, options.logs);
    if (!log)
      return forward(log);
    streams.errors = std::move(*log);
  } else if (rank != 0) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
      return systemError("pipe", "create");
    output = Socket(ends[0]);
    streams.errors = Socket(ends[1]);
    fcntl(output.descriptor(), F_SETFL, O_NONBLOCK);
  }
  Result<pid_t> pid = spawn(command, environment, streams, rank == 0 ? listener.descriptor() : -1);
  if (!pid)
    return forward(pid);
  launched.add(fmt::format("rank {}", rank), *pid, std::move(output));
  return {};
}

} // namespace

Result<int> launch(const std::vector<std::string> &command, const LaunchOptions &options) {
  catchInterrupts();
  // Rank 0 gets the socket, so that no other program can take its port in between.
  Result<Socket> listener = listenAt("127.0.0.1", 0);
  if (!listener)
    return forward(listener);
  Result<int> port = portOf(*listener);
  if (!port)
    return forward(port);
  std::vector<std::string> environment = {
      fmt::format("WORLD_SIZE={}", options.processes), "MASTER_ADDR=127.0.0.1",
      fmt::format("MASTER_PORT={}", *port), fmt::format("STC_TOKEN={}", newToken())};
  Launched launched(options);
  for (int rank = 0; rank < options.processes; ++rank)
    if (auto started = startRank(launched, command, options, rank, environment, *listener);
        !started)
      return forward(started);
  listener->close();
  return launched.run();
}

Result<int> launchByMpi(const std::vector<std::string> &command, const LaunchOptions &options) {
  std::string mpirun = findProgram("mpirun");
  if (mpirun.empty())
    return fail("expected mpirun, which starts the processes of a program for the CPU, found none "
                "in the folders of PATH (openmpi-bin on Debian)",
                ErrorKind::Machine);
  catchInterrupts();
  std::vector<std::string> environment;
  // Of Open MPI 4 and 5.
  for (auto [name, value] : {std::pair("OMPI_ALLOW_RUN_AS_ROOT", "1"),
                             {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"},
                             {"OMPI_MCA_rmaps_base_oversubscribe", "1"},
                             {"PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe"},
                             // Others may use the cores, too; mpirun would say 0 to its processes.
                             {"OMPI_MCA_mpi_yield_when_idle", "1"},
                             {"OMPI_MCA_hwloc_base_binding_policy", "none"},
                             {"PRTE_MCA_hwloc_default_binding_policy", "none"}})
    if (!std::getenv(name))
      environment.push_back(fmt::format("{}={}", name, value));
  environment.push_back(fmt::format("STC_TERMINAL={}", isatty(STDOUT_FILENO)));
  // Quiet: what ends a run is said here and by the processes themselves.
  std::vector<std::string> words = {mpirun, "-q", "-n", std::to_string(options.processes)};
  words.insert(words.end(), command.begin(), command.end());
  Result<pid_t> pid = spawn(words, environment, {});
  if (!pid)
    return forward(pid);
  Launched launched(options, SIGUSR1);
  launched.add("mpirun", *pid);
  int code = launched.run();
  if (pendingInterrupt())
    return code == 128 + SIGUSR1 ? 128 + pendingInterrupt() : code;
  const char *signal = code > 128 ? sigabbrev_np(code - 128) : nullptr;
  if (signal && options.note)
    options.note(fmt::format("one of the processes was ended by SIG{}", signal));
  return signal ? exitCode(ErrorKind::Peer) : code;
}

Result<Socket> divertOutput(int rank, const std::string &folder) {
  Socket errors(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0));
  if (rank == 0)
    return errors;
  Socket nowhere(open("/dev/null", O_WRONLY | O_CLOEXEC));
  dup2(nowhere.descriptor(), STDOUT_FILENO);
  if (folder.empty())
    return errors;
  Result<Socket> log = openLog(rank, folder);
  if (!log)
    return log;
  dup2(log->descriptor(), STDERR_FILENO);
  return errors;
}

std::string ownProgram() {
  std::error_code ignored;
  return fs::read_symlink("/proc/self/exe", ignored);
}

} // namespace stc::runtime
