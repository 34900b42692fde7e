//===- Rendezvous.h - the processes of a run find each other ----------------------------------===//
#pragma once

#include "runtime/Processes/Connection.h"
#include "runtime/Processes/Environment.h"

#include <chrono>
#include <string>
#include <vector>

namespace stc::runtime {

struct ControlLimits {
  /// Without a sign of life of another process.
  std::chrono::milliseconds silence = std::chrono::seconds(30);
  /// The least that is waited for a process to get further, however short its steps are: the others
  /// are to know within half a minute.
  std::chrono::milliseconds progress = std::chrono::seconds(24);
  /// Where nobody can say how long it takes: the first step, files.
  std::chrono::milliseconds unknown = std::chrono::minutes(30);
  /// Until all are there.
  std::chrono::milliseconds arrival = std::chrono::minutes(5);
  /// Of a message, in bytes.
  size_t message = 1 << 20;
};

/// What a process is called in messages: "rank 3 (host x, process 1234)".
std::string nameOf(const Process &self);

/// Another process.
struct Peer {
  int rank;
  std::string name;
  Connection connection;
  std::vector<Message> messages; ///< that have come already
};

/// Rank 0 listens, the others connect to it and say who they are. What is no process of this run is
/// refused, with no other effect. Returns rank 0 in all processes but in rank 0, which has the
/// others in their order.
///
/// Errors, on all that are there: (Input) other sizes than rank 0 has, two processes of one rank;
/// (Peer) one that does not come in time, or ends while it waits. Alone: (Io) rank 0 cannot listen;
/// (Peer) it cannot be reached.
Result<std::vector<Peer>> meet(const Process &self, const ControlLimits &limits, Socket listener);

} // namespace stc::runtime
