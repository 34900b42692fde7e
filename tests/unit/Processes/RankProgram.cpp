//===- RankProgram.cpp - a program that several processes run --------------------------------===//
//
//   RankProgram launch N MODE R [FOLDER]   starts N of itself
//   RankProgram mpirun N MODE R            the same by mpirun, with data through MPI
//   RankProgram rank MODE R [FOLDER]       what each of them does; R is the one that is to blame
//
//===----------------------------------------------------------------------===//
#include "runtime/Device/Mpi/Master.h"
#include "runtime/Processes/Control.h"
#include "runtime/Processes/Launch.h"
#include "runtime/Support/Interrupt.h"
#include "runtime/Support/Output.h"

#include <csignal>
#include <cstdlib>
#include <sys/resource.h>
#include <unistd.h>

using namespace stc::runtime;

namespace {

int report(const Error &error) {
  say(stderr, "error: {}\n", error.message);
  return exitCode(error.kind);
}

struct Run {
  std::string mode;
  int blamed;
  std::unique_ptr<mpi::Mpi> mpi;
  std::unique_ptr<Communicator> group;
  std::unique_ptr<Control> control;

  Result<void> open();
  Result<int> work();
  Result<void> exchange();
};

Result<void> Run::open() {
  Result<Process> self = thisProcess();
  if (!self)
    return forward(self);
  Socket listener;
  if (self->launcher == Launcher::OpenMpi) {
    auto opened = mpi::Mpi::open();
    if (!opened)
      return forward(opened);
    mpi = std::move(*opened);
    auto found = mpi::findMaster(*mpi, *self);
    if (!found)
      return forward(found);
    listener = std::move(*found);
    auto made = mpi->split(0, mpi->rank());
    if (!made)
      return forward(made);
    group = std::move(*made);
    (void)divertOutput(self->rank, "");
  }
  auto opened = Control::open(*self, {}, std::move(listener));
  if (!opened)
    return forward(opened);
  control = std::move(*opened);
  if (mpi)
    control->onFailure([](const Error &error) {
      report(error);
      _exit(exitCode(error.kind));
    });
  return {};
}

// Through MPI, or else the channel.
Result<void> Run::exchange() {
  if (!group)
    return control->barrier();
  float sum = 1;
  auto *bytes = reinterpret_cast<std::byte *>(&sum);
  return group->allReduce(bytes, bytes, 1, stc::program::DType::F32, Reduction::Sum);
}

Result<int> Run::work() {
  int code = 0;
  bool isBlamed = control->rank() == blamed;
  say("out {} of {}\n", control->rank(), control->size());
  say(stderr, "err {}\nand more of {}", control->rank(), control->rank());
  std::fflush(stdout);
  if (auto together = control->barrier(); !together)
    return forward(together);
  if (mode == "fails" && isBlamed) {
    Error error = {"data: expected some, found none"};
    control->giveUp(error);
    return tl::unexpected(error);
  }
  if (mode == "killed" && isBlamed) {
    rlimit none = {};
    setrlimit(RLIMIT_CORE, &none);
    raise(SIGKILL);
  }
  if (mode == "deaf" && isBlamed)
    _exit(4);
  while (mode == "deaf") // neither the channel nor a signal ends it
    pause();
  if (mode == "saves") { // as training: all at the same step
    say("runs\n");
    std::fflush(stdout);
    for (int signal = 0; signal == 0; code = 128 + signal) {
      auto asked = control->gather(std::to_string(pendingInterrupt()));
      if (!asked)
        return forward(asked);
      for (const std::string &one : *asked)
        signal = std::max(signal, std::stoi(one));
      auto agreed = control->broadcast(std::to_string(signal));
      if (!agreed)
        return forward(agreed);
      signal = std::stoi(*agreed);
    }
    say("saved\n");
  }
  while (mode == "killed" || mode == "fails")
    if (auto done = exchange(); !done)
      return forward(done);
  if (auto done = exchange(); !done)
    return forward(done);
  group.reset();
  if (mpi)
    if (auto finished = mpi->finish(); !finished)
      return forward(finished);
  return code;
}

} // namespace

int main(int argc, char **argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  std::string what = words[0];
  if (what != "rank") {
    std::vector<std::string> command = {ownProgram(), "rank", words[2], words[3]};
    LaunchOptions options;
    options.processes = std::atoi(words[1].c_str());
    options.logs = words.size() > 4 ? words[4] : "";
    if (words[2] == "deaf")
      options.grace = std::chrono::milliseconds(300);
    options.note = [](const std::string &line) { say(stderr, "note: {}\n", line); };
    Result<int> code = what == "mpirun" ? launchByMpi(command, options) : launch(command, options);
    return code ? *code : report(code.error());
  }
  catchInterrupts();
  Run run{words[1], std::atoi(words[2].c_str()), nullptr, nullptr, nullptr};
  if (auto opened = run.open(); !opened)
    return report(opened.error());
  Result<int> code = run.work();
  return code ? *code : report(code.error());
}
