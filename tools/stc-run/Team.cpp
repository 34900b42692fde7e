//===- Team.cpp - the processes that run a program for several devices ---------------===//
#include "tools/stc-run/Team.h"
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

[[noreturn]] void endWithTheOthers(const Error &error) {
  say(stderr, "stc-run: error: {}\n", forTerminal(error.message));
  std::_Exit(exitCode(ErrorKind::Peer));
}

} // namespace

Result<std::unique_ptr<Team>> Team::join(const program::Program &program,
                                         const SessionOptions &options) {
  Result<Process> self = thisProcess();
  if (!self)
    return forward(self);
  const int64_t devices = deviceCount(program);
  if (self->size != devices)
    return fail(fmt::format("{}: expected {} processes, one for each device that it was compiled "
                            "for, found {}",
                            options.program, devices, self->size));
  std::unique_ptr<Team> team(new Team);
  auto opened = mpi::Mpi::open();
  if (!opened)
    return forward(opened);
  team->mpi = std::move(*opened);
  Result<Socket> listener = mpi::findMaster(*team->mpi, *self);
  if (!listener)
    return forward(listener);
  auto channel = Control::open(*self, {}, std::move(*listener));
  if (!channel)
    return forward(channel);
  team->channel = std::move(*channel);
  team->channel->onFailure(endWithTheOthers);
  if (auto diverted = divertOutput(self->rank, options.logs); !diverted)
    return forward(diverted);
  return team;
}

Team::~Team() {
  if (channel)
    channel->onFailure({});
}

Result<Devices> Team::devices(const program::Program &program) {
  Devices all;
  all.control = channel;
  const std::vector<int> places = placesOf(program, channel->rank());
  for (size_t axis = 0; axis < places.size(); ++axis) {
    int color = 0; // a number of the places on the other axes
    for (size_t other = 0; other < places.size(); ++other)
      if (other != axis)
        color = color * static_cast<int>(program.axes()->Get(other)->count()) + places[other];
    auto along = mpi->split(color, places[axis]);
    if (!along)
      return forward(along);
    all.along.push_back(std::move(*along));
  }
  return all;
}

void Team::leave(const Result<int> &result) {
  if (!result)
    return channel->giveUp(result.error());
  (void)mpi->finish(); // what was to be done is done
}

Result<std::optional<int>> startProcesses(const SessionOptions &options) {
  Result<Process> self = thisProcess();
  if (!self)
    return forward(self);
  if (self->launcher != Launcher::None)
    return std::nullopt;
  Result<ProgramFile> file = ProgramFile::open(options.program);
  if (!file)
    return forward(file);
  const auto devices = static_cast<int>(deviceCount(file->program()));
  // Of several GPUs, which cannot be had yet, the executor says so.
  if (devices == 1 || file->program().target()->string_view() != hostTarget)
    return std::nullopt;
  std::vector<std::string> command = ownCommand();
  if (!options.givenThreads) {
    command.push_back("--threads");
    command.push_back(std::to_string(std::max(availableCores() / devices, 1)));
  }
  LaunchOptions launching{.processes = devices, .logs = options.logs, .note = warn};
  auto ended = launchByMpi(command, launching);
  return ended ? Result<std::optional<int>>(*ended) : forward(ended);
}

} // namespace stc::run
