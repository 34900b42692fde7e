//===- Ranks.cpp - a few processes of one run -------------------------------------------------===//
#include "tests/unit/Processes/Ranks.h"

#include <csignal>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace stc::runtime::test {

static int output = -1;

void print(const std::string &text) { (void)!write(output, text.data(), text.size()); }

Ranks::Ranks(int size, const std::string &address) {
  auto listens = listenAt(address, 0);
  EXPECT_TRUE(listens) << listens.error().message;
  if (!listens)
    return;
  listener = std::move(*listens);
  description.size = size;
  description.masterAddress = address;
  description.masterPort = *portOf(listener);
  description.token = "of this test";
}

Ranks::~Ranks() {
  for (auto &[rank, started] : processes) {
    kill(started.pid, SIGKILL);
    waitpid(started.pid, nullptr, 0);
    close(started.output);
  }
}

void Ranks::start(int rank, const Body &body) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  pid_t pid = fork();
  if (pid == 0) {
    close(ends[0]);
    output = ends[1];
    Process self = description;
    self.rank = self.localRank = rank;
    if (rank == 0)
      self.listener = listener.descriptor();
    else
      listener.close();
    Result<void> done = body(self);
    if (!done)
      print(done.error().message);
    _exit(done ? 0 : exitCode(done.error().kind));
  }
  close(ends[1]);
  processes[rank] = {pid, ends[0], ""};
}

void Ranks::startAll(const Body &body) {
  for (int rank = 0; rank < description.size; ++rank)
    start(rank, body);
  listener.close();
}

std::string Ranks::name(int rank) const {
  return fmt::format("rank {} (host {}, process {})", rank, hostName(), process(rank));
}

void Ranks::waitFor(int rank, const std::string &text) {
  Started &started = processes.at(rank);
  size_t at;
  while ((at = started.said.find(text)) == std::string::npos) {
    char buffer[4096];
    ssize_t got = read(started.output, buffer, sizeof(buffer));
    ASSERT_GT(got, 0) << "expected '" << text << "', found '" << started.said << "'";
    started.said.append(buffer, got);
  }
  started.said.erase(0, at + text.size());
}

Ranks::Ended Ranks::wait(int rank) {
  Started started = processes.at(rank);
  processes.erase(rank);
  char buffer[4096];
  for (ssize_t got; (got = read(started.output, buffer, sizeof(buffer))) > 0;)
    started.said.append(buffer, got);
  close(started.output);
  int status = 0;
  waitpid(started.pid, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), started.said};
}

std::ostream &operator<<(std::ostream &out, const Ranks::Ended &ended) {
  return out << ended.code << " '" << ended.said << "'";
}

} // namespace stc::runtime::test
