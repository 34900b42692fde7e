//===- Ranks.h - a few processes of one run ---------------------------------------------------===//
#pragma once

#include "runtime/Processes/Control.h"

#include <functional>
#include <map>
#include <string>
#include <sys/types.h>

namespace stc::runtime::test {

/// Processes by fork, which meet at a port of the loopback interface. Those that have not been
/// waited for are killed at the end.
class Ranks {
public:
  explicit Ranks(int size, const std::string &address = "127.0.0.1");
  ~Ranks();

  /// What a process does. It ends with the exit code of the error, whose message it prints.
  using Body = std::function<Result<void>(const Process &self)>;
  void start(int rank, const Body &body);
  void startAll(const Body &body);

  pid_t process(int rank) const { return processes.at(rank).pid; }
  /// As in messages: "rank 1 (host x, process 1234)".
  std::string name(int rank) const;
  /// Until a process has printed a text, which then is no part of what it says.
  void waitFor(int rank, const std::string &text);

  struct Ended {
    int code; ///< or the signal, negative
    std::string said;
    bool operator==(const Ended &) const = default;
  };
  Ended wait(int rank);

  /// Of those that start later.
  Process description;

private:
  struct Started {
    pid_t pid;
    int output;
    std::string said;
  };
  Socket listener;
  std::map<int, Started> processes;
};

std::ostream &operator<<(std::ostream &out, const Ranks::Ended &ended);

/// Prints to whoever waits for it.
void print(const std::string &text);

} // namespace stc::runtime::test
