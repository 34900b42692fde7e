//===- Session.cpp - a program ready to run ------------------------------------------===//
#include "tools/stc-run/Session.h"
#include "runtime/Checkpoint/Variables.h"
#include "runtime/Checkpoint/Weights.h"
#include "runtime/Device/Cuda/Executor.h"
#include "runtime/Device/Host/Executor.h"
#include "runtime/Program/Parts.h"
#include "runtime/Program/Settings.h"
#include "runtime/Program/Signature.h"
#include "runtime/Program/Tensor.h"
#include "runtime/Support/Units.h"
#include "tools/command-line/CommandLine.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/resource.h>

namespace stc::run {

using namespace runtime;

void SessionOptions::add(CLI::App &command) {
  command.add_option("program", program, "compiled program (.stcp)")->required();
  cli::addNumber(command, "--threads", threads, "threads to run on; default: all cores it may use",
                 {1, 4096})
      ->each([this](const std::string &) { givenThreads = true; });
  cli::addName(command, "--device", device, {"host", "cuda"},
               "host, or cuda (a GPU); default: what the program was compiled for");
}

Result<void> SessionOptions::check(const program::Program &compiled) const {
  bool wantsHost = device == "host";
  if (device.empty() || wantsHost == (compiled.target()->string_view() == hostTarget))
    return {};
  return fail(
      fmt::format("{}: expected a program for {}, found one that was compiled for target "
                  "'{}': compile it with --target={}",
                  program, wantsHost ? "the CPU" : "a GPU", compiled.target()->str(),
                  wantsHost ? hostTarget : fmt::format("{} or {}", ampereTarget, hopperTarget)));
}

void DataOptions::add(CLI::App &command) {
  command
      .add_option("--data", path, "file of bytes, .npy array of u8, or folder that prepare wrote")
      ->required();
  addPart(command);
}

CLI::Option *DataOptions::addPart(CLI::App &command) {
  constexpr const char *names[] = {"train", "valid", "test", "all"};
  return cli::addChoice<Part>(
      command, "--split", part,
      {{"train", Part::Train}, {"valid", Part::Valid}, {"test", Part::Test}, {"all", Part::All}},
      fmt::format("part of a file, by the fractions of the program, or file of a folder: train, "
                  "valid, test or all; default: {}",
                  names[static_cast<int>(part)]));
}

uint64_t peakResidentBytes() {
  struct rusage usage;
  return getrusage(RUSAGE_SELF, &usage) == 0 ? uint64_t(usage.ru_maxrss) << 10 : 0;
}

Result<std::unique_ptr<Session>> Session::open(const SessionOptions &options) {
  Result<ProgramFile> file = ProgramFile::open(options.program);
  if (!file)
    return forward(file);
  if (auto checked = options.check(file->program()); !checked)
    return forward(checked);
  std::unique_ptr<Session> session(new Session(std::move(*file), options));
  if (int started = session->pool.threads(); started < options.threads)
    return fail(fmt::format("cannot start {} threads, only {}: limits of this process (ulimit -u, "
                            "-v) or of its control group: --threads takes fewer",
                            options.threads, started),
                ErrorKind::Machine);
  Result<void> ready = session->join().and_then([&] { return session->bind(); });
  if (ready)
    return session;
  Error &error = ready.error();
  error.message = options.program + ": " + error.message;
  if (!session->processes)
    return tl::unexpected(error);
  Result<int> left = session->processes->leave(tl::unexpected(error));
  return forward(left);
}

Result<void> Session::join() {
  Result<Process> self = thisProcess();
  const bool isOne = deviceCount(program()) == 1;
  if (isOne && (!self || self->size == 1))
    return {};
  if (!self)
    return forward(self);
  Result<std::unique_ptr<Team>> team = Team::join(program(), options);
  if (!team)
    return forward(team);
  processes = std::move(*team);
  return processes->requireSame(fmt::format("{:016x}", file.checksum())).and_then([&] {
    return processes->requireDevices(program());
  });
}

Result<int> Session::leave(Result<int> result) {
  if (!processes)
    return result;
  if (result)
    if (auto ended = bound->wait(); !ended)
      result = forward(ended);
  result = processes->leave(std::move(result));
  bound.reset(); // which exchanges through what the processes have
  if (result)
    processes->finish();
  return result;
}

Result<Devices> Session::exchanging() {
  return processes ? processes->devices(program(), gpu()) : Devices();
}

Result<void> Session::bind() {
  if (program().target()->string_view() != hostTarget)
    return bindToGpu();
  auto devices = exchanging();
  if (!devices)
    return forward(devices);
  auto executor = HostExecutor::create(program(), pool, std::move(*devices));
  if (!executor)
    return forward(executor);
  bound = std::move(*executor);
  return {};
}

// How a training program that does not fit is made to, if it is known. Some is left for what the
// driver takes besides: code, graphs.
static std::string adviceToFit(const program::Program &program, const EntryFilter &wanted,
                               uint64_t room) {
  constexpr uint64_t spare = uint64_t(256) << 20;
  constexpr const char *step = "train_step";
  int index = findEntry(program, step);
  if (index < 0 || (wanted && !wanted(step)) || program.entries()->Get(index)->peak_bytes() <= room)
    return "";
  uint64_t kept = 0;
  for (VariableSet set : {VariableSet::Weights, VariableSet::OptimizerState})
    for (const program::Tensor *tensor : variablesOf(program, set))
      kept += bytes(*tensor);
  if (room <= kept + spare)
    return fmt::format("; its weights and the optimizer's state alone take {}", formatBytes(kept));
  bool keepsAll = Settings(program).text("memory.recompute", "none").value_or("none") == "none";
  return fmt::format("; compile it with {}recompute = \"budget\" and budget = \"{} MiB\" under "
                     "[memory], or a smaller batch",
                     keepsAll ? "recompute = \"block\", or " : "", (room - spare) >> 20);
}

static Result<void> requireMemory(const cuda::Device &gpu, const program::Program &program,
                                  const EntryFilter &wanted) {
  auto memory = gpu.memory();
  if (!memory)
    return forward(memory);
  uint64_t free = memory->free, need = CudaExecutor::memoryNeed(program, wanted);
  if (need <= free)
    return {};
  uint64_t besideArena = need - CudaExecutor::arenaNeed(program, wanted);
  return fail(fmt::format("it needs {} of memory, {} has {} of {} left{}", formatBytes(need),
                          gpu.name(), formatBytes(free), formatBytes(memory->total),
                          adviceToFit(program, wanted, free - std::min(free, besideArena))),
              ErrorKind::Machine);
}

Result<void> Session::bindToGpu() {
  auto opened =
      cuda::Device::open(cuda::driverLibrary, processes ? processes->process().localRank : 0);
  if (!opened)
    return forward(opened);
  device = std::move(*opened);
  if (auto enough = run::requireMemory(*device, program(), options.wanted); !enough)
    return enough;
  auto devices = exchanging();
  if (!devices)
    return forward(devices);
  auto executor = CudaExecutor::create(program(), *device, std::move(*devices), options.wanted);
  if (!executor)
    return forward(executor);
  bound = std::move(*executor);
  if (bound->isFirst())
    fmt::print(stderr, "stc-run: on {}, with {} of {} memory\n",
               processes ? fmt::format("{} GPUs ({})", deviceCount(program()), device->name())
                         : device->name(),
               formatBytes(CudaExecutor::memoryNeed(program(), options.wanted)),
               processes ? "each one's" : "its");
  return {};
}

uint64_t Session::plannedBytes(uint32_t entry) const {
  if (gpu())
    return CudaExecutor::memoryNeed(program(), options.wanted);
  return program().entries()->Get(entry)->peak_bytes() +
         memoryNeed(program(), options.threads).scratch(options.threads);
}

Result<uint32_t> Session::entry(const std::string &name) {
  int index = findEntry(program(), name);
  if (index < 0) {
    std::vector<std::string> names;
    for (const program::Entry *entry : *program().entries())
      names.push_back(entry->name()->str());
    return fail(
        fmt::format("{}: expected an entry '{}', found {}", options.program, name,
                    names.empty() ? "none at all" : fmt::format("{}", fmt::join(names, ", "))));
  }
  if (auto checked = requireMemory(index); !checked)
    return forward(checked);
  return index;
}

Result<void> Session::requireMemory(uint32_t index) {
  if (gpu())
    return {};
  uint64_t need = plannedBytes(index), available = availableMemory();
  if (available == 0 || need <= available)
    return {};
  return fail(fmt::format("{}: entry '{}' needs {} of memory, this machine has {} left",
                          options.program, program().entries()->Get(index)->name()->str(),
                          formatBytes(need), formatBytes(available)),
              ErrorKind::Machine);
}

Result<void> Session::initialize(int64_t seed, const std::string &weights) {
  if (auto initialized = runtime::initialize(*bound, seed); !initialized)
    return initialized;
  return weights.empty() ? Result<void>() : loadWeights(*bound, weights);
}

Result<int> withSession(const SessionOptions &options,
                        const std::function<Result<int>(Session &)> &work) {
  Result<std::optional<int>> ended = startProcesses(options);
  if (!ended || *ended)
    return ended ? Result<int>(**ended) : forward(ended);
  auto session = Session::open(options);
  if (!session)
    return forward(session);
  return (*session)->leave(work(**session));
}

} // namespace stc::run
