//===- Team.cpp - the processes that run a program for several devices ---------------===//
#include "tools/stc-run/Team.h"
#include "runtime/Device/Cuda/Communicator.h"
#include "runtime/Device/Mpi/Master.h"
#include "runtime/Processes/Launch.h"
#include "runtime/Program/Parts.h"
#include "runtime/Program/ProgramFile.h"
#include "runtime/Support/Output.h"
#include "runtime/Support/Text.h"
#include "tools/stc-run/Commands.h"
#include "tools/stc-run/Session.h"

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <fstream>
#include <unistd.h>

namespace stc::run {

using namespace runtime;

namespace {

/// This process's command line, as it is to be run again.
std::vector<std::string> ownCommand() {
  std::ifstream file("/proc/self/cmdline");
  std::vector<std::string> words;
  for (std::string word; std::getline(file, word, '\0');)
    words.push_back(word);
  if (!words.empty())
    words[0] = ownProgram();
  return words;
}

/// What this process has in common with the others of its run: the options that it was given, but
/// for where its data is and the threads that it has.
std::string sharedOptions() {
  std::string options;
  const std::vector<std::string> words = ownCommand();
  for (size_t k = 1; k < words.size(); ++k) {
    const std::string &word = words[k];
    if (word == "--data" || word == "--threads")
      ++k;
    else if (!word.starts_with("--data=") && !word.starts_with("--threads="))
      options += (options.empty() ? "" : " ") + word;
  }
  return options;
}

} // namespace

Result<std::unique_ptr<Team>> Team::join(const program::Program &program,
                                         const SessionOptions &options) {
  Result<Process> self = thisProcess();
  if (!self)
    return forward(self);
  std::unique_ptr<Team> team(new Team);
  team->self = *self;
  team->hasLog = !options.logs.empty();
  Result<Socket> errors = divertOutput(self->rank, options.logs);
  if (!errors)
    return forward(errors);
  team->errors = std::move(*errors);
  Socket listener;
  // GPUs need MPI only where nothing else says how processes find each other.
  if (program.target()->string_view() == hostTarget || self->masterAddress.empty()) {
    auto opened = mpi::Mpi::open();
    if (!opened)
      return forward(opened);
    team->mpi = std::move(*opened);
    Result<Socket> found = mpi::findMaster(*team->mpi, *self);
    if (!found)
      return forward(found);
    listener = std::move(*found);
  }
  auto channel = Control::open(*self, {}, std::move(listener));
  if (!channel)
    return forward(channel);
  team->channel = std::move(*channel);
  team->channel->onFailure([&team = *team](const Error &error) {
    const bool isOfFirst = error.message.starts_with("rank 0 (");
    team.say(error.message, /*isSpeaker=*/team.self.rank == (isOfFirst ? 1 : 0));
    std::_Exit(exitCode(error.kind));
  });
  return team;
}

// Of one failure: others find others, which it caused.
void Team::say(const std::string &message, bool isSpeaker) {
  if (hasSaid.test_and_set())
    return;
  const std::string line = fmt::format("stc-run: error: {}\n", forTerminal(message));
  if (self.rank != 0 && hasLog)
    runtime::say(stderr, "{}", line);
  if (isSpeaker)
    (void)!write(errors.descriptor(), line.data(), line.size());
}

Result<void> Team::requireSame(const std::string &content) {
  if (auto agreed = channel->agree(content, "program file"); !agreed)
    return agreed;
  return channel->agree(sharedOptions(), "options");
}

Result<void> Team::requireDevices(const program::Program &program) const {
  const int64_t devices = deviceCount(program);
  if (self.size == devices)
    return {};
  return tl::unexpected(Error{
      fmt::format("expected {} processes, one for each device that it was compiled for, found {}",
                  devices, self.size),
      ErrorKind::Input, /*isKnown=*/true});
}

Team::~Team() {
  if (channel)
    channel->onFailure({});
}

Result<void> Team::requireOwnGpu(const cuda::Device &gpu) {
  auto all = channel->gather(hostName() + " " + gpu.identity());
  if (!all)
    return forward(all);
  std::string twice;
  for (size_t rank = 1; rank < all->size() && twice.empty(); ++rank) {
    const auto first = std::ranges::find(*all, (*all)[rank]) - all->begin();
    if (first < static_cast<ptrdiff_t>(rank))
      twice = fmt::format("expected a GPU for each process, found one, {}, for rank {} and rank {}",
                          gpu.name(), first, rank);
  }
  auto verdict = channel->broadcast(twice);
  if (!verdict)
    return forward(verdict);
  if (verdict->empty())
    return {};
  return tl::unexpected(Error{*verdict, ErrorKind::Machine, /*isKnown=*/true});
}

Result<Devices> Team::devices(const program::Program &program, const cuda::Device *gpu) {
  Devices all;
  all.control = channel;
  std::shared_ptr<const cuda::Nccl> nccl;
  if (gpu) {
    if (auto own = requireOwnGpu(*gpu); !own)
      return forward(own);
    auto opened = cuda::Nccl::open();
    if (!opened)
      return forward(opened);
    nccl = std::move(*opened);
  }
  for (uint32_t axis = 0; axis < program.axes()->size(); ++axis) {
    const std::vector<int> ranks = devicesAlong(program, axis, self.rank);
    auto along = gpu ? cuda::NcclCommunicator::create(nccl, *gpu, *channel, ranks)
                     : mpi->split(ranks.front(), self.rank);
    if (!along)
      return forward(along);
    all.along.push_back(std::move(*along));
  }
  return all;
}

void Team::finish() {
  if (mpi)
    (void)mpi->finish(); // what was to be done is done
}

Result<int> Team::leave(Result<int> result) {
  if (result)
    if (auto done = channel->barrier(); !done)
      result = forward(done);
  if (result)
    return result;
  // Before the others learn it, and end: mpirun ends all with the first.
  Error &error = result.error();
  say(error.message, /*isSpeaker=*/self.rank == 0);
  if (!error.isKnown)
    channel->giveUp(error);
  error.isKnown = true;
  return result;
}

Result<std::optional<int>> startProcesses(const SessionOptions &options) {
  Result<ProgramFile> file = ProgramFile::open(options.program);
  if (!file)
    return forward(file);
  const auto devices = static_cast<int>(deviceCount(file->program()));
  if (devices == 1)
    return std::nullopt;
  Result<Process> self = thisProcess();
  if (!self)
    return forward(self);
  if (self->launcher != Launcher::None)
    return std::nullopt;
  std::vector<std::string> command = ownCommand();
  if (!options.givenThreads) {
    command.push_back("--threads");
    command.push_back(std::to_string(std::max(availableCores() / devices, 1)));
  }
  LaunchOptions launching{.processes = devices, .logs = options.logs, .note = warn};
  auto ended = file->program().target()->string_view() == hostTarget
                   ? launchByMpi(command, launching)
                   : launch(command, launching);
  return ended ? Result<std::optional<int>>(*ended) : forward(ended);
}

} // namespace stc::run
